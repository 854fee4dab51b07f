//! [`Store`] for [`DiskStore`].

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::DiskStore;
use super::journal::Front;
use super::kv::stored_key;
use crate::store::{
    Append, AuditHead, AuditReport, Chunk, Digest, Durability, Health, Lsn, OutputCursor,
    OutputPage, Record, Store, StoreError, Stream, Versioned, limits,
};

impl Store for DiskStore {
    fn append(&self, records: Vec<Append>) -> Result<Lsn, StoreError> {
        let outputs = &self.shared.outputs;
        let runs = records.iter().filter_map(|record| match record.stream {
            Stream::Run(run) => outputs.barrier(run),
            Stream::Audit | Stream::Engine => None,
        });
        let barriers = runs.collect();
        self.shared.journal.append(records, barriers)
    }

    fn durability(&self) -> watch::Receiver<Durability> {
        self.shared.journal.durability()
    }

    fn read(&self, stream: Stream, from_seq: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.check_open()?;
        let linked = self.shared.read(stream, from_seq, limit)?;
        Ok(linked.into_iter().map(|found| found.record).collect())
    }

    fn live_runs(&self) -> Result<Vec<u64>, StoreError> {
        self.check_open()?;
        Ok(self.shared.journal.live_runs())
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.shared.put_blob(bytes)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.check_open()?;
        self.shared.blob(digest)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        self.check_open()?;
        self.shared.value(&stored_key(key))
    }

    fn put(&self, key: &[u8], value: Option<&[u8]>) -> Result<Lsn, StoreError> {
        limits::check_put(key, value)?;
        self.shared.put_value(stored_key(key), value)
    }

    fn compare_and_set(
        &self,
        key: &[u8],
        expect: Option<u64>,
        value: Option<&[u8]>,
    ) -> Result<Lsn, StoreError> {
        self.check_open()?;
        self.shared.put_if(key, expect, value)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Versioned)>, StoreError> {
        self.check_open()?;
        self.shared.scan_values(prefix, after, limit)
    }

    fn watch(&self, prefix: &[u8]) -> mpsc::Receiver<Vec<u8>> {
        self.shared.journal.watch(prefix)
    }

    fn append_output(&self, run: u64, chunk: Chunk) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.shared.journal.look(Front::check_writing)?;
            let stored = self.shared.outputs.append(run, chunk).await;
            // A queue that was closed says why.
            stored.or_else(|error| {
                self.shared
                    .journal
                    .look(Front::check_writing)
                    .and(Err(error))
            })
        })
    }

    fn read_output(
        &self,
        run: u64,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError> {
        self.check_open()?;
        self.shared.outputs.page(run, from, max_bytes)
    }

    fn read_host_output(
        &self,
        run: u64,
        host: u32,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError> {
        self.check_open()?;
        self.shared.outputs.host_page(run, host, from, max_bytes)
    }

    fn output_extent(
        &self,
        run: u64,
        host: u32,
        step: u16,
        attempt: u32,
    ) -> Result<(u64, u64), StoreError> {
        self.check_open()?;
        self.shared.outputs.extent(run, host, step, attempt)
    }

    fn output_changed(&self, run: u64) -> watch::Receiver<u64> {
        match self.shared.outputs.awaitable(run) {
            Ok(run_out) => run_out.changed.subscribe(),
            // Whoever reads will be told what is wrong; there is nothing to wait for.
            Err(_) => watch::channel(0).1,
        }
    }

    fn seal(&self, run: u64) -> Result<Digest, StoreError> {
        self.shared.seal(run)
    }

    fn drop_run(&self, run: u64, policy: &str) -> Result<(), StoreError> {
        self.shared.drop_run(run, policy)
    }

    fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        self.check_open()?;
        self.shared.verify_audit()
    }

    fn audit_hash(&self, seq: u64) -> Result<Option<Digest>, StoreError> {
        self.check_open()?;
        self.shared.audit_hash(seq)
    }

    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        self.shared.journal.look(|front| {
            front.check_open()?;
            Ok(front.audit_end())
        })
    }

    fn health(&self) -> Health {
        self.shared.health()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.end();
        match self.shared.journal.look(|front| front.failed.clone()) {
            Some(reason) => Err(StoreError::Failed { reason }),
            None => Ok(()),
        }
    }
}
