//! One file a screen.

mod audit;
mod compare;
mod definition;
mod families;
mod flows;
mod handover;
mod host_output;
mod hosts;
mod lines;
mod needs;
mod now;
mod output;
mod run;
mod runs;
mod search;
mod spans;

use super::pane::{Pane, Place};

pub(super) use families::under;
pub(super) use needs::needs;

/// The screen of a place.
pub(super) fn open(place: &Place) -> Box<dyn Pane> {
    match place {
        Place::Now => Box::new(now::Now::default()),
        Place::Flows => Box::new(flows::Flows::default()),
        Place::Flow(kind, name) => Box::new(definition::DefinitionPane::new(*kind, name)),
        Place::Runs => Box::new(runs::Runs::default()),
        Place::Run(run) => Box::new(run::RunPane::new(*run)),
        Place::Output(run) => Box::new(output::Output::new(*run)),
        Place::Host(run, host, name) => Box::new(host_output::HostOutput::new(*run, *host, name)),
        Place::Hosts => Box::new(hosts::Hosts::default()),
        Place::Audit => Box::new(audit::Audit::default()),
        Place::Handover => Box::new(handover::HandoverPane::default()),
    }
}
