//! When the wall clock is set: what a run waits for keeps its length.
//!
//! Moments of a run are those of the wall clock, as people read them. A clock that jumps would end a soak at once or
//! hold it up for hours; so a jump is an event, and every moment that is still waited for moves with it.

use super::ids::At;
use super::state::{Effect, Phase, Run};

impl Run {
    /// The wall clock was set by so many milliseconds, ahead or back.
    pub(super) fn clock_set(&mut self, by: i64) -> Vec<Effect> {
        if let Some(asked) = &mut self.take_asked {
            asked.until.shift(by);
        }
        if let Some(pause) = &mut self.paused {
            pause.at.shift(by);
        }
        // Compared with moments of the run that it is part of, which move as well.
        if let Some(undoing) = &mut self.undoing {
            undoing.shift(by);
        }
        if let Some((_, until)) = &mut self.soaking {
            until.shift(by);
        }
        self.line.shift(by);
        if let Some(stages) = &mut self.stages {
            stages.shift(by);
        }
        for state in &mut self.hosts {
            if let Phase::Resting(until) = &mut state.phase {
                until.shift(by);
            }
            if !matches!(state.phase, Phase::Done(_)) {
                state.since.shift(by);
                state.began.iter_mut().for_each(|began| began.shift(by));
            }
        }
        let resting = std::mem::take(&mut self.resting);
        self.resting = resting
            .into_iter()
            .map(|(until, host)| (until.shifted(by), host))
            .collect();
        Vec::new()
    }
}

impl At {
    /// This moment, on a clock that was set by so many milliseconds.
    #[must_use]
    pub fn shifted(self, by: i64) -> Self {
        Self(self.0.saturating_add(by))
    }

    pub(super) fn shift(&mut self, by: i64) {
        *self = self.shifted(by);
    }
}
