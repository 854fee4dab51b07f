//! Which stages may begin, and which never will.

use serde::{Deserialize, Serialize};

use super::StageIx;

/// What a stage needs: so many of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Of which.
    pub of: Vec<StageIx>,
    /// How many must have succeeded.
    pub count: usize,
}

/// Where a stage stands, as far as other stages care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It did not begin.
    Waiting,
    /// It is at work; soak and gate are part of that.
    Running,
    /// It succeeded.
    Succeeded,
    /// It was left out by its condition or a person, which holds nobody up.
    Skipped,
    /// It failed or was aborted.
    Failed,
}

/// The stages that may begin now, in the order of the text.
pub fn ready<'n>(
    needs: impl IntoIterator<Item = &'n Need>,
    standings: &[Standing],
) -> Vec<StageIx> {
    let all = (0..).map(StageIx).zip(needs);
    let waits = |ix: StageIx| standings.get(ix.0) == Some(&Standing::Waiting);
    all.filter(|(ix, need)| waits(*ix) && need.is_met(standings))
        .map(|(ix, _)| ix)
        .collect()
}

/// The stages that can never begin any more, because too much of what they need failed or can
/// never begin itself.
pub fn hopeless<'n>(
    needs: impl IntoIterator<Item = &'n Need>,
    standings: &[Standing],
) -> Vec<StageIx> {
    let mut standings = standings.to_vec();
    let all = (0..).map(StageIx).zip(needs);
    let mut hoping: Vec<_> = all
        .filter(|(ix, _)| standings.get(ix.0) == Some(&Standing::Waiting))
        .collect();
    let mut lost = Vec::new();
    loop {
        let before = hoping.len();
        hoping.retain(|(ix, need)| {
            let is_lost = need.is_lost(&standings);
            if is_lost {
                standings[ix.0] = Standing::Failed;
                lost.push(*ix);
            }
            !is_lost
        });
        if hoping.len() == before {
            lost.sort_unstable();
            return lost;
        }
    }
}

impl Need {
    fn is_met(&self, standings: &[Standing]) -> bool {
        let done = |standing| matches!(standing, Standing::Succeeded | Standing::Skipped);
        self.having(standings, done) >= self.count
    }

    fn is_lost(&self, standings: &[Standing]) -> bool {
        self.having(standings, |standing| standing != Standing::Failed) < self.count
    }

    fn having(&self, standings: &[Standing], fits: impl Fn(Standing) -> bool) -> usize {
        let standing = |ix: &StageIx| standings.get(ix.0).copied();
        self.of
            .iter()
            .filter_map(standing)
            .filter(|standing| fits(*standing))
            .count()
    }
}
