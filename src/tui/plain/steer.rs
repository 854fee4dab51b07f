//! Steering the open run: a word, and what it is about.

use super::{Plain, say};
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::tui::overlay::{limits, to_retry};
use crate::tui::words::{count, counted};
use crate::wire::reply::Reply;
use crate::wire::request::Steer;
use crate::wire::view::RunView;
use crate::wire::{CallError, Request};

/// Acts on more hosts are confirmed by typing how many.
const MOST_BY_WORD: u32 = 50;

/// What is asked before an act.
#[derive(Debug, PartialEq, Eq)]
enum Ask {
    /// Nothing.
    No,
    /// For a `y`.
    Yes,
    /// For a `y`, or on many hosts for their number.
    Wide,
    /// For the run's number.
    Number,
}

/// An act, what it does, what is asked before it, and what is said behind it.
struct Meant {
    act: Steer,
    does: String,
    ask: Ask,
    done: String,
}

impl Plain {
    /// Does what the line says, when it is a word that steers.
    pub(super) async fn steered(&mut self, word: &str, rest: &str) -> Result<bool, CallError> {
        let meant = match meant(word, rest) {
            None => return Ok(false),
            Some(Err(why)) => {
                say(&why);
                return Ok(true);
            }
            Some(Ok(meant)) => meant,
        };
        let Some(run) = self.opened() else {
            return Ok(true);
        };
        let Some((run, meant)) = self.as_it_stands(run, meant).await? else {
            return Ok(true);
        };
        if self.agreed(run, &meant).await? {
            let act = meant.act;
            let reply = self.client.call(Request::Steer { run, act }).await?;
            say(&format!("Run {run}: {}.", meant.done));
            if let Reply::Steered(view) = reply {
                view.stay
                    .iter()
                    .for_each(|stays| say(&format!("But {stays}.")));
            }
        }
        Ok(true)
    }

    /// What an act means as the run stands: what is asked, or how many hosts there are, is said and
    /// goes with it; and the run that goes on may be the one that this one is part of.
    async fn as_it_stands(
        &mut self,
        run: RunId,
        mut meant: Meant,
    ) -> Result<Option<(RunId, Meant)>, CallError> {
        let looks = matches!(
            meant.act,
            Steer::Resume | Steer::Retry { .. } | Steer::Approve { .. } | Steer::Reject { .. }
        );
        let Some(view) = (if looks { self.view(run).await? } else { None }) else {
            return Ok(Some((run, meant)));
        };
        if matches!(meant.act, Steer::Resume) {
            let Some(whole) = self.paused_whole(&view).await? else {
                return Ok(Some((run, meant)));
            };
            meant.does = format!(
                "Run {run} is part of run {whole}, which is paused: run {whole} goes on, with \
                 everything in it that no person paused."
            );
            meant.ask = Ask::Yes;
            return Ok(Some((whole, meant)));
        }
        Ok(match shown(&view, &mut meant) {
            Ok(()) => Some((run, meant)),
            Err(why) => {
                say(&why);
                None
            }
        })
    }

    /// The topmost of the runs that this one is part of that stands still.
    async fn paused_whole(&mut self, view: &RunView) -> Result<Option<RunId>, CallError> {
        let mut part = view.part_of.clone();
        let mut paused = None;
        while let Some(of) = part {
            let Some(whole) = self.view(of.run).await? else {
                break;
            };
            if whole.state == "paused" {
                paused = Some(whole.run);
            }
            part = whole.part_of;
        }
        Ok(paused)
    }

    async fn agreed(&mut self, run: RunId, meant: &Meant) -> Result<bool, CallError> {
        let hosts = match meant.ask {
            Ask::No => return Ok(true),
            Ask::Number | Ask::Yes => 0,
            Ask::Wide => self.view(run).await?.as_ref().map_or(0, hosts_of),
        };
        let (question, wanted) = match meant.ask {
            Ask::Number => (format!("Type {run} to do it."), run.to_string()),
            _ if hosts > MOST_BY_WORD => {
                let words = counted(hosts, "host");
                let question = format!("The run has {words}. Type that number to do it.");
                (question, hosts.to_string())
            }
            _ => ("Type y to do it.".to_owned(), "y".to_owned()),
        };
        let typed = self.asks(&format!("{} {question}", meant.does)).await;
        let agreed = typed.replace(',', "") == wanted;
        if !agreed {
            say("Nothing was done.");
        }
        Ok(agreed)
    }
}

/// Says what is answered, or how many hosts are meant, and lets nothing else be done than that.
/// `Err` is a sentence.
fn shown(view: &RunView, meant: &mut Meant) -> Result<(), String> {
    match &mut meant.act {
        Steer::Approve { asked, .. } | Steer::Reject { asked, .. } => {
            if view.asks.len() > 1 {
                return Err(format!(
                    "{} of run {} ask something: open each, and answer it there.",
                    counted(view.asks.len() as u64, "run"),
                    view.run
                ));
            }
            *asked = view.asks.first().copied();
            if let Some(because) = &view.because {
                meant.does = format!("{because}\n{}", meant.does);
            }
        }
        Steer::Retry { only, hosts, shown } if hosts.is_empty() => {
            let hosts = to_retry(view, only);
            *shown = Some(hosts);
            meant.does = format!("{}: {}", counted(hosts, "host"), meant.does);
        }
        _ => {}
    }
    Ok(())
}

/// The hosts of a run, each once.
fn hosts_of(view: &RunView) -> u32 {
    view.whole.map_or(view.tally.total(), |whole| whole.hosts)
}

/// What a line means; none when its word does not steer. `Err` is a sentence.
fn meant(word: &str, rest: &str) -> Option<Result<Meant, String>> {
    let reason = || {
        if rest.is_empty() {
            "from the console".to_owned()
        } else {
            rest.to_owned()
        }
    };
    let meant = |act: Steer, does: &str, ask: Ask, done: &str| {
        Ok(Meant {
            act,
            does: does.to_owned(),
            ask,
            done: done.to_owned(),
        })
    };
    Some(match word {
        "p" => meant(Steer::Pause { reason: reason() }, "", Ask::No, "paused"),
        "c" => meant(Steer::Resume, "", Ask::No, "goes on"),
        "abort" => meant(
            Steer::Abort { reason: reason() },
            "Hosts at work are cancelled, the rest never start.",
            Ask::Number,
            "aborted",
        ),
        "after" => meant(
            Steer::AbortAfterBatch { reason: reason() },
            "The open batch goes on to its end, then the run is aborted.",
            Ask::Number,
            "is aborted when its batch has ended",
        ),
        "retry" => Ok(retry(rest)),
        "skip" => skip(rest),
        "settle" => settle(rest),
        "approve" => meant(
            Steer::Approve {
                reason: reason(),
                asked: None,
            },
            "The run goes on past what it asks.",
            Ask::Wide,
            "approved",
        ),
        "reject" => meant(
            Steer::Reject {
                reason: reason(),
                asked: None,
            },
            "The run is aborted: no host goes on.",
            Ask::Wide,
            "rejected",
        ),
        "limits" => limits("", rest).and_then(|found| {
            let (act, words) =
                found.ok_or("Type: limits concurrency=20 max_failures=2% batches=5,20%")?;
            meant(act, "", Ask::No, &format!("has {words}"))
        }),
        "rollback" => meant(
            Steer::Rollback {
                reason: "from the console".to_owned(),
                hosts: rest.to_owned(),
            },
            "No host goes forward, and what was done is undone by the rollback commands.",
            Ask::Number,
            "is rolled back",
        ),
        "take" if rest.is_empty() => Err("Say why: take REASON".to_owned()),
        "take" => meant(
            Steer::Take { reason: reason() },
            "",
            Ask::No,
            "the conn was asked for",
        ),
        "give" if rest.is_empty() => Err("Say to whom: give PERSON".to_owned()),
        "give" => meant(
            Steer::Give {
                to: rest.to_owned(),
            },
            "",
            Ask::No,
            "the conn was given",
        ),
        "keep" => meant(Steer::RefuseTake, "", Ask::No, "you keep the conn"),
        "note" if rest.is_empty() => Err("Say what: note TEXT".to_owned()),
        "note" => meant(
            Steer::Note {
                text: rest.to_owned(),
            },
            "",
            Ask::No,
            "noted",
        ),
        _ => return None,
    })
}

/// `retry`, `retry unreachable`, `retry rs[01-02]`, `retry failed rs01`.
fn retry(rest: &str) -> Meant {
    let (first, hosts) = rest.split_once(' ').unwrap_or((rest, ""));
    let (only, hosts) = match OutcomeKind::from_word(first) {
        Some(kind) => (vec![kind], hosts.trim()),
        None => (Vec::new(), rest),
    };
    let which = match (only.first(), hosts) {
        (None, "") => "Every host that did not end well starts".to_owned(),
        (Some(kind), "") => format!("Hosts that are {} start", kind.word()),
        (None, hosts) => format!("Those of {hosts} that did not end well start"),
        (Some(kind), hosts) => format!("Those of {hosts} that are {} start", kind.word()),
    };
    Meant {
        act: Steer::Retry {
            only,
            hosts: hosts.to_owned(),
            shown: None,
        },
        does: format!("{which} again."),
        ask: Ask::Wide,
        done: "retried".to_owned(),
    }
}

/// `skip rs01`, `skip step restart`, `skip stage canary`.
fn skip(rest: &str) -> Result<Meant, String> {
    let step = rest.strip_prefix("step ").or(rest.strip_prefix("stage "));
    let (act, does) = match step.map(str::trim) {
        Some(step) if !step.is_empty() => (
            Steer::SkipStep {
                step: step.to_owned(),
            },
            format!("{step} is left out wherever it was not done."),
        ),
        None if !matches!(rest, "" | "step" | "stage") => (
            Steer::Skip {
                hosts: rest.to_owned(),
            },
            format!("Those of {rest} that wait are left out for good."),
        ),
        _ => return Err("Type: skip HOSTS, skip step NAME, or skip stage NAME".to_owned()),
    };
    Ok(Meant {
        act,
        does,
        ask: Ask::Wide,
        done: "skipped".to_owned(),
    })
}

fn settle(rest: &str) -> Result<Meant, String> {
    let known = rest.rsplit_once(' ').filter(|(host, verdict)| {
        !host.trim().is_empty() && matches!(*verdict, "ok" | "failed" | "retry")
    });
    let Some((host, verdict)) = known else {
        return Err("Type: settle HOST ok, settle HOST failed, or settle HOST retry".to_owned());
    };
    Ok(Meant {
        act: Steer::Settle {
            host: host.trim().to_owned(),
            step: None,
            verdict: verdict.to_owned(),
        },
        does: match verdict {
            "retry" => format!("{host} does the step again, whether or not it did it before."),
            verdict => format!("{host} counts as {verdict}."),
        },
        ask: Ask::Wide,
        done: format!("{host} settled as {verdict}"),
    })
}

/// How a run stands, in sentences.
pub(super) fn stands(view: &RunView) -> String {
    let mut words = format!("Run {} {}: {}", view.run, view.title, word(view));
    if let Some(whole) = &view.whole {
        words = format!("{words}, {}, {} hosts", whole.words(), count(whole.hosts));
    } else {
        let ended = count(view.tally.ended_all());
        let all = counted(view.tally.total(), "host");
        words = format!("{words}, {ended} of {all}");
    }
    let failed = view.tally.failures();
    if failed > 0 {
        words = format!("{words}, {}", counted(failed, "failure"));
    }
    if view.batch.1 > 1 && view.whole.is_none() {
        words = format!("{words}, batch {} of {}", view.batch.0, view.batch.1);
    }
    if view.ended.is_none() {
        let who = view.holder.as_deref().unwrap_or("nobody");
        words = format!("{words}, {who} has the conn");
    }
    words
}

/// The word of its state, or what it waits for.
pub(super) fn word(view: &RunView) -> String {
    match &view.stand {
        Some(stand) => stand.full_words(),
        None => view.state.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tally::Tally;
    use crate::wire::standing::Asked;

    fn act(line: &str) -> Result<Steer, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        meant(word, rest).unwrap().map(|meant| meant.act)
    }

    #[test]
    fn a_line_says_which_act_and_on_what() {
        let only = |kind| vec![kind];
        for (line, wanted) in [
            (
                "retry",
                Steer::Retry {
                    only: Vec::new(),
                    hosts: String::new(),
                    shown: None,
                },
            ),
            (
                "retry unreachable rs[01-02]",
                Steer::Retry {
                    only: only(OutcomeKind::Unreachable),
                    hosts: "rs[01-02]".into(),
                    shown: None,
                },
            ),
            (
                "skip rs01",
                Steer::Skip {
                    hosts: "rs01".into(),
                },
            ),
            (
                "skip stage canary",
                Steer::SkipStep {
                    step: "canary".into(),
                },
            ),
            (
                "settle rs01 retry",
                Steer::Settle {
                    host: "rs01".into(),
                    step: None,
                    verdict: "retry".into(),
                },
            ),
            (
                "limits max_failures=2%",
                Steer::Tune {
                    concurrency: None,
                    max_failures: Some("2%".into()),
                    batches: None,
                },
            ),
        ] {
            assert_eq!(format!("{:?}", act(line).unwrap()), format!("{wanted:?}"));
        }
    }

    #[test]
    fn a_line_that_lacks_something_says_what_can_be_typed() {
        for line in [
            "skip",
            "skip step",
            "skip step ",
            "settle rs01",
            "settle ok",
            "settle rs01 maybe",
            "limits",
            "limits concurrency=0",
            "limits speed=3",
            "take",
            "give",
            "note",
        ] {
            assert!(act(line).is_err(), "{line}");
        }
        assert!(meant("dance", "").is_none());
    }

    #[test]
    fn an_act_does_no_more_than_was_said() {
        let view = RunView {
            run: RunId(5),
            tally: Tally::all_ended(3, OutcomeKind::Failed),
            because: Some("is it well?".into()),
            asks: vec![Asked::default()],
            ..RunView::default()
        };
        let said = |line: &str, view: &RunView| {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let mut meant = meant(word, rest).unwrap().unwrap();
            shown(view, &mut meant).map(|()| (meant.act, meant.does))
        };
        let (act, does) = said("retry", &view).unwrap();
        assert!(
            matches!(act, Steer::Retry { shown: Some(3), .. }),
            "{act:?}"
        );
        assert!(does.starts_with("3 hosts: "), "{does}");
        let (act, _) = said("retry unreachable", &view).unwrap();
        assert!(
            matches!(act, Steer::Retry { shown: Some(0), .. }),
            "{act:?}"
        );
        for line in ["approve", "reject"] {
            let (act, does) = said(line, &view).unwrap();
            let (Steer::Approve { asked, .. } | Steer::Reject { asked, .. }) = act else {
                panic!("{act:?}");
            };
            assert_eq!(asked, Some(Asked::default()));
            assert!(does.starts_with("is it well?"), "{does}");
        }
        let several = RunView {
            asks: vec![Asked::default(); 2],
            ..view
        };
        assert!(said("approve", &several).is_err());
    }

    #[test]
    fn what_cannot_be_taken_back_asks_first() {
        for (line, ask) in [
            ("p", Ask::No),
            ("c", Ask::No),
            ("abort", Ask::Number),
            ("after", Ask::Number),
            ("rollback", Ask::Number),
            ("retry", Ask::Wide),
            ("skip", Ask::Wide),
            ("approve", Ask::Wide),
            ("reject", Ask::Wide),
        ] {
            assert_eq!(meant(line, "rs01").unwrap().unwrap().ask, ask, "{line}");
        }
    }
}
