//! One kubeconfig file as kubectl decodes it: of a key that occurs twice the last one counts, an empty value is none,
//! and an entry that cannot be decoded costs itself only. Paths are relative to the file. It opens the file and nothing
//! that it names, and repeats no value of it: it may be a token.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::clients::failure::FileProblem;

/// The extension of a cluster that a plugin is given.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// What a file defines, in its order.
#[derive(Debug, Default)]
pub(super) struct File {
    pub current: Option<String>,
    pub contexts: Vec<(String, Context)>,
    pub clusters: Vec<(String, Entry<Cluster>)>,
    pub users: Vec<(String, Entry<AuthInfo>)>,
    pub problems: Vec<FileProblem>,
}

/// A cluster or a user: decoded, or why not; and as written, to be compared with another one.
#[derive(Debug, Clone)]
pub(super) struct Entry<T> {
    pub value: Result<T, String>,
    pub raw: Value,
    pub file: PathBuf,
}

/// What a context names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Context {
    pub cluster: String,
    pub user: String,
    pub namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "current-context")]
    current: Option<Value>,
    contexts: List,
    clusters: List,
    users: List,
}

/// Entries by their keys, each value with its place; what is no entry is left out.
#[derive(Debug, Default)]
struct List(Vec<BTreeMap<String, Spanned<Value>>>);

/// An item of a list.
enum Item {
    Entry(BTreeMap<String, Spanned<Value>>),
    Other,
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = List;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<List, E> {
                Ok(List::default())
            }
            fn visit_none<E>(self) -> Result<List, E> {
                Ok(List::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List, A::Error> {
                let mut entries = Vec::new();
                while let Some(item) = items.next_element::<Item>()? {
                    if let Item::Entry(entry) = item {
                        entries.push(entry);
                    }
                }
                Ok(List(entries))
            }
        }
        d.deserialize_any(Each)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Item;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry with a name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<Item, A::Error> {
                let mut entry = BTreeMap::new();
                while let Some((key, value)) = keys.next_entry()? {
                    entry.insert(key, value);
                }
                Ok(Item::Entry(entry))
            }
            fn visit_unit<E>(self) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_none<E>(self) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Item, E> {
                Ok(Item::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
                while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(Item::Other)
            }
        }
        d.deserialize_any(One)
    }
}

/// Reads one file.
///
/// # Errors
/// A file that cannot be read, with the kind of the error; one that is no YAML, as a problem.
pub(super) fn read(path: &Path) -> Result<File, Unreadable> {
    let text = text(std::fs::read(path).map_err(Unreadable::Io)?).map_err(Unreadable::Io)?;
    // what looks like a number or a yes may be a name or a token: it is kept as it is written where that can be
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        with_snippet: false,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    let documents: Vec<Document> = serde_saphyr::from_multiple_with_options(&text, options).map_err(|error| {
        let at = error.location().map(|location| (location.line(), location.column()));
        let what = format!("not a valid kubeconfig: {}", without_values(&error.without_snippet().to_string()));
        Unreadable::Bad(FileProblem { path: path.to_path_buf(), at, what })
    })?;
    let mut file = File::default();
    for document in documents {
        file.add(path, document);
    }
    Ok(file)
}

/// Why a file gives nothing.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    Bad(FileProblem),
}

impl File {
    fn add(&mut self, path: &Path, document: Document) {
        let current = document.current.as_ref().and_then(word).filter(|name| !name.is_empty());
        self.current = self.current.take().or(current);
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut taken = names(&self.contexts);
        for (name, value) in self.named(path, document.contexts, "context", &mut taken) {
            match decode(&tidy(&value.value, &CONTEXT)) {
                Ok(context) => self.contexts.push((name, context)),
                Err(why) => self.bad(path, "context", &name, &value, &why),
            }
        }
        let mut taken = names(&self.clusters);
        for (name, value) in self.named(path, document.clusters, "cluster", &mut taken) {
            let mut raw = tidy(&value.value, &CLUSTER);
            keep_exec_extension(&mut raw, &value.value);
            absolute(&mut raw, &["certificate-authority"], folder);
            let entry = self.entry(path, "cluster", &name, &value, raw);
            self.clusters.push((name, entry));
        }
        let mut taken = names(&self.users);
        for (name, value) in self.named(path, document.users, "user", &mut taken) {
            let mut raw = tidy(&value.value, &USER);
            tidy_plugin(&mut raw, folder);
            absolute(&mut raw, &["client-certificate", "client-key", "tokenFile"], folder);
            let entry = self.entry(path, "user", &name, &value, raw);
            self.users.push((name, entry));
        }
    }

    /// The entries of a list with a name of their own, and the value under `key` of each.
    fn named(&mut self, path: &Path, list: List, key: &str, taken: &mut Vec<String>) -> Vec<(String, Spanned<Value>)> {
        let mut out = Vec::new();
        for mut entry in list.0 {
            // one without a name is never meant by anybody
            let Some(name) = entry.get("name").and_then(|name| word(&name.value)).filter(|name| !name.is_empty())
            else {
                continue;
            };
            let place = entry.get("name").map(|name| name.referenced);
            if taken.contains(&name) {
                let what = format!(
                    "{key} \"{name}\" is defined twice in it: the first one counts, and kubectl refuses the file"
                );
                let at = place.map(|place| (place.line(), place.column()));
                self.problems.push(FileProblem { path: path.to_path_buf(), at, what });
                continue;
            }
            taken.push(name.clone());
            if let Some(value) = entry.remove(key) {
                out.push((name, value));
            }
        }
        out
    }

    fn entry<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        what: &str,
        name: &str,
        value: &Spanned<Value>,
        raw: Value,
    ) -> Entry<T> {
        let decoded = if value.value.is_object() || value.value.is_null() {
            decode(&raw)
        } else {
            Err("it is no map of keys".to_owned())
        };
        if let Err(why) = &decoded {
            self.bad(path, what, name, value, why);
        }
        Entry { value: decoded, raw, file: path.to_path_buf() }
    }

    fn bad(&mut self, path: &Path, what: &str, name: &str, value: &Spanned<Value>, why: &str) {
        let at = Some((value.referenced.line(), value.referenced.column()));
        let what = format!("{what} \"{name}\" cannot be used: {why}");
        self.problems.push(FileProblem { path: path.to_path_buf(), at, what });
    }
}

fn names<T>(entries: &[(String, T)]) -> Vec<String> {
    entries.iter().map(|(name, _)| name.clone()).collect()
}

fn decode<T: DeserializeOwned>(raw: &Value) -> Result<T, String> {
    serde_json::from_value(raw.clone()).map_err(|error| without_values(&error.to_string()))
}

/// The keys that are texts, and those that are yes or no.
struct Keys {
    texts: &'static [&'static str],
    flags: &'static [&'static str],
    others: &'static [&'static str],
}

const CONTEXT: Keys = Keys { texts: &["cluster", "user", "namespace"], flags: &[], others: &[] };
const CLUSTER: Keys = Keys {
    texts: &["server", "certificate-authority", "certificate-authority-data", "proxy-url", "tls-server-name"],
    flags: &["insecure-skip-tls-verify", "disable-compression"],
    others: &[],
};
const USER: Keys = Keys {
    texts: &[
        "username",
        "password",
        "token",
        "tokenFile",
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "as",
        "as-uid",
    ],
    flags: &[],
    others: &["as-groups", "as-user-extra", "auth-provider", "exec"],
};
const PLUGIN: Keys = Keys {
    texts: &["apiVersion", "command", "installHint", "interactiveMode"],
    flags: &["provideClusterInfo"],
    others: &["args", "env"],
};

/// The known keys that have a value: an empty one is none. Numbers where a text belongs become texts.
fn tidy(value: &Value, keys: &Keys) -> Value {
    let mut out = Map::new();
    let Value::Object(found) = value else { return Value::Object(out) };
    for (key, value) in found {
        let name = key.as_str();
        let kept = if keys.texts.contains(&name) {
            word(value).map_or_else(|| value.clone(), Value::String)
        } else if keys.flags.contains(&name) {
            flag(value)
        } else if keys.others.contains(&name) {
            value.clone()
        } else {
            continue;
        };
        if !kept.is_null() && kept.as_str() != Some("") {
            out.insert(key.clone(), kept);
        }
    }
    Value::Object(out)
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// YAML 1.1, which kubectl reads, has more words for yes and no.
fn flag(value: &Value) -> Value {
    match value.as_str() {
        Some("yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y") => Value::Bool(true),
        Some("no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N") => Value::Bool(false),
        _ => value.clone(),
    }
}

/// Extensions are anybody's; only that for plugins is ours to know.
fn keep_exec_extension(raw: &mut Value, value: &Value) {
    let all = value.get("extensions").and_then(Value::as_array);
    let ours = all.into_iter().flatten().find(|one| one.get("name").and_then(Value::as_str) == Some(EXEC_EXTENSION));
    if let Some(ours) = ours.filter(|ours| ours.get("extension").is_some_and(|value| !value.is_null())) {
        raw["extensions"] = Value::Array(vec![ours.clone()]);
    }
}

fn tidy_plugin(raw: &mut Value, folder: &Path) {
    if let Some(plugin) = raw.get("exec").map(|exec| tidy(exec, &PLUGIN)) {
        raw["exec"] = plugin;
        // a bare name is looked for in PATH
        if raw["exec"]["command"].as_str().is_some_and(|command| command.contains(std::path::MAIN_SEPARATOR)) {
            absolute(&mut raw["exec"], &["command"], folder);
        }
    }
    if let Some(Value::Object(provider)) = raw.get_mut("auth-provider") {
        provider.retain(|_, value| !value.is_null());
    }
}

fn absolute(raw: &mut Value, keys: &[&str], folder: &Path) {
    for key in keys {
        if let Some(Value::String(path)) = raw.get_mut(*key)
            && Path::new(path.as_str()).is_relative()
        {
            *path = folder.join(path.as_str()).display().to_string();
        }
    }
}

/// The bytes as text, in one of the encodings that editors write.
fn text(bytes: Vec<u8>) -> io::Result<String> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not a text in UTF-8 or UTF-16");
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| wrong())
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| wrong()),
        _ => String::from_utf8(bytes).map_err(|_| wrong()),
    }
}

/// The first line of a parser's message without what it quotes.
pub(super) fn without_values(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let mut out = String::new();
    for (index, part) in first.split('"').enumerate() {
        if index > 0 {
            out.push('"');
        }
        out.push_str(if index % 2 == 1 { "..." } else { part });
    }
    // names of keys and variants are quoted so, and so is what was found in their place
    let found = out.find("unknown variant `").map(|at| at + "unknown variant `".len());
    if let Some(at) = found
        && let Some(end) = out[at..].find('`')
    {
        out.replace_range(at..at + end, "...");
    }
    out.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsers_message_is_shown_without_the_value_it_quotes() {
        assert_eq!(
            without_values("invalid type: string \"s3cret\", expected a map\nmore"),
            "invalid type: string \"...\", expected a map"
        );
        assert_eq!(
            without_values("unknown variant `s3cret`, expected `Never` or `Always`"),
            "unknown variant `...`, expected `Never` or `Always`"
        );
    }

    fn parsed(text: &str) -> File {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_one_counts() {
        let file =
            parsed("current-context: b\ncurrent-context: a\nclusters: [{name: k, cluster: {server: x, server: y}}]");
        assert_eq!(file.current.as_deref(), Some("a"));
        assert_eq!(file.clusters[0].1.value.as_ref().unwrap().server.as_deref(), Some("y"));
        assert_eq!(file.problems, []);
    }

    #[test]
    fn an_empty_value_is_none_whatever_its_key() {
        let file = parsed(
            "clusters: [{name: k, cluster: {server: s, certificate-authority: '', certificate-authority-data: '', \
             tls-server-name: '', proxy-url: ~}}]\nusers: [{name: u, user: {token: '', tokenFile: '', client-key: '', \
             exec: {command: c, args: [''], env: [{name: E, value: ''}], interactiveMode: ''}}}]",
        );
        let cluster = file.clusters[0].1.value.as_ref().unwrap();
        assert_eq!(
            (&cluster.certificate_authority, &cluster.tls_server_name, &cluster.proxy_url),
            (&None, &None, &None)
        );
        let user = file.users[0].1.value.as_ref().unwrap();
        assert!(user.token.is_none() && user.token_file.is_none() && user.client_key.is_none());
        let exec = user.exec.as_ref().unwrap();
        // an empty argument and an empty variable are something
        assert_eq!(exec.args.as_ref().unwrap(), &[""]);
        assert_eq!(exec.env.as_ref().unwrap()[0]["value"], "");
        assert!(exec.interactive_mode.is_none());
    }

    #[rstest::rstest]
    #[case::no_name("contexts: [{context: {cluster: x}}, ~, 7, {name: a, context: {cluster: k}}]", 0)]
    #[case::provider_without_config("users: [{name: old, user: {auth-provider: {name: gcp, config: ~}}}]", 0)]
    #[case::provider_without_a_name("users: [{name: old, user: {auth-provider: {config: {}}}}]", 1)]
    #[case::odd_mode("users: [{name: old, user: {exec: {command: c, interactiveMode: Sometimes}}}]", 1)]
    #[case::a_text("users: [{name: old, user: s3cret}]", 1)]
    #[case::twice("clusters: [{name: k, cluster: {server: x}}, {name: k, cluster: {server: y}}]", 1)]
    #[case::no_list("users: ~", 0)]
    fn an_entry_that_cannot_be_used_costs_itself_only(#[case] text: &str, #[case] problems: usize) {
        let file = parsed(&format!("{text}\nkind: Config\n"));
        assert_eq!(file.problems.len(), problems, "{:?}", file.problems);
        let told = format!("{:?}", file.problems);
        assert!(!told.contains("s3cret"), "{told}");
        if text.contains("name: a,") {
            assert_eq!(file.contexts.len(), 1);
        }
    }

    #[test]
    fn paths_are_relative_to_the_file_and_a_bare_command_is_not() {
        let file = parsed(
            "clusters: [{name: k, cluster: {server: s, certificate-authority: ca.pem}}]\n\
             users: [{name: u, user: {tokenFile: /abs, exec: {command: aws}}}, {name: v, user: {exec: {command: ./p}}}]",
        );
        let ca = file.clusters[0].1.value.as_ref().unwrap().certificate_authority.clone().unwrap();
        assert!(Path::new(&ca).is_absolute() && ca.ends_with("/ca.pem"), "{ca}");
        let command = |n: usize| file.users[n].1.value.as_ref().unwrap().exec.clone().unwrap().command.unwrap();
        assert_eq!(file.users[0].1.value.as_ref().unwrap().token_file.as_deref(), Some("/abs"));
        assert_eq!(command(0), "aws");
        assert!(Path::new(&command(1)).is_absolute());
    }

    #[test]
    fn a_name_that_looks_like_something_else_is_a_name() {
        let file = parsed("contexts: [{name: on, context: {cluster: n, user: 007, namespace: 12}}]");
        let expected = Context { cluster: "n".into(), user: "007".into(), namespace: "12".into() };
        assert_eq!(file.contexts, [("on".to_owned(), expected)]);
    }

    #[test]
    fn yaml_of_old_has_more_words_for_yes() {
        let file = parsed("clusters: [{name: k, cluster: {server: s, insecure-skip-tls-verify: yes}}]");
        assert_eq!(file.clusters[0].1.value.as_ref().unwrap().insecure_skip_tls_verify, Some(true));
    }
}
