//! The list of flows, and a few words on the one under the cursor.

use super::{Flows, Row};
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::pane::{Context, is_of_flow, run_sign};
use crate::tui::standing;
use crate::tui::theme::Role;
use crate::tui::words::{ago, count, counted, plain, seconds, span};
use crate::wire::flows::{FlowLine, FlowResult};
use crate::wire::view::RunView;

/// From this width on it is said when a flow ran last, and by whom.
const WIDE: u16 = 110;

/// Where the columns begin.
struct Columns {
    name: u16,
    about: u16,
    last: u16,
    /// The last run; none where there is no room.
    when: Option<u16>,
}

impl Columns {
    fn of(width: u16) -> Self {
        let wide = width >= WIDE;
        let when = wide.then(|| width.saturating_sub(48));
        let results: u16 = match width {
            0..60 => 8,
            60..WIDE => 16,
            _ => 24,
        };
        let last = when.unwrap_or(width).saturating_sub(results + 2);
        let name = 3;
        Self {
            name,
            about: name + if wide { 30 } else { 25 }.min(last / 2),
            last,
            when,
        }
    }
}

impl Flows {
    pub(super) fn draw_all(&mut self, canvas: &mut Canvas, context: &Context) {
        let height = canvas.height();
        if let Some(gone) = &self.gone {
            canvas.clipped(1, 0, canvas.width() - 2, Role::Failed, &plain(gone));
            return;
        }
        if self.page.is_none() {
            canvas.text(1, 0, Role::Dim, "Asking the engine…");
            return;
        }
        if self.rows.is_empty() || self.all() == 0 {
            self.draw_empty(canvas, context);
            return;
        }
        let below = if height >= 14 { 5 } else { 0 };
        let rows = height.saturating_sub(below).max(1);
        self.list.fit(self.list.total, u32::from(rows));
        // The head over the first row is not scrolled away.
        if self.list.at <= 1 {
            self.list.top = 0;
        }
        let columns = Columns::of(canvas.width());
        let (from, until) = self.list.seen();
        for (y, place) in (0..).zip(from..until) {
            let Some(row) = self.rows.get(place as usize) else {
                break;
            };
            match row {
                Row::Head(word, number) => draw_head(canvas, y, (word, number), &columns),
                Row::Open(run) => draw_open(canvas, y, run, context),
                Row::Flow(flow) => draw_flow(canvas, y, flow, &columns, context),
            }
            if place == self.list.at {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
        if below > 0 {
            self.draw_here(&mut canvas.below(height - below), context);
        }
    }

    fn draw_empty(&self, canvas: &mut Canvas, context: &Context) {
        let key = |act| context.keys.key(act);
        if self.all() > 0 {
            let words = format!(
                "No flow matches {:?}. {} changes the filter.",
                self.text,
                key(Act::Search)
            );
            canvas.text(1, 0, Role::Text, &words);
            return;
        }
        let width = canvas.width().saturating_sub(2);
        let words = [
            (Role::Title, "No flow is stored yet.".to_owned()),
            (Role::Text, String::new()),
            (
                Role::Text,
                "A flow is steps in order on many hosts, a few hosts at a time, that stops when \
                 too many fail. It is a small file, checked as a whole before it is stored."
                    .to_owned(),
            ),
            (Role::Text, String::new()),
            (
                Role::Key,
                "conn apply DIR      stores the flows and actions of a directory".to_owned(),
            ),
            (
                Role::Dim,
                format!(
                    "{:<19} on an ended run of a command: makes a flow of it",
                    key(Act::SaveAs)
                ),
            ),
            (
                Role::Dim,
                format!("{:<19} all runs, of commands too", key(Act::NextPane)),
            ),
        ];
        let mut y = u16::from(canvas.height() > 12);
        for (role, text) in words {
            y = if text.is_empty() {
                y + 1
            } else {
                canvas.wrapped((1, y), (width, 3), role, &text)
            };
        }
    }

    /// What the flow under the cursor is for, what it does, and how it went.
    fn draw_here(&self, canvas: &mut Canvas, context: &Context) {
        let width = canvas.width().saturating_sub(2);
        let flow = match self.row() {
            Some(Row::Flow(flow)) => flow,
            Some(Row::Open(run)) => {
                canvas.rule(0, &format!("run {} {}", run.run, plain(&run.title)), "");
                let because = plain(run.because.as_deref().unwrap_or_default());
                let words = context.look.zone.said(&because, context.now);
                let on = format!("on {}", plain(&run.targets));
                canvas.clipped(1, 1, width, Role::Text, &on);
                canvas.wrapped((1, 2), (width, 3), Role::Dim, &words);
                return;
            }
            _ => return,
        };
        let line = &flow.definition;
        let version = format!(
            "version {} by {}, {} ago",
            line.version,
            plain(&line.by),
            ago(line.at, context.now)
        );
        canvas.rule(0, &plain(&line.name), &version);
        if let Some(why) = &line.broken {
            canvas.wrapped((1, 1), (width, 3), Role::Failed, &plain(why));
            return;
        }
        let about = line
            .about
            .as_deref()
            .unwrap_or("It does not say what it is for.");
        canvas.clipped(1, 1, width, Role::Text, &plain(about));
        let word = if flow.sort == "simple" {
            "steps"
        } else {
            "stages"
        };
        let between = canvas.form(" > ", " › ");
        let parts = format!("{word:<9} {}", plain(&flow.parts.join(between)));
        canvas.clipped(1, 2, width, Role::Dim, &parts);
        let words = match flow.last.last() {
            None => "no run of it has ended yet".to_owned(),
            Some(last) => last_words(last, context),
        };
        canvas.clipped(1, 3, width, Role::Dim, &format!("last      {words}"));
        let took: Vec<f64> = flow.last.iter().map(took).collect();
        if took.len() > 1 {
            canvas.text(1, 4, Role::Dim, "took");
            let most = took.iter().copied().fold(0.0, f64::max);
            let x = canvas.spark(11, 4, Role::Accent, &took);
            let words = format!("at most {}, newest on the right", span(most));
            canvas.text(x + 2, 4, Role::Dim, &words);
        }
    }
}

fn took(result: &FlowResult) -> f64 {
    seconds(result.created, result.ended.unwrap_or(result.created))
}

/// `run 12 failed 41m ago on @web, by kim, 3m: 2 of 40 hosts failed`.
pub(in crate::tui::screens) fn last_words(last: &FlowResult, context: &Context) -> String {
    let hosts = if last.failed > 0 && last.stages > 0 {
        let failures = counted(last.failed, "failure");
        format!("{failures}, {}", counted(last.hosts, "host"))
    } else if last.failed > 0 {
        let all = counted(last.hosts, "host");
        format!("{} of {all} failed", count(last.failed))
    } else {
        counted(last.hosts, "host")
    };
    format!(
        "run {} {} {} ago on {}, by {}, in {}: {hosts}",
        last.run,
        last.state,
        ago(last.ended.unwrap_or(last.created), context.now),
        plain(&last.targets),
        plain(&last.starter),
        span(took(last)),
    )
}

fn draw_head(canvas: &mut Canvas, y: u16, (word, number): (&str, &str), columns: &Columns) {
    let x = canvas.text(1, y, Role::Title, word);
    canvas.text(x + 1, y, Role::Dim, number);
    if word == "FLOWS" {
        canvas.text(columns.about, y, Role::Dim, "what for");
        canvas.text(columns.last, y, Role::Dim, "went");
        if let Some(when) = columns.when {
            canvas.text(when, y, Role::Dim, "last run");
        }
    }
}

fn draw_open(canvas: &mut Canvas, y: u16, run: &RunView, context: &Context) {
    let width = canvas.width();
    let (sign, role) = standing::sign(&run.state, run.stand.as_ref());
    canvas.text(1, y, role, sign);
    let failed = run.tally.failures();
    let mut words = vec![standing::long_amount(&run.tally, run.whole.as_ref())];
    words.push(format!("{} failed", count(failed)));
    if run.batch.1 > 1 && run.whole.is_none() {
        words.push(format!("batch {}/{}", run.batch.0, run.batch.1));
    }
    words.push(match &run.stand {
        Some(stand) => standing::waits(stand, context.now),
        None => run.eta_s.filter(|_| run.state == "running").map_or_else(
            || span(seconds(run.created, context.now)),
            |eta| format!("eta {}", span(eta)),
        ),
    });
    if width >= WIDE {
        words.push(plain(&run.starter));
    }
    let role = if failed > 0 { Role::Failed } else { Role::Text };
    let at = canvas.right(1, y, role, &words.join("  "));
    let gauge = if width >= WIDE { 30 } else { 14 };
    let at = at.saturating_sub(gauge + 2);
    let total = f64::from(run.tally.total().max(1));
    let share = f64::from(standing::done(&run.tally)) / total;
    let bar = if failed > 0 { Role::Failed } else { Role::Ok };
    let title = format!("{} {}", run.run, plain(&run.title));
    if at > 20 {
        canvas.gauge(at, y, gauge, share, bar);
        canvas.clipped(3, y, at.saturating_sub(4), Role::Text, &title);
    } else {
        canvas.clipped(3, y, (at + gauge).saturating_sub(2), Role::Text, &title);
    }
}

fn draw_flow(canvas: &mut Canvas, y: u16, flow: &FlowLine, columns: &Columns, context: &Context) {
    let line = &flow.definition;
    let (sign, role) = match flow.last.last() {
        _ if line.broken.is_some() => ("!", Role::Failed),
        Some(last) => run_sign(&last.state),
        None => (" ", Role::Dim),
    };
    canvas.text(1, y, role, sign);
    let room = columns.about.saturating_sub(columns.name + 1);
    canvas.clipped(columns.name, y, room, Role::Text, &plain(&line.name));
    let app = line.app.as_deref().map(plain);
    let about = plain(line.about.as_deref().unwrap_or(""));
    let words = app.map_or(about.clone(), |app| format!("{app}: {about}"));
    let words = if line.broken.is_some() {
        "cannot be used".to_owned()
    } else {
        words
    };
    let room = columns.last.saturating_sub(columns.about + 1);
    canvas.clipped(columns.about, y, room, Role::Dim, &words);
    let end = columns.when.unwrap_or(canvas.width()).saturating_sub(2);
    // Those at work are the newest: they stand on the right.
    let open = context.overview.iter().flat_map(|overview| &overview.open);
    let open: Vec<&RunView> = open
        .filter(|run| is_of_flow(&run.kind) && run.title.split(' ').next() == Some(&line.name))
        .take(4)
        .collect();
    let mut x = end;
    for run in &open {
        x = x.saturating_sub(1);
        let (sign, role) = run_sign(&run.state);
        canvas.letter(x, y, role, sign);
    }
    if open.is_empty() || !flow.last.is_empty() {
        draw_results(canvas, (columns.last, x), y, &flow.last);
    }
    if let (Some(x), Some(last)) = (columns.when, flow.last.last()) {
        let when = ago(last.ended.unwrap_or(last.created), context.now);
        let words = format!(
            "{when:>4} ago  {:>6}  {}",
            span(took(last)),
            plain(&last.starter)
        );
        let room = canvas.width().saturating_sub(x + 1);
        canvas.clipped(x, y, room, Role::Dim, &words);
    }
}

/// A sign a run, the newest on the right.
pub(in crate::tui::screens) fn draw_results(
    canvas: &mut Canvas,
    (from, until): (u16, u16),
    y: u16,
    results: &[FlowResult],
) {
    let room = usize::from(until.saturating_sub(from));
    let skip = results.len().saturating_sub(room);
    let shown = results.len() - skip;
    let first = until.saturating_sub(u16::try_from(shown).unwrap_or(0));
    for (x, result) in (first..).zip(&results[skip..]) {
        let (sign, role) = run_sign(&result.state);
        canvas.letter(x, y, role, sign);
    }
    if results.is_empty() {
        canvas.text(until.saturating_sub(7), y, Role::Dim, "not yet");
    }
}
