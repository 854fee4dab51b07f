//! Starting a flow: its hosts, a field a parameter, and what would happen, worked out by the engine
//! while it is typed.

mod draw;
mod param;
mod plan;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::choose::{self, Choosing, Pressed};
use super::edit::Field;
use super::sheet::Sheet;
use super::{Draft, Overlay};
use crate::flow::definition::{Body, Definition, Kind};
use crate::flow::read::definition;
use crate::run::ids::RunId;
use crate::tui::canvas::Canvas;
use crate::tui::list::turned;
use crate::tui::pane::{Context, Effect, Want};
use crate::tui::words::{count, counted, span};
use crate::wire::console::{GroupLine, InventoryPage, InventoryQuery};
use crate::wire::definitions::{PlanFlow, StartFlow};
use crate::wire::flows::{Preview, PreviewQuery};
use crate::wire::hidden::Hidden;
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

pub(in crate::tui) use draw::plan_lines;
use param::ParamField;
pub(in crate::tui) use plan::WholePlan;

/// Batches whose hosts are told beside the form.
const BATCHES: u32 = 1;

/// Where the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Hosts,
    Param(usize),
    Plan,
}

/// What the engine said of the text it was asked about.
type Said<T> = Option<(String, Result<T, String>)>;

/// The form.
pub(in crate::tui) struct FlowForm {
    /// The run that it starts once more, until the engine has said what that was started with.
    of: Option<RunId>,
    kind: Kind,
    name: String,
    at: Part,
    hosts: Field,
    params: Vec<ParamField>,
    /// What was typed before the parameters were known.
    given: Vec<(String, String)>,
    /// The definition, or why there is none.
    flow: Option<Result<Box<Definition>, String>>,
    found: Said<InventoryPage>,
    preview: Said<Preview>,
    groups: Vec<GroupLine>,
    choosing: Choosing,
    wrong: Option<String>,
    /// The first parameter in sight, and the first row of the plan.
    top: usize,
    plan_top: u16,
}

impl FlowForm {
    /// For this flow, with what is known of its hosts and values.
    pub fn new(kind: Kind, name: &str, hosts: &str, values: Vec<(String, String)>) -> Self {
        let at = if hosts.is_empty() {
            Part::Hosts
        } else {
            Part::Param(0)
        };
        Self {
            of: None,
            kind,
            name: name.to_owned(),
            at,
            hosts: Field::line(hosts),
            params: Vec::new(),
            given: values,
            flow: None,
            found: None,
            preview: None,
            groups: Vec::new(),
            choosing: Choosing::default(),
            wrong: None,
            top: 0,
            plan_top: 0,
        }
    }

    /// For the flow of this run, on its hosts with its values.
    pub fn of_run(run: RunId) -> Self {
        Self {
            of: Some(run),
            ..Self::new(Kind::Flow, "", "", Vec::new())
        }
    }

    fn targets(&self) -> String {
        self.hosts.text().trim().to_owned()
    }

    /// Puts a field for each parameter, the required ones first.
    fn take_definition(&mut self, read: Definition) {
        let mut params: Vec<ParamField> = read
            .params
            .iter()
            .map(|(name, param)| {
                let given = self.given.iter().find(|(known, _)| known == name);
                ParamField::new(name, param, given.map_or("", |(_, text)| text))
            })
            .collect();
        params.sort_by_key(|field| !field.is_required());
        self.params = params;
        if let Part::Param(at) = self.at
            && at >= self.params.len()
        {
            self.at = Part::Plan;
        }
        self.flow = Some(Ok(Box::new(read)));
        if self.at == Part::Hosts && !self.needs_hosts() {
            self.at = self.parts()[0];
        }
    }

    /// Whether it is a person who says on which hosts: stages name their own.
    fn needs_hosts(&self) -> bool {
        let flow = self.flow.as_ref().and_then(|flow| flow.as_ref().ok());
        flow.is_none_or(|flow| asks_hosts(flow))
    }

    fn parts(&self) -> Vec<Part> {
        let params = (0..self.params.len()).map(Part::Param);
        let hosts = self.needs_hosts().then_some(Part::Hosts);
        hosts
            .into_iter()
            .chain(params)
            .chain(std::iter::once(Part::Plan))
            .collect()
    }

    fn go(&mut self, by: i64) {
        let parts = self.parts();
        let here = parts.iter().position(|part| *part == self.at).unwrap_or(0);
        self.at = parts[turned(here, by, parts.len())];
        self.choosing.close();
    }

    fn param(&mut self) -> Option<&mut ParamField> {
        match self.at {
            Part::Param(at) => self.params.get_mut(at),
            _ => None,
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        match self.at {
            Part::Hosts => Some(&mut self.hosts),
            Part::Param(at) => self.params.get_mut(at).map(|param| &mut param.field),
            Part::Plan => None,
        }
    }

    /// What is to be started; none while a field is wrong or empty that must not be.
    fn plan(&self) -> Option<PlanFlow> {
        let ready = matches!(self.flow, Some(Ok(_)))
            && !(self.needs_hosts() && self.targets().is_empty())
            && self.params.iter().all(|param| param.check().is_ok());
        ready.then(|| PlanFlow {
            kind: self.kind,
            name: self.name.clone(),
            targets: self.targets(),
            set: self.params.iter().filter_map(ParamField::word).collect(),
            typed: self.typed().into_iter().map(|(name, _)| name).collect(),
            ..PlanFlow::default()
        })
    }

    /// Names what the form says, to see whether an answer is about it.
    fn asked(plan: &PlanFlow) -> String {
        let typed = plan.typed.join("\n");
        format!("{}\n{}\n\n{typed}", plan.targets, plan.set.join("\n"))
    }

    /// Secrets that are typed into it.
    fn typed(&self) -> Vec<(String, Hidden)> {
        self.params.iter().filter_map(ParamField::typed).collect()
    }

    /// What the engine says of what the form says now.
    fn known(&self) -> Option<&Result<Preview, String>> {
        let asked = Self::asked(&self.plan()?);
        let (text, said) = self.preview.as_ref()?;
        (*text == asked).then_some(said)
    }

    fn known_hosts(&self) -> Option<&Result<InventoryPage, String>> {
        let (text, said) = self.found.as_ref()?;
        (*text == self.targets()).then_some(said)
    }

    fn suggestions(&self, context: &Context) -> Vec<(String, String)> {
        let text = match self.at {
            Part::Hosts => self.hosts.text(),
            Part::Param(at) => match self.params.get(at) {
                Some(param) if param.is_hosts() => param.field.text(),
                Some(param) => return param.suggestions(),
                None => return Vec::new(),
            },
            Part::Plan => return Vec::new(),
        };
        choose::hosts(&text, &self.groups, context)
    }

    fn take_suggestion(&mut self, place: usize, context: &Context) {
        let chosen = self.suggestions(context).into_iter();
        let chosen = chosen.map(|(text, _)| text).nth(place);
        let is_set = match self.at {
            Part::Hosts => true,
            _ => self.param().is_some_and(|param| param.is_hosts()),
        };
        if let (Some(text), Some(field)) = (chosen, self.field()) {
            let typed = field.text();
            let whole = choose::with_last(&typed, &text);
            field.set(if is_set { &whole } else { &text });
        }
    }

    /// To the first field that is wrong, or to the question.
    fn review(&mut self, effects: &mut Vec<Effect>) {
        if let Some(Err(why)) = &self.flow {
            self.wrong = Some(why.clone());
            return;
        }
        if self.needs_hosts() && self.targets().is_empty() {
            self.at = Part::Hosts;
            self.wrong = Some("Say which hosts: names, ranges, @groups.".to_owned());
            return;
        }
        if let Some(Err(why)) = self.known_hosts().filter(|_| self.needs_hosts()) {
            (self.at, self.wrong) = (Part::Hosts, Some(why.clone()));
            return;
        }
        let wrong = |(at, param): (usize, &ParamField)| {
            let why = param.check().err()?;
            Some((Part::Param(at), format!("{}: {why}", param.name)))
        };
        if let Some((at, why)) = self.params.iter().enumerate().find_map(wrong) {
            (self.at, self.wrong) = (at, Some(why));
            return;
        }
        match (self.plan(), self.known()) {
            (Some(plan), Some(Ok(preview))) => {
                let unknown = match self.known_hosts() {
                    Some(Ok(page)) if self.needs_hosts() => page.unknown,
                    _ => 0,
                };
                effects.push(Effect::Over(Box::new(sheet(
                    &plan,
                    preview,
                    unknown,
                    self.typed(),
                ))));
            }
            (_, Some(Err(why))) => self.wrong = Some(why.clone()),
            _ => self.wrong = Some("The engine is still working out the plan.".to_owned()),
        }
    }

    fn whole(&mut self, effects: &mut Vec<Effect>) {
        match (self.plan(), self.known()) {
            (Some(plan), Some(Ok(_))) => {
                effects.push(Effect::Over(Box::new(WholePlan::new(plan))));
            }
            _ => self.wrong = Some("There is no plan yet: fill in what is asked.".to_owned()),
        }
    }

    fn scroll(&mut self, by: i32) {
        let top = i32::from(self.plan_top).saturating_add(by).max(0);
        self.plan_top = u16::try_from(top).unwrap_or(u16::MAX);
    }
}

/// Whether it is a person who says on which hosts a flow runs.
pub(in crate::tui) fn asks_hosts(flow: &Definition) -> bool {
    let simple = matches!(flow.body, Body::Simple { .. });
    simple || flow.works().iter().any(|(_, work)| work.targets.is_none())
}

/// What starts the plan that was shown, and no other.
pub(in crate::tui) fn start_request(
    plan: &PlanFlow,
    preview: &Preview,
    secrets: Vec<(String, Hidden)>,
) -> Request {
    Request::StartFlow(Box::new(StartFlow {
        plan: plan.clone(),
        no_wait: false,
        shown: Some(preview.digest.clone()),
        secrets,
    }))
}

/// What happens, before it does.
fn sheet(
    plan: &PlanFlow,
    preview: &Preview,
    unknown: u32,
    secrets: Vec<(String, Hidden)>,
) -> Sheet {
    let hosts = preview.hosts;
    let mut values = plan.set.clone();
    values.extend(plan.typed.iter().map(|name| format!("{name}=(typed)")));
    let values = if values.is_empty() {
        "as they are by default".to_owned()
    } else {
        values.join("   ")
    };
    let title = format!(
        "START {} ON {}",
        plan.name,
        counted(hosts, "host").to_uppercase()
    );
    let first = preview.batches.first();
    let held: Vec<String> = preview.held.iter().map(draw::held_words).collect();
    let gate = preview.gate.as_ref();
    let stops = match preview.max_failures {
        None => "nothing but a gate or a person".to_owned(),
        Some(0) => "the first host that fails".to_owned(),
        Some(most) => format!("more than {} failed", counted(most, "host")),
    };
    let name = plan.name.clone();
    let sheet = Sheet::new(
        title,
        start_request(plan, preview, secrets),
        format!("{name} started"),
    )
    .row("hosts", {
        let strange = match unknown {
            0 => String::new(),
            many => format!(", {} not in the inventory", count(many)),
        };
        let of = match plan.targets.as_str() {
            "" => "those of its stages",
            targets => targets,
        };
        format!("{}{strange}  {of}", count(hosts))
    })
    .row("values", values);
    let sheet = if preview.stage_count > 0 {
        let stages = preview.stages.iter().take(6).map(draw::stage_words);
        sheet.row("stages", stages.collect::<Vec<_>>().join("; "))
    } else {
        sheet
            .row("batches", draw::sizes(preview))
            .row(
                "first",
                first.map_or_else(String::new, |first| first.hosts.clone()),
            )
            .row("stops at", stops)
            .row(
                "between",
                gate.map_or_else(
                    || "no gate".to_owned(),
                    |gate| format!("each batch must pass: {gate}"),
                ),
            )
    };
    let sheet = match preview.took {
        Some((took, of)) => sheet.row(
            "takes",
            format!("about {}, as {} did", span(took), counted(of, "run")),
        ),
        None => sheet,
    };
    let sheet = if held.is_empty() {
        sheet
    } else {
        sheet.row("waits for", held.join("; "))
    };
    sheet.wide(hosts)
}

impl Overlay for FlowForm {
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>) {
        self.wrong = None;
        if self.of.is_some() {
            // There is nothing to type into yet.
            if event.code == KeyCode::Esc {
                effects.push(Effect::Close);
            }
            return;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let planned = self.at == Part::Plan;
        match event.code {
            KeyCode::Char('p') if ctrl => return self.whole(effects),
            KeyCode::Char('d') if planned => return self.whole(effects),
            KeyCode::Char('j') | KeyCode::Down if planned => return self.scroll(1),
            KeyCode::Char('k') if planned => return self.scroll(-1),
            KeyCode::Up if planned && self.plan_top > 0 => return self.scroll(-1),
            _ => {}
        }
        let found = self.suggestions(context).len();
        match self.choosing.key(event.code, found) {
            Some(Pressed::Done) => return,
            Some(Pressed::Leave) => return effects.push(Effect::Close),
            Some(Pressed::Go(by)) => return self.go(by),
            Some(Pressed::Take(place)) => return self.take_suggestion(place, context),
            None => {}
        }
        match event.code {
            KeyCode::Enter if self.at == Part::Hosts && self.plan().is_none() => self.go(1),
            KeyCode::Enter => self.review(effects),
            KeyCode::Char(' ') if self.param().is_some_and(ParamField::turns) => {}
            _ => {
                self.choosing.close();
                if let Some(field) = self.field() {
                    field.key(event);
                }
            }
        }
    }

    fn paste(&mut self, text: &str) {
        let ready = self.of.is_none();
        if let Some(field) = self.field().filter(|_| ready) {
            field.paste(text);
        }
    }

    fn wants(&self) -> Vec<Want> {
        if let Some(run) = self.of {
            return vec![Want::once("given", Request::Given { run })];
        }
        let ask = |targets: String| {
            Request::Inventory(InventoryQuery {
                targets,
                count: 0,
                ..InventoryQuery::default()
            })
        };
        let text = Request::Definition {
            kind: self.kind,
            name: self.name.clone(),
            version: None,
        };
        let mut wants = vec![
            Want::once("text", text),
            Want::once("groups", ask(String::new())),
        ];
        if !self.targets().is_empty() {
            wants.push(Want::once("hosts", ask(self.targets())).calm());
        }
        if let Some(plan) = self.plan() {
            let query = PreviewQuery {
                plan,
                batches: (0, BATCHES),
                at: 0,
            };
            wants.push(Want::once("plan", Request::Preview(Box::new(query))).calm());
        }
        wants
    }

    fn take(&mut self, slot: &str, reply: Reply) {
        match reply {
            Reply::Given(given) => {
                let values = given.values.into_iter().collect();
                *self = Self::new(given.kind, &given.name, &given.targets, values);
            }
            // It is asked again when a layer over the form is gone.
            Reply::Definition(_) if matches!(self.flow, Some(Ok(_))) => {}
            Reply::Definition(view) => match definition(&self.name, &view.text) {
                Ok(source) => self.take_definition(source.definition),
                Err(why) => self.flow = Some(Err(format!("{} cannot be read: {why}", self.name))),
            },
            Reply::Inventory(page) if slot == "groups" => self.groups = page.groups,
            Reply::Inventory(page) => self.found = Some((self.targets(), Ok(*page))),
            Reply::Preview(preview) => {
                self.preview = self.plan().map(|plan| (Self::asked(&plan), Ok(*preview)));
            }
            _ => {}
        }
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        let why = fault.message.clone();
        match slot {
            "text" | "given" => self.flow = Some(Err(why)),
            "hosts" => self.found = Some((self.targets(), Err(why))),
            "plan" => self.preview = self.plan().map(|plan| (Self::asked(&plan), Err(why))),
            _ => {}
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        self.draw_form(canvas, context)
    }

    fn draft(&self) -> Option<Draft> {
        let values: Vec<(String, String)> = self
            .params
            .iter()
            .filter(|param| !param.param.secret && !param.field.is_empty())
            .map(|param| (param.name.clone(), param.field.text()))
            .collect();
        let hosts = self.targets();
        (!hosts.is_empty() || !values.is_empty()).then(|| Draft::Flow {
            kind: self.kind,
            name: self.name.clone(),
            hosts,
            values,
        })
    }

    fn hint(&self) -> String {
        if self.choosing.is_on() {
            return "Enter take it   Up Down choose   Esc keep what is typed".to_owned();
        }
        if self.of.is_some() {
            return "Esc back".to_owned();
        }
        let act = match self.at {
            Part::Hosts if self.plan().is_none() => "Enter next   Down choose",
            Part::Plan => "Enter start…   d dry run: the whole plan   j k scroll",
            _ => "Enter start…   ^p whole plan",
        };
        format!("{act}   Tab next   Esc back, kept")
    }
}
