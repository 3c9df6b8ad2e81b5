//! Answers the questions of a wire type.
//!
//! Serde does not say which shapes an open question (`deserialize_any`) accepts. A shape that a visitor refuses is
//! remembered for that type of visitor, and the walk begins again.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

use serde::de::value::MapDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Entry, Walk, Way};

/// What JSON may hold, apart from null. Numbers are distinguished as serde's visitors do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    Map,
    List,
    Word,
    Switch,
    Small,
    Big,
    Huge,
    Negative,
    Fraction,
}

const SHAPES: [Shape; 9] = [
    Shape::Map,
    Shape::List,
    Shape::Word,
    Shape::Switch,
    Shape::Small,
    Shape::Big,
    Shape::Huge,
    Shape::Negative,
    Shape::Fraction,
];

thread_local! {
    /// What these types of visitors do not accept.
    static REFUSED: RefCell<BTreeSet<(&'static str, Shape)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Visitors of this type do not get this shape any more.
pub fn remember(who: &'static str, shape: Shape) {
    let new = REFUSED.with_borrow_mut(|refused| refused.insert((who, shape)));
    assert!(new, "{who} was asked again for {shape:?}");
}

impl Walk {
    /// A shape that this visitor accepts, as far as is known.
    fn shape(&mut self, who: &'static str) -> Option<Shape> {
        let (main, other): (Vec<Shape>, Vec<Shape>) = REFUSED.with_borrow(|refused| {
            let open = SHAPES.iter().copied().filter(|shape| !refused.contains(&(who, *shape)));
            open.partition(|shape| matches!(shape, Shape::Map | Shape::List | Shape::Word))
        });
        let rare = self.roll(16) == 15;
        let from = if main.is_empty() || rare && !other.is_empty() { other } else { main };
        (!from.is_empty()).then(|| self.of(&from))
    }

    /// Answers with a map; its closing brace is written here.
    fn map<'de, V: Visitor<'de>>(&mut self, entries: Vec<Entry>, visitor: V) -> Result<V::Value, Refusal> {
        self.made.json.push('{');
        self.depth += 1;
        let above = self.path.len();
        let value =
            visitor.visit_map(Entries { walk: self, rest: entries.into_iter(), above, null: false, any: false })?;
        self.depth -= 1;
        self.made.json.push('}');
        Ok(value)
    }

    fn list<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Refusal> {
        let left = if matches!(self.way, Way::Dice) { self.roll(4) } else { 2 };
        self.made.json.push('[');
        let above = self.path.len();
        self.path.push_str("[]");
        let value = visitor.visit_seq(Items { walk: self, left, started: false })?;
        self.path.truncate(above);
        self.made.json.push(']');
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for &mut Walk {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_null() {
            return visitor.visit_unit().map_err(|_: Refusal| self.fault("takes no null"));
        }
        let who = type_name::<V>();
        let shape = self.shape(who).ok_or_else(|| self.fault(format!("{who} asks for what JSON has not")))?;
        let given = match shape {
            Shape::Map => {
                let keys = self.keys();
                self.map(keys, visitor)
            }
            Shape::List => self.list(visitor),
            Shape::Word => {
                let word = self.word();
                self.write_text(&word);
                visitor.visit_str(&word)
            }
            Shape::Switch => {
                let on = self.roll(2) == 1;
                self.write(&on);
                visitor.visit_bool(on)
            }
            Shape::Small | Shape::Big | Shape::Huge => {
                let number = match shape {
                    Shape::Small => self.of(&[0, 1, 2, 3, 100]),
                    Shape::Big => self.of(&[65_536, i32::MAX as u64, i64::MAX as u64]),
                    _ => u64::MAX,
                };
                self.write(&number);
                visitor.visit_u64(number)
            }
            Shape::Negative => {
                let number = self.of(&[-1, -2, i64::MIN]);
                self.write(&number);
                visitor.visit_i64(number)
            }
            Shape::Fraction => {
                let number = self.of(&[0.5, -1e300, 1e-7]);
                self.write(&number);
                visitor.visit_f64(number)
            }
        };
        given.map_err(|refusal| match refusal {
            Refusal::Unwanted => Refusal::Shape(who, shape),
            other => other,
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        if self.is_null() {
            return visitor.visit_unit().map_err(|_: Refusal| self.fault("takes no null"));
        }
        let fields = self.fields(names);
        self.map(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        if self.is_null() {
            return Err(self.fault("takes no null"));
        }
        let variant = self.of(variants);
        self.write_text(variant);
        visitor.visit_enum(variant.into_deserializer())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        // how serde_json asks for text that is not read yet
        const RAW: &str = "$serde_json::private::RawValue";
        if name != RAW {
            return visitor.visit_newtype_struct(self);
        }
        let start = self.made.json.len();
        if !self.is_null() {
            self.write_anything(0);
        }
        let text = self.made.json[start..].to_owned();
        visitor.visit_map(MapDeserializer::new(std::iter::once((RAW, text))))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if !self.is_null() {
            self.write_anything(0);
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct Entries<'w> {
    walk: &'w mut Walk,
    rest: std::vec::IntoIter<Entry>,
    /// How much of the path is that of the map itself.
    above: usize,
    null: bool,
    any: bool,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let Some(Entry { key, null, any }) = self.rest.next() else { return Ok(None) };
        let walk = &mut *self.walk;
        if !walk.made.json.ends_with('{') {
            walk.made.json.push(',');
        }
        walk.write_text(&key);
        walk.made.json.push(':');
        walk.path.truncate(self.above);
        walk.path.push('.');
        walk.path.push_str(&key);
        (self.null, self.any) = (null, any);
        let read = seed.deserialize(IntoDeserializer::<Refusal>::into_deserializer(key.as_str()));
        read.map(Some).map_err(|_| walk.fault("takes no such key"))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refusal> {
        let walk = &mut *self.walk;
        let start = walk.made.json.len();
        walk.null = self.null;
        if !self.null {
            walk.made.answered.insert(walk.path.clone());
        }
        if self.any {
            walk.path.truncate(self.above);
            walk.path.push_str(".*");
        }
        let value = seed.deserialize(&mut *walk)?;
        walk.path.truncate(self.above);
        if matches!(walk.way, Way::Dice) && walk.roll(256) == 255 {
            walk.made.json.truncate(start);
            walk.write_anything(0);
            walk.made.spoiled = true;
        }
        Ok(value)
    }
}

struct Items<'w> {
    walk: &'w mut Walk,
    left: usize,
    started: bool,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let first = !std::mem::replace(&mut self.started, true);
        self.walk.made.json.push_str(if first { "" } else { "," });
        self.walk.null = if matches!(self.walk.way, Way::Dice) { self.walk.roll(12) == 11 } else { first };
        seed.deserialize(&mut *self.walk).map(Some)
    }
}

/// Why a walk ends before the object is complete.
#[derive(Debug)]
pub enum Refusal {
    /// By the visitor that was answered.
    Unwanted,
    /// This type of visitor does not accept this.
    Shape(&'static str, Shape),
    /// A fault of the wire type, or a question that has not been asked so far.
    Fault(String),
}

impl Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: Display>(why: T) -> Self {
        Self::Fault(why.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Unwanted
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Unwanted
    }
}
