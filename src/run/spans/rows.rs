//! The time of a whole run in as many rows as a person can look at, whatever its size.

use std::collections::BTreeMap;

use super::groups::Groups;
use super::work::Work;
use super::{Span, SpanKind, Stretches};
use crate::run::event::{Cut, Event};
use crate::run::spec::RunSpec;

/// Rows that are told, at most.
const MOST: usize = 2_000;
/// What a group of batches stood still for is told by its longest, not each time.
const MOST_STILL: usize = 8;

/// The rows of a run whose batches are these, batch by batch, each with what was in it in the order
/// in which it began.
pub fn rows(spec: &RunSpec, cuts: &[Cut], events: &[Event]) -> Vec<Span> {
    let groups = Groups::of(cuts);
    let mut stretches = Stretches::default();
    let mut work = Work::new(spec, &groups);
    for event in events {
        stretches.apply(spec, event);
        work.apply(event);
    }
    let mut told: BTreeMap<u32, Group> = BTreeMap::new();
    for (group, span) in work.rows() {
        told.entry(group).or_default().work.push(span);
    }
    // Batches and gates are told by what came out of them already.
    let is_told = |span: &Span| !matches!(span.kind, SpanKind::Batch | SpanKind::Gate);
    for span in stretches.spans().iter().filter(|span| is_told(span)) {
        let group = groups.of_batch(span.batches.0);
        let span = Span {
            batches: groups.batches(group),
            ..span.clone()
        };
        let known = told.entry(group).or_default();
        if span.kind.is_work() {
            known.work.push(span);
        } else {
            known.still.push(span);
        }
    }
    let mut rows: Vec<Span> = told.into_values().flat_map(Group::rows).collect();
    rows.truncate(MOST);
    rows
}

/// What is told of a group of batches.
#[derive(Default)]
struct Group {
    work: Vec<Span>,
    still: Vec<Span>,
}

impl Group {
    fn rows(self) -> Vec<Span> {
        let Self {
            mut work,
            mut still,
        } = self;
        let length = |span: &Span| span.to.map_or(u64::MAX, |to| to.since(span.from));
        still.sort_by_key(|span| std::cmp::Reverse(length(span)));
        still.truncate(MOST_STILL);
        work.extend(still);
        work.sort_by_key(|span| (span.kind > SpanKind::Batch, span.from, span.kind));
        work
    }
}
