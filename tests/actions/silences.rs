//! Silences: whose alerts they are for, what has to be said for wide ones, and that a changed one lasts and says what it
//! should.

use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};
use watchkeeper::domain::ages::Time;
use watchkeeper::headless::run::Order;

use super::driver::{Seen, State, ask, demo, look, order, writes};
use super::tools::until;

const ALERTMANAGER: &str =
    "/api/v1/namespaces/monitoring/services/http:monitoring-kube-prometheus-alertmanager:9093/proxy";
const REPLICA: &str = "/api/v1/namespaces/monitoring/pods/http:alertmanager-monitoring-kube-prometheus-alertmanager-";

fn set(line: &str, more: &[(&str, &str)], reason: &str) -> Order {
    let mut order = order(line);
    order.set.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    reason.clone_into(&mut order.reason);
    order
}

fn carry_out(state: &State, demo: &Demo, order: Order) -> Seen {
    State::carry_out(state.settings(demo.kubeconfig(), None, ""), order)
}

/// The silences of a state, as Alertmanager tells them.
fn silences(demo: &Demo, state: &str) -> Vec<Value> {
    let all = ask(demo, &format!("{ALERTMANAGER}/api/v2/silences"));
    all.as_array().unwrap().iter().filter(|s| s["status"]["state"] == state).cloned().collect()
}

/// The id that a run has printed.
fn id(seen: &Seen) -> String {
    let (_, rest) = seen.last().split_once("silence/").unwrap_or_else(|| panic!("no id in {seen:#?}"));
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

fn post(demo: &Demo, body: &Value) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer: Value = runtime.block_on(async {
        let url = format!("http://{}{ALERTMANAGER}/api/v2/silences", demo.address());
        let client = reqwest::Client::new();
        client.post(url).bearer_auth("demo").json(body).send().await.unwrap().json().await.unwrap()
    });
    answer["silenceID"].as_str().unwrap().to_owned()
}

/// A silence of somebody else, from an hour ago until in four hours, known to both replicas.
fn of_somebody(demo: &Demo) -> (String, Time) {
    demo.control().with_world(|world| world.platform.set_gossip(0));
    let now = watchkeeper::session::clock::now();
    let ends = now.plus(4 * 3600);
    let id = post(
        demo,
        &json!({
            "matchers": [
                { "name": "alertname", "value": "TargetDown", "isRegex": false, "isEqual": true },
                { "name": "namespace", "value": "monitoring", "isRegex": false, "isEqual": true },
            ],
            "startsAt": now.timestamp().to_string(), "endsAt": ends.timestamp().to_string(),
            "createdBy": "alice", "comment": "[wk:7Q] new rack", "annotations": { "ticket": "OPS-7" },
        }),
    );
    (id, ends)
}

#[rstest]
#[case("gitrepo/flux-system/platform")]
#[case("helmrepo/HELMREPO")]
#[case("schedule/velero/daily-backup")]
#[case("backup/velero/before-istio-1-27")]
#[case("bsl/velero/default")]
#[case("pvc/PVC")]
#[case("job/JOB")]
#[case("es/kubeop-system/kubeop-database")]
#[case("rset/team-beta/environments")]
fn an_object_that_no_alert_names_is_never_widened_to_its_namespace(#[case] object: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let object = demo.control().with_world(|world| {
        let first = |kind: &str| {
            let meta = &world.list(kind)[0]["metadata"];
            format!("{}/{}", meta["namespace"].as_str().unwrap(), meta["name"].as_str().unwrap())
        };
        let object = object.replace("PVC", &first("PersistentVolumeClaim")).replace("JOB", &first("Job"));
        object.replace("HELMREPO", &first("HelmRepository"))
    });
    let seen = state.on(&demo, &format!("silence {object} reason=rack --yes"));
    seen.is(4, "scope=namespace for all alerts of ");
    assert_eq!(writes(&demo), Vec::<String>::new());
    // the wider scope is there, by its name and for the context's
    let wide = format!("silence {object} reason=rack scope=namespace");
    state.on(&demo, &format!("{wide} --yes")).is(4, "--confirm sre-demo");
    assert_eq!(writes(&demo), Vec::<String>::new());
    state.on(&demo, &format!("{wide} confirm=sre-demo")).is(0, "done: active until");
}

#[rstest]
#[case::a_severity("matchers=severity=\"critical\"", "nothing in it names")]
#[case::any_name("matchers=alertname=~\".+\"", "nothing in it names")]
#[case::a_namespace("matchers=namespace=\"team-alpha\"", "every alert of a namespace")]
#[case::the_watchdog("matchers=alertname=\"Watchdog\"", "alerting is dead")]
#[case::the_watchdog_among_others("matchers=alertname=~\"Watchdog|X\"", "alerting is dead")]
#[case::the_component("scope=component", "every alert of the component")]
fn a_wide_silence_asks_for_the_context(#[case] setting: &str, #[case] warning: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let line = format!("silence deploy/kubeop-system/kubeop-manager reason=rack {setting}");
    let seen = state.on(&demo, &format!("{line} --yes"));
    seen.is(4, "--confirm sre-demo");
    assert!(seen.out.contains(warning), "{seen:#?}");
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[test]
fn a_silence_of_more_than_a_day_asks_for_a_typed_word() {
    let (demo, state) = (demo("quiet"), State::new());
    let line = r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X""#;
    state.on(&demo, &format!("{line} duration=25h --yes")).is(4, "--confirm shop");
    assert_eq!(writes(&demo), Vec::<String>::new());
    state.on(&demo, &format!("{line} duration=1d --yes")).is(0, "done: active until");
    state.on(&demo, &format!("{line} duration=25h confirm=shop")).is(0, "done: active until");
}

#[test]
fn while_alerts_cannot_be_seen_what_a_silence_covers_is_unknown_and_not_nothing() {
    let (demo, state) = (demo("quiet"), State::new());
    let down = || Act::Status { code: 503, retry_after: None, body: None };
    let rules = ["/api/v1/alerts", "/api/v2/alerts"].iter().flat_map(|path| {
        let names = [
            "services/http:monitoring-kube-prometheus-prometheus:9090",
            "services/http:monitoring-kube-prometheus-alertmanager:9093",
        ];
        let pods = [
            "pods/http:alertmanager-monitoring-kube-prometheus-alertmanager-0:9093",
            "pods/http:alertmanager-monitoring-kube-prometheus-alertmanager-1:9093",
            "pods/http:prometheus-monitoring-kube-prometheus-prometheus-0:9090",
            "pods/http:prometheus-monitoring-kube-prometheus-prometheus-1:9090",
        ];
        names
            .into_iter()
            .chain(pods)
            .map(move |at| Rule::new(down()).path(&format!("/api/v1/namespaces/monitoring/{at}/proxy{path}")))
    });
    demo.control().set_faults(rules.fold(Faults::default(), Faults::with));
    let line = r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X""#;
    let seen = state.on(&demo, &format!("{line} --yes"));
    seen.is(4, "--confirm sre-demo");
    assert!(seen.out.contains("reaches: how many alerts match is unknown (the alerts are unreachable)"), "{seen:#?}");
    assert!(!seen.out.contains("0 alerts"), "{seen:#?}");
    assert_eq!(writes(&demo), Vec::<String>::new());
    state.on(&demo, &format!("{line} confirm=sre-demo")).is(0, "done: active until");
}

#[test]
fn a_quoted_value_keeps_its_backslashes_and_a_name_may_be_quoted() {
    let (demo, state) = (demo("quiet"), State::new());
    let order =
        set("silence hr/team-alpha/shop --yes", &[("matchers", r#"alertname=~"a{1,3}\d+\.b" pod="\x""#)], "rack");
    carry_out(&state, &demo, order).is(0, "done: active until");
    let made = silences(&demo, "active");
    let values: Vec<_> = made[0]["matchers"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
    assert_eq!(values, [r"a{1,3}\d+\.b", r"\x"]);
    let order = set(
        "silence hr/team-alpha/shop --dry-run",
        &[("matchers", r#"alertname="X" "host name"="a \"b\"" service.name="checkout api""#)],
        "rack",
    );
    let seen = carry_out(&state, &demo, order);
    assert!(seen.out.contains(r#""name":"host name","value":"a \"b\"""#), "{seen:#?}");
    assert!(seen.out.contains(r#""name":"service.name","value":"checkout api""#), "{seen:#?}");
}

/// Runs a shown command in a shell whose `amtool` prints its arguments, and gives them back.
fn pasted(line: &str) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let tool = folder.path().join("amtool");
    std::fs::write(&tool, "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\0' \"$word\"; done\n").unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let run =
        Command::new("/bin/sh").arg("-c").arg(line).current_dir(folder.path()).env("PATH", path).output().unwrap();
    assert!(run.status.success(), "{line}: {run:?}");
    let words = String::from_utf8(run.stdout).unwrap();
    let mut left: Vec<String> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.retain(|name| name != "amtool");
    (words.split_terminator('\0').map(str::to_owned).collect(), left)
}

fn same_as(seen: &Seen) -> &str {
    seen.out.lines().find_map(|line| line.trim().strip_prefix("same as: ")).unwrap()
}

#[test]
fn the_shown_command_does_what_the_plan_does_whatever_labels_and_reason_say() {
    let (demo, state) = (demo("quiet"), State::new());
    let value = "x$(touch PWNED)`touch PWNED`;touch PWNED;'\"\\d &";
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    let matchers = format!("alertname=\"X\" name=\"{quoted}\"");
    let order = set("silence hr/team-alpha/shop --dry-run", &[("matchers", &matchers)], "it's $(touch PWNED)");
    let seen = carry_out(&state, &demo, order);
    let (words, left) = pasted(same_as(&seen));
    assert_eq!(left, Vec::<String>::new(), "it ran something");
    assert_eq!(words[..3], ["silence", "add", "--author=demo"]);
    assert_eq!(words[3..5], ["--comment=it's $(touch PWNED)", "--duration=120m"]);
    assert_eq!(words[5..], ["alertname=\"X\"".to_owned(), format!("name=\"{quoted}\"")]);
}

#[test]
fn the_id_of_a_new_silence_is_told_and_is_a_target_whatever_its_matchers_are() {
    let (demo, state) = (demo("quiet"), State::new());
    let line = r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X",namespace="team-alpha" --yes"#;
    let seen = state.on(&demo, line);
    seen.is(0, ", on 2 replicas");
    let id = id(&seen);
    assert_eq!(silences(&demo, "active")[0]["id"], id.as_str());
    let seen = state.on(&demo, &format!("edit-silence silence/{id} reason=slow --yes"));
    seen.is(0, &format!("silence/{id}, on 2 replicas"));
    state.on(&demo, &format!("expire-silence silence/team-alpha/{id} --yes")).is(0, "done: expired");
    state.on(&demo, &format!("edit-silence silence/{id} reason=slow --yes")).is(4, "it has expired");
    state.on(&demo, "expire-silence silence/none --yes").is(4, "is not there");
}

#[test]
fn a_silence_is_extended_beyond_its_end_and_keeps_what_others_wrote() {
    let (demo, state) = (demo("quiet"), State::new());
    let (id, had) = of_somebody(&demo);
    let seen = state.on(&demo, &format!("edit-silence silence/{id} reason=longer --yes"));
    seen.is(0, "done: active until");
    let ends = had.plus(2 * 3600);
    let kept = &silences(&demo, "active")[0];
    assert_eq!(Time::parse(kept["endsAt"].as_str().unwrap()), Some(ends), "{kept}");
    assert_eq!(
        (&kept["id"], &kept["createdBy"], &kept["comment"]),
        (&json!(id), &json!("alice"), &json!("[wk:7Q] new rack"))
    );
    assert_eq!(kept["annotations"], json!({ "ticket": "OPS-7" }));
    // amtool counts a duration from the start: the command names the end
    let (words, _) = pasted(same_as(&seen));
    assert_eq!(words, ["silence".to_owned(), "update".to_owned(), format!("--end={}", ends.timestamp()), id.clone()]);
    assert!(seen.out.contains(&format!("undo: amtool silence update --end={} {id}", had.timestamp())), "{seen:#?}");
    // the reason is recorded here
    assert_eq!(state.audited()[0]["reason"], "longer");
}

#[test]
fn it_ends_no_earlier_unless_that_is_said() {
    let (demo, state) = (demo("quiet"), State::new());
    let (id, had) = of_somebody(&demo);
    let line = format!("edit-silence silence/{id} reason=done --yes duration=1h");
    state.on(&demo, &line).is(4, "would end earlier");
    assert_eq!(writes(&demo).len(), 1, "that of the test alone");
    let seen = state.on(&demo, &format!("{line} earlier=yes"));
    seen.is(0, "done: active until");
    assert!(seen.out.contains("plan: shorten the silence"), "{seen:#?}");
    let ends = Time::parse(silences(&demo, "active")[0]["endsAt"].as_str().unwrap()).unwrap();
    assert!(ends < had.plus(-2 * 3600), "{ends:?}");
}

#[test]
fn other_matchers_make_a_new_silence_and_end_the_old_one() {
    let (demo, state) = (demo("quiet"), State::new());
    let (old, had) = of_somebody(&demo);
    let line = format!(r#"edit-silence silence/{old} reason=all matchers=alertname="TargetDown",job="x" --yes"#);
    let seen = state.on(&demo, &line);
    seen.is(0, "done: active until");
    let made = silences(&demo, "active");
    assert_eq!((made.len(), made[0]["id"] != json!(old)), (1, true), "{made:#?}");
    assert_eq!((&made[0]["createdBy"], &made[0]["comment"]), (&json!("demo"), &json!("[wk:7Q] new rack")));
    assert_eq!(made[0]["annotations"], json!({ "ticket": "OPS-7" }));
    assert_eq!(Time::parse(made[0]["endsAt"].as_str().unwrap()), Some(had.plus(2 * 3600)));
    assert_eq!(id(&seen), made[0]["id"].as_str().unwrap(), "its id is what is reported");
}

#[test]
fn an_extension_is_done_when_every_replica_knows_the_new_end() {
    let (demo, state) = (demo("quiet"), State::new());
    let (id, had) = of_somebody(&demo);
    demo.control().with_world(|world| world.platform.set_gossip(3_000));
    // by then both have heard of the silence itself
    let known = |replica: usize| {
        look(&demo, &format!("{REPLICA}{replica}:9093/proxy/api/v2/silence/{id}")).is_some_and(|s| s["id"] == json!(id))
    };
    until(|| if known(0) && known(1) { Ok(()) } else { Err("a replica does not know it".to_owned()) }).unwrap();
    state.on(&demo, &format!("edit-silence silence/{id} reason=longer --yes")).is(0, "on 2 replicas");
    for replica in 0..2 {
        let seen = ask(&demo, &format!("{REPLICA}{replica}:9093/proxy/api/v2/silence/{id}"));
        let ends = Time::parse(seen["endsAt"].as_str().unwrap());
        assert_eq!(ends, Some(had.plus(2 * 3600)), "replica {replica} when it was called done: {seen}");
    }
}

/// News of a silence reaches the replicas one after another, and the Service in front of them asks any.
#[test]
fn a_silence_that_only_one_replica_knows_is_edited_and_ended_there() {
    let (demo, state) = (demo("quiet"), State::new());
    for line in ["edit-silence silence/ID reason=longer --yes", "expire-silence silence/ID --yes"].repeat(2) {
        demo.control().with_world(|world| world.platform.set_gossip(6_000));
        let now = watchkeeper::session::clock::now();
        let body = json!({
            "matchers": [{ "name": "alertname", "value": "TargetDown", "isRegex": false, "isEqual": true }],
            "startsAt": now.timestamp().to_string(), "endsAt": now.plus(4 * 3600).timestamp().to_string(),
            "createdBy": "alice", "comment": "new rack",
        });
        let id = post(&demo, &body);
        let known = (0..2).filter(|replica| {
            let path = format!("{REPLICA}{replica}:9093/proxy/api/v2/silence/{id}");
            look(&demo, &path).is_some_and(|silence| silence["id"] == json!(id))
        });
        assert_eq!(known.count(), 1);
        state.on(&demo, &line.replace("ID", &id)).is(0, "done");
    }
    // the rights are given to the Service alone
    let writes = writes(&demo);
    assert!(!writes.iter().any(|write| write.contains("/pods/")), "{writes:?}");
}

#[test]
fn a_silence_that_somebody_else_has_changed_since_the_preview_is_left_alone() {
    let (demo, state) = (demo("quiet"), State::new());
    let (id, had) = of_somebody(&demo);
    // the one that is read for the preview is answered, and then it is extended by somebody else
    let control = demo.control();
    let path = format!("{ALERTMANAGER}/api/v2/silence/{id}");
    let slow = Act::Delay(std::time::Duration::from_millis(1500));
    control.set_faults(Faults::one(Rule::new(slow).path(&path).verb("get").only(2, 1)));
    let others = std::thread::scope(|scope| {
        let running =
            scope.spawn(|| state.on(&demo, &format!("edit-silence silence/{id} reason=longer --yes duration=5h")));
        let looked = || control.requests().iter().filter(|r| r.path == path && r.method == "GET").count() > 1;
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !looked() && std::time::Instant::now() < until {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        let mut theirs = silences(&demo, "active")[0].clone();
        theirs["endsAt"] = json!(had.plus(9 * 3600).timestamp().to_string());
        post(&demo, &theirs);
        running.join().unwrap()
    });
    others.is(4, "was changed since the preview");
    let kept = Time::parse(silences(&demo, "active")[0]["endsAt"].as_str().unwrap());
    assert_eq!(kept, Some(had.plus(9 * 3600)), "theirs lasts longer, and was not cut short");
}

#[test]
fn what_is_proposed_for_a_workload_matches_the_alerts_that_are_about_it() {
    let (demo, state) = (demo("platform"), State::new());
    let alerts = ask(&demo, &format!("{ALERTMANAGER}/api/v2/alerts"));
    let pods: Vec<&str> = alerts.as_array().unwrap().iter().filter_map(|a| a["labels"]["pod"].as_str()).collect();
    let own = pods.iter().filter(|pod| pod.starts_with("orders-worker-")).count();
    assert!(own > 1, "the story has alerts about pods of the worker: {pods:?}");
    let seen = state.on(&demo, "silence deploy/team-beta/orders-worker reason=rack --dry-run");
    assert!(seen.out.contains(r#"silence namespace="team-beta" pod=~"orders-worker-.*""#), "{seen:#?}");
    let told = seen.out.lines().find(|line| line.contains("alerts about it match")).unwrap_or("");
    let numbers: Vec<usize> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers.len() == 2 && numbers[0] >= own, "{told:?}");
    // a warning says that the given matchers miss them
    let seen =
        state.on(&demo, r#"silence deploy/team-beta/orders-worker reason=rack matchers=deployment="x" --dry-run"#);
    assert!(
        seen.out.contains(&format!("warning: {} of the alerts about it are not silenced", numbers[1])),
        "{seen:#?}"
    );
}
