//! Drawing by role and place: what every screen is made of.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr as _;

use super::theme::{Role, Theme};
use super::words::{clip, wrapped};
use super::zone::Zone;

/// How the terminal is to be drawn on.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// Colours.
    pub theme: Theme,
    /// Only ASCII.
    pub ascii: bool,
    /// The zone of times.
    pub zone: Zone,
}

/// A part of the screen, with its own origin.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    look: &'a Look,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, area: Rect, look: &'a Look) -> Self {
        Self {
            area: area.intersection(buffer.area),
            buffer,
            look,
        }
    }

    pub fn width(&self) -> u16 {
        self.area.width
    }

    pub fn height(&self) -> u16 {
        self.area.height
    }

    pub fn ascii(&self) -> bool {
        self.look.ascii
    }

    pub fn style(&self, role: Role) -> Style {
        self.look.theme.style(role)
    }

    /// One of two forms, as the terminal can show it.
    pub fn form<'b>(&self, ascii: &'b str, full: &'b str) -> &'b str {
        if self.look.ascii { ascii } else { full }
    }

    /// The zone of times.
    pub fn zone(&self) -> &Zone {
        &self.look.zone
    }

    /// A part of this part.
    pub fn part(&mut self, x: u16, y: u16, width: u16, height: u16) -> Canvas<'_> {
        let wanted = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width,
            height,
        };
        Canvas {
            area: wanted.intersection(self.area),
            buffer: self.buffer,
            look: self.look,
        }
    }

    /// Rows from `y` on.
    pub fn below(&mut self, y: u16) -> Canvas<'_> {
        let height = self.area.height.saturating_sub(y);
        self.part(0, y, self.area.width, height)
    }

    /// Text in a style; what does not fit is left out. Returns the column after it.
    pub fn styled(&mut self, x: u16, y: u16, style: Style, text: &str) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return x;
        }
        let room = usize::from(self.area.width - x);
        let ascii;
        let text = if self.look.ascii && text.contains('…') {
            // The only letter of our own words that is none of ASCII's.
            ascii = text.replace('…', "~");
            &ascii
        } else {
            text
        };
        let (end, _) = self
            .buffer
            .set_stringn(self.area.x + x, self.area.y + y, text, room, style);
        end - self.area.x
    }

    /// One letter that is one column wide: for pictures of many.
    pub fn letter(&mut self, x: u16, y: u16, role: Role, letter: &'static str) {
        if x < self.area.width && y < self.area.height {
            let style = self.style(role);
            if let Some(cell) = self.buffer.cell_mut((self.area.x + x, self.area.y + y)) {
                cell.set_symbol(letter).set_style(style);
            }
        }
    }

    /// Text in a role; what does not fit is left out. Returns the column after it.
    pub fn text(&mut self, x: u16, y: u16, role: Role, text: &str) -> u16 {
        self.styled(x, y, self.style(role), text)
    }

    /// Text that ends with a sign for what was cut off where it is wider than `room`.
    pub fn clipped(&mut self, x: u16, y: u16, room: u16, role: Role, text: &str) -> u16 {
        let room = usize::from(room.min(self.area.width.saturating_sub(x)));
        let text = clip(text, room, self.look.ascii);
        self.text(x, y, role, &text)
    }

    /// Text on as many rows as it takes, and no more than these: the last ends with a sign for what
    /// was cut off. Returns the row after it.
    pub fn wrapped(
        &mut self,
        (x, y): (u16, u16),
        (room, rows): (u16, u16),
        role: Role,
        text: &str,
    ) -> u16 {
        let lines = wrapped(text, usize::from(room));
        let rows = usize::from(rows).min(lines.len());
        let Some(last) = rows.checked_sub(1) else {
            return y;
        };
        let rest = lines[last..].join(" ");
        let shown = lines[..last].iter().chain(std::iter::once(&rest));
        shown.zip(y..).fold(y, |_, (line, y)| {
            self.clipped(x, y, room, role, line);
            y + 1
        })
    }

    /// Text that ends at the right edge, or before `margin` columns of it. Returns where it
    /// begins.
    pub fn right(&mut self, margin: u16, y: u16, role: Role, text: &str) -> u16 {
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let x = self.area.width.saturating_sub(width.saturating_add(margin));
        self.text(x, y, role, text);
        x
    }

    /// Pieces one after the other.
    pub fn pieces(&mut self, x: u16, y: u16, pieces: &[(Role, &str)]) -> u16 {
        pieces
            .iter()
            .fold(x, |x, (role, text)| self.text(x, y, *role, text))
    }

    /// Gives a whole row a style, whatever is on it.
    pub fn paint_row(&mut self, y: u16, role: Role) {
        let style = self.style(role);
        self.paint(0, y, self.area.width, style);
    }

    /// Gives a stretch of a row a style.
    pub fn paint(&mut self, x: u16, y: u16, width: u16, style: Style) {
        if y < self.area.height && x < self.area.width {
            let width = width.min(self.area.width - x);
            let stretch = Rect::new(self.area.x + x, self.area.y + y, width, 1);
            self.buffer.set_style(stretch, style);
        }
    }

    /// Empties this part.
    pub fn clear(&mut self) {
        let style = self.look.theme.base();
        for y in self.area.top()..self.area.bottom() {
            for x in self.area.left()..self.area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// A line across, with words on it.
    pub fn rule(&mut self, y: u16, left: &str, right: &str) {
        let dash = self.form("-", "─");
        let line = dash.repeat(usize::from(self.area.width));
        self.text(0, y, Role::Line, &line);
        if !left.is_empty() {
            let taken = if right.is_empty() {
                6
            } else {
                right.width() + 8
            };
            let room = usize::from(self.area.width).saturating_sub(taken);
            let text = format!(" {} ", clip(left, room, self.look.ascii));
            self.text(2, y, Role::Title, &text);
        }
        if !right.is_empty() {
            self.right(2, y, Role::Dim, &format!(" {right} "));
        }
    }

    /// A line down.
    pub fn divider(&mut self, x: u16) {
        let bar = self.form("|", "│").to_owned();
        for y in 0..self.area.height {
            self.text(x, y, Role::Line, &bar);
        }
    }

    /// How much of something is done: `[#####-----]`.
    pub fn gauge(&mut self, x: u16, y: u16, width: u16, share: f64, role: Role) -> u16 {
        let inner = usize::from(width.saturating_sub(2));
        let full = cells((share.clamp(0.0, 1.0) * inner as f64).round());
        let (done, left) = (self.form("#", "━"), self.form("-", "─"));
        let (done, left) = (done.repeat(full), left.repeat(inner - full.min(inner)));
        self.pieces(
            x,
            y,
            &[
                (Role::Dim, "["),
                (role, &done),
                (Role::Line, &left),
                (Role::Dim, "]"),
            ],
        )
    }

    /// One letter a value, the higher the fuller.
    pub fn spark(&mut self, x: u16, y: u16, role: Role, values: &[f64]) -> u16 {
        let most = values.iter().copied().fold(0.0, f64::max);
        let steps: Vec<char> = self.form(" .:-=+*#", " ▁▂▃▄▅▆▇█").chars().collect();
        let text: String = values
            .iter()
            .map(|value| {
                let share = if most > 0.0 { value / most } else { 0.0 };
                let top = steps.len() - 1;
                let step = cells((share * top as f64).ceil());
                steps[step.min(top)]
            })
            .collect();
        self.text(x, y, role, &text)
    }
}

/// So many cells, of a number that was worked out from shares.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within a screen, and not below 0
pub(super) fn cells(number: f64) -> usize {
    number.clamp(0.0, f64::from(u16::MAX)).round() as usize
}
