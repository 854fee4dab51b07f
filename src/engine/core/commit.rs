//! Events into the journal, then into the state; what must wait for the disk, waits here.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::children::{begun, part_words};
use super::{Core, CoreError, Live, NewRun};
use crate::engine::audit::{AuditRecord, encode};
use crate::engine::now;
use crate::engine::task::TaskKey;
use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::run::spec::RunSpec;
use crate::run::stages::Stages;
use crate::run::state::{Effect, Run};
use crate::store::{Append, Lsn, Store, StoreError, Stream};

/// What the audit records say of a run that begins.
fn started(spec: &RunSpec) -> String {
    let identity = spec
        .access
        .identity
        .as_ref()
        .map_or_else(String::new, |name| format!(" with the identity {name}"));
    format!(
        "{} on {} ({} hosts){identity}: {}",
        spec.kind.word(),
        spec.targets_text,
        spec.targets.len(),
        spec.title
    )
}

/// What happens once an LSN is durable.
pub(super) enum Pending {
    /// Cancel the tasks of a run.
    CancelAll(RunId),
    /// Remove what a durable attempt left on its host.
    Forget(TaskKey),
    /// Answer somebody.
    Call(Box<dyn FnOnce(&Core) + Send>),
}

/// How long to let the disk catch up before the journal is asked again.
const CATCH_UP: std::time::Duration = std::time::Duration::from_millis(1);

/// Appends, and waits while the journal's queue is full: everything that could fill it further
/// waits here as well, so the wait is as short as the disk is quick.
fn append(store: &dyn Store, records: &[Append]) -> Result<Lsn, StoreError> {
    loop {
        match store.append(records.to_vec()) {
            Err(StoreError::Busy { .. }) => std::thread::sleep(CATCH_UP),
            other => return other,
        }
    }
}

impl Core {
    /// Makes events and audit records one atomic unit of the journal and applies the events.
    pub(super) fn commit(
        &mut self,
        run: RunId,
        events: &[Event],
        audit: &[AuditRecord],
    ) -> Result<Lsn, StoreError> {
        self.commit_all(&[(run, events)], audit)
    }

    /// The same for several runs at once: all of it is written down, or nothing.
    pub(super) fn commit_all(
        &mut self,
        of_runs: &[(RunId, &[Event])],
        audit: &[AuditRecord],
    ) -> Result<Lsn, StoreError> {
        let mut records: Vec<Append> = audit.iter().map(AuditRecord::append).collect();
        for (run, events) in of_runs {
            let Some(live) = self.runs.get(run) else {
                return Ok(0);
            };
            for (seq, event) in (live.next_seq..).zip(*events) {
                records.push(Append {
                    stream: Stream::Run(run.0),
                    payload: encode(event),
                    expect: Some(seq),
                });
            }
        }
        let lsn = append(self.parts.store.as_ref(), &records)?;
        for (run, events) in of_runs {
            self.written(*run, events, lsn);
        }
        self.parts.news.tell();
        Ok(lsn)
    }

    /// Makes events that are in the journal part of their run.
    fn written(&mut self, run: RunId, events: &[Event], lsn: Lsn) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        live.next_seq += events.len() as u64;
        live.lsn = lsn;
        let mut effects = Vec::new();
        let before = live.run.finish_order.len();
        for event in events {
            effects.extend(Arc::make_mut(&mut live.run).apply(event));
        }
        let ended = live.run.finish_order.get(before..).unwrap_or_default();
        let ended = ended.to_vec();
        live.touched();
        for effect in effects {
            self.carry_out(run, effect, lsn);
        }
        for event in events {
            self.note_waiters(run, &event.what);
        }
        self.give_back(run, &ended);
        self.dirty.insert(run);
        self.tell_family(run, lsn);
    }

    /// Whoever a run is part of may have to do something now, and so may its parts.
    fn tell_family(&mut self, run: RunId, lsn: Lsn) {
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        let parts: Vec<RunId> = live
            .run
            .stages
            .iter()
            .flat_map(Stages::nodes)
            .flat_map(|(_, node)| [node.run, node.gate, node.void_gate])
            .flatten()
            .filter(|part| self.runs.contains_key(part))
            .collect();
        let parent = live.run.parent;
        self.dirty.extend(parts);
        if let Some(parent) = parent
            && let Some(live) = self.runs.get_mut(&parent.run)
        {
            live.lsn = live.lsn.max(lsn);
            live.touched();
            self.dirty.insert(parent.run);
        }
    }

    /// Starts at once what may only connect before the intent is durable; keeps the rest back.
    fn carry_out(&mut self, run: RunId, effect: Effect, lsn: Lsn) {
        match effect {
            Effect::Start {
                step,
                attempt,
                hosts,
            } => {
                // A metrics server is asked, and no host.
                let spec = self.runs.get(&run).map(|live| &live.run.spec);
                if spec.is_some_and(|spec| !spec.needs_no_lease(step)) {
                    self.claim(run, &hosts);
                }
                for host in hosts {
                    let key = TaskKey {
                        run,
                        host,
                        step,
                        attempt,
                    };
                    self.spawn_task(key, lsn, None);
                }
            }
            Effect::Claim { hosts } => self.claim(run, &hosts),
            Effect::Reattach { hosts } => self.spawn_reattach(run, &hosts, lsn),
            Effect::Recut => {
                if let Some(live) = self.runs.get_mut(&run) {
                    live.recut();
                }
            }
            Effect::CancelAll => self.when_durable(lsn, Pending::CancelAll(run)),
            Effect::Ended => self.summarise(run),
        }
    }

    pub(super) fn when_durable(&mut self, lsn: Lsn, then: Pending) {
        self.pending.push_back((lsn, then));
    }

    /// Releases what waited for an LSN that is durable now.
    pub(super) fn release(&mut self) -> Result<(), CoreError> {
        let (durable, failed) = {
            let state = self.durable.borrow_and_update();
            (state.lsn, state.failed.clone())
        };
        while self.pending.front().is_some_and(|(lsn, _)| *lsn <= durable) {
            if let Some((_, then)) = self.pending.pop_front() {
                self.act(then);
            }
        }
        match failed {
            Some(why) => Err(CoreError::NotDurable(why)),
            None => Ok(()),
        }
    }

    fn act(&mut self, then: Pending) {
        match then {
            Pending::CancelAll(run) => self.tasks.cancel_all(run),
            Pending::Forget(task) => self.spawn_forget(task),
            Pending::Call(call) => call(self),
        }
    }

    /// Writes the run's line for the list of runs, which outlives the run's place in memory.
    pub(super) fn summarise(&mut self, run: RunId) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        live.over_since = live.run.ended.map(|_| now());
        let state = Arc::clone(&live.run);
        let summary = crate::engine::view::live_line(self, &state);
        let written = self.parts.store.put(
            &crate::engine::history::line_key(run),
            Some(&encode(&summary)),
        );
        match written {
            Ok(_) => {}
            Err(StoreError::NoSpace | StoreError::Busy { .. }) => drop(self.unlisted.insert(run)),
            Err(error) => tracing::error!(%run, %error, "the run's line could not be stored"),
        }
        self.keep_pace(run);
        if self
            .runs
            .get(&run)
            .is_some_and(|live| live.run.ended.is_some())
        {
            self.stdin.remove(&run);
            self.parts.secrets.forget_run(run);
            self.tasks.let_go(run);
        }
    }

    pub(super) fn create_now(&mut self, new: NewRun) -> Result<(RunId, Lsn), StoreError> {
        let run = RunId(self.next_run);
        let at = now();
        let created = Event {
            at,
            what: What::Created {
                spec: new.digest,
                starter: new.by.clone(),
                origin: new.origin,
                parent: new.parent,
                handed: new.handed.clone(),
            },
        };
        let audit = AuditRecord {
            at,
            by: new.by.clone(),
            act: "start".to_owned(),
            run: Some(run),
            text: started(&new.spec) + &part_words(new.parent),
        };
        let begun = new.parent.map(|parent| {
            let what = begun(parent, run);
            (parent.run, Event { at, what })
        });
        let mut state = Run::new(run, new.spec, &new.by, at);
        (state.parent, state.handed) = (new.parent, new.handed);
        let mut live = Live::new(state, 0, 0);
        live.knows(self.former_pace(&live.run));
        self.runs.insert(run, live);
        self.next_run += 1;
        if let Some(stdin) = new.stdin {
            self.stdin.insert(run, stdin);
        }
        for secret in new.typed {
            self.parts.secrets.keep(run, secret);
        }
        let next = self.next_run.to_be_bytes();
        let committed = self
            .parts
            .store
            .put(crate::engine::history::NEXT_RUN, Some(&next))
            .and_then(|_| {
                let mut all: Vec<(RunId, &[Event])> = vec![(run, std::slice::from_ref(&created))];
                if let Some((parent, event)) = &begun {
                    all.push((*parent, std::slice::from_ref(event)));
                }
                self.commit_all(&all, &[audit])
            });
        match committed {
            Ok(lsn) => {
                self.summarise(run);
                Ok((run, lsn))
            }
            Err(error) => {
                self.runs.remove(&run);
                self.stdin.remove(&run);
                self.parts.secrets.forget_run(run);
                Err(error)
            }
        }
    }

    /// Answers with the run as it stands, once what led there is durable.
    pub(super) fn answer_when_durable<T: Send + 'static>(
        &mut self,
        lsn: Lsn,
        reply: oneshot::Sender<T>,
        value: impl FnOnce(&Core) -> T + Send + 'static,
    ) {
        self.when_durable(
            lsn,
            Pending::Call(Box::new(move |core| {
                // The asker may have gone; the act stands all the same.
                let _ = reply.send(value(core));
            })),
        );
    }
}
