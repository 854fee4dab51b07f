//! What holds for any graph of stages.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::flow::read;
use crate::run::stages::{Standing, hopeless, ready};

fn stages(needs: &[&str]) -> Result<Vec<Stage>, String> {
    let mut text = "kind = 'multi'\nname = 'G'\n".to_owned();
    for (index, needs) in needs.iter().enumerate() {
        write!(text, "[[stages]]\nname = 's{index}'\nflow = 'F'\n").unwrap();
        if !needs.is_empty() {
            writeln!(text, "needs = {needs}").unwrap();
        }
    }
    match read::definition("g.toml", &text).map(|source| source.definition.body) {
        Ok(crate::flow::definition::Body::Multi { stages }) => Ok(stages),
        Ok(_) => unreachable!(),
        Err(errors) => Err(errors.to_string()),
    }
}

fn ix(numbers: &[usize]) -> Vec<StageIx> {
    numbers.iter().copied().map(StageIx).collect()
}

#[test]
fn a_stage_is_ready_when_what_it_needs_has_succeeded() {
    use Standing::{Failed, Running, Skipped, Succeeded, Waiting};
    let stages = stages(&[
        "",
        "['s0']",
        "{ any = ['s0', 's1'] }",
        "{ at_least = 2, of = ['s0', 's1', 's2'] }",
    ])
    .unwrap();
    let graph = Graph::new(&stages).unwrap();
    assert_eq!(graph.order(), ix(&[0, 1, 2, 3]));
    assert_eq!(ready(graph.needs(), &[Waiting; 4]), ix(&[0]));
    assert_eq!(
        ready(graph.needs(), &[Running, Waiting, Waiting, Waiting]),
        ix(&[])
    );
    assert_eq!(
        ready(graph.needs(), &[Succeeded, Waiting, Waiting, Waiting]),
        ix(&[1, 2])
    );
    assert_eq!(
        ready(graph.needs(), &[Succeeded, Failed, Succeeded, Waiting]),
        ix(&[3])
    );
    assert_eq!(
        ready(graph.needs(), &[Skipped, Waiting, Running, Waiting]),
        ix(&[1])
    );
    assert_eq!(
        hopeless(graph.needs(), &[Failed, Waiting, Waiting, Waiting]),
        ix(&[1, 2, 3])
    );
    assert_eq!(
        hopeless(graph.needs(), &[Succeeded, Failed, Waiting, Waiting]),
        ix(&[])
    );
    assert_eq!(
        hopeless(graph.needs(), &[Succeeded, Failed, Failed, Waiting]),
        ix(&[3])
    );
}

#[test]
fn stages_that_wait_for_each_other_are_named() {
    let error = stages(&["['s1']", "['s2']", "['s0']"]).unwrap_err();
    assert!(error.contains("s0 needs s1 needs s2 needs s0"), "{error}");
}

proptest! {
    /// Edges only to earlier nodes make no cycle, in whatever order the nodes stand.
    #[test]
    fn what_has_no_cycle_is_ordered(
        edges in prop::collection::vec(prop::collection::btree_set(0_usize..20, 0..5), 0..20),
        seed: u64,
    ) {
        let count = edges.len();
        let places = crate::flow::order::order(crate::flow::rollout::HostOrder::Shuffled, count, seed);
        let mut moved = vec![Vec::new(); count];
        for (node, ends) in edges.iter().enumerate() {
            moved[places[node]] = ends.iter().filter(|end| **end < node).map(|end| places[*end]).collect();
        }
        let order = topological(&moved).unwrap();
        let mut at = vec![usize::MAX; count];
        for (index, node) in order.iter().enumerate() {
            at[*node] = index;
        }
        for (node, ends) in moved.iter().enumerate() {
            prop_assert!(ends.iter().all(|end| at[*end] < at[node]));
        }
    }

    #[test]
    fn a_cycle_that_is_told_is_one(edges in prop::collection::vec(prop::collection::btree_set(0_usize..8, 0..3), 8)) {
        let edges: Vec<Vec<usize>> = edges.into_iter().map(|ends| ends.into_iter().collect()).collect();
        if let Err(cycle) = topological(&edges) {
            prop_assert!(!cycle.is_empty());
            for (index, node) in cycle.iter().enumerate() {
                let next = cycle[(index + 1) % cycle.len()];
                prop_assert!(edges[*node].contains(&next));
            }
        }
    }

    /// Working through a graph ends: every stage gets its turn or is hopeless.
    #[test]
    fn every_stage_gets_its_turn_or_is_hopeless(
        needs in prop::collection::vec((prop::collection::btree_set(0_usize..12, 0..4), 0_usize..5), 1..12),
        fails in prop::collection::vec(any::<bool>(), 12),
    ) {
        let needs: Vec<Need> = needs.iter().enumerate().map(|(node, (of, count))| {
            let of: Vec<StageIx> = of.iter().filter(|end| **end < node).map(|end| StageIx(*end)).collect();
            let count = (*count).min(of.len());
            Need { of, count }
        }).collect();
        let graph = Graph { order: (0..needs.len()).map(StageIx).collect(), needs };
        let mut standings = vec![Standing::Waiting; graph.needs.len()];
        loop {
            let ready = ready(graph.needs(), &standings);
            let hopeless = hopeless(graph.needs(), &standings);
            prop_assert!(ready.iter().all(|ix| !hopeless.contains(ix)));
            if ready.is_empty() {
                let waiting: Vec<StageIx> = (0..).map(StageIx).zip(&standings).filter(|(_, standing)| **standing == Standing::Waiting).map(|(ix, _)| ix).collect();
                prop_assert_eq!(hopeless, waiting);
                break;
            }
            for ix in ready {
                standings[ix.0] = if fails[ix.0] { Standing::Failed } else { Standing::Succeeded };
            }
        }
    }
}
