//! One key's place in the pool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::connect::Connection;

/// Where the connection of one key is, and how many may share it.
pub(crate) struct Slot {
    connection: Mutex<Option<Arc<Connection>>>,
    /// Held by whoever makes the connection, so that the others wait for it.
    pub making: tokio::sync::Mutex<()>,
    /// Places for sessions. Places that sshd turned out not to have are taken out for good.
    sessions: Arc<Semaphore>,
    /// How many places there are.
    places: AtomicUsize,
    /// Sessions that have one now.
    busy: AtomicUsize,
}

/// A place for a session on a connection.
pub(crate) struct Place {
    slot: Arc<Slot>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Gives the place up and takes it out: the host does not have it. The last one stays.
    pub fn give_up(mut self) {
        let places = &self.slot.places;
        let fewer = |places: usize| (places > 1).then(|| places - 1);
        let taken_out = places
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
            .is_ok();
        if let Some(permit) = self.permit.take_if(|_| taken_out) {
            permit.forget();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slot.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Slot {
    pub fn new(channels: usize) -> Self {
        Self {
            connection: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            sessions: Arc::new(Semaphore::new(channels)),
            places: AtomicUsize::new(channels),
            busy: AtomicUsize::new(0),
        }
    }

    /// The connection, unless there is none or it has ended.
    pub fn live(&self) -> Option<Arc<Connection>> {
        self.lock()
            .as_ref()
            .filter(|connection| connection.is_alive())
            .map(Arc::clone)
    }

    pub fn put(&self, connection: &Arc<Connection>) {
        *self.lock() = Some(Arc::clone(connection));
    }

    pub fn take(&self) -> Option<Arc<Connection>> {
        self.lock().take()
    }

    pub fn holds(&self, connection: &Arc<Connection>) -> bool {
        self.lock()
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(held, connection))
    }

    pub fn drop_if(&self, connection: &Arc<Connection>) {
        if self.holds(connection) {
            drop(self.take());
        }
    }

    /// A place for a session; waits while all are taken.
    pub async fn session(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.sessions).acquire_owned().await.ok()?;
        self.busy.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            slot: Arc::clone(self),
            permit: Some(permit),
        })
    }

    /// How many sessions have a place.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Connection>>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
