//! `conn runs report`: a self-contained account of a run. What comes from hosts is text in it, never
//! markup.

mod document;
mod gantt;
mod html;
mod markdown;
#[cfg(test)]
mod tests;
mod timeline;

use super::args::{Args, ReportFormat};
use super::connect::connect;
use super::excerpt::{Excerpt, Wanted, excerpt};
use super::exit::{CliError, Exit};
use super::gather;
use super::print::{raw, say_json};
use super::runs::detail;
use super::why;
use crate::inventory;
use crate::run::cause::Cause;
use crate::run::ids::{At, RunId};
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::run::output::OutStream;
use crate::wire::Client;
use crate::wire::view::{OutputGroup, RunDetail, TaskView};

/// Groups whose output is shown.
const MOST_GROUPS: usize = 60;
/// Bytes of one output that are shown.
const MOST_BYTES: usize = 32 << 10;

/// What a report tells.
pub struct Report {
    /// The run.
    pub detail: RunDetail,
    /// Why there is one.
    pub causes: Vec<Cause>,
    /// Identical outputs.
    pub outputs: Vec<Folded>,
    /// Groups whose output is not shown.
    pub outputs_left_out: usize,
    /// When the report was made.
    pub made: At,
}

/// One output and its hosts.
pub struct Folded {
    /// The hosts.
    pub group: OutputGroup,
    /// What they wrote, neutralised.
    pub excerpt: Excerpt,
}

/// `conn runs report ID`.
pub async fn report(args: &Args, run: RunId, format: ReportFormat) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    let report = Report::read(&client, run).await?;
    let text = match format {
        ReportFormat::Md => markdown::markdown(&report),
        ReportFormat::Html => html::html(&report),
        ReportFormat::Json => {
            say_json(&document::document(&report))?;
            return Ok(Exit::Ok);
        }
    };
    raw(
        crate::cli::terminal(args),
        OutStream::Stdout,
        text.as_bytes(),
    )?;
    Ok(Exit::Ok)
}

impl Report {
    async fn read(client: &Client, run: RunId) -> Result<Self, CliError> {
        let detail = detail(client, run).await?;
        let causes = why::causes(client, run).await?;
        let groups = outputs(client, run, &detail).await?;
        let outputs_left_out = groups.len().saturating_sub(MOST_GROUPS);
        let mut outputs = Vec::new();
        for group in groups.into_iter().take(MOST_GROUPS) {
            let wanted = gather::of_group(&group, Wanted::default());
            let excerpt = match group.hosts.first() {
                Some(host) => excerpt(client, run, host, wanted, MOST_BYTES).await?,
                None => Excerpt::default(),
            };
            outputs.push(Folded { group, excerpt });
        }
        Ok(Self {
            detail,
            causes,
            outputs,
            outputs_left_out,
            made: At(chrono::Utc::now().timestamp_millis()),
        })
    }

    /// What people wrote down: when, who, the words.
    fn notes(&self) -> impl Iterator<Item = (At, &str, &str)> {
        self.detail.timeline.iter().filter_map(|entry| {
            let words = entry.what.strip_prefix("note: ")?;
            Some((entry.at, entry.by.as_str(), words))
        })
    }

    /// The step that an output is of, where a run has several.
    fn step_of(&self, group: &OutputGroup) -> Option<&str> {
        self.detail.flow.as_ref()?;
        let step = self.detail.steps.get(usize::from(group.step))?;
        Some(step)
    }

    /// Facts about the run, a name and a value each.
    fn facts(&self) -> Vec<(String, String)> {
        let view = &self.detail.view;
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let tasks = self.detail.tasks.len();
        let hosts = view.whole.map_or(tasks, |whole| whole.hosts as usize);
        let mut facts = vec![
            fact("run", view.run.to_string()),
            fact("kind", view.kind.clone()),
            fact("state", view.state.clone()),
            fact("action", view.title.clone()),
            fact("targets", view.targets.clone()),
            fact("hosts", hosts.to_string()),
            fact(
                "started",
                format!("{} by {}", view.created.rfc3339(), view.starter),
            ),
        ];
        if let Some(ended) = view.ended {
            let seconds = ended.since(view.created) as f64 / 1e3;
            let words = format!("{}, after {seconds:.1} s", ended.rfc3339());
            facts.push(fact("ended", words));
        }
        if let Some(flow) = &self.detail.flow {
            let words = format!("flow/{} version {}", flow.name, flow.version);
            facts.push(fact("definition", words));
            facts.push(fact("plan sha256", flow.digest.clone()));
        }
        facts.push(fact("frozen sha256", self.detail.digest.clone()));
        let because = view
            .because
            .as_ref()
            .map(|text| fact("because", text.clone()));
        facts.extend(because);
        let holder = view.holder.as_deref().unwrap_or("nobody");
        facts.push(fact("conn", holder.to_owned()));
        let params = self.detail.params.iter();
        facts.extend(params.map(|(name, value)| fact(name, value.clone())));
        facts
    }

    /// Hosts that ended alike, the bad ones first: outcome, sentence, hosts.
    fn outcomes(&self) -> Vec<Outcomes> {
        let mut groups: std::collections::BTreeMap<_, Vec<&str>> =
            std::collections::BTreeMap::new();
        for task in &self.detail.tasks {
            groups
                .entry((place(task), word(task), sentence(task)))
                .or_default()
                .push(&task.host);
        }
        groups
            .into_iter()
            .map(|((_, word, detail), hosts)| Outcomes {
                word,
                detail,
                count: hosts.len(),
                hosts: inventory::fold(hosts.iter().copied()),
            })
            .collect()
    }
}

/// Identical outputs: those of each step of a flow, in order, or of the last thing that was done.
async fn outputs(
    client: &Client,
    run: RunId,
    detail: &RunDetail,
) -> Result<Vec<OutputGroup>, CliError> {
    if detail.flow.is_none() {
        return gather::groups(client, run, None, Wanted::default()).await;
    }
    let mut all = Vec::new();
    for step in &detail.steps {
        let of_step = gather::groups(client, run, Some(step), Wanted::default()).await?;
        let wrote = |group: &OutputGroup| group.output.stdout + group.output.stderr > 0;
        let bad = |group: &OutputGroup| !matches!(group.outcome, Some(Outcome::Ok) | None);
        // A step that did its work in silence says nothing here.
        all.extend(
            of_step
                .into_iter()
                .filter(|group| wrote(group) || bad(group)),
        );
    }
    Ok(all)
}

/// Hosts that ended alike.
struct Outcomes {
    word: String,
    detail: Option<String>,
    count: usize,
    hosts: String,
}

/// The outcome in words, or where the host stands.
fn word(task: &TaskView) -> String {
    task.outcome
        .as_ref()
        .map_or_else(|| task.standing.clone(), ToString::to_string)
}

/// A sentence, where the outcome alone does not say all.
fn sentence(task: &TaskView) -> Option<String> {
    task.outcome.as_ref()?;
    task.detail.clone()
}

/// Worst first: what blames somebody, what has not ended, what is ok.
fn place(task: &TaskView) -> u8 {
    match task.outcome.as_ref().map(Outcome::kind) {
        Some(OutcomeKind::Ok) => 3,
        Some(kind) if kind.is_failure() => 0,
        Some(_) => 2,
        None => 1,
    }
}
