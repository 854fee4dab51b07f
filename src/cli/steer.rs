//! Steering a run, one word each.

use super::args::{Args, RunsCommand};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::{say, say_json};
use super::progress;
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::wire::request::Steer;
use crate::wire::{Reply, Request};

/// The run and what to do with it, for commands that steer.
pub fn steering(command: &RunsCommand) -> Result<Option<(RunId, Steer)>, CliError> {
    use RunsCommand as C;
    let (id, act) = match command {
        C::Pause { id, reason } => (
            id,
            Steer::Pause {
                reason: reason.clone(),
            },
        ),
        C::Resume { id } => (id, Steer::Resume),
        C::Abort {
            id,
            reason,
            after_batch,
        } => (id, abort(reason.clone(), *after_batch)),
        C::Retry { id, only, host } => (
            id,
            Steer::Retry {
                shown: None,
                hosts: host.clone().unwrap_or_default(),
                only: only
                    .iter()
                    .map(|word| kind(word))
                    .collect::<Result<_, _>>()?,
            },
        ),
        C::Rollback { id, host, reason } => (
            id,
            Steer::Rollback {
                reason: reason.clone(),
                hosts: host.clone().unwrap_or_default(),
            },
        ),
        C::Skip { id, host, step } => (
            id,
            match step {
                Some(step) => Steer::SkipStep { step: step.clone() },
                None => Steer::Skip {
                    hosts: host.clone().unwrap_or_default(),
                },
            },
        ),
        C::Approve { id, reason } => (
            id,
            Steer::Approve {
                asked: None,
                reason: reason.clone(),
            },
        ),
        C::Reject { id, reason } => (
            id,
            Steer::Reject {
                asked: None,
                reason: reason.clone(),
            },
        ),
        C::Settle {
            id,
            host,
            step,
            verdict,
        } => (id, settle(host, step.as_deref(), verdict)),
        C::Tune {
            id,
            concurrency,
            max_failures,
            batches,
        } => (
            id,
            Steer::Tune {
                batches: batches.clone(),
                concurrency: *concurrency,
                max_failures: max_failures.clone(),
            },
        ),
        C::Take { id, reason } => (
            id,
            Steer::Take {
                reason: reason.clone(),
            },
        ),
        C::Keep { id } => (id, Steer::RefuseTake),
        C::Give { id, to } => (id, Steer::Give { to: to.clone() }),
        C::Note { id, text } => (
            id,
            Steer::Note {
                text: text.join(" "),
            },
        ),
        C::Show { .. }
        | C::Why { .. }
        | C::Report { .. }
        | C::Output(_)
        | C::Compare { .. }
        | C::Follow { .. }
        | C::Save { .. }
        | C::Secret { .. } => return Ok(None),
    };
    Ok(Some((RunId(*id), act)))
}

fn settle(host: &str, step: Option<&str>, verdict: &str) -> Steer {
    Steer::Settle {
        host: host.to_owned(),
        step: step.map(str::to_owned),
        verdict: verdict.to_owned(),
    }
}

fn abort(reason: String, after_batch: bool) -> Steer {
    if after_batch {
        Steer::AbortAfterBatch { reason }
    } else {
        Steer::Abort { reason }
    }
}

/// Carries it out and says how the run stands now.
pub async fn steer(args: &Args, json: bool, run: RunId, act: Steer) -> Result<Exit, CliError> {
    let client = connect(args, true).await?;
    let Reply::Steered(view) = client.call(Request::Steer { run, act }).await? else {
        return Err(CliError::Unexpected);
    };
    if json {
        say_json(&serde_json::json!({
            "run": view.run, "state": view.state, "because": view.because, "conn": view.holder,
            "stay": view.stay,
        }))?;
    } else {
        say(&progress::line(&view))?;
        for stays in &view.stay {
            say(stays)?;
        }
        if let Some((by, until)) = &view.asked_by {
            say(&format!(
                "{by} asked for the conn; it passes at {} unless {} keeps it",
                until.rfc3339(),
                view.holder.as_deref().unwrap_or("the holder")
            ))?;
        }
    }
    Ok(Exit::Ok)
}

fn kind(word: &str) -> Result<OutcomeKind, CliError> {
    OutcomeKind::from_word(word).ok_or_else(|| {
        let words: Vec<_> = OutcomeKind::ALL.iter().map(|kind| kind.word()).collect();
        CliError::Usage(format!(
            "--only {word:?} is no outcome; give some of {}",
            words.join(",")
        ))
    })
}
