//! Hosts that a person chose on a run, for what is done next: by hand, or all that stand alike.

use std::collections::BTreeSet;

use crate::run::ids::RunId;
use crate::tui::keys::Act;
use crate::tui::overlay::{StartForm, retry_sheet, roll_back_sheet, skip_sheet};
use crate::tui::pane::{Effect, Want};
use crate::tui::words::counted;
use crate::wire::Request;
use crate::wire::console::{PickQuery, Picked};
use crate::wire::view::RunView;

/// Chosen hosts, by their places in the run's targets.
#[derive(Default)]
pub(super) struct Choice {
    hosts: BTreeSet<u32>,
    /// What waits for the engine to say which hosts are meant.
    asked: Option<(PickQuery, Act)>,
}

impl Choice {
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    pub fn holds(&self, host: u32) -> bool {
        self.hosts.contains(&host)
    }

    /// Chooses a host, or not any more.
    pub fn turn(&mut self, host: u32) {
        if !self.hosts.remove(&host) {
            self.hosts.insert(host);
        }
    }

    /// Chooses all that stand as this host does, or none of them when all are chosen.
    pub fn like(&mut self, run: RunId, host: u32) {
        let query = PickQuery {
            run,
            like: Some(host),
            ..PickQuery::default()
        };
        self.asked = Some((query, Act::SelectGroup));
    }

    /// Does this with the chosen hosts, as soon as the engine named them.
    pub fn with(&mut self, run: RunId, act: Act) {
        let query = PickQuery {
            run,
            hosts: self.hosts.iter().copied().collect(),
            ..PickQuery::default()
        };
        self.asked = Some((query, act));
    }

    /// Another key came first.
    pub fn forget(&mut self) {
        self.asked = None;
    }

    pub fn want(&self) -> Option<Want> {
        let (query, _) = self.asked.as_ref()?;
        Some(Want::once("picked", Request::Pick(query.clone())))
    }

    /// The engine said which hosts are meant: what was waiting for that is done.
    pub fn take(&mut self, picked: Picked, view: &RunView) -> Option<Effect> {
        let (_, act) = self.asked.take()?;
        let number = u32::try_from(picked.hosts.len()).unwrap_or(u32::MAX);
        Some(match act {
            Act::SelectGroup => {
                let all = picked.hosts.iter().all(|host| self.hosts.contains(host));
                for host in picked.hosts {
                    if all {
                        self.hosts.remove(&host);
                    } else {
                        self.hosts.insert(host);
                    }
                }
                let word = if all { "not chosen any more" } else { "chosen" };
                Effect::Say(format!(
                    "{} that stand alike are {word}.",
                    counted(number, "host")
                ))
            }
            Act::CopyHosts => Effect::Copy(picked.folded, counted(number, "chosen host")),
            Act::Start => Effect::Over(Box::new(StartForm::new(&picked.folded, ""))),
            Act::Skip => {
                let of = (view.run, view.title.as_str());
                Effect::Over(Box::new(skip_sheet(of, &picked)))
            }
            Act::RollBack => Effect::Over(Box::new(roll_back_sheet(view, Some(&picked), None))),
            _ => Effect::Over(Box::new(retry_sheet(view, Some(&picked)))),
        })
    }

    /// For the status line.
    pub fn words(&self) -> Option<String> {
        let number = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        (number > 0).then(|| format!("{} chosen", counted(number, "host")))
    }
}
