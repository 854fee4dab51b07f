//! The engine about itself, and its end.

use std::collections::BTreeMap;

use super::{Control, Session};
use crate::engine::audit::AuditRecord;
use crate::engine::core::Core;
use crate::engine::{doctor, now};
use crate::run::roles::Authority;
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::EngineStatus;

/// What the engine has to do.
pub(super) struct Work {
    /// Runs that have not ended.
    runs: usize,
    /// Tasks in flight.
    tasks: usize,
    stopping: bool,
}

/// What the core has to do now.
pub(super) fn work(core: &Core) -> Work {
    Work {
        runs: core.live().filter(|live| live.run.ended.is_none()).count(),
        tasks: core.task_count(),
        stopping: core.is_draining(),
    }
}

impl Session {
    pub(super) async fn status(&self, authority: &Authority) -> Result<Reply, Fault> {
        let work = self.server.inbox.look(work).await?;
        Ok(Reply::Status(Box::new(
            self.engine_status(&work, authority),
        )))
    }

    /// The engine with this much to do.
    pub(super) fn engine_status(&self, work: &Work, authority: &Authority) -> EngineStatus {
        let server = &self.server;
        let health = server.parts.store.health();
        let store = BTreeMap::from([
            ("journal".to_owned(), health.journal_bytes),
            ("sealed".to_owned(), health.sealed_bytes),
            ("output".to_owned(), health.segment_bytes),
            ("blobs".to_owned(), health.blob_bytes),
            ("index".to_owned(), health.index_bytes),
            ("free".to_owned(), health.free_bytes),
        ]);
        EngineStatus {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: server.process.started.elapsed().as_secs_f64(),
            runs: u32::try_from(work.runs).unwrap_or(u32::MAX),
            tasks: u32::try_from(work.tasks).unwrap_or(u32::MAX),
            clients: u32::try_from(server.clients.count()).unwrap_or(u32::MAX),
            people: server.clients.people(),
            connections: u32::try_from(server.parts.ssh.stats().open).unwrap_or(u32::MAX),
            memory: doctor::resident_bytes(),
            store,
            space: doctor::space_word(health.space).to_owned(),
            notes: health.notes.iter().map(|note| note.text.clone()).collect(),
            state_dir: server.process.state_dir.clone(),
            stopping: work.stopping,
            typed: server.parts.secrets.typed_for(),
            role: authority.role(),
        }
    }

    pub(super) async fn stop(&self, now: bool) -> Result<Reply, Fault> {
        self.put_on_record("stop", "the engine").await;
        if !now {
            self.server.inbox.drain().await?;
        }
        self.control(Control::Stop).await
    }

    pub(super) async fn upgrade(&self, program: Option<String>) -> Result<Reply, Fault> {
        let to = program.as_deref().unwrap_or("its own program");
        self.put_on_record("upgrade", &format!("the engine, to {to}"))
            .await;
        self.server.inbox.drain().await?;
        self.control(Control::Upgrade(program)).await
    }

    async fn control(&self, control: Control) -> Result<Reply, Fault> {
        tracing::info!(?control, by = self.person.name, "asked to end");
        self.server
            .control
            .send(control)
            .await
            .map_err(|_| Fault::engine("the engine is ending already"))?;
        Ok(Reply::Done)
    }

    pub(super) async fn doctor(&self) -> Result<Reply, Fault> {
        let clients = self.server.clients.clone();
        self.blocking(move |parts| Ok(Reply::Findings(doctor::examine(parts, &clients))))
            .await
    }

    /// Writes down who did something to the engine itself. An engine that cannot write any more can
    /// still be stopped.
    async fn put_on_record(&self, act: &str, text: &str) {
        let record = AuditRecord {
            at: now(),
            by: self.person.name.clone(),
            act: act.to_owned(),
            run: None,
            text: text.to_owned(),
        };
        let appended = self.server.parts.store.append(vec![record.append()]);
        let durable = match appended {
            Ok(lsn) => self.wait_durable(lsn).await,
            Err(error) => Err(Fault::engine(error.to_string())),
        };
        if let Err(error) = durable {
            tracing::warn!(%error, act, by = record.by, "this act is not on record");
        }
    }

    pub(super) async fn passphrase(&self, key: String, secret: String) -> Result<Reply, Fault> {
        self.put_on_record("unlock", &key).await;
        self.server.parts.ssh.passphrases().add(key, secret);
        self.server.inbox.credentials_arrived().await;
        Ok(Reply::Done)
    }
}
