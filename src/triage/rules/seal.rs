//! A sealed or unreachable replica of OpenBao: it explains what its pod reports.

use super::{RuleSpec, row};
use crate::domain::record::{Link, Record, Relation};
use crate::kinds::alerts::Confidence;
use crate::kinds::seals;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "sealed-replica",
    doc: "A pod of OpenBao that is not ready, and alerts about it or about OpenBao there, come from its seal; a replica belongs to a lost quorum.",
    symptoms: &["Pod", "Alert", "Seal"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let namespace = scan.namespace(record);
    match scan.kind(id) {
        "Seal" if !record.flag(seals::IS_CLUSTER) => {
            let cluster = record.text(seals::RELEASE, &scan.store.strings);
            let Some(cluster) = scan.named("Seal", namespace, &format!("{cluster} (cluster)")) else { return };
            if scan.record(cluster).is_some_and(|c| scan.text(c.status) == seals::LOST) {
                claims.row(cluster, Confidence::Exact, "its cluster has lost the quorum");
            }
        }
        // the cluster is only as healthy as its replicas: the failing replica is what has to be fixed
        "Seal" if scan.text(record.status) != seals::LOST => {
            let cluster = record.text(seals::RELEASE, &scan.store.strings);
            let mut replicas: Vec<_> = scan.all("Seal").collect();
            replicas.sort_unstable_by_key(|(_, replica)| &replica.name);
            for (lacks, replica) in replicas {
                let own = !replica.flag(seals::IS_CLUSTER) && replica.namespace == record.namespace;
                let same = own && replica.text(seals::RELEASE, &scan.store.strings) == cluster;
                if same && scan.finding(lacks).is_some() {
                    let because = match seals::State::of(replica, &scan.store.strings) {
                        seals::State::Unknown => format!("nobody knows whether {} serves", replica.name),
                        seals::State::Unsealed => format!("nobody knows whether {} is active", replica.name),
                        _ => format!("{} does not serve", replica.name),
                    };
                    claims.row(lacks, Confidence::Exact, because);
                }
            }
        }
        // a sealed replica is running and not ready; one that crashes has a reason of its own
        "Pod" if matches!(scan.text(record.status), "Running" | "NotReady") => {
            if let Some(seal) = scan.named("Seal", namespace, &record.name) {
                claims.row(seal, Confidence::Exact, "a replica that does not serve is not ready");
            }
        }
        "Alert" => {
            let is_object = |l: &&Link| l.relation == Relation::About && scan.text(l.kind) != "Silence";
            let Some(link) = record.links.iter().find(is_object) else { return of_cluster(scan, record, claims) };
            if scan.text(link.kind) == "Pod"
                && let Some(seal) = scan.named("Seal", scan.text(link.namespace), scan.text(link.name))
            {
                claims.row(seal, Confidence::Exact, "the alert is about this replica");
            }
        }
        _ => {}
    }
}

/// An alert that names no object, and by its own name is about OpenBao or Vault: it is about those in its namespace.
fn of_cluster(scan: &Scan<'_>, record: &Record, claims: &mut Claims) {
    let name = record.name.to_ascii_lowercase();
    if !NAMES.iter().any(|word| name.contains(word)) {
        return;
    }
    let mut clusters: Vec<_> = scan
        .all("Seal")
        .filter(|(id, seal)| {
            seal.flag(seals::IS_CLUSTER) && seal.namespace == record.namespace && scan.finding(*id).is_some()
        })
        .collect();
    clusters.sort_unstable_by_key(|(_, seal)| &seal.name);
    for (id, seal) in clusters {
        claims.row(id, Confidence::Likely, format!("by its name it is about {}", seal.name));
    }
}

/// Parts of alert names that are about such a cluster.
const NAMES: [&str; 2] = ["openbao", "vault"];

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::domain::change::Change;
    use crate::kinds::seals::{self, Seal, State};
    use crate::triage::timeline::testing::Lab;

    #[rstest]
    #[case(State::Sealed, "bao-2 does not serve")]
    #[case(State::CutOff, "bao-2 does not serve")]
    #[case(State::Unknown, "nobody knows whether bao-2 serves")]
    fn of_a_replica_nobody_says_more_than_is_known(#[case] state: State, #[case] because: &str) {
        let mut lab = Lab::new();
        let replica = |name: &str, state| Seal {
            uid: name.into(),
            name: name.into(),
            namespace: "bao".into(),
            cluster: "bao".into(),
            state,
            ..Seal::default()
        };
        let all = [replica("bao-0", State::Active), replica("bao-1", State::Standby), replica("bao-2", state)];
        let quorum = seals::quorum(&all.iter().collect::<Vec<_>>());
        let cluster = seals::read_cluster("bao", "bao", &quorum, &mut lab.intern);
        let records = all.iter().map(|seal| seals::read(seal, &mut lab.intern)).chain([cluster]).collect::<Vec<_>>();
        lab.news("seals", records.into_iter().map(Change::Upsert).collect());
        lab.look(60);
        let incident = lab.triage.incidents()[0].subject;
        let told = lab.triage.explained(incident).into_iter().filter_map(|below| lab.triage.reason(below));
        assert_eq!(told.map(|reason| reason.because).collect::<Vec<_>>(), [because.into()]);
    }
}
