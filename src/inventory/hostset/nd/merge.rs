//! Folding: the fewest vectors that `ClusterShell`'s merging finds for a set of tuples.
//!
//! Its rule, which decides the printed text: sort the vectors (largest first), walk them, and merge
//! into each vector the ones after it that differ from it in one dimension only. Quick passes stop
//! at the first neighbour that does not merge; when those change nothing any more, full passes try
//! every later vector. A full pass as such is quadratic; here it asks, for each dimension, for the
//! next vector that agrees in all the others, which a sorted table of hashes answers.

use std::cmp::Reverse;

use super::Vector;
use super::sets::{Print, SetId, Sets};
use super::tuples::Tuples;

/// Vectors as rows of set numbers.
struct Rows {
    dimensions: usize,
    ids: Vec<SetId>,
}

impl Rows {
    fn len(&self) -> usize {
        self.ids.len() / self.dimensions
    }

    fn row(&self, at: usize) -> &[SetId] {
        &self.ids[at * self.dimensions..(at + 1) * self.dimensions]
    }
}

/// The vectors that sorted tuples without doubles fold to.
pub(super) fn fold(tuples: Tuples) -> Vec<Vector> {
    let dimensions = tuples.codes.len();
    if tuples.rows.is_empty() {
        return Vec::new();
    }
    let mut sets: Vec<Sets> = tuples
        .codes
        .iter()
        .map(|codes| Sets::singles(codes))
        .collect();
    // Ranks are the numbers of single sets, and sorted tuples are sorted vectors.
    let mut rows = Rows {
        dimensions,
        ids: tuples.rows,
    };
    let mut full = false;
    loop {
        let before = rows.len();
        rows = if full {
            full_pass(&rows, &mut sets)
        } else {
            quick_pass(&rows, &mut sets)
        };
        if rows.len() == before {
            if full {
                break;
            }
            full = true;
        } else {
            sort(&mut rows, &sets);
        }
    }
    let vector = |at| {
        rows.row(at)
            .iter()
            .zip(&sets)
            .map(|(&id, sets)| sets.set(id).clone())
            .collect()
    };
    (0..rows.len()).map(vector).collect()
}

fn sort(rows: &mut Rows, sets: &[Sets]) {
    let size = |row: &[SetId]| -> u64 {
        row.iter().zip(sets).fold(1, |size: u64, (&id, sets)| {
            size.saturating_mul(sets.print(id).len)
        })
    };
    let sizes: Vec<Reverse<u64>> = (0..rows.len())
        .map(|at| Reverse(size(rows.row(at))))
        .collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| {
        let keys = |at| {
            rows.row(at)
                .iter()
                .zip(sets)
                .map(|(&id, sets): (_, &Sets)| sets.order(id))
        };
        sizes[a].cmp(&sizes[b]).then_with(|| keys(a).cmp(keys(b)))
    });
    rows.ids = order
        .into_iter()
        .flat_map(|at| rows.row(at))
        .copied()
        .collect();
}

/// Merges each vector with the neighbours right after it.
fn quick_pass(rows: &Rows, sets: &mut [Sets]) -> Rows {
    let mut ids = Vec::with_capacity(rows.ids.len());
    let mut growing = Growing::of(rows.row(0));
    for at in 1..rows.len() {
        if !growing.absorb(rows.row(at), sets) {
            growing.finish(sets, &mut ids);
            growing = Growing::of(rows.row(at));
        }
    }
    growing.finish(sets, &mut ids);
    Rows { ids, ..*rows }
}

/// Merges each vector with all later ones that it can merge with.
fn full_pass(rows: &Rows, sets: &mut [Sets]) -> Rows {
    let partners = Partners::of(rows);
    let mut gone = vec![false; rows.len()];
    let mut ids = Vec::new();
    for at in 0..rows.len() {
        if gone[at] {
            continue;
        }
        let mut growing = Growing::of(rows.row(at));
        let mut seen = at;
        while let Some(next) = partners.next(&growing, seen, sets, &gone) {
            gone[next] = growing.absorb(rows.row(next), sets);
            seen = next;
        }
        growing.finish(sets, &mut ids);
    }
    Rows { ids, ..*rows }
}

/// A vector that others are merged into.
struct Growing {
    ids: Vec<SetId>,
    /// The dimension that grows, with its parts so far; they are united when it is known to be done.
    open: Option<Open>,
}

struct Open {
    dimension: usize,
    parts: Vec<SetId>,
    print: Print,
}

impl Growing {
    fn of(row: &[SetId]) -> Self {
        Self {
            ids: row.to_vec(),
            open: None,
        }
    }

    /// Merges a vector that has no tuple in common with this one; false if they differ too much.
    fn absorb(&mut self, row: &[SetId], sets: &mut [Sets]) -> bool {
        let growing = self.open.as_ref().map(|open| open.dimension);
        let mut others =
            (0..row.len()).filter(|&at| Some(at) != growing && row[at] != self.ids[at]);
        let (other, more) = (others.next(), others.next());
        if more.is_some() {
            return false;
        }
        match (&mut self.open, other) {
            (Some(open), None) => {
                let id = row[open.dimension];
                open.print = open.print.with(sets[open.dimension].print(id));
                open.parts.push(id);
                return true;
            }
            (Some(open), Some(_)) => {
                let (known, id) = (&sets[open.dimension], row[open.dimension]);
                if known.print(id) != open.print || known.find(&open.parts, open.print) != Some(id)
                {
                    return false;
                }
                self.ids[open.dimension] = id;
            }
            (None, _) => {}
        }
        let Some(dimension) = other else { return true };
        let parts = vec![self.ids[dimension], row[dimension]];
        let known = &sets[dimension];
        let print = known.print(parts[0]).with(known.print(parts[1]));
        self.open = Some(Open {
            dimension,
            parts,
            print,
        });
        true
    }

    /// The vector with its open dimension's number, if that set occurs anywhere yet.
    fn closed(&self, sets: &[Sets]) -> Option<Vec<SetId>> {
        let mut ids = self.ids.clone();
        if let Some(open) = &self.open {
            ids[open.dimension] = sets[open.dimension].find(&open.parts, open.print)?;
        }
        Some(ids)
    }

    fn finish(mut self, sets: &mut [Sets], into: &mut Vec<SetId>) {
        if let Some(open) = self.open {
            self.ids[open.dimension] = sets[open.dimension].insert(&open.parts, open.print);
        }
        into.append(&mut self.ids);
    }
}

/// For each dimension, the rows by a hash of their sets in all other dimensions.
struct Partners {
    by_hash: Vec<Vec<(u64, u32)>>,
}

impl Partners {
    fn of(rows: &Rows) -> Self {
        let column = |dimension| {
            let hash = |at| (hash_without(rows.row(at), dimension), at as u32);
            let mut hashes: Vec<_> = (0..rows.len()).map(hash).collect();
            hashes.sort_unstable();
            hashes
        };
        Self {
            by_hash: (0..rows.dimensions).map(column).collect(),
        }
    }

    /// The first row after `seen` that the growing vector may merge with. Equal hashes do not prove
    /// it; the merge itself compares the sets.
    fn next(&self, growing: &Growing, seen: usize, sets: &[Sets], gone: &[bool]) -> Option<usize> {
        let open = growing.open.as_ref().map(|open| open.dimension);
        let closed = growing.closed(sets);
        let next = |(dimension, column): (usize, &Vec<(u64, u32)>)| {
            // The open dimension's own set does not matter to its partners.
            let ids = if Some(dimension) == open {
                &growing.ids
            } else {
                closed.as_ref()?
            };
            let hash = hash_without(ids, dimension);
            let start = column.partition_point(|&row| row <= (hash, seen as u32));
            let same = column[start..]
                .iter()
                .take_while(|&&(other, _)| other == hash);
            same.map(|&(_, row)| row as usize).find(|&row| !gone[row])
        };
        self.by_hash.iter().enumerate().filter_map(next).min()
    }
}

fn hash_without(ids: &[SetId], dimension: usize) -> u64 {
    let others = ids.iter().enumerate().filter(|&(at, _)| at != dimension);
    others.fold(0xcbf2_9ce4_8422_2325, |hash: u64, (_, &id)| {
        (hash ^ u64::from(id))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    })
}
