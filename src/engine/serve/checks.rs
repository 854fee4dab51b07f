//! What a preflight found: facts out of stored output, judged on the way out.

use super::Session;
use crate::engine::Parts;
use crate::engine::view;
use crate::run::ids::{HostIx, RunId};
use crate::run::output::{Chunk, ChunkBody, OutStream};
use crate::run::preflight::{Checked, Facts, Piece, RUN_AS_STEP, RunAsFact, judge};
use crate::run::spec::{Act, RunKind};
use crate::run::state::Run;
use crate::store::OutputCursor;
use crate::wire::reply::{Fault, Reply};
use crate::wire::view::{HostChecks, TaskView};

/// Hosts in one reply.
const HOSTS_A_PAGE: usize = 500;
/// Bytes of a host's output that are looked at.
const MOST_BYTES: usize = 512 << 10;

impl Session {
    pub(super) async fn checks(&self, id: RunId, from: u32) -> Result<Reply, Fault> {
        let (run, _) = self.run(id).await?;
        if run.spec.kind != RunKind::Preflight {
            return Err(Fault::usage(format!(
                "run {id} is no preflight. Start one: conn preflight -w HOSTS"
            )));
        }
        self.blocking(move |parts| {
            let places = (from..).map(HostIx).take(HOSTS_A_PAGE);
            let hosts = places
                .filter_map(|ix| view::task_view(&run, ix).map(|task| (ix, task)))
                .map(|(ix, task)| checked(parts, &run, ix, task))
                .collect::<Result<Vec<_>, Fault>>()?;
            let seen = from.saturating_add(u32::try_from(hosts.len()).unwrap_or(u32::MAX));
            let next = ((seen as usize) < run.spec.targets.len()).then_some(seen);
            Ok(Reply::Checks { hosts, next })
        })
        .await
    }
}

fn checked(parts: &Parts, run: &Run, ix: HostIx, task: TaskView) -> Result<HostChecks, Fault> {
    let chunks = parts
        .store
        .read_host_output(run.id.0, ix.0, OutputCursor(0), MOST_BYTES)
        .map_err(|error| Fault::engine(error.to_string()))?
        .chunks;
    let mut facts = Facts::read(last_attempt(&chunks, 0, OutStream::Stdout));
    facts.run_as = run_as(run, &task, &chunks);
    let findings = judge(Checked {
        outcome: task.outcome.as_ref(),
        detail: task.detail.as_deref(),
        step: &task.step,
        facts: &facts,
    });
    Ok(HostChecks {
        task,
        facts,
        findings,
    })
}

/// What the last attempt of a step wrote to one stream.
fn last_attempt(chunks: &[Chunk], step: u16, stream: OutStream) -> impl Iterator<Item = Piece<'_>> {
    let of_step = move |chunk: &&Chunk| chunk.step == step && chunk.stream == stream;
    let last = chunks
        .iter()
        .filter(of_step)
        .map(|chunk| chunk.attempt)
        .max();
    chunks
        .iter()
        .filter(of_step)
        .filter(move |chunk| Some(chunk.attempt) == last)
        .filter_map(|chunk| match &chunk.body {
            ChunkBody::Data(bytes) => Some(Piece {
                at_ms: chunk.at_ms,
                bytes,
            }),
            ChunkBody::Gap { .. } => None,
        })
}

/// What became of becoming the other user, when the task came so far.
fn run_as(run: &Run, task: &TaskView, chunks: &[Chunk]) -> Option<RunAsFact> {
    let (step, user) = (0..).zip(&run.spec.steps).find_map(|(place, step)| {
        let Act::Exec(exec) = &step.act else {
            return None;
        };
        let user = exec.run_as.as_ref().filter(|_| step.name == RUN_AS_STEP)?;
        Some((place, user))
    })?;
    let outcome = task.outcome.as_ref().filter(|_| task.step == RUN_AS_STEP)?;
    let said: Vec<u8> = last_attempt(chunks, step, OutStream::Stderr)
        .flat_map(|piece| piece.bytes.iter().copied())
        .take(4096)
        .collect();
    let ok = *outcome == crate::run::outcome::Outcome::Ok;
    Some(RunAsFact::new(user, ok, &said))
}
