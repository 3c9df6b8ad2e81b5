//! An API with faults: each fault has its word on the screen, rows that are known stay, and what is missing is never
//! a zero.

use std::time::{Duration, Instant};

use serde_json::json;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Control, Demo, Faults, Options};
use watchkeeper::domain::change::FeedState;

use super::harness::{Console, DEADLINE, demo, heal, line_with, platform, pod, put, quiet, settings};

fn status(code: u16) -> Act {
    Act::Status { code, retry_after: None, body: None }
}

fn lists_of(control: &Control, path: &str) -> usize {
    control.requests().iter().filter(|r| r.path == path && !r.query.contains("watch=")).count()
}

#[test]
fn expired_credentials_say_log_in_again_and_rows_stay() {
    let (demo, mut console) = quiet();
    let rows = console.rows("pods");
    console.go("pods");
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(status(401))));
    control.disconnect();
    let frame = console.shows(&["DISCONNECTED", "stale"]);
    assert_eq!(console.rows("pods"), rows, "{frame}");
    console.go("feeds");
    console.shows(&["log in again"]);
    heal(&control);
    console.until("the recovery", |f| !f.contains("DISCONNECTED") && !f.contains("stale"));
}

#[test]
fn credentials_refused_at_the_start_are_a_picker_with_the_hint() {
    let demo = demo("quiet");
    demo.control().set_faults(Faults::one(Rule::new(status(401))));
    let mut console = Console::on(&demo);
    console.shows(&["Contexts 4", "log in again"]);
}

#[test]
fn a_kind_that_may_not_be_read_is_no_access_and_never_0() {
    let demo = demo("quiet");
    demo.control().set_faults(Faults::one(Rule::new(status(403)).path("/apis/cert-manager.io/")));
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.frame();
    assert!(!frame.contains("certs 0") && frame.contains("no access"), "{frame}");
    assert!(!frame.contains("0 blind"), "{frame}");
    let frame = console.go("certs");
    assert!(frame.contains("Certificates (no access)") && !frame.contains("Certificates 0"), "{frame}");
    assert!(frame.contains("blind to certificates"), "{frame}");
    assert!(console.go("pods").contains("Pods 1"), "other kinds are there");
}

#[test]
fn rights_that_are_taken_away_take_the_rows_with_them() {
    let (demo, mut console) = quiet();
    console.go("certs");
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(status(403)).path("/apis/cert-manager.io/")));
    control.disconnect();
    let frame = console.shows(&["Certificates (no access)"]);
    assert!(!frame.contains("-tls"), "{frame}");
}

#[test]
fn an_identity_of_one_namespace_sees_it_and_is_told_so() {
    let demo = demo("platform");
    let mut console = Console::as_user(&demo, "namespaced");
    console.ready();
    let frame = console.go("pods");
    assert!(frame.contains("(only team-alpha)") && console.rows("pods") > 3, "{frame}");
    let frame = console.go("hr");
    assert!(frame.contains("(only team-alpha)") && frame.contains("shop"), "{frame}");
    for word in ["nodes", "certs", "alerts", "seals", "silences", "backups", "clusterissuers"] {
        let frame = console.go(word);
        assert!(frame.contains("(no access)"), "{word}\n{frame}");
    }
    let frame = console.go("home");
    assert!(frame.contains("nodes no access") && frame.contains("hr 1"), "{frame}");
    assert!(frame.lines().next().unwrap().contains("only team-alpha"), "{frame}");
}

#[test]
fn an_identity_without_rights_sees_no_access_everywhere_and_no_all_clear() {
    let demo = demo("platform");
    let mut console = Console::as_user(&demo, "nobody");
    console.ready();
    let frame = console.frame();
    let read = watchkeeper::kinds::KINDS.iter().filter(|kind| !kind.lazy).count();
    assert!(frame.contains(&format!("{read} blind")) && frame.contains("no access"), "{frame}");
    assert!(!frame.contains("nothing wrong") && frame.contains("P1 ?") && !frame.contains("P1 0"), "{frame}");
    assert!(frame.contains("P2  Feeds"), "nothing to be seen is more than a note\n{frame}");
    for kind in watchkeeper::kinds::KINDS {
        console.go(kind.word);
        let frame = console.shows(&["(no access)"]);
        assert!(!frame.contains(&format!("{} 0", kind.title)), "{frame}");
    }
}

#[test]
fn a_reader_sees_everything_but_what_needs_the_proxy() {
    let demo = demo("platform");
    let mut console = Console::as_user(&demo, "readonly");
    console.ready();
    assert!(console.go("pods").contains("CrashLoopBackOff"));
    assert!(console.go("hr").contains("UpgradeFailed"));
    let frame = console.go("alerts");
    assert!(frame.contains("no access") && !frame.contains("Alerts 0"), "{frame}");
    // the pods' own labels tell the seal without a proxy
    let frame = console.go("seals");
    assert!(frame.contains("openbao-1") && frame.contains("sealed"), "{frame}");
}

#[test]
fn a_kind_without_its_crd_is_not_installed_and_is_no_finding() {
    let demo = demo("quiet");
    let control = demo.control();
    control.with_world(|world| {
        world.hide_group("velero.io");
        world.hide_group("fluxcd.controlplane.io");
    });
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.frame();
    assert!(!frame.contains("backups") && frame.contains("0 blind"), "{frame}");
    for word in ["backups", "schedules", "bsl", "restores", "rset"] {
        let frame = console.go(word);
        assert!(frame.contains("not installed") && !frame.contains("no access"), "{word}\n{frame}");
    }
    control.with_world(|world| world.show_group("velero.io"));
    console.go("schedules");
    console.keys("ctrl-r");
    console.shows(&["Schedules 3", "daily-backup"]);
}

#[test]
fn a_crd_that_is_removed_takes_its_rows_and_findings_with_it() {
    let (demo, mut console) = platform();
    console.go("schedules");
    console.shows(&["missed"]);
    demo.control().with_world(|world| world.hide_group("velero.io"));
    console.keys("ctrl-r");
    let frame = console.shows(&["Schedules (not installed)"]);
    assert!(!frame.contains("daily-backup"), "{frame}");
    let frame = console.go("home");
    assert!(!frame.contains("Schedule  velero"), "{frame}");
}

#[test]
fn a_kind_in_another_version_is_found_by_discovery() {
    let demo = demo("platform");
    demo.control().with_world(|world| world.serve_version("helm.toolkit.fluxcd.io", "v2beta2"));
    let mut console = Console::on(&demo);
    console.ready();
    assert!(console.go("hr").contains("UpgradeFailed"), "{}", console.frame());
    assert_eq!(&*console.feed("hr").origin, "helm.toolkit.fluxcd.io/v2beta2");
}

#[test]
fn a_404_for_a_kind_that_discovery_lists_is_asked_again() {
    let demo = demo("quiet");
    let list = Rule::new(Act::NotFound).path("/apis/helm.toolkit.fluxcd.io/v2/helmreleases");
    demo.control().set_faults(Faults::one(list.only(1, 1)));
    let mut console = Console::on(&demo);
    console.go("hr");
    console.shows(&["HelmReleases 21"]);
}

#[test]
fn a_watch_that_is_too_old_lists_anew_behind_the_rows_and_the_selection_stays() {
    let demo = demo("quiet");
    let control = demo.control();
    put(&control, ["one", "two", "three"].map(pod));
    let mut console = Console::on(&demo);
    console.ready();
    console.go("pods lab");
    console.keys("j space");
    let chosen = console.target();
    let lists = lists_of(&control, "/api/v1/pods");
    control.set_faults(
        Faults::one(Rule::new(Act::Gone { in_stream: true }).path("/api/v1/pods").verb("watch").only(1, 1))
            .with(Rule::new(Act::Delay(Duration::from_millis(300))).path("/api/v1/pods").verb("list")),
    );
    control.disconnect();
    let started = Instant::now();
    while lists_of(&control, "/api/v1/pods") == lists || console.feed("pods").state != FeedState::Live {
        assert!(started.elapsed() < DEADLINE, "no new list: {:?}", console.feed("pods"));
        console.wait_news();
        let frame = console.frame();
        assert!(frame.contains("one") && frame.contains("two") && frame.contains("three"), "{frame}");
        assert_eq!(console.target(), chosen);
    }
    assert!(console.selected().contains('*'), "{}", console.frame());
}

#[test]
fn a_throttled_feed_waits_as_long_as_the_server_asks() {
    let demo = demo("quiet");
    let act = Act::Status { code: 429, retry_after: Some(4), body: None };
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(act).path("/api/v1/nodes").only(1, 1)));
    let mut console = Console::on(&demo);
    let waits = |console: &mut Console| console.feed("nodes").state == FeedState::Unreachable;
    let started = Instant::now();
    while !waits(&mut console) {
        assert!(started.elapsed() < DEADLINE);
        console.wait_news();
    }
    let frame = console.go("nodes");
    assert!(!frame.contains("Nodes 0"), "{frame}");
    let refused = Instant::now();
    console.shows(&["Nodes 8"]);
    assert!(refused.elapsed() > Duration::from_secs(3), "it came back after {:?}", refused.elapsed());
}

#[test]
fn a_burst_of_500s_troubles_one_kind_only_and_passes() {
    let demo = demo("quiet");
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(status(500)).path("/apis/helm.toolkit.fluxcd.io/v2/helmreleases")));
    let mut console = Console::on(&demo);
    console.go("hr");
    let frame = console.shows(&["unreachable", "etcdserver: request"]);
    assert!(!frame.contains("HelmReleases 0"), "{frame}");
    console.go("ks");
    console.shows(&["Kustomizations 13"]);
    heal(&control);
    console.go("hr");
    console.shows(&["HelmReleases 21"]);
}

#[test]
fn a_slow_list_shows_that_it_is_coming_while_other_kinds_are_live() {
    let demo = demo("quiet");
    demo.control().set_faults(Faults::one(Rule::new(Act::Delay(Duration::from_secs(3))).path("/api/v1/pods")));
    let mut console = Console::on(&demo);
    console.go("hr");
    console.shows(&["HelmReleases 21"]);
    let frame = console.go("pods");
    assert!(frame.contains("listing") && !frame.contains("Pods 0"), "{frame}");
    console.shows(&["Pods 1"]);
    console.ready();
}

#[test]
fn an_object_that_cannot_be_read_is_counted_and_named_and_the_others_are_there() {
    let demo = demo("quiet");
    let mut odd = pod("odd-one");
    odd["spec"]["containers"] = json!("not a list");
    put(&demo.control(), [odd, pod("fine-one")]);
    let mut console = Console::on(&demo);
    console.ready();
    console.resize(160, 24);
    let frame = console.go("feeds");
    let line = line_with(&frame, &["Pods"]);
    assert!(line.contains("lab/odd-one cannot be read") && line.contains("live"), "{line}");
    let frame = console.go("pods lab");
    assert!(frame.contains("fine-one") && frame.contains("(1 cannot be read)"), "{frame}");
    let line = line_with(&frame, &["odd-one"]);
    assert!(line.starts_with('?') && line.contains("Unreadable"), "never as if it were well: {line}");
    // it is an incident, and can be looked at
    assert!(line_with(&console.go("home"), &["odd-one"]).contains("P3"));
    console.go("find pod/odd-one");
    console.keys("y");
    console.shows(&["not a list"]);
}

#[test]
fn an_object_that_becomes_unreadable_does_not_keep_its_old_state() {
    let (demo, mut console) = quiet();
    put(&demo.control(), [pod("turns-odd")]);
    console.go("pods");
    console.filter("turns-odd");
    console.shows(&["turns-odd", "Running"]);
    let mut odd = pod("turns-odd");
    odd["status"]["reason"] = json!(["x"]);
    put(&demo.control(), [odd]);
    console.until("the row", |f| f.lines().any(|l| l.contains("turns-odd") && l.contains("Unreadable")));
    put(&demo.control(), [pod("turns-odd")]);
    console.until("the row", |f| f.lines().any(|l| l.contains("turns-odd") && l.contains("Running")));
    assert!(!console.frame().contains("cannot be read"));
}

#[test]
fn a_garbled_list_is_no_empty_list_and_is_read_again() {
    let demo = demo("quiet");
    let rule = |act| Rule::new(act).path("/apis/cert-manager.io/v1/certificates").verb("list").only(1, 1);
    demo.control().set_faults(Faults::one(rule(Act::Garble(400))));
    let mut console = Console::on(&demo);
    console.go("certs");
    let frame = console.until("the failure", |f| f.contains("unreachable"));
    assert!(!frame.contains("no Certificates") && !frame.contains("Certificates 0"), "{frame}");
    console.shows(&["Certificates 30"]);
}

#[test]
fn a_list_that_is_cut_is_no_short_list() {
    let demo = demo("quiet");
    let rule = Rule::new(Act::Cut(5000)).path("/apis/cert-manager.io/v1/certificates").verb("list");
    demo.control().set_faults(Faults::one(rule.only(1, 1)));
    let mut console = Console::on(&demo);
    console.go("certs");
    console.until("the failure", |f| f.contains("unreachable"));
    console.shows(&["Certificates 30"]);
}

#[test]
fn a_watch_with_garbage_in_it_goes_on() {
    let (demo, mut console) = quiet();
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(Act::Garble(20)).path("/api/v1/pods").verb("watch").only(1, 1)));
    control.disconnect();
    put(&control, [pod("first"), pod("second"), pod("third")]);
    console.go_when_known("pods lab");
    console.shows(&["first", "second", "third"]);
}

#[test]
fn a_server_that_hangs_is_noticed_within_15_seconds_and_rows_stay() {
    let (demo, mut console) = quiet();
    let rows = console.rows("pods");
    console.go("pods");
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(Act::Silent)).with(Rule::new(Act::Hang(0))));
    let frame = console.within(Duration::from_secs(15), "the hang", |f| f.contains("DISCONNECTED"));
    assert!(frame.contains("cert-manager"), "rows went\n{frame}");
    console.shows(&["(stale"]);
    assert_eq!(console.rows("pods"), rows);
    heal(&control);
    console.until("the recovery", |f| !f.contains("DISCONNECTED") && !f.contains("stale"));
}

#[test]
fn an_api_that_dies_leaves_rows_that_say_how_old_they_are() {
    let (demo, mut console) = quiet();
    console.go("pods");
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(Act::Refuse)));
    let frame = console.shows(&["(stale ", "cert-manager"]);
    let title = frame.lines().nth(2).unwrap();
    assert!(title.contains("(stale ") && title.contains("s)"), "{title}");
    console.shows(&["DISCONNECTED"]);
    let frame = console.go("home");
    assert!(!frame.contains("nothing wrong") && frame.contains("stale"), "{frame}");
    // the truth at once when it is back: not after the longest wait
    put(&control, [pod("born-meanwhile")]);
    heal(&control);
    console.go_when_known("pods lab");
    console.shows(&["born-meanwhile"]);
    console.until("the recovery", |f| !f.contains("DISCONNECTED") && !f.contains("stale"));
}

#[test]
fn a_clock_that_is_off_is_a_banner_and_ages_go_by_the_servers() {
    let demo = demo("quiet");
    let control = demo.control();
    control.advance(Duration::from_secs(3600));
    put(&control, [pod("just-born")]);
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.go("pods lab");
    let banner = frame.lines().next().unwrap();
    assert!(banner.contains("clock +36") || banner.contains("clock +35"), "{banner}");
    let line = line_with(&frame, &["just-born"]);
    assert!(line.split_whitespace().any(|w| w.ends_with('s') && w.len() <= 3), "its age is not of now: {line}");
    let frame = console.go("feeds");
    assert!(frame.contains("its clock is +3"), "{frame}");
}

#[test]
fn the_clock_of_one_cluster_is_not_that_of_the_next() {
    let demo = demo("quiet");
    let control = demo.control();
    control.set_faults(Faults::one(Rule::new(Act::Skew(3600))));
    let mut console = Console::on(&demo);
    console.ready();
    assert!(console.frame().contains("clock +"), "{}", console.frame());
    heal(&control);
    console.go("ctx readonly");
    console.until("the other context", |f| f.starts_with(" readonly"));
    console.ready();
    assert!(!console.frame().contains("clock +"), "{}", console.frame());
}

const PROMETHEUS: &[&str] = &["pods/http:prometheus", "services/http:monitoring-kube-prometheus-prometheus"];
const ALERTMANAGER: &[&str] = &["pods/http:alertmanager", "services/http:monitoring-kube-prometheus-alertmanager"];

fn without(paths: &[&str]) -> Faults {
    paths.iter().fold(Faults::default(), |faults, path| {
        faults.with(Rule::new(status(503)).path(&format!("/api/v1/namespaces/monitoring/{path}")))
    })
}

#[test]
fn prometheus_without_alertmanager_shows_alerts_and_says_which_half_is_missing() {
    let demo = demo("platform");
    demo.control().set_faults(without(ALERTMANAGER));
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.go("alerts");
    assert!(frame.contains("OpenBaoSealed") && frame.contains("firing"), "{frame}");
    assert!(frame.contains("(in part: Alertmanager"), "{frame}");
    console.resize(160, 40);
    let frame = console.go("feeds");
    assert!(line_with(&frame, &["Alerts"]).contains("Alertmanager"), "{frame}");
    let line = line_with(&frame, &["Silences"]);
    assert!(line.contains("unreachable") && !line.contains(" 0 "), "{line}");
}

#[test]
fn alertmanager_without_prometheus_shows_alerts_and_says_which_half_is_missing() {
    let demo = demo("platform");
    demo.control().set_faults(without(PROMETHEUS));
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.go("alerts");
    assert!(frame.contains("OpenBaoSealed"), "{frame}");
    assert!(frame.contains("(in part: Prometheus"), "{frame}");
    console.resize(160, 60);
    console.go("home");
    let frame = console.filter("partly");
    assert!(frame.contains("partly blind to alerts"), "{frame}");
    let frame = console.go("feeds");
    assert!(line_with(&frame, &["Alerts"]).contains("Prometheus"), "{frame}");
    assert!(line_with(&frame, &["Silences"]).contains("live"), "{frame}");
}

#[test]
fn without_both_halves_alerts_are_unreachable_and_never_0() {
    let demo = demo("platform");
    let both: Vec<&str> = PROMETHEUS.iter().chain(ALERTMANAGER).copied().collect();
    demo.control().set_faults(without(&both));
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.frame();
    assert!(frame.contains("alerts unreachable"), "{frame}");
    let frame = console.go("alerts");
    assert!(frame.contains("(unreachable)") && !frame.contains("Alerts 0"), "{frame}");
}

#[test]
fn replicas_of_openbao_that_answer_differently_have_different_words() {
    let demo = demo("quiet");
    let path = |n: u8| format!("/api/v1/namespaces/openbao/pods/http:openbao-{n}:");
    let status = |initialized: bool, sealed: bool| {
        json!({"type": "shamir", "initialized": initialized, "sealed": sealed, "t": 3, "n": 5, "progress": 1,
            "version": "2.6.0", "storage_type": "raft"})
    };
    let health = |code, initialized: bool, sealed: bool, standby: bool| {
        let body = json!({"initialized": initialized, "sealed": sealed, "standby": standby, "version": "2.6.0"});
        Act::Status { code, retry_after: None, body: Some(body.to_string()) }
    };
    let answer = |at: &str, act: Act| Rule::new(act).path(at);
    let says = |body: serde_json::Value| Act::Status { code: 200, retry_after: None, body: Some(body.to_string()) };
    let at = |n: u8, what: &str| format!("{}8200/proxy/v1/sys/{what}", path(n));
    demo.control().set_faults(
        Faults::default()
            .with(answer(&at(0, "health"), health(501, false, true, true)))
            .with(answer(&at(0, "seal-status"), says(status(false, true))))
            .with(answer(&at(1, "health"), health(503, true, true, true)))
            .with(answer(&at(1, "seal-status"), says(status(true, true))))
            .with(answer(&at(1, "leader"), Act::Status { code: 503, retry_after: None, body: Some("{}".to_owned()) })),
    );
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.go("seals");
    assert!(line_with(&frame, &["openbao-0"]).contains("uninitialised"), "{frame}");
    assert!(line_with(&frame, &["openbao-1"]).contains("sealed"), "{frame}");
    assert!(line_with(&frame, &["openbao-2"]).contains("standby"), "{frame}");
    let line = line_with(&frame, &["(cluster)"]);
    assert!(line.contains("quorum lost"), "{line}");
}

#[test]
fn the_guide_of_a_sealed_replica_follows_every_replica_while_keys_are_given() {
    let demo = demo("quiet");
    let at = |n: u8, what: &str| format!("/api/v1/namespaces/openbao/pods/http:openbao-{n}:8200/proxy/v1/sys/{what}");
    let says = |code, body: serde_json::Value| Act::Status { code, retry_after: None, body: Some(body.to_string()) };
    let given = |keys: u8| {
        let status = json!({"type": "shamir", "initialized": true, "sealed": true, "t": 3, "n": 5, "progress": keys,
            "version": "2.6.0", "storage_type": "raft"});
        let health = json!({"initialized": true, "sealed": true, "standby": true, "version": "2.6.0"});
        let faults = Faults::default()
            .with(Rule::new(says(503, health)).path(&at(1, "health")))
            .with(Rule::new(says(200, status)).path(&at(1, "seal-status")))
            .with(Rule::new(says(503, json!({}))).path(&at(1, "leader")));
        demo.control().set_faults(faults);
    };
    given(1);
    let mut console = Console::on(&demo);
    console.ready();
    console.go("seals");
    console.filter("name=openbao-1");
    let frame = console.keys("u");
    assert!(line_with(&frame, &["openbao-1"]).contains("What to do"), "{frame}");
    let now = |frame: &str, replica: &str, words: &str| {
        frame.lines().any(|line| !line.contains("What to do") && line.contains(replica) && line.contains(words))
    };
    let frame = console.until("one key", |frame| now(frame, "openbao-1", "1 of 3 keys given"));
    assert!(now(&frame, "openbao-0", "active") && now(&frame, "openbao-2", "standby"), "{frame}");
    assert!(frame.contains(">openbao-1"), "the replica that was asked about is marked\n{frame}");
    given(2);
    console.until("another key", |frame| now(frame, "openbao-1", "2 of 3 keys given"));
    demo.control().set_faults(Faults::default());
    console.until("the third key unseals it", |frame| now(frame, "openbao-1", "standby"));
}

#[test]
fn a_replica_of_openbao_that_is_silent_is_unreachable_and_not_sealed() {
    let demo = demo("quiet");
    demo.control()
        .set_faults(Faults::one(Rule::new(Act::Silent).path("/api/v1/namespaces/openbao/pods/http:openbao-2:")));
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.go("seals");
    let line = line_with(&frame, &["openbao-2"]);
    assert!(!line.contains("sealed") && (line.contains("unreachable") || line.contains("unsealed")), "{line}");
    assert!(line_with(&frame, &["openbao-0"]).contains("active"), "{frame}");
}

#[test]
fn a_replica_that_is_lost_later_is_told() {
    let (demo, mut console) = quiet();
    console.go("seals");
    console.shows(&["quorum 3/3"]);
    let sealed = json!({"type": "shamir", "initialized": true, "sealed": true, "t": 3, "n": 5, "progress": 0});
    let act = Act::Status { code: 200, retry_after: None, body: Some(sealed.to_string()) };
    let path = "/api/v1/namespaces/openbao/pods/http:openbao-2:8200/proxy/v1/sys/seal-status";
    demo.control().set_faults(Faults::one(Rule::new(act).path(path)));
    let frame = console.shows(&["degraded 2/3"]);
    assert!(line_with(&frame, &["openbao-2"]).contains("sealed"), "{frame}");
    let frame = console.go("home");
    assert!(frame.contains("seal openbao/openbao-2"), "{frame}");
}

/// A restored backup on other machines, a load balancer that leads elsewhere: nothing of the old cluster stays.
#[test]
fn another_cluster_that_answers_at_the_same_address_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo("quiet");
    let kubeconfig = folder.path().join("config");
    std::fs::copy(first.kubeconfig(), &kubeconfig).unwrap();
    let (listen, story) = (first.address(), "quiet".to_owned());
    let mut console = Console::start(settings(&kubeconfig, None));
    console.ready();
    drop(first);
    let second = Demo::start(Options { listen, story, seed: 9, ..Options::default() }).unwrap();
    let name = second.control().with_world(|world| {
        let mut names = world.list("Pod").into_iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        names.find(|name| name.starts_with("shop-web")).unwrap().to_owned()
    });
    console.until("who answers", |f| f.contains("another cluster answers at the address of sre-demo"));
    console.ready();
    console.go("pods");
    let frame = console.filter(&name);
    assert!(frame.contains("1 of "), "{frame}");
    let pods = second.control().with_world(|world| world.list("Pod").len());
    assert_eq!(console.rows("pods"), pods);
}
