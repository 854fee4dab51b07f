//! The agents of the people who are attached.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::agent::Agent;

/// Agent sockets, registered by clients that come and go.
#[derive(Debug, Default)]
pub struct Agents {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// The newest last.
    registered: Vec<(u64, Arc<Agent>)>,
    /// Sockets that `IdentityAgent` names; as many as the configuration has.
    named: HashMap<PathBuf, Arc<Agent>>,
}

impl Agents {
    /// Registers a client's agent. A client that registers again becomes the newest.
    pub fn register(&self, id: u64, socket: PathBuf) {
        let mut table = self.lock();
        table.registered.retain(|(known, _)| *known != id);
        let known = table
            .registered
            .iter()
            .find(|(_, agent)| agent.socket() == socket);
        let agent = known.map_or_else(
            || Arc::new(Agent::new(socket)),
            |(_, agent)| Arc::clone(agent),
        );
        table.registered.push((id, agent));
    }

    /// Forgets a client's agent: the client has gone.
    pub fn remove(&self, id: u64) {
        self.lock().registered.retain(|(known, _)| *known != id);
    }

    /// The registered agents, the newest first, each once.
    pub(super) fn newest_first(&self) -> Vec<Arc<Agent>> {
        let mut agents: Vec<Arc<Agent>> = Vec::new();
        for (_, agent) in self.lock().registered.iter().rev() {
            if !agents.iter().any(|known| Arc::ptr_eq(known, agent)) {
                agents.push(Arc::clone(agent));
            }
        }
        agents
    }

    /// The agent at a socket that the configuration names.
    pub(super) fn at(&self, socket: &Path) -> Arc<Agent> {
        let mut table = self.lock();
        if let Some(agent) = table.named.get(socket) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(Agent::new(socket.to_owned()));
        table.named.insert(socket.to_owned(), Arc::clone(&agent));
        agent
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_registered_last_is_asked_first_and_none_twice() {
        let agents = Agents::default();
        agents.register(1, "/a".into());
        agents.register(2, "/b".into());
        agents.register(3, "/a".into());
        let sockets = |agents: &Agents| {
            agents
                .newest_first()
                .iter()
                .map(|a| a.socket().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(sockets(&agents), [Path::new("/a"), Path::new("/b")]);
        agents.remove(3);
        assert_eq!(sockets(&agents), [Path::new("/b"), Path::new("/a")]);
        agents.register(1, "/c".into());
        assert_eq!(sockets(&agents), [Path::new("/c"), Path::new("/b")]);
    }
}
