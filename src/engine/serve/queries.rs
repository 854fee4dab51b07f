//! Questions about runs, hosts and records: nothing here changes anything.

use std::sync::Arc;

use super::Session;
use super::follow::slow_hosts;
use super::standing::Standing;
use crate::engine::audit::AuditRecord;
use crate::engine::people::Person;
use crate::engine::{Parts, history, timeline, view};
use crate::run::cause::causes;
use crate::run::event::Event;
use crate::run::ids::{HostIx, RunId};
use crate::run::spans;
use crate::run::state::Run;
use crate::store::{OutputCursor, Stream};
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::{HostsQuery, RunsQuery};
use crate::wire::view::{AuditCheck, AuditView, FlowLine, RunDetail, RunLine, RunView};

/// Audit records in one reply.
const MOST_RECORDS: usize = 4096;
/// Bytes of output in one reply.
const MOST_BYTES: u32 = 4 << 20;

impl Session {
    pub(super) async fn hosts(&self, mut query: HostsQuery) -> Result<Reply, Fault> {
        let person = self.person.clone();
        self.blocking(move |parts| {
            query.identity = identity(parts, &query, &person)?;
            let found = parts.directory.resolve(&query)?;
            Ok(Reply::Hosts {
                hosts: found.hosts.into_iter().map(|host| host.resolved).collect(),
                warnings: found.warnings,
            })
        })
        .await
    }

    pub(super) async fn runs(&self, query: RunsQuery) -> Result<Reply, Fault> {
        let live: Vec<RunLine> = self
            .server
            .inbox
            .look(|core| {
                let lines = core.live().map(|live| view::live_line(core, &live.run));
                lines.collect()
            })
            .await?;
        let mut lines = self
            .blocking(|parts| {
                history::lines(parts.store.as_ref())
                    .map_err(|error| Fault::engine(error.to_string()))
            })
            .await?;
        lines.retain(|line| live.iter().all(|live| live.run != line.run));
        lines.extend(live);
        lines.sort_by_key(|line| std::cmp::Reverse(line.run));
        lines.retain(|line| matches(line, &query));
        if query.limit > 0 {
            lines.truncate(query.limit as usize);
        }
        Ok(Reply::Runs(lines))
    }

    pub(super) async fn show(&self, id: RunId) -> Result<Reply, Fault> {
        let Standing {
            run,
            mut view,
            parts,
            ..
        } = self.standing(id, 0, 0).await?;
        view::tell_registered(&run, &mut view);
        let events = self.events(id).await?;
        let own = timeline::timeline(&run.spec, &events);
        let timeline = self
            .with_kept(move |engine, kept| {
                (kept.stories.with_parts(engine.store.as_ref(), own, &parts))
                    .map_err(|error| Fault::engine(error.to_string()))
            })
            .await?;
        let flow = run.spec.flow.as_ref().map(|flow| FlowLine {
            name: flow.name.clone(),
            version: flow.version,
            digest: flow.digest.clone(),
        });
        let detail = RunDetail {
            digest: run.spec.digest(),
            flow,
            batches: run.cuts.iter().map(|cut| cut.hosts).collect(),
            steps: run
                .spec
                .steps
                .iter()
                .map(|step| step.name.clone())
                .collect(),
            params: view::params(&run.spec),
            tasks: view::task_views(&run),
            timeline,
            spans: spans::rows(&run.spec, &run.cuts, &events),
            view,
        };
        Ok(Reply::Detail(Box::new(detail)))
    }

    pub(super) async fn why(&self, id: RunId) -> Result<Reply, Fault> {
        let (run, _) = self.run(id).await?;
        let events = self.events(id).await?;
        Ok(Reply::Why(causes(&run.spec.title, &events)))
    }

    pub(super) async fn host_output(
        &self,
        id: RunId,
        host: String,
        cursor: u64,
        max_bytes: u32,
    ) -> Result<Reply, Fault> {
        let (run, _) = self.run(id).await?;
        let ix = (0..)
            .map(HostIx)
            .zip(&run.spec.targets)
            .find(|(_, target)| *target.name == *host)
            .map(|(ix, _)| ix)
            .ok_or_else(|| Fault::usage(format!("{host} is not a host of run {id}")))?;
        self.blocking(move |parts| {
            let most = max_bytes.clamp(1, MOST_BYTES) as usize;
            let page = parts
                .store
                .read_host_output(id.0, ix.0, OutputCursor(cursor), most)
                .map_err(|error| Fault::engine(error.to_string()))?;
            Ok(Reply::Output {
                chunks: page.chunks,
                cursor: page.next.0,
                end: page.end,
            })
        })
        .await
    }

    pub(super) async fn audit(
        &self,
        since_ms: Option<i64>,
        from_seq: u64,
        limit: u32,
    ) -> Result<Reply, Fault> {
        self.blocking(move |parts| {
            let limit = (limit as usize).clamp(1, MOST_RECORDS);
            let records = parts
                .store
                .read(Stream::Audit, from_seq, limit)
                .map_err(|error| Fault::engine(error.to_string()))?;
            let next = (records.len() == limit)
                .then(|| records.last().map(|record| record.seq + 1))
                .flatten();
            let views: Vec<AuditView> = records
                .iter()
                .map(|record| AuditRecord::view(record.seq, &record.payload))
                .filter(|view| since_ms.is_none_or(|since| view.at.0 >= since))
                .collect();
            Ok(Reply::Audit {
                records: views,
                next,
            })
        })
        .await
    }

    pub(super) async fn audit_verify(&self) -> Result<Reply, Fault> {
        self.blocking(|parts| {
            let report = parts
                .store
                .verify_audit()
                .map_err(|error| Fault::engine(error.to_string()))?;
            Ok(Reply::AuditCheck(AuditCheck {
                whole: report.breaks.is_empty(),
                records: report.records,
                head: report
                    .head
                    .map(|(_, hash)| hash.to_string())
                    .unwrap_or_default(),
                breaks: report
                    .breaks
                    .iter()
                    .map(|broken| format!("record {}: {}", broken.seq, broken.why))
                    .collect(),
                unproven: vec![
                    "Without a head that was kept elsewhere it cannot be proven that no records \
                     were cut off at the end, nor that the whole chain was not written anew. Heads \
                     are in this machine's log (\"audit head\"): conn audit verify --head SEQ:HASH"
                        .to_owned(),
                ],
            }))
        })
        .await
    }

    pub(super) async fn audit_hash(&self, seq: u64) -> Result<Reply, Fault> {
        self.blocking(move |parts| {
            let hash = parts
                .store
                .audit_hash(seq)
                .map_err(|error| Fault::engine(error.to_string()))?;
            Ok(Reply::AuditHash(hash.map(|hash| hash.to_string())))
        })
        .await
    }

    /// All events of a run, live or sealed.
    pub(super) async fn events(&self, id: RunId) -> Result<Vec<Event>, Fault> {
        self.blocking(move |parts| {
            history::events(parts.store.as_ref(), id)
                .map_err(|error| Fault::engine(error.to_string()))
        })
        .await
    }

    /// A run of the past, as clients are shown it.
    pub(super) async fn sealed_view(&self, run: &Arc<Run>) -> Result<RunView, Fault> {
        let run = Arc::clone(run);
        self.blocking(move |parts| Ok(view::sealed_view(parts.store.as_ref(), &run)))
            .await
    }

    /// A run with its view, from memory or from the store, shown only when it is durable.
    pub(super) async fn run(&self, id: RunId) -> Result<(Arc<Run>, RunView), Fault> {
        let live = self
            .server
            .inbox
            .look(move |core| {
                core.live_run(id).map(|live| {
                    let (laggards, silent) = slow_hosts(core, live);
                    let view = view::run_view(core, live, &laggards, &silent);
                    (live.run.clone(), view, live.lsn)
                })
            })
            .await?;
        if let Some((run, view, lsn)) = live {
            self.wait_durable(lsn).await?;
            return Ok((run, view));
        }
        let (run, _) = self.replayed(id).await?;
        let view = self.sealed_view(&run).await?;
        Ok((run, view))
    }
}

/// Whose login user is shown. To look at hosts nobody needs an identity.
pub(super) fn identity(
    parts: &Parts,
    query: &HostsQuery,
    person: &Person,
) -> Result<Option<String>, Fault> {
    let chosen = parts.identities.choose(query.identity.as_deref(), person);
    match &query.identity {
        Some(_) => chosen,
        None => Ok(chosen.unwrap_or_default()),
    }
}

fn matches(line: &RunLine, query: &RunsQuery) -> bool {
    let same = |wanted: &Option<String>, value: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == value)
    };
    let text = |wanted: &str| {
        [&line.title, &line.targets, &line.starter]
            .iter()
            .any(|field| field.to_lowercase().contains(&wanted.to_lowercase()))
    };
    same(&query.state, &line.state)
        && same(&query.kind, &line.kind)
        && query.since_ms.is_none_or(|since| line.created.0 >= since)
        && query.grep.as_deref().is_none_or(text)
}
