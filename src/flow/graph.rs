//! The graph of stages: which may begin, and which never will.

use std::collections::BTreeMap;

use super::stage::Stage;

/// A stage's place in its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageIx(pub usize);

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

/// What needs what.
#[derive(Debug, Clone)]
pub struct Graph {
    needs: Vec<Need>,
    /// Stages so that each comes after what it needs, otherwise in the order of the text.
    order: Vec<StageIx>,
}

#[derive(Debug, Clone)]
struct Need {
    of: Vec<StageIx>,
    count: usize,
}

/// Why stages are no graph that can be worked through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A need names nothing.
    #[error(
        "the stage {stage:?} needs {need:?}, which is not there; name one of its flow's stages"
    )]
    Unknown {
        /// The stage.
        stage: String,
        /// What it needs.
        need: String,
    },
    /// Stages need each other.
    #[error("the stages {} wait for each other; take one of these needs away", .0.join(", "))]
    Cycle(Vec<String>),
}

impl Graph {
    /// The graph of a flow's stages.
    ///
    /// # Errors
    /// A need that names no stage, or stages that wait for each other.
    pub fn new(stages: &[Stage]) -> Result<Self, GraphError> {
        let by_name: BTreeMap<&str, StageIx> = (0..)
            .map(StageIx)
            .zip(stages)
            .map(|(ix, stage)| (stage.name.as_str(), ix))
            .collect();
        let need = |stage: &Stage| {
            let find = |name: &String| {
                by_name
                    .get(name.as_str())
                    .copied()
                    .ok_or_else(|| GraphError::Unknown {
                        stage: stage.name.clone(),
                        need: name.clone(),
                    })
            };
            let of = stage
                .needs
                .names()
                .iter()
                .map(find)
                .collect::<Result<_, _>>()?;
            Ok(Need {
                of,
                count: stage.needs.count(),
            })
        };
        let needs: Vec<Need> = stages.iter().map(need).collect::<Result<_, _>>()?;
        let edges: Vec<Vec<usize>> = needs
            .iter()
            .map(|need| need.of.iter().map(|ix| ix.0).collect())
            .collect();
        let order = topological(&edges).map_err(|cycle| {
            GraphError::Cycle(
                cycle
                    .into_iter()
                    .map(|ix| stages[ix].name.clone())
                    .collect(),
            )
        })?;
        Ok(Self {
            needs,
            order: order.into_iter().map(StageIx).collect(),
        })
    }

    /// Every stage after all that it needs.
    pub fn order(&self) -> &[StageIx] {
        &self.order
    }

    /// The stages that may begin now, in the order of the text.
    pub fn ready(&self, standings: &[Standing]) -> Vec<StageIx> {
        let all = (0..).map(StageIx).zip(&self.needs);
        let waits = |ix: StageIx| standings.get(ix.0) == Some(&Standing::Waiting);
        all.filter(|(ix, need)| waits(*ix) && need.is_met(standings))
            .map(|(ix, _)| ix)
            .collect()
    }

    /// The stages that can never begin any more, because too much of what they need failed or can
    /// never begin itself.
    pub fn hopeless(&self, standings: &[Standing]) -> Vec<StageIx> {
        let mut standings = standings.to_vec();
        let mut lost = Vec::new();
        for ix in &self.order {
            let waits = standings.get(ix.0) == Some(&Standing::Waiting);
            if waits && self.needs[ix.0].is_lost(&standings) {
                standings[ix.0] = Standing::Failed;
                lost.push(*ix);
            }
        }
        lost.sort_unstable();
        lost
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

/// The nodes so that each comes after its edges' ends; else a cycle.
pub(super) fn topological(edges: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut left: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (node, ends) in edges.iter().enumerate() {
        for end in ends {
            behind[*end].push(node);
        }
    }
    let free = |left: &[usize]| {
        left.iter()
            .enumerate()
            .filter(|(_, left)| **left == 0)
            .map(|(node, _)| node)
            .collect()
    };
    let mut open: std::collections::BTreeSet<usize> = free(&left);
    let mut order = Vec::with_capacity(edges.len());
    while let Some(node) = open.pop_first() {
        order.push(node);
        for &next in &behind[node] {
            left[next] -= 1;
            if left[next] == 0 {
                open.insert(next);
            }
        }
    }
    if order.len() == edges.len() {
        Ok(order)
    } else {
        Err(cycle(edges, &left))
    }
}

/// A cycle among nodes that are left: each of them has an edge to another that is.
fn cycle(edges: &[Vec<usize>], left: &[usize]) -> Vec<usize> {
    let is_left = |node: &&usize| left[**node] > 0;
    let mut path: Vec<usize> = Vec::new();
    let mut node = left.iter().position(|left| *left > 0);
    while let Some(at) = node {
        if let Some(start) = path.iter().position(|seen| *seen == at) {
            let mut cycle = path.split_off(start);
            // Begin with the one that stands first in the text.
            let first = cycle
                .iter()
                .enumerate()
                .min_by_key(|(_, node)| **node)
                .map_or(0, |(at, _)| at);
            cycle.rotate_left(first);
            return cycle;
        }
        path.push(at);
        node = edges[at].iter().find(is_left).copied();
    }
    path
}

#[cfg(test)]
mod tests;
