//! Cells to bytes: the cheapest move to each changed cell, the shortest change of style, one
//! growing buffer a frame.
//!
//! Sequences are those of ECMA-48 that every terminal since the VT100 knows; 256 colours and RGB
//! as xterm has them. The terminal is expected to erase with the background that is set (`bce`)
//! or without: erasing is only ever used with the default one.

use std::fmt::Write as _;

use super::scroll::Scroll;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

/// Foreground, background, modifiers.
type Pen = (Color, Color, Modifier);

const PLAIN: Pen = (Color::Reset, Color::Reset, Modifier::empty());

/// Modifiers that are sent, and their SGR numbers.
const MODIFIERS: [(Modifier, u8); 6] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

/// So many blanks at the end of a line are worth an erase.
const ERASE_FROM: u16 = 4;

/// The terminal's state as far as bytes depend on it, and the bytes of the frame so far.
pub(super) struct Encoder {
    out: String,
    area: Rect,
    pen: Pen,
    /// Where the cursor is; unknown behind the last column.
    at: Option<(u16, u16)>,
    /// Whether the cursor is seen.
    visible: bool,
}

impl Encoder {
    pub fn new(area: Rect) -> Self {
        Self {
            out: String::new(),
            area,
            pen: PLAIN,
            at: None,
            visible: false,
        }
    }

    /// The bytes so far; none are left.
    pub fn take(&mut self) -> Vec<u8> {
        let bytes = self.out.as_bytes().to_vec();
        self.out.clear();
        bytes
    }

    /// Empties the terminal, whatever it shows and in whatever state it is.
    pub fn clear(&mut self) {
        self.out.push_str("\x1b[0m\x1b[r\x1b[?25l\x1b[H\x1b[2J");
        (self.pen, self.at, self.visible) = (PLAIN, Some((0, 0)), false);
    }

    /// What changes one screen into the other.
    pub fn frame(&mut self, shown: &mut Buffer, next: &Buffer, cursor: Option<(u16, u16)>) {
        if let Some(scroll) = Scroll::find(shown, next) {
            self.scroll(scroll);
            scroll.apply(shown);
        }
        for y in self.area.top()..self.area.bottom() {
            self.row(shown, next, y);
        }
        match cursor {
            Some((x, y)) => {
                self.move_to(x, y);
                if !self.visible {
                    self.out.push_str("\x1b[?25h");
                }
            }
            None if self.visible => self.out.push_str("\x1b[?25l"),
            None => {}
        }
        self.visible = cursor.is_some();
    }

    /// Moves rows on the terminal itself, within a region of it.
    fn scroll(&mut self, scroll: Scroll) {
        self.plain();
        let (top, bottom) = (scroll.top, scroll.bottom);
        // Writing to a String cannot fail. Setting a region moves the cursor; not all terminals
        // agree where to.
        let _ = write!(self.out, "\x1b[{};{}r", top + 1, bottom);
        self.at = None;
        if scroll.up {
            self.move_to(0, bottom - 1);
            self.out.push_str(&"\n".repeat(usize::from(scroll.by)));
        } else {
            self.move_to(0, top);
            self.out.push_str(&"\x1bM".repeat(usize::from(scroll.by)));
        }
        self.out.push_str("\x1b[r");
        self.at = None;
    }

    fn row(&mut self, shown: &Buffer, next: &Buffer, y: u16) {
        let width = self.area.width;
        let start = usize::from(y) * usize::from(width);
        let end = start + usize::from(width);
        let (old, new) = (&shown.content[start..end], &next.content[start..end]);
        if old == new {
            return;
        }
        let blank = blank_from(new);
        let erase =
            blank + ERASE_FROM <= width && old[usize::from(blank)..].iter().any(|c| !is_blank(c));
        let limit = if erase { blank } else { width };
        let mut x = 0;
        while x < limit {
            let at = usize::from(x);
            let cell = &new[at];
            let wide = if is_wide(cell) { 2 } else { 1 };
            // Half of a wide character is not left standing when the other half goes.
            let half = at > 0 && is_wide(&old[at - 1]) && old[at - 1] != new[at - 1];
            let over = wide == 2 && old.get(at + 1) != new.get(at + 1);
            if old[at] != *cell || half || over {
                self.move_to(x, y);
                self.style(cell);
                self.out.push_str(cell.symbol());
                self.at = (x + wide < width).then_some((x + wide, y));
            }
            x += wide;
        }
        if erase {
            self.move_to(blank, y);
            self.plain();
            self.out.push_str("\x1b[K");
        }
    }

    /// The shortest way there.
    fn move_to(&mut self, x: u16, y: u16) {
        if self.at == Some((x, y)) {
            return;
        }
        let mut absolute = String::with_capacity(8);
        // Writing to a String cannot fail.
        let _ = match (x, y) {
            (0, 0) => write!(absolute, "\x1b[H"),
            (0, y) => write!(absolute, "\x1b[{}H", y + 1),
            (x, y) => write!(absolute, "\x1b[{};{}H", y + 1, x + 1),
        };
        let relative = self.at.and_then(|from| relative(from, (x, y)));
        match relative {
            Some(short) if short.len() < absolute.len() => self.out.push_str(&short),
            _ => self.out.push_str(&absolute),
        }
        self.at = Some((x, y));
    }

    fn plain(&mut self) {
        if self.pen != PLAIN {
            self.out.push_str("\x1b[m");
            self.pen = PLAIN;
        }
    }

    /// Changes only what the cell needs: the colour of a blank's text does not show.
    fn style(&mut self, cell: &Cell) {
        let (mut fg, mut bg, mut has) = self.pen;
        let mut want = cell.modifier & sent();
        if want.contains(Modifier::BOLD) {
            // Terminals do not agree on what bold and dim are together.
            want -= Modifier::DIM;
        }
        let mut codes: Vec<String> = Vec::new();
        if !(has - want).is_empty() {
            codes.push(String::new());
            (fg, bg, has) = PLAIN;
        }
        for (modifier, code) in MODIFIERS {
            if (want - has).contains(modifier) {
                codes.push(code.to_string());
            }
        }
        let seen = cell.symbol() != " "
            || want.intersects(Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT);
        if seen && fg != cell.fg {
            codes.push(colour(cell.fg, false));
            fg = cell.fg;
        }
        if bg != cell.bg {
            codes.push(colour(cell.bg, true));
            bg = cell.bg;
        }
        if !codes.is_empty() {
            let _ = write!(self.out, "\x1b[{}m", codes.join(";"));
        }
        self.pen = (fg, bg, want);
    }
}

fn sent() -> Modifier {
    MODIFIERS
        .iter()
        .fold(Modifier::empty(), |all, (modifier, _)| all | *modifier)
}

/// Where the plain blanks at the end of a row begin.
fn blank_from(row: &[Cell]) -> u16 {
    let used = row.iter().rposition(|cell| !is_blank(cell));
    let end = used.map_or(0, |last| last + if is_wide(&row[last]) { 2 } else { 1 });
    u16::try_from(end).unwrap_or(u16::MAX)
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && cell.bg == Color::Reset && (cell.modifier & sent()).is_empty()
}

fn is_wide(cell: &Cell) -> bool {
    cell.symbol().len() > 1 && cell.symbol().width() == 2
}

/// A relative move, where there is a short one.
fn relative((fx, fy): (u16, u16), (x, y): (u16, u16)) -> Option<String> {
    let right = |from: u16| match x.checked_sub(from)? {
        0 => Some(String::new()),
        1 => Some("\x1b[C".to_owned()),
        columns => Some(format!("\x1b[{columns}C")),
    };
    if y == fy {
        if x == 0 {
            return Some("\r".to_owned());
        }
        return match fx.checked_sub(x) {
            Some(back @ 1..=4) => Some("\x08".repeat(usize::from(back))),
            _ => right(fx),
        };
    }
    let down = y.checked_sub(fy).filter(|rows| *rows <= 3)?;
    let feeds = "\n".repeat(usize::from(down));
    if x == fx {
        return Some(feeds);
    }
    Some(format!("\r{feeds}{}", right(0)?))
}

/// The parameters of a colour.
fn colour(colour: Color, background: bool) -> String {
    let base: u8 = if background { 40 } else { 30 };
    let named = |index: u8| {
        let code = if index < 8 {
            base + index
        } else {
            base + 52 + index
        };
        code.to_string()
    };
    match colour {
        Color::Reset => (base + 9).to_string(),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}
