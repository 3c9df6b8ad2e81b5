//! An external secret is judged with its store: while that fails, everything that comes from it fails for its reason,
//! and one finding is enough.

use super::Triage;
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::{Health, Severity};
use crate::domain::record::{KindId, Relation};
use crate::domain::thresholds::Thresholds;
use crate::kinds;
use crate::store::{RowId, Store};

fn is_store(kind: KindId) -> bool {
    matches!(kinds::spec(kind).name, "SecretStore" | "ClusterSecretStore")
}

/// Makes the findings of a failing secret notes while its store fails; `judged` is returned as it is for other kinds.
pub fn join(store: &Store, id: RowId, mut judged: Judgement) -> Judgement {
    if kinds::spec(id.kind).name != "ExternalSecret" || judged.health != Health::Failed {
        return judged;
    }
    let text = |sym| store.strings.get(sym);
    let link = store.row(id).and_then(|row| row.record.link(Relation::From));
    let Some((link, kind)) = link.and_then(|link| Some((link, kinds::by_name(text(link.kind))?))) else {
        return judged;
    };
    let root = store.find(kind, text(link.namespace), text(link.name)).and_then(|id| store.row(id));
    if root.is_some_and(|row| row.record.health == Health::Failed) {
        for finding in &mut judged.findings {
            finding.severity = Severity::P4;
            finding.why = format!("its store fails: {} {}", text(link.kind), text(link.name)).into();
        }
    }
    judged
}

impl Triage {
    /// Judges the secrets again when a store changed: there are few stores, and they seldom do.
    pub(super) fn secrets(&mut self, store: &mut Store, touched: &[RowId], thresholds: &Thresholds, now: Time) {
        let Some(kind) = kinds::by_name("ExternalSecret").filter(|_| touched.iter().any(|id| is_store(id.kind))) else {
            return;
        };
        let all: Vec<u32> = store.table(kind).iter().map(|(slot, _)| slot).collect();
        for slot in all {
            self.judge(store, RowId { kind, slot }, thresholds, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::change::{Batch, Change};
    use crate::domain::interner::Interner;
    use crate::kinds::{Api, by_word, spec};

    const NOW: Time = Time(1_795_269_600);

    fn ready(status: &str) -> Value {
        json!({"conditions": [{"type": "Ready", "status": status, "reason": "Broken",
            "lastTransitionTime": "2026-11-21T10:00:00Z"}]})
    }

    /// Takes one object in and gives the findings of the first secret.
    fn after(
        triage: &mut Triage,
        store: &mut Store,
        intern: &mut Interner,
        word: &str,
        object: &Value,
    ) -> Vec<(Severity, String)> {
        let kind = by_word(word).unwrap();
        let Api::Watch { decode, .. } = spec(kind).api else { panic!("{word} is not watched") };
        let record = decode(&object.to_string(), intern).record.unwrap();
        let mut touched = Vec::new();
        store.apply(Batch { kind, strings: intern.unshipped(), changes: vec![Change::Upsert(record)] }, &mut touched);
        triage.refresh(store, &touched, None, &Thresholds::default(), NOW);
        let secret = RowId { kind: by_word("es").unwrap(), slot: 0 };
        triage.of(secret).iter().map(|f| (f.severity, f.why.to_string())).collect()
    }

    #[test]
    fn a_failing_store_makes_notes_of_its_secrets_whichever_is_read_first() {
        let (mut triage, mut intern) = (Triage::default(), Interner::default());
        let mut store = Store::new(kinds::KINDS.len());
        let secret = json!({"metadata": {"name": "db", "namespace": "shop", "uid": "s"},
            "spec": {"secretStoreRef": {"name": "bao", "kind": "ClusterSecretStore"}}, "status": ready("False")});
        let bao = |status: &str| json!({"metadata": {"name": "bao", "uid": "b"}, "status": ready(status)});
        let mut after = |word: &str, object: &Value| after(&mut triage, &mut store, &mut intern, word, object);
        let own = vec![(Severity::P3, "broken".to_owned())];
        assert_eq!(after("es", &secret), own);
        let note = vec![(Severity::P4, "its store fails: ClusterSecretStore bao".to_owned())];
        assert_eq!(after("css", &bao("False")), note);
        assert_eq!(after("css", &bao("True")), own);
    }
}
