//! Streams: what goes to stdout and to stderr, that nothing of a line is cut, that only changes follow, and that
//! a reader that goes away is no failure.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use watchkeeper::demo::Demo;

use super::program::{Home, demo, misbehaves, status};

const DEADLINE: Duration = Duration::from_secs(40);

fn spawn(home: &Home, demo: Option<&Demo>, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path(""));
    command.env("LANG", "C.UTF-8").current_dir(home.path("")).stdin(Stdio::null());
    command.args(args).args(demo.iter().flat_map(|demo| ["--kubeconfig", demo.kubeconfig().to_str().unwrap()]));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The exit code, and what was said on the other stream.
fn ended(child: &mut Child) -> (Option<i32>, String) {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            return (status.code(), err);
        }
        if begun.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::yield_now();
    }
}

#[rstest]
#[case(&["generate", "completions", "bash"], false)]
#[case(&["generate", "completions", "zsh"], false)]
#[case(&["generate", "completions", "powershell"], false)]
#[case(&["generate", "completions", "fish"], false)]
#[case(&["generate", "completions", "elvish"], false)]
#[case(&["generate", "man"], false)]
#[case(&["generate", "config"], false)]
#[case(&["--help"], false)]
#[case(&["rbac", "operator"], false)]
#[case(&["config"], false)]
#[case(&["profile", "list"], false)]
#[case(&["snapshot"], true)]
#[case(&["--plain", "-c", "pods"], true)]
#[case(&["--plain"], true)]
#[case(&["handover"], true)]
#[case(&["health"], true)]
#[case(&["check", "-o", "json"], true)]
fn a_reader_that_goes_away_ends_everything_quietly(#[case] args: &[&str], #[case] needs_demo: bool) {
    let (home, demo) = (Home::new(), needs_demo.then(|| demo("quiet")));
    let mut child = spawn(&home, demo.as_ref(), args);
    drop(child.stdout.take());
    let (code, err) = ended(&mut child);
    // a check tells by its code all the same
    assert_eq!((code, err.as_str()), (Some(0), ""), "{args:?}");
}

#[test]
fn a_full_disk_is_an_error_and_no_panic() {
    let home = Home::new();
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    for args in [&["generate", "completions", "bash"][..], &["generate", "man"], &["rbac", "reader"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
        let output = command.args(args).env("HOME", home.path("")).stdout(full()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && err.starts_with("watchkeeper: "), "{args:?} {err}");
    }
}

#[test]
fn a_quiet_follower_ends_with_its_reader() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let mut child = spawn(&home, Some(&demo), &["--plain", "--follow", "-c", "nodes"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    assert_eq!(ended(&mut child), (Some(0), String::new()));
}

#[test]
fn what_follows_is_what_changes_and_an_age_is_no_change() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let put = |name: &str, phase: &str| {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "team-alpha"},
            "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": phase}});
        demo.control().with_world(|world| world.apply(pod));
    };
    put("young", "Running");
    let mut child = spawn(&home, Some(&demo), &["--plain", "--follow", "-n", "team-alpha", "-c", "pods"]);
    let (tell, lines) = std::sync::mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let next = |wanted: &str| -> Vec<String> {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(|line: &String| line.contains(wanted)) {
            seen.push(lines.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no {wanted}: {seen:?}")));
        }
        seen
    };
    next("young");
    // the rest of the first table
    while lines.recv_timeout(Duration::from_secs(1)).is_ok() {}
    // the age of a young pod moves each second
    let quiet = lines.recv_timeout(Duration::from_secs(4));
    assert!(quiet.is_err(), "{quiet:?}");
    put("other", "Pending");
    let seen = next("other");
    assert!(seen.iter().all(|line| line.starts_with("- ") || line.starts_with("+ ")), "{seen:?}");
    assert!(!seen.iter().any(|line| line.contains("young")), "only what changed: {seen:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn nothing_is_cut_where_no_terminal_shows_it() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let name = "alertmanager-monitoring-kube-prometheus-stack-with-a-tail-0";
    let reason = "CreateContainerConfigErrorOfAnUnusualKind";
    let namespace = "a-namespace-with-a-name-that-is-longer-than-any-column";
    let image = format!("registry.example/{}:1", "long/".repeat(60));
    let message = format!("the image {image} cannot be pulled");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": image}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "c", "image": "i", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}]}});
    demo.control().with_world(|world| world.apply(pod));
    for view in ["pods", "ns", "home"] {
        let said = home.on(&demo, &["--plain", "-A", "-c", view]);
        assert!(!said.out.contains('…'), "{view}: {}", said.out);
        assert!(said.out.contains(namespace) || view == "home", "{view}: {}", said.out);
        assert!(said.out.lines().all(|line| line == line.trim_end()), "{view}");
    }
    let said = home.on(&demo, &["--plain", "-A", "-c", "pods"]);
    assert!(said.out.contains(name) && said.out.contains(reason), "{}", said.out);
}

#[test]
fn a_cluster_that_cannot_be_reached_is_an_error_and_no_table() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, watchkeeper::demo::faults::Rule::new(watchkeeper::demo::faults::Act::Refuse));
    for args in [&["--plain"][..], &["--plain", "-c", "pods"], &["--plain", "-c", "feeds"], &["handover"]] {
        let said = home.on(&demo, args);
        assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{args:?} {said:?}");
        assert!(said.err.contains("connection refused"), "{said:?}");
    }
    // the contexts are there without it
    let said = home.on(&demo, &["--plain", "-c", "ctx"]);
    assert!(said.code == Some(3) && said.out.contains("readonly") && said.err.contains("refused"), "{said:?}");
}

#[test]
fn what_cannot_be_read_is_said_beside_the_table_and_by_the_code() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, status(403).path("/apis/apps/"));
    let said = home.on(&demo, &["--plain", "-c", "deploy"]);
    assert!(said.code == Some(3) && said.err.contains("deploy: no access"), "{said:?}");
    let said = home.on(&demo, &["--plain"]);
    assert!(said.code == Some(0) && said.err.contains("deploy, sts, ds: no access"), "{said:?}");
    let said = home.on(&demo, &["--plain", "-c", "nodes"]);
    assert!(said.code == Some(0) && said.err.is_empty(), "{said:?}");
}

#[test]
fn the_log_tells_of_connections_feeds_and_refusals_to_its_owner_alone() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, status(500).path("/apis/cert-manager.io/v1/certificates").only(1, 1));
    fs::write(home.path("log"), "").unwrap();
    fs::set_permissions(home.path("log"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = home.on(&demo, &["check", "--log-file", "log"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let log = fs::read_to_string(home.path("log")).unwrap();
    for wanted in ["started", "connected", "kind=\"pods\"", "live", "will be asked again", "code=500", "took_ms"] {
        assert!(log.contains(wanted), "no {wanted} in {log}");
    }
    let listed = |line: &str| line.contains("kind=\"pods\"") && line.contains("took_ms=") && line.contains("objects=");
    assert!(log.lines().any(listed), "how long its list took: {log}");
    assert!(!log.contains("code=200"), "each request is more than is wanted");
    assert_eq!(fs::metadata(home.path("log")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!log.contains("Bearer"), "{log}");
}

#[test]
fn what_a_credential_plugin_says_is_shown_at_once_and_is_in_no_log() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let plugin = home.path("plugin");
    let token = "demo";
    let text = format!(
        "#!/bin/sh\necho 'enter C0DE at login.example.com' >&2\nsleep 1\nprintf '{{\"status\":{{\"token\":\"{token}\"}}}}'\n"
    );
    fs::write(&plugin, text).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let exec = format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}}}}}", plugin.display());
    let config = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters: [{{name: k, cluster: {}}}]\nusers: [{{name: u, user: {exec}}}]\n",
        crate::tls::secure(demo.address())
    );
    fs::write(home.path("config"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path(""));
    command.env("WATCHKEEPER_LOG", "trace").args([
        "--plain",
        "-c",
        "nodes",
        "--kubeconfig",
        "config",
        "--log-file",
        "log",
    ]);
    let output = command.current_dir(home.path("")).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && err.contains("waits for a login: it says: enter C0DE"), "{err}");
    let log = fs::read_to_string(home.path("log")).unwrap();
    assert!(log.contains("code=200"), "each request is in it");
    assert!(!log.contains("C0DE") && !log.contains("Bearer"), "{log}");
}
