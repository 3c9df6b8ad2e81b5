//! What the world does to an action: conflicts, answers that are lost, refusals by admission, a replica that is down.

use rstest::rstest;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};

use super::driver::{State, demo, overtaken, writes};

const SHOP: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/shop";

/// The first patch is the dry run, the second is meant.
#[test]
fn an_answer_that_is_lost_is_read_back_and_not_sent_again() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(Rule::new(Act::Lose).path(SHOP).verb("patch").only(2, 1)));
    let seen = state.on(&demo, "suspend hr/team-alpha/shop --yes");
    seen.is(0, "done: .spec.suspend is true");
    assert!(seen.out.contains("the answer was lost"), "{seen:#?}");
    assert_eq!(writes(&demo).len(), 1, "sent once");
}

#[test]
fn an_answer_that_is_lost_without_effect_is_unknown() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 503, retry_after: None, body: None }).path(SHOP).verb("patch").only(2, 1),
    ));
    let seen = state.on(&demo, "suspend hr/team-alpha/shop --yes");
    assert_eq!(seen.code, 5, "{seen:#?}");
    assert_eq!(state.audited().last().unwrap()["outcome"], "unknown");
}

#[test]
fn a_denial_by_admission_is_quoted() {
    let (demo, state) = (demo("quiet"), State::new());
    let denied = Act::Deny("freeze".to_owned());
    demo.control().set_faults(Faults::one(Rule::new(denied).path(SHOP).verb("patch")));
    let seen = state.on(&demo, "suspend hr/team-alpha/shop --yes");
    seen.is(4, "nothing was sent: it would be rejected");
    assert!(seen.out.contains("denied the request") && seen.out.contains("freeze"), "{seen:#?}");
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[test]
fn a_status_that_moves_meanwhile_is_no_conflict() {
    let (demo, state) = (demo("quiet"), State::new());
    let run = || state.on(&demo, "suspend hr/team-alpha/shop --yes");
    overtaken(&demo, (SHOP, "patch"), &[], || stir(&demo), run).is(0, "done");
    assert_eq!(writes(&demo).len(), 2, "once for each version");
}

/// Moves the status of the shop's release.
pub fn stir(demo: &Demo) {
    demo.control().with_world(|world| {
        world.edit("HelmRelease", "team-alpha", "shop", |shop| shop["status"]["lastAttemptedRevision"] = "x".into());
    });
}

const PROXY: &str = "/api/v1/namespaces/monitoring";

#[test]
fn while_a_replica_of_alertmanager_cannot_be_read_a_silence_is_not_known_to_be_everywhere() {
    let (demo, state) = (demo("quiet"), State::new());
    let away = format!("{PROXY}/pods/http:alertmanager-monitoring-kube-prometheus-alertmanager-1:9093");
    demo.control().set_faults(Faults::one(Rule::new(Act::Drop).path(&away)));
    let seen = state.on(&demo, r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X" --yes"#);
    seen.is(5, "on 1 of 2 replicas");
    assert!(seen.last().contains("alertmanager-1:9093/proxy cannot be read"), "{seen:#?}");
}

#[test]
fn a_silence_that_is_refused_is_told_in_alertmanagers_words() {
    let (demo, state) = (demo("quiet"), State::new());
    let silences = format!("{PROXY}/services/http:monitoring-kube-prometheus-alertmanager:9093/proxy/api/v2/silences");
    let act = Act::Status { code: 400, retry_after: None, body: Some("\"silence invalid: too many\"".to_owned()) };
    demo.control().set_faults(Faults::one(Rule::new(act).path(&silences).verb("create")));
    let seen = state.on(&demo, r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X" --yes"#);
    seen.is(4, "refused: silence invalid: too many");
}

#[test]
fn a_budget_that_refuses_is_quoted_and_asked_again_only_for_so_long() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = demo.control().with_world(|world| {
        let mut names = world.list("Pod").into_iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        names.find(|name| name.starts_with("slo-scout-kafka-1")).expect("a pod that two budgets claim").to_owned()
    });
    let seen = state.on(&demo, &format!("evict pod/slo-scout/{pod} --yes"));
    assert_eq!(seen.code, 4, "{seen:#?}");
    assert!(seen.out.contains("would be rejected") && seen.out.contains("more than one"), "{seen:#?}");
}

#[rstest]
#[case::dropped(Act::Drop, "the log's address cannot be reached from here (often it is inside the cluster)")]
#[case::expired(Act::Status { code: 403, retry_after: None, body: Some("signature=x".into()) }, "the storage refused the address (403)")]
#[case::half(Act::Cut(5), "the log cannot be")]
fn a_log_that_cannot_be_had_says_where_else_to_look(#[case] act: Act, #[case] why: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(Rule::new(act).path("/downloads/")));
    let seen = state.on(&demo, "backup-logs backup/velero/before-istio-1-27 --yes");
    seen.is(1, why);
    assert!(seen.last().starts_with("failed: ") && seen.last().ends_with(": see the logs of the velero pod in velero"));
    let audit = serde_json::to_string(&state.audited()).unwrap();
    assert_eq!(state.audited().last().unwrap()["outcome"], "failed");
    for told in [&audit, &seen.out, &seen.err] {
        assert!(!told.contains("downloads/") && !told.contains("signature="), "{told}");
    }
}

/// The first request is the dry run, the second is meant.
#[test]
fn a_request_whose_answer_was_lost_is_looked_for_and_not_sent_again() {
    let (demo, state) = (demo("quiet"), State::new());
    let requests = "/apis/velero.io/v1/namespaces/velero/downloadrequests";
    demo.control().set_faults(Faults::one(Rule::new(Act::Lose).path(requests).verb("create").only(2, 1)));
    let seen = state.on(&demo, "backup-logs backup/velero/before-istio-1-27 --yes");
    seen.is(0, "Backup ended as Completed");
    assert!(seen.out.contains("the answer was lost"), "{seen:#?}");
    assert_eq!(writes(&demo).len(), 1, "sent once");
}
