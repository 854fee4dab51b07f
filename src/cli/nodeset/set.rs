//! What the command computes with: hosts, or bare numbers with `-R`.

use crate::cli::io::CommandError;
use crate::inventory::hostset::{FoldStyle, Groups, HostSet, RangeSet};

/// A set of either kind; both kinds never meet in one call.
#[derive(Debug, Clone)]
pub(super) enum Set {
    Hosts(HostSet),
    Numbers(RangeSet),
}

/// An operation on two sets.
pub(super) type Operator = fn(&Set, &Set) -> Set;

impl Set {
    pub(super) fn empty(numbers: bool) -> Self {
        if numbers {
            Self::Numbers(RangeSet::default())
        } else {
            Self::Hosts(HostSet::new())
        }
    }

    /// A set of the same kind, from text.
    pub(super) fn parse(&self, text: &str, groups: &dyn Groups) -> Result<Self, CommandError> {
        Ok(match self {
            Self::Hosts(_) => Self::Hosts(HostSet::parse(text, groups)?),
            Self::Numbers(_) => Self::Numbers(RangeSet::parse(text)?),
        })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Hosts(set) => set.len(),
            Self::Numbers(set) => set.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        self.join(other, HostSet::union, RangeSet::union)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.join(other, HostSet::intersection, RangeSet::intersection)
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        self.join(other, HostSet::difference, RangeSet::difference)
    }

    pub(super) fn symmetric_difference(&self, other: &Self) -> Self {
        self.join(
            other,
            HostSet::symmetric_difference,
            RangeSet::symmetric_difference,
        )
    }

    fn join(
        &self,
        other: &Self,
        hosts: fn(&HostSet, &HostSet) -> HostSet,
        numbers: fn(&RangeSet, &RangeSet) -> RangeSet,
    ) -> Self {
        match (self, other) {
            (Self::Hosts(a), Self::Hosts(b)) => Self::Hosts(hosts(a, b)),
            (Self::Numbers(a), Self::Numbers(b)) => Self::Numbers(numbers(a, b)),
            (one, _) => one.clone(),
        }
    }

    pub(super) fn names(&self) -> Box<dyn Iterator<Item = String> + '_> {
        match self {
            Self::Hosts(set) => Box::new(set.iter()),
            Self::Numbers(set) => Box::new(set.iter()),
        }
    }

    pub(super) fn fold(&self, style: &FoldStyle) -> String {
        match self {
            Self::Hosts(set) => set.fold_as(style),
            Self::Numbers(set) => set.fold(style.autostep),
        }
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> Self {
        match self {
            Self::Hosts(set) => Self::Hosts(set.slice(from, to)),
            Self::Numbers(set) => Self::Numbers(set.slice(from, to)),
        }
    }

    pub(super) fn split(&self, shares: usize) -> Vec<Self> {
        match self {
            Self::Hosts(set) => set.split(shares).into_iter().map(Self::Hosts).collect(),
            Self::Numbers(set) => set.split(shares).into_iter().map(Self::Numbers).collect(),
        }
    }

    pub(super) fn contiguous(&self) -> Vec<Self> {
        match self {
            Self::Hosts(set) => set.contiguous().into_iter().map(Self::Hosts).collect(),
            Self::Numbers(set) => set.contiguous().into_iter().map(Self::Numbers).collect(),
        }
    }

    pub(super) fn pick(&self, count: usize, below: &mut dyn FnMut(usize) -> usize) -> Self {
        match self {
            Self::Hosts(set) => Self::Hosts(set.pick(count, below)),
            Self::Numbers(set) => Self::Numbers(set.pick(count, below)),
        }
    }
}
