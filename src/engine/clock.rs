//! The engine's clock: the wall clock as it was at the start, carried on by one that nobody sets.
//!
//! So a wall clock that is set ends no soak and holds none up. That it was set is noticed within a second, recorded in
//! every run that is not over, and only then believed; what was waited for keeps its length (`run/clock.rs`). An engine
//! that starts on the same boot of the machine learns from a file how far the clock was set while there was none.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};

use rustix::time::{ClockId, clock_gettime};

use crate::run::ids::At;

/// Less than this, in milliseconds, is no setting of the clock, and nobody is told of it.
const STEP: i64 = 2_000;
/// Goes on while the machine sleeps, and is set by nobody.
#[cfg(target_os = "linux")]
const STEADY: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const STEADY: ClockId = ClockId::Monotonic;

/// By how many milliseconds the wall clock that is believed is ahead of the steady one.
static AHEAD: LazyLock<AtomicI64> = LazyLock::new(|| AtomicI64::new(ahead()));

/// The wall clock, for people, as far as it is believed.
pub fn now() -> At {
    At(steady_ms().saturating_add(AHEAD.load(Ordering::Relaxed)))
}

/// Milliseconds of the clock that nobody sets.
pub(super) fn steady_ms() -> i64 {
    let time = clock_gettime(STEADY);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

fn ahead() -> i64 {
    chrono::Utc::now().timestamp_millis() - steady_ms()
}

/// By how much the wall clock was set since it was last believed, in milliseconds, when that is more than nothing.
pub(super) fn set_by() -> Option<i64> {
    let by = ahead() - AHEAD.load(Ordering::Relaxed);
    (by.abs() > STEP).then_some(by)
}

/// How far the wall clock was set while no engine ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    /// By so many milliseconds, ahead or back; nought if it was not.
    Set(i64),
    /// The machine was started anew since, or nothing was kept.
    Unknown,
}

/// What is believed of the wall clock, for engines to come.
#[derive(Debug, Default, Clone)]
pub(super) struct Clock {
    kept: Option<PathBuf>,
}

impl Clock {
    /// The clock of an engine with a state directory, and what happened to it since the last engine there.
    pub fn of(state: &Path) -> (Self, Away) {
        let clock = Self {
            kept: Some(state.join("clock")),
        };
        let boot = boot();
        let kept = clock
            .kept
            .as_ref()
            .and_then(|path| std::fs::read_to_string(path).ok());
        let away = away(
            kept.as_deref(),
            boot.as_deref(),
            AHEAD.load(Ordering::Relaxed),
        );
        (clock, away)
    }

    /// Believes it from here on.
    pub fn follow(by: i64) {
        AHEAD.fetch_add(by, Ordering::Relaxed);
    }

    /// Notes for the next engine how the clocks stand.
    pub fn keep(&self) {
        let (Some(path), Some(boot)) = (&self.kept, boot()) else {
            return;
        };
        let text = format!("{boot} {}\n", AHEAD.load(Ordering::Relaxed));
        let new = path.with_extension("new");
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "how the clocks stand could not be kept");
        }
    }
}

fn away(kept: Option<&str>, boot: Option<&str>, ahead: i64) -> Away {
    let then = kept.and_then(|text| {
        let (then, ahead) = text.trim().split_once(' ')?;
        (Some(then) == boot).then(|| ahead.parse::<i64>().ok())?
    });
    match then.map(|then| ahead.saturating_sub(then)) {
        Some(by) if by.abs() > STEP => Away::Set(by),
        Some(_) => Away::Set(0),
        None => Away::Unknown,
    }
}

/// What names this run of the machine.
fn boot() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_last_engine_kept_tells_how_far_the_clock_was_set_since() {
        let kept = Some("b00t 1000000\n");
        assert_eq!(away(kept, Some("b00t"), 1_000_900), Away::Set(0));
        assert_eq!(away(kept, Some("b00t"), 4_600_000), Away::Set(3_600_000));
        assert_eq!(away(kept, Some("b00t"), -2_600_000), Away::Set(-3_600_000));
    }

    #[test]
    fn another_boot_and_damage_tell_nothing() {
        for kept in [
            None,
            Some(""),
            Some("b00t"),
            Some("b00t soon"),
            Some("other 1000000"),
        ] {
            assert_eq!(
                away(kept, Some("b00t"), 1_000_000),
                Away::Unknown,
                "{kept:?}"
            );
        }
        assert_eq!(away(Some("b00t 1"), None, 1), Away::Unknown);
    }

    #[test]
    fn the_clock_of_a_state_directory_is_kept_for_the_next_engine() {
        let state = tempfile::tempdir().unwrap();
        let (clock, away) = Clock::of(state.path());
        assert_eq!(away, Away::Unknown);
        clock.keep();
        assert_eq!(Clock::of(state.path()).1, Away::Set(0));
    }

    #[test]
    fn it_tells_the_time() {
        let wall = chrono::Utc::now().timestamp_millis();
        assert!((now().0 - wall).abs() < STEP);
    }
}
