//! The configuration end to end: layers, origins, mistakes, the example file, the command line. Reads no environment
//! of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rstest::rstest;
use watchkeeper::app::keymap::{KEYMAP, Keymap};
use watchkeeper::cli::{self, Mode};
use watchkeeper::config::ReadOnly;
use watchkeeper::config::env::Env;
use watchkeeper::config::problem::Place;
use watchkeeper::config::profiles;
use watchkeeper::config::{ConfigError, Origin, Request, ServiceMode, ServiceName, Settings, schema};
use watchkeeper::domain::thresholds::Thresholds;
use watchkeeper::headless;

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn load(&self, env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let env = env.iter().copied().collect();
        Settings::load(Request { file: Some(self.path()), env, ..Request::default() })
    }

    fn cli(&self, env: &[(&str, &str)], args: &[&str]) -> Result<Mode, cli::Refusal> {
        let args = ["watchkeeper"].iter().chain(args).copied();
        cli::parse(args, env.iter().copied().collect(), Some(self.path()))
    }

    fn settings(&self, env: &[(&str, &str)], args: &[&str]) -> Settings {
        match self.cli(env, args).unwrap() {
            Mode::Console(start) | Mode::Plain { start, .. } => *start.settings,
            other => panic!("not a console: {other:?}"),
        }
    }
}

fn line_of(case: &Case, line: usize) -> Origin {
    Origin::File { path: case.path(), line }
}

#[test]
fn without_anything_the_settings_are_the_defaults() {
    let settings = Settings::load(Request::default()).unwrap();
    assert_eq!(settings.thresholds, Thresholds::default());
    assert_eq!(settings.default_view, "home");
    assert_eq!(settings.readonly_contexts, ["*prod*"]);
    assert_eq!(settings.service(ServiceName::Prometheus).poll_interval, 15);
    assert_eq!(settings.context, None);
    assert!(settings.entries.iter().all(|entry| entry.origin == Origin::Default));
}

#[test]
fn each_layer_wins_over_the_one_before_it_and_says_so() {
    let case = Case::new("\ntheme = \"file\"\nutc = true\ndefault-view = \"pods\"\n");
    let env = [("WATCHKEEPER_THEME", "env"), ("WATCHKEEPER_DEFAULT_VIEW", "nodes")];
    let settings = case.settings(&env, &["--theme", "flag"]);
    assert_eq!((settings.theme.as_str(), settings.origin("theme")), ("flag", Origin::Flag("--theme")));
    let from_env = Origin::Env("WATCHKEEPER_DEFAULT_VIEW".to_owned());
    assert_eq!((settings.default_view.as_str(), settings.origin("default-view")), ("nodes", from_env));
    assert_eq!((settings.utc, settings.origin("utc")), (true, line_of(&case, 3)));
    assert_eq!(settings.origin("bell"), Origin::Default);
}

#[test]
fn an_empty_string_is_the_default_again() {
    let case = Case::new("theme = \"mono\"\ncontext = \"blue\"");
    let settings = case.settings(&[], &["--theme", "", "--context", ""]);
    assert_eq!((settings.theme.as_str(), settings.context), ("default", None));
}

#[test]
fn all_namespaces_overrides_a_configured_one() {
    let case = Case::new("namespace = \"shop\"");
    assert_eq!(case.settings(&[], &[]).namespace.as_deref(), Some("shop"));
    assert_eq!(case.settings(&[], &["-A"]).namespace, None);
    assert_eq!(case.settings(&[], &["-n", "bank"]).namespace.as_deref(), Some("bank"));
}

#[test]
fn nested_keys_durations_and_lists_arrive_typed() {
    let case = Case::new(
        "namespaces = [\"a\", \"b\"]\n[thresholds]\npending = \"10m\"\ncertificate-soon = \"2w\"\n\
         [services.prometheus]\nurl = \"https://prom.example.com\"\nheaders = { X-Scope-OrgID = \"team\" }\n\
         ca-file = \"certs/ca.pem\"\nbearer-token-file = \"~/token\"\n",
    );
    let settings = case.load(&[("HOME", "/home/alice"), ("WATCHKEEPER_THRESHOLDS_BACKUP_RUNNING", "6h")]).unwrap();
    assert_eq!(settings.namespaces, ["a", "b"]);
    assert_eq!(settings.thresholds.pending, 600);
    assert_eq!(settings.thresholds.certificate_soon, 14 * 86_400);
    assert_eq!(settings.thresholds.backup_running, 6 * 3600);
    let prometheus = settings.service(ServiceName::Prometheus);
    assert_eq!(prometheus.effective_mode(), ServiceMode::Url);
    assert_eq!(prometheus.headers, [("X-Scope-OrgID".to_owned(), "team".to_owned())]);
    assert_eq!(prometheus.ca_file, Some(case.folder.path().join("certs/ca.pem")), "relative to the file");
    assert_eq!(prometheus.bearer_token_file.as_deref(), Some(Path::new("/home/alice/token")));
}

#[rstest]
#[case::typo("contxt = \"a\"", 1, 1, "unknown key `contxt`", "did you mean `context`?")]
#[case::underscore("utc = true\nlog_file = \"x\"", 2, 1, "unknown key `log_file`", "did you mean `log-file`?")]
#[case::nested(
    "[thresholds]\n  pendng = \"5m\"",
    2,
    3,
    "unknown key `thresholds.pendng`",
    "did you mean `thresholds.pending`?"
)]
#[case::service(
    "[services.prometeus]\nurl = \"x\"",
    1,
    11,
    "unknown key `services.prometeus`",
    "did you mean `services.prometheus`?"
)]
#[case::wrong_table(
    "[prometheus]\nurl = \"x\"",
    1,
    2,
    "unknown key `prometheus`",
    "did you mean `services.prometheus`?"
)]
#[case::far_off(
    "[services.openbao]\nzzz = 1",
    2,
    1,
    "unknown key `services.openbao.zzz`",
    "it may be one of mode, url"
)]
#[case::flag("utc = \"yes\"", 1, 7, "`utc` must be true or false, not \"yes\"", "")]
#[case::number("theme = 5", 1, 9, "`theme` must be a string, not a number", "")]
#[case::list("namespaces = \"a\"", 1, 14, "`namespaces` must be a list of strings", "")]
#[case::duration("[thresholds]\npending = \"five\"", 2, 11, "`thresholds.pending` must be a duration like", "")]
#[case::choice(
    "[services.openbao]\nmode = \"of\"",
    2,
    8,
    "must be one of \"auto\", \"url\" or \"off\", not \"of\"",
    "did you mean \"off\"?"
)]
#[case::table("thresholds = 5", 1, 14, "`thresholds` is a table, not a number", "write [thresholds]")]
#[case::per_context(
    "[contexts.\"p\"]\ntheme = \"x\"",
    2,
    1,
    "`theme` cannot be set for one context",
    "it may be one of namespace"
)]
#[case::context_typo("[contexts.\"p\"]\nreadnly = true", 2, 1, "unknown key `readnly`", "did you mean `readonly`?")]
#[case::chord("[keys]\nreload = 5", 2, 10, "`keys.reload` must be a chord or a list of chords", "")]
#[case::wide("theme = \"\u{65e5}\u{672c}\"\nbel = true", 2, 1, "unknown key `bel`", "did you mean `bell`?")]
fn a_mistake_in_the_file_is_refused_with_its_place_and_what_was_meant(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] what: &str,
    #[case] hint: &str,
) {
    let case = Case::new(text);
    let problems = case.load(&[]).unwrap_err().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].place, Place::File { path: case.path(), line, column });
    assert!(problems[0].what.contains(what), "{}", problems[0].what);
    assert!(problems[0].hint.as_deref().unwrap_or_default().starts_with(hint), "{:?}", problems[0].hint);
}

#[test]
fn a_syntax_error_names_its_line() {
    let problems = Case::new("utc = true\ntheme = \"x\n").load(&[]).unwrap_err().problems;
    assert!(matches!(problems[0].place, Place::File { line: 2, .. }), "{problems:?}");
    assert!(problems[0].what.starts_with("not valid TOML"), "{problems:?}");
}

#[test]
fn all_mistakes_of_a_file_and_of_the_environment_are_reported_together() {
    let error = Case::new("contxt = 1\nutc = 1\n").load(&[("WATCHKEEPER_BELL", "loud")]).unwrap_err();
    assert_eq!(error.problems.len(), 3, "{error}");
    assert!(
        error.to_string().contains("environment variable WATCHKEEPER_BELL: `bell` must be true or false, not \"loud\"")
    );
}

#[test]
fn a_header_value_in_the_wrong_shape_is_not_repeated() {
    let error = Case::new("[services.prometheus]\nheaders = { Authorization = [\"hunter2\"] }").load(&[]).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn an_asked_for_file_must_exist_and_the_default_one_need_not() {
    let missing = PathBuf::from("/nonexistent/config.toml");
    let error = Settings::load(Request { file: Some(missing.clone()), ..Request::default() }).unwrap_err();
    assert_eq!(error.to_string(), "/nonexistent/config.toml: the configuration file does not exist");
    let env: Env = [("WATCHKEEPER_CONFIG", "/nonexistent/config.toml")].into_iter().collect();
    assert!(Settings::load(Request { env, ..Request::default() }).is_err());
    assert!(Settings::load(Request { default_file: Some(missing), ..Request::default() }).is_ok());
}

#[test]
fn a_file_that_is_a_directory_or_not_text_says_so() {
    let case = Case::new("");
    let request = |file: PathBuf| Request { file: Some(file), ..Request::default() };
    let error = Settings::load(request(case.folder.path().to_path_buf())).unwrap_err();
    assert!(error.to_string().ends_with("the configuration file is a directory"), "{error}");
    std::fs::write(case.path(), [0xff, 0xfe, 0x00]).unwrap();
    let error = Settings::load(request(case.path())).unwrap_err();
    assert!(error.to_string().ends_with("the configuration file is not UTF-8 text"), "{error}");
}

#[test]
fn a_mistyped_variable_is_a_warning_that_names_the_right_one() {
    let settings = Case::new("").load(&[("WATCHKEEPER_THEEM", "x"), ("WATCHKEEPER_CONFIG", "")]).unwrap();
    assert_eq!(
        settings.warnings,
        ["environment variable WATCHKEEPER_THEEM sets nothing; did you mean WATCHKEEPER_THEME?"]
    );
}

#[test]
fn a_contexts_own_table_overrides_the_file_but_not_environment_or_flags() {
    let case = Case::new(
        "namespaces = [\"all\"]\n[contexts.\"blue\"]\nnamespaces = [\"own\"]\nservices.prometheus.url = \"http://blue\"\n",
    );
    let settings = case.settings(&[], &[]);
    assert_eq!(settings.for_context("green").namespaces, ["all"]);
    let blue = settings.for_context("blue");
    assert_eq!(blue.namespaces, ["own"]);
    assert_eq!(blue.service(ServiceName::Prometheus).url.as_deref(), Some("http://blue"));
    assert_eq!(blue.origin("namespaces"), line_of(&case, 3));
    let settings = case.settings(&[("WATCHKEEPER_NAMESPACES", "x,y")], &[]);
    assert_eq!(settings.for_context("blue").namespaces, ["x", "y"]);
}

#[test]
fn contexts_start_read_only_by_pattern_unless_they_are_unlocked_by_name() {
    let case = Case::new("[contexts.\"preprod\"]\nreadonly = false\n[contexts.\"lab\"]\nreadonly = true\n");
    let settings = case.settings(&[], &[]);
    assert_eq!(settings.starts_readonly("SRE-PROD-1"), Some(ReadOnly::Pattern("*prod*".to_owned())));
    assert_eq!(settings.starts_readonly("preprod"), None);
    assert_eq!(settings.starts_readonly("staging"), None);
    assert_eq!(settings.starts_readonly("lab"), Some(ReadOnly::Set(line_of(&case, 4))));
    let flagged = case.settings(&[], &["--readonly"]);
    assert_eq!(flagged.starts_readonly("preprod"), Some(ReadOnly::Set(Origin::Flag("--readonly"))));
}

#[test]
fn the_example_file_documents_every_key_with_its_default() {
    let written = include_str!("../config.example.toml");
    assert_eq!(written, headless::config::example(), "stale: run `cargo run -- generate config > config.example.toml`");
    Case::new(written).load(&[]).expect("as it is");

    // Every commented assignment, uncommented: all keys are there, and change nothing.
    let (keys, rest) = written.split_once("[keys]").unwrap();
    let uncommented: String = keys
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())).unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let case = Case::new(&uncommented);
    let settings = case.load(&[]).unwrap();
    let defaults = Settings::load(Request::default()).unwrap();
    for (row, (entry, default)) in schema::rows().iter().zip(settings.entries.iter().zip(&defaults.entries)) {
        assert!(matches!(entry.origin, Origin::File { .. }), "{} is not in the example", row.path);
        assert_eq!(entry.value, default.value, "{}", row.path);
    }
    // The repeated tables parse, too.
    let repeated: String =
        rest.lines().map(|line| line.strip_prefix('#').unwrap_or(line)).flat_map(|line| [line, "\n"]).collect();
    let settings =
        Case::new(&format!("[keys]{repeated}").replace(" What differs", "# What differs")).load(&[]).unwrap();
    // every action's name is there, with the keys that it has
    let remaps = settings.remaps.iter().map(|remap| (remap.action.as_str(), &*remap.chords));
    Keymap::new(remaps.clone()).unwrap();
    let written: BTreeMap<&str, &[String]> = remaps.collect();
    let known = KEYMAP.iter().map(|binding| (binding.name, binding.chords));
    assert!(known.clone().all(|(name, chords)| written[name] == chords), "{written:?}");
    assert_eq!(written.len(), known.count());
    assert_eq!(settings.contexts["sre-prod"].len(), 3);
}

#[test]
fn the_printed_configuration_names_origins_and_masks_secrets() {
    let case = Case::new(
        "theme = \"mono\"\n[keys]\nreload = \"f5\"\n[services.alertmanager]\nheaders = { X-Scope-OrgID = \"hunter2\" }\n\
         [contexts.\"blue\"]\nservices.openbao.headers = { X-Vault-Token = \"hunter3\" }\n",
    );
    let Mode::Config(settings) = case.cli(&[("WATCHKEEPER_UTC", "true")], &["config", "--ascii"]).unwrap() else {
        panic!("not the config command")
    };
    let mut out = Vec::new();
    headless::config::print(&settings, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("hunter"), "{out}");
    let has = |start: &str, origin: &str| out.lines().any(|line| line.starts_with(start) && line.ends_with(origin));
    assert!(has("theme = \"mono\"", "config.toml:1"), "{out}");
    assert!(has("utc = true", "# environment WATCHKEEPER_UTC"), "{out}");
    assert!(has("ascii = true", "# flag --ascii"), "{out}");
    assert!(has("bell = false", "# default"), "{out}");
    assert!(has("headers = { \"X-Scope-OrgID\" = \"********\" }", "config.toml:5"), "{out}");
    assert!(has("\"reload\" = [\"f5\"]", "config.toml:3"), "{out}");
    assert!(out.contains("[contexts.\"blue\"]"), "{out}");
    Case::new(&out).load(&[]).expect("what is printed is a configuration");
}

#[rstest]
#[case::unknown_flag(&["--contxt", "a"], "--context")]
#[case::follow_alone(&["--follow"], "--plain")]
#[case::both_namespaces(&["-A", "-n", "x"], "cannot be used with")]
#[case::demo_and_context(&["--demo", "--context", "x"], "cannot be used with")]
#[case::bad_address(&["demo", "--listen", "nowhere"], "nowhere")]
fn wrong_usage_ends_with_code_2_and_says_why(#[case] args: &[&str], #[case] says: &str) {
    let refusal = Case::new("").cli(&[], args).unwrap_err();
    assert_eq!((refusal.code, refusal.to_stdout), (2, false));
    assert!(refusal.text.contains(says), "{}", refusal.text);
}

#[test]
fn a_refused_configuration_ends_with_code_2() {
    let refusal = Case::new("contxt = 1").cli(&[], &[]).unwrap_err();
    assert_eq!(refusal.code, 2);
    assert!(
        refusal.text.contains("config.toml:1:1: unknown key `contxt`; did you mean `context`?"),
        "{}",
        refusal.text
    );
}

#[test]
fn help_and_version_are_no_mistakes() {
    for args in [["--help"], ["-V"]] {
        let refusal = Case::new("").cli(&[], &args).unwrap_err();
        assert_eq!((refusal.code, refusal.to_stdout), (0, true));
    }
    let help = Case::new("").cli(&[], &["--help"]).unwrap_err().text;
    assert!(help.contains("Examples:") && help.contains("generate"), "{help}");
}

#[test]
fn the_command_line_becomes_a_mode() {
    let case = Case::new("");
    let Mode::Plain { start, follow: true, bare: false } =
        case.cli(&[], &["--demo", "-c", "pods", "--plain", "--follow"]).unwrap()
    else {
        panic!("not plain")
    };
    assert_eq!((start.view.as_str(), start.demo), ("pods", true));
    let Mode::Demo(demo) = case.cli(&[], &["demo", "--pods", "50000", "--churn", "400", "--story", "quiet"]).unwrap()
    else {
        panic!("not the demo")
    };
    assert_eq!((demo.pods, demo.churn, demo.story.as_deref()), (50_000, 400, Some("quiet")));
    assert_eq!(demo.listen.to_string(), "127.0.0.1:0");
    assert!(demo.listen.ip().is_loopback());
    assert!(matches!(case.cli(&[], &["generate", "completions", "fish"]).unwrap(), Mode::Completions(_)));
    let settings = case.settings(&[], &["--as", "alice", "--as-group", "a", "--as-group", "b"]);
    assert_eq!(
        (settings.impersonate.as_deref(), settings.impersonate_groups),
        (Some("alice"), vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn man_page_and_completions_know_the_flags() {
    let mut man = Vec::new();
    headless::man::man(cli::command(), &mut man).unwrap();
    assert!(String::from_utf8(man).unwrap().contains("kubeconfig"));
    let mut completions = Vec::new();
    headless::man::completions(cli::command(), clap_complete::Shell::Bash, &mut completions).unwrap();
    assert!(String::from_utf8(completions).unwrap().contains("--readonly"));
}

#[test]
fn the_man_page_names_every_command_and_no_page_that_nobody_makes() {
    let mut man = Vec::new();
    headless::man::man(cli::command(), &mut man).unwrap();
    let man = String::from_utf8(man).unwrap();
    for name in ["watchkeeper run", "watchkeeper check", "watchkeeper audit verify", "watchkeeper generate man"] {
        assert!(man.contains(&name.replace('-', "\\-")), "{name}\n{man}");
    }
    assert!(!man.contains("(1)\n") && !man.contains("run(1)"), "{man}");
}

#[test]
fn help_is_a_command_and_lists_all_of_them() {
    let refusal = Case::new("").cli(&[], &["help"]).unwrap_err();
    assert!(refusal.to_stdout && refusal.code == 0, "{}", refusal.text);
    for word in ["run", "audit", "check", "generate", "--readonly"] {
        assert!(refusal.text.contains(word), "{word}\n{}", refusal.text);
    }
}

/// The program with these arguments.
fn program(words: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.args(words).stderr(std::process::Stdio::piped());
    command
}

#[test]
fn what_is_printed_into_a_pipe_that_closes_ends_quietly() {
    use std::io::Read as _;
    let shells = ["bash", "zsh", "fish", "elvish", "powershell"].map(|shell| vec!["generate", "completions", shell]);
    let others =
        [vec!["generate", "man"], vec!["generate", "config"], vec!["rbac", "reader"], vec!["config"], vec!["help"]];
    for words in shells.iter().chain(&others) {
        let mut child = program(words).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut first = [0; 1];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        drop(out);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.is_empty() && ended.status.code() == Some(0), "{words:?}: {:?} {said}", ended.status);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_said_in_a_line() {
    for shell in ["bash", "zsh", "powershell", "fish"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = program(&["generate", "completions", shell]).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.starts_with("watchkeeper: ") && said.lines().count() == 1, "{said}");
        assert_eq!(ended.status.code(), Some(1), "{shell}");
    }
}

#[test]
fn a_profile_is_checked_with_every_mistake_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    let mut out = Vec::new();
    std::fs::write(&path, "name = \"shop\"\n[[component]]\nname = \"web\"\ndepends_on = [\"db\"]\nrelease = 3\n")
        .unwrap();
    assert!(!headless::profile::check(&path, &mut out).unwrap());
    let text = String::from_utf8(std::mem::take(&mut out)).unwrap();
    assert!(text.contains("shop.toml:4:1: unknown key `component.depends_on`; did you mean `depends-on`?"), "{text}");
    assert!(text.contains("shop.toml:5:11: `component.release` must be a string, not 3"), "{text}");
    std::fs::write(&path, "name = \"shop\"\n[[component]]\nname = \"web\"\n").unwrap();
    assert!(headless::profile::check(&path, &mut out).unwrap());
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("shop is right: 1 component, 0 guardrails\n"), "{text}");
}

#[test]
fn a_profile_of_ones_own_replaces_the_built_in_one_and_what_is_printed_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let own = "name = \"kubeop\"\ntitle = \"ours\"\n[[component]]\nname = \"all\"\n";
    std::fs::write(folder.path().join("kubeop.toml"), own).unwrap();
    let case =
        Case::new(&format!("profiles-dir = \"{}\"\nprofiles = [\"slopilot\", \"kubeop\"]\n", folder.path().display()));
    let library = profiles::load(&case.load(&[]).unwrap()).unwrap();
    assert_eq!(library.chosen, Some(vec!["slopilot".to_owned(), "kubeop".to_owned()]));
    let told = |name: &str| {
        let mut out = Vec::new();
        assert!(headless::profile::show(&library, name, &mut out).unwrap(), "{name}");
        String::from_utf8(out).unwrap()
    };
    assert_eq!(told("kubeop"), own);
    // what is shown can be the beginning of one's own
    let copy = folder.path().join("copy.toml");
    for name in ["sre-platform", "slopilot", "slo-scout"] {
        std::fs::write(&copy, told(name)).unwrap();
        assert!(headless::profile::check(&copy, &mut Vec::new()).unwrap(), "{name}");
    }
    let mut out = Vec::new();
    headless::profile::list(&library, &mut out).unwrap();
    let list = String::from_utf8(out).unwrap();
    assert!(list.lines().any(|line| line.starts_with("kubeop ") && line.ends_with("ours")), "{list}");
    assert!(!headless::profile::show(&library, "nothing", &mut Vec::new()).unwrap());
}

#[test]
fn a_profile_that_is_not_there_is_refused_with_those_that_are() {
    let case = Case::new("profiles = [\"sre-platfrm\", \"./gone.toml\"]\n");
    let problems = profiles::load(&case.load(&[]).unwrap()).unwrap_err().to_string();
    assert!(problems.contains("no profile is called \"sre-platfrm\"; did you mean \"sre-platform\"?"), "{problems}");
    assert!(problems.contains("gone.toml: the profile does not exist"), "{problems}");
    let none = Case::new("profiles = [\"none\"]\n");
    assert_eq!(profiles::load(&none.load(&[]).unwrap()).unwrap().chosen, Some(Vec::new()));
}
