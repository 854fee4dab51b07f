//! When the next frame may be drawn: not too soon after the last, and within the bytes that a link
//! may be given.
//!
//! A key is answered at once, whatever else is going on; what the hosts write may take the link's
//! budget, and no more. Frames that are not drawn are not queued: the next one shows what is then.

use std::time::Duration;

use tokio::time::Instant;

/// Between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// Between two frames over a slow link.
const SLOW_FRAME: Duration = Duration::from_millis(250);
/// Between two answers to keys.
const KEY_FRAME: Duration = Duration::from_millis(10);
/// Bytes a second that a storm of changes may send.
const RATE: f64 = 38_000.0;
/// The same over a slow link.
const SLOW_RATE: f64 = 5_700.0;
/// Bytes that may be sent at once before the rate counts: the first picture of a screen.
const BURST: f64 = 8_000.0;
/// The same over a slow link.
const SLOW_BURST: f64 = 2_500.0;
/// Answers to keys count as well, but never hold the rest up for longer.
const LONGEST_WAIT: f64 = 1.0;
/// What a key asked for may take so many frames to come; they do not wait for the budget.
const FRAMES_OF_A_KEY: u32 = 4;

/// The pace of frames.
pub(super) struct Pace {
    frame: Duration,
    rate: f64,
    burst: f64,
    drawn: Option<Instant>,
    answered: Option<Instant>,
    /// Bytes that may be sent at `counted`; less than zero when more were sent.
    credit: f64,
    counted: Instant,
}

impl Pace {
    /// The pace of a link, slow or not.
    pub fn new(slow: bool, now: Instant) -> Self {
        let (frame, rate, burst) = if slow {
            (SLOW_FRAME, SLOW_RATE, SLOW_BURST)
        } else {
            (FRAME, RATE, BURST)
        };
        Self {
            frame,
            rate,
            burst,
            drawn: None,
            answered: None,
            credit: burst,
            counted: now,
        }
    }

    /// The least time between two frames nobody pressed a key for.
    pub fn frame(&self) -> Duration {
        self.frame
    }

    /// When the next frame may be drawn; `keyed` when it answers a key.
    pub fn due(&self, keyed: bool) -> Instant {
        if keyed {
            return self.answered.map_or(self.counted, |at| at + KEY_FRAME);
        }
        let Some(drawn) = self.drawn else {
            return self.counted;
        };
        let debt = Duration::from_secs_f64((-self.credit / self.rate).max(0.0));
        let next = drawn + self.frame;
        let of_a_key = |at: Instant| next < at + self.frame * FRAMES_OF_A_KEY;
        if self.answered.is_some_and(of_a_key) {
            return next;
        }
        next.max(self.counted + debt)
    }

    /// A frame of so many bytes was drawn.
    pub fn drew(&mut self, now: Instant, bytes: usize, keyed: bool) {
        let earned = now.duration_since(self.counted).as_secs_f64() * self.rate;
        let before = (self.credit + earned).min(self.burst);
        let sent = u32::try_from(bytes).map_or(f64::from(u32::MAX), f64::from);
        self.credit = before - sent;
        (self.counted, self.drawn) = (now, Some(now));
        if keyed {
            self.credit = self.credit.max(before.min(-self.rate * LONGEST_WAIT));
            self.answered = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that a storm sends in a minute, when every frame has as many as `frame` says.
    fn storm(slow: bool, frame: usize) -> usize {
        let start = Instant::now();
        let (mut pace, mut now, mut sent) = (Pace::new(slow, start), start, 0);
        while now < start + Duration::from_mins(1) {
            pace.drew(now, frame, false);
            sent += frame;
            now = (now + Duration::from_millis(1)).max(pace.due(false));
        }
        sent
    }

    #[test]
    fn no_storm_takes_more_than_the_links_share() {
        // Besides the last frame, which was begun within it.
        for frame in [60, 1_000, 7_000, 30_000] {
            assert!(storm(false, frame) - frame < 60 * 40_000, "{frame}");
            assert!(storm(true, frame) - frame < 60 * 6_000, "slow, {frame}");
        }
    }

    #[test]
    fn a_key_is_answered_at_once_in_any_storm() {
        let now = Instant::now();
        let mut pace = Pace::new(true, now);
        pace.drew(now, 100_000, false);
        assert!(pace.due(false) > now + SLOW_FRAME);
        assert!(pace.due(true) <= now);
        pace.drew(now, 1_000, true);
        assert_eq!(pace.due(true), now + KEY_FRAME);
    }

    #[test]
    fn a_quiet_screen_is_drawn_without_delay() {
        let start = Instant::now();
        let mut pace = Pace::new(false, start);
        pace.drew(start, 5_000, false);
        let later = start + Duration::from_secs(1);
        assert!(pace.due(false) < later);
    }
}
