//! The flows and actions that are stored, how each went lately, and those at work on top.

mod draw;

pub(in crate::tui::screens) use draw::{draw_results, last_words};

use crate::flow::definition::Kind;
use crate::run::filter::Filter;
use crate::run::ids::RunId;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::{List, nearest};
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, WAIT_MS, Want, flows_at_work};
use crate::tui::words::{counted, plain};
use crate::wire::flows::{FlowLine, FlowsPage, FlowsQuery};
use crate::wire::reply::Fault;
use crate::wire::view::RunView;
use crate::wire::{Reply, Request};

/// Results of each flow that are asked for.
const RESULTS: u32 = 40;

/// What a row is.
#[derive(Debug, Clone)]
enum Row {
    Head(&'static str, String),
    Open(Box<RunView>),
    Flow(Box<FlowLine>),
}

/// Names a row while the list changes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum On {
    Run(RunId),
    Flow(Kind, String),
}

impl Row {
    fn name(&self) -> Option<On> {
        match self {
            Self::Head(..) => None,
            Self::Open(run) => Some(On::Run(run.run)),
            Self::Flow(flow) => Some(On::Flow(flow.definition.kind, flow.definition.name.clone())),
        }
    }
}

/// The screen.
#[derive(Default)]
pub(in crate::tui) struct Flows {
    list: List,
    on: Option<On>,
    page: Option<FlowsPage>,
    rows: Vec<Row>,
    text: String,
    filter: Filter,
    gone: Option<String>,
}

impl Flows {
    fn rebuild(&mut self, context: &Context) {
        let mut rows = Vec::new();
        let open = context.overview.map(flows_at_work).unwrap_or_default();
        if !open.is_empty() {
            rows.push(Row::Head("RUNNING", open.len().to_string()));
            rows.extend(open.into_iter().cloned().map(Box::new).map(Row::Open));
        }
        let all = self.page.iter().flat_map(|page| &page.flows);
        let shown: Vec<&FlowLine> = all.filter(|flow| self.passes(flow)).collect();
        if !shown.is_empty() {
            rows.push(Row::Head("FLOWS", shown.len().to_string()));
            rows.extend(shown.into_iter().cloned().map(Box::new).map(Row::Flow));
        }
        self.rows = rows;
        self.list.total = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let known = self.on.clone().filter(|on| self.place_of(on).is_some());
        let first = || self.rows.iter().find_map(Row::name);
        if let Some(on) = known.or_else(first) {
            self.list.go(self.place_of(&on).unwrap_or(0));
            self.on = Some(on);
        }
    }

    fn place_of(&self, on: &On) -> Option<u32> {
        let place = self
            .rows
            .iter()
            .position(|row| row.name().as_ref() == Some(on))?;
        u32::try_from(place).ok()
    }

    fn passes(&self, flow: &FlowLine) -> bool {
        let line = &flow.definition;
        let words = [&line.app, &line.about].map(|word| word.clone().unwrap_or_default());
        let text = format!("{} {}", line.name, words.join(" "));
        let state = flow.last.last().map_or("", |last| last.state.as_str());
        self.filter.passes_words(&text, &[state, &flow.sort])
    }

    fn row(&self) -> Option<&Row> {
        self.rows.get(self.list.at as usize)
    }

    /// Heads are no place to stand on.
    fn moved(&mut self, act: Act) -> bool {
        let before = self.list.at;
        if !self.list.act(act) {
            return false;
        }
        let up = matches!(act, Act::Up | Act::PageUp);
        let is_head = |row: Option<&Row>| matches!(row, Some(Row::Head(..)));
        if is_head(self.row()) {
            let by = if up { -1 } else { 1 };
            if !self.list.step(by) || is_head(self.row()) {
                self.list.go(before);
            }
        }
        if let Some(on) = self.row().and_then(Row::name) {
            self.on = Some(on);
        } else {
            self.list.go(before);
        }
        true
    }

    fn failure(&mut self, by: i64) {
        let bad = |at: usize| match self.rows.get(at) {
            Some(Row::Open(run)) => run.tally.failures() > 0,
            Some(Row::Flow(flow)) => flow.last.last().is_some_and(|last| last.state == "failed"),
            _ => false,
        };
        if let Some(at) = nearest(self.list.at as usize, by, self.rows.len(), bad) {
            self.list.go(u32::try_from(at).unwrap_or(0));
            self.on = self.row().and_then(Row::name);
        }
    }

    fn all(&self) -> usize {
        self.page.as_ref().map_or(0, |page| page.flows.len())
    }
}

impl Pane for Flows {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        String::new()
    }

    fn place(&self) -> Place {
        Place::Flows
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        if self.gone.is_some() {
            return Vec::new();
        }
        let request = Request::Flows(FlowsQuery {
            revision: self.page.as_ref().map_or(0, |page| page.revision),
            wait_ms: WAIT_MS,
            name: String::new(),
            results: RESULTS,
        });
        vec![Want::follow("flows", request)]
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        if let Reply::Flows(page) = reply {
            self.page = Some(*page);
        }
    }

    fn refused(&mut self, _: &str, fault: &Fault) {
        self.gone = Some(fault.message.clone());
    }

    fn anew(&mut self) {
        if let Some(page) = &mut self.page {
            page.revision = 0;
        }
        self.gone = None;
    }

    fn act(&mut self, act: Act, context: &Context, effects: &mut Vec<Effect>) -> bool {
        self.rebuild(context);
        match (act, self.row()) {
            (Act::Open, Some(Row::Open(run))) => effects.push(Effect::Open(Place::Run(run.run))),
            (Act::Open, Some(Row::Flow(flow))) => {
                let (kind, name) = (flow.definition.kind, flow.definition.name.clone());
                effects.push(Effect::Open(Place::Flow(kind, name)));
            }
            (Act::Open, _) => {}
            (Act::StartFlow, Some(Row::Flow(flow))) => effects.push(start(flow)),
            // The console starts the run's flow again.
            (Act::StartFlow, Some(Row::Open(_))) => return false,
            (Act::Edit, Some(Row::Flow(flow))) => effects.push(Effect::Edit {
                kind: flow.definition.kind,
                name: flow.definition.name.clone(),
            }),
            (Act::NextPane | Act::Runs, _) => effects.push(Effect::Open(Place::Runs)),
            (Act::NextFailure, _) => self.failure(1),
            (Act::PreviousFailure, _) => self.failure(-1),
            _ => return self.moved(act),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        self.rebuild(context);
        self.draw_all(canvas, context);
    }

    fn hints(&self) -> Vec<Act> {
        if self.all() == 0 {
            return vec![Act::NextPane, Act::Start];
        }
        vec![
            Act::Open,
            Act::StartFlow,
            Act::Edit,
            Act::NextFailure,
            Act::Search,
            Act::NextPane,
        ]
    }

    fn meant(&self) -> Option<RunId> {
        match self.on {
            Some(On::Run(run)) => Some(run),
            _ => None,
        }
    }

    fn status(&self) -> String {
        let filter = if self.text.is_empty() {
            String::new()
        } else {
            format!("   filter: {}", self.text)
        };
        let number = u32::try_from(self.all()).unwrap_or(u32::MAX);
        format!(
            "{}   2 or Tab: all runs{filter}",
            counted(number, "flow and action").replace("flow and actions", "flows and actions")
        )
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("filter", self.text.clone()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.text);
        self.filter = Filter::parse(text)?;
        Ok(())
    }

    fn text(&self) -> String {
        let lines = self.page.iter().flat_map(|page| &page.flows).map(|flow| {
            let line = &flow.definition;
            let about = plain(line.about.as_deref().unwrap_or(""));
            let last = flow.last.last().map_or("-", |last| last.state.as_str());
            format!("{}\t{}\t{last}\t{about}\n", line.name, line.version)
        });
        lines.collect()
    }
}

/// The form that starts this, or why there is none.
pub(in crate::tui) fn start(flow: &FlowLine) -> Effect {
    let name = &flow.definition.name;
    match &flow.definition.broken {
        Some(why) => Effect::Say(format!("{name} cannot be started: {}", plain(why))),
        None => Effect::StartFlow {
            kind: flow.definition.kind,
            name: name.clone(),
            hosts: String::new(),
            values: Vec::new(),
        },
    }
}
