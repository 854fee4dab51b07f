//! The newest head of the audit records, told to the system's log.
//!
//! The chain of audit records shows each edit, deletion and reordering to whoever holds a later
//! head; only its end can be cut off unseen. So the head goes where this engine cannot take it back:
//! to the log of the machine, and with it wherever that is sent.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::store::{AuditHead, Store};

/// How often the log is told, if there is something new.
const EVERY: Duration = Duration::from_mins(1);
/// `authpriv.notice`, as syslog(3) numbers it: who did what is for few eyes.
const PRIORITY: u8 = 10 * 8 + 5;

/// Tells the log.
#[derive(Clone)]
pub struct Heads {
    store: Arc<dyn Store>,
    /// The log's socket.
    socket: PathBuf,
    /// The engine's own name, for there may be several on a machine.
    instance: String,
    /// The record that was told last.
    told: Option<u64>,
}

impl Heads {
    /// Heads of this store, for the log behind this socket.
    pub fn new(store: Arc<dyn Store>, socket: PathBuf, instance: String) -> Self {
        Self {
            store,
            socket,
            instance,
            told: None,
        }
    }

    /// Tells each minute whether there are new records, until the engine ends. The first look tells
    /// what an engine that was killed could not.
    pub async fn keep_telling(mut self) {
        let mut looks = tokio::time::interval(EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.tell_news().await;
        }
    }

    /// Tells the newest head, if it is not the one that was told last.
    async fn tell_news(&mut self) {
        let Some(head) = self.newest().await else {
            return;
        };
        if self.told == Some(head.seq) {
            return;
        }
        match self.send(&head) {
            Ok(()) => self.told = Some(head.seq),
            // A machine without a log is none of our business.
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                let socket = self.socket.display();
                tracing::warn!(%error, %socket, "the log was not told the head of the audit records");
            }
        }
    }

    /// Tells the newest head, whatever was told before: the engine ends.
    pub async fn tell_last(mut self) {
        self.told = None;
        self.tell_news().await;
    }

    /// The newest head that can be lost no more.
    async fn newest(&self) -> Option<AuditHead> {
        let head = match self.store.audit_head() {
            Ok(head) => head?,
            Err(error) => {
                tracing::warn!(%error, "the head of the audit records could not be read");
                return None;
            }
        };
        let mut durability = self.store.durability();
        let reached = durability
            .wait_for(|state| state.lsn >= head.lsn || state.failed.is_some())
            .await
            .is_ok_and(|state| state.lsn >= head.lsn);
        reached.then_some(head)
    }

    fn send(&self, head: &AuditHead) -> std::io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        // A log that is behind must not hold the engine up; the next minute tells a newer head.
        socket.set_nonblocking(true)?;
        let line = format!(
            "<{PRIORITY}>{} conn[{}]: audit head seq={} hash={} instance={}",
            chrono::Local::now().format("%b %e %H:%M:%S"),
            std::process::id(),
            head.seq,
            head.hash,
            self.instance
        );
        socket.send_to(line.as_bytes(), &self.socket).map(drop)
    }
}

/// Whether there is a log to tell.
pub fn is_there(socket: &Path) -> bool {
    UnixDatagram::unbound().is_ok_and(|probe| probe.connect(socket).is_ok())
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sim::{SimStore, Syncing};
    use crate::store::{Append, Stream};

    struct Log(UnixDatagram);

    impl Log {
        fn at(path: &Path) -> Self {
            let socket = UnixDatagram::bind(path).unwrap();
            socket.set_nonblocking(true).unwrap();
            Self(socket)
        }

        fn line(&self) -> Option<String> {
            let mut buffer = [0; 1024];
            let length = self.0.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        }
    }

    fn rig() -> (tempfile::TempDir, Arc<SimStore>, Heads) {
        let dir = tempfile::tempdir().unwrap();
        let store = SimStore::new(Syncing::Automatic);
        let heads = Heads::new(store.clone(), dir.path().join("log"), "abc".to_owned());
        (dir, store, heads)
    }

    fn record(store: &SimStore, text: &'static str) {
        store
            .append(vec![Append::new(Stream::Audit, text)])
            .unwrap();
    }

    #[tokio::test]
    async fn the_log_is_told_each_new_head_once() {
        let (dir, store, mut heads) = rig();
        let log = Log::at(&dir.path().join("log"));
        heads.tell_news().await;
        assert_eq!(log.line(), None, "there is no record yet");
        for text in ["a", "b"] {
            record(&store, text);
            heads.tell_news().await;
            let (seq, hash) = store.verify_audit().unwrap().head.unwrap();
            let line = log.line().unwrap();
            assert!(line.starts_with("<85>"), "{line}");
            let words = format!(": audit head seq={seq} hash={hash} instance=abc");
            assert!(line.ends_with(&words), "{line}");
            heads.tell_news().await;
            assert_eq!(log.line(), None, "nothing is new");
        }
        heads.tell_last().await;
        assert!(log.line().unwrap().contains("seq=1 "));
    }

    #[tokio::test]
    async fn a_head_that_the_log_missed_is_told_when_the_log_is_there() {
        let (dir, store, mut heads) = rig();
        record(&store, "a");
        heads.tell_news().await;
        let log = Log::at(&dir.path().join("log"));
        heads.tell_news().await;
        assert!(log.line().unwrap().contains("seq=0 "));
    }

    #[tokio::test]
    async fn a_head_that_can_still_be_lost_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::at(&dir.path().join("log"));
        let store = SimStore::new(Syncing::Manual);
        record(&store, "a");
        let mut heads = Heads::new(store.clone(), dir.path().join("log"), "abc".to_owned());
        let mut telling = Box::pin(heads.tell_news());
        assert!(futures::poll!(telling.as_mut()).is_pending());
        assert_eq!(log.line(), None);
        store.sync();
        telling.await;
        assert!(log.line().unwrap().contains("seq=0 "));
    }
}
