//! What could go wrong on this bastion: facts the engine sees, with advice.

mod login;
mod machine;

use std::path::Path;

use super::clients::Clients;
use super::{Parts, heads};
use crate::engine::people::is_known;
use crate::run::roles::Member;
use crate::site::identities::Identity;
use crate::store::SpaceState;
use crate::wire::view::Finding;

pub use machine::resident_bytes;

/// Everything that was looked at, in the order a person should read it.
pub fn examine(parts: &Parts, clients: &Clients) -> Vec<Finding> {
    let mut findings = vec![ok(
        "engine",
        format!(
            "version {}, process {}",
            env!("CARGO_PKG_VERSION"),
            std::process::id()
        ),
    )];
    findings.push(login::kill_at_logout());
    findings.push(if parts.settings.shared {
        identities(parts)
    } else {
        agents(clients)
    });
    if parts.settings.shared {
        findings.push(roles(parts));
    }
    findings.extend(parts.directory.findings());
    findings.push(machine::open_files(parts.ssh.stats().open));
    findings.push(machine::clock());
    findings.push(machine::zones());
    findings.extend(store(parts));
    findings
}

/// The word for a space state.
pub fn space_word(space: SpaceState) -> &'static str {
    match space {
        SpaceState::Plenty => "plenty",
        SpaceState::Low => "low: automatic runs are refused",
        SpaceState::Reserve => "on the reserve: only a person's own runs go on",
        SpaceState::Full => "full: nothing more can be recorded",
    }
}

fn agents(clients: &Clients) -> Finding {
    let live: Vec<String> = clients
        .agent_sockets()
        .iter()
        .filter(|socket| std::os::unix::net::UnixStream::connect(socket).is_ok())
        .map(|socket| socket.display().to_string())
        .collect();
    if live.is_empty() {
        return warn(
            "agent",
            "no live agent is known to the engine",
            "log in with a forwarded agent and run any conn command, or name a key in ssh_config",
        );
    }
    ok("agent", format!("{} live: {}", live.len(), live.join(", ")))
}

/// The keys of an engine that uses nobody's own.
fn identities(parts: &Parts) -> Finding {
    let words = |identity: &Identity| {
        let unattended = if identity.unattended {
            ", unattended"
        } else {
            ""
        };
        format!("{} ({}{unattended})", identity.name, identity.key.display())
    };
    let all: Vec<String> = parts.identities.list().iter().map(words).collect();
    if all.is_empty() {
        return bad(
            "identities",
            "a shared engine without a key: no run can log in anywhere",
            "add [identities.NAME] to conn.toml and start the engine again",
        );
    }
    ok("identities", all.join(", "))
}

/// Who may do what, and roles that nobody has or that reach nothing.
fn roles(parts: &Parts) -> Finding {
    const WHAT: &str = "roles";
    let grants = parts.roles.work_out(parts.directory.as_ref());
    let mut wrong: Vec<String> = Vec::new();
    for grant in parts.roles.said().map(|_| &*grants).unwrap_or_default() {
        let unknown = grant.members.iter().filter(|member| !is_known(member));
        wrong.extend(unknown.map(|member| match member {
            Member::User(name) => format!("there is no user {name} to be {}", grant.role),
            Member::Group(name) => format!("there is no group {name} to be {}", grant.role),
        }));
        if let Some(hosts) = &grant.hosts
            && let Err(why) = &hosts.names
        {
            wrong.push(format!(
                "{} on {} reaches no host: {why}",
                grant.role, hosts.text
            ));
        }
    }
    if wrong.is_empty() {
        return ok(WHAT, parts.roles.in_words());
    }
    bad(
        WHAT,
        wrong.join("; "),
        "mend [[roles]] in conn.toml and start the engine again",
    )
}

/// Whether the head of the audit records gets to a log.
pub fn audit_log(socket: Option<&Path>) -> Finding {
    const WHAT: &str = "audit log";
    match socket {
        None => ok(WHAT, "not told, as [audit] syslog says".to_owned()),
        Some(socket) if heads::is_there(socket) => {
            ok(WHAT, format!("{} is told", socket.display()))
        }
        Some(socket) => warn(
            WHAT,
            format!("no log listens at {}", socket.display()),
            "run a syslog daemon or journald, so that a cut audit chain can be noticed",
        ),
    }
}

fn store(parts: &Parts) -> Vec<Finding> {
    let health = parts.store.health();
    let free = format!(
        "{} ({:.1} GB free)",
        space_word(health.space),
        health.free_bytes as f64 / 1e9
    );
    let mut findings = vec![match health.space {
        SpaceState::Plenty => ok("disk", free),
        SpaceState::Low | SpaceState::Reserve => warn(
            "disk",
            free,
            "free space on the filesystem of the state directory, or shorten [retention]",
        ),
        SpaceState::Full => bad(
            "disk",
            free,
            "free space now; conn run --ephemeral works without recording",
        ),
    }];
    if let Some(why) = health.failed {
        findings.push(bad(
            "store",
            format!("nothing can be stored any more: {why}"),
            "mend the disk, then: conn engine stop --now; conn engine start",
        ));
    } else if health.notes.is_empty() {
        findings.push(ok("store", "whole".to_owned()));
    }
    for note in health.notes {
        findings.push(warn("store", note.text, "see the engine's log"));
    }
    findings
}

/// A fact that is as it should be.
pub fn ok(what: &str, found: String) -> Finding {
    Finding {
        level: "ok".to_owned(),
        what: what.to_owned(),
        found,
        advice: None,
    }
}

/// A fact that will hurt some day.
pub fn warn(what: &str, found: impl Into<String>, advice: &str) -> Finding {
    Finding {
        level: "warn".to_owned(),
        what: what.to_owned(),
        found: found.into(),
        advice: Some(advice.to_owned()),
    }
}

/// A fact that hurts now.
pub fn bad(what: &str, found: impl Into<String>, advice: &str) -> Finding {
    Finding {
        level: "bad".to_owned(),
        ..warn(what, found, advice)
    }
}
