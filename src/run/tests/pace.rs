//! What is said of a run's pace.

use std::time::Duration;

use super::*;
use crate::run::pace::Pace;

/// Ten hosts in two batches, two at once, a minute between the batches: a push and a command.
fn bench() -> Bench {
    let mut spec = spec(10, 2, vec![2, 8], true);
    spec.rollout.soaks = vec![Duration::from_mins(1); 2];
    let mut bench = Bench::new(spec);
    bench.go_on();
    bench
}

fn near(eta: Option<f64>, seconds: f64) {
    let eta = eta.expect("an estimate");
    assert!((eta - seconds).abs() < seconds * 0.1, "{eta} for {seconds}");
}

impl Bench {
    fn pace(&self, former: &[Option<f64>]) -> Pace {
        self.run.pace(At(self.now), former, 5)
    }

    fn finish_at(&mut self, now: i64, host: u32) {
        self.now = now;
        let place = self.busy.iter().position(|(ix, ..)| ix.0 == host);
        self.finish(place.unwrap(), Outcome::Ok);
    }
}

#[test]
fn an_estimate_counts_slots_batches_and_soaks_by_what_steps_took() {
    let mut bench = bench();
    assert_eq!(bench.pace(&[]).eta, None, "nothing is known");
    let former = [Some(1.0), Some(9.0)];
    near(bench.pace(&former).eta, 10.0 + 60.0 + 40.0);
    bench.now = 5_000;
    // A step that takes longer than it should has no more than nothing left.
    near(bench.pace(&former).eta, 9.0 + 60.0 + 40.0);

    bench.now = 0;
    bench.finish_at(2_000, 0);
    bench.finish_at(2_000, 1);
    assert_eq!(bench.pace(&[]).eta, None, "nothing is known of the command");
    bench.finish_at(20_000, 0);
    bench.finish_at(20_000, 1);
    // The run's own times count for more than those of others.
    near(bench.pace(&former).eta, 60.0 + 4.0 * 20.0);
    bench.now = 50_000;
    near(bench.pace(&[]).eta, 30.0 + 4.0 * 20.0);
    let pause = Command::Pause {
        by: "kim".to_owned(),
        reason: "look".to_owned(),
    };
    bench.ask(&pause).unwrap();
    assert_eq!(
        bench.pace(&former).eta,
        None,
        "a person decides when it ends"
    );
}

#[test]
fn a_host_lags_that_takes_three_times_as_long_as_others_and_ten_seconds() {
    let mut bench = bench();
    bench.finish_at(1_000, 0);
    bench.finish_at(1_000, 1);
    bench.finish_at(5_000, 1);
    bench.now = 10_500;
    assert_eq!(bench.pace(&[]).stragglers, [], "it is not ten seconds yet");
    bench.now = 14_000;
    let lags = bench.pace(&[]).stragglers;
    assert_eq!(lags.len(), 1);
    assert_eq!((lags[0].host, lags[0].since), (HostIx(0), At(1_000)));
    assert!((lags[0].usual - 4.0).abs() < 0.4, "{lags:?}");
    // What other runs took does not count beside its own.
    assert_eq!(bench.pace(&[None, Some(60.0)]).stragglers.len(), 1);
    bench.finish_at(15_000, 0);
    assert_eq!(bench.pace(&[]).stragglers, []);
}
