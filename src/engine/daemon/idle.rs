//! An engine that nobody needs may end by itself, where the site says so.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::clients::Clients;
use crate::engine::inbox::Inbox;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Resolves when nothing has run and nobody has been here for so long; never without a limit.
pub(super) async fn idle_for(limit: Option<Duration>, inbox: &Inbox, clients: &Clients) {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    let mut busy_at = Instant::now();
    while busy_at.elapsed() < limit {
        tokio::time::sleep(LOOK_EVERY.min(limit)).await;
        let open = inbox
            .look(|core| core.live().any(|live| live.run.ended.is_none()))
            .await;
        if clients.count() > 0 || open.unwrap_or(true) {
            busy_at = Instant::now();
        }
    }
}
