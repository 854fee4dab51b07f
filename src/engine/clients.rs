//! Who is connected.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::run::ids::{At, RunId};
use crate::ssh::Agents;
use crate::wire::console::Presence;

/// Agent sockets that are remembered; an older one belongs to a login that is long gone.
const MOST_AGENTS: usize = 16;

/// A connected client.
#[derive(Debug, Clone)]
pub struct ClientInfo {
    /// The Unix user behind it, from the socket's peer credentials.
    pub user: String,
    /// Whether a person follows there.
    pub attached: bool,
    /// From where it asks, in words.
    pub origin: String,
    /// Since when it is here.
    pub since: At,
    /// The run it looks at.
    pub looking: Option<RunId>,
}

/// Everybody who is connected now.
#[derive(Debug, Default)]
pub struct Clients {
    table: Mutex<(u64, BTreeMap<u64, ClientInfo>)>,
    agents: Mutex<(u64, VecDeque<(u64, PathBuf)>)>,
}

impl Clients {
    /// Notes a client; the number takes it out again.
    pub fn enter(&self, info: ClientInfo) -> u64 {
        let mut table = self.table();
        table.0 += 1;
        let id = table.0;
        table.1.insert(id, info);
        id
    }

    /// The client is gone; what was known of it.
    pub fn leave(&self, id: u64) -> Option<ClientInfo> {
        self.table().1.remove(&id)
    }

    /// The client looks at this run. Whether that is news to others.
    pub fn looks_at(&self, id: u64, run: Option<RunId>) -> bool {
        let mut table = self.table();
        let Some(client) = table.1.get_mut(&id) else {
            return false;
        };
        let news = client.attached && client.looking != run;
        client.looking = run;
        news
    }

    /// Who follows here, longest first; `asking` is one of them, or not.
    pub fn present(&self, asking: u64) -> Vec<Presence> {
        self.table()
            .1
            .iter()
            .filter(|(_, client)| client.attached)
            .map(|(id, client)| Presence {
                user: client.user.clone(),
                origin: client.origin.clone(),
                looking: client.looking,
                since: client.since,
                you: *id == asking,
            })
            .collect()
    }

    /// Whether this person follows somewhere now.
    pub fn is_attached(&self, user: &str) -> bool {
        self.table()
            .1
            .values()
            .any(|client| client.attached && client.user == user)
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.table().1.len()
    }

    /// The people behind them, each once.
    pub fn people(&self) -> Vec<String> {
        let names: std::collections::BTreeSet<String> = self
            .table()
            .1
            .values()
            .map(|client| client.user.clone())
            .collect();
        names.into_iter().collect()
    }

    /// Registers the agent that came with a login. It stays when its client leaves: the login
    /// lives on, and a run that was left alone needs it.
    pub fn remember_agent(&self, agents: &Agents, socket: PathBuf) {
        let mut known = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, sockets) = &mut *known;
        let place = sockets.iter().position(|(_, known)| *known == socket);
        let id = if let Some((id, _)) = place.and_then(|place| sockets.remove(place)) {
            id
        } else {
            *next += 1;
            *next
        };
        agents.register(id, socket.clone());
        sockets.push_back((id, socket));
        while sockets.len() > MOST_AGENTS {
            if let Some((oldest, _)) = sockets.pop_front() {
                agents.remove(oldest);
            }
        }
    }

    /// The sockets of the agents that are remembered, newest first.
    pub fn agent_sockets(&self) -> Vec<PathBuf> {
        let known = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        known.1.iter().rev().map(|(_, path)| path.clone()).collect()
    }

    fn table(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, ClientInfo>)> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
