//! Many names into one set at a cost that does not grow with each name.

use std::collections::BTreeMap;

use super::error::{HostSetError, MAX_HOSTS};
use super::nd::{NdSet, Parts};
use super::pattern::Pattern;
use super::rangeset::{RangeSet, Span};
use super::scan::{Index, Names};
use super::{HostSet, Numbers};

/// The most numbers that hosts with several numbers may have in all when they are combined: that
/// takes them one by one.
const MAX_NUMBERS: usize = 4_000_000;

/// Gathers names and adds them up at the end.
#[derive(Default)]
pub(super) struct Builder {
    patterns: BTreeMap<Pattern, Pending>,
}

enum Pending {
    None,
    One(Vec<Span>),
    Many(Parts),
}

impl Pending {
    fn of(dimensions: usize) -> Self {
        match dimensions {
            0 => Self::None,
            1 => Self::One(Vec::new()),
            _ => Self::Many(Parts::new(dimensions)),
        }
    }

    fn add(&mut self, indexes: &mut Vec<Index>) {
        match self {
            Self::None => {}
            Self::One(spans) => indexes.drain(..).for_each(|index| push_spans(index, spans)),
            Self::Many(parts) => {
                let single = |index: &Index| matches!(index, Index::One(_));
                if indexes.iter().all(single) {
                    parts.add_single(indexes.iter().filter_map(Index::single));
                } else {
                    parts.add(indexes.drain(..).map(Index::into_set).collect());
                }
            }
        }
    }

    fn finish(self) -> Result<Numbers, HostSetError> {
        Ok(match self {
            Self::None => Numbers::None,
            Self::One(spans) => Numbers::One(RangeSet::from_spans(spans)),
            Self::Many(parts) => {
                check_size(parts.len(), parts.dimensions(), parts.is_product())?;
                Numbers::Many(NdSet::from_parts(&parts))
            }
        })
    }
}

fn push_spans(index: Index, spans: &mut Vec<Span>) {
    match index {
        Index::One(code) => spans.push(Span {
            first: code,
            last: code,
        }),
        Index::Set(set) => spans.extend_from_slice(set.spans()),
    }
}

/// Refuses hosts of several numbers that cannot be combined in bounded time and memory.
fn check_size(hosts: usize, dimensions: usize, is_product: bool) -> Result<(), HostSetError> {
    if hosts > MAX_HOSTS {
        return Err(HostSetError::TooMany(format!("{hosts} hosts")));
    }
    if !is_product && hosts.saturating_mul(dimensions) > MAX_NUMBERS {
        return Err(HostSetError::TooManyToCombine { hosts, dimensions });
    }
    Ok(())
}

impl Builder {
    /// Adds the names just read; their numbers are taken out of `names`.
    pub(super) fn add(&mut self, names: &mut Names) {
        if let Some(pending) = self.patterns.get_mut(&names.pattern) {
            pending.add(&mut names.indexes);
        } else {
            let mut pending = Pending::of(names.indexes.len());
            pending.add(&mut names.indexes);
            self.patterns.insert(names.pattern.clone(), pending);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The set of all names added.
    pub(super) fn finish(self) -> Result<HostSet, HostSetError> {
        let finished = |(pattern, pending): (Pattern, Pending)| Ok((pattern, pending.finish()?));
        let patterns = self
            .patterns
            .into_iter()
            .map(finished)
            .collect::<Result<_, HostSetError>>()?;
        HostSet { patterns }.checked()
    }
}

impl HostSet {
    /// Refuses a set that names more hosts than one may have.
    pub(super) fn check(&self) -> Result<(), HostSetError> {
        match self.len() {
            len if len > MAX_HOSTS => Err(HostSetError::TooMany(format!("{len} hosts"))),
            _ => Ok(()),
        }
    }

    /// Refuses to combine two sets that are too large for that.
    pub(super) fn check_with(&self, other: &Self) -> Result<(), HostSetError> {
        for (pattern, ours) in &self.patterns {
            if let (Numbers::Many(ours), Some(Numbers::Many(theirs))) =
                (ours, other.patterns.get(pattern))
            {
                check_size(ours.len().max(theirs.len()), ours.dimensions(), false)?;
            }
        }
        Ok(())
    }

    /// What an operation on the set costs, roughly in steps.
    pub(super) fn weight(&self) -> usize {
        let weight = |numbers: &Numbers| match numbers {
            Numbers::None => 1,
            Numbers::One(set) => set.spans().len(),
            Numbers::Many(set) => 8 * set.len(),
        };
        self.patterns.values().map(weight).sum()
    }

    /// The set itself, if it passes [`Self::check`].
    pub(super) fn checked(self) -> Result<Self, HostSetError> {
        self.check().map(|()| self)
    }
}
