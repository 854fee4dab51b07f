//! Which runs there are, kept by number: their lines are read when they are shown.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::engine::history::{self, LINE_PREFIX};
use crate::run::ids::RunId;
use crate::store::{Store, StoreError, WATCH_BOUND};
use crate::wire::view::RunLine;

/// Keys read at once.
const PAGE: usize = 4096;
/// Lines that are read for one that is shown: most of them may be of parts.
const READ: usize = 4;

/// The numbers of all runs that have a line in the list. Read whole at the first question; from
/// then on the store says which lines changed.
pub(super) struct RunList(Mutex<State>);

struct State {
    changed: mpsc::Receiver<Vec<u8>>,
    known: Option<BTreeSet<RunId>>,
}

/// The newest runs of the list.
pub(super) struct Newest {
    pub lines: Vec<RunLine>,
    /// Runs in the list, those left out not counted.
    pub total: u64,
}

impl RunList {
    /// The list of this store.
    pub fn new(store: &dyn Store) -> Self {
        Self(Mutex::new(State {
            changed: store.watch(LINE_PREFIX),
            known: None,
        }))
    }

    /// At most `most` lines, newest first, without the runs `but`; and as many of runs that are part
    /// of others.
    pub fn newest(
        &self,
        store: &dyn Store,
        but: &BTreeSet<RunId>,
        most: usize,
    ) -> Result<Newest, StoreError> {
        let (wanted, total) = {
            // A panic elsewhere leaves the list as it was.
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = state.update(store)?;
            let wanted: Vec<RunId> = known
                .iter()
                .rev()
                .filter(|run| !but.contains(run))
                .take(most.saturating_mul(READ))
                .copied()
                .collect();
            let left_out = but.iter().filter(|run| known.contains(run)).count();
            (wanted, known.len().saturating_sub(left_out) as u64)
        };
        let mut lines = Vec::with_capacity(wanted.len());
        let mut alone = 0;
        for run in wanted {
            let line = history::line(store, run)?;
            alone += usize::from(line.as_ref().is_some_and(|line| line.part_of.is_none()));
            lines.extend(line);
            if alone == most {
                break;
            }
        }
        bound(&mut lines, most);
        Ok(Newest { lines, total })
    }
}

/// Keeps the first `most` runs that are part of no other, and as many parts.
pub(super) fn bound(lines: &mut Vec<RunLine>, most: usize) {
    let (mut alone, mut parts) = (0, 0);
    lines.retain(|line| {
        let number = if line.part_of.is_some() {
            &mut parts
        } else {
            &mut alone
        };
        *number += 1;
        *number <= most
    });
}

impl State {
    fn update(&mut self, store: &dyn Store) -> Result<&BTreeSet<RunId>, StoreError> {
        let mut known = self.known.take();
        if self.changed.len() >= WATCH_BOUND {
            // More may have changed than there was room to tell.
            known = None;
        }
        while let Ok(key) = self.changed.try_recv() {
            match (&mut known, run_of(&key)) {
                (Some(known), Some(run)) if store.get(&key)?.is_some() => drop(known.insert(run)),
                (Some(known), Some(run)) => drop(known.remove(&run)),
                // Changes were missed: everything is read again.
                (_, None) => known = None,
                (None, Some(_)) => {}
            }
        }
        let known = match known {
            Some(known) => known,
            None => all(store)?,
        };
        Ok(self.known.insert(known))
    }
}

fn all(store: &dyn Store) -> Result<BTreeSet<RunId>, StoreError> {
    let mut runs = BTreeSet::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.scan(LINE_PREFIX, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(runs);
        };
        after = Some(last.clone());
        runs.extend(page.iter().filter_map(|(key, _)| run_of(key)));
    }
}

fn run_of(key: &[u8]) -> Option<RunId> {
    let number = key.strip_prefix(LINE_PREFIX)?;
    number.try_into().ok().map(u64::from_be_bytes).map(RunId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sim::{SimStore, Syncing};

    fn numbers(list: &RunList, store: &dyn Store, most: usize) -> (Vec<u64>, u64) {
        let newest = list
            .newest(store, &BTreeSet::from([RunId(2)]), most)
            .unwrap();
        let runs = newest.lines.iter().map(|line| line.run.0).collect();
        (runs, newest.total)
    }

    fn write(store: &dyn Store, run: u64) {
        let line = RunLine {
            run: RunId(run),
            kind: String::new(),
            title: String::new(),
            targets: String::new(),
            state: String::new(),
            waits_for: None,
            starter: String::new(),
            holder: None,
            created: crate::run::ids::At(0),
            ended: None,
            tally: crate::run::tally::Tally::default(),
            acked: None,
            part_of: None,
            whole: None,
            stand: None,
        };
        let value = crate::engine::audit::encode(&line);
        store
            .put(&history::line_key(RunId(run)), Some(&value))
            .unwrap();
    }

    #[test]
    fn the_list_follows_what_is_written_removed_and_missed() {
        let store = SimStore::new(Syncing::Automatic);
        let store = store.as_ref();
        (1..=3).for_each(|run| write(store, run));
        let list = RunList::new(store);
        assert_eq!(numbers(&list, store, 9), (vec![3, 1], 2));
        write(store, 300);
        store.put(&history::line_key(RunId(1)), None).unwrap();
        assert_eq!(numbers(&list, store, 9), (vec![300, 3], 2));
        assert_eq!(numbers(&list, store, 1), (vec![300], 2));
        let many = WATCH_BOUND as u64 + 500;
        (1000..1000 + many).for_each(|run| write(store, run));
        assert_eq!(numbers(&list, store, 1), (vec![999 + many], 2 + many));
    }
}
