//! Namespaces, with what is failing in each; choosing one restricts every screen.

use super::body::Scroll;
use super::world::World;
use super::{More, Screen, ScreenSpec, Size};
use crate::domain::health::Health;
use crate::intent::{Command, Effect, Place};
use crate::scene::{self, Keep, Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "ns",
    aliases: &["namespaces", "namespace"],
    help: "namespaces and what fails in them",
    place: || Place::Namespaces,
};

#[derive(Debug, Default)]
pub struct Namespaces {
    scroll: Scroll,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Default)]
struct Row {
    name: String,
    objects: u32,
    failed: u32,
    warned: u32,
}

impl Screen for Namespaces {
    fn title(&self, _world: &World) -> String {
        format!("Namespaces {}", self.rows.len())
    }

    fn place(&self) -> Place {
        Place::Namespaces
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.rows.len() + 1) {
            return Some(Vec::new());
        }
        match command {
            Command::Open => {
                let chosen = self.scroll.at.checked_sub(1).and_then(|at| self.rows.get(at)).map(|r| r.name.clone());
                Some(vec![Effect::Namespace(chosen), Effect::Back])
            }
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let mut rows = std::collections::BTreeMap::<&str, Row>::new();
        for (_, table) in world.store.tables() {
            for (_, row) in table.iter() {
                let name = world.store.strings.get(row.record.namespace);
                if name.is_empty() {
                    continue;
                }
                let entry = rows.entry(name).or_insert_with(|| Row { name: name.to_owned(), ..Row::default() });
                entry.objects += 1;
                entry.failed += u32::from(row.health == Health::Failed);
                entry.warned += u32::from(row.health == Health::Warning);
            }
        }
        self.rows = rows.into_values().collect();
        self.scroll.settle(self.rows.len() + 1, usize::from(size.height.saturating_sub(1)));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let longest = self.rows.iter().map(|row| scene::width(&row.name)).max().unwrap_or(0);
        let name = if size.width == scene::ENDLESS { longest.max(32) } else { 32 };
        let head = format!("  KEY  {} OBJECTS  FAILED  WARNING", scene::fit("NAMESPACE", name, Keep::Start));
        let mut out = vec![Line::of(head, Tone::Title)];
        let rows = usize::from(size.height).saturating_sub(1);
        for at in (0..=self.rows.len()).skip(self.scroll.top).take(rows) {
            let mut line = Line::new();
            match at.checked_sub(1).map(|i| &self.rows[i]) {
                None => {
                    let mark = if world.facts.namespace.is_none() { "* " } else { "  " };
                    line.push(mark, Tone::Accent);
                    line.plain(" 0   all namespaces");
                }
                Some(row) => {
                    let here = world.facts.namespace.as_deref() == Some(&row.name);
                    line.push(if here { "* " } else { "  " }, Tone::Accent);
                    let key = world.favourites().position(|f| *f == row.name).map(|i| (i + 1).to_string());
                    let key = key.unwrap_or_default();
                    line.plain(format!(" {key:<3} {}", scene::fit(&row.name, name, Keep::Ends)));
                    line.plain(format!(" {:>7}", row.objects));
                    line.push(format!("  {:>6}", row.failed), if row.failed > 0 { Tone::Bad } else { Tone::Dim });
                    line.push(format!("  {:>7}", row.warned), if row.warned > 0 { Tone::Warn } else { Tone::Dim });
                }
            }
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Back, Command::Help]
    }
}
