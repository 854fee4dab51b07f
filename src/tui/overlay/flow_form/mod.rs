//! Starting a flow: its hosts, a field a parameter, and what would happen, worked out by the engine
//! while it is typed.

mod draw;
mod param;
mod plan;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::edit::Field;
use super::sheet::Sheet;
use super::start::{last_word, once};
use super::{Draft, Overlay};
use crate::flow::definition::{Body, Definition, Kind};
use crate::flow::param::ParamKind;
use crate::flow::read::definition;
use crate::tui::canvas::Canvas;
use crate::tui::fuzzy::ranked;
use crate::tui::list::{List, turned};
use crate::tui::pane::{Context, Effect, Want};
use crate::tui::words::{count, counted, plain, span};
use crate::wire::console::{GroupLine, InventoryPage, InventoryQuery};
use crate::wire::definitions::{PlanFlow, StartFlow};
use crate::wire::flows::{Preview, PreviewQuery};
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

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
    choice: List,
    choosing: bool,
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
            choice: List::default(),
            choosing: false,
            wrong: None,
            top: 0,
            plan_top: 0,
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
        let body = self.flow.as_ref().and_then(|flow| flow.as_ref().ok());
        body.is_none_or(|flow| {
            let simple = matches!(flow.body, Body::Simple { .. });
            simple || flow.works().iter().any(|(_, work)| work.targets.is_none())
        })
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
        self.choosing = false;
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
            ..PlanFlow::default()
        })
    }

    /// Names what the form says, to see whether an answer is about it.
    fn asked(plan: &PlanFlow) -> String {
        format!("{}\n{}", plan.targets, plan.set.join("\n"))
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
                Some(param) if matches!(param.param.kind, ParamKind::Hosts) => param.field.text(),
                Some(param) => return param.suggestions(),
                None => return Vec::new(),
            },
            Part::Plan => return Vec::new(),
        };
        let groups = self.groups.iter().map(|group| {
            let about = counted(group.count, "host");
            let hosts = plain(&group.hosts);
            (group.name.clone(), format!("{about}   {hosts}"))
        });
        let before = context.recent.iter();
        let before = before.map(|(hosts, _)| (hosts.clone(), "used before".to_owned()));
        let all = groups.chain(before).collect();
        once(ranked(all, last_word(&text).1, |(name, _)| name.clone()))
    }

    fn take_suggestion(&mut self, context: &Context) {
        let chosen = self.suggestions(context).into_iter();
        let chosen = chosen.map(|(text, _)| text).nth(self.choice.at as usize);
        let is_set = match self.at {
            Part::Hosts => true,
            _ => self
                .param()
                .is_some_and(|param| matches!(param.param.kind, ParamKind::Hosts)),
        };
        if let (Some(text), Some(field)) = (chosen, self.field()) {
            let typed = field.text();
            let before = if is_set { last_word(&typed).0 } else { "" };
            field.set(&format!("{before}{text}"));
        }
        self.choosing = false;
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
                effects.push(Effect::Over(Box::new(sheet(&plan, preview, unknown))));
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

/// What happens, before it does.
fn sheet(plan: &PlanFlow, preview: &Preview, unknown: u32) -> Sheet {
    let hosts = preview.hosts;
    let values = if plan.set.is_empty() {
        "as they are by default".to_owned()
    } else {
        plan.set.join("   ")
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
    let start = StartFlow {
        plan: plan.clone(),
        no_wait: false,
        shown: Some(preview.digest.clone()),
    };
    let sheet = Sheet::new(
        title,
        Request::StartFlow(Box::new(start)),
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
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let planned = self.at == Part::Plan;
        match event.code {
            KeyCode::Esc if self.choosing => self.choosing = false,
            KeyCode::Esc => effects.push(Effect::Close),
            KeyCode::Tab => self.go(1),
            KeyCode::Char('p') if ctrl => self.whole(effects),
            KeyCode::Char('d') if planned => self.whole(effects),
            KeyCode::Char('j') | KeyCode::Down if planned => self.scroll(1),
            KeyCode::Char('k') if planned => self.scroll(-1),
            KeyCode::Up if planned && self.plan_top > 0 => self.scroll(-1),
            KeyCode::Enter if self.choosing => self.take_suggestion(context),
            KeyCode::Enter if self.at == Part::Hosts && self.plan().is_none() => self.go(1),
            KeyCode::Enter => self.review(effects),
            KeyCode::Down if self.choosing => drop(self.choice.step(1)),
            KeyCode::Up if self.choosing && self.choice.at > 0 => drop(self.choice.step(-1)),
            KeyCode::Up if self.choosing => self.choosing = false,
            KeyCode::Down => {
                self.choosing = !self.suggestions(context).is_empty();
                self.choice.go(0);
                if !self.choosing {
                    self.go(1);
                }
            }
            KeyCode::Up | KeyCode::BackTab => self.go(-1),
            KeyCode::Char(' ') if self.param().is_some_and(ParamField::turns) => {}
            _ => {
                self.choosing = false;
                if let Some(field) = self.field() {
                    field.key(event);
                }
            }
        }
    }

    fn paste(&mut self, text: &str) {
        if let Some(field) = self.field() {
            field.paste(text);
        }
    }

    fn wants(&self) -> Vec<Want> {
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
            "text" => self.flow = Some(Err(why)),
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
        if self.choosing {
            return "Enter take it   Up Down choose   Esc keep what is typed".to_owned();
        }
        let act = match self.at {
            Part::Hosts if self.plan().is_none() => "Enter next   Down choose",
            Part::Plan => "Enter start…   d dry run: the whole plan   j k scroll",
            _ => "Enter start…   ^p whole plan",
        };
        format!("{act}   Tab next   Esc back, kept")
    }
}
