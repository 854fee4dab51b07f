//! Requests of people, checked against the run and written down with who made them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::whole::borrowed;
use super::{Core, Live, shown};
use crate::engine::audit::AuditRecord;
use crate::engine::{history, now, view};
use crate::flow::batches;
use crate::run::command::{Command, Verdict};
use crate::run::event::{Cut, Event, What};
use crate::run::ids::{HostIx, RunId};
use crate::run::outcome::OutcomeKind;
use crate::run::roles::Authority;
use crate::run::spec::RunSpec;
use crate::run::state::{Phase, Run};
use crate::wire::reply::Fault;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

impl Core {
    pub(super) fn steer(
        &mut self,
        run: RunId,
        authority: &Authority,
        act: &Steer,
        reply: oneshot::Sender<Result<RunView, Fault>>,
    ) {
        match self.steer_now(run, authority, act) {
            Ok((lsn, stay)) => self.answer_when_durable(lsn, reply, move |core| {
                let live = core.live_run(run).ok_or_else(|| unknown(run))?;
                let mut view = view::run_view(core, live, &[], &[]);
                view.stay = stay;
                Ok(view)
            }),
            Err(fault) => {
                // The asker may have gone; nothing was changed.
                let _ = reply.send(Err(fault));
            }
        }
    }

    /// Where it is written down, and what of the run does not do as asked, in sentences.
    fn steer_now(
        &mut self,
        named: RunId,
        authority: &Authority,
        act: &Steer,
    ) -> Result<(u64, Vec<String>), Fault> {
        let by = authority.who();
        let id = match act {
            Steer::Resume => self.to_resume(named),
            Steer::Approve { .. } | Steer::Reject { .. } => self.who_asks(named)?,
            _ => named,
        };
        let live = self.runs.get(&id).ok_or_else(|| self.not_here(id, act))?;
        if let Some(part) = live.run.parent
            && live.run.ended.is_some()
            && !self.runs.contains_key(&part.run)
        {
            return Err(Fault::refused(format!(
                "run {id} is part of run {}, which is sealed, and what that did is not changed any \
                 more. See it with: conn runs show {id}",
                part.run
            )));
        }
        let whole = live.run.parent.and_then(|part| self.runs.get(&part.run));
        if matches!(act, Steer::Retry { .. } | Steer::Settle { .. })
            && let Some(whole) = whole.filter(|whole| live.run.is_passed_gate(&whole.run))
        {
            let whole = whole.run.id;
            return Err(Fault::refused(format!(
                "run {id} looked at a gate of run {whole} that counts as passed, so it is not looked \
                 at again. To do the stage again, retry its run: conn runs show {whole}"
            )));
        }
        self.may_go_back(id, act)?;
        let of_hosts = matches!(
            act,
            Steer::Retry { .. }
                | Steer::Skip { .. }
                | Steer::Settle { .. }
                | Steer::Rollback { .. }
        );
        if live.run.stages.is_some() && of_hosts {
            let lsn = self.steer_parts(id, authority, act)?;
            return Ok((lsn, Vec::new()));
        }
        let holder_attached = live
            .run
            .holder
            .as_deref()
            .is_some_and(|holder| self.clients.is_attached(holder));
        let command = command(live, by.to_owned(), act, holder_attached)?;
        shown::is_asked(&live.run, act)?;
        let events = self.asked(&live.run, authority, &command)?;
        shown::are_shown(id, act, shown::hosts(&events))?;
        let mut audit = record(id, by, act);
        let approved = events.iter().find_map(|event| match &event.what {
            What::Approved { digest, .. } => Some(digest),
            _ => None,
        });
        if let Some(digest) = approved {
            audit.text = format!("{} sha256 {digest}", audit.text);
        }
        let (all, stay) = self.and_parts(id, named, authority, (act, events));
        // All of it or nothing: a crash must not leave some parts with it and others without.
        let lsn = self.commit_all(&borrowed(&all), &[audit]);
        Ok((lsn.map_err(|error| Fault::engine(error.to_string()))?, stay))
    }

    /// What a run answers to somebody. Whoever may on a whole may on its parts.
    pub(super) fn asked(
        &self,
        run: &Run,
        authority: &Authority,
        command: &Command,
    ) -> Result<Vec<Event>, Fault> {
        let family = self.ancestors(run.id);
        let wholes: Vec<Arc<RunSpec>> = family
            .iter()
            .filter_map(|id| Some(self.runs.get(id)?.run.spec.clone()))
            .collect();
        let events = run
            .ask(authority, &wholes, command, now())
            .map_err(|refusal| Fault::refused(refusal.to_string()))?;
        let again = matches!(
            command,
            Command::Retry { .. }
                | Command::TakeUp { .. }
                | Command::Settle {
                    verdict: Verdict::Retry,
                    ..
                }
        );
        let family = std::iter::once(run.id).chain(family);
        match self.aborting(family).filter(|_| again) {
            Some(whole) => Err(Fault::refused(format!(
                "run {whole} is being aborted, and what starts again now would be aborted with it. \
                 Ask again when it is over: conn runs show {whole}"
            ))),
            None => Ok(events),
        }
    }

    /// The first of these runs that is being aborted.
    fn aborting(&self, runs: impl IntoIterator<Item = RunId>) -> Option<RunId> {
        let mut runs = runs.into_iter();
        runs.find(|id| {
            let live = self.runs.get(id);
            live.is_some_and(|live| live.run.aborted_by.is_some() && live.run.ended.is_none())
        })
    }

    /// A run that is being aborted is rolled back as a whole or not at all: a part of it would only
    /// be aborted again.
    fn may_go_back(&self, named: RunId, act: &Steer) -> Result<(), Fault> {
        let Steer::Rollback { hosts, .. } = act else {
            return Ok(());
        };
        let live = self.runs.get(&named);
        let some_of_whole = live.is_some_and(|live| live.run.stages.is_some()) && !hosts.is_empty();
        let own = some_of_whole.then_some(named);
        match self.aborting(own.into_iter().chain(self.ancestors(named))) {
            Some(whole) => Err(Fault::refused(format!(
                "run {whole} is being aborted, with all it is made of. Roll back all of it: conn \
                 runs rollback {whole}; or ask again when it is over: conn runs show {whole}"
            ))),
            None => Ok(()),
        }
    }

    /// The answer for a run that is not in memory: it is sealed, or never was.
    fn not_here(&self, run: RunId, act: &Steer) -> Fault {
        let line = history::line(self.parts.store.as_ref(), run);
        let Ok(Some(line)) = line else {
            return unknown(run);
        };
        let ended = line
            .ended
            .map_or_else(String::new, |at| format!(" at {}", at.rfc3339()));
        Fault::refused(format!(
            "run {run} {}{ended} and is sealed since: what it did is not changed any more ({}). \
             See it with: conn runs show {run}; start its work anew with: conn run -w …",
            line.state,
            describe(act).0
        ))
    }
}

/// The answer for a run that never was.
pub fn unknown(run: RunId) -> Fault {
    Fault::usage(format!(
        "there is no run {run} to steer. List them with: conn runs"
    ))
}

/// What the audit records say of a request.
pub(super) fn record(run: RunId, by: &str, act: &Steer) -> AuditRecord {
    let (word, text) = describe(act);
    AuditRecord {
        at: now(),
        by: by.to_owned(),
        act: word.to_owned(),
        run: Some(run),
        text,
    }
}

pub(super) fn command(
    live: &Live,
    by: String,
    act: &Steer,
    holder_attached: bool,
) -> Result<Command, Fault> {
    let run: &Run = &live.run;
    Ok(match act {
        Steer::Pause { reason } => Command::Pause {
            by,
            reason: reason.clone(),
        },
        Steer::Resume => Command::Resume { by },
        Steer::Abort { reason } => Command::Abort {
            by,
            reason: reason.clone(),
        },
        Steer::AbortAfterBatch { reason } => Command::AbortAfterBatch {
            by,
            reason: reason.clone(),
        },
        Steer::Retry { only, hosts, .. } => Command::Retry {
            by,
            only: only.clone(),
            hosts: some_of(run, hosts)?,
        },
        Steer::Rollback { reason, hosts } => Command::Rollback {
            by,
            reason: reason.clone(),
            hosts: some_of(run, hosts)?,
            with_whole: false,
        },
        Steer::Skip { hosts } => Command::Skip {
            by,
            hosts: hosts_of(run, hosts)?,
        },
        Steer::SkipStep { step } if run.stages.is_some() => Command::SkipStage {
            by,
            stage: view::stage_of(run, step)?,
        },
        Steer::SkipStep { step } => Command::SkipStep {
            by,
            step: view::step_of(run, step)?,
        },
        Steer::Approve { reason, .. } => Command::Approve {
            by,
            reason: reason.clone(),
        },
        Steer::Reject { reason, .. } => Command::Reject {
            by,
            reason: reason.clone(),
        },
        Steer::Settle {
            host,
            step,
            verdict,
        } => Command::Settle {
            by,
            host: in_doubt_at(run, host, step.as_deref())?,
            verdict: verdict_of(verdict)?,
        },
        Steer::Tune {
            concurrency,
            max_failures,
            batches,
        } => Command::Tune {
            by,
            concurrency: *concurrency,
            max_failures: max_failures
                .as_deref()
                .map(|text| limit_of(run, text))
                .transpose()?,
            batches: batches
                .as_deref()
                .map(|text| cut_anew(live, text))
                .transpose()?,
        },
        Steer::Take { reason } => Command::Take {
            by,
            reason: reason.clone(),
            holder_attached,
        },
        Steer::RefuseTake => Command::RefuseTake { by },
        Steer::Give { to } => Command::Give { by, to: to.clone() },
        Steer::Note { text } => Command::Note {
            by,
            text: text.clone(),
        },
    })
}

fn host_of(run: &Run, name: &str) -> Result<HostIx, Fault> {
    (0..)
        .map(HostIx)
        .zip(&run.spec.targets)
        .find(|(_, target)| *target.name == *name)
        .map(|(ix, _)| ix)
        .ok_or_else(|| not_of(run, name))
}

/// The host of this name, unless it is in doubt at another step than the one that was named.
fn in_doubt_at(run: &Run, name: &str, step: Option<&str>) -> Result<HostIx, Fault> {
    let host = host_of(run, name)?;
    let Some(wanted) = step else {
        return Ok(host);
    };
    let named = view::step_of(run, wanted)?;
    let state = run.host(host);
    let doubt = state.filter(|state| state.phase == Phase::Done(OutcomeKind::InDoubt));
    match doubt.filter(|state| state.step != named) {
        None => Ok(host),
        Some(state) => Err(Fault::refused(format!(
            "{name} is in doubt at the step {} of run {}, not at {wanted}; nothing was settled. Look \
             at what that step did there, then name it",
            run.spec.step(state.step).map_or("?", |step| &*step.name),
            run.id
        ))),
    }
}

fn not_of(run: &Run, name: &str) -> Fault {
    Fault::usage(format!("{name} is not a host of run {}", run.id))
}

/// Nothing named is nothing.
fn some_of(run: &Run, hosts: &str) -> Result<Vec<HostIx>, Fault> {
    match hosts {
        "" => Ok(Vec::new()),
        hosts => hosts_of(run, hosts),
    }
}

fn hosts_of(run: &Run, hosts: &str) -> Result<Vec<HostIx>, Fault> {
    let names = crate::inventory::expand_plain(hosts).map_err(Fault::usage)?;
    let places: HashMap<&str, HostIx> = run
        .spec
        .targets
        .iter()
        .map(|target| target.name.as_ref())
        .zip((0..).map(HostIx))
        .collect();
    names
        .iter()
        .map(|name| {
            let place = places.get(name.as_str()).copied();
            place.ok_or_else(|| not_of(run, name))
        })
        .collect()
}

fn verdict_of(word: &str) -> Result<Verdict, Fault> {
    match word {
        "ok" => Ok(Verdict::Ok),
        "failed" => Ok(Verdict::Failed),
        "retry" => Ok(Verdict::Retry),
        other => Err(Fault::usage(format!(
            "{other:?} is no way to settle a host; give ok, failed or retry"
        ))),
    }
}

/// A number, or a percentage of the run's hosts, rounded down.
fn limit_of(run: &Run, text: &str) -> Result<u32, Fault> {
    let bad = || {
        Fault::usage(format!(
            "{text:?} is no failure limit; give a number, or a percentage like 2%"
        ))
    };
    if let Some(percent) = text.strip_suffix('%') {
        let percent: u64 = percent.trim().parse().map_err(|_| bad())?;
        let hosts = u64::from(run.tally.total());
        return u32::try_from(hosts.saturating_mul(percent) / 100).map_err(|_| bad());
    }
    text.trim().parse().map_err(|_| bad())
}

/// The batches that are to come, as sizes a person typed cut them.
fn cut_anew(live: &Live, text: &str) -> Result<Vec<Cut>, Fault> {
    let sizes = batches::parse(text).map_err(Fault::usage)?;
    let (hosts, left) = (live.run.tally.total(), live.run.unopened());
    let sizes = batches::batches_of_rest(&sizes, hosts, left);
    live.cut(&sizes).map_err(|why| {
        Fault::refused(format!(
            "the batches of run {} are not cut anew: {why}",
            live.run.id
        ))
    })
}

/// The word for an act, and the rest of what is on record of it.
pub fn describe(act: &Steer) -> (&'static str, String) {
    match act {
        Steer::Pause { reason } => ("pause", reason.clone()),
        Steer::Resume => ("resume", String::new()),
        Steer::Abort { reason } => ("abort", reason.clone()),
        Steer::AbortAfterBatch { reason } => ("abort after batch", reason.clone()),
        Steer::Retry { only, hosts, .. } => {
            let words: Vec<_> = only.iter().map(|kind| kind.word()).collect();
            let words = [words.join(","), hosts.clone()];
            ("retry", words.join(" ").trim().to_owned())
        }
        Steer::Rollback { reason, hosts } => {
            ("rollback", format!("{hosts} {reason}").trim().to_owned())
        }
        Steer::Skip { hosts } => ("skip", hosts.clone()),
        Steer::SkipStep { step } => ("skip", format!("the step {step}")),
        Steer::Approve { reason, .. } => ("approve", reason.clone()),
        Steer::Reject { reason, .. } => ("reject", reason.clone()),
        Steer::Settle {
            host,
            step,
            verdict,
        } => {
            let step = step.as_ref().map(|step| format!(" at {step}"));
            let step = step.unwrap_or_default();
            ("settle", format!("{host}{step} as {verdict}"))
        }
        Steer::Tune {
            concurrency,
            max_failures,
            batches,
        } => {
            let said = [
                concurrency.map(|limit| format!("concurrency {limit}")),
                max_failures
                    .as_ref()
                    .map(|limit| format!("max_failures {limit}")),
                batches.as_ref().map(|sizes| format!("batches {sizes}")),
            ];
            let said: Vec<String> = said.into_iter().flatten().collect();
            ("tune", said.join(", "))
        }
        Steer::Take { reason } => ("take", reason.clone()),
        Steer::RefuseTake => ("keep", String::new()),
        Steer::Give { to } => ("give", format!("to {to}")),
        Steer::Note { text } => ("note", text.clone()),
    }
}
