//! How a run ended, in a few lines: each outcome with its hosts folded.

use std::collections::BTreeMap;

use crate::inventory;
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::wire::view::{RunView, TaskView};

/// Details that are told apart under one outcome; with more, one stands for all.
const MOST_DETAILS: usize = 4;

/// The hosts of one outcome, by what is said of them.
type ByDetail<'a> = BTreeMap<Option<&'a str>, Vec<&'a str>>;

/// Collects ended tasks; a task that ends again counts as it ended last.
#[derive(Default)]
pub struct Summary {
    last: BTreeMap<u32, TaskView>,
}

impl Summary {
    /// Notes an ended task.
    pub fn add(&mut self, task: &TaskView) {
        self.last.insert(task.ix, task.clone());
    }

    /// The lines; `quiet` leaves out what is ok.
    pub fn lines(&self, view: &RunView, quiet: bool) -> Vec<String> {
        let mut outcomes: BTreeMap<(OutcomeKind, String), ByDetail<'_>> = BTreeMap::new();
        for task in self.last.values() {
            if let Some(outcome) = &task.outcome {
                outcomes
                    .entry((outcome.kind(), word(view, task, outcome)))
                    .or_default()
                    .entry(detail(task, outcome))
                    .or_default()
                    .push(&task.host);
            }
        }
        let mut lines: Vec<String> = outcomes
            .iter()
            .filter(|((kind, _), _)| !(quiet && *kind == OutcomeKind::Ok))
            .flat_map(|((_, word), details)| outcome_lines(word, details))
            .collect();
        lines.push(end_line(view));
        lines
    }
}

/// What ended well on a host that was rolled back is what undid the rest.
fn word(view: &RunView, task: &TaskView, outcome: &Outcome) -> String {
    let undone = view.rolled_back.is_some() && task.step.starts_with("rollback ");
    match outcome {
        Outcome::Ok if undone => "rolled back".to_owned(),
        outcome => outcome.to_string(),
    }
}

fn detail<'a>(task: &'a TaskView, outcome: &Outcome) -> Option<&'a str> {
    match outcome.kind() {
        OutcomeKind::Ok => None,
        _ => task.detail.as_deref(),
    }
}

fn outcome_lines(word: &str, details: &ByDetail<'_>) -> Vec<String> {
    if details.len() <= MOST_DETAILS {
        return details
            .iter()
            .map(|(detail, hosts)| group_line(word, *detail, hosts))
            .collect();
    }
    let hosts: Vec<&str> = details.values().flatten().copied().collect();
    let example = details
        .keys()
        .find_map(|detail| *detail)
        .map(|detail| format!("each for its own reason, such as: {detail}"));
    vec![group_line(word, example.as_deref(), &hosts)]
}

fn group_line(word: &str, detail: Option<&str>, hosts: &[&str]) -> String {
    let folded = inventory::fold(hosts.iter().copied());
    match detail {
        Some(detail) => format!("{word} {}: {folded}: {detail}", hosts.len()),
        None => format!("{word} {}: {folded}", hosts.len()),
    }
}

fn end_line(view: &RunView) -> String {
    let took = view.ended.map_or_else(String::new, |ended| {
        format!(" in {:.1}s", ended.since(view.created) as f64 / 1e3)
    });
    if let Some(by) = &view.rolled_back {
        return format!("run {} {}{took}, rolled back by {by}", view.run, view.state);
    }
    if let Some(whole) = &view.whole {
        let (run, state, hosts) = (view.run, &view.state, whole.hosts);
        let noun = if hosts == 1 { "host" } else { "hosts" };
        return format!("run {run} {state}{took}, {}, {hosts} {noun}", whole.words());
    }
    format!(
        "run {} {}{took}, {} of {} hosts ok",
        view.run,
        view.state,
        view.tally.ended(OutcomeKind::Ok),
        view.tally.total()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::OutputSum;
    use crate::run::phases::Phases;

    fn task(ix: u32, outcome: Outcome, detail: Option<&str>) -> TaskView {
        TaskView {
            host: format!("web{ix}"),
            ix,
            step: "exec".to_owned(),
            attempts: 1,
            outcome: Some(outcome),
            standing: "done".to_owned(),
            detail: detail.map(str::to_owned),
            phases: Phases::default(),
            output: OutputSum::default(),
            began: None,
            finished: None,
        }
    }

    fn lines(tasks: &[TaskView]) -> Vec<String> {
        let mut summary = Summary::default();
        for task in tasks {
            summary.add(task);
        }
        let mut lines = summary.lines(&RunView::default(), false);
        lines.pop();
        lines
    }

    #[test]
    fn hosts_that_ended_alike_stand_under_one_folded_set() {
        let tasks = [
            task(1, Outcome::Ok, None),
            task(2, Outcome::Failed(3), None),
            task(3, Outcome::Failed(3), None),
            task(4, Outcome::Ok, None),
            task(5, Outcome::Failed(3), Some("sudo would not")),
        ];
        let expected = [
            "ok 2: web[1,4]",
            "failed(3) 2: web[2-3]",
            "failed(3) 1: web5: sudo would not",
        ];
        assert_eq!(lines(&tasks), expected);
    }

    #[test]
    fn a_task_that_ended_again_counts_as_it_ended_last() {
        let tasks = [
            task(1, Outcome::Unreachable, Some("no route")),
            task(1, Outcome::Ok, None),
        ];
        assert_eq!(lines(&tasks), ["ok 1: web1"]);
    }

    #[test]
    fn a_run_that_was_rolled_back_is_not_told_as_if_it_were_well() {
        let mut undone = task(1, Outcome::Ok, None);
        undone.step = "rollback exec".to_owned();
        let mut summary = Summary::default();
        summary.add(&undone);
        let view = RunView {
            state: "failed".to_owned(),
            rolled_back: Some("conn".to_owned()),
            ..RunView::default()
        };
        assert_eq!(
            summary.lines(&view, false),
            ["rolled back 1: web1", "run 0 failed, rolled back by conn"]
        );
    }

    #[test]
    fn a_hundred_reasons_take_one_line() {
        let tasks: Vec<TaskView> = (1..=100)
            .map(|ix| {
                task(
                    ix,
                    Outcome::Unreachable,
                    Some(&format!("no way to web{ix}")),
                )
            })
            .collect();
        let lines = lines(&tasks);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("unreachable 100: web[1-100]: "));
    }
}
