//! Hides what is secret in an object that is shown as it is: values whose name says so, and anything that has the form
//! of a secret. It judges by names and forms alone, so it may hide too much; it never decodes anything.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::redact;

/// What is shown in the place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// A name that holds one of these, written together, names a secret.
const ANYWHERE: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "credential",
    "apikey",
    "privatekey",
    "accesskey",
    "dockerconfig",
    "dockercfg",
    "connectionstring",
    "connstr",
    "kubeconfig",
    "webhookurl",
    "webhookuri",
    "webhookaddress",
    "mnemonic",
];
/// The same as a word of its own.
const WORDS: &[&str] = &["psk", "dsn", "jwt", "cookie", "cookies", "cred", "creds"];
/// The same at the end of a word: `DBPASS`, `bindpw`, `SEED_PHRASE`.
const ENDINGS: &[&str] = &["pass", "pwd", "pw", "phrase"];
/// The same at the end of a name: `masterauth`, `GITLAB_PAT`, `sig`.
const LAST: &[&str] = &["pat", "sig", "signature", "authorization"];
/// Words that only end like one.
const OTHERS: &[&str] = &[
    "bypass",
    "compass",
    "encompass",
    "highpass",
    "lowpass",
    "oauth",
    "overpass",
    "paraphrase",
    "surpass",
    "trespass",
    "underpass",
];
/// A name with such an ending only says where or how a secret is kept.
const ABOUT: &[&str] = &[
    "name",
    "names",
    "ref",
    "refs",
    "reference",
    "kind",
    "namespace",
    "namespaces",
    "version",
    "seconds",
    "minutes",
    "ttl",
    "expiry",
    "expiration",
    "policy",
    "type",
    "size",
    "length",
    "count",
    "enabled",
    "path",
    "file",
    "mount",
    "class",
    "algorithm",
    "endpoint",
    "provider",
    "store",
    "stores",
    "format",
    "interval",
    "audience",
    "audiences",
    "selector",
    "labels",
    "annotations",
];
/// `something key` is a secret, except for these.
const OPEN_KEYS: &[&str] = &[
    "public",
    "topology",
    "label",
    "labels",
    "annotation",
    "map",
    "object",
    "remote",
    "primary",
    "foreign",
    "partition",
    "sort",
    "cache",
    "index",
    "item",
    "field",
    "column",
    "group",
    "hash",
    "routing",
    "by",
    "entry",
];
/// In something that is called a secret, these only say where it is.
const OPEN_BELOW: &[&str] = &[
    "name",
    "namespace",
    "key",
    "kind",
    "apiVersion",
    "group",
    "version",
    "secretName",
    "path",
    "mode",
    "defaultMode",
    "type",
    "uid",
    "existingSecret",
    "provider",
];
/// What names the entry whose value is next to it: a variable, a header, a setting.
const NAMES: &[&str] = &["name", "key", "header", "headerName", "variable"];
const VALUES: &[&str] = &["value", "values", "content", "default"];
/// The beginnings of tokens with a known format.
const TOKENS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "hvs.",
    "hvb.",
    "npm_",
    "pypi-",
    "dckr_pat_",
    "dop_v1_",
    "shpat_",
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "AIza",
    "ATATT",
    "SG.",
    "ghr_",
    "glrt-",
    "gldt-",
    "xoxs-",
    "xoxe",
    "AGE-SECRET-KEY-",
];
/// What comes before a token in a header.
const SCHEMES: &[&str] = &["Bearer", "bearer", "Basic", "basic", "Token", "token"];
/// Programs that take a password right behind `-p`, or as its next word.
const TAKE_P: &[&str] =
    &["mysql", "mariadb", "sshpass", "mongo", "docker", "podman", "helm", "skopeo", "crane", "oras"];
/// Words that go on after a flag in a sentence.
const PROSE: &[&str] =
    &["is", "was", "are", "and", "or", "must", "to", "for", "not", "cannot", "has", "with", "in", "of"];
/// `-----BEGIN ` in base64.
const PACKED_PEM: &str = "LS0tLS1CRUdJTi";

/// Hides the secrets of a whole object.
pub fn object(value: &mut Value) {
    if value.get("kind").and_then(Value::as_str) == Some("Secret")
        && let Some(object) = value.as_object_mut()
    {
        for field in ["data", "stringData"] {
            if let Some(inner) = object.get_mut(field) {
                *inner = HIDDEN.into();
            }
        }
    }
    hide(value, false);
}

/// The words of a name: `adminPassword`, `ADMIN_PASSWORD` and `admin-password` have the same.
fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, c) in letters.iter().enumerate() {
        let after_small = at > 0 && (letters[at - 1].is_lowercase() || letters[at - 1].is_ascii_digit());
        let before_small =
            at > 0 && letters[at - 1].is_uppercase() && letters.get(at + 1).is_some_and(|n| n.is_lowercase());
        let begins = c.is_uppercase() && (after_small || before_small);
        if (begins || !c.is_alphanumeric()) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// Whether a value of this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let (Some(last), joined) = (words.last(), words.concat()) else { return false };
    if ABOUT.contains(&last.as_str()) || last == "secrets" && words.len() > 1 && words[words.len() - 2] == "pull" {
        return false;
    }
    let is_key = matches!(last.as_str(), "key" | "keys")
        && words.len() > 1
        && !OPEN_KEYS.contains(&words[words.len() - 2].as_str());
    let ends = |word: &String, endings: &[&str]| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        !OTHERS.contains(&word) && endings.iter().any(|ending| word.ends_with(ending))
    };
    is_key
        || LAST.contains(&last.as_str())
        || ends(last, &["auth"])
        || ANYWHERE.iter().any(|part| joined.contains(part))
        || words.iter().any(|word| WORDS.contains(&word.as_str()) || ends(word, ENDINGS))
}

/// Whether everything below a field of this name is suspect.
fn opens(name: &str) -> bool {
    is_secret(name) && ["secret", "credential", "password"].iter().any(|part| words(name).concat().contains(part))
}

fn hide(value: &mut Value, below: bool) {
    match value {
        Value::Object(map) => hide_fields(map, below),
        Value::Array(items) => hide_items(items, below),
        Value::String(shown) => conceal(shown),
        _ => {}
    }
}

fn hide_fields(map: &mut Map<String, Value>, below: bool) {
    if NAMES.iter().filter_map(|name| map.get(*name)?.as_str()).any(is_secret) {
        for name in VALUES {
            if let Some(inner) = map.get_mut(*name) {
                wipe(inner);
            }
        }
    }
    for (name, inner) in map.iter_mut() {
        // how many passed, and not a word to pass
        let counts = inner.is_number() && name == "pass";
        let by_name = is_secret(name) && !counts && !inner.is_object();
        let by_place = below && !OPEN_BELOW.contains(&name.as_str()) && !inner.is_object() && !inner.is_array();
        if by_name || by_place {
            wipe(inner);
        } else {
            hide(inner, below || opens(name));
        }
    }
}

/// A list; of arguments, the value of a flag is the next one.
fn hide_items(items: &mut [Value], below: bool) {
    let mut flag = String::new();
    for item in items {
        let Value::String(shown) = item else {
            hide(item, below);
            flag.clear();
            continue;
        };
        let before = std::mem::replace(&mut flag, shown.clone());
        if is_given(&before, shown) || (before == "-p" && is_password(shown)) {
            HIDDEN.clone_into(shown);
        } else {
            conceal(shown);
        }
    }
}

/// Whether a flag's value is a secret: by the flag's name, or because `-u` gives a password with the user.
fn is_given(flag: &str, value: &str) -> bool {
    if !flag.starts_with('-') || flag.contains('=') || value.starts_with('-') || is_reference(value) {
        return false;
    }
    let is_login = |login: &str| {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        !user.is_empty() && is_password(password) && !is_reference(password)
    };
    is_secret(flag) || (matches!(flag, "-u" | "--user" | "--proxy-user") && is_login(value))
}

/// Whether a word may be a password in a place where a port, a path or a number is also possible.
fn is_password(word: &str) -> bool {
    !word.is_empty()
        && !word.contains('/')
        && !word.starts_with('-')
        && !is_reference(word)
        && !word.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '-'))
}

/// Hides a text or a number, and those of a list.
fn wipe(value: &mut Value) {
    match value {
        Value::String(shown) if shown.is_empty() || is_reference(shown) => {}
        Value::String(_) | Value::Number(_) => *value = HIDDEN.into(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(_) => hide(value, true),
        Value::Bool(_) | Value::Null => {}
    }
}

/// `$(NAME)`, `${NAME}` and `{{ name }}` refer to a value that is somewhere else.
fn is_reference(text: &str) -> bool {
    let text = text.trim();
    let inside = |open, close| text.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    [("$(", ")"), ("${", "}"), ("{{", "}}")]
        .into_iter()
        .filter_map(|(open, close)| inside(open, close))
        .any(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || " _.-|\"".contains(c)))
}

fn conceal(shown: &mut String) {
    if let Cow::Owned(concealed) = text(shown) {
        *shown = concealed;
    }
}

/// A text of one line or many without the secrets that have a known form.
pub fn text(raw: &str) -> Cow<'_, str> {
    if raw.trim_start().starts_with(PACKED_PEM) {
        return Cow::Owned(HIDDEN.to_owned());
    }
    if let Some(concealed) = packed(raw) {
        return Cow::Owned(concealed);
    }
    let mut out = redact::urls(raw);
    for step in [pem as fn(&str) -> Option<String>, assigned, arguments, bare, logins, tokens] {
        if let Some(changed) = step(&out) {
            out = Cow::Owned(changed);
        }
    }
    out
}

/// A text that is JSON, where something in it is hidden.
fn packed(raw: &str) -> Option<String> {
    if !raw.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let before: Value = serde_json::from_str(raw).ok()?;
    let mut after = before.clone();
    hide(&mut after, false);
    (after != before).then(|| if raw.trim().contains('\n') { format!("{after:#}") } else { after.to_string() })
}

/// The values of flags in a command: `--requirepass X`, `curl -u a:X`, `mysql -pX`, `sshpass -p X`.
fn arguments(raw: &str) -> Option<String> {
    if !raw.contains('-') {
        return None;
    }
    let mut flag = String::new();
    let mut takes = false;
    replaced(raw, |word| {
        if word.is_empty() {
            return None;
        }
        let before = std::mem::replace(&mut flag, word.to_owned());
        let program = word.rsplit('/').next().unwrap_or(word);
        takes |= TAKE_P.iter().any(|name| program.starts_with(name));
        let joined = word.strip_prefix("-p").filter(|rest| takes && is_password(rest));
        if joined.is_some() {
            return Some(format!("-p{HIDDEN}"));
        }
        let given = is_given(&before, word) && !PROSE.contains(&word);
        (given || (takes && before == "-p" && is_password(word))).then(|| HIDDEN.to_owned())
    })
}

/// A name and its value with nothing but a gap between: a line of a file (`requirepass X`), and a login of `netrc`.
fn bare(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let is_file = raw.trim().contains('\n');
    for line in raw.split_inclusive('\n') {
        let words: Vec<&str> = line.split_whitespace().collect();
        let value = match words[..] {
            [name, value] if is_setting(name, value, is_file) => Some(value),
            _ => {
                let at = words.iter().position(|word| *word == "password" || *word == "passwd");
                let is_login = |at: usize| words[..at].iter().any(|word| *word == "login" || *word == "user");
                at.filter(|at| is_login(*at)).and_then(|at| words.get(at + 1).copied())
            }
        };
        match value.filter(|value| !is_reference(value)).and_then(|value| line.rfind(value).map(|at| (at, value))) {
            Some((at, value)) => {
                out.push_str(&line[..at]);
                out.push_str(HIDDEN);
                out.push_str(&line[at + value.len()..]);
            }
            None => out.push_str(line),
        }
    }
    (out != raw).then_some(out)
}

/// Whether a line of two words sets a secret. A line by itself may be a sentence, such as `secret synced`.
fn is_setting(name: &str, value: &str, is_file: bool) -> bool {
    let told = is_file || value.len() >= 16 || !value.chars().all(char::is_alphabetic);
    told && name.chars().all(is_name) && name.starts_with(|c: char| c.is_ascii_lowercase()) && is_secret(name)
}

/// Keys and certificates: of each, its two lines stay.
fn pem(raw: &str) -> Option<String> {
    raw.contains("-----BEGIN ").then(|| {
        let mut out = String::new();
        let mut rest = raw;
        while let Some(at) = rest.find("-----BEGIN ") {
            let (head, block) = rest.split_at(at);
            out.push_str(head);
            let title = block[11..].find("-----").map_or(block.len(), |end| 11 + end + 5);
            out.push_str(&block[..title]);
            out.push_str(HIDDEN);
            let end = block[title..].find("-----END ").map(|at| title + at);
            rest = end.map_or("", |at| &block[at..]);
        }
        out.push_str(rest);
        out
    })
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// `name=value` anywhere, and `name: value` where a line or an entry begins: in prose, what follows a colon is a reason.
fn assigned(raw: &str) -> Option<String> {
    if !raw.contains(['=', ':']) {
        return None;
    }
    let mut out = String::with_capacity(raw.len());
    let mut hidden_below: Option<usize> = None;
    let mut named = false;
    for line in raw.split_inclusive('\n') {
        let (name, value) = line.trim().trim_start_matches("- ").split_once(':').unwrap_or_default();
        let is_beside = std::mem::take(&mut named) && VALUES.contains(&name) && !is_reference(value);
        if is_beside && !value.trim().is_empty() {
            let at = line.find(':').map_or(line.len(), |at| at + 1);
            out.push_str(&line[..at]);
            out.push(' ');
            out.push_str(HIDDEN);
            out.push_str(if line.ends_with('\n') { "\n" } else { "" });
            continue;
        }
        named = NAMES.contains(&name) && is_secret(value.trim().trim_matches(['"', '\'']));
        let indent = line.len() - line.trim_start().len();
        if let Some(least) = hidden_below {
            if indent > least || line.trim().is_empty() {
                continue;
            }
            hidden_below = None;
        }
        let mut from = 0;
        while let Some(at) = line[from..].find(['=', ':']).map(|at| from + at) {
            let Some((value, end)) = value_of(line, at) else {
                out.push_str(&line[from..=at]);
                from = at + 1;
                continue;
            };
            out.push_str(&line[from..value]);
            out.push_str(HIDDEN);
            from = end;
            if matches!(line[value..end].trim(), "|" | ">" | "|-" | ">-" | "|+" | ">+") {
                hidden_below = Some(indent);
            }
        }
        out.push_str(&line[from..]);
    }
    (out != raw).then_some(out)
}

/// Where the value behind the sign at `at` begins and ends, if its name says that it is a secret.
fn value_of(line: &str, at: usize) -> Option<(usize, usize)> {
    let sign = line.as_bytes()[at];
    let before = line[..at].trim_end();
    let spaced = before.len() < at;
    let before = before.trim_end_matches(['"', '\'', '\\']);
    let name_at =
        before.rfind(|c| !is_name(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let name = before[name_at..].trim_start_matches('-');
    if name.is_empty() || !is_secret(name) {
        return None;
    }
    let lead = before[..name_at].trim_end_matches(['"', '\'', '\\', ' ', '\t']);
    // `"X-Api-Key: X"`: a quote that is still open ends the value, too
    let is_closed = line[..at].trim_end().len() > before.len();
    let open = before[..name_at].chars().next_back().filter(|c| !is_closed && matches!(c, '"' | '\''));
    let begins =
        open.is_some() || lead.is_empty() || lead.ends_with(['{', ',', '[', '-', ';']) || lead.trim() == "export";
    let rest = &line[at + 1..];
    let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    match sign {
        b'=' if (spaced || gap > 0) && !begins => return None,
        b':' if !begins => return None,
        // a colon without a gap is that of an image's tag, but for that of JSON
        b':' if gap == 0 && !rest.starts_with(['"', '\'', '\\']) => return None,
        _ => {}
    }
    let quoted = rest[gap..].trim_start_matches('\\');
    let slashes = rest.len() - gap - quoted.len();
    let (start, end) = match quoted.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let start = at + 1 + gap + slashes + 1;
            (start, line[start..].find([quote, '\n']).map_or(line.len(), |end| start + end))
        }
        _ => {
            let start = at + 1 + gap;
            let stops: &[char] = match (sign, open) {
                (b'=', _) => &[' ', '\t', '\n', ';', '&', ',', '"', '\'', ')'],
                (_, None) => &['\n', ',', '}'],
                (_, Some('"')) => &['\n', '"'],
                (_, Some(_)) => &['\n', '\''],
            };
            let stands_for = [("$(", ")"), ("${", "}"), ("{{", "}}")].into_iter().find_map(|(open, close)| {
                let close_at = line[start..].strip_prefix(open)?.find(close)?;
                Some(start + open.len() + close_at + close.len())
            });
            let end = line[start..].find(stops).map_or(line.len(), |end| start + end);
            (start, stands_for.unwrap_or(end))
        }
    };
    let value = line[start..end].trim_end_matches('\\');
    (!value.trim().is_empty() && !is_reference(value)).then_some((start, start + value.trim_end().len()))
}

/// `user:password@place` without a scheme, as databases are addressed.
fn logins(raw: &str) -> Option<String> {
    let is_login = |word: &str| {
        let (login, place) = word.rsplit_once('@')?;
        // Oracle has a slash between user and password
        let slash = || login.split_once('/').filter(|_| place.starts_with("//"));
        let (user, password) = login.split_once(':').or_else(slash)?;
        let fits = !user.is_empty()
            && user.chars().all(|c| is_name(c) || c == '+')
            && !password.is_empty()
            && !password.starts_with("//")
            && !["sha256", "sha384", "sha512"].iter().any(|digest| place.starts_with(digest));
        fits.then(|| format!("{HIDDEN}@{place}"))
    };
    replaced(raw, |word| if word.contains('@') { is_login(word) } else { None })
}

/// Tokens with a known beginning, and what follows `Bearer` and `Basic`.
fn tokens(raw: &str) -> Option<String> {
    let mut scheme = false;
    replaced(raw, |word| {
        let follows = std::mem::replace(&mut scheme, SCHEMES.contains(&word));
        let long = word.len() >= 16;
        // as Vault gave them before 1.10
        let is_old = word.len() == 26 && word.starts_with("s.") && word[2..].bytes().all(|b| b.is_ascii_alphanumeric());
        let is_jwt = word.starts_with("eyJ") && word.len() > 30 && word.contains('.');
        let known = TOKENS.iter().any(|token| word.starts_with(token));
        (is_jwt || is_old || (long && (known || follows))).then(|| HIDDEN.to_owned())
    })
}

/// Every word put through `change`; nothing when none changes.
fn replaced(raw: &str, mut change: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let splits = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '=' | '<' | '>');
    let mut out = String::new();
    let mut changed = false;
    let mut rest = raw;
    while !rest.is_empty() {
        let end = rest.find(splits).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match change(word).filter(|_| !word.is_empty()) {
            Some(new) => {
                out.push_str(&new);
                changed = true;
            }
            None => out.push_str(word),
        }
        let gap = after.find(|c| !splits(c)).unwrap_or(after.len());
        out.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("password")]
    #[case("DB_PASSWORD")]
    #[case("PGPASSWORD")]
    #[case("adminPassword")]
    #[case("pass")]
    #[case("smtp-pwd")]
    #[case("passphrase")]
    #[case("apiKey")]
    #[case("API_KEY")]
    #[case("tls.key")]
    #[case("ssh-privatekey")]
    #[case("encryptionKey")]
    #[case("signing_keys")]
    #[case(".dockerconfigjson")]
    #[case("slackWebhookUrl")]
    #[case("connectionString")]
    #[case("POSTGRES_DSN")]
    #[case("auth")]
    #[case("DBPASS")]
    #[case("BINDPW")]
    #[case("bindpw")]
    #[case("MAIL_PASS2")]
    #[case("SEED_PHRASE")]
    #[case("GITLAB_PAT")]
    #[case("masterauth")]
    #[case("--requirepass")]
    #[case("sig")]
    #[case("SharedAccessSignature")]
    #[case("WALLET_MNEMONIC")]
    fn names_of_secrets_are_known(#[case] name: &str) {
        assert!(is_secret(name), "{name}");
    }

    #[rstest]
    #[case("secretName")]
    #[case("secretKeyRef")]
    #[case("tokenSecretRef")]
    #[case("imagePullSecrets")]
    #[case("tokenExpirationSeconds")]
    #[case("topologyKey")]
    #[case("matchLabelKeys")]
    #[case("key")]
    #[case("publicKey")]
    #[case("webhooks")]
    #[case("passing")]
    #[case("bypass")]
    #[case("author")]
    #[case("monkey")]
    #[case("authority")]
    #[case("pattern")]
    #[case("path")]
    #[case("compass")]
    #[case("passwordSecretRef")]
    #[case("tokenPath")]
    #[case("oauth")]
    #[case("compat")]
    #[case("design")]
    #[case("signatureAlgorithm")]
    fn names_that_only_tell_where_are_not(#[case] name: &str) {
        assert!(!is_secret(name), "{name}");
    }

    #[rstest]
    #[case("--db-password=hunter2", "--db-password=(hidden)")]
    #[case("--password=$(DB_PASSWORD)", "--password=$(DB_PASSWORD)")]
    #[case("PASSWORD=${DB_PASSWORD:-hunter2}", "PASSWORD=(hidden)")]
    #[case("password={{ .Values.x }}, b", "password={{ .Values.x }}, b")]
    #[case("postgres://app:hunter2@db:5432/x?sslmode=require", "postgres://db:5432/x?…")]
    #[case("app:hunter2@tcp(db:3306)/x", "(hidden)@tcp(db:3306)/x")]
    #[case("Server=db;User=sa;Password=hunter2;Encrypt=true", "Server=db;User=sa;Password=(hidden);Encrypt=true")]
    #[case("host=db user=app password='hunter2 2' dbname=x", "host=db user=app password='(hidden)' dbname=x")]
    #[case("psql -h db; export PGPASSWORD=hunter2 && run", "psql -h db; export PGPASSWORD=(hidden) && run")]
    #[case(r#"{"auths":{"r.example":{"auth":"aHVudGVyMg=="}}}"#, r#"{"auths":{"r.example":{"auth":"(hidden)"}}}"#)]
    #[case("user: app\npassword: hunter2\nport: 5432\n", "user: app\npassword: (hidden)\nport: 5432\n")]
    #[case("token = \"hunter2\"\nport = 1", "token = \"(hidden)\"\nport = 1")]
    #[case("key: x\nprivate_key: |\n  hunter2\n  hunter2\nport: 1", "key: x\nprivate_key: (hidden)\nport: 1")]
    #[case("Authorization: Bearer hunter2hunter2hunter2", "Authorization: (hidden)")]
    #[case("curl -H 'X: y' -H Bearer hunter2hunter2hunter2", "curl -H 'X: y' -H Bearer (hidden)")]
    #[case("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2", "(hidden)")]
    #[case("glpat-hunter2hunter2xxxx", "(hidden)")]
    #[case("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t", "(hidden)")]
    #[case(
        "a\n-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\nb",
        "a\n-----BEGIN PRIVATE KEY-----(hidden)-----END PRIVATE KEY-----\nb"
    )]
    #[case("-----BEGIN PRIVATE KEY-----\nhunter2", "-----BEGIN PRIVATE KEY-----(hidden)")]
    #[case("https://chat.example/hooks/hunter2", "https://chat.example/hooks/…")]
    #[case(r#"curl -H "X-Api-Key: hunter2" https://a.example"#, r#"curl -H "X-Api-Key: (hidden)" https://a.example"#)]
    #[case("curl -H 'Authorization: Basic aHVudGVyMg==' x", "curl -H 'Authorization: (hidden)' x")]
    #[case("curl -u alice:hunter2 https://a.example", "curl -u (hidden) https://a.example")]
    #[case("mysql -h db -u app -phunter2 -P 3306", "mysql -h db -u app -p(hidden) -P 3306")]
    #[case("/usr/bin/sshpass -p hunter2 ssh x", "/usr/bin/sshpass -p (hidden) ssh x")]
    #[case("redis-server --requirepass hunter2 --port 6379", "redis-server --requirepass (hidden) --port 6379")]
    #[case("machine a.example login alice password hunter2", "machine a.example login alice password (hidden)")]
    #[case("requirepass hunter2", "requirepass (hidden)")]
    #[case("port 6379\nmasterauth hunter\nsave 900 1", "port 6379\nmasterauth (hidden)\nsave 900 1")]
    #[case("token hunter2", "token (hidden)")]
    #[case("Authorized by token hunter2hunter2hunter2", "Authorized by token (hidden)")]
    #[case(
        "BlobEndpoint=https://acme.blob.example/;SharedAccessSignature=sv=2024&sp=r&sig=hunter2",
        "BlobEndpoint=https://acme.blob.example/;SharedAccessSignature=(hidden)&sp=r&sig=(hidden)"
    )]
    #[case(
        "Server=db;User Id=sa;Password = hunter2;Encrypt=true",
        "Server=db;User Id=sa;Password = (hidden);Encrypt=true"
    )]
    #[case("app/hunter2@//db:1521/x", "(hidden)@//db:1521/x")]
    #[case("jdbc:sqlserver://db:1433;user=sa;password=hunter2", "jdbc:sqlserver://db:1433;user=sa;password=(hidden)")]
    #[case("key is sk-hunter2hunter2hunter2", "key is (hidden)")]
    #[case("dckr_pat_hunter2hunter2", "(hidden)")]
    #[case("s.hunter2hunter2hunter2abc", "(hidden)")]
    #[case(r#"[{"name":"API_TOKEN","value":"hunter2"}]"#, r#"[{"name":"API_TOKEN","value":"(hidden)"}]"#)]
    #[case(r#"{"a":"{\"password\":\"hunter2\"}"}"#, r#"{"a":"{\"password\":\"(hidden)\"}"}"#)]
    #[case(
        "env:\n- name: API_TOKEN\n  value: hunter2\n- name: PORT\n  value: 80\n",
        "env:\n- name: API_TOKEN\n  value: (hidden)\n- name: PORT\n  value: 80\n"
    )]
    fn secrets_are_known_by_their_form(#[case] raw: &str, #[case] expected: &str) {
        assert_eq!(text(raw), expected);
    }

    #[rstest]
    #[case("could not get secret: SecretSyncedError")]
    #[case("error: failed to renew token: unauthorized")]
    #[case("ghcr.io/acme/vault-secret:1.2.3")]
    #[case("nginx:1.27@sha256:abcdef")]
    #[case("a: b=c")]
    #[case("secretName: web-tls")]
    #[case("--tls-min-version=VersionTLS12")]
    #[case("mail to ops@example.com, now")]
    #[case("secret synced")]
    #[case("token expired")]
    #[case("Password policy\nis shown here")]
    #[case("flag --token is required")]
    #[case("docker run -p 8080:80 -u 1000:1000 nginx")]
    #[case("mkdir -p cache && ssh -p 22 x")]
    #[case("actions/checkout@v4")]
    #[case(r#"{"b":1,  "a": "x"}"#)]
    #[case("s.example.com")]
    fn ordinary_words_stay(#[case] raw: &str) {
        assert_eq!(text(raw), raw);
    }

    #[test]
    fn an_object_shows_where_secrets_are_and_never_what() {
        let mut object = json!({
            "kind": "HelmRelease",
            "spec": {
                "args": ["--user=app", "--password", "hunter2", "--port", "80", "--token=hunter2"],
                "more": ["--requirepass", "hunter2", "--masterauth", "hunter2", "-p", "hunter2", "-u", "app:hunter2"],
                "plain": ["-p", "8080", "-u", "1000:1000", "-p", "/srv/www"],
                "env": [
                    {"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PORT", "value": "80"},
                    {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "api-token"}}}
                ],
                "headers": [{"key": "Authorization", "value": "hunter2"}],
                "volumes": [{"secret": {"secretName": "web-tls", "defaultMode": 420,
                    "items": [{"key": "tls.key", "path": "tls.key"}]}}],
                "imagePullSecrets": [{"name": "registry"}],
                "values": {
                    "secret": {"create": true, "value": "hunter2", "a": "hunter2", "n": 7_331_733},
                    "passwords": ["hunter2", "hunter2"], "smtp": {"pass": "hunter2", "pin": 1},
                    "pwd": 7_331_733,
                    "url": "https://app:hunter2@db.example/x", "tls": {"tls.key": "hunter2", "secretName": "web-tls"},
                    "config": "user: app\npassword: hunter2\n"
                }
            },
            "summary": {"pass": 12}
        });
        super::object(&mut object);
        let shown = object.to_string();
        assert!(!shown.contains("hunter2") && !shown.contains("7331733"), "{shown}");
        for there in [
            "web-tls",
            "api-token",
            "registry",
            "\"80\"",
            "--user=app",
            "420",
            "tls.key",
            "\"pass\":12",
            "db.example",
            "8080",
            "1000:1000",
            "/srv/www",
        ] {
            assert!(shown.contains(there), "{there} in {shown}");
        }
        let mut secret =
            json!({"kind": "Secret", "data": {"a": "hunter2"}, "stringData": {"b": "hunter2"}, "type": "Opaque"});
        super::object(&mut secret);
        assert_eq!(secret, json!({"kind": "Secret", "data": HIDDEN, "stringData": HIDDEN, "type": "Opaque"}));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(raw in proptest::prelude::any::<String>()) {
            let _ = text(&raw);
        }
        #[test]
        fn odd_assignments_break_nothing(raw in "[a-zé=: \"'\\\\\\n{},|>-]{0,40}password[=: \"'\\\\\\né]{0,6}[a-zé\"'\\\\\\n,;}]{0,20}") {
            let _ = text(&raw);
        }
    }
}
