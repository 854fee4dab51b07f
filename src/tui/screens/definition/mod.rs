//! One definition: what it says, its versions, and how its last runs went.

mod draw;

use crate::flow::definition::Kind;
use crate::run::ids::RunId;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, WAIT_MS, Want};
use crate::tui::words::plain;
use crate::wire::definitions::DefinitionView;
use crate::wire::flows::{FlowLine, FlowsPage, FlowsQuery};
use crate::wire::reply::Fault;
use crate::wire::view::RunView;
use crate::wire::{Reply, Request};

/// Results that are asked for.
const RESULTS: u32 = 60;

/// What the keys act on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Text,
    Runs,
    Versions,
}

/// The screen.
pub(in crate::tui) struct DefinitionPane {
    kind: Kind,
    name: String,
    focus: Focus,
    page: Option<FlowsPage>,
    view: Option<DefinitionView>,
    /// The version whose text is shown; the current one without.
    version: Option<u32>,
    text: List,
    runs: List,
    /// The run under the cursor: it is kept when others come.
    on: Option<RunId>,
    versions: List,
    /// Runs of it that have not ended, as they stood when it was drawn.
    open: Vec<RunView>,
    gone: Option<String>,
}

impl DefinitionPane {
    pub fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            focus: Focus::default(),
            page: None,
            view: None,
            version: None,
            text: List::default(),
            runs: List::default(),
            on: None,
            versions: List::default(),
            open: Vec::new(),
            gone: None,
        }
    }

    fn flow(&self) -> Option<&FlowLine> {
        let flows = &self.page.as_ref()?.flows;
        flows.iter().find(|flow| flow.definition.kind == self.kind)
    }

    /// The version to show: what was chosen, or what is current by now.
    fn wanted(&self) -> Option<u32> {
        self.version
            .or_else(|| Some(self.flow()?.definition.version))
    }

    fn lines(&self) -> Vec<&str> {
        let text = self.view.as_ref().map_or("", |view| view.text.as_str());
        text.lines().collect()
    }

    /// The runs in the list: those at work, then those that ended, newest first.
    fn run_at(&self, place: u32) -> Option<RunId> {
        let place = place as usize;
        if let Some(run) = self.open.get(place) {
            return Some(run.run);
        }
        let last = &self.flow()?.last;
        let back = (place - self.open.len()) + 1;
        let at = last.len().checked_sub(back)?;
        last.get(at).map(|result| result.run)
    }

    fn run_count(&self) -> usize {
        self.open.len() + self.flow().map_or(0, |flow| flow.last.len())
    }

    fn rebuild(&mut self, context: &Context) {
        let of = |title: &str| title.split(' ').next() == Some(self.name.as_str());
        let open = context.overview.iter().flat_map(|overview| &overview.open);
        self.open = open
            .filter(|run| crate::tui::pane::is_of_flow(&run.kind) && of(&run.title))
            .cloned()
            .collect();
        let count = self.run_count();
        self.runs.total = u32::try_from(count).unwrap_or(u32::MAX);
        let on = self.on.filter(|_| self.focus == Focus::Runs);
        let mut places = 0..self.runs.total;
        let place = on.and_then(|_| places.find(|place| self.run_at(*place) == on));
        self.runs.go(place.unwrap_or(self.runs.at));
        // One that just ended may be in neither list for a moment: no other takes its place.
        self.on = on.or_else(|| self.run_at(self.runs.at));
    }

    fn open(&mut self, effects: &mut Vec<Effect>) {
        match self.focus {
            Focus::Text => {}
            Focus::Runs => {
                let run = self.on;
                effects.extend(run.map(|run| Effect::Open(Place::Run(run))));
            }
            Focus::Versions => {
                let versions = self.view.as_ref().map(|view| &view.versions);
                let back = self.versions.at as usize + 1;
                let chosen = versions.and_then(|all| all.get(all.len().checked_sub(back)?));
                self.version = chosen.map(|line| line.version);
                self.text.go(0);
                self.focus = Focus::Text;
            }
        }
    }
}

impl Pane for DefinitionPane {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        self.name.clone()
    }

    fn place(&self) -> Place {
        Place::Flow(self.kind, self.name.clone())
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        let request = Request::Flows(FlowsQuery {
            revision: self.page.as_ref().map_or(0, |page| page.revision),
            wait_ms: WAIT_MS,
            name: self.name.clone(),
            results: RESULTS,
        });
        let mut wants = vec![Want::follow("flows", request)];
        if self.gone.is_none() {
            let request = Request::Definition {
                kind: self.kind,
                name: self.name.clone(),
                version: self.wanted(),
            };
            wants.push(Want::once("text", request));
        }
        wants
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        match reply {
            Reply::Flows(page) => {
                self.page = Some(*page);
                self.gone = None;
            }
            Reply::Definition(view) => self.view = Some(*view),
            _ => {}
        }
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        if slot == "text" {
            self.gone = Some(fault.message.clone());
        }
    }

    fn anew(&mut self) {
        if let Some(page) = &mut self.page {
            page.revision = 0;
        }
        self.gone = None;
    }

    fn act(&mut self, act: Act, context: &Context, effects: &mut Vec<Effect>) -> bool {
        self.rebuild(context);
        let list = match self.focus {
            Focus::Text => &mut self.text,
            Focus::Runs => &mut self.runs,
            Focus::Versions => &mut self.versions,
        };
        if list.act(act) {
            self.on = self.run_at(self.runs.at);
            return true;
        }
        match act {
            Act::Open => self.open(effects),
            Act::Right | Act::NextPane => {
                self.focus = match self.focus {
                    Focus::Text => Focus::Runs,
                    Focus::Runs => Focus::Versions,
                    Focus::Versions => Focus::Text,
                }
            }
            Act::Left => {
                self.focus = match self.focus {
                    Focus::Text => Focus::Versions,
                    Focus::Runs => Focus::Text,
                    Focus::Versions => Focus::Runs,
                }
            }
            Act::StartFlow => {
                if let Some(flow) = self.flow() {
                    effects.push(super::flows::start(flow));
                }
            }
            Act::Edit => effects.push(Effect::Edit {
                kind: self.kind,
                name: self.name.clone(),
            }),
            Act::Copy => {
                let line = self
                    .lines()
                    .get(self.text.at as usize)
                    .map(|line| (*line).to_owned());
                effects.extend(line.map(|line| Effect::Copy(line, "the line".to_owned())));
            }
            _ => return false,
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        self.rebuild(context);
        self.draw_all(canvas, context);
    }

    fn hints(&self) -> Vec<Act> {
        let mut hints = vec![Act::StartFlow, Act::Edit, Act::NextPane];
        if self.focus != Focus::Text {
            hints.insert(0, Act::Open);
        }
        hints.push(Act::Back);
        hints
    }

    fn meant(&self) -> Option<RunId> {
        self.on.filter(|_| self.focus == Focus::Runs)
    }

    fn status(&self) -> String {
        let (Some(shown), Some(flow)) = (self.view.as_ref(), self.flow()) else {
            return String::new();
        };
        let shown = shown.version.version;
        if shown == flow.definition.version {
            return String::new();
        }
        format!(
            "version {shown} is shown; version {} is the one that starts",
            flow.definition.version
        )
    }

    fn text(&self) -> String {
        let lines = self.lines().into_iter();
        lines.map(|line| plain(line) + "\n").collect()
    }
}
