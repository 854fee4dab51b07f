//! Sets of several dimensions taken apart into single tuples, sorted and without doubles.

use super::Vector;
use crate::inventory::hostset::digits::{self, Code};
use crate::inventory::hostset::rangeset::{RangeSet, Span};

/// Tuples as rows of ranks: a rank is the place of a number among its dimension's numbers, which
/// are ordered as text (`10` before `9`). Rows are sorted, each is there once.
pub(super) struct Tuples {
    /// For each dimension, the numbers by rank.
    pub codes: Vec<Vec<Code>>,
    /// All rows, one after the other.
    pub rows: Vec<u32>,
}

impl Tuples {
    /// The tuples of all vectors, and those of which `singles` has the numbers one after the other.
    pub(super) fn union(dimensions: usize, vectors: &[Vector], singles: &[Code]) -> Self {
        let of = |at| {
            let singles = singles.iter().skip(at).step_by(dimensions);
            Ranks::of(vectors.iter().map(|vector| &vector[at]), singles.copied())
        };
        let ranks: Vec<Ranks> = (0..dimensions).map(of).collect();
        let mut rows = Vec::with_capacity(singles.len());
        for codes in singles.chunks_exact(dimensions) {
            rows.extend(
                codes
                    .iter()
                    .zip(&ranks)
                    .map(|(&code, ranks)| ranks.rank(code)),
            );
        }
        push_rows(vectors, &ranks, &mut rows);
        Self::kept(ranks, &rows, |_| true)
    }

    /// All tuples for which `keep(is in a, is in b)` holds.
    pub(super) fn combine(a: &[Vector], b: &[Vector], keep: fn(bool, bool) -> bool) -> Self {
        let dimensions = a.first().or(b.first()).map_or(0, Vec::len);
        let of = |at: usize| {
            let sets = a.iter().chain(b).map(|vector| &vector[at]);
            Ranks::of(sets, std::iter::empty())
        };
        let ranks: Vec<Ranks> = (0..dimensions).map(of).collect();
        let mut rows = Vec::new();
        push_rows(a, &ranks, &mut rows);
        let in_a = rows.len();
        push_rows(b, &ranks, &mut rows);
        Self::kept(ranks, &rows, |same| {
            let is_in_a = |&at: &u32| (at as usize) * dimensions < in_a;
            keep(same.iter().any(is_in_a), !same.iter().all(is_in_a))
        })
    }

    /// Sorts the rows and has `keep` decide on each set of equal ones, by their places.
    fn kept(ranks: Vec<Ranks>, rows: &[u32], keep: impl Fn(&[u32]) -> bool) -> Self {
        let dimensions = ranks.len();
        let row = |at: u32| &rows[at as usize * dimensions..(at as usize + 1) * dimensions];
        let mut kept = Vec::new();
        for same in sorted(rows, &ranks).chunk_by(|&x, &y| row(x) == row(y)) {
            if keep(same) {
                kept.extend_from_slice(row(same[0]));
            }
        }
        let codes = ranks.into_iter().map(|ranks| ranks.by_rank).collect();
        Self { codes, rows: kept }
    }
}

/// All tuples of a vector, the last dimension fastest.
pub(super) fn product(vector: &Vector) -> impl Iterator<Item = Vec<Code>> + '_ {
    let count = super::size(vector);
    let mut walks: Vec<_> = vector.iter().map(Walk::of).collect();
    (0..count).map(move |position| {
        if position > 0 {
            for walk in walks.iter_mut().rev() {
                if walk.step() {
                    break;
                }
            }
        }
        walks.iter().map(|walk| walk.code).collect()
    })
}

/// Goes round and round the codes of a range set.
struct Walk<'s> {
    set: &'s RangeSet,
    span: usize,
    code: Code,
}

impl<'s> Walk<'s> {
    fn of(set: &'s RangeSet) -> Self {
        Self {
            set,
            span: 0,
            code: set.first().unwrap_or_default(),
        }
    }

    /// To the next code; false when that is the first one again.
    fn step(&mut self) -> bool {
        let spans = self.set.spans();
        if self.code < spans[self.span].last {
            self.code += 1;
            return true;
        }
        self.span = (self.span + 1) % spans.len();
        self.code = spans[self.span].first;
        self.span > 0
    }
}

/// The numbers of one dimension and their ranks.
struct Ranks {
    /// The numbers in order of codes, each with its rank.
    by_code: Vec<(Code, u32)>,
    by_rank: Vec<Code>,
}

impl Ranks {
    fn of<'s>(
        sets: impl Iterator<Item = &'s RangeSet>,
        singles: impl Iterator<Item = Code>,
    ) -> Self {
        let single = |code| Span {
            first: code,
            last: code,
        };
        let spans = sets
            .flat_map(RangeSet::spans)
            .copied()
            .chain(singles.map(single))
            .collect();
        let mut by_rank: Vec<Code> = RangeSet::from_spans(spans).codes().collect();
        let mut by_code: Vec<(Code, u32)> = by_rank.iter().map(|&code| (code, 0)).collect();
        by_rank.sort_by_cached_key(|&code| digits::text_order(code));
        for (rank, code) in by_rank.iter().enumerate() {
            if let Ok(at) = by_code.binary_search_by_key(code, |&(code, _)| code) {
                by_code[at].1 = rank as u32;
            }
        }
        Self { by_code, by_rank }
    }

    /// The rank of one of the numbers.
    fn rank(&self, code: Code) -> u32 {
        self.by_code[self.by_code.partition_point(|&(other, _)| other < code)].1
    }

    /// The ranks of a set's numbers.
    fn ranks<'r>(&'r self, set: &'r RangeSet) -> impl Iterator<Item = u32> + Clone + 'r {
        set.spans().iter().flat_map(|span| {
            let start = self.by_code.partition_point(|&(code, _)| code < span.first);
            let end = self.by_code.partition_point(|&(code, _)| code <= span.last);
            self.by_code[start..end].iter().map(|&(_, rank)| rank)
        })
    }
}

/// Appends the rows of all tuples of the vectors.
fn push_rows(vectors: &[Vector], ranks: &[Ranks], rows: &mut Vec<u32>) {
    for vector in vectors {
        let columns: Vec<Vec<u32>> = vector
            .iter()
            .zip(ranks)
            .map(|(set, ranks)| ranks.ranks(set).collect())
            .collect();
        let mut places = vec![0; columns.len()];
        for _ in 0..super::size(vector) {
            rows.extend(
                columns
                    .iter()
                    .zip(&places)
                    .map(|(column, &place): (_, &usize)| column[place]),
            );
            for (place, column) in places.iter_mut().zip(&columns).rev() {
                *place = (*place + 1) % column.len();
                if *place > 0 {
                    break;
                }
            }
        }
    }
}

/// The places of the rows in sorted order: one counting sort for each dimension, the last first.
fn sorted(rows: &[u32], ranks: &[Ranks]) -> Vec<u32> {
    let dimensions = ranks.len();
    let count = rows.len().checked_div(dimensions).unwrap_or(0);
    let mut order: Vec<u32> = (0..count as u32).collect();
    for (dimension, ranks) in ranks.iter().enumerate().rev() {
        let rank = |row: u32| rows[row as usize * dimensions + dimension] as usize;
        let mut next = vec![0u32; ranks.by_rank.len() + 1];
        for &row in &order {
            next[rank(row) + 1] += 1;
        }
        for at in 1..next.len() {
            next[at] += next[at - 1];
        }
        let mut sorted = vec![0; count];
        for &row in &order {
            let place = &mut next[rank(row)];
            sorted[*place as usize] = row;
            *place += 1;
        }
        order = sorted;
    }
    order
}
