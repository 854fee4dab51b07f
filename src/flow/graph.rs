//! The graph of stages: what needs what, and whether that can be worked through.

use std::collections::BTreeMap;

use super::stage::Stage;
use crate::run::stages::{Need, StageIx};

/// What needs what.
#[derive(Debug, Clone)]
pub struct Graph {
    needs: Vec<Need>,
    /// Stages so that each comes after what it needs, otherwise in the order of the text.
    order: Vec<StageIx>,
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

    /// What each stage needs.
    pub fn needs(&self) -> &[Need] {
        &self.needs
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
