//! Connections that are kept, shared and thrown away.
//!
//! One connection a key: whoever needs one while it is being made waits for it. A connection with
//! work is never closed; of those without, the least recently used goes when there are too many.

mod slot;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connect::{self, Connection, Wish};
use super::error::SshError;
use super::front::Shared;
use crate::run::phases::Phases;
pub(crate) use slot::{Place, Slot};

/// Figures of the pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections that are open.
    pub open: usize,
    /// Those of them that have no work.
    pub idle: usize,
}

#[derive(Default)]
struct Table {
    slots: HashMap<Arc<str>, Entry>,
    /// Keys of slots without users, by the time of their last use.
    idle: BTreeMap<u64, Arc<str>>,
    clock: u64,
}

struct Entry {
    slot: Arc<Slot>,
    users: usize,
    idle_since: Option<u64>,
}

/// The pool.
pub(crate) struct Pool {
    table: Arc<Mutex<Table>>,
    channels: usize,
    most_idle: usize,
}

/// A connection from the pool, and whether it was there before.
pub(crate) struct Leased {
    pub lease: Lease,
    pub reused: bool,
}

impl Pool {
    pub fn new(channels: usize, most_idle: usize) -> Self {
        Self {
            table: Arc::default(),
            channels: channels.max(1),
            most_idle,
        }
    }

    /// A connection to the wish's hop: the one that is there, or a new one.
    pub async fn lease(
        &self,
        shared: &Arc<Shared>,
        wish: &Wish<'_>,
        phases: &mut Phases,
    ) -> Result<Leased, SshError> {
        let key = wish.hop.pool_key(&shared.settings.default_user);
        let user = self.join(key);
        if let Some(connection) = user.slot.live() {
            return Ok(Leased {
                lease: Lease { connection, user },
                reused: true,
            });
        }
        let making = tokio::select! {
            biased;
            () = wish.cancel.cancelled() => return Err(SshError::Cancelled),
            making = user.slot.making.lock() => making,
        };
        if let Some(connection) = user.slot.live() {
            drop(making);
            return Ok(Leased {
                lease: Lease { connection, user },
                reused: true,
            });
        }
        let connection = Arc::new(Box::pin(connect::connect(shared, wish, phases)).await?);
        user.slot.put(&connection);
        self.watch(&connection, &user);
        drop(making);
        Ok(Leased {
            lease: Lease { connection, user },
            reused: false,
        })
    }

    fn join(&self, key: Arc<str>) -> User {
        let mut table = lock(&self.table);
        let channels = self.channels;
        let entry = table
            .slots
            .entry(Arc::clone(&key))
            .or_insert_with(|| Entry {
                slot: Arc::new(Slot::new(channels)),
                users: 0,
                idle_since: None,
            });
        entry.users += 1;
        let slot = Arc::clone(&entry.slot);
        if let Some(since) = entry.idle_since.take() {
            table.idle.remove(&since);
        }
        User {
            table: Arc::clone(&self.table),
            key,
            slot,
            most_idle: self.most_idle,
        }
    }

    /// Takes a connection out of the table when it ends, so that a dead one costs nothing.
    fn watch(&self, connection: &Arc<Connection>, user: &User) {
        let ended = connection.ended_token();
        let weak = Arc::downgrade(connection);
        let (table, key) = (Arc::downgrade(&self.table), Arc::clone(&user.key));
        tokio::spawn(async move {
            ended.cancelled().await;
            let (Some(table), Some(connection)) = (table.upgrade(), weak.upgrade()) else {
                return;
            };
            lock(&table).forget(&key, &connection);
        });
    }

    pub fn stats(&self) -> PoolStats {
        let table = lock(&self.table);
        let open = table
            .slots
            .values()
            .filter(|entry| entry.slot.live().is_some())
            .count();
        PoolStats {
            open,
            idle: table.idle.len(),
        }
    }

    /// Closes connections that have no work.
    pub async fn close_idle(&self) {
        let closing: Vec<_> = {
            let mut table = lock(&self.table);
            (0..table.idle.len())
                .filter_map(|_| table.evict())
                .collect()
        };
        close_all(closing).await;
    }

    /// Closes all connections, whatever runs on them.
    pub async fn shutdown(&self) {
        let slots: Vec<_> = lock(&self.table)
            .slots
            .values()
            .map(|e| Arc::clone(&e.slot))
            .collect();
        close_all(slots.iter().filter_map(|slot| slot.take()).collect()).await;
        self.close_idle().await;
    }
}

async fn close_all(connections: Vec<Arc<Connection>>) {
    futures::future::join_all(connections.iter().map(|connection| connection.close())).await;
}

impl Table {
    /// Takes the slot that was idle longest out of the table.
    fn evict(&mut self) -> Option<Arc<Connection>> {
        let (_, key) = self.idle.pop_first()?;
        self.slots.remove(&key)?.slot.take()
    }

    fn forget(&mut self, key: &str, connection: &Arc<Connection>) {
        let Some(entry) = self.slots.get(key) else {
            return;
        };
        if !entry.slot.holds(connection) {
            return;
        }
        drop(entry.slot.take());
        if entry.users == 0 {
            let since = entry.idle_since;
            self.slots.remove(key);
            since.and_then(|since| self.idle.remove(&since));
        }
    }

    fn leave(&mut self, key: &Arc<str>, most_idle: usize) -> Option<Arc<Connection>> {
        let entry = self.slots.get_mut(key)?;
        entry.users -= 1;
        if entry.users > 0 {
            return None;
        }
        if entry.slot.live().is_none() {
            // To be dropped outside of the table's lock: it may hold a lease of a jump host.
            return self.slots.remove(key).and_then(|entry| entry.slot.take());
        }
        self.clock += 1;
        entry.idle_since = Some(self.clock);
        self.idle.insert(self.clock, Arc::clone(key));
        if self.idle.len() > most_idle {
            self.evict()
        } else {
            None
        }
    }
}

/// Counts somebody as a user of a slot.
pub(crate) struct User {
    table: Arc<Mutex<Table>>,
    key: Arc<str>,
    slot: Arc<Slot>,
    most_idle: usize,
}

impl Drop for User {
    fn drop(&mut self) {
        let evicted = lock(&self.table).leave(&self.key, self.most_idle);
        if let (Some(connection), Ok(runtime)) = (evicted, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { connection.close().await });
        }
    }
}

/// A connection in use: it stays in the pool until this is dropped.
pub(crate) struct Lease {
    connection: Arc<Connection>,
    user: User,
}

impl Lease {
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub fn slot(&self) -> &Arc<Slot> {
        &self.user.slot
    }

    /// Lets go of the connection, but keeps the pool from closing it for want of work.
    pub fn into_hold(self) -> Hold {
        Hold(self.user)
    }

    /// Throws the connection away: it turned out to be dead.
    pub fn discard(&self) {
        self.user.slot.drop_if(&self.connection);
        self.connection.cut();
    }
}

/// While this is there, a connection is not closed for want of work. It does not bring a dead one
/// back.
pub struct Hold(#[expect(dead_code, reason = "counts until it is dropped")] User);

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
