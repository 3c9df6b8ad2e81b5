//! Expire a silence now: alerts that still fire notify again.

use super::input::Input;
use super::silence;
use super::{ActKey, ActionSpec, Offer};
use crate::domain::json::text;
use crate::domain::matcher::{Test, written};
use crate::domain::plan::{Body, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::Check;
use crate::kinds::silences;

pub const SPEC: ActionSpec = ActionSpec {
    name: "expire-silence",
    key: Some(ActKey::Delete),
    doc: "expire the silence now",
    rights: silence::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| match subject.of(&["Silence"]) {
        Offer::Yes if subject.strings.get(subject.record.status) == silences::State::Expired.word() => {
            Offer::No("it has expired already".to_owned())
        }
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let id = &target.key.name;
    let path = silence::own_path(id);
    let found = input.read(&silence::path(id))?;
    let matchers = silence::of(found);
    let request = Request {
        via: Via::Alertmanager,
        method: Method::Delete,
        path: path.clone(),
        body: Body::None,
        guard: None,
        right: None,
        dry_run: false,
        fine: &[],
        patience: 0,
        before: format!("until {}", text(found, "/endsAt")),
        after: "expired".into(),
    };
    let check = Check::Silence { until: None, pending: false, made: None };
    let proof = Proof { via: Via::Alertmanager, path, check, limit: 90 };
    let test = Test::of(&matchers);
    let count = test.map(|test| input.alerts.iter().filter(|labels| test.all(labels)).count());
    let count = match (count, input.blind) {
        (Ok(count), None) => format!("{count} alerts that it covers notify again"),
        (Err(why), _) => format!("how many alerts notify again is unknown: {why}"),
        (_, Some(why)) => format!("how many alerts notify again is unknown: {why}"),
    };
    Ok(Plan {
        action: SPEC.name,
        title: format!("expire the silence {}", written(&matchers)),
        targets: vec![target.key.clone()],
        steps: vec![
            Step::send("expire it", silence::amtool("expire", &[]).arg(&**id), request),
            Step::wait("wait until every replica says so", proof),
        ],
        risk: Risk::Press,
        reach: vec![count],
        warnings: Vec::new(),
        undo: "create a new silence: an expired one cannot be revived".into(),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}
