//! Requests to runs that are made of runs: they find their way among the parts.

use std::collections::{HashMap, HashSet};

use super::{Core, shown};
use crate::engine::now;
use crate::run::command::Command;
use crate::run::decide::BY_RULE;
use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::run::roles::Authority;
use crate::run::stages::{DEEPEST, StageEvent};
use crate::run::state::Run;
use crate::wire::reply::{Fault, FaultKind};
use crate::wire::request::Steer;

impl Core {
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

    fn parts_by_whole(&self) -> HashMap<RunId, Vec<RunId>> {
        let mut parts: HashMap<RunId, Vec<RunId>> = HashMap::new();
        for live in self.runs.values() {
            if let Some(parent) = live.run.parent {
                parts.entry(parent.run).or_default().push(live.run.id);
            }
        }
        parts
    }

    /// Everything in memory that is part of a run, parents before their parts.
    pub(super) fn descendants(&self, run: RunId) -> Vec<RunId> {
        let mut parts = self.parts_by_whole();
        let mut found = vec![run];
        let mut next = 0;
        while let Some(parent) = found.get(next) {
            found.extend(parts.remove(parent).unwrap_or_default());
            next += 1;
        }
        found.remove(0);
        found
    }

    /// What letting a run go on means for its parts: those that a rule paused go on with it. One that
    /// a person paused stays, with all that it is made of, and a sentence says so; unless it is the
    /// run that was named, or that one is part of it.
    fn resumed_parts(
        &self,
        run: RunId,
        named: RunId,
        authority: &Authority,
    ) -> (Vec<(RunId, Vec<Event>)>, Vec<String>) {
        let meant: HashSet<RunId> = self.ancestors(named).into_iter().chain([named]).collect();
        let parts = self.parts_by_whole();
        let (mut decided, mut stay) = (Vec::new(), Vec::new());
        let mut left = vec![run];
        while let Some(whole) = left.pop() {
            for part in parts.get(&whole).into_iter().flatten() {
                let Some(live) = self.runs.get(part) else {
                    continue;
                };
                let own = live.run.paused.as_ref().filter(|pause| !pause.with_parent);
                if let Some(pause) = own
                    && pause.by != BY_RULE
                    && !meant.contains(part)
                {
                    stay.push(format!(
                        "run {part} stays paused by {}: {}",
                        pause.by, pause.reason
                    ));
                    continue;
                }
                left.push(*part);
                let by = authority.who().to_owned();
                // One that does not go on by this says so itself, when it is looked at.
                if own.is_some()
                    && let Ok(events) = self.asked(&live.run, authority, &Command::Resume { by })
                {
                    decided.push((*part, events));
                }
            }
        }
        (decided, stay)
    }

    /// What is recorded of the parts of a run in one record with what is recorded of itself: an
    /// abort reaches all of them, whatever is asked of one of them before they look at their whole.
    pub(super) fn with_parts(&self, run: RunId, events: &[Event]) -> Vec<(RunId, Vec<Event>)> {
        let aborted = events.iter().find_map(|event| match &event.what {
            What::Aborted { by, .. } => Some((event.at, by)),
            _ => None,
        });
        let whole = self.runs.get(&run).filter(|live| live.run.stages.is_some());
        let (Some((at, by)), Some(_)) = (aborted, whole) else {
            return Vec::new();
        };
        let event = |part: &Run| {
            let reason = format!("with run {}", part.parent?.run);
            let by = by.clone();
            let what = What::Aborted { by, reason };
            Some((part.id, vec![Event { at, what }]))
        };
        let parts = self.descendants(run).into_iter();
        let parts = parts.filter_map(|part| Some(&self.runs.get(&part)?.run));
        parts
            .filter(|part| part.ended.is_none() && part.aborted_by.is_none())
            .filter_map(|part| event(part))
            .collect()
    }

    /// What is to be recorded of a run that somebody steers and of its parts, and a sentence for
    /// each part that does not do as the whole does.
    pub(super) fn and_parts(
        &self,
        id: RunId,
        named: RunId,
        authority: &Authority,
        (act, events): (&Steer, Vec<Event>),
    ) -> (Vec<(RunId, Vec<Event>)>, Vec<String>) {
        let mut all = self.with_parts(id, &events);
        all.insert(0, (id, events));
        if !matches!(act, Steer::Resume) {
            return (all, Vec::new());
        }
        let (parts, stay) = self.resumed_parts(id, named, authority);
        all.extend(parts);
        (all, stay)
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
        // All of it goes back: also what has nothing to undo.
        let all_back = matches!(act, Steer::Rollback { hosts, .. } if hosts.is_empty());
        let mut undoes = false;
        for part in self.descendants(id) {
            let Some(live) = self.runs.get(&part) else {
                continue;
            };
            let whole = live.run.parent.and_then(|part| self.runs.get(&part.run));
            let is_void = whole.is_some_and(|whole| {
                live.run.is_void_gate(&whole.run) || live.run.is_passed_gate(&whole.run)
            });
            if live.run.stages.is_some() || is_void {
                continue;
            }
            let answer = part_of_it(&live.run, act).and_then(|act| {
                let mut command = super::steer::command(live, by.to_owned(), &act, false)?;
                if let Command::Rollback { with_whole, .. } = &mut command {
                    *with_whole = all_back;
                }
                self.asked(&live.run, authority, &command)
            });
            match answer {
                Ok(events) => {
                    undoes |= live.run.has_to_undo();
                    decided.push((part, events));
                }
                // That another part has no such host or step says less than a refusal.
                Err(fault) if refusal.is_none() || fault.kind == FaultKind::Refused => {
                    refusal = Some(fault);
                }
                Err(_) => {}
            }
        }
        if all_back && !undoes {
            decided.clear();
        }
        if takes_up(act) {
            for (whole, answer) in self.taken_up(id, authority) {
                match answer {
                    Ok(events) => decided.push((whole, events)),
                    // That one of those it is made of has nothing to take up is no word for it.
                    Err(refused) if whole == id => refusal = Some(refused),
                    Err(_) => {}
                }
            }
        }
        if let Steer::Rollback { reason, .. } = act
            && all_back
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
        shown::are_shown(id, act, self.shown_hosts(&decided))?;
        // All of it or nothing: a crash must not leave some parts with it and others without.
        let audit = super::steer::record(id, by, act);
        self.commit_all(&borrowed(&decided), &[audit])
            .map_err(|error| Fault::engine(error.to_string()))
    }
}

impl Core {
    /// What a run, and those it is made of that are made of runs, answer to somebody who lets begin
    /// what never did.
    fn taken_up(
        &self,
        id: RunId,
        authority: &Authority,
    ) -> Vec<(RunId, Result<Vec<Event>, Fault>)> {
        let family = std::iter::once(id).chain(self.descendants(id));
        let wholes = family.filter_map(|run| self.runs.get(&run));
        let wholes = wholes.filter(|live| live.run.stages.is_some());
        let by = || authority.who().to_owned();
        let answer = |live: &super::Live| {
            let answer = self.asked(&live.run, authority, &Command::TakeUp { by: by() });
            (live.run.id, answer)
        };
        wholes.map(answer).collect()
    }

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

/// As [`Core::commit_all`] takes them.
pub(super) fn borrowed(all: &[(RunId, Vec<Event>)]) -> Vec<(RunId, &[Event])> {
    let each = all.iter();
    each.map(|(run, events)| (*run, events.as_slice()))
        .collect()
}

/// Whether stages that never began are meant as well.
fn takes_up(act: &Steer) -> bool {
    matches!(act, Steer::Retry { only, hosts, .. }
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
        Steer::Retry { only, hosts, .. } if !hosts.is_empty() => Steer::Retry {
            only: only.clone(),
            hosts: of_run(hosts)?,
            // Counted over all of its runs.
            shown: None,
        },
        Steer::Skip { hosts } => Steer::Skip {
            hosts: of_run(hosts)?,
        },
        Steer::Rollback { reason, hosts } if !hosts.is_empty() => Steer::Rollback {
            reason: reason.clone(),
            hosts: of_run(hosts)?,
        },
        Steer::Settle {
            host,
            step,
            verdict,
        } => Steer::Settle {
            host: of_run(host)?,
            step: step.clone(),
            verdict: verdict.clone(),
        },
        other => other.clone(),
    })
}
