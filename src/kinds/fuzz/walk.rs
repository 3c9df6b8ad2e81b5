//! Generates an object by asking its wire type: a `Deserializer` that answers whatever the type asks for, and writes
//! down the JSON of its answers. There is no list of fields, so none can be missing in it.

mod answers;

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

use serde::de::DeserializeOwned;

use super::words;
use crate::domain::ages::Time;
use crate::domain::interner::Interner;
use crate::kinds::Decode;
use answers::Refusal;

/// Which part of an object is filled.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// At random, sometimes of a wrong type.
    Dice,
    /// All of it, down to this depth: the fields from there on are holes. Every list begins with a null.
    Down(usize, Hole),
    /// All of it but one field, by its number.
    But(usize, Hole),
}

#[derive(Debug, Clone, Copy)]
pub enum Hole {
    Missing,
    Null,
}

/// Numbers to decide by. When they are used up, the smallest possible values follow.
#[derive(Debug, Clone)]
pub struct Dice {
    rolls: Vec<u16>,
    next: usize,
}

impl Dice {
    pub fn new(rolls: Vec<u16>) -> Self {
        Self { rolls, next: 0 }
    }

    /// As many as any object needs.
    pub fn seeded(seed: usize) -> Self {
        let mut state = seed as u64;
        let roll = |_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let [high, low, ..] = mixed.to_be_bytes();
            u16::from_be_bytes([high, low])
        };
        Self::new((0..8000).map(roll).collect())
    }

    fn roll(&mut self, sides: usize) -> usize {
        let roll = self.rolls.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        usize::from(roll) % sides
    }
}

/// One object, and how it came about.
#[derive(Debug, Default)]
pub struct Made {
    pub json: String,
    /// Every field that the type asked for: `status.conditions[].type`.
    pub asked: BTreeSet<String>,
    /// The fields and keys that have a value.
    pub answered: BTreeSet<String>,
    /// How many fields were asked for, each as often as that, and how many of them are holes.
    pub fields: usize,
    pub holes: usize,
    /// Something in it is of a type that was not asked for.
    pub spoiled: bool,
}

thread_local! {
    /// The object that the next decoder generates, and then its result.
    static WALK: RefCell<Option<Walk>> = const { RefCell::new(None) };
}

/// Every decoder announces its wire type here before it reads.
pub fn ask<O: DeserializeOwned>() {
    if let Some(mut walk) = WALK.take() {
        walk.through::<O>();
        WALK.set(Some(walk));
    }
}

/// An object of the wire type that `decode` reads, with these words in it.
pub fn make(decode: Decode, way: Way, dice: Dice, words: &[String], now: Time) -> Made {
    WALK.set(Some(Walk::new(way, dice, words, now)));
    let _ = decode("", &mut Interner::default());
    let made = WALK.take().unwrap().made;
    assert!(!made.json.is_empty(), "the decoder does not say its wire type");
    made
}

/// The name of a field or a key, and whether it has a value.
#[derive(Debug)]
struct Entry {
    key: String,
    null: bool,
    /// One of many that a map may have: what is below it does not depend on its name.
    any: bool,
}

#[derive(Debug)]
struct Walk {
    way: Way,
    dice: Dice,
    /// Few words for one object: they meet again, as a condition's type and its status.
    hand: Vec<String>,
    now: Time,
    /// Where the dice are once the hand is dealt.
    dealt: usize,
    path: String,
    depth: usize,
    /// The next answer is null, whatever the question.
    null: bool,
    made: Made,
}

impl Walk {
    fn new(way: Way, mut dice: Dice, words: &[String], now: Time) -> Self {
        let hand = (0..8).map(|_| words[dice.roll(words.len())].clone()).collect();
        let dealt = dice.next;
        Self { way, dice, hand, now, dealt, path: String::new(), depth: 0, null: false, made: Made::default() }
    }

    fn through<O: DeserializeOwned>(&mut self) {
        loop {
            self.dice.next = self.dealt;
            (self.made, self.depth, self.null) = (Made::default(), 0, false);
            self.path.clear();
            match O::deserialize(&mut *self) {
                Ok(_) => return,
                Err(Refusal::Shape(who, shape)) => answers::remember(who, shape),
                Err(Refusal::Unwanted) => panic!("{} does not ask for an object", type_name::<O>()),
                Err(Refusal::Fault(why)) => panic!("{} in {why}", type_name::<O>()),
            }
        }
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice.roll(sides)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }

    fn fault(&self, what: impl Display) -> Refusal {
        Refusal::Fault(format!("{}: {what}", self.path))
    }

    /// Whether the answer is null, which every question must accept.
    fn is_null(&mut self) -> bool {
        if self.null {
            self.made.json.push_str("null");
        }
        std::mem::take(&mut self.null)
    }

    /// What the next field is instead of a value.
    fn hole(&mut self) -> Option<Hole> {
        let number = self.made.fields;
        self.made.fields += 1;
        let hole = match self.way {
            Way::Dice => match self.roll(32) {
                0..8 => Some(Hole::Missing),
                8 => Some(Hole::Null),
                _ => None,
            },
            Way::Down(depth, hole) => (self.depth >= depth).then_some(hole),
            Way::But(nth, hole) => (number == nth).then_some(hole),
        };
        self.made.holes += usize::from(hole.is_some());
        hole
    }

    /// The fields of a record that are there, in any order.
    fn fields(&mut self, names: &[&str]) -> Vec<Entry> {
        let mut there = Vec::new();
        for name in names {
            self.made.asked.insert(format!("{}.{name}", self.path));
            match self.hole() {
                Some(Hole::Missing) => {}
                hole => there.push(Entry { key: (*name).to_owned(), null: hole.is_some(), any: false }),
            }
        }
        if matches!(self.way, Way::Dice) {
            if self.roll(8) == 7 {
                there.push(Entry { key: "nobodyAsksForThis".to_owned(), null: false, any: false });
            }
            for last in (1..there.len()).rev() {
                let other = self.roll(last + 1);
                there.swap(last, other);
            }
        }
        there
    }

    /// The keys of a map: those that some visitor looks for, or any words.
    fn keys(&mut self) -> Vec<Entry> {
        // a field set goes on as one
        let sort = if self.path.contains(".f:") { 1 } else { self.roll(3) };
        let keys = match sort {
            0 => words::labels(),
            1 => words::managed(),
            _ => self.hand.clone(),
        };
        let mut there = Vec::new();
        for _ in 0..self.roll(keys.len().min(12)) {
            let key = keys[self.roll(keys.len())].clone();
            match self.hole() {
                Some(Hole::Missing) => {}
                hole => there.push(Entry { any: !key.starts_with("f:"), key, null: hole.is_some() }),
            }
        }
        there
    }

    /// A time near now, a condition's status, or a word of the hand.
    fn word(&mut self) -> String {
        match self.roll(6) {
            5 => {
                let span = self.of(words::SPANS);
                let sign = self.of(&[-1, -1, 1]);
                self.now.plus(sign * span).timestamp().to_string()
            }
            4 => self.of(&["True", "False", "Unknown"]).to_owned(),
            _ => {
                let at = self.roll(self.hand.len());
                self.hand[at].clone()
            }
        }
    }

    /// A text in quotes, now and then with all of it escaped: it cannot be borrowed from the input then.
    fn write_text(&mut self, text: &str) {
        if self.roll(16) == 15 {
            let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            self.made.json.extend(["\"", units.concat().as_str(), "\""]);
        } else {
            self.write(text);
        }
    }

    fn write<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        self.made.json.push_str(&serde_json::to_string(value).unwrap());
    }

    /// Any JSON: for skipped values, and in the place of what was asked for.
    fn write_anything(&mut self, depth: usize) {
        match self.roll(if depth > 2 { 5 } else { 7 }) {
            0 => self.made.json.push_str("null"),
            1 => self.made.json.push_str("true"),
            2 => self.made.json.push_str("-1.5e3"),
            3 => self.made.json.push_str("18446744073709551615"),
            4 => {
                let word = self.word();
                self.write_text(&word);
            }
            5 => {
                self.made.json.push('[');
                for at in 0..self.roll(3) {
                    self.made.json.push_str(if at > 0 { "," } else { "" });
                    self.write_anything(depth + 1);
                }
                self.made.json.push(']');
            }
            _ => {
                self.made.json.push('{');
                for at in 0..self.roll(3) {
                    self.made.json.push_str(if at > 0 { "," } else { "" });
                    let key = self.word();
                    self.write_text(&key);
                    self.made.json.push(':');
                    self.write_anything(depth + 1);
                }
                self.made.json.push('}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    enum Answer {
        Yes,
        No,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is read and never looked at")]
    struct Wrapped(i8);

    /// What no kind asks for so far.
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is read and never looked at")]
    struct Odd {
        answer: Option<Answer>,
        raw: Option<Box<RawValue>>,
        wrapped: Option<Wrapped>,
        ratio: Option<f32>,
        letters: Option<Vec<Option<String>>>,
        map: Option<BTreeMap<String, Option<u16>>>,
    }

    #[test]
    fn what_is_made_up_is_what_the_type_reads() {
        for seed in 0..200 {
            let way = if seed == 0 { Way::Down(usize::MAX, Hole::Null) } else { Way::Dice };
            let mut walk = Walk::new(way, Dice::seeded(seed), &["a".to_owned()], Time(0));
            walk.through::<Odd>();
            let read = serde_json::from_str::<Odd>(&walk.made.json);
            assert!(read.is_ok() || walk.made.spoiled, "{read:?} in {}", walk.made.json);
            if seed == 0 {
                assert_eq!(walk.made.answered.iter().filter(|path| path.matches('.').count() == 1).count(), 6);
            }
        }
    }

    #[test]
    #[should_panic(expected = "Strict in .number: takes no null")]
    fn a_field_that_takes_no_null_is_a_fault() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "it is read and never looked at")]
        struct Strict {
            #[serde(default)]
            number: i64,
        }
        Walk::new(Way::Down(0, Hole::Null), Dice::seeded(0), &["a".to_owned()], Time(0)).through::<Strict>();
    }

    #[test]
    fn the_same_dice_make_the_same_object() {
        let made = || {
            let mut walk = Walk::new(Way::Dice, Dice::seeded(7), &["a".to_owned()], Time(0));
            walk.through::<Odd>();
            walk.made.json
        };
        made();
        assert_eq!(made(), made());
    }
}
