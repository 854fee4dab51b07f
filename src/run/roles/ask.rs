//! Requests to a run, from people with roles.

use std::sync::Arc;

use super::{Authority, Deed, Scope};
use crate::run::command::{Command, Refusal};
use crate::run::event::Event;
use crate::run::ids::At;
use crate::run::spec::RunSpec;
use crate::run::state::Run;

impl Run {
    /// Answers a request of somebody with this authority: with the events that fulfil it, or why
    /// not. There is no other way to a run for people. Whoever may on a whole that it is part of
    /// may here.
    pub fn ask(
        &self,
        authority: &Authority,
        wholes: &[Arc<RunSpec>],
        command: &Command,
        now: At,
    ) -> Result<Vec<Event>, Refusal> {
        let scope = Scope::Run(&self.spec);
        let deed = self.deed(command);
        let may = |deed| {
            let whole = |spec: &Arc<RunSpec>| authority.may(deed, &Scope::Run(spec)).is_ok();
            match authority.may(deed, &scope) {
                Err(_) if wholes.iter().any(whole) => Ok(()),
                own => own,
            }
        };
        may(deed).map_err(|denied| Refusal::Role {
            run: self.id,
            denied: Box::new(denied),
        })?;
        let at_once = match command {
            Command::Take { by, reason, .. } if may(Deed::TakeAtOnce).is_ok() => {
                Some(Command::Take {
                    by: by.clone(),
                    reason: reason.clone(),
                    holder_attached: false,
                })
            }
            _ => None,
        };
        let answer = self.decide(at_once.as_ref().unwrap_or(command), now);
        answer.map_err(|refusal| match refusal {
            Refusal::OwnRun { run, by, .. } => Refusal::OwnRun {
                run,
                by,
                ask: authority.others(deed, &scope),
            },
            other => other,
        })
    }

    /// What a request is, for the table of roles.
    fn deed(&self, command: &Command) -> Deed {
        match command {
            Command::Pause { .. } | Command::Abort { .. } | Command::AbortAfterBatch { .. } => {
                Deed::Stop
            }
            Command::Resume { .. }
            | Command::Retry { .. }
            | Command::Skip { .. }
            | Command::SkipStep { .. }
            | Command::SkipStage { .. }
            | Command::TakeUp { .. }
            | Command::Settle { .. }
            | Command::Rollback { .. }
            | Command::Tune { .. }
            | Command::RefuseTake { .. }
            | Command::Give { .. } => Deed::Steer,
            Command::Take { .. } => Deed::Take,
            Command::Approve { .. } | Command::Reject { .. } => self.question(),
            Command::Note { .. } => Deed::Note,
        }
    }

    /// The answer that is asked for now; where none is, whoever steers is told so.
    fn question(&self) -> Deed {
        self.asked()
            .map_or(Deed::Steer, |approval| Deed::Answer(approval.role))
    }
}
