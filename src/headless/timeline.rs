//! `watchkeeper timeline`: what was written down of a context, from disk alone; no cluster is asked.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::domain::ages::Time;
use crate::domain::moment::{self, Moment};
use crate::effects::{deeds, timeline};

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Markdown,
    Json,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    pub context: &'a str,
    /// Only what is younger, in seconds.
    pub since: Option<i64>,
    pub namespace: Option<&'a str>,
    pub format: Format,
    pub utc: bool,
    pub now: Time,
}

/// Prints it, the oldest first: the timeline of the folder, and what the audit adds to it.
///
/// # Errors
/// What reading or writing fails with.
pub fn print(folder: &Path, audit: Option<&Path>, query: &Query<'_>, out: &mut dyn Write) -> io::Result<()> {
    let now = query.now;
    let identity = timeline::known(folder, query.context);
    let past = timeline::read(&timeline::path(folder, query.context, &identity), now)?;
    let newest = past.newest();
    let mut moments = past.moments;
    if let Some(audit) = audit {
        moments.extend(deeds::read(audit, query.context, None, now));
        moment::settle(&mut moments, now);
    }
    moments.retain(|m| {
        query.since.is_none_or(|since| m.time.age(now) <= since)
            && query.namespace.is_none_or(|namespace| *m.namespace == *namespace)
    });
    match query.format {
        Format::Text => text(&moments, query, newest, out),
        Format::Markdown => {
            write!(out, "{}", moment::markdown(&moments, &format!("Timeline of {}", query.context)))
        }
        Format::Json => {
            let entries: Vec<Value> = moments.iter().filter_map(|m| serde_json::from_str(&m.line()).ok()).collect();
            let whole = json!({
                "context": query.context,
                "asOf": newest.map(|at| at.timestamp().to_string()),
                "unreadableLines": past.unreadable,
                "entries": entries,
            });
            writeln!(out, "{whole:#}")
        }
    }
}

fn text(moments: &[Moment], query: &Query<'_>, newest: Option<Time>, out: &mut dyn Write) -> io::Result<()> {
    match newest {
        Some(newest) => {
            let age = crate::domain::ages::told(newest.age(query.now).max(0));
            writeln!(out, "{}: from disk, as of {age} ago", query.context)?;
        }
        None => writeln!(out, "{}: nothing was written down in the last 24 hours", query.context)?,
    }
    for moment in moments {
        writeln!(out, "{}", moment::told(moment, query.now, query.utc))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::What;

    fn printed(query: &Query<'_>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let moments = [
            Moment::new(Time(1000), What::Onset, ("Pod", "shop", "cart"), "crashes"),
            Moment::new(Time(5000), What::Healed, ("Node", "", "n1"), "healed after 2m"),
        ];
        timeline::append(&timeline::path(folder.path(), "lab", ""), &moments, query.now).unwrap();
        let mut out = Vec::new();
        print(folder.path(), None, query, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn query(format: Format) -> Query<'static> {
        Query { context: "lab", since: None, namespace: None, format, utc: true, now: Time(5600) }
    }

    #[test]
    fn it_is_printed_as_lines_as_markdown_and_as_json() {
        let text = printed(&query(Format::Text));
        assert!(
            text.starts_with("lab: from disk, as of 10m ago\n") && text.contains("Pod shop/cart: crashes"),
            "{text}"
        );
        let markdown = printed(&query(Format::Markdown));
        assert!(markdown.contains("| 1970-01-01T01:23:20Z | healed |  | Node n1 | healed after 2m |"), "{markdown}");
        let json: Value = serde_json::from_str(&printed(&query(Format::Json))).unwrap();
        assert_eq!((&json["entries"][0]["name"], json["entries"].as_array().unwrap().len()), (&json!("cart"), 2));
    }

    #[test]
    fn since_namespace_and_context_restrict_it() {
        let young = printed(&Query { since: Some(3600), ..query(Format::Text) });
        assert!(!young.contains("crashes") && young.contains("healed"), "{young}");
        let shop = printed(&Query { namespace: Some("shop"), ..query(Format::Text) });
        assert!(shop.contains("crashes") && !shop.contains("n1"), "{shop}");
        let other = printed(&Query { context: "prod", ..query(Format::Text) });
        assert!(other.contains("nothing was written down"), "{other}");
    }
}
