//! Why a run exists: the chain of what led to it, nearest first.
//!
//! A run has at least one cause. What starts runs by itself later adds its own kinds before the
//! person or the event that stands at the end of the chain.

use serde::{Deserialize, Serialize};

use super::event::{Event, What};
use super::ids::{At, RunId};

/// From where a person asked, in the words of the program they asked with. Shown, never trusted:
/// who it was comes from the socket's peer credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The machine the program ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The terminal it was started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// Where its login came from, when that was over SSH: an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_from: Option<String>,
    /// Its process.
    pub pid: u32,
    /// What it was asked to do, in a word or two: `conn run`, `conn preflight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// What sort of cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// A person started it.
    Person,
    /// A person decided that it goes on, or again.
    Decision,
    /// A rule did, without a person.
    Rule,
    /// Anything a newer engine may say.
    #[serde(other)]
    Other,
}

/// One link in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What sort.
    pub kind: CauseKind,
    /// When.
    pub at: At,
    /// Who; `conn` for a rule.
    pub by: String,
    /// What, in a sentence.
    pub what: String,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The run it is about, when that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

impl Origin {
    /// On one line: `terminal pts/3 of bastion2, logged in from 10.1.2.3`.
    pub fn words(&self) -> String {
        let mut words = match (&self.tty, &self.host) {
            (Some(tty), Some(host)) => format!("terminal {tty} of {host}"),
            (Some(tty), None) => format!("terminal {tty}"),
            (None, Some(host)) => format!("a program on {host}, no terminal"),
            (None, None) => "a program, no terminal".to_owned(),
        };
        if let Some(from) = &self.ssh_from {
            words.extend([", logged in from ", from]);
        }
        if self.pid != 0 {
            words.extend([", process ", &self.pid.to_string()]);
        }
        words
    }
}

/// The chain of a run: how it began, then each decision that made something start.
pub fn causes(title: &str, events: &[Event]) -> Vec<Cause> {
    events
        .iter()
        .filter_map(|event| cause(title, event))
        .collect()
}

fn cause(title: &str, event: &Event) -> Option<Cause> {
    let (by, what, origin) = match &event.what {
        What::Created {
            starter, origin, ..
        } => (starter, format!("started {title}"), origin.clone()),
        What::Resumed { by } => (by, "resumed it".to_owned(), None),
        What::Retried { by, hosts } => (by, format!("retried {} hosts", hosts.len()), None),
        What::Settled { by, outcome, .. } => (by, format!("settled a host as {outcome}"), None),
        _ => return None,
    };
    let kind = match &event.what {
        What::Created { .. } => CauseKind::Person,
        _ if by == super::decide::BY_RULE => CauseKind::Rule,
        _ => CauseKind::Decision,
    };
    Some(Cause {
        kind,
        at: event.at,
        by: by.clone(),
        what,
        origin,
        run: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::ids::HostIx;

    #[test]
    fn the_start_comes_first_and_every_decision_that_started_something_follows() {
        let event = |at, what| Event { at: At(at), what };
        let kim = || "kim".to_owned();
        let events = [
            event(
                1,
                What::Created {
                    spec: String::new(),
                    starter: kim(),
                    parent: None,
                    handed: None,
                    origin: Some(Origin {
                        tty: Some("pts/3".to_owned()),
                        host: Some("bastion2".to_owned()),
                        ..Origin::default()
                    }),
                },
            ),
            event(
                2,
                What::Noted {
                    by: kim(),
                    text: "x".to_owned(),
                },
            ),
            event(3, What::Resumed { by: kim() }),
            event(
                4,
                What::Retried {
                    by: "conn".to_owned(),
                    hosts: vec![HostIx(1)],
                },
            ),
        ];
        let causes = causes("uptime", &events);
        let kinds: Vec<_> = causes.iter().map(|cause| cause.kind).collect();
        assert_eq!(
            kinds,
            [CauseKind::Person, CauseKind::Decision, CauseKind::Rule]
        );
        assert_eq!(causes[0].what, "started uptime");
        let words = causes[0].origin.as_ref().unwrap().words();
        assert_eq!(words, "terminal pts/3 of bastion2");
    }
}
