//! The console without a screen: one line an event, numbered choices, nothing drawn over. For
//! screen readers and for links over which nothing else is bearable.

mod flows;
mod steer;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use super::screens::{needs, under};
use super::standing::{self, line_of};
use super::words::{clock, count, counted, plain};
use super::zone::Zone;
use crate::flow::definition::Kind;
use crate::run::ids::RunId;
use crate::run::neutral::{Policy, neutral};
use crate::run::sign::Sign;
use crate::wire::console::{
    FoldGroup, FoldPage, FoldQuery, GridQuery, InventoryQuery, LinesQuery, Overview, OverviewQuery,
};
use crate::wire::request::StartRun;
use crate::wire::view::RunLine;
use crate::wire::{CallError, Client, Reply, Request};

/// Runs that are listed.
const LISTED: u32 = 20;
/// Lines of a group's output that are said at once.
const SAID: u32 = 200;

const HELP: &str = "\
w                  what needs you, and the newest runs, numbered
NUMBER             open the run of that number in the list
s                  how the open run stands: its stages or its steps
stage NUMBER       open the run of that stage
story              what happened in the open run
o                  the outputs of the open run, numbered; o NUMBER says one
f                  why hosts of the open run failed
flows              the flows and actions, numbered
start NUMBER       start a flow: it asks for hosts and values, says its plan, and asks
run HOSTS -- COMMAND   start a command; it says on how many hosts, and asks
p, c               pause the open run, let it go on
approve, reject    answer what the open run asks; a reason may follow
retry              start again what did not end well; an outcome and hosts may follow
skip HOSTS         leave hosts out that wait; skip step NAME, skip stage NAME
settle HOST ok     say what became of a host in doubt: ok, failed or retry
limits NAME=VALUE  concurrency, max_failures, batches of the open run
abort, after       abort the open run: now, or when its open batch has ended
rollback           undo what the open run did; hosts may follow
take REASON        ask for the conn; give PERSON, keep
note TEXT          add words to the open run
q                  leave; what runs goes on";

/// What a line typed leads to.
enum Next {
    GoOn,
    Leave,
}

/// The console as lines.
struct Plain {
    client: Client,
    you: String,
    lines: Lines<BufReader<Stdin>>,
    overview: Overview,
    /// The state of each run as it was said last.
    said: BTreeMap<RunId, String>,
    listed: Vec<RunId>,
    open: Option<RunId>,
    groups: Vec<FoldGroup>,
    /// The flows as they were listed.
    flows: Vec<(Kind, String)>,
    /// The runs of the stages of the open run, as they were listed.
    stages: Vec<Option<RunId>>,
}

/// Speaks until the person leaves or the engine is gone.
///
/// # Errors
/// A sentence, when the engine does not answer any more or the terminal is gone.
pub async fn speak(client: Client) -> Result<(), String> {
    let mut plain = Plain {
        you: client.welcome().user.clone(),
        client,
        lines: BufReader::new(tokio::io::stdin()).lines(),
        overview: Overview::default(),
        said: BTreeMap::new(),
        listed: Vec::new(),
        open: None,
        groups: Vec::new(),
        flows: Vec::new(),
        stages: Vec::new(),
    };
    say("conn, line by line. ? says what can be typed.");
    plain.look(0).await?;
    plain.now();
    loop {
        let query = overview_query(plain.overview.revision, 15_000, plain.open);
        tokio::select! {
            line = plain.lines.next_line() => {
                let Ok(Some(line)) = line else { return Ok(()) };
                match plain.obey(line.trim()).await {
                    Ok(Next::GoOn) => {}
                    Ok(Next::Leave) => return Ok(()),
                    Err(CallError::Fault(fault)) => say(&fault.message),
                    Err(gone) => return Err(gone.to_string()),
                }
            }
            reply = plain.client.view(query) => match reply {
                Ok(Reply::Overview(overview)) => plain.news(*overview),
                Ok(_) => {}
                Err(CallError::Fault(fault)) => say(&fault.message),
                Err(gone) => return Err(gone.to_string()),
            },
        }
    }
}

fn overview_query(revision: u64, wait_ms: u32, looking: Option<RunId>) -> Request {
    Request::Overview(OverviewQuery {
        revision,
        wait_ms,
        ended: LISTED,
        looking,
    })
}

/// One line, made harmless. A terminal that is gone shows when the next line is read.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    for line in text.lines() {
        let _ = writeln!(out, "{}", plain(line));
    }
    let _ = out.flush();
}

impl Plain {
    async fn look(&mut self, wait_ms: u32) -> Result<(), String> {
        let reply = self
            .client
            .view(overview_query(0, wait_ms, self.open))
            .await;
        if let Reply::Overview(overview) = reply.map_err(|error| error.to_string())? {
            self.said = states(&overview);
            self.overview = *overview;
        }
        Ok(())
    }

    /// Says what became of runs since the last time.
    fn news(&mut self, overview: Overview) {
        let states = states(&overview);
        for (run, state) in &states {
            if self.said.get(run) != Some(state) {
                say(&format!("{} {state}", clock(overview.at)));
            }
        }
        self.said = states;
        self.overview = overview;
    }

    fn now(&mut self) {
        let overview = &self.overview;
        let needs = needs(overview, overview.at, &self.you);
        if needs.is_empty() {
            say(&format!(
                "Nothing needs you. Checked {}.",
                clock(overview.at)
            ));
        }
        let zone = Zone::default();
        for need in needs {
            say(&format!(
                "needs you: {} run {} {}: {}",
                need.word,
                need.run,
                need.title,
                zone.said(&need.what, overview.at)
            ));
        }
        let open = overview.open.iter().map(line_of);
        let runs: Vec<RunLine> = open.chain(overview.ended.iter().cloned()).collect();
        let known: BTreeSet<RunId> = runs.iter().map(|run| run.run).collect();
        // Parts are found under what they are part of: s says them.
        let alone = runs
            .iter()
            .filter(|run| under(run.part_of.as_ref(), run.run, &known).is_none());
        let runs: Vec<&RunLine> = alone.take(LISTED as usize).collect();
        for (number, run) in (1..).zip(&runs) {
            say(&format!("{number}. {}", sentence(run, overview)));
        }
        self.listed = runs.iter().map(|run| run.run).collect();
    }

    async fn obey(&mut self, line: &str) -> Result<Next, CallError> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("", _) => {}
            ("q", _) => return Ok(Next::Leave),
            ("?" | "help", _) => say(HELP),
            ("w", _) => {
                let reply = self.client.view(overview_query(0, 0, self.open)).await?;
                if let Reply::Overview(overview) = reply {
                    self.news(*overview);
                }
                self.now();
            }
            ("run", rest) => self.start(rest).await?,
            ("o", "") => self.outputs().await?,
            ("o", number) => self.output(number).await?,
            ("f", _) => self.failures().await?,
            ("flows", _) => self.list_flows().await?,
            ("start", which) => self.start_flow(which).await?,
            ("s", _) => self.stands().await?,
            ("stage", number) => self.stage(number).await?,
            ("story", _) => self.story().await?,
            (word, rest) if self.steered(word, rest).await? => {}
            (number, _) => self.choose(number),
        }
        Ok(Next::GoOn)
    }

    fn choose(&mut self, number: &str) {
        let place = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        match place.and_then(|place| self.listed.get(place)) {
            Some(run) => {
                self.open = Some(*run);
                self.groups = Vec::new();
                say(&format!(
                    "Run {run} is open. s says how it stands, o its outputs, f why hosts failed."
                ));
            }
            None => say("? says what can be typed."),
        }
    }

    async fn asks(&mut self, question: &str) -> String {
        say(question);
        let line = self.lines.next_line().await;
        line.ok().flatten().unwrap_or_default().trim().to_owned()
    }

    async fn start(&mut self, rest: &str) -> Result<(), CallError> {
        let Some((targets, command)) = rest.split_once(" -- ") else {
            say("Type: run HOSTS -- COMMAND");
            return Ok(());
        };
        let query = InventoryQuery {
            targets: targets.trim().to_owned(),
            ..InventoryQuery::default()
        };
        let Reply::Inventory(page) = self.client.view(Request::Inventory(query)).await? else {
            return Ok(());
        };
        let hosts = counted(page.total, "host");
        let wide = page.total > 50;
        let (question, wanted) = if wide {
            (
                format!(
                    "{hosts}: {}. Type the number of hosts to start.",
                    page.folded
                ),
                page.total.to_string(),
            )
        } else {
            (
                format!("{hosts}: {}. Type y to start.", page.folded),
                "y".to_owned(),
            )
        };
        if self.asks(&question).await != wanted {
            say("Nothing was done.");
            return Ok(());
        }
        let start = StartRun {
            targets: targets.trim().to_owned(),
            command: command.trim().to_owned(),
            shown: Some(page.total),
            ..StartRun::default()
        };
        if let Reply::Started { run, warnings } =
            self.client.call(Request::Start(Box::new(start))).await?
        {
            self.open = Some(run);
            say(&format!("Run {run} started."));
            for warning in &warnings {
                say(warning);
            }
        }
        Ok(())
    }

    fn opened(&self) -> Option<RunId> {
        if self.open.is_none() {
            say("Open a run first: its number in the list that w says.");
        }
        self.open
    }

    async fn outputs(&mut self) -> Result<(), CallError> {
        let Some(run) = self.opened() else {
            return Ok(());
        };
        let query = FoldQuery {
            run,
            ..FoldQuery::default()
        };
        let Reply::Fold(page) = self.client.view(Request::Fold(query)).await? else {
            return Ok(());
        };
        let FoldPage { groups, .. } = *page;
        for (number, group) in (1..).zip(&groups) {
            let sign = Sign::of_task(&group.standing, group.outcome.as_ref());
            let hosts = counted(group.count, "host");
            say(&format!(
                "{number}. {} {}: {hosts}: {}",
                sign.letter(),
                sign.word(),
                group.hosts
            ));
        }
        self.groups = groups;
        Ok(())
    }

    async fn output(&mut self, number: &str) -> Result<(), CallError> {
        let place = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let group = place.and_then(|place| self.groups.get(place));
        let (Some(run), Some(group)) = (self.open, group) else {
            say("o lists the outputs; then o and a number.");
            return Ok(());
        };
        if let Some(detail) = &group.detail {
            say(detail);
        }
        let query = LinesQuery {
            run,
            host: group.first,
            step: None,
            count: SAID,
            ..LinesQuery::default()
        };
        let Reply::Lines(page) = self.client.view(Request::Lines(query)).await? else {
            return Ok(());
        };
        if page.from > 0 {
            say(&format!(
                "The last {} of {}:",
                counted(page.lines.len() as u64, "line"),
                counted(page.total, "line")
            ));
        }
        for line in &page.lines {
            say(&neutral(&line.bytes, Policy::ONE_LINE));
        }
        if page.total == 0 {
            say("Nothing was written.");
        }
        Ok(())
    }

    async fn failures(&mut self) -> Result<(), CallError> {
        let Some(run) = self.opened() else {
            return Ok(());
        };
        let query = GridQuery {
            run,
            ..GridQuery::default()
        };
        let Reply::Grid(page) = self.client.view(Request::Grid(query)).await? else {
            return Ok(());
        };
        if page.causes.is_empty() {
            say("No failures.");
        }
        for cause in &page.causes {
            let hosts = counted(cause.count, "host");
            say(&format!(
                "{}: {hosts}: {}: {}",
                cause.outcome, cause.hosts, cause.line
            ));
        }
        Ok(())
    }
}

/// A run in the list.
fn sentence(run: &RunLine, overview: &Overview) -> String {
    let stands = match &run.stand {
        Some(stand) => standing::waits(stand, overview.at),
        None => run.state.clone(),
    };
    let (run_of, title) = (run.run, &run.title);
    let amount = if let Some(whole) = &run.whole {
        format!("{} of {} stages", whole.over, whole.stages)
    } else {
        let all = counted(run.tally.total(), "host");
        format!("{} of {all}", count(run.tally.ended_all()))
    };
    let failed = count(run.tally.failures());
    format!("run {run_of} {title}: {stands}, {amount}, {failed} failed")
}

/// How each run stands, in a sentence that changes only when somebody wants to hear it.
fn states(overview: &Overview) -> BTreeMap<RunId, String> {
    let open = overview.open.iter().map(line_of);
    let ended = overview.ended.iter().cloned();
    open.chain(ended)
        .map(|run| {
            let failed = match run.tally.failures() {
                0 => String::new(),
                failed if run.whole.is_some() => format!(", {}", counted(failed, "failure")),
                failed => format!(", {} failed", counted(failed, "host")),
            };
            let stands = match &run.stand {
                Some(stand) => stand.words(),
                None => run.state,
            };
            let part = run.part_of.as_ref().map_or_else(String::new, |part| {
                format!(", {}part of run {}", standing::stage(part), part.run)
            });
            let (number, title) = (run.run, run.title);
            (
                number,
                format!("run {number} {title}: {stands}{failed}{part}"),
            )
        })
        .collect()
}
