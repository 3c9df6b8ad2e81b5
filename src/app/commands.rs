//! What can be typed after `:`, and named by `-c`: the commands, the names of the screens and those of the kinds. All of a
//! command is in its one row: its words, its help, what completes it and what it does. The input line, its completion, the
//! help and the README's list are made from the rows.

use super::{App, WAYS};
use crate::config::suggest;
use crate::domain::incident::Anchor;
use crate::domain::locked::says_why;
use crate::domain::record::Key;
use crate::intent::{Effect, Place, Scope};
use crate::kinds;
use crate::screens::keys::Typed;
use crate::screens::world::World;
use crate::screens::{self, SCREENS, contexts, find, namespaces, timeline, trust};
use crate::store::RowId;

/// A command that is typed.
#[derive(Debug)]
pub struct CommandSpec {
    /// Its words, and what is said of it. With the word of a screen it is only what is typed after that word: the word
    /// alone opens the screen.
    pub typed: Typed,
    /// Everything that could follow the word; what does not begin with what was typed is left out.
    pub complete: fn(&str, &World) -> Vec<String>,
    /// Does it with the rest of the line, or says why not.
    pub run: fn(&App, &str) -> Result<Vec<Effect>, String>,
}

pub static COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        typed: Typed {
            word: contexts::SPEC.word,
            aliases: contexts::SPEC.aliases,
            rest: "NAME",
            help: "switch to a context",
        },
        complete: |_, world| world.facts.contexts.iter().map(|context| context.name.clone()).collect(),
        run: switch,
    },
    CommandSpec {
        typed: Typed {
            word: namespaces::SPEC.word,
            aliases: namespaces::SPEC.aliases,
            rest: "NAME",
            help: "restrict to a namespace; `ns all` for every one",
        },
        complete: all_and_namespaces,
        run: |app, rest| Ok(vec![Effect::Namespace(app.namespace_of(rest, "")?)]),
    },
    CommandSpec {
        typed: Typed {
            word: "find",
            aliases: &["f"],
            rest: "TEXT",
            help: "every object of that name, whatever and wherever it is; KIND/NAME goes to it",
        },
        complete: objects,
        run: go_to,
    },
    CommandSpec {
        typed: Typed {
            word: "why",
            aliases: &[],
            rest: "[NAME]",
            help: "the incident that an object belongs to, or why none; without a name, the object under the cursor",
        },
        complete: objects,
        run: why,
    },
    CommandSpec {
        typed: Typed {
            word: timeline::SPEC.word,
            aliases: timeline::SPEC.aliases,
            rest: "NAMESPACE",
            help: "what happened in a namespace",
        },
        complete: all_and_namespaces,
        run: happened,
    },
    CommandSpec {
        typed: Typed {
            word: trust::SPEC.word,
            aliases: trust::SPEC.aliases,
            rest: "SERVICE NAMESPACE/NAME",
            help: "use this Service from now on; `none` in place of its name for none",
        },
        complete: |_, world| {
            let candidates = world.facts.candidates.iter();
            candidates.map(|candidate| format!("{} {}", candidate.service, candidate.place())).collect()
        },
        run: confirm,
    },
    CommandSpec {
        typed: Typed {
            word: "unlock",
            aliases: &[],
            rest: "REASON",
            help: "write in a read-only context for 15 minutes; it is recorded",
        },
        complete: nothing,
        run: unlock,
    },
    CommandSpec {
        typed: Typed {
            word: "dismiss",
            aliases: &[],
            rest: "RUN REASON",
            help: "an unfinished plan is not continued; its run is named in :plans, and the reason is recorded",
        },
        complete: |_, world| world.unfinished.iter().map(|left| left.run.clone()).collect(),
        run: dismiss,
    },
    CommandSpec {
        typed: Typed { word: "quit", aliases: &["q", "q!", "exit"], rest: "", help: "leave" },
        complete: nothing,
        run: |_, _| Ok(vec![Effect::Quit]),
    },
];

fn by_word(word: &str) -> Option<&'static CommandSpec> {
    COMMANDS.iter().find(|command| command.typed.word == word || command.typed.aliases.contains(&word))
}

fn nothing(_: &str, _: &World) -> Vec<String> {
    Vec::new()
}

fn all_and_namespaces(_: &str, world: &World) -> Vec<String> {
    std::iter::once("all".to_owned()).chain(world.namespaces()).collect()
}

/// Objects whose name goes on so, the nearest first, and the kinds that may be named before them.
fn objects(rest: &str, world: &World) -> Vec<String> {
    let before = rest.rfind('/').map_or("", |at| &rest[..=at]);
    let mut out: Vec<String> = Vec::new();
    for row in find::search(rest, world).into_iter().filter_map(|id| world.store.row(id)) {
        let name = format!("{before}{}", row.record.name);
        if !out.contains(&name) {
            out.push(name);
        }
    }
    if before.is_empty() {
        out.extend(kinds::KINDS.iter().map(|kind| format!("{}/", kind.word)));
    }
    out
}

/// The one object that a text names.
fn object(text: &str, world: &World) -> Result<Key, String> {
    let hits = find::search(text, world);
    let wanted = text.rsplit('/').next().unwrap_or_default();
    let is_exact = |id: &&RowId| world.store.row(**id).is_some_and(|row| row.record.name.eq_ignore_ascii_case(wanted));
    let exact: Vec<RowId> = hits.iter().filter(is_exact).copied().collect();
    let one = match (&*hits, &*exact) {
        ([], _) => return Err(format!("nothing known here is called {text}")),
        ([one], _) | (_, [one]) => *one,
        _ => return Err(format!("several are called {text}: which KIND/NAMESPACE/NAME?")),
    };
    world.store.key(one).ok_or_else(|| format!("nothing known here is called {text}"))
}

fn switch(app: &App, rest: &str) -> Result<Vec<Effect>, String> {
    let known = app.world.facts.contexts.iter().any(|context| context.name == rest);
    if known { Ok(vec![Effect::Connect(rest.to_owned())]) } else { Err(format!("no context is called {rest}")) }
}

fn go_to(app: &App, rest: &str) -> Result<Vec<Effect>, String> {
    if rest.is_empty() {
        return Err("find what? :find NAME".to_owned());
    }
    let place = find::destination(rest, &app.world);
    Ok(vec![Effect::Go(place.ok_or_else(|| format!("nothing known here is called {rest}"))?)])
}

fn why(app: &App, rest: &str) -> Result<Vec<Effect>, String> {
    let key = match rest {
        "" => app.target().ok_or("why what? select an object first")?,
        text => object(text, &app.world)?,
    };
    Ok(vec![Effect::Go(Place::Incident(Anchor::Object(key)))])
}

fn happened(app: &App, rest: &str) -> Result<Vec<Effect>, String> {
    let scope = match rest {
        "all" => Scope::All,
        name if app.knows_namespace(name) => Scope::Namespace(name.to_owned()),
        name => return Err(format!("nothing is known of a namespace {name}, now or on the timeline")),
    };
    Ok(vec![Effect::Go(Place::Timeline(scope))])
}

/// `prometheus monitoring/prometheus`, or `prometheus none`.
fn confirm(_: &App, rest: &str) -> Result<Vec<Effect>, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words[..] {
        [service, "none"] => Ok(vec![Effect::Trust { service: service.to_owned(), place: String::new() }]),
        [service, place] if place.contains('/') => {
            Ok(vec![Effect::Trust { service: service.to_owned(), place: place.to_owned() }])
        }
        _ => Err("which one? :trust SERVICE NAMESPACE/NAME, or :trust SERVICE none".to_owned()),
    }
}

fn unlock(_: &App, rest: &str) -> Result<Vec<Effect>, String> {
    if says_why(rest) { Ok(vec![Effect::Unlock(rest.to_owned())]) } else { Err("why? :unlock REASON".to_owned()) }
}

fn dismiss(app: &App, rest: &str) -> Result<Vec<Effect>, String> {
    let (run, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if !app.world.unfinished.iter().any(|left| left.run == run) {
        return Err(format!("no unfinished plan is called {run}: see :plans"));
    }
    if why.trim().is_empty() {
        return Err(format!("why? :dismiss {run} REASON"));
    }
    Ok(vec![Effect::Dismiss(run.into(), why.trim().to_owned())])
}

/// Whole command lines that the text could become.
pub fn completions(text: &str, world: &World) -> Vec<String> {
    let lower = text.to_lowercase();
    if let Some((word, rest)) = text.split_once(' ') {
        let word_of = word.to_lowercase();
        let all = match by_word(&word_of) {
            Some(command) => (command.complete)(rest, world),
            None if kinds::by_word(&word_of).is_some() => world.namespaces(),
            None => Vec::new(),
        };
        let lines = all.into_iter().map(|rest| format!("{word} {rest}"));
        return lines.filter(|line| line.to_lowercase().starts_with(&lower)).collect();
    }
    let kinds = kinds::KINDS.iter().map(|kind| (kind.word, kind.aliases));
    let screens = SCREENS.iter().map(|screen| (screen.word, screen.aliases));
    // the word of a screen is there already
    let commands = COMMANDS.iter().map(|command| (command.typed.word, command.typed.aliases));
    let commands = commands.filter(|(word, _)| screens::by_word(word).is_none());
    let (mut words, mut others): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (word, aliases) in kinds.chain(screens).chain(commands) {
        // a word that starts so is offered; an alias only where its word does not
        if word.starts_with(&lower) {
            words.push(word);
        } else if !lower.is_empty() {
            others.extend(aliases.iter().find(|alias| alias.starts_with(&lower)));
        }
    }
    words.into_iter().chain(others).map(str::to_owned).collect()
}

impl App {
    /// A line after `:`, also what `-c` names.
    pub fn run_line(&mut self, line: &str) -> Result<Vec<Effect>, String> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if word.is_empty() {
            return Ok(Vec::new());
        }
        let lower = word.to_ascii_lowercase();
        let screen = screens::by_word(&lower);
        if let Some(command) = by_word(&lower).filter(|_| screen.is_none() || !rest.is_empty()) {
            let effects = (command.run)(self, rest)?;
            return Ok(self.follow(effects));
        }
        if let Some(screen) = screen {
            return Ok(self.follow(vec![Effect::Go((screen.place)())]));
        }
        let Some(kind) = kinds::by_word(&lower) else {
            return Err(format!("no kind, screen or command is called {word}{WAYS}"));
        };
        // a namespace, a filter, or both
        let (namespace, filter) = match rest.split_once('/') {
            Some((namespace, filter)) => (namespace.trim(), Some(filter)),
            None => (rest, None),
        };
        let mut effects = Vec::new();
        if !namespace.is_empty() {
            effects.push(Effect::Namespace(self.namespace_of(namespace, &format!("; /{namespace} filters"))?));
        }
        effects.push(Effect::Go(Place::Table(kind)));
        let out = self.follow(effects);
        if let Some(filter) = filter {
            let Self { stack, world, .. } = self;
            if let Some(screen) = stack.last_mut() {
                screen.filter(filter, world)?;
            }
        }
        Ok(out)
    }

    /// The namespace that a word chooses, `None` for all of them. One that nothing is known of is refused, with those
    /// that are written nearly so, or with `instead`; before anything is known, it is taken as it is.
    fn namespace_of(&self, word: &str, instead: &str) -> Result<Option<String>, String> {
        if matches!(word, "all" | "*") {
            return Ok(None);
        }
        let known = self.world.namespaces();
        if known.is_empty() || known.iter().any(|name| name == word) {
            return Ok(Some(word.to_owned()));
        }
        let near = suggest::nearest(word, known.iter().map(String::as_str));
        let near = near.map_or_else(|| instead.to_owned(), |name| format!("; there is {name}"));
        Err(format!("nothing known in namespace {word}{near}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::Keymap;
    use crate::app::prompt::{Prompt, Purpose};
    use crate::domain::candidate::Candidate;
    use crate::domain::context::Context;
    use crate::domain::outcome::Unfinished;
    use crate::intent::{Chord, Code};
    use crate::screens::world::{Facts, Preferences};

    fn app() -> App {
        let context = |name: &str| Context { name: name.to_owned(), ..Context::default() };
        let facts = Facts { contexts: vec![context("lab"), context("prod")], ..Facts::default() };
        let mut app = App::new(Preferences::default(), facts, Keymap::new([]).unwrap());
        let candidate =
            Candidate { service: "prometheus", namespace: "mon".into(), name: "prom".into(), ..Candidate::default() };
        app.world.facts.candidates = vec![candidate];
        app.world.unfinished = vec![Unfinished { run: "run-7".to_owned(), ..Unfinished::default() }];
        app
    }

    /// What tab makes of a line.
    fn tab(line: &str, app: &App) -> String {
        let mut prompt = Prompt::new(Purpose::Command, line);
        prompt.on(Chord::plain(Code::Tab), &app.world);
        prompt.text().to_owned()
    }

    #[test]
    fn every_command_is_completed_by_its_first_letters_that_are_its_own() {
        let app = app();
        for command in COMMANDS {
            let word = command.typed.word;
            let all = |end: usize| completions(&word[..end], &app.world);
            let end = (1..=word.len()).find(|end| all(*end).first().is_some_and(|first| first == word));
            assert!(end.is_some(), "{word}");
            assert!(completions("", &app.world).iter().filter(|offered| *offered == word).count() == 1, "{word}");
            assert_eq!(tab(&word[..end.unwrap()], &app), word);
        }
        assert_eq!(tab("unl", &app), "unlock");
        assert_eq!(tab("DIS", &app), "dismiss");
    }

    #[test]
    fn what_follows_a_command_is_completed_by_what_is_known() {
        let app = app();
        assert_eq!(tab("ctx l", &app), "ctx lab");
        assert_eq!(tab("contexts p", &app), "contexts prod");
        assert_eq!(tab("ns a", &app), "ns all");
        assert_eq!(tab("timeline a", &app), "timeline all");
        assert_eq!(tab("trust pro", &app), "trust prometheus mon/prom");
        assert_eq!(tab("dismiss ", &app), "dismiss run-7");
        assert_eq!(tab("find dep", &app), "find deploy/");
        assert_eq!(tab("unlock beca", &app), "unlock beca", "a reason is nobody's to complete");
    }

    #[test]
    fn no_two_words_collide_but_for_what_is_typed_after_a_screens_own() {
        let mut seen: Vec<&str> = Vec::new();
        for command in COMMANDS {
            let Typed { word, aliases, rest, help } = command.typed;
            assert!(!help.is_empty(), "{word}");
            if let Some(screen) = screens::by_word(word) {
                assert!(screen.word == word && screen.aliases == aliases && !rest.is_empty(), "{word}");
            } else {
                let words = std::iter::once(&word).chain(aliases);
                assert!(words.clone().all(|word| screens::by_word(word).is_none()), "{word}");
            }
            for word in std::iter::once(word).chain(aliases.iter().copied()) {
                assert!(kinds::by_word(word).is_none() && !seen.contains(&word), "{word}");
                seen.push(word);
            }
        }
    }

    #[test]
    fn every_command_runs_or_says_what_is_missing() {
        for (line, wanted) in [
            ("ctx lab", Ok(vec![Effect::Connect("lab".to_owned())])),
            ("ctx nosuch", Err("no context is called nosuch")),
            ("ns team", Ok(vec![])),
            ("find", Err("find what? :find NAME")),
            ("find x", Err("nothing known here is called x")),
            ("why", Err("why what? select an object first")),
            ("why x", Err("nothing known here is called x")),
            ("timeline all", Ok(vec![Effect::Deeds])),
            ("timeline nosuch", Err("nothing is known of a namespace nosuch, now or on the timeline")),
            (
                "trust prometheus none",
                Ok(vec![Effect::Trust { service: "prometheus".to_owned(), place: String::new() }]),
            ),
            ("trust prometheus", Err("which one? :trust SERVICE NAMESPACE/NAME, or :trust SERVICE none")),
            ("unlock incident 7", Ok(vec![Effect::Unlock("incident 7".to_owned())])),
            ("unlock", Err("why? :unlock REASON")),
            ("dismiss run-7 no need", Ok(vec![Effect::Dismiss("run-7".into(), "no need".to_owned())])),
            ("dismiss run-7", Err("why? :dismiss run-7 REASON")),
            ("dismiss run-8 x", Err("no unfinished plan is called run-8: see :plans")),
            ("quit", Ok(vec![Effect::Quit])),
            ("Q!", Ok(vec![Effect::Quit])),
        ] {
            assert_eq!(app().run_line(line), wanted.map_err(str::to_owned), "{line}");
        }
    }
}
