//! Runs that are made of runs: their children begin, and requests find their way among them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Core, CoreError, NewRun};
use crate::engine::{history, now};
use crate::run::command::Command;
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::family::Parent;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::run::roles::Authority;
use crate::run::stages::{NodeIx, StageEvent, Start};
use crate::run::state::Run;
use crate::store::StoreError;
use crate::wire::reply::Fault;
use crate::wire::request::Steer;

/// The deepest family: flows in flows in flows.
const DEEPEST: usize = 16;

impl Core {
    /// Lets everything of a parent run begin that may. On a full disk it is tried again later.
    pub(super) fn start_children(&mut self, parent: RunId) -> Result<(), CoreError> {
        if self.draining.is_some() || self.unrecovered.contains(&parent) {
            return Ok(());
        }
        while let Some(start) = self
            .runs
            .get(&parent)
            .and_then(|live| live.run.starts(now()))
        {
            match self.start_child(parent, start) {
                Ok(()) => {}
                Err(StoreError::NoSpace) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn start_child(&mut self, parent: RunId, start: Start) -> Result<(), StoreError> {
        let Some(live) = self.runs.get(&parent) else {
            return Ok(());
        };
        let (node, gate) = match start {
            Start::Work(node) => (node, false),
            Start::Gate(node) => (node, true),
        };
        let run = Arc::clone(&live.run);
        let spec = digest_of(&run, node, gate)
            .ok_or_else(|| "it is not in the flow".to_owned())
            .and_then(|digest| {
                let store = self.parts.store.as_ref();
                let spec = history::spec(store, parent, &digest).map_err(|e| e.to_string())?;
                Ok((digest, spec))
            });
        let (digest, spec) = match spec {
            Ok(found) => found,
            Err(why) => return self.cannot_begin(parent, &run, node, &why),
        };
        let new = NewRun {
            spec,
            digest,
            stdin: None,
            by: run.starter.clone(),
            // They were asked when the whole was started.
            authority: Arc::new(Authority::everything(&run.starter)),
            origin: None,
            no_wait: false,
            parent: Some(Parent {
                run: parent,
                node,
                gate,
            }),
        };
        self.create_now(new).map(|_| ())
    }

    /// A stage whose specification cannot be read holds its run up, in words.
    fn cannot_begin(
        &mut self,
        parent: RunId,
        run: &Run,
        node: NodeIx,
        why: &str,
    ) -> Result<(), StoreError> {
        let name = run.spec.stages.as_ref().map(|spec| spec.name(node));
        let paused = Event {
            at: now(),
            what: What::Paused {
                by: BY_RULE.to_owned(),
                reason: format!("{} cannot begin: {why}", name.unwrap_or_default()),
            },
        };
        self.commit(parent, &[paused], &[]).map(|_| ())
    }

    /// The newest ancestor of a run that stands still: whoever lets the run go on means that.
    pub(super) fn to_resume(&self, run: RunId) -> RunId {
        let paused = |id: &RunId| {
            let live = self.runs.get(id);
            live.is_some_and(|live| live.run.paused.is_some())
        };
        self.ancestors(run)
            .into_iter()
            .rev()
            .find(paused)
            .unwrap_or(run)
    }

    /// The run that asks a question: this one, or one of those it is made of. Which of several is
    /// meant, nobody knows from here.
    pub(super) fn who_asks(&self, run: RunId) -> Result<RunId, Fault> {
        let asks = |id: &RunId| {
            self.runs.get(id).is_some_and(|live| {
                let stages = live.run.stages.as_ref();
                live.run.asks().is_some() || stages.is_some_and(|stages| stages.asked.is_some())
            })
        };
        if asks(&run) {
            return Ok(run);
        }
        let asking: Vec<RunId> = self.descendants(run).into_iter().filter(asks).collect();
        match asking.as_slice() {
            [] => Ok(run),
            [one] => Ok(*one),
            [first, .., last] => Err(Fault::refused(format!(
                "{} runs of run {run} ask something, from run {first} to run {last}: answer each \
                 for itself. See what they ask: conn runs show {first}",
                asking.len()
            ))),
        }
    }

    /// From its parent up.
    pub(super) fn ancestors(&self, run: RunId) -> Vec<RunId> {
        let mut found = Vec::new();
        let mut at = run;
        while let Some(parent) = self.runs.get(&at).and_then(|live| live.run.parent) {
            if found.len() == DEEPEST {
                break;
            }
            found.push(parent.run);
            at = parent.run;
        }
        found
    }

    /// Everything in memory that is part of a run, parents before their parts.
    pub(super) fn descendants(&self, run: RunId) -> Vec<RunId> {
        let mut parts: HashMap<RunId, Vec<RunId>> = HashMap::new();
        for live in self.runs.values() {
            if let Some(parent) = live.run.parent {
                parts.entry(parent.run).or_default().push(live.run.id);
            }
        }
        let mut found = vec![run];
        let mut next = 0;
        while let Some(parent) = found.get(next) {
            found.extend(parts.remove(parent).unwrap_or_default());
            next += 1;
        }
        found.remove(0);
        found
    }

    /// Lets the parts of a run go on that a rule or a person paused.
    pub(super) fn resume_parts(
        &mut self,
        run: RunId,
        authority: &Authority,
    ) -> Result<(), StoreError> {
        for part in self.descendants(run) {
            let Some(live) = self.runs.get(&part) else {
                continue;
            };
            let own = live.run.paused.as_ref();
            if own.is_none_or(|pause| pause.with_parent) {
                continue;
            }
            let by = authority.who().to_owned();
            // One that does not go on by this says so itself, when it is looked at.
            if let Ok(events) = self.asked(&live.run, authority, &Command::Resume { by }) {
                self.commit(part, &events, &[])?;
            }
        }
        Ok(())
    }

    /// A request about hosts of a run that has none itself: to those of its runs that have them.
    pub(super) fn steer_parts(
        &mut self,
        id: RunId,
        authority: &Authority,
        act: &Steer,
    ) -> Result<u64, Fault> {
        let by = authority.who();
        let mut decided: Vec<(RunId, Vec<Event>)> = Vec::new();
        let mut refusal = None;
        for part in self.descendants(id) {
            let Some(live) = self.runs.get(&part) else {
                continue;
            };
            if live.run.stages.is_some() {
                continue;
            }
            let answer = part_of_it(&live.run, act).and_then(|act| {
                let command = super::steer::command(live, by.to_owned(), &act, false)?;
                self.asked(&live.run, authority, &command)
            });
            match answer {
                Ok(events) => decided.push((part, events)),
                Err(fault) => refusal = Some(fault),
            }
        }
        if takes_up(act)
            && let Some(live) = self.runs.get(&id)
        {
            let by = by.to_owned();
            match self.asked(&live.run, authority, &Command::TakeUp { by }) {
                Ok(events) => decided.push((id, events)),
                Err(refused) => refusal = Some(refused),
            }
        }
        if let Steer::Rollback { reason, hosts } = act
            && hosts.is_empty()
            && !decided.is_empty()
        {
            decided.extend(self.closed(id, by, reason));
        }
        let none = || {
            Fault::refused(format!(
                "run {id}: nothing of it has begun that this could mean. \
                 See where each stage stands: conn runs show {id}"
            ))
        };
        if decided.is_empty() {
            return Err(refusal.unwrap_or_else(none));
        }
        // All of it or nothing: a crash must not leave some parts with it and others without.
        let all: Vec<(RunId, &[Event])> = decided
            .iter()
            .map(|(run, events)| (*run, events.as_slice()))
            .collect();
        let audit = super::steer::record(id, by, act);
        self.commit_all(&all, &[audit])
            .map_err(|error| Fault::engine(error.to_string()))
    }
}

impl Core {
    /// What a run, and those it is made of that are made of runs, must record so that nothing of
    /// them begins any more: what was done is undone.
    fn closed(&self, id: RunId, by: &str, reason: &str) -> Vec<(RunId, Vec<Event>)> {
        let family = std::iter::once(id).chain(self.descendants(id));
        let wholes = family.filter(|run| {
            let live = self.runs.get(run);
            live.is_some_and(|live| live.run.stages.is_some() && live.run.ended.is_none())
        });
        let event = || Event {
            at: now(),
            what: What::Stage(StageEvent::RollingBack {
                by: by.to_owned(),
                reason: reason.to_owned(),
            }),
        };
        wholes.map(|whole| (whole, vec![event()])).collect()
    }
}

/// Whether stages that never began are meant as well.
fn takes_up(act: &Steer) -> bool {
    matches!(act, Steer::Retry { only, hosts }
        if hosts.is_empty() && only.contains(&OutcomeKind::NotStarted))
}

/// What a request for all of a run means for one of its parts: only the hosts that this one has.
fn part_of_it(run: &Run, act: &Steer) -> Result<Steer, Fault> {
    let of_run = |hosts: &str| {
        let names = crate::inventory::expand_plain(hosts).map_err(Fault::usage)?;
        let own: HashSet<&str> = run
            .spec
            .targets
            .iter()
            .map(|target| &*target.name)
            .collect();
        let names: Vec<String> = names
            .into_iter()
            .filter(|name| own.contains(name.as_str()))
            .collect();
        if names.is_empty() {
            return Err(Fault::usage(format!("no run of it has a host {hosts}")));
        }
        Ok(names.join(","))
    };
    Ok(match act {
        Steer::Retry { only, hosts } if !hosts.is_empty() => Steer::Retry {
            only: only.clone(),
            hosts: of_run(hosts)?,
        },
        Steer::Skip { hosts } => Steer::Skip {
            hosts: of_run(hosts)?,
        },
        Steer::Rollback { reason, hosts } if !hosts.is_empty() => Steer::Rollback {
            reason: reason.clone(),
            hosts: of_run(hosts)?,
        },
        Steer::Settle { host, verdict } => Steer::Settle {
            host: of_run(host)?,
            verdict: verdict.clone(),
        },
        other => other.clone(),
    })
}

fn digest_of(run: &Run, node: NodeIx, gate: bool) -> Option<String> {
    let spec = run.spec.stages.as_ref()?.node(node)?;
    if gate {
        return spec.gate.as_ref().map(|gate| gate.spec.clone());
    }
    Some(spec.spec.clone())
}

/// What a parent records of a child that begins.
pub(super) fn begun(parent: Parent, run: RunId) -> What {
    let node = parent.node;
    What::Stage(if parent.gate {
        StageEvent::GateStarted { node, run }
    } else {
        StageEvent::Started { node, run }
    })
}

/// What the audit records say of the run that a run is part of.
pub(super) fn part_words(parent: Option<Parent>) -> String {
    parent.map_or_else(String::new, |parent| {
        let what = if parent.gate {
            "gate of a stage"
        } else {
            "stage"
        };
        format!(", {what} of run {}", parent.run)
    })
}
