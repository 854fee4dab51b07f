//! Waiting for a condition, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// Long enough for a busy machine; nothing that works ever takes it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `predicate` holds; panics with `description` when it does not within `timeout`.
#[track_caller]
pub fn wait_until(description: &str, timeout: Duration, mut predicate: impl FnMut() -> bool) {
    wait_for(description, timeout, || predicate().then_some(()));
}

/// Waits until `find` finds something, and returns that.
#[track_caller]
pub fn wait_for<T>(description: &str, timeout: Duration, mut find: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + timeout;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(
            Instant::now() < end,
            "waited {timeout:?} in vain for: {description}"
        );
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
