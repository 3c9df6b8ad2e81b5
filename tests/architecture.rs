//! The ladder of `docs/architecture.md` as data: which module may import which, and which crates it may know. It
//! reads the sources as text, so that a forbidden import fails before anybody gets used to it.

#![expect(clippy::unwrap_used, reason = "a file of this package that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module, what of this crate it may import, and the notable crates that it may know.
type Rung = (&'static str, &'static [&'static str], &'static [&'static str]);

/// From the bottom up: a module imports only what is above it here.
const LADDER: &[Rung] = &[
    ("domain", &[], &["serde", "serde_json"]),
    ("scene", &[], &[]),
    ("store", &["domain"], &["nucleo_matcher"]),
    ("kinds", &["domain"], &["serde", "serde_json"]),
    ("actions", &["domain", "kinds"], &["serde_json"]),
    ("intent", &["domain"], &[]),
    ("config", &["domain"], &["serde", "toml", "directories"]),
    ("triage", &["domain", "store", "kinds"], &[]),
    (
        "screens",
        &["domain", "store", "kinds", "actions", "triage", "intent", "scene"],
        &["serde_json", "serde_saphyr", "tui_input"],
    ),
    ("app", &["domain", "store", "kinds", "actions", "triage", "screens", "intent", "scene", "config"], &[]),
    ("ui", &["scene"], &["ratatui", "toml"]),
    (
        "clients",
        &["domain", "config"],
        &[
            "kube",
            "http",
            "http_body_util",
            "hyper_rustls",
            "hyper_util",
            "reqwest",
            "tower",
            "rustls",
            "serde_saphyr",
            "flate2",
            "tempfile",
            "rustix",
            "tokio",
            "serde",
            "serde_json",
        ],
    ),
    (
        "sources",
        &["domain", "kinds", "config", "clients"],
        &["kube", "k8s_openapi", "tokio", "http", "serde", "serde_json"],
    ),
    (
        "effects",
        &["domain", "intent", "config", "clients"],
        &["rustix", "kube", "tokio", "tokio_util", "http", "http_body_util", "serde", "serde_json"],
    ),
    ("data", &["domain", "kinds", "intent", "config", "clients", "sources", "effects"], &["tokio", "serde_json"]),
    (
        "headless",
        &[
            "domain", "scene", "store", "kinds", "actions", "intent", "config", "triage", "screens", "app", "effects",
            "data",
        ],
        &["clap", "clap_complete", "clap_mangen", "serde", "serde_json", "tempfile", "tokio", "toml"],
    ),
    (
        "session",
        &["domain", "intent", "config", "scene", "screens", "app", "ui", "data", "headless"],
        &["crossterm", "ratatui", "tokio", "rustix", "color_eyre"],
    ),
    ("demo", &[], &["axum", "http", "tokio", "flate2", "tempfile", "serde", "serde_json", "toml"]),
    (
        "cli",
        &["domain", "config", "session", "headless", "data", "sources", "effects", "demo"],
        &[
            "clap",
            "clap_complete",
            "color_eyre",
            "directories",
            "rustls",
            "tokio",
            "tracing_appender",
            "tracing_subscriber",
        ],
    ),
    ("main", &["cli"], &[]),
];

/// Small libraries without I/O: known wherever they are needed.
const PURE: &[&str] = &[
    "base64",
    "bytes",
    "croner",
    "foldhash",
    "futures",
    "hashbrown",
    "jiff",
    "percent_encoding",
    "sha2",
    "regex",
    "secrecy",
    "strsim",
    "tracing",
    "unicode_segmentation",
    "unicode_width",
];

/// Narrower than the ladder: of `headless`, the session may know only what every owner of an app shares.
const ONLY: &[(&str, &str, &str)] = &[("session", "headless", "feed")];

/// Files in a folder with a list that are no row of it.
const HELPERS: &[(&str, &[&str])] = &[
    (
        "kinds",
        &[
            "acme",
            "answers",
            "column",
            "cron",
            "cron_calendar",
            "ending",
            "flux",
            "flux_history",
            "flux_judge",
            "fuzz",
            "issuer_ref",
            "joined",
            "pod_needs",
            "readiness",
            "sources",
            "spec",
            "suspender",
            "testing",
            "unwatched",
            "velero",
            "walk",
            "window",
            "wire",
            "words",
            "workload",
        ],
    ),
    (
        "screens",
        &[
            "acting",
            "body",
            "evictions",
            "form",
            "keys",
            "layout",
            "line_edit",
            "naming",
            "pager",
            "plan_text",
            "world",
            "wrap",
        ],
    ),
    ("triage/rules", &[]),
    ("triage/joins", &[]),
    (
        "actions",
        &[
            "budgets",
            "continued",
            "dependents",
            "download",
            "flux",
            "input",
            "losses",
            "manager",
            "marks",
            "owner",
            "risk",
            "silence_caution",
            "silence_scope",
            "silence_span",
            "twin",
            "upgrade",
            "velero",
            "workload",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|e| ending == *e)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A source file: its path below the package, and its text without whole-line comments.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        Self { path: path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text: code.join("\n") }
    }

    /// The first name below `src`: `src/kinds/pods.rs` belongs to `kinds`.
    fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap();
        below.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// Without the unit tests at the end, which may know more crates.
    fn shipped(&self) -> &str {
        // what several of them share is for them alone, and one file is nothing but tests
        if self.path.ends_with("/testing.rs") || self.path.ends_with("/row_alone.rs") {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }
}

fn sources() -> Vec<Source> {
    let all: Vec<Source> = files("src", &["rs"]).iter().map(|path| Source::read(path)).collect();
    assert!(all.len() > 100, "the sources were not found");
    all.into_iter().filter(|source| source.path != "src/lib.rs").collect()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_name(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

/// The places in `text` where `prefix` starts a path, each with what follows it.
fn paths<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).filter_map(move |(at, _)| {
        let before = &text[..at];
        let before = before.strip_suffix("::").map_or(before, |outer| {
            // `::http` is the crate, `clients::http` is not
            if outer.ends_with(is_name) { "x" } else { outer }
        });
        (!before.ends_with(is_name)).then(|| &text[at + prefix.len()..])
    })
}

/// The first names below `crate::`, through braces too: `crate::{a, b::c}` gives a and b.
fn imports(text: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    for rest in paths(text, "crate::") {
        let Some(inside) = rest.strip_prefix('{') else {
            let name = first_name(rest);
            out.push((name, &rest[name.len()..]));
            continue;
        };
        let (mut depth, mut start) = (0, true);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && is_name(c) => {
                    let name = first_name(&inside[at..]);
                    out.push((name, &inside[at + name.len()..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    out
}

fn rung(module: &str) -> &'static Rung {
    LADDER.iter().find(|(name, ..)| *name == module).unwrap_or_else(|| panic!("{module} has no rung in the ladder"))
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_rung_stands_only_on_rungs_before_it() {
    for (at, (name, may, _)) in LADDER.iter().enumerate() {
        for other in *may {
            let below = LADDER.iter().position(|(n, ..)| n == other);
            assert!(below.is_some_and(|below| below < at), "{name} may not depend on {other}");
        }
    }
}

#[test]
fn no_module_imports_what_the_ladder_does_not_allow() {
    let mut wrong = Vec::new();
    for source in sources() {
        let (module, may, _) = rung(source.module());
        for (name, rest) in imports(&source.text) {
            if name != *module && !may.contains(&name) {
                wrong.push(format!("{}: {module} may not import {name}", source.path));
            }
            for (who, whom, only) in ONLY {
                if who == module && *whom == name && !rest.starts_with(&format!("::{only}")) {
                    wrong.push(format!("{}: of {name}, {module} may import only {only}", source.path));
                }
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_import_climbs_out_of_its_module_by_super() {
    let mut wrong = Vec::new();
    for source in sources() {
        let folders = source.path.matches('/').count() - 1;
        let deep = folders + usize::from(!source.path.ends_with("/mod.rs"));
        let in_tests = source.text.find("mod tests {").unwrap_or(source.text.len());
        for (at, _) in source.text.match_indices("super::") {
            if source.text[..at].ends_with("super::") {
                continue;
            }
            let mut rest = &source.text[at..];
            let mut climbs = 0;
            while let Some(above) = rest.strip_prefix("super::") {
                (rest, climbs) = (above, climbs + 1);
            }
            if climbs >= deep + usize::from(at > in_tests) {
                wrong.push(format!("{}: {}{}", source.path, "super::".repeat(climbs), first_name(rest)));
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_module_knows_a_crate_that_the_ladder_does_not_allow() {
    let notable: BTreeSet<&str> = LADDER.iter().flat_map(|(.., crates)| crates.iter().copied()).collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let (module, _, may) = rung(source.module());
        for name in &notable {
            // a module of ours with that name is in scope, not the crate
            let ours = ["super::", "crate::clients::"].iter().any(|at| source.text.contains(&format!("{at}{name}")));
            let prefix = if ours { format!("::{name}::") } else { format!("{name}::") };
            if paths(source.shipped(), &prefix).next().is_some() && !may.contains(name) {
                wrong.push(format!("{}: {module} may not know the crate {name}", source.path));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_dependency_is_placed_and_used() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let placed: BTreeSet<&str> = LADDER.iter().flat_map(|(.., crates)| crates.iter()).chain(PURE).copied().collect();
    let shipped: String = sources().iter().map(|source| source.text.as_str()).collect();
    let tests: String =
        ["tests", "benches"].iter().flat_map(|f| files(f, &["rs"])).map(|path| Source::read(&path).text).collect();
    let used = |text: &str, name: &str| paths(text, &format!("{name}::")).next().is_some();
    let mut wrong = Vec::new();
    for name in manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")) {
        if !placed.contains(name.as_str()) {
            wrong.push(format!("{name} is in Cargo.toml but on no rung of the ladder"));
        }
        if !used(&shipped, &name) {
            wrong.push(format!("{name} is not used"));
        }
    }
    for name in manifest["dev-dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")) {
        if !used(&shipped, &name) && !used(&tests, &name) {
            wrong.push(format!("{name} is not used by any test"));
        }
    }
    none(&wrong);
}

#[test]
fn every_kind_and_every_screen_is_on_its_list() {
    for (folder, helpers) in HELPERS {
        let list = std::fs::read_to_string(root().join(format!("src/{folder}/mod.rs"))).unwrap();
        for path in files(&format!("src/{folder}"), &["rs"]) {
            let stem = path.file_stem().unwrap().to_string_lossy();
            // a row of the list, or made by `open`
            let word = |row: &str| {
                list.match_indices(row).any(|(at, _)| !list[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            let row = [format!("{stem}::SPEC"), format!("Box::new({stem}::")].iter().any(|row| word(row));
            let helper = stem == "mod" || helpers.contains(&&*stem);
            assert_ne!(row, helper, "{folder}/{stem}.rs must be either a row of its list or one of its helpers");
        }
    }
}

/// Where kinds may be named: their own files, what acts on them, what is known of them together, and the demo.
const NAMING: &[&str] = &["src/kinds/", "src/actions/", "src/triage/rules/", "src/triage/joins/", "src/demo/"];

/// Files elsewhere that name one, with the reason.
const NAMES: &[(&str, &str)] = &[
    ("src/domain/evictions.rs", "an owner reference is compared as the eviction's own rule in kubectl compares it"),
    ("src/config/profile.rs", "the words of a profile's file, which are read before there are kinds"),
];

#[test]
fn nobody_else_knows_a_kind_by_its_name() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| NAMING.iter().all(|own| !source.path.starts_with(own))) {
        let named: Vec<&str> = watchkeeper::kinds::KINDS
            .iter()
            .map(|kind| kind.name)
            .filter(|name| source.shipped().contains(&format!("\"{name}\"")))
            .collect();
        match NAMES.iter().find(|(path, _)| *path == source.path) {
            None if named.is_empty() => {}
            None => wrong.push(format!("{} names {}: ask for what the kind's row says", source.path, named.join(", "))),
            Some((path, _)) if named.is_empty() => wrong.push(format!("{path} names no kind any more")),
            Some(_) => {}
        }
    }
    none(&wrong);
}

#[test]
fn every_source_file_says_what_it_does() {
    let mut wrong = Vec::new();
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| files(folder, &["rs"])) {
        if !std::fs::read_to_string(&path).unwrap().starts_with("//! ") {
            wrong.push(format!("{} does not open with //!", path.display()));
        }
    }
    none(&wrong);
}

/// What belongs to one machine or to somebody's notes has no place in the repository. In pieces, so that this file
/// may be looked at too.
#[test]
fn nothing_tells_where_it_was_written() {
    let forbidden: Vec<String> = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/tmp", "/wk"],
        ["sha", "red/"],
        ["crates", ".io/"],
        ["crates-io", "."],
        ["npmjs", "."],
        ["pypi", "."],
        ["proxy.gol", "ang"],
    ]
    .iter()
    .map(|parts| parts.concat())
    .collect();
    let endings = ["rs", "md", "toml", "txt", "json", "yaml", "yml"];
    let mut seen = BTreeMap::new();
    let folders = ["src", "tests", "benches", "docs", "assets", ".github"].iter().flat_map(|f| files(f, &endings));
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Cargo.toml", "config.example.toml", ".ci/run"];
    for path in folders.chain(top.iter().map(|name| root().join(name))) {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in forbidden.iter().filter(|word| text.contains(word.as_str())) {
            seen.insert(path.clone(), word.clone());
        }
    }
    assert!(seen.is_empty(), "{seen:#?}");
}
