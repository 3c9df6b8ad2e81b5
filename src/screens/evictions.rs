//! The pods that a step evicts, as a table: those with something to know first. Shared by the preview and the command
//! line.

use super::contexts::wrap;
use crate::domain::evictions::{Evictions, Leaving};
use crate::domain::text;
use crate::scene::{Keep, Line, Tone, fit, width};

/// Less room than this for a note puts it below its pod.
const NOTE: usize = 24;
const GAP: usize = 2;
/// Of the preview's lines below a step.
const INDENT: usize = 5;
/// The widest that a controller or a budget may be.
const WIDEST: usize = 32;

/// The preview's lines.
pub fn lines(evictions: &Evictions, wide: usize) -> Vec<Line> {
    let room = wide.saturating_sub(INDENT + 1);
    table(evictions, room).into_iter().map(|(text, tone)| Line::of(format!("{:INDENT$}{text}", ""), tone)).collect()
}

/// The same as text of at most `wide` columns, each line with its weight.
pub fn table(evictions: &Evictions, wide: usize) -> Vec<(String, Tone)> {
    let dim = |text: &str| wrap(text, wide).into_iter().map(|part| (part, Tone::Dim)).collect::<Vec<_>>();
    if evictions.pods.is_empty() {
        return dim("no pod has to go: it is looked at once more whether that is still so");
    }
    let mut out = dim("POST /api/v1/namespaces/NAMESPACE/pods/NAME/eviction for each, only while it is this very pod");
    let shape = Shape::of(evictions, wide);
    out.push((shape.row("POD", "CONTROLLER", "BUDGET", "NOTE").remove(0), Tone::Title));
    for pod in &evictions.pods {
        let notes = if pod.notes.is_empty() { String::new() } else { text::line(&pod.notes.join("; ")).into_owned() };
        let tone = if pod.held || !notes.is_empty() { Tone::Warn } else { Tone::Plain };
        let rows = shape.row(&clean(&pod.told()), &clean(&pod.controller), &budget(pod), &notes);
        out.extend(rows.into_iter().map(|row| (row, tone)));
    }
    for (_, kept) in &evictions.kept {
        out.extend(dim(&format!("stays here: {}", clean(kept))));
    }
    out
}

fn clean(raw: &str) -> String {
    text::line(raw).into_owned()
}

/// `1 of 3 now: shop-web`; a budget with room needs no name.
fn budget(pod: &Leaving) -> String {
    let named = |room: &str| format!("{room}: {}", clean(&pod.budget));
    match (&*pod.budget, &*pod.room) {
        ("", _) => "-".to_owned(),
        (_, "has room") => pod.room.clone(),
        (_, "") => named("not asked"),
        (_, room) => named(room),
    }
}

/// Widths of the columns; 0: the column is left out.
struct Shape {
    pod: usize,
    controller: usize,
    budget: usize,
    note: usize,
    wide: usize,
}

impl Shape {
    fn of(evictions: &Evictions, wide: usize) -> Self {
        let most = |text: fn(&Leaving) -> String, head: &str| {
            evictions.pods.iter().map(|pod| width(&text(pod))).max().unwrap_or(0).max(width(head))
        };
        let (pod, controller, budget) =
            (most(Leaving::told, "POD"), most(|pod| pod.controller.clone(), "CONTROLLER"), most(budget, "BUDGET"));
        let note = |used: usize| wide.checked_sub(used + GAP).filter(|room| *room >= NOTE);
        let (controller, budget) = (controller.min(WIDEST), budget.min(WIDEST));
        if let Some(note) = note(pod + controller + budget + 2 * GAP) {
            return Self { pod, controller, budget, note, wide };
        }
        if let Some(note) = note(pod + budget + GAP) {
            return Self { pod, controller: 0, budget, note, wide };
        }
        let budget = budget.min(wide / 2);
        Self { pod: pod.min(wide.saturating_sub(budget + GAP)), controller: 0, budget, note: 0, wide }
    }

    /// One row, in as many lines as its note needs.
    fn row(&self, pod: &str, controller: &str, budget: &str, note: &str) -> Vec<String> {
        let mut head = fit(pod, self.pod, Keep::Ends);
        let gap = " ".repeat(GAP);
        if self.controller > 0 {
            head = format!("{head}{gap}{}", fit(controller, self.controller, Keep::Ends));
        }
        head = format!("{head}{gap}{}", fit(budget, self.budget, Keep::Ends));
        if self.note == 0 {
            let below = if note.is_empty() { Vec::new() } else { wrap(note, self.wide.saturating_sub(4)) };
            let below = below.into_iter().filter(|_| note != "NOTE").map(|part| format!("    {part}"));
            return std::iter::once(head.trim_end().to_owned()).chain(below).collect();
        }
        let used = width(&head);
        let parts = wrap(note, self.note).into_iter().enumerate();
        let line = |(nth, part): (usize, String)| {
            let before = if nth == 0 { head.clone() } else { " ".repeat(used) };
            format!("{before}{gap}{part}").trim_end().to_owned()
        };
        parts.map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, budget: (&str, &str), notes: &[&str]) -> Leaving {
        Leaving {
            namespace: "team-alpha".into(),
            name: name.into(),
            uid: name.into(),
            controller: "Deployment shop-web".into(),
            budget: budget.0.into(),
            room: budget.1.into(),
            held: false,
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            request: None,
        }
    }

    fn all() -> Evictions {
        let note = "the only ready pod of Deployment shop-web";
        Evictions {
            node: "worker-1".into(),
            pods: vec![
                pod("shop-web-5d8f9c7b6d-x2x4z", ("shop-web", "1 of 3 now"), &[note, "its emptyDir data is lost"]),
                pod("shop-api-0", ("", ""), &[]),
                pod("shop-api-1", ("shop-api", ""), &[]),
                pod("shop-api-2", ("shop-api", "has room"), &[]),
            ],
            kept: vec![("u".into(), "slo/kafka-0 (a and b)".into())],
            limit: 300,
            look: String::new(),
        }
    }

    fn text(wide: usize) -> Vec<String> {
        table(&all(), wide)
            .into_iter()
            .skip_while(|(line, _)| !line.starts_with("POD "))
            .map(|(line, _)| line)
            .collect()
    }

    #[test]
    fn a_wide_table_has_a_line_for_each_pod_and_its_notes_beside() {
        assert_eq!(
            text(150),
            [
                "POD                                   CONTROLLER           BUDGET                NOTE",
                "team-alpha/shop-web-5d8f9c7b6d-x2x4z  Deployment shop-web  1 of 3 now: shop-web  the only ready pod of Deployment shop-web; its emptyDir data is lost",
                "team-alpha/shop-api-0                 Deployment shop-web  -",
                "team-alpha/shop-api-1                 Deployment shop-web  not asked: shop-api",
                "team-alpha/shop-api-2                 Deployment shop-web  has room",
                "stays here: slo/kafka-0 (a and b)",
            ]
        );
    }

    #[test]
    fn a_narrow_table_drops_the_controller_and_puts_notes_below() {
        assert_eq!(
            text(72),
            [
                "POD                                   BUDGET",
                "team-alpha/shop-web-5d8f9c7b6d-x2x4z  1 of 3 now: shop-web",
                "    the only ready pod of Deployment shop-web; its emptyDir data is lost",
                "team-alpha/shop-api-0                 -",
                "team-alpha/shop-api-1                 not asked: shop-api",
                "team-alpha/shop-api-2                 has room",
                "stays here: slo/kafka-0 (a and b)",
            ]
        );
        for wide in [40, 52, 60, 72, 90, 120] {
            assert!(text(wide).iter().all(|line| width(line) <= wide), "{wide}: {:#?}", text(wide));
        }
    }
}
