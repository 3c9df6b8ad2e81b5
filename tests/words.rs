//! Plain words: what the program, its documents and its comments must not say, because an operator would not. Each row has
//! what to say instead.

#![expect(clippy::unwrap_used, reason = "a file of this package that cannot be read fails the test")]

use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};

/// What is not said, as a regular expression without case, and what is.
const WORDS: &[(&str, &str)] = &[
    (r"\btold\b", "shown, said, reported, known, named; distinguished for `told apart`"),
    (r"\btells? of\b", "says, shows, reports"),
    (r"\banew\b", "again; live of a view; new of an object"),
    (r"\bbeside\b", "next to, with, in addition to, besides"),
    (r"\b(goes|going|go) by\b", "uses, is decided by, follows"),
    (r"\bstands?\b", "is; supports; `as it is now`"),
    (r"\bstood\b", "was"),
    (r"\b(is|are|was|were|be) chosen\b", "selected, picked"),
    (r"\b(is|are|not|as) well\b[^-]", "healthy, ok; `not well` is unhealthy; `as well` is also"),
    (r"\bdeeds?\b", "request, action"),
    (r"\b(go|goes|gone|going) on with\b", "continue with"),
    (r"\btak(en|es|e|ing) back\b", "revert, undo"),
    (r"\bput right\b", "fix"),
    (r"\bthe like\b", "similar"),
    (r"\btheir like\b", "similar ones"),
    (r"\bwould be (taken|refused)\b", "accepted, rejected (by the dry run)"),
    (r"\bmakes no sense\b", "unexpected response, is not valid"),
    (r"\bleft to you\b", "manual step"),
    (r"\bas somebody\b", "as an unknown user"),
    (r"\bcontainer before\b", "previous container"),
    (r"\bscreen before\b", "previous screen"),
    (r"\bbetween two (questions|steps)\b", "polling interval; after this step"),
    (r"\bin which form\b", "output format"),
    (r"\bmisbehaves?\b", "injects faults"),
    (r"\bleast rights\b", "minimal rights"),
    (r"\bspeaks? against\b", "warnings"),
    (r"\bhow it stands\b", "its state"),
    (r"\btoo old a position\b", "watch expired, relisting"),
    (r"\bno more than that\b", "only that"),
    (r"\bgood end\b", "success, completed"),
    (r"\bended well\b", "succeeded"),
    (r"\bfor good\b", "permanently"),
    (r"\bin the light of\b", "given, considering"),
    (r"\bhinders?\b", "blocks, prevents"),
    (r"\b(where|here|there)(of|to|from|with|by)\b", "of which, from where"),
    (r"\bis to be had\b", "is available"),
    (r"\bin vain\b", "without effect"),
    (r"\bmade up of\b", "made of, consists of"),
    (r"\b(grave|graver|gravest)\b", "severe, more severe, most severe"),
    (r"\bwhat (is|was) wanted\b", "the desired one, what was requested"),
    (r"\bgoes? without saying\b", "obvious"),
    (r"\bbehold\b", "see"),
    (r"\bshut\b", "closed, cordoned"),
    (r"\bmend(s|ed|ing)?\b", "fix, repair"),
    (r"\bis owed\b", "is missing"),
    (r"\bput aside\b", "suspended, set aside"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if endings.iter().any(|ending| entry.extension().is_some_and(|own| own == *ending)) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

/// Of a line of Rust, what people read: a comment, and the texts that hold more than one word.
fn prose(line: &str) -> String {
    if let Some((code, comment)) = line.split_once("//").filter(|(code, _)| !code.contains('"')) {
        return format!("{} {comment}", prose_of_texts(code));
    }
    prose_of_texts(line)
}

/// What is filled in at `{name}` is code.
fn prose_of_texts(code: &str) -> String {
    let texts = code.split('"').skip(1).step_by(2).filter(|text| text.contains(' '));
    let words = |text: &str| text.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
    texts.map(words).collect::<Vec<String>>().join(" ")
}

#[test]
fn it_is_said_in_plain_words() {
    let words: Vec<(Regex, &str)> = WORDS
        .iter()
        .map(|(word, instead)| (RegexBuilder::new(word).case_insensitive(true).build().unwrap(), *instead))
        .collect();
    let mut wrong = Vec::new();
    let code = ["src", "tests", "benches"].iter().flat_map(|folder| files(folder, &["rs"]));
    let documents = ["docs", "assets"].iter().flat_map(|folder| files(folder, &["md", "txt", "toml"]));
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "config.example.toml"];
    for path in code.chain(documents).chain(top.iter().map(|name| root().join(name))) {
        let short = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        // the list itself
        if short == "tests/words.rs" {
            continue;
        }
        let is_code = path.extension().is_some_and(|ending| ending == "rs");
        for (number, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            let text = if is_code { prose(line) } else { line.to_owned() };
            for (word, instead) in &words {
                if let Some(found) = word.find(&text) {
                    wrong.push(format!("{short}:{}: \"{}\": {instead}", number + 1, found.as_str()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n{} in all\n", wrong.join("\n"), wrong.len());
}
