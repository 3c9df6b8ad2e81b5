//! Silences: made, changed, expired, and kept for five days after their end.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::matcher::Matcher;
use super::time;
use crate::demo::services::Reply;
use crate::demo::services::http::{Params, json as reply};
use crate::demo::services::tsdb::Labels;

/// Milliseconds that an expired silence is kept.
const KEPT: i64 = 120 * 3_600_000;

#[derive(Clone, Debug)]
struct Silence {
    id: String,
    matchers: Vec<Matcher>,
    starts: i64,
    ends: i64,
    updated: i64,
    by: String,
    comment: String,
    /// Of whoever made it; gone after a change that leaves them out.
    annotations: Json,
    /// The replica that received it, and what the others know until the gossip has reached them.
    told: usize,
    before: Option<Box<Silence>>,
}

impl Silence {
    /// What this replica knows of it.
    fn seen_by(&self, replica: usize, now: i64, gossip: i64) -> Option<&Silence> {
        if self.told == replica || now >= self.updated + gossip { Some(self) } else { self.before.as_deref() }
    }

    /// Keeps what the other replicas know while this one receives something new.
    fn changes_on(&mut self, replica: usize) {
        self.before = None;
        self.before = Some(Box::new(self.clone()));
        self.told = replica;
    }

    fn state(&self, now: i64) -> &'static str {
        if now >= self.ends {
            "expired"
        } else if now < self.starts {
            "pending"
        } else {
            "active"
        }
    }

    fn json(&self, now: i64) -> Json {
        let mut json = json!({ "id": self.id, "status": { "state": self.state(now) }, "matchers": self.matchers.iter().map(Matcher::json).collect::<Vec<_>>(), "startsAt": time(self.starts), "endsAt": time(self.ends), "updatedAt": time(self.updated), "createdBy": self.by, "comment": self.comment });
        if !self.annotations.is_null() {
            json["annotations"] = self.annotations.clone();
        }
        json
    }

    fn end(&mut self, now: i64) {
        if self.state(now) == "pending" {
            self.starts = now;
        }
        self.ends = now;
        self.updated = now;
    }
}

/// Every silence that is not forgotten.
#[derive(Debug, Default)]
pub struct Silences {
    known: Vec<Silence>,
    made: u64,
    /// Milliseconds until one replica's news has reached the other.
    pub gossip: i64,
}

impl Silences {
    /// The active ones that fit these labels.
    pub fn matching(&self, labels: &Labels, now: i64, replica: usize) -> Vec<String> {
        let fits =
            |silence: &&Silence| silence.state(now) == "active" && silence.matchers.iter().all(|m| m.fits(labels));
        self.seen_by(replica, now).filter(fits).map(|silence| silence.id.clone()).collect()
    }

    fn seen_by(&self, replica: usize, now: i64) -> impl Iterator<Item = &Silence> {
        self.known.iter().filter_map(move |silence| silence.seen_by(replica, now, self.gossip))
    }

    /// The silence of this id, if this replica knows it already.
    fn find(&mut self, id: &str, replica: usize, now: i64) -> Option<&mut Silence> {
        let gossip = self.gossip;
        self.known.iter_mut().find(|silence| silence.id == id && silence.seen_by(replica, now, gossip).is_some())
    }

    /// What a person did before the story began.
    pub fn add(&mut self, matchers: Vec<Matcher>, starts: i64, ends: i64, by: &str, comment: &str) -> String {
        self.made += 1;
        let id = uuid(self.made);
        self.known.push(Silence {
            id: id.clone(),
            matchers,
            starts,
            ends,
            updated: starts,
            by: by.to_owned(),
            comment: comment.to_owned(),
            annotations: Json::Null,
            told: 0,
            before: None,
        });
        id
    }

    pub fn list(&mut self, now: i64, params: &Params, replica: usize) -> Reply {
        self.known.retain(|silence| silence.ends + KEPT > now);
        let filters: Vec<Matcher> = match params.all("filter").map(Matcher::of_filter).collect() {
            Ok(filters) => filters,
            Err(message) => return reply(400, &Json::String(message)),
        };
        // A filter looks at the values that the silence's own matchers name.
        let shown = self.seen_by(replica, now).filter(|silence| {
            let named: Labels = silence.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect();
            filters.iter().all(|filter| filter.fits(&named))
        });
        reply(200, &json!(shown.map(|silence| silence.json(now)).collect::<Vec<_>>()))
    }

    pub fn get(&self, now: i64, id: &str, replica: usize) -> Reply {
        self.seen_by(replica, now)
            .find(|silence| silence.id == id)
            .map_or_else(not_found, |silence| reply(200, &silence.json(now)))
    }

    pub fn expire(&mut self, now: i64, id: &str, replica: usize) -> Reply {
        let Some(silence) = self.find(id, replica, now) else { return not_found() };
        if silence.state(now) != "expired" {
            silence.changes_on(replica);
            silence.end(now);
        }
        Reply { status: 200, content_type: "application/json", body: Vec::new() }
    }

    pub fn post(&mut self, now: i64, body: &[u8], replica: usize) -> Reply {
        match self.try_post(now, body, replica) {
            Ok(id) => reply(200, &json!({ "silenceID": id })),
            Err(refusal) => refusal,
        }
    }

    fn try_post(&mut self, now: i64, body: &[u8], replica: usize) -> Result<String, Reply> {
        let bad = |message: String| reply(400, &Json::String(message));
        let posted: Json = serde_json::from_slice(body)
            .map_err(|error| super::refused(400, &format!("parsing silence body from \"\" failed, because {error}")))?;
        for field in ["matchers", "startsAt", "endsAt", "createdBy", "comment"] {
            if posted[field].is_null() {
                return Err(super::refused(422, &format!("silence.{field} in body is required")));
            }
        }
        let when = |field: &str| {
            posted[field]
                .as_str()
                .and_then(|text| text.parse::<Timestamp>().ok())
                .map(Timestamp::as_millisecond)
                .ok_or_else(|| super::refused(422, &format!("silence.{field} in body must be of type date-time")))
        };
        let (mut starts, ends) = (when("startsAt")?, when("endsAt")?);
        let matchers: Vec<Matcher> = posted["matchers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Matcher::of_json)
            .collect::<Result<_, _>>()
            .map_err(|message| bad(format!("invalid silence: {message}")))?;
        if matchers.is_empty() {
            return Err(super::refused(422, "silence.matchers in body should have at least 1 items"));
        }
        if matchers.iter().all(|m| m.fits_text("")) {
            return Err(bad("invalid silence: at least one matcher must not match the empty string".to_owned()));
        }
        if ends <= starts {
            return Err(bad("Failed to create silence: start time must be before end time".to_owned()));
        }
        if ends < now {
            return Err(bad("Failed to create silence: end time can't be in the past".to_owned()));
        }
        let text = |field: &str| posted[field].as_str().unwrap_or_default().to_owned();
        if let Some(id) = posted["id"].as_str().filter(|id| !id.is_empty()) {
            let Some(old) = self.find(id, replica, now) else {
                return Err(reply(404, &Json::String("silence not found".to_owned())));
            };
            let keeps = old.matchers == matchers
                && match old.state(now) {
                    // Alertmanager compares whole seconds.
                    "active" => old.starts.div_euclid(1000) == starts.div_euclid(1000),
                    "pending" => starts >= now,
                    _ => false,
                };
            if keeps {
                old.changes_on(replica);
                (old.starts, old.ends, old.updated, old.by, old.comment, old.annotations) =
                    (starts, ends, now, text("createdBy"), text("comment"), posted["annotations"].clone());
                return Ok(id.to_owned());
            }
            if old.state(now) != "expired" {
                old.changes_on(replica);
                old.end(now);
            }
        }
        starts = starts.max(now);
        let id = self.add(matchers, starts, ends, &text("createdBy"), &text("comment"));
        if let Some(silence) = self.known.last_mut() {
            silence.updated = now;
            silence.told = replica;
            silence.annotations = posted["annotations"].clone();
        }
        Ok(id)
    }
}

fn not_found() -> Reply {
    Reply { status: 404, content_type: "application/json", body: Vec::new() }
}

/// Looks like the random kind, and is the same for the same number.
fn uuid(number: u64) -> String {
    let mut hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^= hash >> 29;
    let other = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        hash >> 32,
        (hash >> 16) & 0xffff,
        hash & 0xfff,
        (other >> 48) & 0xfff,
        other & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn body(id: &str, name: &str, starts: i64, ends: i64) -> Vec<u8> {
        json!({ "id": id, "matchers": [{ "name": "alertname", "value": name, "isRegex": name.contains('*'), "isEqual": true }], "startsAt": time(starts), "endsAt": time(ends), "createdBy": "alice", "comment": "w" }).to_string().into_bytes()
    }

    fn id(reply: &Reply) -> String {
        let body: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
        body["silenceID"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn an_extension_keeps_the_id_and_other_matchers_give_a_new_one() {
        let mut silences = Silences::default();
        let first = id(&silences.post(NOW, &body("", "X", NOW, NOW + 1000), 0));
        assert_eq!(id(&silences.post(NOW + 10, &body(&first, "X", NOW, NOW + 5000), 0)), first);
        let second = id(&silences.post(NOW + 20, &body(&first, "Y", NOW, NOW + 5000), 0));
        assert_ne!(second, first);
        assert_eq!(silences.known[0].state(NOW + 20), "expired");
    }

    #[test]
    fn an_expired_silence_is_not_extended_but_made_anew() {
        let mut silences = Silences::default();
        let first = id(&silences.post(NOW, &body("", "X", NOW, NOW + 1000), 0));
        assert_ne!(id(&silences.post(NOW + 2000, &body(&first, "X", NOW, NOW + 5000), 0)), first);
    }

    #[test]
    fn what_would_match_everything_or_end_before_it_starts_is_refused() {
        let mut silences = Silences::default();
        for (posted, code) in [
            (body("", ".*", NOW, NOW + 1), 400),
            (body("", "X", NOW, NOW), 400),
            (body("", "X", NOW - 9, NOW - 1), 400),
            (b"{".to_vec(), 400),
            (b"{}".to_vec(), 422),
            (body("unknown", "X", NOW, NOW + 9), 404),
        ] {
            assert_eq!(silences.post(NOW, &posted, 0).status, code, "{}", String::from_utf8_lossy(&posted));
        }
        assert!(silences.known.is_empty());
    }

    #[test]
    fn expiring_twice_is_fine_and_an_unknown_one_is_not_found() {
        let mut silences = Silences::default();
        let first = id(&silences.post(NOW, &body("", "X", NOW, NOW + 1000), 0));
        assert_eq!(
            (
                silences.expire(NOW, &first, 0).status,
                silences.expire(NOW, &first, 0).status,
                silences.expire(NOW, "x", 0).status
            ),
            (200, 200, 404)
        );
        assert_eq!(silences.get(NOW, &first, 0).status, 200);
    }

    #[test]
    fn the_other_replica_hears_of_it_later_and_meanwhile_knows_what_was() {
        let mut silences = Silences { gossip: 1000, ..Silences::default() };
        let first = id(&silences.post(NOW, &body("", "X", NOW, NOW + 60_000), 0));
        assert_eq!((silences.get(NOW, &first, 0).status, silences.get(NOW, &first, 1).status), (200, 404));
        assert_eq!(silences.expire(NOW, &first, 1).status, 404);
        assert_eq!(silences.get(NOW + 1000, &first, 1).status, 200);
        silences.expire(NOW + 2000, &first, 1);
        let state = |silences: &Silences, now, replica| {
            let reply: Json = serde_json::from_slice(&silences.get(now, &first, replica).body).unwrap();
            reply["status"]["state"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            (state(&silences, NOW + 2000, 0), state(&silences, NOW + 2000, 1)),
            ("active".to_owned(), "expired".to_owned())
        );
        assert_eq!(state(&silences, NOW + 3000, 0), "expired");
    }
}
