//! The flows of the paper engine.

use super::fixtures::engine;
use super::{NOW, fixtures};
use crate::flow::definition::Kind;
use crate::flow::give::{Values, offers};
use crate::flow::order::Host;
use crate::flow::plan::{Plan, RunFacts};
use crate::flow::read::definition;
use crate::run::ids::{At, RunId};
use crate::run::outcome::OutcomeKind;
use crate::run::spans::{Span, SpanKind};
use crate::run::tally::Tally;
use crate::wire::console::{GridQuery, Overview};
use crate::wire::definitions::{
    Applied, Apply, Change, Changed, DefinitionLine, DefinitionView, PlanFlow, VersionLine,
};
use crate::wire::flows::{
    BatchPlan, DraftPage, FlowLine, FlowResult, FlowsPage, Given, HeldBy, Preview, PreviewQuery,
    StepSum, StepsPage,
};
use crate::wire::reply::Fault;
use crate::wire::standing::Whole;
use crate::wire::view::{PartOf, RunLine, RunView, StageView};
use crate::wire::{Reply, Request};

/// A flow with a parameter of each kind.
pub const TEXT: &str = r#"# One server after the other.
kind  = "simple"
name  = "UpgradeRegionServer"
app   = "hbase"
about = "Upgrade RegionServers a few at a time while the tables stay available."

[params.version]
type     = "string"
pattern  = '\d+\.\d+\.\d+'
required = true
about    = "as in 2.4.18"

[params.drain]
type    = "duration"
default = "2m"
about   = "how long to drain"

[params.mode]
type    = "choice"
choices = ["rolling", "fast"]
default = "rolling"

[params.token]
type     = "string"
secret   = true
required = false

[rollout]
batches      = [1, 5, "20%"]
max_failures = "2%"            # of the whole run
soak         = "1m"
gate         = { exec = { command = "check_regionserver.sh" } }

[[steps]]
name = "drain"
exec = { command = "graceful_stop.sh --version {{ version }}", run_as = "hbase" }

[[steps]]
name = "restart"
exec = { command = "start.sh --mode {{ mode }}" }
verify = { command = "check_port.sh" }
"#;

fn at(seconds_ago: i64) -> At {
    At(NOW.0 - seconds_ago * 1000)
}

fn line(kind: Kind, name: &str, about: &str) -> DefinitionLine {
    DefinitionLine {
        kind,
        name: name.into(),
        version: 3,
        digest: "5f1c".into(),
        by: "kim".into(),
        at: at(172_800),
        app: Some("hbase".into()),
        about: Some(about.into()),
        broken: None,
    }
}

fn results(states: &str) -> Vec<FlowResult> {
    let count = states.len();
    let result = |(place, letter): (usize, char)| {
        let ago = i64::try_from(count - place).unwrap() * 86_400;
        FlowResult {
            run: RunId(4000 + place as u64),
            state: match letter {
                '+' => "succeeded",
                'X' => "failed",
                _ => "aborted",
            }
            .into(),
            starter: if place % 2 == 0 { "kim" } else { "lee" }.into(),
            targets: "@hbase:cluster-a".into(),
            created: at(ago + 3_840),
            ended: Some(at(ago)),
            failed: u32::from(letter == 'X') * 2,
            hosts: 40,
            stages: 0,
        }
    };
    states.chars().enumerate().map(result).collect()
}

fn flows() -> Vec<FlowLine> {
    let steps = ["drain", "restart"].map(str::to_owned).to_vec();
    let mut broken = line(Kind::Flow, "OldPool", "");
    broken.broken = Some("line 3: there is no key \"batch\"; did you mean \"batches\"?".into());
    broken.app = None;
    vec![
        FlowLine {
            definition: line(Kind::Flow, "FlightingUpdate", "A version on all clusters."),
            sort: "multi".into(),
            parts: vec!["flight-1".into(), "flight-2".into()],
            last: Vec::new(),
        },
        FlowLine {
            definition: broken,
            sort: String::new(),
            parts: Vec::new(),
            last: results("+/"),
        },
        FlowLine {
            definition: line(
                Kind::Flow,
                "UpgradeRegionServer",
                "Upgrade RegionServers a few at a time while the tables stay available.",
            ),
            sort: "simple".into(),
            parts: steps,
            last: results("++X+++/+++X+++++++++++++X+++++"),
        },
        FlowLine {
            definition: line(Kind::Action, "hbase-health", "Looks at all clusters."),
            sort: "fanout".into(),
            parts: vec!["a".into(), "b".into()],
            last: results("+"),
        },
    ]
}

/// A flow at work, beside the runs of the other fixtures.
pub fn flow_run() -> RunView {
    RunView {
        run: RunId(4420),
        kind: "flow".into(),
        title: "UpgradeRegionServer version=2.4.18".into(),
        targets: "@hbase:cluster-a".into(),
        batch: (7, 12),
        ..fixtures::big_run()
    }
}

fn view(version: Option<u32>) -> DefinitionView {
    let versions = [1, 2, 3].map(|number| VersionLine {
        version: number,
        digest: format!("5f1c0a9b{number}d2e3f4"),
        by: "kim".into(),
        at: at(172_800 * i64::from(5 - number)),
    });
    let number = version.unwrap_or(3);
    DefinitionView {
        kind: Kind::Flow,
        name: "UpgradeRegionServer".into(),
        version: versions[number as usize - 1].clone(),
        text: TEXT.into(),
        current: Some(3),
        versions: versions.to_vec(),
    }
}

/// As the engine works it out, over 1,929 hosts.
fn preview(query: &PreviewQuery) -> Result<Preview, Fault> {
    let PlanFlow { targets, set, .. } = &query.plan;
    let read = definition("flow", TEXT).unwrap().definition;
    let offers = offers(set).map_err(|errors| Fault::usage(errors[0].to_string()))?;
    let values = Values::check(&read.params, &offers, &|_| Ok(Vec::new()))
        .map_err(|errors| Fault::usage(errors[0].to_string()))?;
    if targets.contains("down") {
        return Err(Fault::usage("the group @down has no hosts"));
    }
    let number = if targets == "@db" { 12 } else { 1929 };
    let hosts: Vec<Host> = (1..=number)
        .map(|number| Host {
            name: format!("rs{number:04}").into(),
            labels: std::collections::BTreeMap::default(),
            vars: std::collections::BTreeMap::default(),
        })
        .collect();
    let run = RunFacts {
        id: None,
        starter: "kim".into(),
    };
    let plan = Plan::new(read.into(), hosts.into(), values, run).unwrap();
    let view = plan.view_at(query.at as usize).unwrap();
    let (from, wanted) = query.batches;
    let shown = view
        .batches
        .iter()
        .skip(from as usize)
        .take(wanted as usize);
    let batches = shown.map(|batch| BatchPlan {
        count: u32::try_from(batch.len()).unwrap(),
        hosts: format!("{}…", batch[0]),
        max_failures: None,
        soak: 60.0,
    });
    let size = |batch: &Vec<_>| u32::try_from(batch.len()).unwrap();
    Ok(Preview {
        version: 3,
        digest: view.digest.clone(),
        hosts: u32::try_from(view.hosts).unwrap(),
        batch_count: u32::try_from(view.batches.len()).unwrap(),
        sizes: view.batches.iter().map(size).collect(),
        batches_from: from,
        batches: batches.collect(),
        steps: view.steps,
        concurrency: view.concurrency,
        max_failures: view.max_failures,
        on_exceeded: view.on_exceeded,
        soak: view.soak,
        gate: Some("check_regionserver.sh".into()),
        lease: view.lease,
        held: if number == 12 {
            Vec::new()
        } else {
            vec![HeldBy {
                run: RunId(4413),
                holder: Some("lee".into()),
                count: 3,
                hosts: "rs[0001-0003]".into(),
            }]
        },
        warnings: Vec::new(),
        took: Some((3_840.0, 6)),
        ..Preview::default()
    })
}

/// Refused when somebody saved meanwhile, or when it is wrong beside what is stored.
fn apply(wanted: &Apply) -> Applied {
    let file = &wanted.files[0];
    let read = definition(&file.path, &file.text);
    let complaints = match &read {
        Err(complaints) => complaints.0.clone(),
        Ok(_) if file.base == Some(2) => {
            let place = crate::run::complaint::Place::whole(&file.path.as_str().into());
            let message = "lee made version 3, and this was made from version 2";
            vec![crate::run::complaint::Complaint::new(place, message)]
        }
        Ok(_) => Vec::new(),
    };
    let change = read.iter().map(|read| Change {
        kind: read.definition.kind(),
        name: read.definition.name.clone(),
        what: Changed::Changed,
        version: file.base.unwrap_or(0) + 1,
        digest: String::new(),
        file: None,
    });
    Applied {
        changes: change.collect(),
        complaints: complaints.into_iter().map(Into::into).collect(),
    }
}

const STEPS: [&str; 5] = ["drain", "package", "confirm", "restart", "restart: verify"];

/// Batch 7 of 12 is at work; some hosts of it failed at the restart.
fn by_step(query: &GridQuery, from: u32, rows: usize) -> StepsPage {
    let sum = |place: usize, counts: [u32; 5]| StepSum {
        name: STEPS[place].into(),
        act: if place == 2 { "approve" } else { "exec" }.into(),
        waiting: counts[0],
        running: counts[1],
        ok: counts[2],
        failed: counts[3],
        left_out: counts[4],
        median: (place != 2).then_some(41.0 * (place + 1) as f64),
    };
    let cells = (from..from + u32::try_from(rows).unwrap()).map(|place| {
        match place {
            0 => "!oooo",
            1..12 => "+++Xo",
            12..424 => "+++>.",
            424..600 => ".....",
            _ => "+++++",
        }
        .to_owned()
    });
    let stretch = |kind, batch, from: i64, to: Option<i64>| Span {
        to: to.map(at),
        ..Span::new(kind, (batch, batch), at(from))
    };
    let mut spans = vec![
        stretch(SpanKind::Batch, 1, 1_089, Some(900)),
        stretch(SpanKind::Question, 1, 900, Some(800)),
        stretch(SpanKind::Gate, 1, 800, Some(760)),
        stretch(SpanKind::Soak, 1, 760, Some(460)),
        stretch(SpanKind::Batch, 2, 460, Some(300)),
        stretch(SpanKind::Pause, 2, 400, Some(300)),
        stretch(SpanKind::Batch, 3, 300, None),
    ];
    spans[1].name = "confirm".into();
    spans[5].name = "wait for the freeze to end".into();
    spans[6].failed = 12;
    StepsPage {
        steps: vec![
            sum(0, [176, 0, 9_823, 1, 0]),
            sum(1, [176, 0, 9_823, 0, 1]),
            sum(2, [176, 0, 9_823, 0, 1]),
            sum(3, [176, 412, 9_400, 11, 1]),
            sum(4, [588, 0, 9_400, 0, 12]),
        ],
        cells: cells.collect(),
        row_batches: vec![6; rows],
        batch_count: 12,
        batches_from: 0,
        batches: "++++++>.....".into(),
        span_count: 7,
        spans_from: 0,
        spans: if query.spans.1 > 0 { spans } else { Vec::new() },
    }
}

/// A run of stages, one of which is the run of a flow above.
pub fn stages_run() -> RunView {
    let stage = |name: &str, item: Option<&str>, state: &str| StageView {
        stage: name.into(),
        item: item.map(Into::into),
        state: state.into(),
        kind: "flow".into(),
        title: "UpgradeRegionServer version=2.4.18".into(),
        gated: true,
        soak: 1_800.0,
        ..StageView::default()
    };
    let ended = |hosts: u32| Tally::all_ended(hosts, OutcomeKind::Ok);
    let mut view = RunView {
        run: RunId(4430),
        title: "FlightingUpdate version=2.4.18".into(),
        targets: String::new(),
        tally: flow_run().tally,
        stages: vec![
            StageView {
                run: Some(RunId(4419)),
                run_state: Some("succeeded".into()),
                gate: Some(RunId(4418)),
                tally: ended(40),
                began: Some(at(1_089)),
                ended: Some(at(600)),
                ..stage("canary", None, "succeeded")
            },
            StageView {
                run: Some(flow_run().run),
                run_state: Some("running".into()),
                needs: vec!["canary".into()],
                needs_count: 1,
                tally: flow_run().tally,
                began: Some(at(600)),
                ..stage("clusters", Some("cluster-a"), "running")
            },
            StageView {
                needs: vec!["canary".into()],
                needs_count: 1,
                tally: Tally::all_waiting(1_930),
                ..stage("clusters", Some("cluster-b"), "waiting")
            },
            StageView {
                needs: vec!["clusters".into()],
                needs_count: 1,
                tally: Tally::all_waiting(1),
                gated: false,
                soak: 0.0,
                ..stage("report", None, "waiting")
            },
        ],
        ..flow_run()
    };
    view.whole = Some(Whole::of(&view.stages, 11_930));
    view
}

/// That run at work on its second stage, the run of that stage, and that of the first.
pub fn family() -> (RunView, RunView, RunLine) {
    let part = |item: u32, name: &str| PartOf {
        run: stages_run().run,
        stage: item,
        item: 0,
        gate: false,
        of: "FlightingUpdate".into(),
        name: name.into(),
    };
    let at_work = RunView {
        run: RunId(4432),
        part_of: Some(part(1, "clusters cluster-a")),
        ..flow_run()
    };
    let over = RunLine {
        run: RunId(4431),
        kind: "flow".into(),
        title: flow_run().title,
        targets: "@canary".into(),
        state: "succeeded".into(),
        starter: "kim".into(),
        created: at(1_089),
        ended: Some(at(600)),
        tally: Tally::all_ended(40, OutcomeKind::Ok),
        part_of: Some(part(0, "canary")),
        ..RunLine::default()
    };
    (stages_run(), at_work, over)
}

/// Answers as an engine with these flows does.
pub fn with_flows(request: &Request) -> Result<Reply, Fault> {
    Ok(match request {
        Request::Overview(_) => {
            let Reply::Overview(overview) = engine(request)? else {
                return engine(request);
            };
            let mut open = vec![flow_run()];
            open.extend(overview.open);
            Reply::Overview(Box::new(Overview { open, ..*overview }))
        }
        Request::Flows(query) => {
            let named =
                |flow: &FlowLine| query.name.is_empty() || flow.definition.name == query.name;
            Reply::Flows(Box::new(FlowsPage {
                revision: 1,
                flows: flows().into_iter().filter(named).collect(),
            }))
        }
        Request::Grid(query) if query.run == stages_run().run => {
            let mut page = fixtures::grid(&GridQuery {
                signs: (0, 0),
                rows: (0, 0),
                ..query.clone()
            });
            (page.view, page.matched) = (stages_run(), 0);
            page.causes.clear();
            page.steps.clear();
            Reply::Grid(Box::new(page))
        }
        Request::Grid(query) if query.run == flow_run().run => {
            let mut page = fixtures::grid(query);
            page.view = flow_run();
            page.steps = STEPS.map(str::to_owned).to_vec();
            page.by_step = query
                .steps
                .then(|| Box::new(by_step(query, page.rows_from, page.rows.len())));
            page.view.eta_s = Some(1_260.0);
            Reply::Grid(Box::new(page))
        }
        Request::Definition { version, .. } => Reply::Definition(Box::new(view(*version))),
        Request::Given { .. } => Reply::Given(Box::new(Given {
            kind: Kind::Flow,
            name: "UpgradeRegionServer".into(),
            targets: "@hbase:cluster-a".into(),
            values: [("version".to_owned(), "2.4.18".to_owned())].into(),
        })),
        Request::Preview(query) => Reply::Preview(Box::new(preview(query)?)),
        Request::Apply(wanted) => Reply::Applied(Box::new(apply(wanted))),
        Request::Draft { name, .. } => Reply::Draft(Box::new(DraftPage {
            text: TEXT.replace("UpgradeRegionServer", name),
            notes: vec!["it logged in as ops: a flow logs in as the inventory says".into()],
            current: None,
        })),
        other => engine(other)?,
    })
}
