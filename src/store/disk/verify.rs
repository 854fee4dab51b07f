//! Walks the audit chain, and compares sealed runs with the roots it holds.

use std::collections::BTreeMap;

use super::journal::Linked;
use super::shared::Shared;
use super::sync::lock;
use crate::store::{AuditBreak, AuditReport, Digest, StoreError, StoreNote, Stream, audit};

/// So many records are read at once.
const PAGE: usize = 10_000;

/// A walk along the chain.
struct Walk {
    report: AuditReport,
    next: u64,
    hash: Digest,
    /// Sealed and not dropped: the note's `seq`, the root, and how many records.
    sealed: BTreeMap<u64, (u64, Digest, u64)>,
}

impl Shared {
    /// See [`crate::store::Store::verify_audit`].
    pub fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        let _guard = lock(&self.admin);
        let mut walk = Walk {
            report: AuditReport::default(),
            next: 0,
            hash: audit::genesis(),
            sealed: BTreeMap::new(),
        };
        loop {
            let page = self.read(Stream::Audit, walk.next, PAGE)?;
            if page.is_empty() {
                break;
            }
            for linked in &page {
                walk.step(linked);
            }
        }
        for (run, (seq, root, records)) in std::mem::take(&mut walk.sealed) {
            walk.report.sealed_runs += 1;
            if let Some(why) = self.check_sealed(run, root, records)? {
                walk.report.breaks.push(AuditBreak { seq, why });
            }
        }
        Ok(walk.report)
    }

    /// The chain hash of one record.
    pub fn audit_hash(&self, seq: u64) -> Result<Option<Digest>, StoreError> {
        let page = self.read(Stream::Audit, seq, 1)?;
        let found = page.first().filter(|linked| linked.record.seq == seq);
        Ok(found.and_then(own_hash))
    }

    /// What is wrong with a sealed run.
    fn check_sealed(
        &self,
        run: u64,
        root: Digest,
        records: u64,
    ) -> Result<Option<String>, StoreError> {
        let found = match self.sealed.computed_root(run) {
            Err(StoreError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::InvalidData =>
            {
                return Ok(Some(format!(
                    "the events of run {run} cannot be read: {source}"
                )));
            }
            other => other?,
        };
        Ok(match found {
            None => Some(format!(
                "the events of run {run} are gone, and nothing dropped it"
            )),
            Some((found, count)) if found != root || count != records => Some(format!(
                "the {count} events of run {run} are not the {records} that were sealed"
            )),
            Some(_) => None,
        })
    }
}

impl Walk {
    fn step(&mut self, linked: &Linked) {
        let record = &linked.record;
        if record.seq != self.next {
            let (from, to) = (self.next, record.seq.saturating_sub(1));
            self.break_at(record.seq, format!("records {from} to {to} are missing"));
        } else if linked.prev != Some(self.hash) {
            let why =
                "it does not follow the record before it: one of them is not what was written";
            self.break_at(record.seq, why.to_owned());
        }
        self.hash = own_hash(linked).unwrap_or(self.hash);
        self.next = record.seq + 1;
        self.report.records += 1;
        self.report.head = Some((record.seq, self.hash));
        match StoreNote::parse(&record.payload) {
            Some(StoreNote::Sealed { run, root, records }) => {
                self.sealed.insert(run, (record.seq, root, records));
            }
            Some(StoreNote::Dropped { run, .. }) => drop(self.sealed.remove(&run)),
            None => {}
        }
    }

    fn break_at(&mut self, seq: u64, why: String) {
        self.report.breaks.push(AuditBreak { seq, why });
    }
}

fn own_hash(linked: &Linked) -> Option<Digest> {
    let record = &linked.record;
    Some(audit::link(
        linked.prev.as_ref()?,
        record.seq,
        &record.payload,
    ))
}
