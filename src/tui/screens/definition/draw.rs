//! Text, runs and versions: beside each other where there is room.

use super::{DefinitionPane, Focus};
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, run_sign};
use crate::tui::screens::flows::{draw_results, last_words};
use crate::tui::standing;
use crate::tui::theme::Role;
use crate::tui::words::{ago, count, plain};

/// From this width on runs and versions stand beside the text.
const WIDE: u16 = 110;
/// Their column.
const SIDE: u16 = 62;

impl DefinitionPane {
    pub(super) fn draw_all(&mut self, canvas: &mut Canvas, context: &Context) {
        let (width, height) = (canvas.width(), canvas.height());
        if let Some(gone) = &self.gone {
            canvas.wrapped(
                (1, 0),
                (width.saturating_sub(2), 3),
                Role::Failed,
                &plain(gone),
            );
            return;
        }
        if self.view.is_none() {
            canvas.text(1, 0, Role::Dim, "Asking the engine…");
            return;
        }
        let first = self.draw_head(canvas, context);
        let room = height.saturating_sub(first);
        if width >= WIDE {
            let text = width - SIDE;
            self.draw_text(&mut canvas.part(0, first, text - 1, room));
            let versions = (room / 3).clamp(2, 12);
            let mut side = canvas.part(text, first, SIDE, room - versions);
            self.draw_runs(&mut side, context);
            let mut side = canvas.part(text, first + room - versions, SIDE, versions);
            self.draw_versions(&mut side, context);
            return;
        }
        let mut part = canvas.part(0, first, width, room);
        match self.focus {
            Focus::Text => self.draw_text(&mut part),
            Focus::Runs => self.draw_runs(&mut part, context),
            Focus::Versions => self.draw_versions(&mut part, context),
        }
    }

    /// What it is for and how it went; the row after it.
    fn draw_head(&self, canvas: &mut Canvas, context: &Context) -> u16 {
        let width = canvas.width().saturating_sub(2);
        let Some(flow) = self.flow() else {
            canvas.text(
                1,
                0,
                Role::Dim,
                "It is not stored any more; its versions are kept.",
            );
            return 2;
        };
        let line = &flow.definition;
        let about = line
            .about
            .as_deref()
            .unwrap_or("It does not say what it is for.");
        canvas.clipped(1, 0, width, Role::Text, &plain(about));
        if canvas.height() < 10 {
            return 1;
        }
        let app = line
            .app
            .as_deref()
            .map(|app| format!("app {}   ", plain(app)));
        let words = format!(
            "{}{}   version {} by {}, {} ago",
            app.unwrap_or_default(),
            flow.sort,
            line.version,
            plain(&line.by),
            ago(line.at, context.now)
        );
        let x = canvas.text(1, 1, Role::Dim, &words) + 3;
        draw_results(canvas, (x, width.saturating_sub(1).max(x)), 1, &flow.last);
        if let Some(why) = &line.broken {
            return canvas.wrapped((1, 2), (width, 2), Role::Failed, &plain(why)) + 1;
        }
        let words = flow.last.last().map_or_else(
            || "No run of it has ended yet.".to_owned(),
            |last| format!("last: {}", last_words(last, context)),
        );
        canvas.clipped(1, 2, width, Role::Dim, &words);
        3
    }

    fn title(&self, canvas: &mut Canvas, focus: Focus, word: &str, right: &str) {
        canvas.rule(0, word, right);
        if self.focus == focus {
            canvas.text(1, 0, Role::Key, ">");
        }
    }

    fn draw_text(&mut self, canvas: &mut Canvas) {
        let lines: Vec<String> = self.lines().into_iter().map(plain).collect();
        let version = self.view.as_ref().map_or(0, |view| view.version.version);
        let number = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        self.text
            .fit(number, u32::from(canvas.height().saturating_sub(1)));
        let (from, until) = self.text.seen();
        let right = format!("{}-{} of {}", from + 1, until, number);
        self.title(
            canvas,
            Focus::Text,
            &format!("text of version {version}"),
            &right,
        );
        for (y, place) in (1..).zip(from..until) {
            let Some(line) = lines.get(place as usize) else {
                break;
            };
            canvas.text(0, y, Role::Dim, &format!("{:>4}", place + 1));
            draw_toml(canvas, y, line);
            if self.focus == Focus::Text && place == self.text.at {
                canvas.paint_row(y, Role::Cursor);
            }
        }
    }

    fn draw_runs(&mut self, canvas: &mut Canvas, context: &Context) {
        let number = u32::try_from(self.run_count()).unwrap_or(u32::MAX);
        self.runs
            .fit(number, u32::from(canvas.height().saturating_sub(1)));
        self.title(
            canvas,
            Focus::Runs,
            &format!("runs {}", count(number)),
            "newest first",
        );
        if number == 0 {
            canvas.text(1, 1, Role::Dim, "It was never started.");
        }
        let (from, until) = self.runs.seen();
        let width = canvas.width().saturating_sub(2);
        let last = self
            .flow()
            .map(|flow| flow.last.clone())
            .unwrap_or_default();
        for (y, place) in (1..).zip(from..until) {
            let place = place as usize;
            if let Some(run) = self.open.get(place) {
                let (sign, role) = standing::sign(&run.state, run.stand.as_ref());
                canvas.text(1, y, role, sign);
                let amount = standing::long_amount(&run.tally, run.whole.as_ref());
                let hosts = if run.whole.is_some() { "" } else { " hosts" };
                let stands = match &run.stand {
                    Some(stand) => standing::waits(stand, context.now),
                    None => run.state.clone(),
                };
                let words = format!("run {} {stands}: {amount}{hosts}", run.run);
                canvas.clipped(3, y, width, Role::Text, &words);
            } else if let Some(result) = (place - self.open.len())
                .checked_add(1)
                .and_then(|back| last.get(last.len().checked_sub(back)?))
            {
                let (sign, role) = run_sign(&result.state);
                canvas.text(1, y, role, sign);
                canvas.clipped(3, y, width - 2, Role::Text, &last_words(result, context));
            }
            if self.focus == Focus::Runs && place == self.runs.at as usize {
                canvas.paint_row(y, Role::Cursor);
            }
        }
    }

    fn draw_versions(&mut self, canvas: &mut Canvas, context: &Context) {
        let Some(view) = &self.view else {
            return;
        };
        let number = u32::try_from(view.versions.len()).unwrap_or(u32::MAX);
        self.versions
            .fit(number, u32::from(canvas.height().saturating_sub(1)));
        let (from, until) = self.versions.seen();
        let width = canvas.width().saturating_sub(2);
        for (y, line) in (1..).zip(view.versions.iter().rev().skip(from as usize)) {
            if y > u16::try_from(until - from).unwrap_or(u16::MAX) {
                break;
            }
            let current = view.current == Some(line.version);
            let mark = if current { "*" } else { " " };
            canvas.text(1, y, Role::Mark, mark);
            let words = format!(
                "version {:<4} {:>4} ago by {}   {}",
                line.version,
                ago(line.at, context.now),
                plain(&line.by),
                line.digest.get(..12).unwrap_or("")
            );
            canvas.clipped(3, y, width.saturating_sub(2), Role::Text, &words);
            let here = u32::from(y) - 1 + from == self.versions.at;
            if self.focus == Focus::Versions && here {
                canvas.paint_row(y, Role::Cursor);
            }
        }
        let right = "Enter shows its text";
        self.title(
            canvas,
            Focus::Versions,
            &format!("versions {number}"),
            right,
        );
    }
}

/// A line of TOML: what is said of it stands back, what begins a part stands out.
fn draw_toml(canvas: &mut Canvas, y: u16, line: &str) {
    let room = canvas.width().saturating_sub(7);
    let trimmed = line.trim_start();
    let role = match trimmed.chars().next() {
        Some('#') => Role::Dim,
        Some('[') => Role::Title,
        _ => Role::Text,
    };
    let end = canvas.clipped(6, y, room, role, line);
    // A comment behind a value, where no quote can hold the sign.
    if role == Role::Text
        && let Some(at) = line.rfind(" # ").or_else(|| line.rfind("   #"))
        && !line[at..].contains(['"', '\''])
    {
        let before = unicode_width::UnicodeWidthStr::width(&line[..at]);
        let x = 6 + u16::try_from(before).unwrap_or(u16::MAX).min(room);
        let style = canvas.style(Role::Dim);
        canvas.paint(x, y, end.saturating_sub(x), style);
    }
}
