//! What is known of a stage only when it would begin: its condition and its question, when they use
//! what earlier stages registered.

use super::next::View;
use super::{StageEvent, StageIx};
use crate::run::decide::BY_RULE;
use crate::run::event::What;
use crate::run::ids::At;
use crate::run::line_up::{Around, later};

impl View<'_> {
    /// The next stage whose condition is to be judged, and what follows.
    pub(super) fn judges(&self, around: &dyn Around) -> Option<What> {
        let stage = self
            .open()
            .into_iter()
            .find(|stage| self.is_unjudged(*stage))?;
        Some(match around.stage_holds(stage) {
            Ok(holds) => What::Stage(StageEvent::Judged { stage, holds }),
            Err(why) => self.cannot_begin(stage, &why),
        })
    }

    /// Whether the condition of a stage is to be judged before anything of it begins.
    pub(super) fn is_unjudged(&self, stage: StageIx) -> bool {
        let late = self.stage(stage).is_some_and(|stage| stage.late.when);
        let nodes = self.at.of_stage(stage);
        let begun = nodes.iter().any(|node| node.began.is_some());
        late && !begun && !self.at.judged.contains(&stage)
    }

    /// The next stage that must ask before it begins.
    pub(super) fn question(&self, around: &dyn Around, now: At) -> Option<What> {
        if self.at.asked.is_some() {
            return None;
        }
        let asks = |stage: &StageIx| !self.is_unjudged(*stage) && self.must_ask(*stage, now);
        let stage = self.open().into_iter().find(asks)?;
        let spec = self.stage(stage)?;
        let text = match spec.late.question.then(|| around.stage_question(stage)) {
            None => None,
            Some(Ok(text)) => Some(text),
            Some(Err(why)) => return Some(self.cannot_begin(stage, &why)),
        };
        let expires = spec.approve.as_ref()?.expires;
        Some(What::Stage(StageEvent::Asked {
            stage,
            until: expires.map(|expires| later(now, expires)),
            text,
        }))
    }

    fn cannot_begin(&self, stage: StageIx, why: &str) -> What {
        let name = self.stage(stage).map_or("?", |stage| &stage.name);
        What::Paused {
            by: BY_RULE.to_owned(),
            reason: format!("{name} cannot begin: {why}"),
        }
    }
}
