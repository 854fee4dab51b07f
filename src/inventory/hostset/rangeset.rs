//! A set of indexes: one dimension of a host set.
//!
//! Kept as sorted spans of [`Code`]s, so that `node[1-100000]` costs as much as `node1`. Spans never
//! touch or overlap, hence two equal sets have equal spans.

use super::digits::{self, Code};

/// An unbroken run of codes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Span {
    pub first: Code,
    pub last: Code,
}

impl Span {
    fn len(self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(usize::MAX)
    }
}

/// A set of indexes with `ClusterShell`'s range notation (`1-5,08-10,20-30/5`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RangeSet {
    spans: Vec<Span>,
}

impl RangeSet {
    /// The set of one index.
    pub(super) fn one(code: Code) -> Self {
        Self {
            spans: vec![Span {
                first: code,
                last: code,
            }],
        }
    }

    /// The set of all codes in some spans, given in any order.
    pub(super) fn from_spans(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        spans.dedup_by(|next, kept| {
            let joins = next.first <= kept.last + 1;
            if joins {
                kept.last = kept.last.max(next.last);
            }
            joins
        });
        Self { spans }
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How many indexes there are.
    pub fn len(&self) -> usize {
        self.spans
            .iter()
            .fold(0, |sum, span| sum.saturating_add(span.len()))
    }

    /// Whether there is no index.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn first(&self) -> Option<Code> {
        self.spans.first().map(|span| span.first)
    }

    pub(super) fn last(&self) -> Option<Code> {
        self.spans.last().map(|span| span.last)
    }

    pub(super) fn contains(&self, code: Code) -> bool {
        let after = self.spans.partition_point(|span| span.first <= code);
        after > 0 && code <= self.spans[after - 1].last
    }

    /// All codes, in order.
    pub(super) fn codes(&self) -> impl Iterator<Item = Code> + '_ {
        self.spans.iter().flat_map(|span| span.first..=span.last)
    }

    /// All indexes as text, in order: negative ones, then by length, then by value.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.codes().map(digits::text)
    }

    /// The indexes in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_spans(self.spans.iter().chain(&other.spans).copied().collect())
    }

    /// The indexes in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.spans.iter().peekable(), other.spans.iter().peekable());
        let mut spans = Vec::new();
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            let both = Span {
                first: a.first.max(b.first),
                last: a.last.min(b.last),
            };
            if both.first <= both.last {
                spans.push(both);
            }
            if a.last < b.last {
                left.next()
            } else {
                right.next()
            };
        }
        Self { spans }
    }

    /// The indexes in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut spans = Vec::new();
        let mut cuts = other.spans.iter().peekable();
        for &span in &self.spans {
            let mut first = span.first;
            while let Some(cut) = cuts.next_if(|cut| cut.last < span.last) {
                if cut.last < first {
                    continue;
                }
                if first < cut.first {
                    spans.push(Span {
                        first,
                        last: cut.first - 1,
                    });
                }
                first = cut.last + 1;
            }
            match cuts.peek() {
                Some(cut) if cut.first <= span.last => {
                    if first < cut.first {
                        spans.push(Span {
                            first,
                            last: cut.first - 1,
                        });
                    }
                }
                _ => spans.push(Span {
                    first,
                    last: span.last,
                }),
            }
        }
        Self { spans }
    }

    /// The indexes in exactly one of the sets.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        self.difference(other).union(&other.difference(self))
    }

    /// The indexes at positions `from..to` of the order.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let mut spans = Vec::new();
        let mut position = 0usize;
        for span in &self.spans {
            if position >= to {
                break;
            }
            let end = position.saturating_add(span.len());
            let (start, stop) = (from.max(position), to.min(end));
            if start < stop {
                let offset = |at: usize| span.first + (at - position) as Code;
                spans.push(Span {
                    first: offset(start),
                    last: offset(stop - 1),
                });
            }
            position = end;
        }
        Self { spans }
    }

    /// The parts of one length of digits each, in order: spans that can cross from `9` to `00` are cut.
    pub(super) fn segments(&self) -> impl Iterator<Item = Span> + '_ {
        self.spans.iter().flat_map(|&span| {
            let mut rest = Some(span);
            std::iter::from_fn(move || {
                let Span { first, last } = rest?;
                let end = digits::last_of_width(first).min(last);
                rest = (end < last).then_some(Span {
                    first: end + 1,
                    last,
                });
                Some(Span { first, last: end })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn small_set() -> impl Strategy<Value = BTreeSet<Code>> {
        proptest::collection::btree_set(-15i128..130, 0..40)
    }

    fn ranges(set: &BTreeSet<Code>) -> RangeSet {
        RangeSet::from_spans(set.iter().map(|&c| Span { first: c, last: c }).collect())
    }

    proptest! {
        #[test]
        fn operations_are_those_of_plain_sets(a in small_set(), b in small_set()) {
            let (x, y) = (ranges(&a), ranges(&b));
            prop_assert_eq!(x.union(&y), ranges(&a.union(&b).copied().collect()));
            prop_assert_eq!(x.intersection(&y), ranges(&a.intersection(&b).copied().collect()));
            prop_assert_eq!(x.difference(&y), ranges(&a.difference(&b).copied().collect()));
            prop_assert_eq!(x.symmetric_difference(&y), ranges(&a.symmetric_difference(&b).copied().collect()));
            prop_assert_eq!(x.len(), a.len());
            prop_assert!((-15..130).all(|code| x.contains(code) == a.contains(&code)));
        }

        #[test]
        fn a_slice_is_the_elements_at_its_positions(a in small_set(), from in 0usize..50, len in 0usize..50) {
            let expected: BTreeSet<Code> = a.iter().copied().skip(from).take(len).collect();
            prop_assert_eq!(ranges(&a).slice(from, from + len), ranges(&expected));
        }
    }
}
