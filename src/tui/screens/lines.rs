//! A window on one host's stored output: as many lines as fit, wherever in it one stands.
//!
//! Whoever stands at the end follows: there is no mode to forget. Standing anywhere else, nothing
//! moves under the reader.

use ratatui::style::Modifier;
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::spans::{plain_line, spans};
use crate::run::ids::{At, RunId};
use crate::run::output::{GapReason, OutStream};
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::pane::{WAIT_MS, Want};
use crate::tui::theme::Role;
use crate::tui::words::count;
use crate::wire::Request;
use crate::wire::console::{Line, LinesPage, LinesQuery};
use crate::wire::view::TaskView;

/// Lines that are asked for beyond those in sight, each way: so that a step shows at once.
const MARGIN: u64 = 60;

/// What stands before each line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Times {
    /// Seconds since the run began on the host.
    #[default]
    Start,
    /// The time of day.
    Clock,
    /// Nothing.
    Off,
}

/// The window.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    pub run: RunId,
    /// The host's place in the run's targets.
    pub host: u32,
    /// Only what this step wrote.
    pub step: Option<u16>,
    /// The first line in sight; none while the end is followed.
    top: Option<u64>,
    /// The line that was searched for, or stepped to.
    pub at: Option<u64>,
    page: LinesPage,
    /// Whether `page` is this host's.
    came: bool,
    rows: u64,
    pub wrap: bool,
    pub times: Times,
    pub found: Option<Regex>,
}

impl Lines {
    pub fn new(run: RunId, host: u32) -> Self {
        Self {
            run,
            host,
            rows: 20,
            ..Self::default()
        }
    }

    /// Another host, looked at from its end.
    pub fn turn_to(&mut self, host: u32) {
        if self.host != host || !self.came {
            self.host = host;
            (self.top, self.at, self.came) = (None, None, false);
        }
    }

    /// Forgets what came.
    pub fn anew(&mut self) {
        self.came = false;
    }

    pub fn want(&self) -> Want {
        let from = self.top.map(|top| top.saturating_sub(MARGIN));
        let request = Request::Lines(LinesQuery {
            run: self.run,
            host: self.host,
            step: self.step,
            from,
            count: u32::try_from(self.rows + 2 * MARGIN).unwrap_or(u32::MAX),
            seen: (self.came && self.covers()).then_some(self.page.total),
            revision: if self.came { self.page.revision } else { 0 },
            wait_ms: WAIT_MS,
        });
        if self.came && self.page.whole && self.covers() {
            Want::once("lines", request)
        } else {
            Want::follow("lines", request)
        }
    }

    /// Whether what came holds what is to be seen.
    fn covers(&self) -> bool {
        let until = self.page.from + self.page.lines.len() as u64;
        let top = self.first();
        self.page.from <= top && (top + self.rows).min(self.page.total) <= until
    }

    pub fn take(&mut self, page: LinesPage) {
        self.page = page;
        self.came = true;
    }

    /// The host as it stands.
    pub fn task(&self) -> Option<&TaskView> {
        self.page.task.as_ref().filter(|_| self.came)
    }

    /// Whether the newest line is followed.
    pub fn follows(&self) -> bool {
        self.top.is_none()
    }

    fn first(&self) -> u64 {
        let last = self.page.total.saturating_sub(self.rows);
        self.top.unwrap_or(last).min(last)
    }

    /// The lines in sight: first, last, all; for a status line.
    pub fn place(&self) -> String {
        if self.page.total == 0 {
            return String::new();
        }
        let first = self.first();
        let last = (first + self.rows).min(self.page.total);
        let follow = if self.follows() && !self.page.whole {
            "   following"
        } else {
            ""
        };
        format!(
            "lines {}-{} of {}{follow}",
            count(first + 1),
            count(last),
            count(self.page.total)
        )
    }

    /// Moves as an act says; false when it is no move.
    pub fn act(&mut self, act: Act) -> bool {
        let half = i64::try_from(self.rows / 2).unwrap_or(1).max(1);
        match act {
            Act::Down => self.step(1),
            Act::Up => self.step(-1),
            Act::PageDown => self.step(half),
            Act::PageUp => self.step(-half),
            Act::Top => self.top = Some(0),
            Act::Bottom | Act::Follow => self.top = None,
            Act::Wrap => self.wrap = !self.wrap,
            Act::Times => {
                self.times = match self.times {
                    Times::Start => Times::Clock,
                    Times::Clock => Times::Off,
                    Times::Off => Times::Start,
                }
            }
            _ => return false,
        }
        true
    }

    fn step(&mut self, by: i64) {
        let last = self.page.total.saturating_sub(self.rows);
        let wanted = self.first().saturating_add_signed(by).min(last);
        self.top = (wanted < last).then_some(wanted);
    }

    /// Brings a line into the middle.
    pub fn show(&mut self, line: u64) {
        self.at = Some(line);
        self.top = Some(line.saturating_sub(self.rows / 2));
    }

    /// The line the keys act on: the one found, or the first in sight.
    pub fn current(&self) -> Option<String> {
        let place = self
            .at
            .filter(|at| (self.first()..self.first() + self.rows).contains(at));
        let place = place.unwrap_or_else(|| self.first());
        let line = self
            .page
            .lines
            .get(usize::try_from(place.checked_sub(self.page.from)?).ok()?)?;
        Some(plain_line(&line.bytes))
    }

    /// What came, as plain text.
    pub fn text(&self) -> String {
        self.page.lines.iter().fold(String::new(), |mut all, line| {
            if let Some((bytes, reason)) = line.gap {
                all.push_str(&gap_words(bytes, reason));
            }
            all.push_str(&plain_line(&line.bytes));
            all.push('\n');
            all
        })
    }

    pub fn draw(&mut self, canvas: &mut Canvas, now: At) {
        self.rows = u64::from(canvas.height()).max(1);
        if !self.came {
            canvas.text(1, 0, Role::Dim, "reading…");
            return;
        }
        if self.page.total == 0 {
            canvas.text(1, 0, Role::Dim, self.nothing());
            return;
        }
        let began = self
            .page
            .task
            .as_ref()
            .and_then(|task| task.began)
            .unwrap_or(now);
        let first = self.first();
        let mut y = 0;
        for (place, line) in (self.page.from..).zip(&self.page.lines) {
            if place >= first && y < canvas.height() {
                y += self.draw_line(canvas, y, line, (place, began));
            }
        }
    }

    fn nothing(&self) -> &'static str {
        match &self.page.task {
            Some(task) if task.outcome.is_some() => "It wrote nothing.",
            _ => "Nothing written yet.",
        }
    }

    /// Draws one line; how many rows it took.
    fn draw_line(
        &self,
        canvas: &mut Canvas,
        y: u16,
        line: &Line,
        (place, began): (u64, At),
    ) -> u16 {
        let mut x = match self.times {
            Times::Off => 0,
            Times::Start if line.goes_on => 9,
            Times::Start => {
                let after = (line.at_ms - began.0).max(0) as f64 / 1e3;
                canvas.text(0, y, Role::Dim, &format!("{after:>+8.1}"));
                9
            }
            Times::Clock => {
                canvas.text(0, y, Role::Dim, &canvas.zone().clock(At(line.at_ms)));
                10
            }
        };
        let here = self.at == Some(place);
        let is_err = line.stream == OutStream::Stderr;
        let sign = match (here, is_err) {
            (true, _) => ">",
            (false, true) => "e",
            (false, false) => " ",
        };
        canvas.text(x, y, if here { Role::Key } else { Role::Stderr }, sign);
        x += 2;
        if let Some((bytes, reason)) = line.gap {
            canvas.text(x, y, Role::InDoubt, &gap_words(bytes, reason));
            return 1;
        }
        let base = canvas.style(if is_err { Role::Stderr } else { Role::Text });
        let pieces = spans(&line.bytes, base);
        let rows = draw_pieces(canvas, (x, y), &pieces, self.wrap);
        self.highlight(canvas, (x, y), &pieces);
        rows
    }

    /// Paints what a search found in an unwrapped line.
    fn highlight(
        &self,
        canvas: &mut Canvas,
        (x, y): (u16, u16),
        pieces: &[(ratatui::style::Style, String)],
    ) {
        let Some(found) = &self.found else {
            return;
        };
        let text: String = pieces.iter().map(|(_, words)| words.as_str()).collect();
        let style = canvas.style(Role::Match);
        for hit in found
            .find_iter(&text)
            .filter(|hit| !hit.is_empty())
            .take(100)
        {
            let before = text[..hit.start()].width();
            let wide = hit.as_str().width();
            let (Ok(before), Ok(wide)) = (u16::try_from(before), u16::try_from(wide)) else {
                return;
            };
            let room = canvas.width().saturating_sub(x);
            if before < room {
                canvas.paint(
                    x + before,
                    y,
                    wide,
                    style.remove_modifier(Modifier::empty()),
                );
            }
        }
    }
}

/// Draws pieces from a place on; how many rows they took.
fn draw_pieces(
    canvas: &mut Canvas,
    (left, y): (u16, u16),
    pieces: &[(ratatui::style::Style, String)],
    wrap: bool,
) -> u16 {
    let (mut x, mut row) = (left, y);
    for (style, words) in pieces {
        if !wrap {
            x = canvas.styled(x, row, *style, words);
            continue;
        }
        for letter in words.graphemes(true) {
            let wide = u16::try_from(letter.width()).unwrap_or(1);
            if x + wide > canvas.width() {
                (x, row) = (left, row + 1);
            }
            x = canvas.styled(x, row, *style, letter);
        }
    }
    if !wrap && x >= canvas.width() {
        let sign = canvas.form("~", "…").to_owned();
        let last = canvas.width().saturating_sub(1);
        canvas.text(last, row, Role::Dim, &sign);
    }
    row - y + 1
}

fn gap_words(bytes: u64, reason: GapReason) -> String {
    let why = match reason {
        GapReason::OverBudget => "over the output budget of the host",
        GapReason::EngineKilled => "the engine was killed before they were stored",
        GapReason::HostCap => "over the cap on the host itself",
        GapReason::NoSpace => "the engine's disk was full",
        GapReason::Damaged => "they are damaged",
    };
    format!("[{} bytes are not stored: {why}]", count(bytes))
}
