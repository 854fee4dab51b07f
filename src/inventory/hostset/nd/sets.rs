//! The range sets that occur in one dimension while folding, each under a small number.
//!
//! Folding compares range sets over and over. Under numbers that is one comparison, and a growing
//! union is recognised by its size and the sum of its members' hashes, without being built.

use std::collections::HashMap;

use crate::inventory::hostset::digits::Code;
use crate::inventory::hostset::rangeset::RangeSet;

/// A range set's number in its dimension.
pub(super) type SetId = u32;

/// What tells range sets apart: how many members, and the sum of the members' hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Print {
    pub len: u64,
    sum: u128,
}

impl Print {
    fn of(code: Code) -> Self {
        Self {
            len: 1,
            sum: mix(code.cast_unsigned()),
        }
    }

    /// The print of the union with another set, when the two have nothing in common.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            len: self.len + other.len,
            sum: self.sum.wrapping_add(other.sum),
        }
    }
}

struct Entry {
    set: RangeSet,
    print: Print,
    /// Ranks (order as text) of the first and the last member.
    ends: (u32, u32),
}

/// All range sets of one dimension.
pub(super) struct Sets {
    entries: Vec<Entry>,
    by_print: HashMap<Print, Vec<SetId>>,
}

impl Sets {
    /// The sets of one number each; the number of a set is its rank.
    pub(super) fn singles(codes: &[Code]) -> Self {
        let entry = |(rank, &code): (usize, &Code)| {
            let rank = rank as u32;
            Entry {
                set: RangeSet::one(code),
                print: Print::of(code),
                ends: (rank, rank),
            }
        };
        Self {
            entries: codes.iter().enumerate().map(entry).collect(),
            by_print: HashMap::new(),
        }
    }

    pub(super) fn set(&self, id: SetId) -> &RangeSet {
        &self.entries[id as usize].set
    }

    pub(super) fn print(&self, id: SetId) -> Print {
        self.entries[id as usize].print
    }

    /// The key that vectors are sorted by in this dimension: the largest first, then by text.
    pub(super) fn order(&self, id: SetId) -> (std::cmp::Reverse<u64>, u32, u32) {
        let entry = &self.entries[id as usize];
        (
            std::cmp::Reverse(entry.print.len),
            entry.ends.0,
            entry.ends.1,
        )
    }

    /// The set that the union of some disjoint sets is, if it occurs already.
    pub(super) fn find(&self, parts: &[SetId], print: Print) -> Option<SetId> {
        let candidates = self.by_print.get(&print)?;
        let union = self.union(parts);
        candidates
            .iter()
            .copied()
            .find(|&id| *self.set(id) == union)
    }

    /// The set that the union of some disjoint sets is, made if it is new.
    pub(super) fn insert(&mut self, parts: &[SetId], print: Print) -> SetId {
        if let Some(id) = self.find(parts, print) {
            return id;
        }
        let set = self.union(parts);
        let end = |code: Option<Code>, last: bool| {
            let of = |part: &SetId| {
                let Entry { set, ends, .. } = &self.entries[*part as usize];
                let (found, rank) = if last {
                    (set.last(), ends.1)
                } else {
                    (set.first(), ends.0)
                };
                (found == code).then_some(rank)
            };
            parts.iter().find_map(of).unwrap_or_default()
        };
        let ends = (end(set.first(), false), end(set.last(), true));
        let id = self.entries.len() as SetId;
        self.entries.push(Entry { set, print, ends });
        self.by_print.entry(print).or_default().push(id);
        id
    }

    fn union(&self, parts: &[SetId]) -> RangeSet {
        let spans = parts
            .iter()
            .flat_map(|&part| self.set(part).spans())
            .copied()
            .collect();
        RangeSet::from_spans(spans)
    }
}

/// Spreads a number over 128 bits (the finaliser of splitmix64, twice).
fn mix(code: u128) -> u128 {
    let half = |seed: u64| {
        let mut x = (code as u64) ^ ((code >> 64) as u64).rotate_left(31) ^ seed;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    u128::from(half(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(half(0xd1b5_4a32_d192_ed03))
}
