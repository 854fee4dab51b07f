//! Hosts, time, people, and an engine that may die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Coverage;
use super::chance::Chance;
use super::promises::{Promises, told_to_the_end};
use super::specs::spec;
use crate::run::command::{Command, Verdict};
use crate::run::event::{Cut, Event, Finished, OutputSum, What};
use crate::run::ids::{At, Attempt, HostIx, RunId, StepIx};
use crate::run::line_up::Around;
use crate::run::outcome::{Outcome, OutcomeKind, RefusedBy};
use crate::run::phases::Phases;
use crate::run::roles::Authority;
use crate::run::spec::Lease;
use crate::run::state::{Effect, Phase, Run};

/// People who steer. The first started the run.
const PEOPLE: [&str; 3] = ["kim", "lee", "ana"];
/// Nothing takes longer than so many happenings, unless somebody is asked and does not answer.
const MOST: u32 = 20_000;

/// What happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Task(HostIx, StepIx, Attempt),
    Person,
    Crash,
    Credential,
    LeaseFree,
    Tick,
    ClockSet,
}

/// The world of one seed.
#[derive(Debug, Clone)]
pub(super) struct World {
    chance: Chance,
    run: Run,
    journal: Vec<Event>,
    now: i64,
    /// How far the wall clock is from the true time.
    set: i64,
    queue: BTreeSet<(i64, u64, Due)>,
    numbers: u64,
    tasks: BTreeMap<HostIx, (StepIx, Attempt)>,
    leased: BTreeSet<HostIx>,
    /// A condition does not hold on one host in so many.
    unlike: u64,
    promises: Promises,
    met: Coverage,
    /// After that people only help the run on.
    kind_from: i64,
    /// Whether events are printed.
    pub told: bool,
    /// The world as it was after each event, where that is wanted.
    forks: Option<Vec<World>>,
}

struct Surroundings<'w> {
    leased: &'w BTreeSet<HostIx>,
    unlike: u64,
}

impl Around for Surroundings<'_> {
    fn lease(&self, host: HostIx) -> Option<RunId> {
        self.leased.contains(&host).then_some(RunId(99))
    }

    fn holds(&self, host: HostIx, step: StepIx) -> bool {
        !(u64::from(host.0) + u64::from(step.0)).is_multiple_of(self.unlike)
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let spec = Arc::new(spec(&mut chance));
        let hosts = u32::try_from(spec.targets.len()).unwrap();
        let leased = if spec.lease == Lease::Exclusive && chance.one_in(3) {
            (0..hosts).step_by(3).map(HostIx).collect()
        } else {
            BTreeSet::new()
        };
        let run = Run::new(RunId(seed), spec.clone(), PEOPLE[0], At(0));
        let mut world = Self {
            promises: Promises::new(&run),
            run,
            journal: Vec::new(),
            now: 0,
            set: 0,
            queue: BTreeSet::new(),
            numbers: 0,
            tasks: BTreeMap::new(),
            leased,
            unlike: chance.among(2, 6),
            met: Coverage::new(),
            kind_from: i64::try_from(chance.among(1_000, 400_000)).unwrap(),
            told: false,
            forks: None,
            chance,
        };
        world.later(1_000, Due::Tick);
        for _ in 0..world.chance.among(0, 12) {
            world.sometime(Due::Person);
        }
        for _ in 0..world.chance.among(0, 4) {
            world.sometime(Due::Crash);
        }
        world.sometime(Due::LeaseFree);
        for _ in 0..world.chance.among(0, 3) {
            world.sometime(Due::ClockSet);
        }
        world
    }

    /// The world as it was after each event of its history.
    pub fn after_each_event(mut self) -> Vec<Self> {
        self.forks = Some(Vec::new());
        self.play_on();
        self.forks.unwrap_or_default()
    }

    /// From here on in another way: the engine dies at once, tasks end in another order and
    /// otherwise, and people only help.
    pub fn dies_here(mut self, seed: u64) -> Coverage {
        self.chance = Chance::new(seed);
        self.met = Coverage::new();
        self.kind_from = self.now;
        self.crash();
        self.play()
    }

    /// Plays until the run is over and nobody wants more of it.
    pub fn play(mut self) -> Coverage {
        self.play_on();
        self.met
    }

    fn play_on(&mut self) {
        self.go_on();
        for _ in 0..MOST {
            let Some((at, _, due)) = self.queue.pop_first() else {
                break;
            };
            self.now = at;
            self.happen(due);
            self.go_on();
            if self.run.ended.is_some() && self.now > self.kind_from {
                self.promises.at_the_end(&self.run);
                told_to_the_end(&self.run, &self.journal);
                return;
            }
        }
        panic!(
            "it never ends: {:?}, {:?}, at {}",
            self.run.state(),
            self.run.tally,
            self.now
        );
    }

    fn later(&mut self, by: i64, due: Due) {
        // What falls on one moment happens in any order.
        self.numbers += 1;
        let order = self.chance.next() << 20 | self.numbers;
        self.queue.insert((self.now + by, order, due));
    }

    fn sometime(&mut self, due: Due) {
        let by = i64::try_from(self.chance.among(1, 400_000)).unwrap();
        self.later(by, due);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Tick => {
                self.later(1_000, Due::Tick);
                if self.now > self.kind_from {
                    self.help();
                }
            }
            Due::Task(host, step, attempt) => {
                if self.tasks.get(&host) == Some(&(step, attempt)) {
                    self.tasks.remove(&host);
                    self.task_ends(host, step, attempt);
                }
            }
            Due::Person => self.person(),
            Due::Crash => self.crash(),
            Due::ClockSet => self.clock_set(),
            Due::Credential => self.commit(What::Unparked),
            Due::LeaseFree => {
                self.leased.clear();
                let held = self.those(|phase| matches!(phase, Phase::Held(_)));
                if !held.is_empty() {
                    self.commit(What::Freed { hosts: held });
                }
            }
        }
    }

    /// What the wall clock says.
    fn clock(&self) -> At {
        At(self.now + self.set)
    }

    fn clock_set(&mut self) {
        let by = i64::try_from(self.chance.among(0, 20_000_000)).unwrap() - 10_000_000;
        self.set += by;
        if self.run.ended.is_none() {
            self.commit(What::ClockSet { by });
        }
    }

    fn those(&self, wanted: impl Fn(Phase) -> bool) -> Vec<HostIx> {
        let hosts = self.run.hosts();
        hosts
            .filter(|(_, state)| wanted(state.phase))
            .map(|(ix, _)| ix)
            .collect()
    }

    fn go_on(&mut self) {
        // As the engine does after each turn.
        for _ in 0..10_000 {
            let around = Surroundings {
                leased: &self.leased,
                unlike: self.unlike,
            };
            let now = self.clock();
            let event = self
                .run
                .advance(now, &around)
                .or_else(|| self.run.dispatch(now, &around));
            match event {
                Some(event) => self.commit(event.what),
                None => return,
            }
        }
        panic!("the run goes on for ever at {}", self.now);
    }

    fn commit(&mut self, what: What) {
        let at = self.clock();
        if self.told {
            eprintln!("{:>8} {:?} {what:?}", self.now, self.run.state());
        }
        let word = serde_json::to_value(&what).unwrap();
        let word = match &word {
            serde_json::Value::Object(fields) => fields.keys().next().unwrap().clone(),
            other => other.as_str().unwrap().to_owned(),
        };
        let state = self.run.state().word().to_owned();
        *self.met.entry((state, word)).or_default() += 1;
        let event = Event { at, what };
        self.promises.before(&self.run, &event);
        for effect in self.run.apply(&event) {
            match effect {
                Effect::Start {
                    step,
                    attempt,
                    hosts,
                } => {
                    for host in hosts {
                        self.start(host, step, attempt);
                    }
                }
                Effect::Reattach { hosts } => {
                    for host in hosts {
                        let state = self.run.host(host).unwrap();
                        self.start(host, state.step, state.attempt);
                    }
                }
                Effect::CancelAll => {
                    for (host, (step, attempt)) in self.tasks.clone() {
                        self.later(2_000, Due::Task(host, step, attempt));
                    }
                }
                Effect::Claim { .. } | Effect::Recut | Effect::Ended => {}
            }
        }
        self.journal.push(event);
        self.promises.after(&self.run);
        if let Some(mut forks) = self.forks.take() {
            forks.push(self.clone());
            self.forks = Some(forks);
        }
    }

    fn start(&mut self, host: HostIx, step: StepIx, attempt: Attempt) {
        self.tasks.insert(host, (step, attempt));
        let took = match self.chance.among(0, 20) {
            // A slow host, and one that hangs until its time is up.
            0 => 60_000,
            1 => 120_000,
            _ => i64::try_from(self.chance.among(10, 3_000)).unwrap(),
        };
        self.later(took, Due::Task(host, step, attempt));
    }

    fn task_ends(&mut self, host: HostIx, step: StepIx, attempt: Attempt) {
        if self.run.aborted_by.is_none() && self.chance.one_in(40) {
            self.later(9_000, Due::Credential);
            let why = "no agent".to_owned();
            self.commit(What::Parked { host, why });
            return;
        }
        let calm = self.now > self.kind_from;
        let outcome = match self.chance.among(0, 24) {
            _ if self.run.aborted_by.is_some() => Outcome::Cancelled,
            0..2 => Outcome::Failed(1),
            2 => Outcome::Unreachable,
            3 => Outcome::Refused(RefusedBy::Auth),
            4 => Outcome::TimedOut,
            5 if !calm => Outcome::InDoubt,
            6 => Outcome::Signaled("KILL".to_owned()),
            _ => Outcome::Ok,
        };
        if outcome == Outcome::Ok && self.chance.one_in(10) {
            let values = [("version".to_owned(), "1".to_owned())].into();
            self.commit(What::Registered { host, values });
        }
        self.commit(What::Finished(Box::new(finished(
            host, step, attempt, outcome,
        ))));
    }

    /// The engine dies: what is in memory is gone, the journal is not.
    fn crash(&mut self) {
        let mut again = Run::new(self.run.id, self.run.spec.clone(), PEOPLE[0], At(0));
        for event in &self.journal {
            again.apply(event);
        }
        Promises::same(&self.run, &again);
        self.run = again;
        self.tasks.clear();
        for event in self.run.recover(self.clock()).concat() {
            self.commit(event.what);
        }
        let owned: Vec<HostIx> = self.tasks.keys().copied().collect();
        let busy = self.those(|phase| matches!(phase, Phase::Busy { .. }));
        assert_eq!(busy, owned, "a host is running that no task owns");
    }

    fn ask(&mut self, command: &Command) -> bool {
        // Nobody without a role changes anything, at any moment.
        let nobody = Authority::of("nobody", [].into(), |_| false, &"root".into());
        assert!(self.run.ask(&nobody, &[], command, self.clock()).is_err());
        match self.run.decide(command, self.clock()) {
            Ok(events) => {
                for event in events {
                    self.commit(event.what);
                }
                true
            }
            Err(_) => false,
        }
    }

    fn person(&mut self) {
        let holder = self.run.holder.clone().filter(|_| self.chance.one_in(3));
        if let (Some(by), Some(_)) = (holder, &self.run.take_asked) {
            self.ask(&Command::RefuseTake { by });
            return;
        }
        let by = (*self.chance.pick(&PEOPLE)).to_owned();
        let hosts = u32::try_from(self.run.spec.targets.len()).unwrap();
        let some: Vec<HostIx> = (0..3)
            .map(|_| HostIx(self.chance.small(0, hosts)))
            .collect();
        let steps = u32::try_from(self.run.spec.steps.len()).unwrap();
        let reason = "as I see fit".to_owned();
        let command = match self.chance.among(0, 17) {
            15 => Command::AbortAfterBatch { by, reason },
            14 => Command::Rollback {
                by,
                reason,
                hosts: if self.chance.one_in(2) {
                    some
                } else {
                    Vec::new()
                },
                with_whole: false,
            },
            0 | 1 => Command::Pause { by, reason },
            2 | 3 => Command::Resume { by },
            4 if self.chance.one_in(3) => Command::Abort { by, reason },
            5 => Command::Retry {
                by,
                only: Vec::new(),
                hosts: if self.chance.one_in(2) {
                    some
                } else {
                    Vec::new()
                },
            },
            6 => Command::Skip { by, hosts: some },
            7 => Command::SkipStep {
                by,
                step: StepIx(u16::try_from(self.chance.small(0, steps)).unwrap()),
            },
            8 => Command::Tune {
                by,
                concurrency: Some(self.chance.small(1, 10)),
                max_failures: self.chance.one_in(2).then_some(3),
                batches: self.chance.one_in(2).then(|| self.cut_anew()),
            },
            9 => Command::Take {
                by,
                reason,
                holder_attached: self.chance.one_in(2),
            },
            10 => Command::RefuseTake { by },
            11 => Command::Give {
                by,
                to: (*self.chance.pick(&PEOPLE)).to_owned(),
            },
            12 => Command::Reject { by, reason },
            13 => self.settle(by),
            _ => Command::Approve { by, reason },
        };
        // Many are refused; that is part of the story.
        self.ask(&command);
    }

    /// What is to come, cut anew; now and then not what is left.
    fn cut_anew(&mut self) -> Vec<Cut> {
        let mut left = self.run.unopened() + u32::from(self.chance.one_in(8));
        let mut cuts = Vec::new();
        while left > 0 {
            let hosts = self.chance.small(1, left + 1);
            let failures = self.chance.one_in(3).then_some(1);
            cuts.push(Cut { hosts, failures });
            left -= hosts;
        }
        cuts
    }

    fn settle(&mut self, by: String) -> Command {
        let doubted = self.those(|phase| phase == Phase::Done(OutcomeKind::InDoubt));
        Command::Settle {
            by,
            host: doubted.first().copied().unwrap_or(HostIx(0)),
            verdict: *self
                .chance
                .pick(&[Verdict::Ok, Verdict::Failed, Verdict::Retry]),
        }
    }

    /// Somebody who wants it to end: goes on, says yes, and gives up on nothing else.
    fn help(&mut self) {
        let holder = self
            .run
            .holder
            .clone()
            .unwrap_or_else(|| PEOPLE[0].to_owned());
        if self.run.paused.is_some() {
            self.ask(&Command::Resume { by: holder });
        }
        if self.run.asks().is_some() {
            let by = PEOPLE[1].to_owned();
            let reason = String::new();
            self.ask(&Command::Approve { by, reason });
        }
        if self.run.tally.parked > 0 {
            self.commit(What::Unparked);
        }
    }
}

fn finished(host: HostIx, step: StepIx, attempt: Attempt, outcome: Outcome) -> Finished {
    Finished {
        host,
        step,
        attempt,
        outcome,
        detail: None,
        phases: Phases::default(),
        output: OutputSum::default(),
        unbegun: false,
    }
}
