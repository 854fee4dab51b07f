//! What keys stand for on every screen; the rest is the screen's.

use super::{App, Effect};
use crate::run::ids::RunId;
use crate::run::outcome::OutcomeKind;
use crate::tui::keys::{Act, Tier};
use crate::tui::overlay::{
    Draft, FlowForm, Help, Palette, Purpose, StartForm, Themes, abort_sheet, approve_sheet,
    command_key, reject_sheet, resume_sheet, retry_sheet, roll_back_sheet,
};
use crate::tui::pane::{Place, Tab, is_of_flow};
use crate::tui::standing;
use crate::tui::words::{counted, plain};
use crate::wire::Request;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

impl App {
    pub(super) fn act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        if act.entry().tier != Tier::Look && act != Act::Start && !self.is_up() {
            self.warn("The engine does not answer: acting keys are off.".to_owned());
            return;
        }
        let taken = self.with_context(|parts, context| {
            parts
                .stack
                .last_mut()
                .is_some_and(|(_, pane)| pane.act(act, context, effects))
        });
        if !taken {
            self.common(act, effects);
        }
    }

    fn common(&mut self, act: Act, effects: &mut Vec<Effect>) {
        match act {
            Act::Now => self.tab(&Place::Now),
            Act::Runs => self.tab(&Place::Flows),
            Act::Back | Act::Earlier => {
                if !self.back() && act == Act::Earlier {
                    self.say("This is where you began.".to_owned());
                }
            }
            Act::Later => {
                if !self.forward() {
                    self.say("There is nothing further.".to_owned());
                }
            }
            Act::Mark => self.marking = Some(true),
            Act::GoMark => self.marking = Some(false),
            Act::Palette => effects.push(Effect::Over(Box::new(Palette::new(self.pane().run())))),
            Act::Help => {
                let help = Help::new(self.crumbs(), self.pane().hints());
                effects.push(Effect::Over(Box::new(help)));
            }
            Act::Theme => {
                let now = self.look.theme.name.clone();
                effects.push(Effect::Over(Box::new(Themes::new(&now))));
            }
            Act::Search => match self.pane().query() {
                Some((word, text)) => self.type_line(Purpose::Query(word), &text),
                None => self.say("There is nothing to filter here.".to_owned()),
            },
            Act::Start => {
                let form = match self.drafts.get(&command_key()) {
                    Some(Draft::Command { hosts, command }) => StartForm::again(hosts, command),
                    _ => StartForm::again("", ""),
                };
                effects.push(Effect::Over(Box::new(form)));
            }
            Act::SaveAs => match self.pane().meant() {
                Some(run) => self.type_line(Purpose::SaveAs(run), ""),
                None => self.say("Open a run first: a flow is made of its command.".to_owned()),
            },
            Act::StartFlow => {
                let form = self.pane().meant().and_then(|run| self.again(run));
                if form.is_none() {
                    let key = self.setup.keys.key(Act::Runs);
                    self.say(format!("Go to a flow first: {key} lists them."));
                }
                effects.extend(form);
            }
            Act::Times => self.turn_zone(),
            Act::Undo => self.take_back(effects),
            Act::Redraw => effects.push(Effect::Redraw),
            Act::Detach => effects.push(Effect::Quit),
            Act::Interrupt => {
                let (leave, abort) = (
                    self.setup.keys.key(Act::Detach),
                    self.setup.keys.key(Act::Abort),
                );
                self.say(format!(
                    "{leave} leaves and what runs goes on; {abort} on a run aborts it."
                ));
            }
            act => self.about_run(act, effects),
        }
    }

    /// The form that starts the flow of a run once more, on the same hosts with the same values.
    fn again(&self, run: RunId) -> Option<Effect> {
        let open = self.view_of(run).map(|view| view.kind);
        let ended = self.overview.iter().flat_map(|overview| &overview.ended);
        let ended = ended.filter(|line| line.run == run);
        let kind = open.or_else(|| ended.map(|line| line.kind.clone()).next());
        // Of a run that is in no list the engine says what it is of.
        let known = kind.is_none_or(|kind| is_of_flow(&kind));
        known.then(|| Effect::Over(Box::new(FlowForm::of_run(run))))
    }

    fn tab(&mut self, place: &Place) {
        let same = match place {
            Place::Now => self.pane().tab() == Tab::Now,
            _ => self.pane().place() == *place,
        };
        if !same {
            self.open(place);
        }
    }

    fn take_back(&mut self, effects: &mut Vec<Effect>) {
        match self.undo.take() {
            Some((said, request, _)) => effects.push(Effect::Ask {
                request: Box::new(request),
                said: format!("{said}: taken back"),
                undo: None,
            }),
            None => self.say("There is nothing to take back.".to_owned()),
        }
    }

    /// Acts on the run of this screen.
    fn about_run(&mut self, act: Act, effects: &mut Vec<Effect>) {
        let steers = matches!(
            act,
            Act::Pause
                | Act::Resume
                | Act::Retry
                | Act::RollBack
                | Act::Skip
                | Act::Settle
                | Act::Tune
                | Act::Abort
                | Act::Take
                | Act::Give
                | Act::Keep
                | Act::Approve
                | Act::Reject
                | Act::Note
        );
        if !steers {
            let key = self.setup.keys.key(act);
            self.say(format!("{key} ({}) means nothing here.", act.entry().label));
            return;
        }
        let Some(run) = self.pane().meant() else {
            self.say("Open a run first.".to_owned());
            return;
        };
        let Some(view) = self.view_of(run) else {
            if self.is_over(run) {
                self.steer_ended(act, run, effects);
            } else {
                self.look_first(run, effects);
            }
            return;
        };
        // Whoever has the conn of a whole has it in all its parts.
        let whole = match act {
            Act::Take | Act::Give | Act::Keep => self.whole_of(view),
            _ => Ok(view),
        };
        let view = match whole {
            Ok(view) => view,
            Err(whole) => return self.look_first(whole, effects),
        };
        let run = view.run;
        if act == Act::RollBack && !is_of_flow(&view.kind) {
            // The conn of it would help nobody.
            self.roll_back(&view, effects);
            return;
        }
        let of_holder = [
            Act::Resume,
            Act::Retry,
            Act::RollBack,
            Act::Skip,
            Act::Settle,
            Act::Tune,
            Act::Give,
            Act::Keep,
        ];
        if of_holder.contains(&act) && !self.holds(&view) {
            let who = view.holder.as_deref().unwrap_or("nobody");
            let take = self.setup.keys.key(Act::Take);
            self.warn(format!(
                "{who} has the conn of run {run}: ask them, or take it with {take}."
            ));
            return;
        }
        self.steer(act, &view, effects);
    }

    fn holds(&self, view: &RunView) -> bool {
        view.holder
            .as_deref()
            .is_none_or(|holder| holder == self.setup.you)
    }

    /// A run that has not ended: of those there are many, not all are listed.
    fn view_of(&self, run: RunId) -> Option<RunView> {
        let open = self.overview.iter().flat_map(|overview| &overview.open);
        let shown = self.pane().view().filter(|view| view.ended.is_none());
        open.chain(shown).find(|view| view.run == run).cloned()
    }

    fn is_over(&self, run: RunId) -> bool {
        let mut ended = self.overview.iter().flat_map(|overview| &overview.ended);
        let shown = self.pane().view();
        let shown = shown.filter(|view| view.run == run && view.ended.is_some());
        shown.is_some() || ended.any(|line| line.run == run)
    }

    /// Nothing is done with a run of which it is not known how it stands.
    fn look_first(&mut self, run: RunId, effects: &mut Vec<Effect>) {
        if self.pane().place() == Place::Run(run) {
            self.say(format!("The engine has not said yet how run {run} stands."));
        } else {
            effects.push(Effect::Open(Place::Run(run)));
            let words = format!("This is run {run}: look at it, then press the key again.");
            effects.push(Effect::Say(words));
        }
    }

    /// The run that this one is part of, and that is part of none; `Err` is one on the way there of
    /// which nothing is known.
    fn whole_of(&self, view: RunView) -> Result<RunView, RunId> {
        let mut whole = view;
        while let Some(run) = whole.part_of.as_ref().map(|part| part.run) {
            whole = self.view_of(run).ok_or(run)?;
        }
        Ok(whole)
    }

    /// The run that goes on when a person lets this one: the topmost of those that it is part of and
    /// that stand still.
    fn paused_whole(&self, view: &RunView) -> Option<RunId> {
        let (mut at, mut paused) = (view.clone(), None);
        while let Some(whole) = at.part_of.as_ref().and_then(|part| self.view_of(part.run)) {
            if whole.state == "paused" {
                paused = Some(whole.run);
            }
            at = whole;
        }
        paused
    }

    /// The run has ended: only few acts still mean something.
    fn steer_ended(&mut self, act: Act, run: RunId, effects: &mut Vec<Effect>) {
        match act {
            Act::Note => self.type_line(Purpose::Note(run), ""),
            Act::Retry => match self.pane().view() {
                Some(view) if view.tally.not_ok() == 0 => {
                    self.say(format!("No host of run {run} failed."));
                }
                Some(view) => effects.push(Effect::Over(Box::new(retry_sheet(view, None)))),
                None => effects.push(Effect::Open(Place::Run(run))),
            },
            Act::RollBack => match self.pane().view().cloned() {
                Some(view) => self.roll_back(&view, effects),
                None => effects.push(Effect::Open(Place::Run(run))),
            },
            Act::Settle => match self.pane().view().cloned() {
                Some(view) => self.no_doubt(&view),
                None => effects.push(Effect::Open(Place::Run(run))),
            },
            _ => self.say(format!("Run {run} is over.")),
        }
    }

    fn steer(&mut self, act: Act, view: &RunView, effects: &mut Vec<Effect>) {
        let run = view.run;
        let request = |act| Request::Steer { run, act };
        match act {
            Act::Pause => effects.push(Effect::Ask {
                request: Box::new(request(Steer::Pause {
                    reason: "from the console".to_owned(),
                })),
                said: format!("run {run} paused"),
                undo: Some(Box::new(request(Steer::Resume))),
            }),
            Act::Resume => effects.push(match self.paused_whole(view) {
                Some(whole) => Effect::Over(Box::new(resume_sheet(whole, view))),
                None => Effect::Ask {
                    request: Box::new(request(Steer::Resume)),
                    said: format!("run {run} goes on"),
                    undo: Some(Box::new(request(Steer::Pause {
                        reason: "resume taken back".to_owned(),
                    }))),
                },
            }),
            Act::Retry => effects.push(Effect::Over(Box::new(retry_sheet(view, None)))),
            Act::RollBack => self.roll_back(view, effects),
            Act::Skip => self.type_line(Purpose::Skip(run, view.title.clone()), ""),
            Act::Settle => self.no_doubt(view),
            Act::Tune if view.whole.is_some() => self.say(format!(
                "Run {run} is made of runs, and each has its own limits: open one, then {}.",
                self.setup.keys.key(Act::Tune)
            )),
            Act::Tune => self.type_line(Purpose::Tune(run), &tuned_now(view)),
            Act::Approve | Act::Reject if !standing::asks(view) => {
                self.say(format!("Run {run} asks nobody for a yes."));
            }
            Act::Approve | Act::Reject if view.asks.len() > 1 => self.say(format!(
                "{} of run {run} ask something: open each, and answer it there.",
                counted(view.asks.len() as u64, "run")
            )),
            Act::Approve => effects.push(Effect::Over(Box::new(approve_sheet(view)))),
            Act::Reject => effects.push(Effect::Over(Box::new(reject_sheet(view)))),
            Act::Abort => effects.push(Effect::Over(Box::new(abort_sheet(
                view,
                &self.people_at(run),
            )))),
            Act::Take if self.holds(view) && view.holder.is_some() => {
                self.say(format!("You have the conn of run {run}."));
            }
            Act::Take => self.type_line(Purpose::Take(run), ""),
            Act::Give => {
                let asker = view.asked_by.as_ref().map_or("", |(by, _)| by.as_str());
                self.type_line(Purpose::Give(run), asker);
            }
            Act::Keep if view.asked_by.is_none() => {
                self.say(format!("Nobody asks for the conn of run {run}."));
            }
            Act::Keep => effects.push(Effect::Ask {
                request: Box::new(request(Steer::RefuseTake)),
                said: format!("you keep the conn of run {run}"),
                undo: None,
            }),
            _ => self.type_line(Purpose::Note(run), ""),
        }
    }

    /// The screen has no host in doubt to settle.
    fn no_doubt(&mut self, view: &RunView) {
        let run = view.run;
        let doubt = view.tally.ended(OutcomeKind::InDoubt);
        if doubt == 0 {
            self.say(format!("No host of run {run} is in doubt."));
        } else {
            let (open, next) = (
                self.setup.keys.key(Act::Open),
                self.setup.keys.key(Act::NextFailure),
            );
            self.say(format!(
                "Go to a host in doubt first ({open} opens the run, {next} finds it): \
                 {} of run {run}.",
                counted(doubt, "host")
            ));
        }
    }

    /// Only steps of flows have commands that undo them.
    fn roll_back(&mut self, view: &RunView, effects: &mut Vec<Effect>) {
        let run = view.run;
        if is_of_flow(&view.kind) {
            let sheet = roll_back_sheet(view, None, Some(&self.people_at(run)));
            effects.push(Effect::Over(Box::new(sheet)));
        } else {
            self.say(format!(
                "Run {run} has nothing that undoes it: only steps of flows have rollback commands."
            ));
        }
    }

    fn people_at(&self, run: RunId) -> String {
        let people: Vec<String> = self
            .overview
            .iter()
            .flat_map(|overview| &overview.people)
            .filter(|person| person.looking == Some(run) && !person.you)
            .map(|person| format!("{} ({})", plain(&person.user), plain(&person.origin)))
            .collect();
        if people.is_empty() {
            "nobody else looks at it".to_owned()
        } else {
            format!("{} look at it", people.join(", "))
        }
    }
}

/// The limits of a run as they are, to be changed.
fn tuned_now(view: &RunView) -> String {
    let (concurrency, most) = view.limits;
    let mut words = vec![format!("concurrency={concurrency}")];
    words.push(match most {
        Some(most) => format!("max_failures={most}"),
        None => "max_failures=".to_owned(),
    });
    if view.batch.1 > 1 {
        words.push("batches=".to_owned());
    }
    words.join(" ")
}
