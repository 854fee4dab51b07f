//! A run that is made of runs: its stages in a row, then each with its hosts, its gate and its soak.

use super::RunPane;
use super::gantt::Times;
use super::parts::draw_story;
use super::words::{stage_sign as sign, stage_word as word};
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::nearest;
use crate::tui::overlay::{Sheet, skip_stage_sheet};
use crate::tui::pane::{Context, Effect, Place, role_of};
use crate::tui::standing::{self, done};
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, seconds, span};
use crate::wire::console::GridPage;
use crate::wire::view::StageView;

/// From this width on every stage says what it does.
const WIDE: u16 = 110;

impl RunPane {
    /// The runs it is made of, if it is.
    pub(super) fn stages(&self) -> &[StageView] {
        self.page.as_ref().map_or(&[], |page| &page.view.stages)
    }

    pub(super) fn act_on_stages(
        &mut self,
        act: Act,
        context: &Context,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let act = match act {
            Act::Left => Act::Up,
            Act::Right => Act::Down,
            other => other,
        };
        self.stage.total = u32::try_from(self.stages().len()).unwrap_or(u32::MAX);
        match act {
            Act::Open => effects.extend(self.open_stage()),
            Act::Skip if self.may_steer(context) => match self.skip_stage() {
                Some(sheet) => effects.push(Effect::Over(Box::new(sheet))),
                None => return false,
            },
            Act::NextFailure => self.bad_stage(1),
            Act::PreviousFailure => self.bad_stage(-1),
            _ => return self.stage.act(act),
        }
        true
    }

    fn open_stage(&self) -> Option<Effect> {
        let stage = self.stages().get(self.stage.at as usize)?;
        let looks = matches!(stage.state.as_str(), "gate" | "inconclusive");
        let run = stage.gate.filter(|_| looks).or(stage.run);
        Some(match run {
            Some(run) => Effect::Open(Place::Run(run)),
            None => Effect::Say(format!("{} has not begun.", name(stage))),
        })
    }

    fn skip_stage(&self) -> Option<Sheet> {
        let view = self.page.as_ref().map(|page| &page.view)?;
        let stage = view.stages.get(self.stage.at as usize)?;
        view.ended.is_none().then(|| skip_stage_sheet(view, stage))
    }

    fn bad_stage(&mut self, by: i64) {
        let stages = self.stages();
        let bad = |at: usize| stages.get(at).is_some_and(|stage| sign(stage).is_bad());
        if let Some(at) = nearest(self.stage.at as usize, by, stages.len(), bad) {
            self.stage.go(u32::try_from(at).unwrap_or(0));
        }
    }

    /// Below the head of the run.
    pub(super) fn draw_stages(&mut self, canvas: &mut Canvas, page: &GridPage, context: &Context) {
        let stages = &page.view.stages;
        let (width, height) = (canvas.width(), canvas.height());
        draw_row(canvas, stages, self.stage.at as usize);
        canvas.rule(1, "stages", "Enter opens its run");
        let about = if height >= 10 { 3 } else { 0 };
        // Rows that the stages do not need tell what happened.
        let needed = u16::try_from(stages.len()).unwrap_or(u16::MAX);
        let spare = height.saturating_sub(needed.saturating_add(3 + about));
        let story = match height {
            0..14 => 0,
            _ => (height / 3).max(4).max(spare),
        };
        let rows = height.saturating_sub(2 + story + about).max(1);
        let total = u32::try_from(stages.len()).unwrap_or(u32::MAX);
        self.stage.fit(total, u32::from(rows));
        let (from, until) = self.stage.seen();
        for (y, place) in (2..).zip(from..until) {
            let Some(stage) = stages.get(place as usize) else {
                break;
            };
            draw_stage(canvas, y, stage, context);
            if place == self.stage.at {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
        if let Some(stage) = stages.get(self.stage.at as usize).filter(|_| about > 0) {
            let y = height - story - about;
            canvas.rule(y, &name(stage), &run_words(stage));
            let room = width.saturating_sub(2);
            canvas.clipped(1, y + 1, room, Role::Text, &plain(&stage.title));
            canvas.clipped(1, y + 2, room, Role::Dim, &about_words(stage, context));
        }
        if story > 0 {
            draw_story(canvas, height - story, page, context);
        }
    }

    /// When each stage was at work.
    pub(super) fn draw_stage_times(&self, canvas: &mut Canvas, page: &GridPage, context: &Context) {
        let stages = &page.view.stages;
        let (width, height) = (canvas.width(), canvas.height());
        let story = if height >= 12 { (height / 3).max(5) } else { 0 };
        let left = if width < WIDE { 34 } else { 60 };
        let room = width.saturating_sub(left + 2);
        let until = page.view.ended.unwrap_or(context.now);
        let times = Times::between(page.view.created, until, until);
        canvas.rule(0, "when each stage was at work", "");
        times.draw_scale(canvas, (left, 1), room, context);
        let rows = usize::from(height.saturating_sub(story + 2));
        let skip = (self.stage.at as usize + 1).saturating_sub(rows);
        for (y, stage) in (2..).zip(stages.iter().skip(skip).take(rows)) {
            let sign = sign(stage);
            canvas.text(1, y, role_of(sign), sign.letter());
            canvas.clipped(3, y, left.saturating_sub(12), Role::Text, &name(stage));
            let Some(began) = stage.began else {
                continue;
            };
            let ended = stage.ended.unwrap_or(until);
            let took = format!("{:>7}", span(seconds(began, ended)));
            canvas.text(left.saturating_sub(8), y, Role::Dim, &took);
            let letter = canvas.form("#", "█").to_owned();
            times.draw_stretch(
                canvas,
                (left, y),
                room,
                ((began, ended), role_of(sign), &letter),
            );
        }
        if story > 0 {
            draw_story(canvas, height - story, page, context);
        }
    }
}

/// The stage, and for what of several it is.
fn name(stage: &StageView) -> String {
    match &stage.item {
        Some(item) => format!("{} {}", plain(&stage.stage), plain(item)),
        None => plain(&stage.stage),
    }
}

/// `+ canary ─> > clusters 2 ─> . report`: the stages in order, with those that follow each other
/// joined; around the one under the cursor where there is no room for all.
fn draw_row(canvas: &mut Canvas, stages: &[StageView], at: usize) {
    let mut boxes: Vec<(&str, Vec<&StageView>)> = Vec::new();
    for stage in stages {
        match boxes.last_mut() {
            Some((name, of)) if *name == stage.stage => of.push(stage),
            _ => boxes.push((&stage.stage, vec![stage])),
        }
    }
    let here = stages.get(at).map(|stage| stage.stage.as_str());
    let here = boxes.iter().position(|(name, _)| Some(*name) == here);
    let width = |name: &str| u16::try_from(plain(name).chars().count()).unwrap_or(0) + 8;
    let mut first = 0;
    while first < here.unwrap_or(0)
        && boxes[first..=here.unwrap_or(0)]
            .iter()
            .map(|(name, _)| width(name))
            .sum::<u16>()
            > canvas.width()
    {
        first += 1;
    }
    let mut x = 1;
    for (place, (name, of)) in boxes.iter().enumerate().skip(first) {
        if place > 0 {
            let follows = of
                .iter()
                .any(|stage| stage.needs.iter().any(|need| need == boxes[place - 1].0));
            let join = if follows {
                canvas.form(" --> ", " ──▶ ")
            } else {
                canvas.form("  |  ", "  │  ")
            };
            let join = join.to_owned();
            x = canvas.text(x, 0, Role::Line, &join);
        }
        let worst = of
            .iter()
            .map(|stage| sign(stage))
            .min()
            .unwrap_or(Sign::Waiting);
        x = canvas.text(x, 0, role_of(worst), worst.letter());
        let role = if here == Some(place) {
            Role::Key
        } else {
            Role::Text
        };
        x = canvas.text(x + 1, 0, role, &plain(name));
        if of.len() > 1 {
            x = canvas.text(x + 1, 0, Role::Dim, &format!("x{}", of.len()));
        }
    }
}

fn draw_stage(canvas: &mut Canvas, y: u16, stage: &StageView, context: &Context) {
    let width = canvas.width();
    let sign = sign(stage);
    canvas.text(1, y, role_of(sign), sign.letter());
    let names = if width < WIDE { 24 } else { 40 };
    canvas.clipped(3, y, names - 1, Role::Text, &name(stage));
    let word = word(stage);
    canvas.clipped(3 + names, y, 13, role_of(sign), &word);
    let (tally, all) = (&stage.tally, stage.tally.total());
    let share = f64::from(done(tally)) / f64::from(all.max(1));
    let failed = tally.failures();
    let role = if failed > 0 { Role::Failed } else { Role::Ok };
    let gauge = if width < WIDE { 12 } else { 36 };
    let x = canvas.gauge(17 + names, y, gauge, share, role);
    let words = format!(" {:>5}/{:<5}", count(done(tally)), count(all));
    let x = canvas.text(x, y, Role::Text, &words);
    if failed > 0 {
        canvas.text(x + 1, y, Role::Failed, &format!("X {}", count(failed)));
    }
    let soaks = stage.stand.as_ref().filter(|stand| stand.what == "soak");
    let until = stage.until.or(soaks.and_then(|stand| stand.until));
    let right = match (until, stage.began) {
        (Some(until), _) => format!("{} left", span(seconds(context.now, until))),
        (None, Some(began)) => span(seconds(began, stage.ended.unwrap_or(context.now))),
        (None, None) if stage.gated => "gate".to_owned(),
        (None, None) => String::new(),
    };
    canvas.right(1, y, Role::Dim, &right);
}

fn run_words(stage: &StageView) -> String {
    match (stage.run, &stage.run_state) {
        (Some(run), Some(word)) => format!("run {run} {word}"),
        (Some(run), None) => format!("run {run}"),
        _ => "not begun".to_owned(),
    }
}

/// Why it stands still, or what it waits for and what comes behind it.
fn about_words(stage: &StageView, context: &Context) -> String {
    if let Some(stand) = stage
        .stand
        .as_ref()
        .filter(|stand| stand.what != "approval")
    {
        return standing::waits(stand, context.now);
    }
    if let Some(because) = &stage.because {
        return context.look.zone.said(&plain(because), context.now);
    }
    let mut words = Vec::new();
    if !stage.needs.is_empty() {
        let needs = plain(&stage.needs.join(", "));
        words.push(if stage.needs_count < stage.needs.len() {
            format!("after {} of {needs}", stage.needs_count)
        } else {
            format!("after {needs}")
        });
    }
    words.extend(match stage.gate {
        Some(gate) => Some(format!("gate: run {gate}")),
        None => stage.gated.then(|| "a gate behind it".to_owned()),
    });
    if stage.soak > 0.0 {
        words.push(format!("soak {}", span(stage.soak)));
    }
    words.push(counted(stage.tally.total(), "host"));
    words.join("   ")
}
