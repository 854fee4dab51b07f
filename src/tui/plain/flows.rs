//! The flows, line by line: which there are, starting one, and how the open one stands.

use super::{Plain, say};
use crate::flow::definition::{Definition, Kind};
use crate::flow::give::check;
use crate::flow::param::{Param, ParamKind};
use crate::flow::read::definition;
use crate::run::ids::RunId;
use crate::tui::overlay::{asks_hosts, plan_lines, start_request};
use crate::tui::standing;
use crate::tui::words::{clock, count, counted};
use crate::tui::zone::Zone;
use crate::wire::console::GridQuery;
use crate::wire::definitions::PlanFlow;
use crate::wire::flows::{FlowsQuery, Preview, PreviewQuery};
use crate::wire::view::RunView;
use crate::wire::{CallError, Reply, Request};

/// Acts on more hosts are confirmed by typing how many.
const MOST_BY_WORD: u32 = 50;

impl Plain {
    /// The flows and actions, numbered.
    pub(super) async fn list_flows(&mut self) -> Result<(), CallError> {
        let query = FlowsQuery {
            results: 1,
            ..FlowsQuery::default()
        };
        let Reply::Flows(page) = self.client.view(Request::Flows(query)).await? else {
            return Ok(());
        };
        if page.flows.is_empty() {
            say("No flow is stored. conn apply DIR stores those of a directory.");
        }
        self.flows = page
            .flows
            .iter()
            .map(|flow| (flow.definition.kind, flow.definition.name.clone()))
            .collect();
        for (number, flow) in (1..).zip(&page.flows) {
            let line = &flow.definition;
            let about = line.about.as_deref().unwrap_or("it does not say what for");
            let last = match (&line.broken, flow.last.last()) {
                (Some(_), _) => "cannot be used".to_owned(),
                (None, Some(last)) => format!("last run {} {}", last.run, last.state),
                (None, None) => "no run of it has ended".to_owned(),
            };
            say(&format!("{number}. {}: {about} {last}.", line.name));
        }
        say("start NUMBER begins with its hosts and values; nothing starts before you agree.");
        Ok(())
    }

    /// Asks for hosts and values, says the plan, and starts it when that is wanted.
    pub(super) async fn start_flow(&mut self, which: &str) -> Result<(), CallError> {
        let place = which
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let listed = place.and_then(|place| self.flows.get(place).cloned());
        let (kind, name) = match listed {
            Some(known) => known,
            None if which.is_empty() || place.is_some() => {
                say("Type: start and the number or the name of a flow. flows lists them.");
                return Ok(());
            }
            None => (Kind::Flow, which.to_owned()),
        };
        let text = Request::Definition {
            kind,
            name: name.clone(),
            version: None,
        };
        let Reply::Definition(view) = self.client.view(text).await? else {
            return Ok(());
        };
        let read = match definition(&name, &view.text) {
            Ok(source) => source.definition,
            Err(why) => {
                say(&format!("{name} cannot be read: {why}"));
                return Ok(());
            }
        };
        let Some(plan) = self.filled(kind, &read).await else {
            say("Nothing was started.");
            return Ok(());
        };
        let query = PreviewQuery {
            plan: plan.clone(),
            batches: (0, 1),
            at: 0,
        };
        let reply = self.client.view(Request::Preview(Box::new(query))).await?;
        let Reply::Preview(preview) = reply else {
            return Ok(());
        };
        say_plan(&preview);
        self.agree_to(&plan, &preview).await
    }

    /// Asks for each thing a start needs; none when the person leaves.
    async fn filled(&mut self, kind: Kind, read: &Definition) -> Option<PlanFlow> {
        let targets = if asks_hosts(read) {
            let typed = self
                .asks("On which hosts? Names, ranges, at-groups; nothing leaves it.")
                .await;
            if typed.is_empty() {
                return None;
            }
            typed
        } else {
            String::new()
        };
        let mut set = Vec::new();
        for (name, param) in &read.params {
            if let Some(value) = self.value(name, param).await? {
                set.push(format!("{name}={value}"));
            }
        }
        Some(PlanFlow {
            kind,
            name: read.name.clone(),
            targets,
            set,
            ..PlanFlow::default()
        })
    }

    /// The value of a parameter: none leaves it to its default, no answer leaves the start.
    async fn value(&mut self, name: &str, param: &Param) -> Option<Option<String>> {
        loop {
            let typed = self.asks(&question(name, param)).await;
            match typed.as_str() {
                "." => return None,
                "" if param.required && param.default.is_none() => {
                    say(&format!("{name} is required. A dot leaves the start."));
                }
                "" => return Some(None),
                text => match check(param, text, None) {
                    Ok(_) => return Some(Some(typed)),
                    Err(why) => say(&format!("{name}: {why}")),
                },
            }
        }
    }

    async fn agree_to(&mut self, plan: &PlanFlow, preview: &Preview) -> Result<(), CallError> {
        let hosts = counted(preview.hosts, "host");
        let (question, wanted) = if preview.hosts > MOST_BY_WORD {
            let question = format!("{hosts}. Type the number of hosts to start.");
            (question, preview.hosts.to_string())
        } else {
            (format!("{hosts}. Type y to start."), "y".to_owned())
        };
        if self.asks(&question).await.replace(',', "") != wanted {
            say("Nothing was started.");
            return Ok(());
        }
        let request = start_request(plan, preview, Vec::new());
        if let Reply::Started { run, warnings } = self.client.call(request).await? {
            self.open = Some(run);
            say(&format!("Run {run} started."));
            for warning in &warnings {
                say(warning);
            }
        }
        Ok(())
    }

    pub(super) async fn view(&mut self, run: RunId) -> Result<Option<RunView>, CallError> {
        let query = GridQuery {
            run,
            ..GridQuery::default()
        };
        Ok(match self.client.view(Request::Grid(query)).await? {
            Reply::Grid(page) => Some(page.view),
            _ => None,
        })
    }

    /// How the open run stands: its stages or its steps, and why it stands still.
    pub(super) async fn stands(&mut self) -> Result<(), CallError> {
        let Some(run) = self.opened() else {
            return Ok(());
        };
        let query = GridQuery {
            run,
            steps: true,
            ..GridQuery::default()
        };
        let Reply::Grid(page) = self.client.view(Request::Grid(query)).await? else {
            return Ok(());
        };
        let view = &page.view;
        say(&format!("{}.", super::steer::stands(view)));
        let now = self.overview.at;
        let zone = Zone::default();
        if let Some(stand) = &view.stand {
            say(&format!("It is {}.", standing::waits(stand, now)));
        }
        if let Some(because) = &view.because {
            say(&zone.said(because, now));
        }
        for (number, stage) in (1..).zip(&view.stages) {
            let name = match &stage.item {
                Some(item) => format!("{} {item}", stage.stage),
                None => stage.stage.clone(),
            };
            let word = match (&stage.stand, stage.run_state.as_deref()) {
                (Some(stand), _) => standing::waits(stand, now),
                (None, Some("paused")) if stage.state == "running" => "paused".to_owned(),
                _ => stage.state.replace('_', " "),
            };
            let hosts = counted(stage.tally.total(), "host");
            let run = stage
                .run
                .map_or_else(String::new, |run| format!(", run {run}"));
            let failed = match stage.tally.failures() {
                0 => String::new(),
                failed => format!(", {} failed", count(failed)),
            };
            let ended = count(stage.tally.ended_all());
            say(&format!(
                "stage {number}. {name}: {word}, {ended} of {hosts}{failed}{run}"
            ));
        }
        let steps = page.by_step.iter().flat_map(|by_step| &by_step.steps);
        for step in steps.filter(|_| view.stages.is_empty()) {
            say(&format!(
                "step {}: {} waiting, {} at work, {} ok, {} failed",
                step.name, step.waiting, step.running, step.ok, step.failed
            ));
        }
        self.stages = view.stages.iter().map(|stage| stage.run).collect();
        Ok(())
    }

    /// Opens the run of a stage of the open run.
    pub(super) async fn stage(&mut self, number: &str) -> Result<(), CallError> {
        let place = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        match place.and_then(|place| self.stages.get(place)) {
            Some(Some(run)) => {
                self.open = Some(*run);
                self.groups = Vec::new();
                self.stands().await?;
            }
            Some(None) => say("That stage has not begun."),
            None => say("s says the stages of the open run; then stage and a number."),
        }
        Ok(())
    }

    /// What happened in the open run.
    pub(super) async fn story(&mut self) -> Result<(), CallError> {
        let Some(run) = self.opened() else {
            return Ok(());
        };
        let query = GridQuery {
            run,
            ..GridQuery::default()
        };
        if let Reply::Grid(page) = self.client.view(Request::Grid(query)).await? {
            let zone = Zone::default();
            for entry in &page.timeline {
                let what = zone.said(&entry.what, self.overview.at);
                say(&format!("{} {}: {what}", clock(entry.at), entry.by));
            }
        }
        Ok(())
    }
}

fn question(name: &str, param: &Param) -> String {
    let about = param.about.as_deref().map_or_else(String::new, |about| {
        format!(", {}", about.trim_end_matches('.'))
    });
    let kind = match &param.kind {
        ParamKind::String => "text".to_owned(),
        ParamKind::Integer { .. } => "a number".to_owned(),
        ParamKind::Bool => "true or false".to_owned(),
        ParamKind::Duration => "a time such as 90s or 10m".to_owned(),
        ParamKind::Hosts => "a host set".to_owned(),
        ParamKind::Choice(words) => words.join(" or "),
    };
    let kind = if param.secret {
        "secret:NAME, never the secret itself".to_owned()
    } else {
        kind
    };
    let empty = match &param.default {
        Some(default) => format!("nothing means {default}"),
        None if param.required => "required, a dot leaves the start".to_owned(),
        None => "nothing leaves it empty".to_owned(),
    };
    format!("{name}{about}: {kind}; {empty}.")
}

fn say_plan(preview: &Preview) {
    say("The plan; nothing is started yet:");
    for (label, text) in plan_lines(preview) {
        if label.is_empty() {
            say(&text);
        } else {
            say(&format!("{label}: {text}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::param::ParamValue;

    #[test]
    fn a_question_says_what_may_be_typed_and_what_nothing_means() {
        let mut param = Param {
            kind: ParamKind::Duration,
            about: Some("how long to drain".into()),
            pattern: None,
            default: None,
            required: true,
            secret: false,
        };
        assert_eq!(
            question("drain", &param),
            "drain, how long to drain: a time such as 90s or 10m; required, a dot leaves the start."
        );
        param.kind = ParamKind::Choice(vec!["fast".into(), "slow".into()]);
        param.default = Some(ParamValue::Text("slow".into()));
        param.about = None;
        assert_eq!(
            question("mode", &param),
            "mode: fast or slow; nothing means slow."
        );
    }
}
