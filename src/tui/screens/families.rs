//! Runs that are made of runs, in lists: their parts stand under them, folded unless asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::ids::RunId;
use crate::wire::view::{PartOf, RunLine};

/// A run in a list.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Placed {
    pub line: RunLine,
    /// Under how many others it stands.
    pub depth: u16,
    /// Runs that stand under it, or would.
    pub parts: usize,
    pub unfolded: bool,
}

/// Puts runs, newest first, in the order of a list: the parts of those in `unfolded` stand under
/// them in the order they began. A part whose whole is not among them stands alone.
pub(in crate::tui) fn arrange(lines: Vec<RunLine>, unfolded: &BTreeSet<RunId>) -> Vec<Placed> {
    let known: BTreeSet<RunId> = lines.iter().map(|line| line.run).collect();
    let mut parts: BTreeMap<RunId, Vec<RunLine>> = BTreeMap::new();
    let mut alone = Vec::new();
    for line in lines {
        match under(line.part_of.as_ref(), line.run, &known) {
            Some(whole) => parts.entry(whole).or_default().push(line),
            None => alone.push(line),
        }
    }
    let mut placed = Vec::new();
    // The last one is the next to be placed.
    let mut left: Vec<(RunLine, u16)> = alone.into_iter().rev().map(|line| (line, 0)).collect();
    while let Some((line, depth)) = left.pop() {
        let below = parts.remove(&line.run).unwrap_or_default();
        let number = below.len();
        let unfolded = unfolded.contains(&line.run) && number > 0;
        if unfolded {
            // They came newest first, so the first that began is taken from the end.
            left.extend(below.into_iter().map(|part| (part, depth + 1)));
        }
        placed.push(Placed {
            line,
            depth,
            parts: number,
            unfolded,
        });
    }
    placed
}

/// The run that it stands under, when that is known.
pub(in crate::tui) fn under(
    part: Option<&PartOf>,
    run: RunId,
    known: &BTreeSet<RunId>,
) -> Option<RunId> {
    // A whole is older than its parts: no circle of damaged lines hides them.
    part.map(|part| part.run)
        .filter(|whole| *whole < run && known.contains(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(run: u64, whole: Option<u64>) -> RunLine {
        let part = |whole| PartOf {
            run: RunId(whole),
            ..PartOf::default()
        };
        RunLine {
            run: RunId(run),
            part_of: whole.map(part),
            ..RunLine::default()
        }
    }

    fn shown(unfolded: &[u64]) -> Vec<(u64, u16, usize)> {
        let lines = [
            line(9, Some(7)),
            line(8, Some(5)),
            line(7, Some(5)),
            line(6, Some(1)),
            line(5, None),
            line(4, None),
        ];
        let unfolded = unfolded.iter().map(|run| RunId(*run)).collect();
        let placed = arrange(lines.to_vec(), &unfolded).into_iter();
        placed
            .map(|placed| (placed.line.run.0, placed.depth, placed.parts))
            .collect()
    }

    #[test]
    fn parts_stand_under_their_whole_when_it_is_unfolded() {
        assert_eq!(shown(&[]), [(6, 0, 0), (5, 0, 2), (4, 0, 0)]);
        assert_eq!(
            shown(&[5]),
            [(6, 0, 0), (5, 0, 2), (7, 1, 1), (8, 1, 0), (4, 0, 0)]
        );
        assert_eq!(shown(&[5, 7, 4])[2..5], [(7, 1, 1), (9, 2, 0), (8, 1, 0)]);
    }

    #[test]
    fn a_line_that_names_itself_or_a_later_run_as_its_whole_is_not_lost() {
        let odd = vec![line(3, Some(3)), line(2, Some(3))];
        assert_eq!(arrange(odd, &BTreeSet::new()).len(), 2);
    }
}
