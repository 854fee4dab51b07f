//! The service called `app` that every demo host runs.

use chrono::{DateTime, TimeDelta, Utc};

use crate::demo::roster::{Quirk, Role};

/// What the service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs as this process.
    Running(u32),
    /// It ended with an error.
    Failed,
    /// Somebody stopped it.
    Stopped,
}

/// The service and since when it is in its state.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub since: DateTime<Utc>,
    main_pid: u32,
}

impl Service {
    /// As it is when the demo starts.
    pub fn new(role: &Role, now: DateTime<Utc>) -> Self {
        let number = u32::try_from(role.number).unwrap_or(0);
        let main_pid = 1200 + 17 * number;
        let (state, minutes) = match role.quirk {
            Some(Quirk::Failed) => (State::Failed, 42),
            _ => (State::Running(main_pid), 60 * 27 + i64::from(number)),
        };
        Self {
            state,
            since: now - TimeDelta::minutes(minutes),
            main_pid,
        }
    }

    /// Starts it, whatever it was doing; a restart gives it another pid.
    pub fn start(&mut self, now: DateTime<Utc>) {
        self.main_pid += 1;
        self.state = State::Running(self.main_pid);
        self.since = now;
    }

    /// Ends it with an error.
    pub fn fail(&mut self, now: DateTime<Utc>) {
        self.state = State::Failed;
        self.since = now;
    }

    /// Stops it.
    pub fn stop(&mut self, now: DateTime<Utc>) {
        self.state = State::Stopped;
        self.since = now;
    }
}
