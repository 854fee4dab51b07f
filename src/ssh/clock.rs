//! Phase times, and waiting with an end.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::error::SshError;

/// Runs a phase and writes down how long it took, whether it went well or not.
pub(crate) async fn timed<T>(slot: &mut Option<f64>, phase: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let result = phase.await;
    *slot = Some(began.elapsed().as_secs_f64());
    result
}

/// The end of the time that a connection may take as a whole, and the wish to stop.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub deadline: Instant,
    pub cancel: CancellationToken,
}

impl Bounds {
    pub fn new(whole: Duration, cancel: &CancellationToken) -> Self {
        Self {
            deadline: Instant::now() + whole,
            cancel: cancel.clone(),
        }
    }

    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for a phase at most `limit`, at most to the deadline, and not after a cancel.
    pub async fn phase<T>(
        &self,
        name: &'static str,
        limit: Duration,
        phase: impl Future<Output = Result<T, SshError>>,
    ) -> Result<T, SshError> {
        let limit = limit.min(self.left());
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(SshError::Cancelled),
            result = tokio::time::timeout(limit, phase) => {
                result.unwrap_or(Err(SshError::Timeout { phase: name, after: limit }))
            }
        }
    }
}

/// A number nobody can foresee, from the keys of the standard library's hasher.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}
