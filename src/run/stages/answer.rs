//! What a parent run answers to requests about its stages.

use super::progress::NodePhase;
use super::{StageEvent, StageIx};
use crate::run::command::Refusal;
use crate::run::event::What;
use crate::run::spec::Approval;
use crate::run::state::Run;

impl Run {
    /// The question that a stage asks now.
    pub(in crate::run) fn stage_asks(&self) -> Option<&Approval> {
        let (stage, _) = self.stages.as_ref()?.asked?;
        let spec = self.spec.stages.as_ref()?;
        spec.stages.get(stage.0)?.approve.as_ref()
    }

    pub(in crate::run) fn decide_skip_stage(
        &self,
        by: &str,
        stage: StageIx,
    ) -> Result<Vec<What>, Refusal> {
        self.need_open()?;
        self.need_conn(by)?;
        let skippable = |phase| matches!(phase, NodePhase::Waiting | NodePhase::Stopped(_));
        let any = self.stages.as_ref().is_some_and(|stages| {
            let nodes = stages.of_stage(stage);
            nodes.iter().any(|node| skippable(node.phase))
        });
        if !any {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "nothing of that stage is still to begin, or failed; \
                      abort its run to end what is at work"
                    .to_owned(),
            });
        }
        Ok(vec![What::Stage(StageEvent::Skipped {
            by: by.to_owned(),
            stage,
        })])
    }

    pub(in crate::run) fn decide_take_up(&self, by: &str) -> Result<Vec<What>, Refusal> {
        self.need_conn(by)?;
        if self.stages.as_ref().is_some_and(|stages| stages.closing) {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "it is rolled back, so nothing more of it begins; start it anew".to_owned(),
            });
        }
        let never = |stages: &super::Stages| {
            stages
                .nodes()
                .any(|(_, node)| node.phase == NodePhase::NotStarted)
        };
        if !self.stages.as_ref().is_some_and(never) {
            return Err(Refusal::BadValue {
                run: self.id,
                why: "every stage of it has begun or was left out".to_owned(),
            });
        }
        Ok(vec![What::Stage(StageEvent::TakenUp { by: by.to_owned() })])
    }
}
