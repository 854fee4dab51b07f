//! Who plays in the demo fleet: names, groups, and what is odd about whom.
//!
//! Data only. The names never change between two demos, so that what the documentation says of
//! `web14` stays true.

use std::time::Duration;

/// The zone that the hosts say they are in; `.example` never resolves anywhere.
pub const DOMAIN: &str = "harbour.example";

/// The groups and how many hosts each has, in the order of their addresses.
pub const GROUPS: [(&str, usize); 5] = [
    ("web", 16),
    ("db", 8),
    ("cache", 8),
    ("batch", 8),
    (REGION_SERVERS, 20),
];

/// The region servers, which the example site's flows go over.
pub const REGION_SERVERS: &str = "rs";

/// How many region servers stand in one rack.
pub const RACK: usize = 5;

/// The hosts that a careful person tries first.
pub const CANARY: [&str; 5] = ["web01", "cache01", "batch01", "rs01", "rs11"];

/// What sets a host apart from its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Every command waits this long before it starts.
    Slow(Duration),
    /// Connections are refused.
    Unreachable,
    /// Its host key is not the one in `known_hosts`.
    ChangedKey,
    /// The demo's client key is not accepted.
    NoEntry,
    /// Its service logs without end.
    Floods,
    /// Its service logs terminal escape sequences.
    Escapes,
    /// The root file system has no room.
    FullDisk,
    /// The service has failed: `systemctl status app` ends with 3.
    Failed,
    /// The kernel kills what asks for the service's state.
    OutOfMemory,
    /// Whatever asks for the service's state never ends.
    Hangs,
    /// Its clock is ahead by this many seconds.
    ClockAhead(i64),
    /// Its `/etc/app.conf` is last month's.
    OldConfig,
    /// No other version of its pretend service can be installed until a file is removed.
    Broken,
}

/// A host of the fleet as it is before anybody touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Short name, such as `web07`.
    pub name: String,
    /// The group of the same kind of hosts.
    pub group: &'static str,
    /// Place in its group, from 1.
    pub number: usize,
    /// What is odd about it.
    pub quirk: Option<Quirk>,
}

/// The odd ones, each with a sentence for whoever asks.
pub const CAST: [(&str, Quirk, &str); 15] = [
    (
        "web07",
        Quirk::OldConfig,
        "still has last month's /etc/app.conf",
    ),
    (
        "web11",
        Quirk::Slow(Duration::from_millis(1500)),
        "takes 1.5 s to answer anything",
    ),
    (
        "web14",
        Quirk::Failed,
        "its service failed: systemctl status app ends with 3",
    ),
    (
        "db02",
        Quirk::FullDisk,
        "its disk is 97 % full, and the rest goes quickly",
    ),
    (
        "db03",
        Quirk::ChangedKey,
        "shows another host key than known_hosts has",
    ),
    (
        "db05",
        Quirk::Slow(Duration::from_millis(2500)),
        "takes 2.5 s to answer anything",
    ),
    ("db08", Quirk::Unreachable, "refuses connections"),
    (
        "cache02",
        Quirk::Slow(Duration::from_secs(1)),
        "takes 1 s to answer anything",
    ),
    (
        "cache04",
        Quirk::Escapes,
        "its log is full of terminal escape sequences",
    ),
    ("cache06", Quirk::NoEntry, "does not accept your key"),
    (
        "batch02",
        Quirk::Floods,
        "its service prints thousands of lines when asked for its state",
    ),
    (
        "batch03",
        Quirk::OutOfMemory,
        "is out of memory: the kernel kills systemctl",
    ),
    (
        "batch06",
        Quirk::Hangs,
        "its systemctl hangs until something times out",
    ),
    (
        "batch07",
        Quirk::ClockAhead(7 * 60),
        "its clock is seven minutes ahead",
    ),
    (
        "rs01",
        Quirk::Broken,
        "takes no other version of HBase until /var/lib/pretend-hbase/broken is removed",
    ),
];

/// All hosts, group by group.
pub fn roster() -> Vec<Role> {
    GROUPS
        .iter()
        .flat_map(|&(group, size)| (1..=size).map(move |number| role(group, number)))
        .collect()
}

fn role(group: &'static str, number: usize) -> Role {
    let name = format!("{group}{number:02}");
    let quirk = CAST
        .iter()
        .find(|(odd, _, _)| *odd == name)
        .map(|(_, quirk, _)| *quirk);
    Role {
        name,
        group,
        number,
        quirk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_hosts_in_five_groups_and_every_odd_one_is_among_them() {
        let hosts = roster();
        assert_eq!(hosts.len(), 60);
        assert_eq!(
            hosts.iter().filter(|h| h.quirk.is_some()).count(),
            CAST.len()
        );
        for name in CANARY {
            let host = hosts.iter().find(|h| h.name == name).unwrap();
            let fails_a_flow = host.quirk == Some(Quirk::Broken);
            assert!(
                fails_a_flow || host.quirk.is_none(),
                "{name} must be an ordinary host"
            );
        }
    }
}
