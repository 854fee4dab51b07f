//! Host sets in `ClusterShell`'s notation: `web[01-20],@db!web07`.
//!
//! A set holds each host once, folds back to the shortest text and is printed in the order and with
//! the text that `ClusterShell` uses. A host's name is its fixed text (the pattern) and its numbers;
//! sets of numbers are kept as ranges, so that a hundred thousand hosts cost as much as one.
//!
//! Pure: groups are asked of the caller through [`Groups`], chance comes in as an argument.

mod build;
mod digits;
mod error;
mod evaluate;
mod fold;
mod fold_ranges;
mod groups;
pub mod groupsconf;
mod nd;
mod parse_ranges;
mod part;
mod pattern;
mod rangeset;
mod regroup;
mod scan;

use std::collections::BTreeMap;
use std::fmt;

pub use error::{HostSetError, MAX_HOSTS, Problem};
pub use evaluate::all_hosts;
pub use fold::FoldStyle;
pub use groups::{GroupError, Groups, NoGroups, WithDefault};
pub use rangeset::RangeSet;
pub use regroup::{GroupMatch, group_names};

use digits::Code;
use nd::NdSet;
use pattern::Pattern;
use scan::{Index, Names};

/// A set of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSet {
    patterns: BTreeMap<Pattern, Numbers>,
}

/// The numbers of all hosts of one pattern; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Numbers {
    /// The pattern has no number: it is one host.
    None,
    One(RangeSet),
    Many(NdSet),
}

impl HostSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the notation, operators left to right, groups and wildcards through `groups`.
    pub fn parse(text: &str, groups: &dyn Groups) -> Result<Self, HostSetError> {
        evaluate::parse(text, groups)
    }

    /// The set of plain names; nothing in them is notation.
    pub fn from_names<I>(names: I) -> Result<Self, HostSetError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut builder = build::Builder::default();
        let mut scratch = Names::default();
        for name in names {
            let name = name.as_ref().trim();
            if !name.is_empty() {
                scratch.read_plain(name);
                builder.add(&mut scratch);
            }
        }
        builder.finish()
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.patterns
            .values()
            .fold(0, |sum, numbers| sum.saturating_add(numbers.len()))
    }

    /// Whether there is no host.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a host of this name is in the set.
    pub fn contains(&self, name: &str) -> bool {
        let mut names = Names::default();
        names.read_plain(name.trim());
        let codes: Vec<Code> = names.indexes.iter().filter_map(Index::single).collect();
        self.patterns
            .get(&names.pattern)
            .is_some_and(|numbers| numbers.contains(&codes))
    }

    /// Whether every host of the other set is in this one.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.len() <= self.len() && other.difference(self).is_empty()
    }

    /// The names of all hosts, in order.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.patterns
            .iter()
            .flat_map(|(pattern, numbers)| numbers.names(pattern))
    }

    /// The first host's name.
    pub fn first(&self) -> Option<String> {
        self.iter().next()
    }

    /// The hosts in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.extend(other);
        union
    }

    /// Adds the other set's hosts.
    pub fn extend(&mut self, other: &Self) {
        for (pattern, theirs) in &other.patterns {
            match self.patterns.get_mut(pattern) {
                Some(ours) => *ours = ours.union(theirs),
                None => {
                    self.patterns.insert(pattern.clone(), theirs.clone());
                }
            }
        }
    }

    /// The hosts in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let both = self.patterns.iter().filter_map(|(pattern, ours)| {
            let both = ours.intersection(other.patterns.get(pattern)?)?;
            Some((pattern.clone(), both))
        });
        Self {
            patterns: both.collect(),
        }
    }

    /// The hosts in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let rest = self.patterns.iter().filter_map(|(pattern, ours)| {
            let rest = match other.patterns.get(pattern) {
                Some(theirs) => ours.difference(theirs)?,
                None => ours.clone(),
            };
            Some((pattern.clone(), rest))
        });
        Self {
            patterns: rest.collect(),
        }
    }

    /// The hosts in exactly one of the sets.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        let theirs = other
            .patterns
            .iter()
            .filter(|(pattern, _)| !self.patterns.contains_key(*pattern));
        let ours = self.patterns.iter().filter_map(|(pattern, ours)| {
            let rest = match other.patterns.get(pattern) {
                Some(theirs) => ours.symmetric_difference(theirs)?,
                None => ours.clone(),
            };
            Some((pattern.clone(), rest))
        });
        let theirs = theirs.map(|(pattern, numbers)| (pattern.clone(), numbers.clone()));
        Self {
            patterns: ours.chain(theirs).collect(),
        }
    }
}

impl fmt::Display for HostSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fold())
    }
}

/// Only sets of the same kind meet: the pattern tells how many numbers there are.
impl Numbers {
    fn len(&self) -> usize {
        match self {
            Self::None => 1,
            Self::One(set) => set.len(),
            Self::Many(set) => set.len(),
        }
    }

    fn contains(&self, codes: &[Code]) -> bool {
        match (self, codes) {
            (Self::None, []) => true,
            (Self::One(set), [code]) => set.contains(*code),
            (Self::Many(set), codes) => set.contains(codes),
            _ => false,
        }
    }

    fn names(&self, pattern: &Pattern) -> Box<dyn Iterator<Item = String> + '_> {
        let pieces = pattern.pieces();
        match self {
            Self::None => Box::new(std::iter::once(pieces.name(&[]))),
            Self::One(set) => Box::new(set.codes().map(move |code| pieces.name(&[code]))),
            Self::Many(set) => Box::new(set.tuples().map(move |codes| pieces.name(&codes))),
        }
    }

    fn of(set: RangeSet) -> Option<Self> {
        (!set.is_empty()).then_some(Self::One(set))
    }

    fn of_many(set: NdSet) -> Option<Self> {
        (!set.is_empty()).then_some(Self::Many(set))
    }

    fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Self::One(a.union(b)),
            (Self::Many(a), Self::Many(b)) => Self::Many(a.union(b)),
            _ => Self::None,
        }
    }

    fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Self::of(a.intersection(b)),
            (Self::Many(a), Self::Many(b)) => Self::of_many(a.intersection(b)),
            _ => Some(Self::None),
        }
    }

    fn difference(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Self::of(a.difference(b)),
            (Self::Many(a), Self::Many(b)) => Self::of_many(a.difference(b)),
            _ => None,
        }
    }

    fn symmetric_difference(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Self::of(a.symmetric_difference(b)),
            (Self::Many(a), Self::Many(b)) => Self::of_many(a.symmetric_difference(b)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
