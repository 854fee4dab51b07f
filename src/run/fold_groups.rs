//! A run's hosts by how they ended and what they wrote; those that have not ended by where they
//! stand.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::event::Finished;
use super::ids::HostIx;
use super::order;
use super::outcome::{Outcome, OutcomeKind};
use super::sign::Sign;
use super::state::{HostState, Phase, Run};

/// Hosts that are alike.
#[derive(Debug, Clone)]
pub struct Alike<'r> {
    /// Where they stand.
    pub sign: Sign,
    /// What they ended with, if they have and an attempt says so: that of the first of them.
    pub last: Option<&'r Finished>,
    /// What tells them from others.
    pub key: Key<'r>,
    /// The hosts, in the order of the run's targets; never empty.
    pub hosts: Vec<HostIx>,
}

/// What tells groups apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key<'r> {
    /// They have not ended.
    Open(Phase),
    /// They ended.
    Ended {
        /// How, in a word.
        kind: OutcomeKind,
        /// How, as the last attempt says.
        outcome: Option<&'r Outcome>,
        /// The step they ended in.
        step: u16,
        /// The digest of what they wrote.
        digest: &'r str,
        /// An output without a digest is like no other.
        alone: Option<HostIx>,
    },
}

/// The groups, in the order of their first hosts.
pub fn alike(run: &Run) -> Vec<Alike<'_>> {
    let mut places: HashMap<Key<'_>, usize> = HashMap::new();
    let mut groups: Vec<Alike<'_>> = Vec::new();
    // Neighbours are often alike.
    let mut before: Option<(Key<'_>, usize)> = None;
    for (ix, state) in run.hosts() {
        let (key, last) = key(ix, state);
        let place = match before {
            Some((known, place)) if known == key => place,
            _ => *places.entry(key).or_insert_with(|| {
                groups.push(Alike {
                    sign: order::sign(state),
                    last,
                    key,
                    hosts: Vec::new(),
                });
                groups.len() - 1
            }),
        };
        before = Some((key, place));
        groups[place].hosts.push(ix);
    }
    groups
}

/// Failures first, the worst of them on top, then most hosts; what has not ended comes last.
pub fn sort(groups: &mut [Alike<'_>]) {
    groups.sort_by_key(|group| {
        let open = matches!(group.key, Key::Open(_));
        let place = match group.sign {
            sign if open => (2, Some(sign)),
            sign if sign.is_bad() => (0, Some(sign)),
            _ => (1, None),
        };
        (
            place,
            Reverse(group.hosts.len()),
            group.hosts.first().copied(),
        )
    });
}

fn key(ix: HostIx, state: &HostState) -> (Key<'_>, Option<&Finished>) {
    let kind = match state.phase {
        Phase::Done(kind) => kind,
        Phase::Ready | Phase::Resting(_) | Phase::InLine => {
            return (Key::Open(Phase::Waiting), None);
        }
        Phase::Held(_) => return (Key::Open(Phase::Held(super::ids::RunId(0))), None),
        open => return (Key::Open(open), None),
    };
    // A host that was left out or cancelled between its steps has an attempt that says otherwise.
    let last = state
        .last
        .as_deref()
        .filter(|last| last.outcome.kind() == kind);
    let key = Key::Ended {
        kind,
        outcome: last.map(|last| &last.outcome),
        step: last.map_or(0, |last| last.step.0),
        digest: last.map_or("", |last| &last.output.digest),
        alone: last.filter(|last| is_alone(last)).map(|_| ix),
    };
    (key, last)
}

fn is_alone(last: &Finished) -> bool {
    last.output.digest.is_empty() && last.output.stdout + last.output.stderr > 0
}
