//! Those who want to know which keys change.

use tokio::sync::mpsc;

use super::WATCH_BOUND;

/// All watchers of a store.
#[derive(Debug, Default)]
pub(in crate::store) struct Watchers {
    list: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    prefix: Vec<u8>,
    sender: mpsc::Sender<Vec<u8>>,
    /// Changes were dropped, and the watcher was not told yet.
    missed: bool,
}

impl Watchers {
    /// A channel on which keys with this prefix arrive.
    pub fn add(&mut self, prefix: &[u8]) -> mpsc::Receiver<Vec<u8>> {
        let (sender, receiver) = mpsc::channel(WATCH_BOUND);
        self.list.retain(|watcher| !watcher.sender.is_closed());
        self.list.push(Watcher {
            prefix: prefix.to_owned(),
            sender,
            missed: false,
        });
        receiver
    }

    /// Tells all whom it concerns, waiting for nobody.
    pub fn tell(&mut self, key: &[u8]) {
        self.list
            .retain_mut(|watcher| !key.starts_with(&watcher.prefix) || watcher.tell(key));
    }

    /// Tells those who missed something, if there is room by now.
    pub fn catch_up(&mut self) {
        self.list
            .retain_mut(|watcher| !watcher.missed || watcher.tell_missed());
    }
}

impl Watcher {
    /// False when nobody listens any more.
    fn tell(&mut self, key: &[u8]) -> bool {
        if self.missed {
            return self.tell_missed();
        }
        self.send(key.to_owned())
    }

    /// The mark stands for every change up to now.
    fn tell_missed(&mut self) -> bool {
        self.missed = false;
        self.send(Vec::new())
    }

    fn send(&mut self, key: Vec<u8>) -> bool {
        match self.sender.try_send(key) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.missed = true;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_watcher_is_told_that_it_missed_something() {
        let mut watchers = Watchers::default();
        let mut receiver = watchers.add(b"a/");
        for _ in 0..WATCH_BOUND + 10 {
            watchers.tell(b"a/1");
        }
        watchers.tell(b"b/1");
        for _ in 0..WATCH_BOUND {
            assert_eq!(receiver.try_recv().unwrap(), b"a/1");
        }
        assert!(receiver.try_recv().is_err());
        watchers.catch_up();
        assert!(receiver.try_recv().unwrap().is_empty());
        watchers.tell(b"a/2");
        assert_eq!(receiver.try_recv().unwrap(), b"a/2");
    }
}
