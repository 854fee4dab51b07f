//! Parts of a host set: slices, equal shares, unbroken ranges, a random few.

use std::collections::BTreeSet;

use super::rangeset::{RangeSet, Span};
use super::{HostSet, Numbers};

impl HostSet {
    /// The hosts at positions `from..to` of the order.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let mut slice = Self::new();
        let mut position = 0usize;
        for (pattern, numbers) in &self.patterns {
            let end = position.saturating_add(numbers.len());
            let (start, stop) = (from.max(position), to.min(end));
            if start < stop {
                let part = numbers.slice(start - position, stop - position);
                slice.patterns.insert(pattern.clone(), part);
            }
            position = end;
        }
        slice
    }

    /// Shares of equal size, the first ones larger by one if need be; never an empty one.
    pub fn split(&self, shares: usize) -> Vec<Self> {
        shares_of(self.len(), shares)
            .map(|(from, to)| self.slice(from, to))
            .collect()
    }

    /// One set for each unbroken range of each pattern.
    pub fn contiguous(&self) -> Vec<Self> {
        let parts = self.patterns.iter().flat_map(|(pattern, numbers)| {
            let of = |part| Self {
                patterns: [(pattern.clone(), part)].into(),
            };
            numbers.contiguous().into_iter().map(of)
        });
        parts.collect()
    }

    /// `count` hosts by chance; `below(n)` has to give a number under `n`, each alike.
    #[must_use]
    pub fn pick(&self, count: usize, below: &mut dyn FnMut(usize) -> usize) -> Self {
        let chosen = chance_positions(self.len(), count, below);
        let mut picked = Self::new();
        let mut position = 0;
        for (pattern, numbers) in &self.patterns {
            let end = position + numbers.len();
            let here: BTreeSet<usize> = chosen
                .range(position..end)
                .map(|at| at - position)
                .collect();
            if !here.is_empty() {
                picked.patterns.insert(pattern.clone(), numbers.at(&here));
            }
            position = end;
        }
        picked
    }
}

impl RangeSet {
    /// Shares of equal size, the first ones larger by one if need be; never an empty one.
    pub fn split(&self, shares: usize) -> Vec<Self> {
        shares_of(self.len(), shares)
            .map(|(from, to)| self.slice(from, to))
            .collect()
    }

    /// `count` indexes by chance; `below(n)` has to give a number under `n`, each alike.
    #[must_use]
    pub fn pick(&self, count: usize, below: &mut dyn FnMut(usize) -> usize) -> Self {
        self.at(&chance_positions(self.len(), count, below))
    }

    fn at(&self, positions: &BTreeSet<usize>) -> Self {
        let chosen = self
            .codes()
            .enumerate()
            .filter(|(at, _)| positions.contains(at));
        Self::from_spans(
            chosen
                .map(|(_, code)| Span {
                    first: code,
                    last: code,
                })
                .collect(),
        )
    }
}

impl Numbers {
    fn slice(&self, from: usize, to: usize) -> Self {
        match self {
            Self::None => Self::None,
            Self::One(set) => Self::One(set.slice(from, to)),
            Self::Many(set) => Self::Many(set.slice(from, to)),
        }
    }

    fn at(&self, positions: &BTreeSet<usize>) -> Self {
        match self {
            Self::None => Self::None,
            Self::One(set) => Self::One(set.at(positions)),
            Self::Many(set) => Self::Many(set.at(positions)),
        }
    }

    fn contiguous(&self) -> Vec<Self> {
        match self {
            Self::None => vec![Self::None],
            Self::One(set) => set.contiguous().into_iter().map(Self::One).collect(),
            Self::Many(set) => set.contiguous().into_iter().map(Self::Many).collect(),
        }
    }
}

/// The bounds of `shares` nearly equal shares of `len` things.
fn shares_of(len: usize, shares: usize) -> impl Iterator<Item = (usize, usize)> {
    let size = len.checked_div(shares).unwrap_or(0);
    let larger = len.checked_rem(shares).unwrap_or(0);
    let start = move |share: usize| share * size + share.min(larger);
    (0..shares.min(len)).map(move |share| (start(share), start(share + 1)))
}

/// `count` different positions below `len`, every choice alike (Floyd's way).
fn chance_positions(
    len: usize,
    count: usize,
    below: &mut dyn FnMut(usize) -> usize,
) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for last in len.saturating_sub(count)..len {
        let position = below(last + 1);
        if !chosen.insert(position) {
            chosen.insert(last);
        }
    }
    chosen
}
