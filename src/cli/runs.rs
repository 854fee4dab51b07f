//! `conn runs`: the list, one run, its output.

use super::args::{Args, ReportFormat, RunsArgs, RunsCommand};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::follow::{Follow, Style};
use super::print::{self, say, say_json, say_row};
use super::terminal::Terminal;
use super::{compare, json, output, report, secrets, stages, steer, why};
use crate::run::duration::HumanDuration;
use crate::run::ids::{At, RunId};
use crate::run::outcome::OutcomeKind;
use crate::wire::request::RunsQuery;
use crate::wire::view::{RunDetail, RunLine, TaskView};
use crate::wire::{Client, Reply, Request};

/// `conn runs …`.
pub async fn runs(args: &Args, runs: &RunsArgs) -> Result<Exit, CliError> {
    let Some(command) = &runs.command else {
        return list(args, runs).await;
    };
    if let Some((run, act)) = steer::steering(command)? {
        return steer::steer(args, runs.json, run, act).await;
    }
    match command {
        RunsCommand::Show { id } => show(args, runs.json, RunId(*id)).await,
        RunsCommand::Output(output) => output::output(args, runs.json, output).await,
        RunsCommand::Why { id } => why::why(args, runs.json, RunId(*id)).await,
        RunsCommand::Report { id, format } => {
            let format = if runs.json {
                ReportFormat::Json
            } else {
                *format
            };
            report::report(args, RunId(*id), format).await
        }
        RunsCommand::Compare {
            before,
            after,
            host,
        } => {
            let client = connect(args, false).await?;
            let (before, after) = (RunId(*before), RunId(*after));
            let terminal = Terminal::detect(args.color);
            compare::compare(
                &client,
                terminal,
                runs.json,
                (before, after),
                host.as_deref(),
            )
            .await
        }
        RunsCommand::Save { id, name, yes } => {
            super::definitions::save::save(args, runs.json, RunId(*id), name, *yes).await
        }
        RunsCommand::Secret { id, name, from } => {
            secrets::give_again(args, RunId(*id), name, from.as_deref()).await
        }
        RunsCommand::Follow { id, gather } => {
            let client = connect(args, true).await?;
            let style = Style::of(runs.json, *gather);
            Follow::new(args, client, RunId(*id), style)?
                .until_end()
                .await
        }
        _ => Err(CliError::Unexpected),
    }
}

async fn list(args: &Args, runs: &RunsArgs) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    let since_ms = runs.since.map(since_ms);
    let query = RunsQuery {
        state: runs.state.clone(),
        kind: runs.kind.clone(),
        since_ms,
        grep: runs.grep.clone(),
        limit: 0,
    };
    let Reply::Runs(lines) = client.call(Request::Runs(query)).await? else {
        return Err(CliError::Unexpected);
    };
    if runs.json {
        let all: Vec<_> = lines.iter().map(json::run_line).collect();
        say_json(&serde_json::Value::Array(all))?;
        return Ok(Exit::Ok);
    }
    if lines.is_empty() {
        let all = [&runs.state, &runs.kind, &runs.grep];
        let all = all.iter().all(|filter| filter.is_none()) && runs.since.is_none();
        say(if all {
            "no runs. Start one: conn run -w HOSTS -- COMMAND"
        } else {
            "no run is like that. See all: conn runs"
        })?;
    }
    for line in &lines {
        say_row(&list_line(line))?;
    }
    Ok(Exit::Ok)
}

/// The moment so long ago, in Unix milliseconds.
pub fn since_ms(ago: HumanDuration) -> i64 {
    let ago = i64::try_from(ago.get().as_millis()).unwrap_or(i64::MAX);
    chrono::Utc::now().timestamp_millis().saturating_sub(ago)
}

fn list_line(line: &RunLine) -> String {
    let bad = match (line.tally.not_ok(), &line.whole) {
        (0, _) => String::new(),
        // A host may be in several stages.
        (_, Some(whole)) if whole.bad == 0 => String::new(),
        (_, Some(whole)) => format!(" {} not ok", whole.bad),
        (bad, None) => format!(" {bad} not ok"),
    };
    let amount = match &line.whole {
        Some(whole) => whole.words(),
        None => format!(
            "{}/{}",
            line.tally.ended(OutcomeKind::Ok),
            line.tally.total()
        ),
    };
    let state = match (&line.stand, &line.waits_for) {
        (Some(stand), _) => stand.words(),
        (None, Some(what)) => format!("{} ({what})", line.state),
        (None, None) => line.state.clone(),
    };
    let part = line.part_of.as_ref().map_or_else(String::new, |part| {
        let what = if part.gate { "gate in" } else { "part of" };
        let name = match part.name.as_str() {
            "" => String::new(),
            name => format!("{}, ", print::one_line(name)),
        };
        let of = match part.of.as_str() {
            "" => "run".to_owned(),
            of => print::one_line(of),
        };
        format!("  ({name}{what} {of} {})", part.run)
    });
    format!(
        "{:>6}  {}  {state:<11}  {amount}{bad}  {}  {}: {}{part}",
        line.run.0,
        short_utc(line.created),
        line.starter,
        line.targets,
        one_line(&line.title),
    )
}

/// `2026-11-23 14:02:11Z`.
fn short_utc(at: At) -> String {
    let text = at.rfc3339().replace('T', " ");
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// The first line, with a mark when there are more.
fn one_line(text: &str) -> String {
    let safe = print::one_line(text.lines().next().unwrap_or_default());
    if text.lines().nth(1).is_some() {
        format!("{safe} …")
    } else {
        safe
    }
}

/// One run in full.
pub async fn detail(client: &Client, run: RunId) -> Result<RunDetail, CliError> {
    match client.call(Request::Show { run }).await? {
        Reply::Detail(detail) => Ok(*detail),
        _ => Err(CliError::Unexpected),
    }
}

async fn show(args: &Args, as_json: bool, run: RunId) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    let detail = detail(&client, run).await?;
    if as_json {
        say_json(&json::run_detail(&detail))?;
        return Ok(Exit::Ok);
    }
    let view = &detail.view;
    say(&format!("run {}  {}  {}", view.run, view.kind, view.state))?;
    if let Some(stand) = &view.stand {
        let until = stand.until.map_or_else(String::new, |until| {
            let about = if stand.is_guess() { "about " } else { "" };
            format!(" until {about}{}", until.rfc3339())
        });
        say(&format!("  {}{until}", stand.full_words()))?;
    }
    let told = view
        .stand
        .as_ref()
        .is_some_and(|stand| stand.what != "approval");
    if let Some(because) = view.because.as_ref().filter(|_| !told) {
        say(&format!("  {because}"))?;
    }
    say(&format!("  action   {}", one_line(&view.title)))?;
    say(&format!("  targets  {}", view.targets))?;
    say(&format!(
        "  started  {} by {}, conn {}",
        view.created.rfc3339(),
        view.starter,
        view.holder.as_deref().unwrap_or("-")
    ))?;
    if let Some(ended) = view.ended {
        say(&format!("  ended    {}", ended.rfc3339()))?;
    }
    if let Some(flow) = &detail.flow {
        say(&format!(
            "  flow     {} version {}",
            flow.name, flow.version
        ))?;
        say(&format!("  digest   {}", detail.digest))?;
    }
    for (name, value) in &detail.params {
        say(&format!("  {name:<7}  {}", one_line(value)))?;
    }
    if let Some(part) = &view.part_of {
        let what = if part.gate { "gate in" } else { "stage of" };
        let names = [part.name.as_str(), part.of.as_str()].map(print::one_line);
        say(&format!(
            "  {what} run {}  {}",
            part.run,
            names.join(" of ")
        ))?;
    }
    if view.stages.is_empty() {
        say("hosts")?;
    } else {
        match &view.whole {
            Some(whole) => say(&format!(
                "stages  {} over, {} hosts in all",
                whole.words().replace(" stages", ""),
                whole.hosts
            ))?,
            None => say("stages")?,
        }
        for line in stages::lines(&view.stages) {
            say(&format!("  {line}"))?;
        }
    }
    for line in task_lines(&detail.tasks) {
        say(&format!("  {line}"))?;
    }
    say("timeline")?;
    for entry in &detail.timeline {
        say(&format!(
            "  {}  {}  {}",
            entry.at.rfc3339(),
            entry.by,
            one_line(&entry.what)
        ))?;
    }
    Ok(Exit::Ok)
}

/// Hosts that stand alike in one line, worst first.
fn task_lines(tasks: &[TaskView]) -> Vec<String> {
    type Key = (bool, String, Option<String>);
    let mut groups: std::collections::BTreeMap<Key, Vec<&str>> = std::collections::BTreeMap::new();
    for task in tasks {
        let word = task
            .outcome
            .as_ref()
            .map_or_else(|| task.standing.clone(), ToString::to_string);
        let well = word == "ok";
        groups
            .entry((well, word, task.detail.clone()))
            .or_default()
            .push(&task.host);
    }
    groups
        .into_iter()
        .map(|((_, word, detail), hosts)| {
            let folded = crate::inventory::fold(hosts.iter().copied());
            let detail = detail.map_or_else(String::new, |detail| format!("  {detail}"));
            format!("{word}  {}  {folded}{detail}", hosts.len())
        })
        .collect()
}
