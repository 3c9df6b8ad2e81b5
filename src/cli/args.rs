//! What the command line is made of: every flag and command, with the text that help says of it. Nothing here acts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::ServiceName;
use crate::domain::ages;
use crate::headless::check::Format;
use crate::headless::look;
use crate::headless::rbac::Role;
use crate::headless::{compare, health, timeline};

const EXAMPLES: &str = "\
Examples:
  watchkeeper                           the current kubeconfig context
  watchkeeper --context lab -c alerts   another context, starting on its alerts
  watchkeeper --demo                    a living demo platform, nothing to install
  watchkeeper -n shop --plain -c pods   the pods of one namespace as lines
  watchkeeper config                    what is configured, and from where

Configuration: --config FILE, else $WATCHKEEPER_CONFIG, else
watchkeeper/config.toml in the user's configuration folder. An environment
variable can set any key: WATCHKEEPER_THEME sets theme,
WATCHKEEPER_SERVICES_PROMETHEUS_URL sets services.prometheus.url. Flags win
over the environment, the environment over the file.";

/// The on-call console for Kubernetes platforms: what is broken, why, and the key that fixes it.
#[derive(Debug, Parser)]
#[command(name = "watchkeeper", version, after_help = EXAMPLES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) flags: Flags,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Flags {
    /// The kubeconfig context to open; `check` takes several
    #[arg(long, value_name = "NAME", global = true, help_heading = "Cluster")]
    pub(super) context: Vec<String>,
    /// Start in this namespace
    #[arg(short, long, value_name = "NAME", global = true, help_heading = "Cluster")]
    pub(super) namespace: Option<String>,
    /// Start in all namespaces, whatever is configured
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace", help_heading = "Cluster")]
    pub(super) all_namespaces: bool,
    /// The kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cluster")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The user to impersonate
    #[arg(long = "as", value_name = "USER", global = true, help_heading = "Cluster")]
    pub(super) impersonate: Option<String>,
    /// A group to impersonate; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", global = true, help_heading = "Cluster")]
    pub(super) impersonate_groups: Vec<String>,
    /// Never offer an action that changes something
    #[arg(long, global = true, help_heading = "Cluster")]
    pub(super) readonly: bool,
    /// Use this Service as prometheus, alertmanager or openbao: prometheus=monitoring/prometheus; may be repeated
    #[arg(long, value_name = "WHAT=NAMESPACE/NAME", global = true, value_parser = trusted, help_heading = "Cluster")]
    pub(super) trust: Vec<(ServiceName, String, String)>,
    /// Run over a living demo platform inside this process instead of a cluster
    #[arg(long, global = true, conflicts_with_all = ["context", "kubeconfig", "impersonate", "impersonate_groups"], help_heading = "Cluster")]
    pub(super) demo: bool,

    /// Start on this screen: pods, nodes, hr, ks, alerts, ... - any word that may follow a colon
    #[arg(short = 'c', long = "command", value_name = "VIEW", help_heading = "Screen")]
    pub(super) view: Option<String>,
    /// Print the chosen screen once as lines, every row, and exit
    #[arg(long, help_heading = "Screen")]
    pub(super) plain: bool,
    /// With --plain: go on and print what changes
    #[arg(long, requires = "plain", help_heading = "Screen")]
    pub(super) follow: bool,
    /// The colours: a built-in name or a theme file
    #[arg(long, value_name = "NAME", global = true, help_heading = "Screen")]
    pub(super) theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long, global = true, help_heading = "Screen")]
    pub(super) ascii: bool,
    /// Show times in UTC
    #[arg(long, global = true, help_heading = "Screen")]
    pub(super) utc: bool,

    /// The configuration file; it must exist
    #[arg(long, value_name = "FILE", global = true, help_heading = "Files")]
    pub(super) config: Option<PathBuf>,
    /// Write a diagnostic log to this file
    #[arg(long, value_name = "FILE", global = true, help_heading = "Files")]
    pub(super) log_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the demo platform for any client until ended
    #[command(
        after_help = "The first line on stdout is KUBECONFIG= and the path of a kubeconfig for it. Example, in two \
                            terminals:\n  watchkeeper demo --story quiet --pods 1000\n  KUBECONFIG=... kubectl get pods -A"
    )]
    Demo(DemoArgs),
    /// Do something to an object, as the console would: previewed, guarded, recorded and verified
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Show what was done from this machine, what was left in the middle, or check that its record is untouched
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print what happened, as a console wrote it down on this machine; asks no cluster
    Timeline(TimelineArgs),
    /// Print a note for the next on-call as markdown: what is open, done, silenced, suspended, blind and healed
    Handover,
    /// Check once; exit code as a monitoring plugin
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Show the whole platform's health once, question by question
    #[command(after_help = HEALTH_HELP)]
    Health(HealthArgs),
    /// Save a snapshot to compare later
    #[command(after_help = SNAPSHOT_HELP)]
    Snapshot(SnapshotArgs),
    /// Say what broke, healed and changed between two snapshots
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Print the minimal RBAC role
    Rbac { role: Role },
    /// Check, list or print platform profiles
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Print the effective configuration with the origin of each value, secrets masked
    Config,
    /// Print the man page, shell completions or an example configuration
    #[command(subcommand)]
    Generate(Generate),
}

/// `prometheus=monitoring/prometheus`.
fn trusted(text: &str) -> Result<(ServiceName, String, String), String> {
    let (word, place) = text.split_once('=').ok_or("write SERVICE=NAMESPACE/NAME")?;
    let (namespace, name) = place.split_once('/').ok_or("write SERVICE=NAMESPACE/NAME")?;
    let service = ServiceName::ALL.into_iter().find(|service| service.key() == word);
    let service = service
        .ok_or_else(|| format!("no service is called {word}: {}", ServiceName::ALL.map(ServiceName::key).join(", ")))?;
    if [namespace, name].iter().any(|part| part.is_empty() || part.contains(['/', '%'])) {
        return Err(format!("\"{place}\" is no NAMESPACE/NAME"));
    }
    Ok((service, namespace.to_owned(), name.to_owned()))
}

/// How the demo platform is served.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// The address to listen on; loopback only is wise, there is no login
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Add so many synthetic pods
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value_t = 0)]
    pub pods: usize,
    /// The story to tell; "quiet" is a healthy platform where nothing changes by itself
    #[arg(long, value_name = "NAME")]
    pub story: Option<String>,
    /// The same seed tells the same story
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Change so many synthetic pods per second
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value_t = 0)]
    pub churn: u32,
    /// Inject the faults of this file
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

const CHECK_HELP: &str = "\
Examples:
  watchkeeper check --context sre-prod
  watchkeeper check --context prod --context lab --timeout 20s
  watchkeeper check --output prometheus --output-file /var/lib/node_exporter/watchkeeper.prom

Exit codes: 0 nothing, or only P4; 1 P2 or P3; 2 P1; 3 unknown: no answer, a
source that cannot be read, a command line that cannot be used. Critical
outranks unknown, unknown outranks warning.";

/// How to check.
#[derive(Debug, Clone, Args)]
pub(super) struct CheckArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Format,
    /// Write it to this file, whole or not at all; stdout gets the status line
    #[arg(long, value_name = "FILE")]
    pub(super) output_file: Option<PathBuf>,
    /// Timeout for the initial lists
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = look::duration)]
    pub(super) timeout: Duration,
    /// A feed that may be blind without the check being unknown: alerts, seals, ...; may be repeated
    #[arg(long, value_name = "FEED")]
    pub(super) optional: Vec<String>,
}

const HEALTH_HELP: &str = "\
Exit codes: 0 all healthy; 1 a warning; 2 something failed; 3 unknown: no
answer, a source that cannot be read, a command line that cannot be used.";

/// How to look.
#[derive(Debug, Clone, Args)]
pub(super) struct HealthArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: health::Format,
    /// Timeout for the initial lists
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = look::duration)]
    pub(super) timeout: Duration,
}

const SNAPSHOT_HELP: &str = "\
Exit codes: 0 written; 3 not, or not whole: no answer, a command line that
cannot be used. What cannot be read is written down as such.";

/// What to write.
#[derive(Debug, Clone, Args)]
pub(super) struct SnapshotArgs {
    /// Write to this file, whole or not at all, in place of stdout
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Timeout for the initial lists
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = look::duration)]
    pub(super) timeout: Duration,
}

const COMPARE_HELP: &str = "\
Example, around a maintenance:
  watchkeeper snapshot --output before.json
  watchkeeper snapshot --output after.json
  watchkeeper compare before.json after.json

Exit codes: 0 nothing broke; 1 something broke, or can no longer be seen;
3 a file that cannot be used, a command line that cannot be used.";

/// What to compare.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The earlier snapshot
    pub a: PathBuf,
    /// The later one
    pub b: PathBuf,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: compare::Format,
}

const RUN_HELP: &str = "\
Examples:
  watchkeeper run suspend helmrelease/flux-system/monitoring --confirm monitoring
  watchkeeper run reconcile ks/flux-system/apps --yes
  watchkeeper run silence alert/monitoring/TargetDown --reason 'new rack' --yes
  watchkeeper run drain node/worker-3 --dry-run

Exit codes: 0 done and verified; 1 failed; 2 a command line that cannot be
used; 3 no connection; 4 refused, nothing was sent; 5 unknown; 6 interrupted.";

/// What to do, to what.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    /// suspend, resume, reconcile, restart, silence, ...; x in the console lists them
    pub(super) action: String,
    /// KIND/NAMESPACE/NAME, or KIND/NAME where there is no namespace; up to ten
    #[arg(required = true)]
    pub(super) targets: Vec<String>,
    /// A setting of the action; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Why; recorded
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) reason: String,
    /// Show the plan and what the server would say, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Approve a plan that asks for no typed word
    #[arg(long)]
    pub(super) yes: bool,
    /// The word that would have to be typed: the object's name, or the context's
    #[arg(long, value_name = "WORD")]
    pub(super) confirm: Option<String>,
    /// Allow writing in a read-only context, once; why
    #[arg(long, value_name = "REASON")]
    pub(super) unlock: Option<String>,
    /// Continue an interrupted run: what it has done is not done again
    #[arg(long = "continue", value_name = "RUN")]
    pub(super) continues: Option<String>,
}

/// How much of a timeline, and how.
#[derive(Debug, Clone, Copy, Args)]
pub struct TimelineArgs {
    /// Only what is younger: 30m, 6h
    #[arg(long, value_name = "TIME", value_parser = younger)]
    pub(super) since: Option<i64>,
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = timeline::Format::Text)]
    pub(super) output: timeline::Format,
}

fn younger(text: &str) -> Result<i64, String> {
    let seconds = ages::duration(text);
    seconds.filter(|seconds| *seconds > 0).ok_or_else(|| "write a time like 30m or 6h".to_owned())
}

/// What to do with the audit.
#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Print every line, the oldest first
    Show,
    /// Check that no line was changed, moved or taken out
    Verify,
    /// List the unfinished plans, each with what it left behind and the command that continues it
    Unfinished,
    /// Record that an unfinished plan is not continued
    Dismiss {
        /// The plan's run, as `audit unfinished` names it
        run: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub enum ProfileCommand {
    /// Check a profile file: every problem with its line; exit code 0 or 1
    Check { file: PathBuf },
    /// Print the known profiles: built in, and your own
    List,
    /// Print a profile's file, to begin your own with
    Show { name: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum Generate {
    /// The man page, in roff
    Man,
    /// The example configuration file
    Config,
    /// Completions for a shell
    Completions { shell: Shell },
}

/// The clap definition, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }
}
