//! Which columns fit, and how wide they are.

use crate::kinds::column::{Column, Field};

/// A chosen column: its index among the kind's columns, and its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitted {
    pub index: usize,
    pub width: u16,
}

/// No column is made narrower than this to fit others in.
const LEAST: u16 = 6;

/// Columns that a name has before other columns are shown.
const NAME: u16 = 24;

fn is_status(column: &Column) -> bool {
    matches!(column.field, Field::Status) || matches!(column.title, "STATUS" | "STATE")
}

/// Space between two columns.
pub const GAP: u16 = 2;

/// Chooses columns for `width`. `wanted[i]` is the widest text seen in column `i`. Columns of high priority numbers are
/// dropped until the least widths fit; what is left over widens columns to what their text wants, then the last one.
/// The column by which is sorted is never dropped, and has room for the mark behind its title.
pub fn fit(
    columns: &[Column],
    wanted: &[u16],
    sorted: Option<usize>,
    show: impl Fn(usize) -> bool,
    width: u16,
) -> Vec<Fitted> {
    let show = |i: usize| show(i) || sorted == Some(i);
    let mut chosen: Vec<usize> = (0..columns.len()).filter(|i| show(*i)).collect();
    let least = |i: usize| {
        let c = &columns[i];
        let title = u16::try_from(c.title.len()).unwrap_or(u16::MAX) + u16::from(sorted == Some(i));
        let full = wanted[i].max(title);
        // a status is never cut to make room, and a name never so far that it cannot be recognised
        let min = match c.field {
            _ if is_status(c) => c.max,
            Field::Name => c.min.max(NAME),
            _ => c.min,
        };
        min.max(title).min(full).max(1)
    };
    let total = |chosen: &[usize]| {
        let gaps = GAP * u16::try_from(chosen.len().saturating_sub(1)).unwrap_or(0);
        chosen.iter().map(|i| least(*i)).sum::<u16>() + gaps
    };
    while chosen.len() > 1 && total(&chosen) > width {
        let Some(at) = (0..chosen.len())
            .filter(|at| columns[chosen[*at]].priority > 0 && sorted != Some(chosen[*at]))
            .max_by_key(|at| columns[chosen[*at]].priority)
        else {
            break;
        };
        chosen.remove(at);
    }
    // an empty column makes room for what is cut
    let whole = |chosen: &[usize]| {
        let gaps = GAP * u16::try_from(chosen.len().saturating_sub(1)).unwrap_or(0);
        chosen.iter().map(|i| wanted[*i].min(columns[*i].max).max(least(*i))).sum::<u16>().saturating_add(gaps)
    };
    while whole(&chosen) > width {
        let empty = |at: &usize| wanted[chosen[*at]] == 0 && columns[chosen[*at]].priority > 0;
        let last = (0..chosen.len()).filter(empty).filter(|at| sorted != Some(chosen[*at]));
        let Some(at) = last.max_by_key(|at| columns[chosen[*at]].priority) else { break };
        chosen.remove(at);
    }
    let mut left = width.saturating_sub(total(&chosen));
    let mut over = total(&chosen).saturating_sub(width);
    let mut fitted: Vec<Fitted> = chosen.iter().map(|i| Fitted { index: *i, width: least(*i) }).collect();
    // nothing more to drop: names give way before words, and words last
    for give_way in [false, true] {
        for column in fitted.iter_mut().filter(|f| is_status(&columns[f.index]) == give_way) {
            let cut = column.width.saturating_sub(LEAST).min(over);
            column.width -= cut;
            over -= cut;
        }
    }
    let mut by_need: Vec<usize> = (0..fitted.len()).collect();
    // a name may be cut in its middle, a namespace may not
    by_need.sort_by_key(|at| {
        let column = &columns[fitted[*at].index];
        (!matches!(column.field, Field::Namespace), column.priority)
    });
    for at in by_need {
        let column = &columns[fitted[at].index];
        let want = wanted[fitted[at].index].min(column.max).saturating_sub(fitted[at].width).min(left);
        fitted[at].width += want;
        left -= want;
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("NAMESPACE", Field::Namespace, 8, 20, 2),
        Column::new("NAME", Field::Name, 10, 40, 0),
        Column::new("STATUS", Field::Status, 6, 20, 0),
        Column::new("NODE", Field::Note, 8, 30, 5),
    ];

    #[test]
    fn the_least_important_column_goes_first() {
        let wanted = [9, 20, 8, 20];
        let titles = |width| {
            fit(COLUMNS, &wanted, None, |_| true, width).iter().map(|f| COLUMNS[f.index].title).collect::<Vec<_>>()
        };
        assert_eq!(titles(80), ["NAMESPACE", "NAME", "STATUS", "NODE"]);
        assert_eq!(titles(45), ["NAMESPACE", "NAME", "STATUS"]);
        assert_eq!(titles(31), ["NAME", "STATUS"], "a name is not cut to make room for its namespace");
        assert_eq!(titles(20), ["NAME", "STATUS"]);
    }

    #[test]
    fn the_column_by_which_is_sorted_is_shown_with_its_mark() {
        let wanted = [9, 20, 8, 2];
        let fitted = fit(COLUMNS, &wanted, Some(3), |i| i != 3, 34);
        let node = fitted.iter().find(|f| COLUMNS[f.index].title == "NODE");
        assert_eq!(node.map(|f| f.width), Some(5), "{fitted:?}");
    }

    #[test]
    fn an_empty_column_makes_room_for_what_would_be_cut() {
        let titles = |wanted: &[u16]| {
            fit(COLUMNS, wanted, None, |_| true, 60).iter().map(|f| COLUMNS[f.index].title).collect::<Vec<_>>()
        };
        assert_eq!(titles(&[20, 30, 8, 0]), ["NAMESPACE", "NAME", "STATUS"]);
        assert_eq!(titles(&[12, 20, 8, 0]), ["NAMESPACE", "NAME", "STATUS", "NODE"]);
    }

    #[test]
    fn a_status_word_is_whole_before_anything_else() {
        let fitted = fit(COLUMNS, &[12, 38, 17, 26], None, |_| true, 40);
        let status = fitted.iter().find(|f| COLUMNS[f.index].title == "STATUS");
        assert_eq!(status.map(|f| f.width), Some(17));
    }

    #[test]
    fn widths_never_exceed_the_line_and_fill_by_priority() {
        for width in 20..120 {
            let fitted = fit(COLUMNS, &[12, 38, 18, 26], None, |_| true, width);
            let used: u16 =
                fitted.iter().map(|f| f.width).sum::<u16>() + GAP * (u16::try_from(fitted.len()).unwrap() - 1);
            assert!(used <= width, "{width}: {fitted:?}");
        }
        let fitted = fit(COLUMNS, &[12, 38, 18, 26], None, |_| true, 200);
        assert_eq!(fitted.iter().map(|f| f.width).collect::<Vec<_>>(), [12, 38, 18, 26]);
    }
}
