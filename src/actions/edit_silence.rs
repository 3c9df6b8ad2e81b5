//! Change or extend a silence. With the same matchers and start Alertmanager keeps its id, otherwise it makes a new
//! one. All its other fields stay as they are, and it ends no earlier than before unless that is asked for.

use serde_json::json;

use super::input::Input;
use super::silence::{self, amtool, parse};
use super::silence_caution::Caution;
use super::silence_span::{self, Span, end_flag};
use super::{ActionSpec, Field, Offer, Start};
use crate::domain::ages::{Time, duration};
use crate::domain::json::text;
use crate::domain::matcher::written;
use crate::domain::plan::{Act, Guard, Plan, Proof, Risk, Step, Stop, Via};
use crate::domain::proof::Check;
use crate::kinds::silences;

/// How much longer, when nothing is set.
const MORE: &str = "+2h";
/// What Alertmanager adds to a silence by itself.
const ITS_OWN: &[&str] = &["status", "updatedAt"];

pub const SPEC: ActionSpec = ActionSpec {
    name: "edit-silence",
    key: None,
    doc: "extend the silence, or change its matchers",
    rights: silence::RIGHTS,
    fields: &[
        Field::new(
            "duration",
            "+2h: longer than it lasts now; from now on: 30m, 2h, 1d, or until 14:30 by your clock, until 14:30z by UTC",
            Start::Text(MORE),
        ),
        Field::new("matchers", "only to change them: the old silence then ends, and a new one begins", Start::Text("")),
        Field::new("earlier", "yes: it may end earlier than it does now", Start::Text("no")),
    ],
    reason: Some("recorded here; the silence keeps the comment that it has"),
    offered: |subject| match subject.of(&["Silence"]) {
        Offer::Yes if subject.strings.get(subject.record.status) == silences::State::Expired.word() => {
            Offer::No("it has expired: make a new silence".to_owned())
        }
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let id = &target.key.name;
    let found = input.read(&silence::path(id))?;
    let had = Time::parse(text(found, "/endsAt"))
        .ok_or_else(|| Stop::refuse("its end cannot be read: unexpected response from Alertmanager"))?;
    if text(found, "/status/state") == silences::State::Expired.word() || had <= input.now {
        return Err(Stop::refuse("it has expired: make a new silence"));
    }
    let old = silence::of(found);
    if old.is_empty() {
        return Err(Stop::refuse("its matchers have an unknown format: edit it in Alertmanager"));
    }
    let new = input.setting("matchers").map(parse).transpose()?.unwrap_or_else(|| old.clone());
    let ends = end(input, had)?;
    let until = ends.timestamp().to_string();
    let starts = Time::parse(text(found, "/startsAt")).unwrap_or_default();
    if ends <= starts {
        return Err(Stop::Refuse(format!("it begins only at {}, and cannot end before", starts.timestamp())));
    }

    // every field is sent back as it came: a comment or an annotation that is left out is removed, and with another
    // start, to the letter, it would be another silence
    let mut body = found.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, _| !ITS_OWN.contains(&&**name));
    }
    body["id"] = json!(&**id);
    body["endsAt"] = json!(until);
    if text(found, "/comment").is_empty() {
        body["comment"] = json!(input.reason.trim());
    }
    let changed = new != old;
    if changed {
        body["matchers"] = silence::wire(&new);
        body["createdBy"] = json!(input.operator);
    }
    let twin = if changed {
        let comment = body["comment"].as_str().unwrap_or("");
        let added = silence::added(&new, &span_flags(starts, ends, input.now), input.operator, comment);
        // if the first command cannot be shown, the second is left out, too
        if added.is_empty() { added } else { format!("{added} && {}", amtool("expire", &[]).arg(&**id)) }
    } else {
        amtool("update", &[&end_flag(ends)]).arg(&**id).to_string()
    };
    let verb = if ends < had { "shorten" } else { "extend" };
    let title = format!("{verb} the silence {} to {until}", written(&new));
    let pending = text(found, "/status/state") == silences::State::Pending.word();
    let made = changed.then(|| silence::known_by(&body));
    let check = Check::Silence { until: Some(until), pending, made };
    let read = if changed { "/api/v2/silence/{/silenceID}".to_owned() } else { silence::own_path(id) };
    let mut plan = silence::build(input, SPEC.name, title, body, twin, (read, check))?;
    let caution = Caution::of(input, &new, None)?;
    plan.reach.push(caution.count);
    plan.risk = caution.risk;
    plan.warnings = caution.warnings;
    if changed {
        plan.reach.push(format!("it was {}; it gets a new id, and the old one ends", written(&old)));
        let gone = Check::Silence { until: None, pending: false, made: None };
        let proof = Proof { via: Via::Alertmanager, path: silence::own_path(id), check: gone, limit: 90 };
        // before the other proof, whose id is what the operator continues with
        plan.steps.insert(1, Step::wait("wait until every replica has ended the old one", proof));
    } else {
        plan.undo = amtool("update", &[&end_flag(had)]).arg(&**id).to_string();
    }
    if ends.age(input.now).abs() > silence_span::DAY {
        plan.warnings
            .push(format!("it lasts {} more: longer than a day", silence_span::told(ends.age(input.now).abs())));
        plan.risk = plan.risk.or(Risk::Context(input.context.to_owned()));
    }
    if let Some(Act::Send(request)) = plan.steps.first_mut().map(|s| &mut s.act) {
        request.before = format!("until {}", text(found, "/endsAt"));
        // somebody else may have extended it meanwhile
        request.guard = Some(Guard::of(silence::own_path(id), found, &["/endsAt", "/updatedAt"]));
    }
    Ok(plan)
}

/// amtool's flags for a new silence: without its start it would begin at once.
fn span_flags(starts: Time, ends: Time, now: Time) -> Vec<String> {
    let start = (starts > now).then(|| format!("--start={}", starts.timestamp()));
    start.into_iter().chain([end_flag(ends)]).collect()
}

/// The requested end.
fn end(input: &Input<'_>, had: Time) -> Result<Time, Stop> {
    let wanted = input.setting("duration").unwrap_or(MORE);
    let ends = match wanted.strip_prefix('+') {
        Some(more) => {
            let wrong = || Stop::Refuse(format!("duration `{wanted}`: write +30m, +2h or +1d for longer than now"));
            had.plus(duration(&more.to_lowercase()).filter(|s| *s > 0).ok_or_else(wrong)?)
        }
        None => input.now.plus(Span::of(wanted, input.now, input.zone)?.seconds),
    };
    silence_span::bounded(ends.age(input.now).abs(), wanted)?;
    if ends < had && !input.yes("earlier")? {
        return Err(Stop::Refuse(format!(
            "it lasts until {}, and would end earlier, at {}: write +2h for longer, or set earlier=yes if that is meant",
            had.timestamp(),
            ends.timestamp()
        )));
    }
    Ok(ends)
}
