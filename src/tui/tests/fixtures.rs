//! An engine of paper: answers as a real one gives them.

use bytes::Bytes;

use super::NOW;
use crate::run::event::OutputSum;
use crate::run::ids::{At, RunId};
use crate::run::outcome::{Outcome, RefusedBy};
use crate::run::output::OutStream;
use crate::run::sign::Sign;
use crate::run::tally::Tally;
use crate::wire::console::{
    CauseGroup, FoldGroup, FoldPage, FoldQuery, GridPage, GridQuery, GroupLine, GroupLines,
    HostLine, InventoryPage, Line, LinesPage, Overview, Picked, Presence, SearchPage, Times,
};
use crate::wire::reply::Fault;
use crate::wire::view::{EngineStatus, RunLine, RunView, TaskView, TimelineEntry};
use crate::wire::{Reply, Request};

/// Ten thousand hosts, twelve of which failed for two reasons.
pub const HOSTS: u32 = 10_000;

fn at(seconds_ago: i64) -> At {
    At(NOW.0 - seconds_ago * 1000)
}

fn tally(waiting: u32, running: u32, ok: u32, failed: u32, unreachable: u32) -> Tally {
    let text = format!(
        r#"{{"waiting":{waiting},"held":0,"parked":0,"running":{running},"reattaching":0,
            "done":[{ok},{failed},0,0,{unreachable},0,0,0,0,0]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

pub fn big_run() -> RunView {
    RunView {
        run: RunId(4412),
        revision: 7,
        kind: "exec".into(),
        title: "apt-get install -y nginx=1.27.3-1".into(),
        targets: "@web".into(),
        state: "running".into(),
        tally: tally(176, 412, 9_400, 11, 1),
        starter: "kim".into(),
        holder: Some("kim".into()),
        created: at(1089),
        batch: (1, 1),
        rate: Some(11.2),
        eta_s: Some(240.0),
        ..RunView::default()
    }
}

pub fn overview() -> Overview {
    let paused = RunView {
        run: RunId(4413),
        revision: 3,
        title: "rotate-certs --all".into(),
        targets: "@edge".into(),
        state: "paused".into(),
        because: Some("paused by lee: wait for the freeze to end".into()),
        tally: tally(282, 0, 118, 0, 0),
        starter: "lee".into(),
        holder: Some("lee".into()),
        created: at(2_460),
        ..big_run()
    };
    Overview {
        revision: 5,
        at: NOW,
        open: vec![big_run(), paused],
        open_more: 0,
        ended: vec![
            ended(
                4411,
                "logrotate -f /etc/logrotate.conf",
                "succeeded",
                tally(0, 0, 400, 0, 0),
            ),
            ended(4409, "inv-sync", "failed", tally(0, 0, 38, 2, 0)),
        ],
        ended_total: 212,
        people: vec![
            Presence {
                user: "kim".into(),
                origin: "pts/1".into(),
                you: true,
                ..Presence::default()
            },
            Presence {
                user: "lee".into(),
                origin: "pts/3".into(),
                looking: Some(RunId(4412)),
                ..Presence::default()
            },
        ],
        engine: EngineStatus {
            pid: 2211,
            uptime: 1_050_000.0,
            connections: 412,
            tasks: 412,
            memory: 96_000_000,
            store: [("output".to_owned(), 1_200_000_000)].into(),
            space: "ok".into(),
            ..EngineStatus::default()
        },
    }
}

fn ended(run: u64, title: &str, state: &str, tally: Tally) -> RunLine {
    RunLine {
        run: RunId(run),
        kind: "exec".into(),
        title: title.into(),
        targets: "@web".into(),
        state: state.into(),
        waits_for: None,
        starter: "kim".into(),
        holder: None,
        created: at(900),
        ended: Some(at(888)),
        tally,
        acked: None,
        part_of: None,
        whole: None,
        stand: None,
    }
}

/// The sign at a place of the big run, worst first.
fn sign(place: u32) -> Sign {
    match place {
        0 => Sign::Unreachable,
        1..12 => Sign::Failed,
        12..424 => Sign::Running,
        424..600 => Sign::Waiting,
        _ => Sign::Ok,
    }
}

pub fn task(place: u32) -> TaskView {
    let (standing, outcome) = match sign(place) {
        Sign::Unreachable => ("done", Some(Outcome::Unreachable)),
        Sign::Failed => ("done", Some(Outcome::Failed(100))),
        Sign::Running => ("running", None),
        Sign::Waiting => ("waiting", None),
        _ => ("done", Some(Outcome::Ok)),
    };
    TaskView {
        host: format!("web{place:05}.ams2.example.net"),
        ix: place,
        step: "exec".into(),
        attempts: 1,
        detail: (place == 0)
            .then(|| "No connection to 10.2.4.12:22: kex timeout after 10 s".into()),
        standing: standing.into(),
        phases: crate::run::phases::Phases::default(),
        output: OutputSum::default(),
        began: Some(at(100)),
        finished: outcome.as_ref().map(|_| at(59)),
        outcome,
    }
}

pub fn grid(query: &GridQuery) -> GridPage {
    let window = |(from, count): (u32, u32)| from..(from + count).min(HOSTS);
    GridPage {
        view: big_run(),
        steps: vec!["exec".into()],
        matched: HOSTS,
        // The first twelve are bad.
        bad: {
            let (from, until) = (query.signs.0, query.signs.0 + query.signs.1);
            (
                Some(from.min(12).checked_sub(1).unwrap_or(11)),
                Some(if until < 12 { until } else { 0 }),
            )
        },
        signs_from: query.signs.0,
        signs: window(query.signs)
            .map(|place| sign(place).letter())
            .collect(),
        signed: if query.name_signs {
            window(query.signs).collect()
        } else {
            Vec::new()
        },
        rows_from: query.rows.0,
        rows: window(query.rows).map(task).collect(),
        place: query.at,
        host: query.at.map(task),
        causes: vec![
            CauseGroup {
                outcome: Outcome::Failed(100),
                step: "exec".into(),
                count: 11,
                hosts: "web[00001-00011].ams2.example.net".into(),
                first: 1,
                line: "E: Unable to fetch nginx_1.27.3-1_amd64.deb 404".into(),
            },
            CauseGroup {
                outcome: Outcome::Unreachable,
                step: "exec".into(),
                count: 1,
                hosts: "web00000.ams2.example.net".into(),
                first: 0,
                line: "No connection to 10.2.4.12:22: kex timeout after 10 s".into(),
            },
        ],
        outputs: 2,
        times: Times {
            count: 9_412,
            least: 0.8,
            median: 39.0,
            p90: 44.0,
            most: 58.0,
            spans: vec![
                3, 20, 160, 900, 3000, 3300, 1500, 400, 100, 20, 5, 2, 1, 1, 0, 1,
            ],
        },
        slow: Vec::new(),
        timeline: vec![TimelineEntry {
            at: at(1089),
            by: "kim".into(),
            what: "started on 10,000 hosts".into(),
        }],
        by_step: None,
    }
}

fn line(text: &str, stream: OutStream) -> Line {
    Line {
        at_ms: at(60).0,
        stream,
        step: 0,
        attempt: 1,
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        goes_on: false,
        gap: None,
    }
}

fn lines(host: u32) -> LinesPage {
    let mut lines: Vec<Line> = [
        "Get:1 http://mirror.ams/debian bookworm InRelease [151 kB]",
        "Reading package lists... Done",
    ]
    .map(|text| line(text, OutStream::Stdout))
    .into();
    let last = match task(host).outcome {
        Some(Outcome::Failed(_)) => line(
            "\x1b[31mE: Unable to fetch\x1b[0m nginx \x1b]0;gotcha\x07 404",
            OutStream::Stderr,
        ),
        _ => line("Setting up nginx (1.27.3-1) ...", OutStream::Stdout),
    };
    lines.push(last);
    LinesPage {
        task: Some(task(host)),
        total: lines.len() as u64,
        revision: 1,
        whole: true,
        from: 0,
        lines,
    }
}

fn fold(query: &FoldQuery) -> FoldPage {
    let group = |key: &str, outcome: Option<Outcome>, count: u32, first: u32| FoldGroup {
        key: key.into(),
        standing: if outcome.is_some() {
            "done".into()
        } else {
            "running".into()
        },
        outcome,
        count,
        hosts: format!("web[{first:05}-{:05}]", first + count - 1),
        first,
        detail: None,
        output: OutputSum {
            stdout: 1_200,
            ..OutputSum::default()
        },
        seconds: (38.0, 41.0),
    };
    FoldPage {
        view: big_run(),
        groups: vec![
            group("refused", Some(Outcome::Refused(RefusedBy::Auth)), 1, 0),
            group("failed", Some(Outcome::Failed(100)), 11, 1),
            group("ok", Some(Outcome::Ok), 9_400, 600),
            group("running", None, 412, 12),
        ],
        more: (0, 0),
        lines: [0, 1, 600, 12]
            .into_iter()
            .filter(|_| query.lines > 0)
            .map(|host| {
                let page = lines(host);
                GroupLines {
                    total: if host == 1 { 120 } else { page.total },
                    lines: page.lines,
                }
            })
            .collect(),
        newest: (12..18)
            .map(|place| {
                let line = "Unpacking nginx (1.27.3-1) over (1.27.2-2) ...";
                (task(place).host, Bytes::from_static(line.as_bytes()))
            })
            .collect(),
        newest_mark: 1,
        main: Some(2),
    }
}

fn inventory() -> InventoryPage {
    InventoryPage {
        groups: vec![
            GroupLine {
                name: "@web".into(),
                count: HOSTS,
                hosts: "web[00000-09999]".into(),
            },
            GroupLine {
                name: "@db".into(),
                count: 12,
                hosts: "db[01-12]".into(),
            },
        ],
        total: 12,
        folded: "db[01-12]".into(),
        unknown: 0,
        from: 0,
        hosts: vec![HostLine {
            name: "db01".into(),
            address: "10.2.0.1:22".into(),
            user: "ops".into(),
            labels: vec!["rack=r07".into()],
            last: None,
        }],
        warnings: Vec::new(),
    }
}

/// Answers as an engine with these runs does.
pub fn engine(request: &Request) -> Result<Reply, Fault> {
    Ok(match request {
        Request::Overview(_) => Reply::Overview(Box::new(overview())),
        Request::Grid(query) => Reply::Grid(Box::new(grid(query))),
        Request::Lines(query) => Reply::Lines(Box::new(lines(query.host))),
        Request::Fold(query) => Reply::Fold(Box::new(fold(query))),
        Request::Pick(query) => {
            let alike = query.like.map_or(0..0, |_| 1..12);
            let named = match query.named.as_str() {
                "" => 0..0,
                "@web" => 0..HOSTS,
                "web00001" => 1..2,
                other => return Err(Fault::usage(format!("{other} is not a host of it"))),
            };
            let alike = alike.chain(named);
            let hosts: Vec<u32> = query.hosts.iter().copied().chain(alike).collect();
            Reply::Picked(Box::new(Picked {
                folded: format!("web[00001-{:05}].ams2.example.net", hosts.len()),
                hosts,
            }))
        }
        Request::Inventory(_) => Reply::Inventory(Box::new(inventory())),
        Request::Runs(_) => Reply::Runs(overview().ended),
        Request::Search(_) => Reply::Found(Box::new(SearchPage {
            lines: 11,
            hosts: 11,
            hits: Vec::new(),
        })),
        Request::Flows(_) => Reply::Flows(Box::default()),
        _ => return Err(Fault::usage("the paper engine does not know this")),
    })
}

/// An engine on which nothing has happened.
pub fn quiet(request: &Request) -> Result<Reply, Fault> {
    match request {
        Request::Overview(_) => Ok(Reply::Overview(Box::new(Overview {
            open: Vec::new(),
            ended: Vec::new(),
            ended_total: 0,
            ..overview()
        }))),
        Request::Runs(_) => Ok(Reply::Runs(Vec::new())),
        other => engine(other),
    }
}
