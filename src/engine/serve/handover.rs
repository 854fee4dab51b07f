//! What the next shift must know, gathered from live runs, history and the audit records.

use std::collections::BTreeMap;

use super::Session;
use crate::engine::audit::AuditRecord;
use crate::engine::core::Core;
use crate::engine::{history, view};
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::run::state::{Phase, Run};
use crate::store::{Store, Stream};
use crate::wire::handover::{Handover, HandoverRun, HostsStanding};
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::{AuditView, RunLine};

/// Failed runs that are listed with their hosts.
const MOST_FAILED: usize = 40;
/// Notes that are listed: the newest ones.
const MOST_NOTES: usize = 200;
/// Audit records read at once.
const PAGE: usize = 4096;

impl Session {
    pub(super) async fn handover(&self, since_ms: i64) -> Result<Reply, Fault> {
        let (open, live) = self
            .server
            .inbox
            .look(|core| (open_runs(core), lines(core)))
            .await?;
        let mut lines = self
            .blocking(|parts| stored_lines(parts.store.as_ref()))
            .await?;
        lines.retain(|line| live.iter().all(|live| live.run != line.run));
        lines.extend(live);
        lines.sort_by_key(|line| std::cmp::Reverse(line.run));
        lines.retain(|line| {
            let listed = open.iter().any(|run| run.line.run == line.run);
            !listed && line.ended.is_some_and(|at| at.0 >= since_ms)
        });
        let (bad, good): (Vec<RunLine>, Vec<RunLine>) = lines
            .into_iter()
            .partition(|line| line.state != "succeeded");
        let more = bad.len().saturating_sub(MOST_FAILED);
        let mut failed = Vec::new();
        for line in bad.into_iter().take(MOST_FAILED) {
            let (run, _) = self.run(line.run).await?;
            failed.push(handover_run(line, &run, |_| None));
        }
        let notes = self
            .blocking(move |parts| notes(parts.store.as_ref(), since_ms))
            .await?;
        Ok(Reply::Handover(Box::new(Handover {
            open,
            failed,
            failed_more: u32::try_from(more).unwrap_or(u32::MAX),
            succeeded: u32::try_from(good.len()).unwrap_or(u32::MAX),
            notes,
            people: self.server.clients.people(),
        })))
    }
}

fn stored_lines(store: &dyn Store) -> Result<Vec<RunLine>, Fault> {
    history::lines(store).map_err(|error| Fault::engine(error.to_string()))
}

fn lines(core: &Core) -> Vec<RunLine> {
    core.live()
        .map(|live| view::live_line(core, &live.run))
        .collect()
}

/// Runs that go on, and runs that somebody has to settle.
fn open_runs(core: &Core) -> Vec<HandoverRun> {
    let holder = |run: RunId| core.live_run(run).and_then(|live| live.run.holder.clone());
    core.live()
        .map(|live| &live.run)
        .filter(|run| run.ended.is_none() || run.tally.ended(OutcomeKind::InDoubt) > 0)
        .map(|run| handover_run(view::live_line(core, run), run, holder))
        .collect()
}

fn handover_run(line: RunLine, run: &Run, holder: impl Fn(RunId) -> Option<String>) -> HandoverRun {
    let view = view::plain_view(run);
    HandoverRun {
        line,
        because: view.because,
        asked_by: view.asked_by.map(|(by, _)| by),
        hosts: standings(run, holder),
    }
}

/// Hosts that are not ok, by how they stand; a sentence only where it says more than the outcome.
fn standings(run: &Run, holder: impl Fn(RunId) -> Option<String>) -> Vec<HostsStanding> {
    let mut groups: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    for (ix, state) in run.hosts() {
        let Some(task) = view::task_view(run, ix) else {
            continue;
        };
        let (standing, detail) = match (&task.outcome, state.phase) {
            (Some(outcome), _) => match outcome.kind() {
                OutcomeKind::Ok | OutcomeKind::Skipped => continue,
                OutcomeKind::Failed => (outcome.to_string(), None),
                _ => (outcome.to_string(), task.detail),
            },
            (None, Phase::Held(by)) => {
                let who = holder(by).unwrap_or_else(|| "nobody".to_owned());
                let leased = format!("leased by run {by}, {who} has its conn");
                (task.standing, Some(leased))
            }
            (None, _) => (task.standing, None),
        };
        groups
            .entry((standing, detail))
            .or_default()
            .push(task.host);
    }
    groups
        .into_iter()
        .map(|((standing, detail), hosts)| HostsStanding {
            standing,
            detail,
            hosts,
        })
        .collect()
}

/// What people wrote down since then, oldest first.
fn notes(store: &dyn Store, since_ms: i64) -> Result<Vec<AuditView>, Fault> {
    let mut notes: Vec<AuditView> = Vec::new();
    let mut from = 0;
    loop {
        let page = store
            .read(Stream::Audit, from, PAGE)
            .map_err(|error| Fault::engine(error.to_string()))?;
        let Some(last) = page.last() else {
            return Ok(notes);
        };
        from = last.seq + 1;
        let views = page
            .iter()
            .map(|record| AuditRecord::view(record.seq, &record.payload));
        notes.extend(views.filter(|view| view.act == "note" && view.at.0 >= since_ms));
        let surplus = notes.len().saturating_sub(MOST_NOTES);
        notes.drain(..surplus);
    }
}
