//! Moving over hosts, and what is opened from there.

use super::{Focus, Mode, RunPane};
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::run::sign::Sign;
use crate::tui::keys::Act;
use crate::tui::list::nearest;
use crate::tui::overlay::{Sheet, StartForm, settle_sheet, skip_one_sheet};
use crate::tui::pane::{Context, Effect, Place};
use crate::tui::screens::compare::Compare;
use crate::tui::screens::host_output::HostOutput;
use crate::tui::screens::output::Output;
use crate::tui::words::counted;
use crate::wire::console::CauseGroup;

impl RunPane {
    pub(super) fn go(&mut self, at: i64) {
        let last = i64::from(self.total().saturating_sub(1));
        let at = u32::try_from(at.clamp(0, last)).unwrap_or(0);
        self.moved = true;
        if at != self.at {
            self.at = at;
            self.on = None;
        }
    }

    /// How many hosts a step down is.
    pub(super) fn stride(&self, body: (u16, u16)) -> i64 {
        match self.mode() {
            Mode::Grid => i64::from(self.layout(body).columns()),
            _ => 1,
        }
    }

    pub(super) fn failure(&mut self, by: i64) {
        let Some(page) = &self.page else {
            return;
        };
        let letters: Vec<char> = page.signs.chars().collect();
        let seen = page.signs_from as usize..page.signs_from as usize + letters.len();
        if !seen.is_empty() && !seen.contains(&(self.at as usize)) {
            // Where the next one is from here, the engine has not said yet.
            return;
        }
        let beside = [page.bad.0, page.bad.1].map(|place| place.map(|place| place as usize));
        let bad = |at: usize| {
            let sign = at.checked_sub(seen.start).and_then(|at| letters.get(at));
            let sign = sign.and_then(|letter| Sign::from_letter(*letter));
            sign.is_some_and(Sign::is_bad) || beside.contains(&Some(at))
        };
        if let Some(at) = nearest(self.at as usize, by, page.matched as usize, bad) {
            self.go(i64::try_from(at).unwrap_or(0));
        }
    }

    pub(super) fn move_by(&mut self, act: Act, context: &Context) -> bool {
        let (at, stride) = (i64::from(self.at), self.stride(context.body));
        let page = stride * i64::from(self.layout(context.body).hosts.1 / 2).max(1);
        let last_step = self.step_count().saturating_sub(1);
        match act {
            Act::Left if self.mode() == Mode::Steps => {
                self.step = Some(self.step().saturating_sub(1));
            }
            Act::Right if self.mode() == Mode::Steps => {
                self.step = Some((self.step() + 1).min(last_step));
            }
            Act::Down => self.go(at + stride),
            Act::Up if at >= stride => self.go(at - stride),
            Act::Up => {}
            Act::Left => self.go(at - 1),
            Act::Right => self.go(at + 1),
            Act::PageDown => self.go(at + page),
            Act::PageUp => self.go(at - page),
            Act::Top => self.go(0),
            Act::Bottom => self.go(i64::from(u32::MAX)),
            _ => return false,
        }
        true
    }

    pub(super) fn open(&mut self, effects: &mut Vec<Effect>) {
        if self.focus == Focus::Causes {
            if let Some(cause) = self.cause() {
                let output = Output::with_host(self.run, cause.first);
                effects.push(Effect::Show(Box::new(output)));
            }
        } else if let Some(opened) = self.opened() {
            effects.push(opened);
        } else {
            self.opening = self.total() > 0;
        }
    }

    /// What the host under the cursor wrote: in the step under it, where there is one.
    pub(super) fn opened(&self) -> Option<Effect> {
        let host = self.host()?;
        if self.mode() == Mode::Steps {
            let step = u16::try_from(self.step()).unwrap_or(u16::MAX);
            let name = self.step_name(self.step()).unwrap_or_default();
            let output = HostOutput::new(self.run, host.ix, &host.host).of_step(step, name);
            return Some(Effect::Show(Box::new(output)));
        }
        Some(Effect::Open(Place::Host(
            self.run,
            host.ix,
            host.host.clone(),
        )))
    }

    /// The host that is meant: the one under the cursor, or the first of the cause there.
    pub(super) fn meant(&self) -> Option<u32> {
        if self.focus == Focus::Hosts {
            return self.on;
        }
        self.cause().map(|cause| cause.first)
    }

    /// The cause under the cursor.
    pub(super) fn cause(&self) -> Option<&CauseGroup> {
        self.page.as_ref()?.causes.get(self.causes.at as usize)
    }

    /// The cursor moved to another cause.
    pub(super) fn keep_cause(&mut self) {
        self.on_cause = self.cause().cloned();
    }

    /// Puts the cursor on the cause it was on, wherever that stands by now.
    pub(super) fn find_cause(&mut self) {
        if self.focus != Focus::Causes {
            return;
        }
        let causes = self.page.as_ref().map_or(&[][..], |page| &page.causes);
        let place = self.on_cause.as_ref().and_then(|on| {
            let of = |cause: &CauseGroup| (cause.outcome.clone(), cause.step.clone());
            let mut alike = causes.iter().enumerate();
            let mut same = alike.clone();
            // The line is that of some host of them, and may be another one by now.
            let same = same.find(|(_, cause)| of(cause) == of(on) && cause.line == on.line);
            same.or_else(|| alike.find(|(_, cause)| of(cause) == of(on) && cause.first == on.first))
        });
        let place = place.map(|(place, _)| u32::try_from(place).unwrap_or(u32::MAX));
        self.causes.total = u32::try_from(causes.len()).unwrap_or(u32::MAX);
        self.causes.go(place.unwrap_or(self.causes.at));
        self.keep_cause();
    }

    /// The form with this run's command, when it is one.
    pub(super) fn started_again(&self) -> Effect {
        let view = self.page.as_ref().map(|page| &page.view);
        let view = view.filter(|view| view.kind == "exec");
        let (hosts, command) = view.map_or(("", ""), |view| (&view.targets, &view.title));
        Effect::Over(Box::new(StartForm::again(hosts, command)))
    }

    /// This run beside the one before it.
    pub(super) fn compared(&self, context: &Context) -> Effect {
        match (self.earlier(context), &self.page) {
            (Some(earlier), Some(_)) => Effect::Show(Box::new(Compare::new(earlier, self.run))),
            _ => Effect::Say("No earlier run of this command is known.".to_owned()),
        }
    }

    /// What asks about the host or the step under the cursor; none when that has no answer.
    pub(super) fn one_sheet(&self, act: Act) -> Option<Sheet> {
        let page = self.page.as_ref()?;
        if act == Act::Settle {
            let doubt = |kind: &Option<Outcome>| {
                kind.as_ref()
                    .is_some_and(|outcome| outcome.kind() == OutcomeKind::InDoubt)
            };
            let host = self.host().filter(|host| doubt(&host.outcome))?;
            return Some(settle_sheet(&page.view, &host.host, host.detail.as_deref()));
        }
        let steps = self.mode() == Mode::Steps && self.focus == Focus::Hosts;
        let host = self.host().filter(|_| steps && page.view.ended.is_none())?;
        let step = self.step_name(self.step())?;
        Some(skip_one_sheet(&page.view, &host.host, step))
    }

    pub(super) fn may_steer(&self, context: &Context) -> bool {
        self.page.as_ref().is_some_and(|page| {
            let holder = page.view.holder.as_deref();
            holder.is_none_or(|holder| holder == context.you)
        })
    }

    /// The hosts of the cause under the cursor, or of the run.
    pub(super) fn hosts_to_copy(&self) -> Option<Effect> {
        let page = self.page.as_ref()?;
        let (hosts, what) = match self.cause().filter(|_| self.focus == Focus::Causes) {
            Some(cause) => (cause.hosts.clone(), counted(cause.count, "host")),
            None => (page.view.targets.clone(), "the run's host set".to_owned()),
        };
        Some(Effect::Copy(hosts, what))
    }
}
