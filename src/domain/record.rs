//! What we keep of an object: small, packed, no JSON.

use super::ages::Time;
use super::health::Health;
use super::interner::{Interner, Strings, Sym};
use super::{redact, text};

/// The row number of a kind in the list of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KindId(pub u8);

/// An object's identity over its whole life; a re-created object of the same name has another one.
// packed to eight bytes: sixteen would leave a hole in each row of the store
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(Rust, packed(8))]
pub struct Uid(pub u128);

impl Uid {
    /// A Kubernetes uid (an RFC 4122 text) or any other identifying text.
    pub fn of(text: &str) -> Self {
        let mut value = 0u128;
        let mut digits = 0;
        for b in text.bytes() {
            match (b as char).to_digit(16) {
                Some(d) => {
                    value = value << 4 | u128::from(d);
                    digits += 1;
                }
                None if b == b'-' => {}
                None => return Self::hashed(text),
            }
        }
        if digits == 32 { Self(value) } else { Self::hashed(text) }
    }

    fn hashed(text: &str) -> Self {
        use std::hash::{BuildHasher, Hasher};
        let half = |seed| {
            let mut hasher = foldhash::fast::FixedState::with_seed(seed).build_hasher();
            hasher.write(text.as_bytes());
            u128::from(hasher.finish())
        };
        Self(half(1) << 64 | half(2))
    }
}

/// A packed cell; it becomes text only when drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Cell {
    #[default]
    None,
    Text(Sym),
    Int(i64),
    Time(Time),
    /// `ready/total`.
    Ratio(u16, u16),
    Flag(bool),
    Ip4([u8; 4]),
}

/// How a record relates to another object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The controlling owner.
    Owner,
    /// The node that it runs on.
    Node,
    /// Must be Ready first.
    DependsOn,
    /// Where a Flux object takes its content from.
    Source,
    /// The Flux object that manages it.
    ManagedBy,
    /// The schedule of a backup, the issuer of a certificate, the backup of a restore, what inhibits an alert.
    From,
    /// Where a backup is stored.
    StoredIn,
    /// The silence over an alert, the object an alert or a policy report is about.
    About,
    /// What it cannot do without: the Secret of an Ingress' TLS; for a pod that waits, what it waits for.
    Uses,
}

/// A named relation to an object that may or may not be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link {
    pub relation: Relation,
    pub kind: Sym,
    pub namespace: Sym,
    pub name: Sym,
}

/// What we keep of one object. Kinds read it from the wire; nothing changes it afterwards.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub uid: Uid,
    pub name: Box<str>,
    /// The kind's packed fields, in the order of the kind's own constants.
    pub cells: Box<[Cell]>,
    pub links: Box<[Link]>,
    /// What the object says about itself: a condition's message, sanitised.
    pub note: Box<str>,
    pub created: Time,
    pub namespace: Sym,
    /// The STATUS word: `CrashLoopBackOff`, `UpgradeFailed`, `sealed`.
    pub status: Sym,
    /// As read; a judgement at a later time may differ.
    pub health: Health,
    /// `Some` when the object can be suspended: whether it is.
    pub suspended: Option<bool>,
    /// It is there and could not be decoded: nothing else here says anything of its state, and the note says why.
    pub unreadable: bool,
}

impl Record {
    pub fn cell(&self, index: u8) -> Cell {
        self.cells.get(index as usize).copied().unwrap_or_default()
    }

    pub fn int(&self, index: u8) -> i64 {
        if let Cell::Int(n) = self.cell(index) { n } else { 0 }
    }

    pub fn flag(&self, index: u8) -> bool {
        self.cell(index) == Cell::Flag(true)
    }

    pub fn time(&self, index: u8) -> Option<Time> {
        if let Cell::Time(t) = self.cell(index) { Some(t) } else { None }
    }

    pub fn sym(&self, index: u8) -> Sym {
        if let Cell::Text(s) = self.cell(index) { s } else { Sym::EMPTY }
    }

    pub fn text<'s>(&self, index: u8, strings: &'s Strings) -> &'s str {
        strings.get(self.sym(index))
    }

    pub fn link(&self, relation: Relation) -> Option<&Link> {
        self.links.iter().find(|l| l.relation == relation)
    }

    /// `namespace/name`, or the name alone where there is no namespace.
    pub fn full_name(&self, strings: &Strings) -> String {
        match strings.get(self.namespace) {
            "" => self.name.to_string(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }
}

/// Text from outside as a record keeps it: one line, sanitised, and addresses in it without their passwords.
pub fn clean(raw: &str) -> Box<str> {
    Box::from(&*text::line(&redact::urls(raw)))
}

impl Cell {
    /// Interned text, or nothing for the empty string.
    pub fn text(raw: &str, intern: &mut Interner) -> Self {
        if raw.is_empty() { Self::None } else { Self::Text(intern.get(raw)) }
    }

    pub fn time(time: Option<Time>) -> Self {
        time.map_or(Self::None, Self::Time)
    }
}

/// Enough to find an object again, in words: what navigation, requests and screens carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub kind: KindId,
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub uid: Uid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_reads_as_its_number_and_other_text_as_a_hash() {
        assert_eq!(Uid::of("00000000-0000-0000-0000-0000000000ff"), Uid(255));
        assert_ne!(Uid::of("alert:a"), Uid::of("alert:b"));
    }

    #[test]
    fn a_record_stays_small() {
        assert!(size_of::<Record>() <= 104, "{}", size_of::<Record>());
        assert_eq!(size_of::<Cell>(), 16);
    }
}
