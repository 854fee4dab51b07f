//! Random histories: what happens in any order, and what must hold after each of it.

use proptest::prelude::*;

use super::*;

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Ok),
        1 => (1u32..255).prop_map(Outcome::Failed),
        1 => Just(Outcome::Unreachable),
        1 => Just(Outcome::Refused(RefusedBy::Auth)),
        1 => Just(Outcome::InDoubt),
        1 => Just(Outcome::TimedOut),
    ]
}

#[derive(Debug, Clone)]
pub(super) enum Happening {
    Finish(usize, Outcome),
    Park(usize),
    Credentials,
    Lack(usize),
    Secret,
    Ask(u8),
    Crash,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (any::<usize>(), outcome()).prop_map(|(place, outcome)| Happening::Finish(place, outcome)),
        2 => any::<usize>().prop_map(Happening::Park),
        1 => Just(Happening::Credentials),
        1 => any::<usize>().prop_map(Happening::Lack),
        1 => Just(Happening::Secret),
        3 => any::<u8>().prop_map(Happening::Ask),
        1 => Just(Happening::Crash),
    ]
}

fn command(choice: u8, by: &str) -> Command {
    let by = by.to_owned();
    match choice % 8 {
        0 => Command::Pause {
            by,
            reason: "look".to_owned(),
        },
        1 | 2 => Command::Resume { by },
        3 => Command::Retry {
            by,
            only: Vec::new(),
            hosts: Vec::new(),
        },
        4 => Command::Skip {
            by,
            hosts: vec![HostIx(u32::from(choice) / 8)],
        },
        5 => Command::Settle {
            by,
            host: HostIx(u32::from(choice) / 8),
            verdict: Verdict::Retry,
        },
        6 => Command::Tune {
            by,
            concurrency: Some(u32::from(choice) / 8),
            max_failures: None,
            batches: None,
        },
        _ => Command::Abort {
            by,
            reason: "enough".to_owned(),
        },
    }
}

impl Bench {
    pub(super) fn happen(&mut self, happening: &Happening) {
        self.now += 1000;
        match happening {
            Happening::Finish(place, outcome) if !self.busy.is_empty() => {
                self.finish(*place, outcome.clone());
            }
            Happening::Park(place) if !self.busy.is_empty() => self.park(*place),
            Happening::Credentials => {
                self.commit(Event {
                    at: At(self.now),
                    what: What::Unparked,
                });
                self.go_on();
            }
            Happening::Lack(place) if !self.busy.is_empty() => {
                let secret = "token".to_owned();
                self.commit(Event {
                    at: At(self.now),
                    what: What::SecretLacking { secret },
                });
                self.park(*place);
            }
            Happening::Secret => {
                self.commit(Event {
                    at: At(self.now),
                    what: What::SecretGiven {
                        secret: "token".to_owned(),
                        by: "kim".to_owned(),
                    },
                });
                self.go_on();
            }
            Happening::Ask(choice) => {
                // Many are refused; that is part of the history.
                let _ = self.ask(&command(*choice, "kim"));
            }
            Happening::Crash => self.crash(),
            Happening::Finish(..) | Happening::Park(_) | Happening::Lack(_) => {}
        }
    }

    pub(super) fn park(&mut self, place: usize) {
        let (host, step, _) = self.busy.swap_remove(place % self.busy.len());
        // Nothing had been sent.
        *self.execs.entry((host, step)).or_default() -= 1;
        self.commit(Event {
            at: At(self.now),
            what: What::Parked {
                host,
                why: "no agent".to_owned(),
            },
        });
        self.go_on();
    }

    /// The engine dies and comes back from its journal: tasks are gone, promises are not.
    pub(super) fn crash(&mut self) {
        self.run = self.replayed();
        let busy = std::mem::take(&mut self.busy);
        let durable: Vec<_> = busy
            .into_iter()
            .filter(|(_, step, _)| self.run.is_durable(*step))
            .collect();
        for event in self.run.recover(At(self.now)).concat() {
            self.commit(event);
        }
        self.busy.extend(durable);
        self.go_on();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_history_starts_a_step_more_often_than_it_was_granted(
        hosts in 1u32..40,
        concurrency in 1u32..8,
        first in 1u32..40,
        durable in any::<bool>(),
        hold in any::<bool>(),
        happenings in prop::collection::vec(happening(), 0..120),
    ) {
        let first = first.min(hosts);
        let plain = spec(hosts, concurrency, vec![first, hosts - first], durable);
        let mut bench = Bench::new(if hold { held(plain) } else { plain });
        bench.go_on();
        for happening in &happenings {
            bench.happen(happening);
            same(&bench.run, &bench.replayed());
        }
    }

    #[test]
    fn every_run_ends_once_its_tasks_do_and_nobody_holds_it_up(
        hosts in 1u32..40,
        concurrency in 1u32..8,
        hold in any::<bool>(),
        outcomes in prop::collection::vec(outcome(), 1..8),
    ) {
        let plain = spec(hosts, concurrency, vec![hosts], false);
        let mut bench = Bench::new(if hold { held(plain) } else { plain });
        bench.go_on();
        let mut next = outcomes.iter().cycle();
        while let (false, Some(outcome)) = (bench.busy.is_empty(), next.next()) {
            prop_assert!(bench.run.tally.busy() <= concurrency);
            bench.finish(0, outcome.clone());
        }
        prop_assert!(bench.run.state().is_over());
        let all_ok = bench.run.tally.ended(OutcomeKind::Ok) == hosts;
        prop_assert_eq!(bench.run.state() == RunState::Succeeded, all_ok);
    }

    #[test]
    fn past_the_failure_limit_nothing_starts(
        hosts in 10u32..60,
        limit in 0u32..5,
        concurrency in 1u32..6,
    ) {
        let mut spec = spec(hosts, concurrency, vec![hosts], false);
        spec.rollout.max_failures = Some(limit);
        let mut bench = Bench::new(spec);
        bench.go_on();
        while !bench.busy.is_empty() {
            bench.finish(0, Outcome::Failed(1));
        }
        prop_assert_eq!(bench.run.state(), RunState::Paused);
        prop_assert!(bench.run.tally.failures() <= limit + concurrency);
    }
}
