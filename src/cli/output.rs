//! `conn runs output`: what a run's hosts wrote.

use super::args::{Args, OutputArgs};
use super::connect::connect;
use super::excerpt::{Wanted, each_piece};
use super::exit::{CliError, Exit};
use super::follow::{Follow, Style};
use super::gather;
use super::print::{notice, say, say_json};
use super::runs::detail;
use super::terminal::Terminal;
use super::{json, stages};
use crate::run::ids::RunId;
use crate::run::output::OutStream;
use crate::wire::Client;
use crate::wire::view::RunDetail;

/// `conn runs output ID`.
pub async fn output(args: &Args, as_json: bool, output: &OutputArgs) -> Result<Exit, CliError> {
    let client = connect(args, output.follow).await?;
    let run = RunId(output.id);
    if output.follow {
        let style = match (as_json, output.gather) {
            (true, _) => Style::Json,
            (false, true) => Style::Gather,
            (false, false) => Style::Lines,
        };
        return Follow::new(args, client, run, style)?.until_end().await;
    }
    let terminal = Terminal::detect(args.color);
    let detail = detail(&client, run).await?;
    let wanted = Wanted {
        only_stderr: output.stderr,
        tail: output.tail,
        step: step_of(&detail, output.step.as_deref())?,
        attempt: None,
    };
    let hosts = hosts_of(&detail, output.host.as_deref())?;
    if !detail.view.stages.is_empty() {
        let parts: Vec<String> = stages::runs(&detail.view.stages)
            .map(|part| part.to_string())
            .collect();
        notice(&format!(
            "run {run} is made of runs, and they have the output: conn runs output ID, where ID is \
             one of {}",
            parts.join(", ")
        ))?;
    }
    let what = What {
        client: &client,
        run,
        wanted,
    };
    match (output.gather, as_json) {
        (true, true) => what.gathered_json(output, &hosts).await?,
        (true, false) if output.host.is_none() => {
            let step = output.step.as_deref();
            gather::print_wanted(&client, terminal, run, step, wanted).await?;
        }
        (false, true) => what.json(&hosts).await?,
        (_, false) => what.plain(terminal, &hosts).await?,
    }
    Ok(Exit::Ok)
}

/// The place of the step of this name.
fn step_of(detail: &RunDetail, name: Option<&str>) -> Result<Option<u16>, CliError> {
    let Some(name) = name else {
        return Ok(None);
    };
    (0..)
        .zip(&detail.steps)
        .find(|(_, step)| *step == name)
        .map(|(place, _)| Some(place))
        .ok_or_else(|| {
            CliError::Usage(format!(
                "run {} has no step {name:?}; it has {}",
                detail.view.run,
                detail.steps.join(", ")
            ))
        })
}

/// All hosts of the run, or the one that was named.
fn hosts_of<'d>(detail: &'d RunDetail, only: Option<&str>) -> Result<Vec<&'d str>, CliError> {
    let hosts: Vec<&str> = detail
        .tasks
        .iter()
        .map(|task| task.host.as_str())
        .filter(|host| only.is_none_or(|only| only == *host))
        .collect();
    match only {
        Some(only) if hosts.is_empty() => Err(CliError::Usage(format!(
            "{only} is not a host of run {}",
            detail.view.run
        ))),
        _ => Ok(hosts),
    }
}

/// Which part of which run is printed.
struct What<'a> {
    client: &'a Client,
    run: RunId,
    wanted: Wanted,
}

impl What<'_> {
    async fn plain(&self, terminal: Terminal, hosts: &[&str]) -> Result<(), CliError> {
        for host in hosts {
            if hosts.len() > 1 {
                say(&format!("==> {host} <=="))?;
            }
            gather::host_output(self.client, terminal, self.run, host, self.wanted).await?;
        }
        Ok(())
    }

    /// One document a host.
    async fn json(&self, hosts: &[&str]) -> Result<(), CliError> {
        for host in hosts {
            let [stdout, stderr] = self.streams(host, self.wanted).await?;
            say_json(&json::output(
                "host",
                &serde_json::json!(host),
                &stdout,
                &stderr,
            ))?;
        }
        Ok(())
    }

    /// One document a group.
    async fn gathered_json(&self, output: &OutputArgs, only: &[&str]) -> Result<(), CliError> {
        let step = output.step.as_deref();
        for group in gather::groups(self.client, self.run, step, self.wanted).await? {
            let hosts: Vec<&String> = group
                .hosts
                .iter()
                .filter(|host| only.contains(&host.as_str()))
                .collect();
            if let Some(host) = hosts.first() {
                let wanted = gather::of_group(&group, self.wanted);
                let [stdout, stderr] = self.streams(host, wanted).await?;
                let mut line = json::output("hosts", &serde_json::json!(hosts), &stdout, &stderr);
                let word = group.outcome.as_ref().map(|outcome| outcome.kind().word());
                line["outcome"] = serde_json::json!(word);
                say_json(&line)?;
            }
        }
        Ok(())
    }

    /// Both streams, apart. The last lines, where only they are wanted, are those of both together
    /// and stand under standard output.
    async fn streams(&self, host: &str, wanted: Wanted) -> Result<[Vec<u8>; 2], CliError> {
        let mut streams = [Vec::new(), Vec::new()];
        each_piece(self.client, self.run, host, wanted, |stream, bytes| {
            streams[stream as usize].extend_from_slice(bytes);
            Ok(())
        })
        .await?;
        if wanted.only_stderr && wanted.tail.is_some() {
            streams.swap(OutStream::Stdout as usize, OutStream::Stderr as usize);
        }
        Ok(streams)
    }
}
