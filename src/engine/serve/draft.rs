//! A run as a definition: to be looked at, changed and stored by whoever asked.

use super::Session;
use crate::engine::definitions::Shelf;
use crate::flow::definition::Kind;
use crate::flow::draft::draft;
use crate::run::ids::RunId;
use crate::wire::flows::DraftPage;
use crate::wire::reply::{Fault, Reply};

impl Session {
    pub(super) async fn draft(&self, run: RunId, name: String) -> Result<Reply, Fault> {
        let standing = self.standing(run, 0, 0).await?;
        let run = standing.run.as_ref();
        let about = format!("Made of run {}, which {} started.", run.id, run.starter);
        let draft = draft(&name, &about, &run.spec);
        let draft = draft.map_err(|error| Fault::usage(error.to_string()))?;
        let current = move |shelf: &Shelf<'_>| {
            let standing = shelf.standing(Kind::Flow, &name)?;
            let current = standing.filter(|standing| !standing.removed);
            Ok(current.map(|standing| standing.version))
        };
        Ok(Reply::Draft(Box::new(DraftPage {
            text: draft.text,
            notes: draft.notes,
            current: self.look(current).await?,
        })))
    }
}
