//! What a person was shown before they said yes is what is done, or nothing is.

use super::Core;
use crate::engine::view;
use crate::run::event::{Event, What};
use crate::run::ids::RunId;
use crate::run::state::Run;
use crate::wire::reply::Fault;
use crate::wire::request::Steer;

/// A question that came after the one somebody saw is not answered by what they say to that.
pub(super) fn is_asked(run: &Run, act: &Steer) -> Result<(), Fault> {
    let (Steer::Approve { asked, .. } | Steer::Reject { asked, .. }) = act else {
        return Ok(());
    };
    match (asked, view::asked_now(run)) {
        (Some(seen), Some(asks)) if *seen != asks => Err(Fault::refused(format!(
            "run {0} asks something else by now, so nothing was answered; look again: \
             conn runs show {0}",
            run.id
        ))),
        _ => Ok(()),
    }
}

/// Hosts that start again by these events.
pub(super) fn hosts(events: &[Event]) -> usize {
    let again = events.iter().map(|event| match &event.what {
        What::Retried { hosts, .. } => hosts.len(),
        _ => 0,
    });
    again.sum()
}

/// More hosts than somebody saw do not start again by their yes.
pub(super) fn are_shown(run: RunId, act: &Steer, hosts: usize) -> Result<(), Fault> {
    match act {
        Steer::Retry {
            shown: Some(shown), ..
        } if hosts > *shown as usize => Err(Fault::refused(format!(
            "{hosts} hosts of run {run} would start again by now, and not {shown}: nothing was \
             started. Look again: conn runs show {run}"
        ))),
        _ => Ok(()),
    }
}

impl Core {
    /// Hosts of a run of stages that start again by these events: those that look at a gate are
    /// counted nowhere.
    pub(super) fn shown_hosts(&self, decided: &[(RunId, Vec<Event>)]) -> usize {
        let is_gate = |run: &RunId| {
            let live = self.runs.get(run);
            live.is_some_and(|live| live.run.parent.is_some_and(|parent| parent.gate))
        };
        let of_work = decided.iter().filter(|(run, _)| !is_gate(run));
        of_work.map(|(_, events)| hosts(events)).sum()
    }
}
