//! The keys that are shown for a run.

use super::RunPane;
use super::mode::is_of_flow_run;
use crate::run::outcome::OutcomeKind;
use crate::tui::keys::Act;
use crate::tui::standing;
use crate::wire::view::RunView;

impl RunPane {
    /// The keys that matter most: what it asks, how it is stopped, how it is looked at.
    pub(super) fn keys(&self) -> Vec<Act> {
        let is = |wanted: fn(&RunView) -> bool| {
            let view = self.page.as_ref().map(|page| &page.view);
            view.is_some_and(wanted)
        };
        let over = is(|view| view.ended.is_some());
        let failed = is(|view| view.tally.failures() > 0);
        let doubt = is(|view| view.tally.ended(OutcomeKind::InDoubt) > 0 && view.stages.is_empty());
        let of_flow = is_of_flow_run(self.page.as_ref());
        let mut hints = vec![Act::Open];
        if is(standing::asks) {
            hints.extend([Act::Approve, Act::Reject]);
        }
        hints.extend(doubt.then_some(Act::Settle));
        if !over {
            let paused = is(|view| view.state == "paused");
            // How it is stopped comes before how it is looked at.
            hints.push(if paused { Act::Resume } else { Act::Pause });
            hints.push(Act::Abort);
        }
        hints.extend(failed.then_some(Act::Retry));
        hints.extend(of_flow.then_some(Act::View));
        hints.extend(failed.then_some(Act::NextFailure));
        if over {
            hints.extend(failed.then_some(Act::Acknowledge));
            hints.push(if of_flow { Act::StartFlow } else { Act::SaveAs });
        } else {
            hints.push(Act::Skip);
            hints.extend(self.stages().is_empty().then_some(Act::Tune));
        }
        hints.extend(of_flow.then_some(Act::RollBack));
        if self.stages().is_empty() {
            hints.push(Act::NextPane);
            hints.extend((!of_flow).then_some(Act::View));
            hints.extend([Act::Sort, Act::Search, Act::Compare]);
        }
        hints
    }
}
