//! Sets of indexes in several dimensions: the `[1-2]` and `[1-4]` of `rack[1-2]node[1-4]`.
//!
//! A set is a list of vectors, each the product of its range sets. The list is always the one
//! `ClusterShell` folds to, because it decides both the printed text and the order of hosts. That
//! list depends on the set alone, not on how it was built, so each operation may work in whatever
//! way is cheapest and fold afterwards.

mod merge;
mod sets;
mod tuples;

use std::collections::BTreeSet;

use super::digits::Code;
use super::rangeset::RangeSet;
use tuples::Tuples;

/// The product of one range set for each dimension.
pub(super) type Vector = Vec<RangeSet>;

/// Pairs of vectors, at most, that an operation works on vector by vector.
const FEW_PAIRS: usize = 64;

/// A set of index tuples; all of the same, at least two, dimensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NdSet {
    vectors: Vec<Vector>,
}

/// Products and single tuples that are to be one set; they may overlap.
#[derive(Debug)]
pub(super) struct Parts {
    dimensions: usize,
    vectors: Vec<Vector>,
    /// The numbers of the single tuples, one tuple after the other.
    singles: Vec<Code>,
}

impl Parts {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            vectors: Vec::new(),
            singles: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, vector: Vector) {
        self.vectors.push(vector);
    }

    pub(super) fn add_single(&mut self, codes: impl Iterator<Item = Code>) {
        self.singles.extend(codes);
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many tuples there are, doubles counted.
    pub(super) fn len(&self) -> usize {
        let singles = self.singles.len() / self.dimensions;
        self.vectors
            .iter()
            .fold(singles, |sum, vector| sum.saturating_add(size(vector)))
    }

    /// Whether there is nothing to combine.
    pub(super) fn is_product(&self) -> bool {
        self.vectors.len() <= 1 && self.singles.is_empty()
    }
}

impl NdSet {
    /// The union of all parts.
    pub(super) fn from_parts(parts: &Parts) -> Self {
        if parts.singles.is_empty() {
            return Self::from_vectors(parts.vectors.clone());
        }
        let tuples = Tuples::union(parts.dimensions, &parts.vectors, &parts.singles);
        Self {
            vectors: merge::fold(tuples),
        }
    }

    /// The union of some vectors, which may overlap.
    pub(super) fn from_vectors(vectors: Vec<Vector>) -> Self {
        if vectors.len() <= 1 {
            return Self { vectors };
        }
        match along_one_dimension(&vectors) {
            Some(vector) => Self {
                vectors: vec![vector],
            },
            None => Self::combine(&vectors, &[], |a, _| a),
        }
    }

    /// Works on single tuples: as good as any way for scattered sets.
    fn combine(a: &[Vector], b: &[Vector], keep: fn(bool, bool) -> bool) -> Self {
        Self {
            vectors: merge::fold(Tuples::combine(a, b, keep)),
        }
    }

    pub(super) fn vectors(&self) -> &[Vector] {
        &self.vectors
    }

    pub(super) fn dimensions(&self) -> usize {
        self.vectors.first().map_or(0, Vec::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.vectors
            .iter()
            .fold(0, |sum, vector| sum.saturating_add(size(vector)))
    }

    pub(super) fn contains(&self, codes: &[Code]) -> bool {
        self.vectors.iter().any(|vector| {
            vector.len() == codes.len()
                && vector
                    .iter()
                    .zip(codes)
                    .all(|(set, &code)| set.contains(code))
        })
    }

    /// All tuples, in order: vector by vector, the last dimension fastest.
    pub(super) fn tuples(&self) -> impl Iterator<Item = Vec<Code>> + '_ {
        self.vectors.iter().flat_map(tuples::product)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self::from_vectors(self.vectors.iter().chain(&other.vectors).cloned().collect())
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        if !self.few_pairs(other) {
            return Self::combine(&self.vectors, &other.vectors, |a, b| a && b);
        }
        let pairs = self
            .vectors
            .iter()
            .flat_map(|a| other.vectors.iter().map(move |b| (a, b)));
        Self::from_vectors(pairs.filter_map(|(a, b)| common(a, b)).collect())
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        if !self.few_pairs(other) {
            return Self::combine(&self.vectors, &other.vectors, |a, b| a && !b);
        }
        let mut left = self.vectors.clone();
        for cut in &other.vectors {
            left = left
                .iter()
                .flat_map(|vector| without(vector, cut))
                .collect();
        }
        Self::from_vectors(left)
    }

    pub(super) fn symmetric_difference(&self, other: &Self) -> Self {
        if !self.few_pairs(other) {
            return Self::combine(&self.vectors, &other.vectors, |a, b| a != b);
        }
        self.difference(other).union(&other.difference(self))
    }

    /// The tuples at positions `from..to` of the order.
    pub(super) fn slice(&self, from: usize, to: usize) -> Self {
        let mut vectors = Vec::new();
        let mut position = 0usize;
        for vector in &self.vectors {
            let end = position.saturating_add(size(vector));
            let (start, stop) = (from.max(position), to.min(end));
            if start == position && stop == end {
                vectors.push(vector.clone());
            } else if start < stop {
                let part = tuples::product(vector)
                    .skip(start - position)
                    .take(stop - start);
                vectors.extend(part.map(|codes| codes.into_iter().map(RangeSet::one).collect()));
            }
            position = end;
        }
        Self::from_vectors(vectors)
    }

    /// The tuples at some positions of the order.
    pub(super) fn at(&self, positions: &BTreeSet<usize>) -> Self {
        let chosen = self
            .tuples()
            .enumerate()
            .filter(|(at, _)| positions.contains(at));
        let vector =
            |(_, codes): (usize, Vec<Code>)| codes.into_iter().map(RangeSet::one).collect();
        Self::from_vectors(chosen.map(vector).collect())
    }

    /// One set for each combination of unbroken ranges.
    pub(super) fn contiguous(&self) -> Vec<Self> {
        let mut parts = self.vectors.clone();
        for dimension in 0..self.dimensions() {
            parts = parts
                .iter()
                .flat_map(|vector| split_at(vector, dimension))
                .collect();
        }
        parts
            .into_iter()
            .map(|vector| Self {
                vectors: vec![vector],
            })
            .collect()
    }

    fn few_pairs(&self, other: &Self) -> bool {
        self.vectors.len().saturating_mul(other.vectors.len()) <= FEW_PAIRS
    }
}

/// How many tuples a vector has.
pub(super) fn size(vector: &[RangeSet]) -> usize {
    vector
        .iter()
        .fold(1, |product: usize, set| product.saturating_mul(set.len()))
}

/// The union as one vector, when the vectors differ in one dimension at most.
fn along_one_dimension(vectors: &[Vector]) -> Option<Vector> {
    let (first, rest) = vectors.split_first()?;
    let mut varying =
        (0..first.len()).filter(|&at| rest.iter().any(|vector| vector[at] != first[at]));
    let dimension = varying.next().unwrap_or(0);
    if varying.next().is_some() {
        return None;
    }
    let spans = vectors
        .iter()
        .flat_map(|vector| vector[dimension].spans())
        .copied()
        .collect();
    let mut vector = first.clone();
    vector[dimension] = RangeSet::from_spans(spans);
    Some(vector)
}

/// The tuples in both vectors, if there are any.
fn common(a: &[RangeSet], b: &[RangeSet]) -> Option<Vector> {
    let both: Vector = a.iter().zip(b).map(|(x, y)| x.intersection(y)).collect();
    both.iter().all(|set| !set.is_empty()).then_some(both)
}

/// The tuples of `vector` that are not in `cut`, as vectors that do not overlap.
fn without(vector: &[RangeSet], cut: &[RangeSet]) -> Vec<Vector> {
    let mut parts = Vec::new();
    let mut rest = vector.to_vec();
    for dimension in 0..rest.len() {
        let outside = rest[dimension].difference(&cut[dimension]);
        if !outside.is_empty() {
            let mut part = rest.clone();
            part[dimension] = outside;
            parts.push(part);
        }
        rest[dimension] = rest[dimension].intersection(&cut[dimension]);
        if rest[dimension].is_empty() {
            break;
        }
    }
    parts
}

/// The vector cut into the unbroken ranges of one dimension.
fn split_at(vector: &[RangeSet], dimension: usize) -> Vec<Vector> {
    let cut = |set| {
        let mut part = vector.to_vec();
        part[dimension] = set;
        part
    };
    vector[dimension]
        .contiguous()
        .into_iter()
        .map(cut)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Tuples = BTreeSet<Vec<Code>>;

    fn tuples() -> impl Strategy<Value = Tuples> {
        proptest::collection::btree_set(proptest::collection::vec(0i128..14, 3), 0..60)
    }

    fn set(tuples: &Tuples) -> NdSet {
        let vector = |codes: &Vec<Code>| codes.iter().map(|&code| RangeSet::one(code)).collect();
        NdSet::from_vectors(tuples.iter().map(vector).collect())
    }

    fn by_tuples(a: &NdSet, b: &NdSet, keep: fn(bool, bool) -> bool) -> NdSet {
        NdSet::combine(a.vectors(), b.vectors(), keep)
    }

    proptest! {
        #[test]
        fn folding_keeps_every_tuple_once(a in tuples()) {
            let folded = set(&a);
            prop_assert_eq!(folded.len(), a.len());
            prop_assert_eq!(folded.tuples().collect::<Tuples>(), a);
        }

        #[test]
        fn operations_are_those_of_plain_sets_in_either_way(a in tuples(), b in tuples()) {
            let (x, y) = (set(&a), set(&b));
            let expected = |set: BTreeSet<_>| self::set(&set.into_iter().cloned().collect());
            for (vectors, single, plain) in [
                (x.intersection(&y), by_tuples(&x, &y, |a, b| a && b), expected(a.intersection(&b).collect())),
                (x.difference(&y), by_tuples(&x, &y, |a, b| a && !b), expected(a.difference(&b).collect())),
                (x.symmetric_difference(&y), by_tuples(&x, &y, |a, b| a != b), expected(a.symmetric_difference(&b).collect())),
                (x.union(&y), by_tuples(&x, &y, |a, b| a || b), expected(a.union(&b).collect())),
            ] {
                prop_assert_eq!(&vectors, &plain);
                prop_assert_eq!(&single, &plain);
            }
        }

        #[test]
        fn a_slice_is_the_tuples_at_its_positions(a in tuples(), from in 0usize..70, len in 0usize..70) {
            let whole = set(&a);
            let expected: Tuples = whole.tuples().skip(from).take(len).collect();
            prop_assert_eq!(whole.slice(from, from + len).tuples().collect::<Tuples>(), expected);
        }
    }
}
