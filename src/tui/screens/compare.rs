//! Two runs of one command: which hosts ended otherwise, or wrote something else.

use std::collections::BTreeMap;

use crate::run::ids::RunId;
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want, role_of};
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain};
use crate::wire::reply::Fault;
use crate::wire::view::{RunDetail, TaskView};
use crate::wire::{Reply, Request};

/// Hosts that changed alike.
struct Change {
    before: Option<Sign>,
    after: Option<Sign>,
    /// Whether only the output is another one.
    only_output: bool,
    /// Each in the later run, or in the earlier where it was not there any more.
    hosts: Vec<Place>,
}

/// The screen.
pub(in crate::tui) struct Compare {
    runs: (RunId, RunId),
    sides: [Option<RunDetail>; 2],
    changes: Vec<Change>,
    same: usize,
    list: List,
    wrong: Option<String>,
}

impl Compare {
    /// The earlier run, and the later one.
    pub fn new(before: RunId, after: RunId) -> Self {
        Self {
            runs: (before, after),
            sides: [None, None],
            changes: Vec::new(),
            same: 0,
            list: List::default(),
            wrong: None,
        }
    }

    fn settle(&mut self) {
        let [Some(before), Some(after)] = &self.sides else {
            return;
        };
        let (changes, same) = changes(self.runs, &before.tasks, &after.tasks);
        (self.changes, self.same) = (changes, same);
        self.list.total = u32::try_from(self.changes.len()).unwrap_or(u32::MAX);
    }
}

/// The sign after, the sign before, and whether only the output differs.
type Alike = (Option<Sign>, Option<Sign>, bool);

fn changes(runs: (RunId, RunId), before: &[TaskView], after: &[TaskView]) -> (Vec<Change>, usize) {
    let old: BTreeMap<&str, &TaskView> = before
        .iter()
        .map(|task| (task.host.as_str(), task))
        .collect();
    let new: BTreeMap<&str, &TaskView> = after
        .iter()
        .map(|task| (task.host.as_str(), task))
        .collect();
    let sign = |task: Option<&&TaskView>| {
        task.map(|task| Sign::of_task(&task.standing, task.outcome.as_ref()))
    };
    let mut groups: BTreeMap<Alike, Vec<Place>> = BTreeMap::new();
    let mut same = 0;
    let names: std::collections::BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        let (one, other) = (old.get(name), new.get(name));
        let outcome = one.map(|task| &task.outcome) == other.map(|task| &task.outcome);
        let output = one.map(|task| &task.output) == other.map(|task| &task.output);
        if outcome && output {
            same += 1;
            continue;
        }
        let key = (sign(other), sign(one), outcome);
        let place = match (one, other) {
            (_, Some(task)) => Place::Host(runs.1, task.ix, name.to_owned()),
            (Some(task), None) => Place::Host(runs.0, task.ix, name.to_owned()),
            (None, None) => continue,
        };
        groups.entry(key).or_default().push(place);
    }
    let changes = groups
        .into_iter()
        .map(|((after, before, only_output), hosts)| Change {
            before,
            after,
            only_output,
            hosts,
        });
    (changes.collect(), same)
}

impl Pane for Compare {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        format!("{} compared with {}", self.runs.1, self.runs.0)
    }

    fn place(&self) -> Place {
        Place::Run(self.runs.1)
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        vec![
            Want::once("before", Request::Show { run: self.runs.0 }),
            Want::once("after", Request::Show { run: self.runs.1 }),
        ]
    }

    fn take(&mut self, slot: &str, _: u64, reply: Reply) {
        if let Reply::Detail(detail) = reply {
            self.sides[usize::from(slot == "after")] = Some(*detail);
            self.settle();
        }
    }

    fn refused(&mut self, _: &str, fault: &Fault) {
        self.wrong = Some(fault.message.clone());
    }

    fn anew(&mut self) {
        self.wrong = None;
    }

    fn act(&mut self, act: Act, _: &Context, effects: &mut Vec<Effect>) -> bool {
        let here = self.changes.get(self.list.at as usize);
        match act {
            Act::Open => effects.extend(
                here.and_then(|change| change.hosts.first())
                    .map(|place| Effect::Open(place.clone())),
            ),
            Act::CopyHosts => effects.extend(here.map(|change| {
                let names: Vec<&str> = change.hosts.iter().map(name).collect();
                Effect::Copy(names.join(","), counted(names.len() as u64, "host"))
            })),
            _ => return self.list.act(act),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, _: &Context) {
        let width = canvas.width();
        if let Some(wrong) = &self.wrong {
            canvas.clipped(1, 0, width - 2, Role::Failed, &plain(wrong));
            return;
        }
        let [Some(before), Some(after)] = &self.sides else {
            canvas.text(1, 0, Role::Dim, "Asking the engine…");
            return;
        };
        let words = format!(
            "{}   on {}",
            plain(&after.view.title),
            plain(&after.view.targets)
        );
        canvas.clipped(1, 0, width - 2, Role::Title, &words);
        for (y, (word, detail)) in (1..).zip([("before", before), ("now", after)]) {
            let view = &detail.view;
            let words = format!(
                "{word:>6}  run {}   {}   {}",
                view.run,
                view.state,
                super::run::counts(view)
            );
            canvas.clipped(1, y, width - 2, Role::Text, &words);
        }
        canvas.rule(
            3,
            "what changed, worst first",
            &format!("{} the same", counted(self.same as u64, "host")),
        );
        if self.changes.is_empty() {
            canvas.text(
                1,
                4,
                Role::Ok,
                "Every host ended as before and wrote the same.",
            );
        }
        self.list.fit(
            self.list.total,
            u32::from(canvas.height().saturating_sub(4)),
        );
        let (from, until) = self.list.seen();
        for (y, place) in (4..).zip(from..until) {
            let Some(change) = self.changes.get(place as usize) else {
                break;
            };
            let x = canvas.text(
                1,
                y,
                Role::Text,
                &format!("{:>6}  ", count(change.hosts.len() as u64)),
            );
            let mut x = side(canvas, x, y, change.before);
            if change.only_output {
                x = canvas.text(x, y, Role::Dim, ", other output");
            } else {
                x = canvas.text(x, y, Role::Dim, " -> ");
                x = side(canvas, x, y, change.after);
            }
            let names: Vec<&str> = change.hosts.iter().take(200).map(name).collect();
            canvas.clipped(
                x + 2,
                y,
                width.saturating_sub(x + 3),
                Role::Dim,
                &plain(&names.join(",")),
            );
            if place == self.list.at {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
    }

    fn hints(&self) -> Vec<Act> {
        vec![Act::Open, Act::CopyHosts]
    }
}

fn name(host: &Place) -> &str {
    match host {
        Place::Host(_, _, name) => name,
        _ => "",
    }
}

fn side(canvas: &mut Canvas, x: u16, y: u16, sign: Option<Sign>) -> u16 {
    match sign {
        Some(sign) => canvas.text(
            x,
            y,
            role_of(sign),
            &format!("{} {}", sign.letter(), sign.word()),
        ),
        None => canvas.text(x, y, Role::Dim, "not there"),
    }
}
