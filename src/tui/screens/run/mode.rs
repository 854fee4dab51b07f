//! The ways to show a run, and which suits it.

use crate::tui::pane::is_of_flow;
use crate::wire::console::GridPage;

/// How a run is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// A letter a host.
    #[default]
    Grid,
    /// A row a host.
    Table,
    /// A row a host, a column a step.
    Steps,
    /// When each batch was at work.
    Time,
    /// The runs it is made of.
    Stages,
}

impl Mode {
    /// The next way to show a run; one without steps of its own has two, and so has one that is
    /// made of runs.
    pub fn next(self, by_step: bool, of_runs: bool) -> Self {
        match self {
            Self::Stages => Self::Time,
            _ if of_runs => Self::Stages,
            Self::Grid => Self::Table,
            Self::Table if by_step => Self::Steps,
            Self::Steps => Self::Time,
            Self::Table | Self::Time => Self::Grid,
        }
    }
}

/// Whether it is a run whose steps matter more than its hosts.
pub(super) fn is_of_flow_run(page: Option<&GridPage>) -> bool {
    page.is_some_and(|page| {
        let steps = page.steps.len() > 1 || !page.view.stages.is_empty();
        is_of_flow(&page.view.kind) && steps
    })
}
