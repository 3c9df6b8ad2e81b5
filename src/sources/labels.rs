//! Label sets as Prometheus and Alertmanager give them: sorted, bounded, unsanitised (matching needs the true bytes;
//! what enters a record is sanitised there).

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::domain::matcher::Matcher;
use crate::kinds::wire::Text;

/// At most this many labels of a set are kept.
const MOST: usize = 128;

/// Distinct names with their values, sorted by name. Names of empty values are left out: to both servers they are
/// the same as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Vec<(Box<str>, Box<str>)>);

impl Labels {
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }

    /// Only the labels whose name `keep` accepts.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// How many names both sets have, if all of those have equal values.
    pub fn agreeing(&self, other: &Self) -> Option<usize> {
        let mut shared = 0;
        for (name, value) in self.iter() {
            match other.get(name) {
                Some(same) if same == value => shared += 1,
                Some(_) => return None,
                None => {}
            }
        }
        Some(shared)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As a set is printed: `{alertname="X",namespace="y"}`. Equal texts are equal sets, and
/// `matcher::parse` reads it back.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}", Matcher::equal(name, value))?;
        }
        f.write_str("}")
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Labels {
    /// Of a name given twice, the later value counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut all: Vec<(Box<str>, Box<str>)> =
            pairs.into_iter().map(|(k, v)| (k.as_ref().into(), v.as_ref().into())).collect();
        all.reverse();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|later, kept| later.0 == kept.0);
        all.retain(|(_, value)| !value.is_empty());
        all.truncate(MOST);
        Self(all)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Labels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of labels")
            }
            fn visit_unit<E>(self) -> Result<Labels, E> {
                Ok(Labels::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Text>()? {
                    pairs.push((name, value.to_string()));
                }
                Ok(pairs.into_iter().collect())
            }
        }
        d.deserialize_any(V)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// `a=b,c=d` as a label set.
    pub fn labels(text: &str) -> Labels {
        text.split(',').filter_map(|pair| pair.split_once('=')).collect()
    }

    #[test]
    fn a_set_is_the_same_whatever_its_order() {
        let (a, b) = (labels("namespace=y,alertname=X"), labels("alertname=X,namespace=y"));
        assert_eq!(a, b);
        assert_eq!(a.to_string(), r#"{alertname="X",namespace="y"}"#);
    }

    #[test]
    fn null_and_numbers_are_tolerated_and_empty_is_absent() {
        let set: Labels = serde_json::from_str(r#"{"a":null,"b":7,"c":"","d":"x\"\n"}"#).unwrap();
        assert_eq!(set.to_string(), r#"{b="7",d="x\"\n"}"#);
        assert!(serde_json::from_str::<Labels>("null").unwrap().is_empty());
    }

    #[test]
    fn sets_agree_on_what_both_have_or_not_at_all() {
        let prom = labels("alertname=X,pod=a");
        assert_eq!(prom.agreeing(&labels("alertname=X,pod=a,cluster=prod")), Some(2));
        assert_eq!(prom.agreeing(&labels("alertname=X,pod=b")), None);
        assert_eq!(prom.agreeing(&labels("cluster=prod")), Some(0));
    }

    #[test]
    fn of_a_name_given_twice_the_later_value_counts() {
        assert_eq!(labels("a=1,a=2").get("a"), Some("2"));
    }
}
