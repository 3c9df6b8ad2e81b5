//! What the actions on Velero's objects share: schedules that are paused, and whether Velero responds.

use serde_json::{Value, json};

use super::input::Input;
use super::{Offer, RightRow, Subject, digest, flux, marks, right, twin};
use crate::domain::ages::{self, Time};
use crate::domain::command_line::CommandLine;
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;
use crate::kinds::backup_storage_locations::patience;

pub const RIGHTS: &[RightRow] = &[right("velero.io", "schedules", "patch")];

/// Offered for a schedule that is paused, or is not.
pub fn when_paused(subject: &Subject<'_>, wanted: bool) -> Offer {
    match subject.of(&["Schedule"]) {
        Offer::Yes if subject.record.suspended == Some(wanted) => Offer::Yes,
        Offer::Yes => Offer::No(if wanted { "it is not paused" } else { "it is paused already" }.to_owned()),
        other => other,
    }
}

/// The velero command that pauses or unpauses a schedule; `skip` says whether a missed run is skipped.
///
/// Velero 1.18 `pkg/cmd/cli/schedule/pause.go`: without the flag the field is removed, and a bare `--skip-immediately`
/// takes the word after it for its value.
pub fn command(input: &Input<'_>, wanted: bool, skip: Option<bool>) -> Result<CommandLine, Stop> {
    let key = &input.target()?.key;
    let line = twin::velero(input, &["schedule", if wanted { "pause" } else { "unpause" }]).arg(&*key.name);
    let line = match skip {
        Some(skip) => line.flag("skip-immediately", skip),
        None => line,
    };
    Ok(line.within(&key.namespace))
}

/// Pauses or unpauses a schedule.
pub fn pause(
    input: &Input<'_>,
    action: &'static str,
    wanted: bool,
    skip: Option<bool>,
    reach: &str,
) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let paused = flag(object, "/spec/paused");
    if paused == wanted {
        let word = if paused { "is paused already" } else { "is not paused" };
        return Err(Stop::Refuse(format!("{} {word}", target.told())));
    }
    let verb = if wanted { "pause" } else { "unpause" };
    let annotations = if wanted { marks::set(input, object, "false") } else { marks::gone() };
    let body =
        json!({ "metadata": { "annotations": annotations }, "spec": { "paused": wanted, "skipImmediately": skip } });
    let mut request = flux::patch(input, &path, object, &["/spec/paused"], body)?;
    request.before = format!("paused: {paused}");
    let skips = skip.map_or_else(String::new, |skip| format!(", skipImmediately: {skip}"));
    // what the velero command does not write
    let by = if wanted { marks::written(input) } else { String::new() };
    request.after = format!("paused: {wanted}{skips}{by}");
    let sent = if wanted { marks::ours(input) } else { marks::taken_away() };
    let check = Check::Field { pointer: "/spec/paused".into(), is: json!(wanted), sent };
    let proof = Proof { via: Via::Kubernetes, path, check, limit: 30 };
    let send = Step::send(format!("{verb} schedule {}", target.key.name), command(input, wanted, skip)?, request);
    let send = if wanted { send.holding("paused", target.object()) } else { send.freeing(target.object()) };
    let steps = vec![send, Step::wait("read it back", proof)];
    // an undo of a pause must not start the runs that the pause prevented
    let undo = command(input, !wanted, wanted.then_some(true))?.to_string();
    let mut plan = flux::plan(input, action, steps, undo)?;
    plan.reach.push(reach.to_owned());
    Ok(plan)
}

/// The storage locations of a namespace, or why they could not be read.
pub fn locations<'a>(input: &Input<'a>, namespace: &str) -> Result<Result<&'a [Value], &'a str>, Stop> {
    let path = input.served("BackupStorageLocation")?.collection(namespace);
    Ok(input.maybe(&path)?.map(|found| list(found, "/items")))
}

/// Whether no location has been validated for so long that Velero must be silent, and for how long.
fn silent_for(location: &Value, now: Time) -> Option<i64> {
    let patience = patience(text(location, "/spec/validationFrequency"))?;
    let last = ["/status/lastValidationTime", "/metadata/creationTimestamp"];
    let last = last.iter().find_map(|pointer| Time::parse(text(location, pointer)))?;
    Some(last.age(now)).filter(|age| *age >= patience)
}

/// The warning when Velero does not seem to respond: it validates every location regularly.
pub fn silence(locations: Result<&[Value], &str>, now: Time) -> Option<String> {
    let locations = match locations {
        Ok(locations) => locations,
        Err(why) => return Some(format!("whether Velero answers could not be read: {why}")),
    };
    let validated = locations.iter().filter(|one| patience(text(one, "/spec/validationFrequency")).is_some());
    // the location that was validated last decides
    let ages: Option<Vec<i64>> = validated.map(|one| silent_for(one, now)).collect();
    let age = ages?.into_iter().min()?;
    Some(format!(
        "Velero is silent: no storage location was validated for {}; requests to it may wait until it is back",
        ages::told(age)
    ))
}

/// Why a location cannot be used for the request.
pub enum Unfit<'a> {
    Unavailable(&'a str),
    ReadOnly,
    /// Its state is not known, or the location is not.
    Unknown(String),
}

/// Whether a location can be used; `writes` when it must be writable.
pub fn unfit<'a>(locations: &'a [Value], name: &str, writes: bool) -> Option<Unfit<'a>> {
    let Some(location) = locations.iter().find(|one| text(one, "/metadata/name") == name) else {
        return Some(Unfit::Unknown(format!("storage location {name} is not there")));
    };
    match text(location, "/status/phase") {
        "Unavailable" => return Some(Unfit::Unavailable(text(location, "/status/message"))),
        "Available" => {}
        _ => return Some(Unfit::Unknown(format!("whether storage location {name} is available is not known"))),
    }
    (writes && text(location, "/spec/accessMode") == "ReadOnly").then_some(Unfit::ReadOnly)
}

/// A label value, as Velero shortens values that are too long.
///
/// Velero 1.18 `pkg/label/label.go`, `GetValidName`: 57 characters, and six of the SHA-256.
pub fn label_value(name: &str) -> String {
    const MOST: usize = 63;
    const OF_DIGEST: usize = 6;
    if name.len() <= MOST {
        return name.to_owned();
    }
    let head: String = name.chars().take(MOST - OF_DIGEST).collect();
    format!("{head}{}", digest(name, OF_DIGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const NOW: &str = "2026-11-21T14:00:00Z";

    fn location(validated: &str, frequency: &str) -> Value {
        json!({ "metadata": { "name": "a" }, "spec": { "validationFrequency": frequency }, "status": { "lastValidationTime": validated } })
    }

    #[rstest]
    #[case::just_now(&[("2026-11-21T13:59:00Z", "")], None)]
    #[case::long_ago(&[("2026-11-21T13:24:00Z", "")], Some("no storage location was validated for 36m"))]
    #[case::one_of_them(&[("2026-11-21T10:00:00Z", ""), ("2026-11-21T13:59:00Z", "")], None)]
    #[case::rarely(&[("2026-11-21T13:00:00Z", "1h")], None)]
    #[case::never_asked(&[("2026-01-01T00:00:00Z", "0s")], None)]
    #[case::none_at_all(&[], None)]
    fn velero_is_silent_when_it_validates_nothing_any_more(#[case] all: &[(&str, &str)], #[case] says: Option<&str>) {
        let all: Vec<Value> = all.iter().map(|(at, frequency)| location(at, frequency)).collect();
        let said = silence(Ok(&all), Time::parse(NOW).unwrap());
        assert_eq!(said.is_some(), says.is_some(), "{said:?}");
        assert!(said.unwrap_or_default().contains(says.unwrap_or_default()));
    }

    #[test]
    fn a_location_that_was_never_validated_is_silent_since_it_was_made() {
        let mut one = location("", "");
        one["metadata"]["creationTimestamp"] = json!("2026-11-21T12:00:00Z");
        assert!(silence(Ok(&[one]), Time::parse(NOW).unwrap()).unwrap().contains("for 120m"));
        assert!(silence(Err("no access"), Time::parse(NOW).unwrap()).unwrap().contains("no access"));
    }

    #[test]
    fn a_long_name_is_shortened_as_velero_does_it() {
        let long = "a-very-long-backup-name-that-does-not-fit-into-the-value-of-a-label-20261121";
        // printf NAME | sha256sum
        assert_eq!(label_value(long), "a-very-long-backup-name-that-does-not-fit-into-the-value-9579d7");
        assert_eq!(label_value("daily-1"), "daily-1");
    }
}
