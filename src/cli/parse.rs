//! From arguments and environment to a mode with its settings, or to the reason why there is none.

use std::path::PathBuf;
use std::time::Duration;

use clap::FromArgMatches as _;
use clap_complete::Shell;

use super::EXIT_USAGE;
use super::args::{
    AuditCommand, CheckArgs, Cli, Command, CompareArgs, DemoArgs, Flags, Generate, ProfileCommand, RunArgs,
    TimelineArgs, command,
};
use crate::config::env::Env;
use crate::config::load::{Override, Request};
use crate::config::{ServiceName, Settings, Value};
use crate::headless::rbac::Role;
use crate::headless::run::Order;
use crate::headless::{check, health};

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
    /// Check these contexts once; without any, the current one.
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

/// The commands that report a state exit with "unknown" on a wrong command line too: a monitoring system would take the
/// usual 2 for something else.
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
