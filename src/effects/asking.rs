//! What is asked before anything is sent: the objects that a plan needs, the rights, and what the server would say. It
//! changes nothing: the only requests with a body are reviews of our own rights and dry runs.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::rights::may;
use super::send::{self, Sent};
use super::{evictions, reach};
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::Http;
use crate::domain::outcome::{Checked, Verdict};
use crate::domain::plan::{ALERTMANAGER, Act, Plan, Right, Via};
use crate::domain::reply::{Answers, Unread};
use crate::domain::text;

const DEADLINE: Duration = Duration::from_secs(15);

/// Reads paths of the API server, or of Alertmanager, each by itself.
pub async fn read(cluster: &Cluster, paths: Vec<String>) -> Answers {
    let one = |path: String| async move {
        let answer = match path.strip_prefix(ALERTMANAGER) {
            Some(rest) => match reach::knowing(cluster, rest).await {
                Ok((front, holder)) => get(&holder.unwrap_or(front), rest).await,
                Err(why) => Err(why.into()),
            },
            None => get(&Http::api(cluster), &path).await,
        };
        (path, answer)
    };
    futures::future::join_all(paths.into_iter().map(one)).await.into_iter().collect()
}

async fn get(http: &Http, path: &str) -> Result<Value, Unread> {
    let why = |error: &RequestError| clean(&error.to_string());
    let answer = http.get(path, DEADLINE).await.map_err(|error| Unread::from(why(&error)))?;
    let absent = answer.is_absent();
    answer.into_result().and_then(|answer| answer.json()).map_err(|error| Unread { absent, why: why(&error) })
}

fn clean(raw: &str) -> String {
    text::line(raw).into_owned()
}

/// What the rights alone say.
fn untried(right: Option<&Verdict>) -> Verdict {
    match right {
        None | Some(Verdict::Allowed) => Verdict::Untried,
        Some(other) => other.clone(),
    }
}

/// Asks for every step whether it would be accepted: the rights first, then the server itself. With `dry` false only
/// the rights are asked.
pub async fn check(cluster: &Cluster, plan: &Plan, dry: bool) -> Vec<Checked> {
    let mut rights: HashMap<Right, Verdict> = HashMap::new();
    let mut asked: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for (step, act) in plan.steps.iter().map(|step| &step.act).enumerate() {
        let verdict = match act {
            Act::Local(argv) | Act::Ask { argv, .. } => match argv.first() {
                Some(program) if super::local::find(program).is_some() => Verdict::Untried,
                program => Verdict::Denied(format!("{} is not installed here", program.map_or("the program", |p| p))),
            },
            Act::Await(_) | Act::Manual(_) => continue,
            Act::Evict(wanted) => evictions::rehearse(cluster, wanted, dry).await,
            Act::Fetch(fetch) => {
                if !rights.contains_key(&fetch.right) {
                    rights.insert(fetch.right.clone(), may(cluster, &fetch.right).await);
                }
                untried(rights.get(&fetch.right))
            }
            Act::Send(request) => {
                let mut verdict = Verdict::Untried;
                let right = match request.via {
                    Via::Kubernetes => request.right.clone(),
                    Via::Alertmanager => reach::right(cluster, request.method).await,
                };
                if let Some(right) = &right {
                    if !rights.contains_key(right) {
                        rights.insert(right.clone(), may(cluster, right).await);
                    }
                    verdict = untried(rights.get(right));
                }
                // what an earlier step changes cannot be tried before it
                let first = !asked.contains(&request.path.as_str());
                asked.push(&request.path);
                if dry
                    && first
                    && request.dry_run
                    && request.via == Via::Kubernetes
                    && !matches!(verdict, Verdict::Denied(_))
                {
                    verdict = match send::dry(cluster, request).await {
                        Sent::Taken(_) => Verdict::Allowed,
                        Sent::Later(why) => Verdict::Unknown(format!("refused now, to be tried again: {why}")),
                        Sent::Refused(why) | Sent::Changed(why) => Verdict::Denied(why),
                        Sent::Unknown(why) | Sent::NotSent(why) => Verdict::Unknown(why),
                    };
                }
                verdict
            }
        };
        out.push(Checked { step, verdict });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_alone_is_no_yes_of_the_server() {
        assert_eq!(untried(Some(&Verdict::Allowed)), Verdict::Untried);
        assert_eq!(untried(None), Verdict::Untried);
        assert_eq!(untried(Some(&Verdict::Denied("no".into()))), Verdict::Denied("no".into()));
    }
}
