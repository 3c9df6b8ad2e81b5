//! Which Services are used as Prometheus, Alertmanager and OpenBao, and why; which ones only look so, and the line that
//! makes one of them be used. Nothing happens here before that line is entered.

use super::body::Scroll;
use super::world::World;
use super::{Screen, ScreenSpec, Size, contexts};
use crate::domain::candidate::Candidate;
use crate::intent::{Command, Effect, Place};
use crate::scene::{self, Keep, Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "trust",
    aliases: &["services", "svcs"],
    help: "which Services are used as Prometheus, Alertmanager and OpenBao",
    place: || Place::Trust,
};

#[derive(Debug, Default)]
pub struct Trust {
    scroll: Scroll,
}

/// What the chosen row says in full takes so many lines at the end.
const DETAIL: usize = 4;

impl Trust {
    fn row(candidate: &Candidate, width: u16) -> Line {
        let (word, tone) = match (candidate.used, candidate.open) {
            (true, _) => ("used", Tone::Good),
            (false, true) => ("not used", Tone::Warn),
            (false, false) => ("not used", Tone::Dim),
        };
        let mut line = Line::of(format!("  {} ", scene::fit(candidate.title, 13, Keep::Start)), Tone::Plain);
        line.push(format!("{} ", scene::fit(word, 9, Keep::Start)), tone);
        let place = format!("{}:{}", candidate.place(), candidate.port);
        let left = usize::from(width).saturating_sub(line.width());
        let wide = (left * 2 / 3).clamp(20, 60).min(left);
        line.plain(format!("{} ", scene::fit(&place, wide, Keep::Ends)));
        let left = usize::from(width).saturating_sub(line.width());
        line.push(scene::clip(&candidate.standing, left, Keep::Start).into_owned(), Tone::Dim);
        line
    }

    fn detail(&self, world: &World, width: u16) -> Vec<Line> {
        let Some(candidate) = world.facts.candidates.get(self.scroll.at) else { return Vec::new() };
        let way = match (candidate.used, candidate.open) {
            (false, true) => format!("; <{}> writes the line that makes it be used", world.key(Command::Open)),
            _ => String::new(),
        };
        let Candidate { title, why, standing, .. } = candidate;
        let text = format!("{}: looks like {title} ({why}); {standing}{way}", candidate.place());
        let wide = usize::from(width).saturating_sub(3);
        contexts::wrap(&text, wide).into_iter().map(|part| Line::of(format!("  {part}"), Tone::Plain)).collect()
    }
}

impl Screen for Trust {
    fn title(&self, world: &World) -> String {
        let all = &world.facts.candidates;
        format!("Services {}, {} used", all.len(), all.iter().filter(|candidate| candidate.used).count())
    }

    fn place(&self) -> Place {
        Place::Trust
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, world.facts.candidates.len()) {
            return Some(Vec::new());
        }
        let candidate = world.facts.candidates.get(self.scroll.at)?;
        match command {
            Command::Open if candidate.open => {
                Some(vec![Effect::Type(format!("trust {} {}", candidate.service, candidate.place()))])
            }
            Command::Open if candidate.used => {
                Some(vec![Effect::Say(format!("{} is used: {}", candidate.place(), candidate.standing))])
            }
            Command::Open => {
                Some(vec![Effect::Complain(format!("the configuration says which {} is used", candidate.title))])
            }
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let rows = usize::from(size.height).saturating_sub(DETAIL + 3);
        self.scroll.settle(world.facts.candidates.len(), rows.max(1));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let candidates = &world.facts.candidates;
        if candidates.is_empty() {
            let text = "  nothing in this cluster looks like Prometheus, Alertmanager or OpenBao, as far as Services can be read";
            return contexts::wrap(text, usize::from(size.width).saturating_sub(3))
                .into_iter()
                .map(|part| Line::of(format!("  {part}"), Tone::Dim))
                .collect();
        }
        let mut out = vec![Line::of("  SERVICE       STATE     WHERE AND WHY", Tone::Title)];
        let rows = usize::from(size.height).saturating_sub(DETAIL + 3).max(1);
        for (at, candidate) in candidates.iter().enumerate().skip(self.scroll.top).take(rows) {
            let mut line = Self::row(candidate, size.width);
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out.push(Line::new());
        out.extend(self.detail(world, size.width).into_iter().take(DETAIL + 1));
        out.truncate(usize::from(size.height));
        out
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Feeds, Command::Back, Command::Help]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screens::world::{Facts, Preferences};

    fn candidate(namespace: &str, used: bool, open: bool) -> Candidate {
        Candidate {
            service: "prometheus",
            title: "Prometheus",
            namespace: namespace.to_owned(),
            name: "prom".to_owned(),
            port: "9090".to_owned(),
            why: "the Prometheus chart".to_owned(),
            used,
            standing: "nobody has named its namespace".to_owned(),
            open,
        }
    }

    #[test]
    fn a_service_that_nobody_has_named_is_told_and_enter_writes_the_line_that_confirms_it() {
        let candidates = vec![candidate("monitoring", true, false), candidate("tenant", false, true)];
        let world = World::new(Preferences::default(), Facts { candidates, ..Facts::default() });
        let mut screen = Trust::default();
        screen.on(Command::Down, &world);
        let size = Size { width: 80, height: 20 };
        screen.sync(&world, size);
        let text: String = screen.lines(&world, size).iter().map(|line| line.text() + "\n").collect();
        assert!(text.contains("not used") && text.contains("tenant/prom: looks like Prometheus"), "{text}");
        assert!(text.lines().all(|line| scene::width(line) <= 80), "{text}");
        let line = "trust prometheus tenant/prom".to_owned();
        assert_eq!(screen.on(Command::Open, &world), Some(vec![Effect::Type(line)]));
    }
}
