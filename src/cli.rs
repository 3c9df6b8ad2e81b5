//! The command line: flags become settings and a mode, modes are dispatched. The only place that knows of `--demo`.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::env::Env;
use crate::config::load::{Override, Request, default_file};
use color_eyre::eyre::{Result, WrapErr};

use crate::config::{ServiceName, Settings, Value, profiles};
use crate::data::Data;
use crate::demo::{Demo, DemoError};
use crate::effects::private;
use crate::headless;
use crate::headless::check::{self, Format};
use crate::headless::compare;
use crate::headless::health;
use crate::headless::look::{self, Look};
use crate::headless::place::Unread;
use crate::headless::plain::{Ended, Plain};
use crate::headless::rbac::{self, Role};
use crate::headless::run::{Order, Run};
use crate::headless::timeline::{self, Query};
use crate::session::run::End;
use crate::session::signals::Signals;
use crate::session::start::Unusable;
use crate::session::terminal::TerminalError;
use crate::session::{clock, panic, start, watchdog};
use crate::sources::memory;

/// The exit code of a command line or configuration that cannot be used.
pub const EXIT_USAGE: u8 = 2;

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
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Flags {
    /// The kubeconfig context to open; `check` takes several
    #[arg(long, value_name = "NAME", global = true, help_heading = "Cluster")]
    context: Vec<String>,
    /// Start in this namespace
    #[arg(short, long, value_name = "NAME", global = true, help_heading = "Cluster")]
    namespace: Option<String>,
    /// Start in all namespaces, whatever is configured
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace", help_heading = "Cluster")]
    all_namespaces: bool,
    /// The kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", global = true, help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// The user to impersonate
    #[arg(long = "as", value_name = "USER", global = true, help_heading = "Cluster")]
    impersonate: Option<String>,
    /// A group to impersonate; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", global = true, help_heading = "Cluster")]
    impersonate_groups: Vec<String>,
    /// Never offer an action that changes something
    #[arg(long, global = true, help_heading = "Cluster")]
    readonly: bool,
    /// Use this Service as prometheus, alertmanager or openbao: prometheus=monitoring/prometheus; may be repeated
    #[arg(long, value_name = "WHAT=NAMESPACE/NAME", global = true, value_parser = trusted, help_heading = "Cluster")]
    trust: Vec<(ServiceName, String, String)>,
    /// Run over a living demo platform inside this process instead of a cluster
    #[arg(long, global = true, conflicts_with_all = ["context", "kubeconfig", "impersonate", "impersonate_groups"], help_heading = "Cluster")]
    demo: bool,

    /// Start on this screen: pods, nodes, hr, ks, alerts, ... - any word that may follow a colon
    #[arg(short = 'c', long = "command", value_name = "VIEW", help_heading = "Screen")]
    view: Option<String>,
    /// Print the chosen screen once as lines, every row, and exit
    #[arg(long, help_heading = "Screen")]
    plain: bool,
    /// With --plain: go on and print what changes
    #[arg(long, requires = "plain", help_heading = "Screen")]
    follow: bool,
    /// The colours: a built-in name or a theme file
    #[arg(long, value_name = "NAME", global = true, help_heading = "Screen")]
    theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long, global = true, help_heading = "Screen")]
    ascii: bool,
    /// Show times in UTC
    #[arg(long, global = true, help_heading = "Screen")]
    utc: bool,

    /// The configuration file; it must exist
    #[arg(long, value_name = "FILE", global = true, help_heading = "Files")]
    config: Option<PathBuf>,
    /// Write a diagnostic log to this file
    #[arg(long, value_name = "FILE", global = true, help_heading = "Files")]
    log_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
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
    /// Say once how it stands, by the convention of monitoring plugins
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Say once how the whole platform is, question by question
    #[command(after_help = HEALTH_HELP)]
    Health(HealthArgs),
    /// Write down what is seen, to be compared later
    #[command(after_help = SNAPSHOT_HELP)]
    Snapshot(SnapshotArgs),
    /// Say what broke, healed and changed between two snapshots
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Print the least rights as a manifest
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
    /// Misbehave as this file says
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
struct CheckArgs {
    /// In which form
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// Write it to this file, whole or not at all; stdout gets the status line
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// How long the first lists may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = look::duration)]
    timeout: Duration,
    /// A feed that may be blind without the check being unknown: alerts, seals, ...; may be repeated
    #[arg(long, value_name = "FEED")]
    optional: Vec<String>,
}

const HEALTH_HELP: &str = "\
Exit codes: 0 all is well; 1 a warning; 2 something failed; 3 unknown: no
answer, a source that cannot be read, a command line that cannot be used.";

/// How to look.
#[derive(Debug, Clone, Args)]
struct HealthArgs {
    /// In which form
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: health::Format,
    /// How long the first lists may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = look::duration)]
    timeout: Duration,
}

const SNAPSHOT_HELP: &str = "\
Exit codes: 0 written; 3 not, or not whole: no answer, a command line that
cannot be used. What cannot be read is written down as such.";

/// What to write.
#[derive(Debug, Clone, Args)]
struct SnapshotArgs {
    /// Write to this file, whole or not at all, in place of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long the first lists may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = look::duration)]
    timeout: Duration,
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
    /// In which form
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
struct RunArgs {
    /// suspend, resume, reconcile, restart, silence, ...; x in the console lists them
    action: String,
    /// KIND/NAMESPACE/NAME, or KIND/NAME where there is no namespace; up to ten
    #[arg(required = true)]
    targets: Vec<String>,
    /// A setting of the action; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Why; recorded
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Show the plan and what the server would say, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Approve a plan that asks for no typed word
    #[arg(long)]
    yes: bool,
    /// The word that would have to be typed: the object's name, or the context's
    #[arg(long, value_name = "WORD")]
    confirm: Option<String>,
    /// Allow writing in a read-only context, once; why
    #[arg(long, value_name = "REASON")]
    unlock: Option<String>,
    /// Go on with an interrupted run: what it has done is not done again
    #[arg(long = "continue", value_name = "RUN")]
    continues: Option<String>,
}

/// How much of a timeline, and how.
#[derive(Debug, Clone, Copy, Args)]
pub struct TimelineArgs {
    /// Only what is younger: 30m, 6h
    #[arg(long, value_name = "TIME", value_parser = younger)]
    since: Option<i64>,
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = timeline::Format::Text)]
    output: timeline::Format,
}

fn younger(text: &str) -> Result<i64, String> {
    let seconds = crate::domain::ages::duration(text);
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
enum Generate {
    /// The man page, in roff
    Man,
    /// The example configuration file
    Config,
    /// Completions for a shell
    Completions { shell: Shell },
}

/// What to do.
#[derive(Debug)]
pub enum Mode {
    /// The console.
    Console(Start),
    /// The chosen screen as lines; once, or going on.
    Plain { start: Start, follow: bool, bare: bool },
    /// Serve the demo platform.
    Demo(DemoArgs),
    /// Run one action.
    Run { settings: Box<Settings>, order: Order },
    /// Say once how it stands, in these contexts; without any, in the current one.
    Check { start: Start, contexts: Vec<String>, order: check::Order },
    /// The platform's health, once.
    Health { start: Start, format: health::Format, timeout: Duration },
    /// What is seen, once.
    Snapshot { start: Start, file: Option<PathBuf>, timeout: Duration },
    /// Two snapshots.
    Compare(CompareArgs),
    /// Print the audit, or check it.
    Audit { settings: Box<Settings>, what: AuditCommand },
    /// Check, list or print profiles.
    Profile { settings: Box<Settings>, command: ProfileCommand },
    /// Print what happened.
    Timeline { settings: Box<Settings>, args: TimelineArgs },
    /// Print a role.
    Rbac(Role),
    /// Print the effective configuration.
    Config(Box<Settings>),
    /// Print the man page.
    Man,
    /// Print the example configuration file.
    Example,
    /// Print completions.
    Completions(Shell),
}

/// How a console starts.
#[derive(Debug)]
pub struct Start {
    pub settings: Box<Settings>,
    /// The first screen's word, as after `:`.
    pub view: String,
    /// Over the demo platform.
    pub demo: bool,
}

/// Why there is no mode: text for a person, and the exit code.
#[derive(Debug)]
pub struct Refusal {
    /// Help and version are no mistakes: they go to stdout.
    pub to_stdout: bool,
    pub text: String,
    pub code: u8,
}

/// The clap definition, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Turns arguments (with the program's name first) and environment into a mode.
///
/// # Errors
/// Wrong usage, help, version, or a configuration that cannot be used.
pub fn parse<I, T>(args: I, env: Env, default_file: Option<PathBuf>) -> Result<Mode, Refusal>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let args: Vec<std::ffi::OsString> = args.into_iter().map(Into::into).collect();
    let usage = usage_code(&args);
    let cli =
        command().try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|error| {
            Refusal {
                to_stdout: !error.use_stderr(),
                text: error.render().to_string(),
                code: if error.use_stderr() { usage } else { 0 },
            }
        })?;
    let flags = cli.flags;
    match &cli.command {
        Some(Command::Demo(args)) => return Ok(Mode::Demo(args.clone())),
        Some(Command::Generate(Generate::Config)) => return Ok(Mode::Example),
        Some(Command::Generate(Generate::Man)) => return Ok(Mode::Man),
        Some(Command::Generate(Generate::Completions { shell })) => return Ok(Mode::Completions(*shell)),
        Some(Command::Compare(args)) => return Ok(Mode::Compare(args.clone())),
        Some(Command::Rbac { role }) => return Ok(Mode::Rbac(*role)),
        Some(Command::Profile(command @ ProfileCommand::Check { .. })) => {
            return Ok(Mode::Profile { settings: Box::default(), command: command.clone() });
        }
        _ => {}
    }
    let refusal = |text: &str| Refusal { to_stdout: false, text: format!("watchkeeper: {text}\n"), code: usage };
    if flags.context.len() > 1 && !matches!(cli.command, Some(Command::Check(_))) {
        return Err(refusal("several contexts can be checked, not opened: one --context, please"));
    }
    if flags.demo && matches!(cli.command, Some(Command::Config | Command::Run(_) | Command::Audit(_))) {
        return Err(refusal(
            "--demo is no part of this: `watchkeeper demo` serves a platform, and prints the kubeconfig for it",
        ));
    }
    let request = Request { file: flags.config.clone(), default_file, env, flags: overrides(&flags) };
    let settings = Box::new(Settings::load(request).map_err(|error| Refusal {
        to_stdout: false,
        text: format!("watchkeeper: the configuration cannot be used\n{error}\n"),
        code: usage,
    })?);
    match cli.command {
        Some(Command::Config) => return Ok(Mode::Config(settings)),
        Some(Command::Profile(command)) => return Ok(Mode::Profile { settings, command }),
        Some(Command::Audit(what)) => {
            return Ok(Mode::Audit { settings, what });
        }
        Some(Command::Timeline(args)) => return Ok(Mode::Timeline { settings, args }),
        Some(Command::Handover) => {
            let start = Start { settings, view: "handover".to_owned(), demo: flags.demo };
            return Ok(Mode::Plain { start, follow: false, bare: true });
        }
        Some(Command::Run(args)) => {
            let refusal = |text| Refusal { to_stdout: false, text, code: usage };
            return Ok(Mode::Run { settings, order: order(args).map_err(refusal)? });
        }
        Some(Command::Health(args)) => {
            let start = Start { settings, view: String::new(), demo: flags.demo };
            return Ok(Mode::Health { start, format: args.output, timeout: args.timeout });
        }
        Some(Command::Snapshot(args)) => {
            let start = Start { settings, view: String::new(), demo: flags.demo };
            return Ok(Mode::Snapshot { start, file: args.output, timeout: args.timeout });
        }
        Some(Command::Check(args)) => {
            check::known(&args.optional).map_err(|why| refusal(&why))?;
            let CheckArgs { output: format, output_file: file, timeout, optional } = args;
            let order = check::Order { format, file, timeout, optional, narrow: !settings.namespaces.is_empty() };
            let start = Start { settings, view: String::new(), demo: flags.demo };
            return Ok(Mode::Check { start, contexts: flags.context, order });
        }
        _ => {}
    }
    let view = settings.default_view.clone();
    let start = Start { settings, view, demo: flags.demo };
    Ok(if flags.plain { Mode::Plain { start, follow: flags.follow, bare: false } } else { Mode::Console(start) })
}

/// Those that say how it stands have one code for all that keeps them from it: a monitoring system would take 2 for
/// something else.
fn usage_code(args: &[std::ffi::OsString]) -> u8 {
    let definition = command();
    let mut words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    let chosen = words.find(|word| definition.get_subcommands().any(|command| command.get_name() == *word));
    if chosen.is_some_and(|word| TELLERS.contains(&word)) { check::UNKNOWN } else { EXIT_USAGE }
}

const TELLERS: &[&str] = &["check", "health", "snapshot", "compare"];

fn order(args: RunArgs) -> Result<Order, String> {
    let mut set = std::collections::BTreeMap::new();
    for pair in &args.set {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("watchkeeper: --set {pair}: write KEY=VALUE\n"))?;
        set.insert(key.trim().to_owned(), value.to_owned());
    }
    Ok(Order {
        action: args.action,
        targets: args.targets,
        set,
        reason: args.reason,
        dry_run: args.dry_run,
        continues: args.continues,
        yes: args.yes,
        confirm: args.confirm,
        unlock: args.unlock,
    })
}

/// The keys that flags set.
fn overrides(flags: &Flags) -> Vec<Override> {
    let mut list = Vec::new();
    let mut set =
        |path, flag, value: Option<Value>| list.extend(value.map(|value| Override { path, value: Some(value), flag }));
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| Value::Text(path.to_string_lossy().into_owned()));
    let on = |flag: bool| flag.then_some(Value::Flag(true));
    set("context", "--context", text(&flags.context.last().cloned()));
    set("namespace", "--namespace", text(&flags.namespace));
    set("kubeconfig", "--kubeconfig", path(&flags.kubeconfig));
    set("as", "--as", text(&flags.impersonate));
    let groups = &flags.impersonate_groups;
    set("as-groups", "--as-group", (!groups.is_empty()).then(|| Value::List(groups.clone())));
    set("readonly", "--readonly", on(flags.readonly));
    set("default-view", "--command", text(&flags.view));
    set("theme", "--theme", text(&flags.theme));
    set("ascii", "--ascii", on(flags.ascii));
    set("utc", "--utc", on(flags.utc));
    set("log-file", "--log-file", path(&flags.log_file));
    for (service, namespace, name) in &flags.trust {
        let [place, named] = trust_keys(*service);
        for (path, value) in [(place, namespace), (named, name)] {
            list.push(Override { path, value: Some(Value::Text(value.clone())), flag: "--trust" });
        }
    }
    if flags.all_namespaces {
        list.push(Override { path: "namespace", value: None, flag: "--all-namespaces" });
    }
    list
}

/// The keys that name a Service.
fn trust_keys(service: ServiceName) -> [&'static str; 2] {
    match service {
        ServiceName::Prometheus => ["services.prometheus.namespace", "services.prometheus.service"],
        ServiceName::Alertmanager => ["services.alertmanager.namespace", "services.alertmanager.service"],
        ServiceName::OpenBao => ["services.openbao.namespace", "services.openbao.service"],
    }
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    memory::share_one_heap();
    // two providers in one tree would make rustls refuse to choose
    let _ = rustls::crypto::ring::default_provider().install_default();
    match parse(std::env::args_os(), Env::of_process(), default_file()) {
        Ok(mode) => run(mode),
        Err(refusal) => {
            let written = if refusal.to_stdout {
                std::io::stdout().write_all(refusal.text.as_bytes())
            } else {
                std::io::stderr().write_all(refusal.text.as_bytes())
            };
            // A reader that has gone away is no failure of ours.
            drop(written);
            ExitCode::from(refusal.code)
        }
    }
}

fn run(mode: Mode) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let err = &mut std::io::stderr();
    let printed = match mode {
        Mode::Config(settings) => headless::config::print(&settings, &mut out),
        Mode::Example => out.write_all(headless::config::example().as_bytes()),
        Mode::Man => headless::man::man(command(), &mut out),
        Mode::Completions(shell) => headless::man::completions(command(), shell, &mut out),
        Mode::Console(start) => {
            drop(out);
            return ended(console(start));
        }
        Mode::Plain { start, follow, bare } => return ended(plain(start, follow, bare, &mut out)),
        Mode::Run { settings, order } => return ended(act(*settings, order, &mut out)),
        Mode::Health { start, format, timeout } => return told(well(start, format, timeout, &mut out)),
        Mode::Snapshot { start, file, timeout } => return told(snapshot(start, file.as_deref(), timeout, &mut out)),
        Mode::Compare(args) => {
            let code = compare::run(&args.a, &args.b, args.output, &mut out, err);
            return told(code.map(ExitCode::from).map_err(Into::into));
        }
        Mode::Check { start, contexts, order } => return told(tell(start, contexts, &order, &mut out)),
        Mode::Audit { settings, what } => return ended(audit(&settings, what, &mut out)),
        Mode::Profile { settings, command } => return ended(profile(&settings, command, &mut out)),
        Mode::Timeline { settings, args } => return ended(what_happened(&settings, args, &mut out)),
        Mode::Rbac(role) => rbac::print(role, &mut out),
        Mode::Demo(args) => return ended(serve(args, &mut out)),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "watchkeeper: the output cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ended(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        let broken_pipe = error.chain().filter_map(|e| e.downcast_ref::<std::io::Error>());
        if broken_pipe.into_iter().any(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let usage = error.downcast_ref::<TerminalError>().is_some() || error.downcast_ref::<Unusable>().is_some();
        // The causes in one line each; a backtrace helps nobody who mistyped a name.
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let _ = writeln!(std::io::stderr(), "watchkeeper: {}", causes.join(": "));
        ExitCode::from(if usage { EXIT_USAGE } else { 1 })
    })
}

/// The same where everything that keeps us from telling is one code.
fn told(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        ended(Err(error));
        ExitCode::from(check::UNKNOWN)
    })
}

/// Where reports and the like are kept.
fn state_directory() -> PathBuf {
    let project = directories::ProjectDirs::from("", "", "watchkeeper");
    let state = project.as_ref().and_then(|dirs| dirs.state_dir().map(std::path::Path::to_path_buf));
    state.unwrap_or_else(std::env::temp_dir)
}

/// Diagnostics go to a file or nowhere: the terminal is drawn on. kube's own client logs whole bodies when it cannot
/// read one, so it is left out: Secrets must not reach a disk.
fn log_to(settings: &Settings) -> Result<Option<tracing_appender::non_blocking::WorkerGuard>> {
    let Some(path) = &settings.log_file else { return Ok(None) };
    let file = private::file(std::fs::File::options().create(true).append(true), path)
        .wrap_err_with(|| format!("log-file {} cannot be written", path.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let wanted = settings.env.get("WATCHKEEPER_LOG").unwrap_or("info");
    let filter = tracing_subscriber::EnvFilter::try_new(wanted)
        .map_err(|error| Unusable(format!("WATCHKEEPER_LOG `{wanted}`: {error}; write a level such as debug")))?;
    // whatever is wanted, these would write bodies or headers
    let kept = QUIET.iter().filter_map(|quiet| quiet.parse().ok());
    let filter = kept.fold(filter, tracing_subscriber::EnvFilter::add_directive);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    Ok(Some(guard))
}

/// Libraries whose own words may hold what must not reach a disk.
const QUIET: &[&str] = &["kube_client=off", "kube_runtime=off", "hyper=warn", "hyper_util=warn", "rustls=warn"];

/// Says something to a person at once.
fn say(text: &str) {
    // a reader that has gone away does not care
    let _ = writeln!(std::io::stderr(), "watchkeeper: {text}");
}

/// The demo platform inside this process, and the settings that point at it. From here on nothing knows.
fn with_demo(start: &mut Start) -> Result<Option<Demo>> {
    if !start.demo {
        return Ok(None);
    }
    let demo = Demo::start(crate::demo::Options::default()).wrap_err("the demo cannot start")?;
    start.settings.kubeconfig = Some(demo.kubeconfig().to_path_buf());
    start.settings.context = None;
    Ok(Some(demo))
}

fn console(mut start: Start) -> Result<ExitCode> {
    let _log = log_to(&start.settings)?;
    let (tell, panics) = tokio::sync::mpsc::unbounded_channel();
    panic::install(state_directory(), move || {
        // nobody listens when the console is over: then it ends in any case
        let _ = tell.send(());
    })?;
    let demo = with_demo(&mut start)?;
    let folder = start.settings.audit_folder();
    let ended = start::console(*start.settings, &start.view, panics)?;
    drop(demo);
    // the terminal may be gone: then nobody reads it
    let _ = headless::audit::left(folder.as_deref(), &ended.context, &ended.left, &mut std::io::stderr());
    Ok(ExitCode::from(ended.end.code()))
}

fn plain(mut start: Start, follow: bool, bare: bool, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = log_to(&start.settings)?;
    start::check_view(&start.settings, &start.view)?;
    let _demo = with_demo(&mut start)?;
    let app = start::app(&start.settings)?;
    let data = Data::start(*start.settings, clock::now)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plain = Plain { app, data, view: start.view, follow, bare, now: clock::now };
    let (tell, mut unread) = tokio::sync::mpsc::unbounded_channel();
    // a quiet platform prints nothing, so that writing would not tell that nobody reads any more
    let stdout = std::io::stdout().as_fd().try_clone_to_owned()?;
    let gone = move || {
        let _ = tell.send(());
    };
    let _watch = follow.then(|| watchdog::watch(stdout, gone)).transpose()?;
    let err = &mut std::io::stderr();
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            ended = plain.run(out, err, signals.end()) => ended,
            Some(()) = unread.recv() => Ok(Ended::Printed),
        }
    })?;
    Ok(match ended {
        Ended::Printed => ExitCode::SUCCESS,
        Ended::Unknown => ExitCode::from(check::UNKNOWN),
        Ended::Signal(number) => ExitCode::from(End::Signal(number).code()),
    })
}

fn act(settings: Settings, order: Order, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = log_to(&settings)?;
    let app = start::app(&settings)?;
    let data = Data::start(settings, clock::now)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        // what is under way must not end because nobody reads on
        let (mut out, mut err) = (Unread(out), Unread(std::io::stderr()));
        Run { app, data, order, now: clock::now, say }.run(&mut out, &mut err, signals.end()).await
    })?;
    Ok(ExitCode::from(code))
}

/// A cluster to look at, and the demo if that is it.
fn looker(settings: Settings) -> Result<Look> {
    let app = start::app(&settings)?;
    Ok(Look { app, data: Data::start(settings, clock::now)?, now: clock::now, say })
}

/// Runs what looks at a cluster and ends; a signal ends it earlier.
fn until_signal(look: impl Future<Output = Result<u8>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            number = signals.end() => Ok(End::Signal(number).code()),
            code = look => code,
        }
    });
    code.map(ExitCode::from)
}

fn tell(mut start: Start, contexts: Vec<String>, order: &check::Order, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = log_to(&start.settings)?;
    let _demo = with_demo(&mut start)?;
    let asked = if contexts.is_empty() {
        vec![start.settings.context.clone()]
    } else {
        contexts.into_iter().map(Some).collect()
    };
    let looks = asked.into_iter().map(|context| {
        let settings = Settings { context: context.clone(), ..(*start.settings).clone() };
        Ok((context.unwrap_or_default(), looker(settings)?))
    });
    let looks = looks.collect::<Result<Vec<_>>>()?;
    until_signal(async {
        let reports = check::look(looks, order).await;
        Ok(check::tell(&reports, order, out, &mut std::io::stderr())?)
    })
}

fn well(mut start: Start, format: health::Format, timeout: Duration, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = log_to(&start.settings)?;
    let _demo = with_demo(&mut start)?;
    let look = looker(*start.settings)?;
    let err = &mut std::io::stderr();
    until_signal(async { Ok(health::run(look, format, timeout, out, err).await?) })
}

fn snapshot(mut start: Start, file: Option<&Path>, timeout: Duration, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = log_to(&start.settings)?;
    let _demo = with_demo(&mut start)?;
    let look = looker(*start.settings)?;
    let err = &mut std::io::stderr();
    until_signal(async { Ok(headless::snapshot::run(look, file, timeout, out, err).await?) })
}

fn audit(settings: &Settings, what: AuditCommand, out: &mut dyn Write) -> Result<ExitCode> {
    let folder = settings
        .audit_folder()
        .ok_or_else(|| Unusable("there is no state directory: set state-dir, XDG_STATE_HOME or HOME".to_owned()))?;
    match what {
        AuditCommand::Show => headless::audit::show(&folder, out)?,
        AuditCommand::Unfinished => headless::audit::unfinished(&folder, out, &mut std::io::stderr())?,
        AuditCommand::Dismiss { run, reason } => {
            let now = crate::session::clock::now();
            let recorder = headless::audit::recorder(&folder, now);
            let told = headless::audit::dismiss(&folder, &run, &reason, recorder, now).map_err(Unusable)?;
            writeln!(out, "{told}")?;
        }
        AuditCommand::Verify if headless::audit::verify(&folder, out)? => {}
        AuditCommand::Verify => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

fn profile(settings: &Settings, command: ProfileCommand, out: &mut dyn Write) -> Result<ExitCode> {
    if let ProfileCommand::Check { file } = command {
        let right = headless::profile::check(&file, out)?;
        return Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let library = profiles::load(settings).map_err(|error| Unusable(error.to_string()))?;
    match command {
        ProfileCommand::Show { name } => {
            if !headless::profile::show(&library, &name, out)? {
                let names: Vec<&str> = library.known.iter().map(|known| known.profile.name.as_str()).collect();
                return Err(Unusable(format!("no profile is called {name}: there are {}", names.join(", "))).into());
            }
        }
        ProfileCommand::List | ProfileCommand::Check { .. } => headless::profile::list(&library, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn what_happened(settings: &Settings, args: TimelineArgs, out: &mut dyn Write) -> Result<ExitCode> {
    let none = || Unusable("there is no state directory: set state-dir, XDG_STATE_HOME or HOME".to_owned());
    let folder = settings.timeline_folder().ok_or_else(none)?;
    let context = crate::data::current_context(settings)
        .ok_or_else(|| Unusable("no context is current: name one with --context".to_owned()))?;
    let query = Query {
        context: &context,
        since: args.since,
        namespace: settings.namespace.as_deref(),
        format: args.output,
        utc: settings.utc,
        now: clock::now(),
    };
    timeline::print(&folder, settings.audit_folder().as_deref(), &query, out)?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the demo platform until this process is ended.
fn serve(args: DemoArgs, out: &mut dyn Write) -> Result<ExitCode> {
    let options = crate::demo::Options {
        listen: args.listen,
        pods: args.pods,
        story: args.story.unwrap_or_else(|| "platform".to_owned()),
        seed: args.seed,
        churn: f64::from(args.churn),
        faults: args.faults,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // from here on a signal ends us with the kubeconfig removed
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let demo = Demo::start(options).map_err(|error| match error {
        DemoError::UnknownStory(_) | DemoError::Faults(_) | DemoError::Churn(_) => Unusable(error.to_string()).into(),
        error => color_eyre::Report::from(error),
    })?;
    writeln!(out, "KUBECONFIG={}", demo.kubeconfig().display())?;
    out.flush()?;
    if !args.listen.ip().is_loopback() {
        let warning = "it listens beyond this machine, without a login and without TLS: whoever reaches it may change \
                       the demo";
        writeln!(std::io::stderr(), "watchkeeper: warning: {}: {warning}", demo.address())?;
    }
    // being told to end is how it ends, so that is no failure
    runtime.block_on(signals.end());
    drop(demo);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }
}
