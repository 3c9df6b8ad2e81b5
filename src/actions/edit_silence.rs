//! Change or extend a silence. With the same matchers and start Alertmanager keeps its id, otherwise it makes a new one.

use serde_json::json;

use super::input::Input;
use super::silence::{self, parse, written};
use super::{ActionSpec, Field, Offer, Start, twin};
use crate::domain::json::text;
use crate::domain::plan::{Plan, Stop};
use crate::kinds::silences;

pub const SPEC: ActionSpec = ActionSpec {
    name: "edit-silence",
    key: None,
    doc: "extend the silence from now on, or change its matchers",
    rights: silence::RIGHTS,
    fields: &[
        Field { name: "duration", help: "how long from now: 30m, 2h, 1d, or until 14:30", default: Start::Text("2h") },
        Field {
            name: "matchers",
            help: "only to change them: the old silence then ends, and a new one begins",
            default: Start::Text(""),
        },
    ],
    wants_reason: true,
    offered: |subject| match subject.of(&["Silence"]) {
        Offer::Yes if subject.strings.get(subject.record.status) == silences::State::Expired.word() => {
            Offer::No("it has expired: silence anew".to_owned())
        }
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let found = input.read(&silence::path(&target.key.name))?;
    let old = silence::of(found);
    let new = input.setting("matchers").map(parse).transpose()?.unwrap_or_else(|| old.clone());
    let (seconds, told) = silence::duration(input.setting("duration").unwrap_or("2h"), input)?;
    let ends = input.now.plus(seconds).timestamp().to_string();
    // to the letter: with another start it would be another silence
    let starts = text(found, "/startsAt");
    let mut body = silence::body(&new, starts, &ends, input, Some(&target.key.name));
    let by = text(found, "/createdBy");
    if !by.is_empty() && by != input.operator {
        body["comment"] = json!(format!("{} (by {by}, extended by {})", input.reason.trim(), input.operator));
    }
    let twin = twin::amtool(input, &["silence", "update"])
        .arg(&*target.key.name)
        .flag("duration", format!("{}m", seconds / 60));
    let mut plan =
        silence::build(input, SPEC.name, format!("extend the silence {} by {told}", written(&new)), body, twin)?;
    let (count, warnings) = silence::count(&new, input.alerts);
    plan.reach.push(format!("{count} alerts that fire or are pending now match"));
    plan.warnings = warnings;
    if new != old {
        plan.reach.push(format!("it was {}; it gets a new id", written(&old)));
    }
    let before = format!("until {}", text(found, "/endsAt"));
    if let Some(crate::domain::plan::Act::Send(request)) = plan.steps.first_mut().map(|s| &mut s.act) {
        request.before = before;
    }
    Ok(plan)
}
