//! Exit codes: what is known to be critical outranks what is not known, and that outranks a warning.

use rstest::rstest;
use watchkeeper::demo::Faults;
use watchkeeper::demo::faults::{Act, Rule};

use super::program::{Home, demo, misbehaves, status};

#[test]
fn a_platform_that_fails_is_critical_and_one_that_is_well_is_not() {
    let (home, bad, well) = (Home::new(), demo("platform"), demo("quiet"));
    let said = home.on(&bad, &["check"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.first().starts_with("WATCHKEEPER CRITICAL - p1="), "{said:?}");
    assert!(said.out.contains("P1  ") && said.out.contains("explains "), "{said:?}");
    let said = home.on(&well, &["check"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.first().starts_with("WATCHKEEPER OK - p1=0 p2=0 p3=0 unknown=0 | p1=0;;;0 p2=0;;;0"), "{said:?}");
    assert_eq!(home.files(), Vec::<String>::new(), "a check leaves nothing behind");
}

#[test]
fn check_runs_over_its_own_demo() {
    let said = Home::new().run(&["check", "--demo"]);
    assert!(said.code == Some(2) && said.first().starts_with("WATCHKEEPER CRITICAL - "), "{said:?}");
}

#[test]
fn a_server_that_refuses_or_is_not_there_is_unknown() {
    let (home, demo) = (Home::new(), demo("platform"));
    misbehaves(&demo, Rule::new(Act::Refuse));
    let said = home.on(&demo, &["check", "--timeout", "20s"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.first().starts_with("WATCHKEEPER UNKNOWN - p1=0 p2=0 p3=0 unknown="), "{said:?}");
    misbehaves(&demo, status(401));
    let said = home.on(&demo, &["check", "--timeout", "20s"]);
    assert!(said.code == Some(3) && said.out.contains("log in again"), "{said:?}");
}

#[test]
fn a_list_that_does_not_come_in_time_is_unknown_and_named() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, Rule::new(Act::Silent).path("/apis/velero.io/v1/schedules"));
    let said = home.on(&demo, &["check", "--timeout", "2s"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    // a machine that is busy with other things may not have read the rest either
    let late = said.out.lines().find(|line| line.contains("not read in time: ")).unwrap_or_default();
    assert!(late.contains("schedules"), "{said:?}");
}

#[test]
fn a_server_that_never_answers_is_unknown_within_the_timeout() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, Rule::new(Act::Silent));
    let said = home.on(&demo, &["check", "--timeout", "2s"]);
    assert!(said.code == Some(3) && said.first().contains("UNKNOWN"), "{said:?}");
}

#[test]
fn a_server_that_is_too_busy_is_asked_again_until_the_timeout() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let busy = |path: &str| Rule::new(Act::Status { code: 429, retry_after: Some(1), body: None }).path(path);
    let faults = [
        busy("/version").only(1, 1),
        busy("/api/v1/pods").only(1, 2),
        busy("/apis/apps/").only(1, 2),
        busy("/api/v1/services").only(1, 1),
        // more often than one question is asked: which profiles are on is not known for a while
        busy("/api/v1/namespaces/monitoring").only(1, 8),
    ];
    demo.control().set_faults(faults.into_iter().fold(Faults::default(), Faults::with));
    let said = home.on(&demo, &["check", "--timeout", "30s"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    misbehaves(&demo, busy("/api/v1/pods"));
    let said = home.on(&demo, &["check", "--timeout", "4s"]);
    assert!(said.code == Some(3) && said.out.contains("not read in time: pods"), "{said:?}");
}

#[test]
fn a_kind_that_fails_for_a_moment_is_asked_again_and_one_that_goes_on_failing_is_unknown() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, status(500).path("/apis/cert-manager.io/").only(1, 2));
    assert_eq!(home.on(&demo, &["check"]).code, Some(0));
    misbehaves(&demo, status(500).path("/apis/cert-manager.io/v1/certificates"));
    let said = home.on(&demo, &["check", "--timeout", "30s"]);
    assert!(said.code == Some(3) && said.out.contains("certs: unreachable"), "{said:?}");
}

#[rstest]
#[case(&["check"])]
#[case(&["health"])]
#[case(&["snapshot"])]
#[case(&["--plain"])]
#[case(&["--plain", "-c", "pods"])]
#[case(&["handover"])]
fn a_namespace_that_does_not_exist_is_unknown_and_what_may_be_meant_is_named(#[case] command: &[&str]) {
    let (home, demo) = (Home::new(), demo("platform"));
    let said = home.on(&demo, &[command, &["-n", "team-alhpa"]].concat());
    assert_eq!(said.code, Some(3), "{said:?}");
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains("there is no namespace team-alhpa: is it team-alpha?"), "{said:?}");
    let said = home.on(&demo, &[command, &["-n", "all"]].concat());
    assert!(said.code == Some(3) && format!("{}{}", said.out, said.err).contains("-A means all of them"), "{said:?}");
    let said = home.on(&demo, &[command, &["-n", "team-alpha"]].concat());
    assert!(said.code.is_some_and(|code| code != 3) || command == ["health"], "{said:?}");
}

#[test]
fn a_namespace_that_may_not_be_looked_for_is_gone_on_with_and_that_is_said() {
    let (home, demo) = (Home::new(), demo("quiet"));
    // who may get the one need not list them
    misbehaves(&demo, status(403).path("/api/v1/namespaces").verb("list"));
    let said = home.on(&demo, &["check", "-n", "nosuch"]);
    assert!(said.code == Some(3) && said.out.contains("there is no namespace nosuch"), "{said:?}");
    let forbidden = |verb: &str| status(403).path("/api/v1/namespaces").verb(verb);
    demo.control().set_faults(Faults::one(forbidden("list")).with(forbidden("get")));
    let said = home.on(&demo, &["check", "-n", "team-alpha"]);
    assert!(said.err.contains("whether there is a namespace team-alpha cannot be checked"), "{said:?}");
    assert!(said.first().contains("p1=0"), "{said:?}");
    // of which nothing is known at all
    for command in [&["check"][..], &["health"], &["snapshot"], &["--plain", "-c", "pods"], &["handover"]] {
        let said = home.on(&demo, &[command, &["-n", "team-alpah"]].concat());
        let all = format!("{}{}", said.out, said.err);
        assert!(said.code == Some(3) && all.contains("nothing is known of a namespace team-alpah"), "{said:?}");
        assert!(all.contains("is it team-alpha?"), "{said:?}");
    }
}

#[test]
fn what_cannot_be_read_is_unknown_unless_it_is_said_to_be_optional() {
    let (home, demo) = (Home::new(), demo("quiet"));
    misbehaves(&demo, status(403).path("/apis/policy.example/"));
    assert_eq!(home.on(&demo, &["check"]).code, Some(0));
    misbehaves(&demo, status(403).path("/apis/apps/"));
    let said = home.on(&demo, &["check"]);
    assert!(said.code == Some(3) && said.first().contains("unknown=3"), "{said:?}");
    assert!(said.out.contains("UNKNOWN  no access: deploy, sts, ds"), "{said:?}");
    let optional = ["check", "--optional", "deploy", "--optional", "sts"];
    let said = home.on(&demo, &optional);
    assert!(said.code == Some(3) && said.out.contains("UNKNOWN  ds: no access: "), "{said:?}");
    let said = home.on(&demo, &[&optional[..], &["--optional", "ds"]].concat());
    assert!(said.code == Some(0) && said.out.contains("optional  no access: deploy, sts, ds"), "{said:?}");
}

#[test]
fn what_only_looks_like_prometheus_is_unknown_until_somebody_says_that_it_is() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let config = home.path("config.toml");
    std::fs::write(&config, "profiles = [\"none\"]\n[services.openbao]\nnamespace = \"openbao\"\n").unwrap();
    let base = ["check", "--config", config.to_str().unwrap()];
    let said = home.on(&demo, &base);
    assert!(said.code == Some(3) && said.first().contains("unknown=2"), "{said:?}");
    assert!(said.out.contains("not confirmed: Prometheus: found monitoring/"), "{said:?}");
    assert!(
        !demo.control().requests().iter().any(|r| r.path.contains("/monitoring/pods/") && r.path.contains("proxy"))
    );
    let words = [
        "--trust=prometheus=monitoring/monitoring-kube-prometheus-prometheus",
        "--trust=alertmanager=monitoring/monitoring-kube-prometheus-alertmanager",
    ];
    let said = home.on(&demo, &[&base[..], &words].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    for wrong in
        ["--trust=grafana=a/b", "--trust=prometheus=b", "--trust=prometheus=a/b/c", "--trust=prometheus=a%2F/b"]
    {
        assert_eq!(home.on(&demo, &[&base[..], &[wrong]].concat()).code, Some(3), "{wrong}");
    }
}

#[test]
fn an_object_that_cannot_be_decoded_is_unknown_and_named_everywhere() {
    let (home, demo) = (Home::new(), demo("quiet"));
    // as a proxy, or another version of the API, could report it
    demo.control().with_world(|world| {
        let mut pod =
            world.list("Pod").into_iter().find(|pod| pod["metadata"]["namespace"] == "team-alpha").unwrap().clone();
        pod["status"]["reason"] = serde_json::json!(["x"]);
        pod["metadata"]["name"] = "odd-one".into();
        pod["metadata"]["uid"] = "00000000-0000-4000-8000-00000000000d".into();
        world.apply(pod);
    });
    let said = home.on(&demo, &["check"]);
    assert!(said.code == Some(3) && said.first().contains("unknown=1"), "{said:?}");
    assert!(said.out.contains("UNKNOWN  pods: live: team-alpha/odd-one cannot be read: "), "{said:?}");
    let elsewhere = home.on(&demo, &["check", "-n", "velero"]);
    assert_eq!(elsewhere.code, Some(0), "{elsewhere:?}");
    let optional = home.on(&demo, &["check", "--optional", "pods"]);
    assert!(optional.code == Some(0) && optional.out.contains("optional  pods: "), "{optional:?}");
    let health = home.on(&demo, &["health"]);
    let line = health.out.lines().find(|line| line.contains("  Pods ")).unwrap_or_default();
    assert!(health.code == Some(3) && line.starts_with("unknown") && line.contains("odd-one"), "{health:?}");
    let plain = home.on(&demo, &["--plain", "-c", "pods team-alpha"]);
    let line = plain.out.lines().find(|line| line.contains("odd-one")).unwrap_or_default();
    assert!(line.starts_with('?') && line.contains("Unreadable"), "{plain:?}");
    assert!(plain.first().contains("(1 cannot be read)"), "{plain:?}");
}

#[test]
fn a_feed_that_sees_a_few_namespaces_only_is_unknown_unless_one_of_them_is_asked_for() {
    let (home, demo) = (Home::new(), demo("quiet"));
    // the list of the whole cluster is refused, those of namespaces are not
    misbehaves(&demo, status(403).path("/apis/cert-manager.io/v1/certificates"));
    let said = home.on(&demo, &["check"]);
    assert!(said.code == Some(3) && said.first().contains("unknown=1"), "{said:?}");
    let only = said.out.split("certs: live: of ").nth(1).expect("the namespaces are named");
    let namespace = only.split(" only").next().unwrap();
    let said = home.on(&demo, &["check", "-n", namespace]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn what_is_not_installed_is_not_unknown() {
    let (home, demo) = (Home::new(), demo("quiet"));
    demo.control().with_world(|world| world.hide_group("velero.io"));
    let said = home.on(&demo, &["check"]);
    assert!(said.code == Some(0) && said.first().contains("unknown=0"), "{said:?}");
}

#[test]
fn critical_outranks_unknown_and_unknown_outranks_a_warning() {
    let (home, demo) = (Home::new(), demo("platform"));
    misbehaves(&demo, status(403).path("/apis/velero.io/"));
    let said = home.on(&demo, &["check"]);
    assert!(said.code == Some(2) && said.first().contains("CRITICAL"), "{said:?}");
    assert!(!said.first().contains("unknown=0"), "{said:?}");
    demo.control().set_faults(Faults::default());
    // what this identity sees of the same platform is a P2 at most, and much of it nothing
    let said = home.on(&demo, &["check", "--context", "namespaced"]);
    assert!(said.code == Some(3) && said.first().contains("UNKNOWN"), "{said:?}");
    let said = home.on(&demo, &["check", "--context", "nobody"]);
    assert!(said.code == Some(3) && said.first().contains("p1=0 p2=0 p3=0"), "{said:?}");
}

#[test]
fn a_fleet_is_a_line_each_and_the_worst_exit_code() {
    let (home, demo) = (Home::new(), demo("platform"));
    let said = home.on(&demo, &["check", "--context", "nobody", "--context", "sre-demo"]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!((said.code, lines.len()), (Some(2), 2), "{said:?}");
    assert!(lines[0].starts_with("WATCHKEEPER CRITICAL - sre-demo: p1="), "{said:?}");
    assert!(lines[1].starts_with("WATCHKEEPER UNKNOWN - nobody: p1=0"), "{said:?}");
    let said = home.on(&demo, &["check", "--context", "nobody", "--context", "nowhere"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("UNKNOWN - nowhere: ") && said.out.contains("nobody"), "{said:?}");
}

#[test]
fn a_namespace_restricts_what_counts() {
    let (home, demo) = (Home::new(), demo("platform"));
    let all = home.on(&demo, &["check", "-o", "json"]).json();
    let some = home.on(&demo, &["check", "-o", "json", "-n", "velero"]).json();
    let names = |said: &serde_json::Value| -> Vec<String> {
        let incidents = said["contexts"][0]["incidents"].as_array().unwrap();
        incidents.iter().map(|i| i["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&some).len() < names(&all).len(), "{some}");
    assert!(names(&some).iter().any(|name| name == "velero/daily-backup"), "{some}");
    assert_eq!(some["contexts"][0]["namespace"], "velero");
}

#[rstest]
#[case(&["check", "--bogus"], 3)]
#[case(&["check", "--output", "yaml"], 3)]
#[case(&["check", "--timeout", "soon"], 3)]
#[case(&["check", "--optional", "nothing-of-that-name"], 3)]
#[case(&["check", "--config", "/nowhere/config.toml"], 3)]
#[case(&["check", "--kubeconfig", "/nowhere/config"], 3)]
#[case(&["health", "--bogus"], 3)]
#[case(&["snapshot", "--bogus"], 3)]
#[case(&["compare", "one"], 3)]
#[case(&["--context", "a", "--context", "b", "--plain"], 2)]
#[case(&["run", "restart", "deploy/a/b", "--demo"], 2)]
#[case(&["check", "--help"], 0)]
fn a_command_line_that_cannot_be_used_is_unknown_where_a_monitor_listens(#[case] args: &[&str], #[case] code: i32) {
    let said = Home::new().run(args);
    assert_eq!(said.code, Some(code), "{said:?}");
}
