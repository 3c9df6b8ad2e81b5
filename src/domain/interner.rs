//! Repeated strings as small numbers. The data side owns an `Interner`; the side that draws holds a `Strings`
//! mirror that grows by the strings each batch brings along, so no lock is ever needed.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::text;

/// An interned string. `Sym::EMPTY` is the empty string in every interner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Sym(pub u32);

impl Sym {
    pub const EMPTY: Self = Self(0);

    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }
}

const HASH: FixedState = FixedState::with_seed(0x77_61_74_63_68);

/// Gives each distinct (sanitised) string one number, for ever.
#[derive(Debug)]
pub struct Interner {
    table: HashTable<u32>,
    strings: Vec<Arc<str>>,
    shipped: usize,
}

impl Default for Interner {
    fn default() -> Self {
        let mut new = Self { table: HashTable::new(), strings: Vec::new(), shipped: 0 };
        new.get("");
        new
    }
}

impl Interner {
    /// The number of `raw` after sanitising.
    pub fn get(&mut self, raw: &str) -> Sym {
        let clean = text::line(raw);
        let hash = HASH.hash_one(&*clean);
        if let Some(found) = self.table.find(hash, |&i| *self.strings[i as usize] == *clean) {
            return Sym(*found);
        }
        let index = u32::try_from(self.strings.len()).unwrap_or(0);
        self.strings.push(Arc::from(&*clean));
        let strings = &self.strings;
        self.table.insert_unique(hash, index, |&i| HASH.hash_one(&*strings[i as usize]));
        Sym(index)
    }

    pub fn text(&self, sym: Sym) -> &str {
        self.strings.get(sym.0 as usize).map_or("", |s| s)
    }

    /// The strings added since the last call, for [`Strings::extend`].
    pub fn unshipped(&mut self) -> Vec<Arc<str>> {
        let new = self.strings[self.shipped..].to_vec();
        self.shipped = self.strings.len();
        new
    }
}

/// The reading side of an [`Interner`].
#[derive(Debug, Default)]
pub struct Strings(Vec<Arc<str>>);

impl Strings {
    pub fn extend(&mut self, new: Vec<Arc<str>>) {
        self.0.extend(new);
    }

    pub fn get(&self, sym: Sym) -> &str {
        self.0.get(sym.0 as usize).map_or("", |s| s)
    }

    /// The number of a string that some record uses, if any does.
    pub fn find(&self, text: &str) -> Option<Sym> {
        self.0.iter().position(|s| **s == *text).and_then(|i| u32::try_from(i).ok()).map(Sym)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_reads_what_the_interner_wrote() {
        let mut interner = Interner::default();
        let mut strings = Strings::default();
        let a = interner.get("monitoring");
        strings.extend(interner.unshipped());
        let b = interner.get("logging");
        assert_eq!(interner.get("monitoring"), a);
        strings.extend(interner.unshipped());
        assert_eq!((strings.get(a), strings.get(b), strings.get(Sym::EMPTY)), ("monitoring", "logging", ""));
    }

    #[test]
    fn interned_text_is_sanitised() {
        let mut interner = Interner::default();
        let sym = interner.get("evil\x1b[2J");
        assert_eq!(interner.text(sym), "evil␛[2J");
    }
}
