//! What the API server would say to each eviction now: the rights first, then dry runs, a few at a time. It changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;

use super::AT_ONCE;
use crate::clients::cluster::Cluster;
use crate::domain::evictions::{Evictions, Leaving, some};
use crate::domain::outcome::Verdict;
use crate::domain::plan::{Request, Right};
use crate::effects::rights::may;
use crate::effects::send::{self, Sent};

/// Whether the server would accept the step. It is accepted even if a budget holds a pod back now, or some of the pods
/// are refused while others would go; with `dry` false only the rights are asked.
pub async fn rehearse(cluster: &Cluster, wanted: &Evictions, dry: bool) -> Verdict {
    let asked: Vec<(&Leaving, &Request)> =
        wanted.pods.iter().filter_map(|pod| Some((pod, pod.request.as_ref()?))).collect();
    // a right is asked for each namespace, not for each of its pods
    let rights = asked.iter().filter_map(|(_, request)| request.right.clone());
    let rights: BTreeSet<Right> = rights.map(|right| Right { name: String::new(), ..right }).collect();
    let mut unsure = Vec::new();
    for right in &rights {
        match may(cluster, right).await {
            Verdict::Allowed | Verdict::Untried => {}
            Verdict::Denied(why) => return Verdict::Denied(why),
            Verdict::Unknown(why) => unsure.push(why),
        }
    }
    if dry {
        let one = |(pod, request): (&Leaving, &'_ Request)| {
            let (told, budget, request) = (pod.told(), pod.budget.clone(), request.clone());
            async move { (told, budget, send::dry(cluster, &request).await) }
        };
        let answers: Vec<_> = stream::iter(asked.iter().copied().map(one)).buffered(AT_ONCE).collect().await;
        return told(answers, unsure);
    }
    if unsure.is_empty() { Verdict::Untried } else { Verdict::Unknown(unsure.join("; ")) }
}

/// One verdict on all of them, from pod, budget and answer of each; the same words are said once.
fn told(answers: Vec<(String, String, Sent)>, mut unsure: Vec<String>) -> Verdict {
    let all = answers.len();
    let mut held = Vec::new();
    let (mut later, mut refused, mut unknown) = (Said::default(), Said::default(), Said::default());
    for (pod, budget, sent) in answers {
        match sent {
            // what was deleted since needs no eviction
            Sent::Taken(_) | Sent::Changed(_) => {}
            // the plan shows the state of its budget
            Sent::Later(_) if !budget.is_empty() => held.push(format!("{pod} (budget {budget})")),
            Sent::Later(why) => later.entry(why).or_default().push(pod),
            Sent::Refused(why) => refused.entry(why).or_default().push(pod),
            Sent::Unknown(why) | Sent::NotSent(why) => unknown.entry(why).or_default().push(pod),
        }
    }
    if all > 0 && refused.values().map(Vec::len).sum::<usize>() == all {
        return Verdict::Denied(lines("", &refused).join("; ").trim_start().to_owned());
    }
    unsure.extend(lines("would be rejected:", &refused));
    if !held.is_empty() {
        unsure.push(format!("held back now: {}", some(&held)));
    }
    unsure.extend(lines("refused for now:", &later));
    unsure.extend(lines("not known of", &unknown));
    if unsure.is_empty() { Verdict::Allowed } else { Verdict::Unknown(unsure.join("; ")) }
}

/// Pods by what was said of them.
type Said = BTreeMap<String, Vec<String>>;

fn lines(what: &str, said: &Said) -> Vec<String> {
    said.iter().map(|(why, pods)| format!("{what} {}: {why}", some(pods))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(answers: &[(&str, Sent)]) -> Verdict {
        let budget = |pod: &str| if pod == "a/y" { "tight".to_owned() } else { String::new() };
        let answers = answers.iter().map(|(pod, sent)| ((*pod).to_owned(), budget(pod), sent.clone()));
        told(answers.collect(), Vec::new())
    }

    #[test]
    fn what_is_held_back_or_refused_speaks_against_the_step_only_when_nothing_else_would_go() {
        let (taken, later) = (Sent::Taken(serde_json::Value::Null), Sent::Later("no room".into()));
        let refused = Sent::Refused("never".into());
        assert_eq!(verdict(&[("a/x", taken.clone()), ("a/y", Sent::Changed("gone".into()))]), Verdict::Allowed);
        let both = "held back now: a/y (budget tight); refused for now: a/x: no room";
        assert_eq!(verdict(&[("a/x", later.clone()), ("a/y", later)]), Verdict::Unknown(both.into()));
        let one = Verdict::Unknown("would be rejected: a/y: never".into());
        assert_eq!(verdict(&[("a/x", taken), ("a/y", refused.clone())]), one);
        assert_eq!(verdict(&[("a/x", refused)]), Verdict::Denied("a/x: never".into()));
        assert_eq!(verdict(&[]), Verdict::Allowed);
    }
}
