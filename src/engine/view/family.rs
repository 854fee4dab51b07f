//! What clients are shown of the runs that a run is made of.

use std::collections::BTreeMap;

use crate::engine::core::Core;
use crate::engine::history;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::run::stages::{
    Node, NodeIx, NodePhase, NodeSpec, StageIx, StageSpec, Stages, StagesSpec,
};
use crate::run::state::Run;
use crate::run::tally::Tally;
use crate::store::Store;
use crate::wire::standing::{Stand, Whole};
use crate::wire::view::{PartOf, RunLine, RunView, StageView};

/// What is known of a child.
struct Known {
    tally: Tally,
    state: String,
    because: Option<String>,
    stand: Option<Stand>,
}

/// A run with what is known of the runs that it is made of.
pub(super) struct Family<'r> {
    run: &'r Run,
    known: BTreeMap<RunId, Known>,
}

/// How a stage stands that has nothing to do.
const LEFT_OUT: &str = "skipped";

/// Puts what the stages registered into the view of a run: for those who ask for that run alone.
pub fn tell_registered(run: &Run, view: &mut RunView) {
    let (Some(spec), Some(stages)) = (&run.spec.stages, &run.stages) else {
        return;
    };
    // A stage that has nothing to do has a line all the same.
    let mut nodes = stages.nodes().map(|(_, node)| node);
    let of_lines = spec.stages.iter().flat_map(|stage| {
        let nothing = usize::from(stage.nodes.is_empty());
        let some = std::iter::repeat_n(true, stage.nodes.len());
        some.chain(std::iter::repeat_n(false, nothing))
    });
    for (line, has_node) in view.stages.iter_mut().zip(of_lines) {
        if let Some(node) = has_node.then(|| nodes.next()).flatten() {
            line.registered = registered(node);
        }
    }
}

/// What a node registered, with the hosts of each value folded.
fn registered(node: &Node) -> BTreeMap<String, BTreeMap<String, String>> {
    let folded = |(value, hosts): (&String, &Vec<String>)| {
        let hosts = crate::inventory::fold(hosts.iter().map(String::as_str));
        (value.clone(), hosts)
    };
    let values = node.registered.values.iter();
    values
        .map(|(name, values)| (name.clone(), values.iter().map(folded).collect()))
        .collect()
}

/// From the runs in memory.
pub(super) fn of_core<'r>(core: &Core, run: &'r Run) -> Family<'r> {
    Family::new(run, |id| {
        let child = &core.live_run(id)?.run;
        let tally = if child.stages.is_some() {
            of_core(core, child).tally()
        } else {
            child.tally.clone()
        };
        let state = child.state();
        Some(Known {
            tally,
            state: state.word().to_owned(),
            because: super::because(child, state),
            stand: super::stands::stand(core, child),
        })
    })
}

/// From the lines that runs of the past left.
pub(super) fn of_store<'r>(store: &dyn Store, run: &'r Run) -> Family<'r> {
    Family::new(run, |id| {
        // Without its line a child's counts are not shown; its place among the stages is.
        let line: RunLine = history::line(store, id).ok().flatten()?;
        Some(Known {
            tally: line.tally,
            state: line.state,
            because: None,
            stand: None,
        })
    })
}

/// What a run is part of, from its state alone.
pub(super) fn part(run: &Run) -> Option<PartOf> {
    run.parent.map(|parent| PartOf {
        run: parent.run,
        stage: u32::try_from(parent.node.stage.0).unwrap_or(u32::MAX),
        item: parent.node.item,
        gate: parent.gate,
        ..PartOf::default()
    })
}

/// What a run is part of, with the names of that.
pub(super) fn part_of(core: &Core, run: &Run) -> Option<PartOf> {
    let parent = run.parent?;
    let part = part(run)?;
    let Some(whole) = core.live_run(parent.run).map(|live| &live.run.spec) else {
        return Some(part);
    };
    let of = match &whole.flow {
        Some(flow) => flow.name.clone(),
        None => whole.title.split(' ').next().unwrap_or_default().to_owned(),
    };
    let stages = whole.stages.as_ref();
    let name = stages.map_or_else(String::new, |stages| stages.name(parent.node));
    Some(PartOf { of, name, ..part })
}

impl<'r> Family<'r> {
    fn new(run: &'r Run, look: impl Fn(RunId) -> Option<Known>) -> Self {
        let nodes = run.stages.iter().flat_map(Stages::nodes);
        let children = nodes.filter_map(|(_, node)| node.run);
        Self {
            run,
            known: children.filter_map(|run| Some((run, look(run)?))).collect(),
        }
    }

    /// Hosts of all stages together.
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for (_, (_, spec), node) in self.nodes() {
            sum.add(&self.of_node(spec, node));
        }
        sum
    }

    /// What the stages come to, when there are any.
    pub fn whole(&self) -> Option<Whole> {
        let spec = self.run.spec.stages.as_ref()?;
        let hosts = u32::try_from(spec.reach.len()).unwrap_or(u32::MAX);
        let mut whole = Whole {
            hosts,
            ..Whole::default()
        };
        for _ in spec.stages.iter().filter(|stage| stage.nodes.is_empty()) {
            whole.count(LEFT_OUT, false, &Tally::default());
        }
        for (_, (_, spec), node) in self.nodes() {
            whole.count(node.phase.word(), node.marred, &self.of_node(spec, node));
        }
        Some(whole)
    }

    /// Puts them into the view of the run, when it is made of runs.
    pub fn tell(&self, view: &mut RunView) {
        if self.run.stages.is_none() {
            return;
        }
        view.tally = self.tally();
        view.stages = self.views();
        view.whole = self.whole();
    }

    fn nodes(&self) -> impl Iterator<Item = (NodeIx, (&StageSpec, &NodeSpec), &Node)> {
        let specs = self.run.spec.stages.iter().flat_map(StagesSpec::nodes);
        specs.filter_map(|(ix, stage, spec)| {
            let node = self.run.stages.as_ref()?.node(ix)?;
            Some((ix, (stage, spec), node))
        })
    }

    fn of_node(&self, spec: &NodeSpec, node: &Node) -> Tally {
        match node.run.and_then(|run| self.known.get(&run)) {
            Some(known) => known.tally.clone(),
            None if matches!(node.phase, NodePhase::Skipped) => {
                Tally::all_ended(spec.hosts, OutcomeKind::Skipped)
            }
            None if matches!(node.phase, NodePhase::NotStarted) => {
                Tally::all_ended(spec.hosts, OutcomeKind::NotStarted)
            }
            None => Tally::all_waiting(spec.hosts as usize),
        }
    }

    fn views(&self) -> Vec<StageView> {
        let Some(spec) = &self.run.spec.stages else {
            return Vec::new();
        };
        let mut views: Vec<StageView> = Vec::new();
        for (ix, stage) in (0..).map(StageIx).zip(&spec.stages) {
            let needs = stage.needs.of.iter();
            let names = needs.filter_map(|need| spec.stages.get(need.0));
            let empty = StageView {
                stage: stage.name.clone(),
                needs: names.map(|stage| stage.name.clone()).collect(),
                needs_count: stage.needs.count,
                soak: stage.soak.as_secs_f64(),
                state: LEFT_OUT.to_owned(),
                ..StageView::default()
            };
            if stage.nodes.is_empty() {
                views.push(empty);
                continue;
            }
            let of_stage = (0..).zip(&stage.nodes).filter_map(|(item, spec)| {
                let node = self.run.stages.as_ref()?;
                let node = node.node(NodeIx { stage: ix, item })?;
                Some(self.view(empty.clone(), spec, node))
            });
            views.extend(of_stage);
        }
        views
    }

    fn view(&self, of_stage: StageView, spec: &NodeSpec, node: &Node) -> StageView {
        let known = node.run.and_then(|run| self.known.get(&run));
        StageView {
            item: spec.item.clone(),
            state: node.phase.word().to_owned(),
            marred: node.marred,
            kind: spec.kind.word().to_owned(),
            title: spec.title.clone(),
            run: node.run,
            run_state: known.map(|known| known.state.clone()),
            because: known.and_then(|known| known.because.clone()),
            stand: known.and_then(|known| known.stand.clone()),
            gated: spec.gate.is_some(),
            gate: node.gate,
            until: match node.phase {
                NodePhase::Soaking(until) => Some(until),
                _ => None,
            },
            tally: self.of_node(spec, node),
            began: node.began,
            ended: node.ended,
            ..of_stage
        }
    }
}
