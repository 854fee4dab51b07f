//! [`Store`] for [`SimStore`].

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::SimStore;
use super::model::Op;
use crate::run::output::OutStream;
use crate::store::page::OutputKey;
use crate::store::{
    Append, AuditHead, AuditReport, Chunk, Digest, Durability, Health, Lsn, OutputCursor,
    OutputPage, Record, Store, StoreError, StoreNote, Stream, Versioned, limits,
};

impl Store for SimStore {
    fn append(&self, records: Vec<Append>) -> Result<Lsn, StoreError> {
        limits::check_append(&records)?;
        let mut state = self.lock();
        state.admit()?;
        let records = state.number(records)?;
        if !records.is_empty() {
            state.write(Op::Records(records));
        }
        Ok(state.appended())
    }

    fn durability(&self) -> watch::Receiver<Durability> {
        self.lock().durability.subscribe()
    }

    fn read(&self, stream: Stream, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let records = state.current.stream(stream);
        let start = records.partition_point(|record| record.seq < from_seq);
        Ok(records[start..].iter().take(limit).cloned().collect())
    }

    fn live_runs(&self) -> Result<Vec<u64>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let runs = state
            .current
            .streams
            .keys()
            .filter_map(|stream| match stream {
                Stream::Run(run) if !state.current.sealed.contains_key(run) => Some(*run),
                _ => None,
            });
        Ok(runs.collect())
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        let mut state = self.lock();
        state.admit()?;
        state.write(Op::Blob(digest, Bytes::copy_from_slice(bytes)));
        Ok(digest)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        Ok(state.current.blobs.get(digest).cloned())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        Ok(state.current.kv.get(key).cloned())
    }

    fn put(&self, key: &[u8], value: Option<&[u8]>) -> Result<Lsn, StoreError> {
        self.put_if(key, value, |_| true)
    }

    fn compare_and_set(
        &self,
        key: &[u8],
        expect: Option<u64>,
        value: Option<&[u8]>,
    ) -> Result<Lsn, StoreError> {
        self.put_if(key, value, |actual| actual == expect)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Versioned)>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let found = state
            .current
            .kv
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after));
        Ok(found
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn watch(&self, prefix: &[u8]) -> mpsc::Receiver<Vec<u8>> {
        self.lock().watchers.add(prefix)
    }

    fn append_output(&self, run: u64, chunk: Chunk) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut state = self.lock();
        let result = state.admit().and_then(|()| state.output(run, chunk));
        Box::pin(std::future::ready(result))
    }

    fn read_output(
        &self,
        run: u64,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let output = state.current.outputs.get(&run);
        Ok(output.map_or_else(|| empty_page(from), |output| output.page(from, max_bytes)))
    }

    fn read_host_output(
        &self,
        run: u64,
        host: u32,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let output = state.current.outputs.get(&run);
        Ok(output.map_or_else(
            || empty_page(from),
            |output| output.host_page(host, from, max_bytes),
        ))
    }

    fn output_extent(
        &self,
        run: u64,
        host: u32,
        step: u16,
        attempt: u32,
    ) -> Result<(u64, u64), StoreError> {
        let state = self.lock();
        state.check_open()?;
        let Some(output) = state.current.outputs.get(&run) else {
            return Ok((0, 0));
        };
        let [stdout, stderr] = OutStream::ALL.map(|stream| {
            let key = OutputKey {
                host,
                step,
                attempt,
                stream,
            };
            output.ends.get(&key).copied().unwrap_or(0)
        });
        Ok((stdout, stderr))
    }

    fn output_changed(&self, run: u64) -> watch::Receiver<u64> {
        self.lock().changed(run).subscribe()
    }

    fn seal(&self, run: u64) -> Result<Digest, StoreError> {
        let mut state = self.lock();
        state.admit()?;
        let root = state.seal(run)?;
        state.sync_to(Lsn::MAX);
        state.admit()?;
        Ok(root)
    }

    fn drop_run(&self, run: u64, policy: &str) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.admit()?;
        let (root, _) = state
            .current
            .root(run)
            .ok_or(StoreError::UnknownRun { run })?;
        state.note(&StoreNote::Dropped {
            run,
            root,
            policy: policy.to_owned(),
        });
        state.write(Op::Drop(run));
        state.sync_to(Lsn::MAX);
        state.admit()
    }

    fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let chain = state.current.audit_chain();
        let records = chain.len() as u64;
        Ok(AuditReport {
            records,
            head: chain.last().map(|hash| (records - 1, *hash)),
            sealed_runs: state.current.noted_seals().len() as u64,
            breaks: Vec::new(),
        })
    }

    fn audit_hash(&self, seq: u64) -> Result<Option<Digest>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        Ok(state.current.audit_chain().get(seq as usize).copied())
    }

    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        let state = self.lock();
        state.check_open()?;
        let chain = state.current.audit_chain();
        Ok(chain.last().map(|hash| AuditHead {
            seq: chain.len() as u64 - 1,
            hash: *hash,
            lsn: state.current.last_lsn,
        }))
    }

    fn health(&self) -> Health {
        let state = self.lock();
        let durability = state.durability.borrow().clone();
        Health {
            space: state.space,
            appended_lsn: state.current.last_lsn,
            durable_lsn: durability.lsn,
            indexed_lsn: durability.lsn,
            failed: durability.failed,
            ..Health::default()
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.sync_to(Lsn::MAX);
        state.closed = true;
        match state.failed() {
            Some(reason) => Err(StoreError::Failed { reason }),
            None => Ok(()),
        }
    }
}

impl SimStore {
    fn put_if(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        allowed: impl Fn(Option<u64>) -> bool,
    ) -> Result<Lsn, StoreError> {
        limits::check_put(key, value)?;
        let mut state = self.lock();
        state.admit()?;
        let actual = state.current.kv.get(key).map(|versioned| versioned.version);
        if !allowed(actual) {
            return Err(StoreError::Conflict { actual });
        }
        let lsn = state.current.last_lsn + 1;
        let value = value.map(Bytes::copy_from_slice);
        state.write(Op::Put {
            lsn,
            key: key.to_owned(),
            value,
        });
        Ok(state.appended())
    }
}

fn empty_page(from: OutputCursor) -> OutputPage {
    OutputPage {
        chunks: Vec::new(),
        next: from,
        end: true,
    }
}
