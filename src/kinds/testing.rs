//! For the tests of the kinds: JSON in, what an operator would see out.

use serde_json::Value;

use super::flux::{self, decode};
use super::sources::{COLUMNS, Source, Sources};
use super::{Alarm, Api, Controller, Family, KindSpec, Switch, by_word, flux_judge, spec};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::Record;
use crate::domain::thresholds::Thresholds;
use crate::kinds::column::Show;

/// A kind that exists only in the tests of this crate. Only this row knows of it, and it gets what every Flux kind has.
pub const GIZMO: KindSpec = KindSpec {
    name: "Gizmo",
    word: "gizmos",
    aliases: &["gizmo"],
    title: "Gizmos",
    api: Api::Watch {
        group: "gizmo.toolkit.fluxcd.io",
        versions: &["v1"],
        plural: "gizmos",
        namespaced: true,
        decode: decode::<Sources<Gizmo>>,
    },
    columns: COLUMNS,
    blinds: "gizmos",
    judge: flux_judge::judge,
    guide: "Gizmos\n  Wind it up.\n",
    family: Family::FluxSource,
    controller: Some(&Controller { name: "gizmo-controller", serves: "Gizmos", home: "flux-system" }),
    switch: Some(&Switch { noun: &["gizmo"], ..flux::IN_SPEC }),
    alarm: Alarm::By("gizmo"),
    tells: flux::SWITCHED,
    counted_as: "Flux gizmos",
    ..KindSpec::BASE
};

pub struct Gizmo;

impl Source for Gizmo {
    const KIND: &'static str = "Gizmo";
}

/// A Saturday.
pub const NOW: &str = "2026-11-21T14:00:00Z";

pub fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

pub struct Seen {
    pub record: Record,
    pub strings: Strings,
    pub kind: &'static KindSpec,
}

/// Decodes with `intern`, so that several records can share their strings.
pub fn record(word: &str, json: &Value, intern: &mut Interner) -> Record {
    let Api::Watch { decode, .. } = spec(by_word(word).unwrap()).api else { panic!("{word} is not watched") };
    decode(&json.to_string(), intern).record.unwrap_or_else(|bad| panic!("{}: {}", bad.name, bad.error))
}

pub fn seen(word: &str, json: &Value) -> Seen {
    let (mut intern, mut strings) = (Interner::default(), Strings::default());
    let record = record(word, json, &mut intern);
    strings.extend(intern.unshipped());
    Seen { record, strings, kind: spec(by_word(word).unwrap()) }
}

impl Seen {
    pub fn status(&self) -> &str {
        self.strings.get(self.record.status)
    }

    pub fn judged(&self, now: &str) -> Judgement {
        (self.kind.judge)(&self.record, &self.strings, &Thresholds::default(), at(now))
    }

    /// `failed P2 upgrade failed: timeout`, the findings joined by ` | `.
    pub fn verdict(&self, now: &str) -> String {
        let judged = self.judged(now);
        let findings: Vec<String> = judged.findings.iter().map(|f| format!("{} {}", f.severity, f.why)).collect();
        format!("{} {}", judged.health, findings.join(" | ")).trim_end().to_owned()
    }

    pub fn column(&self, title: &str) -> String {
        let column = self.kind.columns.iter().find(|c| c.title == title).unwrap_or_else(|| panic!("no {title}"));
        column.text(&self.record, &Show { strings: &self.strings, now: at(NOW) })
    }

    /// `DependsOn HelmRelease flux-system/istiod`, one per link.
    pub fn links(&self) -> Vec<String> {
        let told = |l: &crate::domain::record::Link| {
            let get = |sym| self.strings.get(sym);
            format!("{:?} {} {}/{}", l.relation, get(l.kind), get(l.namespace), get(l.name))
        };
        self.record.links.iter().map(told).collect()
    }
}
