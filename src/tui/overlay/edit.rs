//! A field that is typed in.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Style;
use tui_textarea::{CursorMove, Input, Key, TextArea};

use crate::tui::canvas::Canvas;
use crate::tui::theme::Role;

/// More is not typed, and a paste is cut there.
const LONGEST: usize = 256 << 10;

/// One field, of one line or of several.
pub(super) struct Field {
    area: TextArea<'static>,
    lines: bool,
    /// What stands there was not typed: the first letter takes its place.
    filled: bool,
}

impl Field {
    pub fn line(text: &str) -> Self {
        Self::new(text, false)
    }

    pub fn several(text: &str) -> Self {
        Self::new(text, true)
    }

    /// Several lines, looked at from the first one on.
    pub fn page(text: &str) -> Self {
        let mut field = Self::new(text, true);
        field.go(0, 0);
        field
    }

    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// The cursor's line and letter.
    pub fn cursor(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    /// Columns of what stands before the cursor.
    pub fn before_cursor(&self) -> usize {
        let (row, column) = self.cursor();
        let line = self.area.lines().get(row);
        let before: String =
            line.map_or_else(String::new, |line| line.chars().take(column).collect());
        unicode_width::UnicodeWidthStr::width(before.as_str())
    }

    /// Puts the cursor there, or as near as there is something.
    pub fn go(&mut self, row: usize, column: usize) {
        let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        self.area
            .move_cursor(CursorMove::Jump(small(row), small(column)));
    }

    /// The same field, with what stands there as a proposal that typing replaces.
    pub fn proposed(mut self) -> Self {
        self.filled = !self.is_empty();
        self
    }

    fn new(text: &str, lines: bool) -> Self {
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(Style::new());
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self {
            area,
            lines,
            filled: false,
        }
    }

    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// A key; false when the field has no use for it.
    pub fn key(&mut self, event: &KeyEvent) -> bool {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let key = match event.code {
            KeyCode::Char(letter) => Key::Char(letter),
            KeyCode::Enter if self.lines => Key::Enter,
            KeyCode::Backspace => Key::Backspace,
            KeyCode::Delete => Key::Delete,
            KeyCode::Left => Key::Left,
            KeyCode::Right => Key::Right,
            KeyCode::Up if self.lines => Key::Up,
            KeyCode::Down if self.lines => Key::Down,
            KeyCode::Home => Key::Home,
            KeyCode::End => Key::End,
            _ => return false,
        };
        // Of the editor's shortcuts those that shells have as well; the rest is too easily hit.
        if ctrl && !matches!(key, Key::Char('a' | 'e' | 'w' | 'u' | 'k' | 'h' | 'd')) {
            return false;
        }
        if ctrl && key == Key::Char('u') {
            self.area.delete_line_by_head();
            return true;
        }
        let replaces = !ctrl && matches!(key, Key::Char(_) | Key::Backspace);
        if std::mem::take(&mut self.filled) && replaces {
            self.set("");
        }
        if key != Key::Backspace && self.text().len() >= LONGEST {
            return true;
        }
        self.area.input(Input {
            key,
            ctrl,
            alt: false,
            shift: false,
        });
        true
    }

    /// Text as it was pasted; into a line field as one line.
    pub fn paste(&mut self, text: &str) {
        if std::mem::take(&mut self.filled) {
            self.set("");
        }
        let room = LONGEST.saturating_sub(self.text().len());
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        // What ends the last line is no part of it: a blank would be one.
        let text: String = text
            .trim_end_matches('\n')
            .chars()
            .map(|letter| {
                if letter == '\n' && !self.lines {
                    ' '
                } else {
                    letter
                }
            })
            .take(room)
            .collect();
        self.area.insert_str(text);
    }

    pub fn set(&mut self, text: &str) {
        *self = Self::new(text, self.lines);
    }

    /// Draws the lines; returns where the cursor stands.
    pub fn draw(&self, canvas: &mut Canvas, role: Role) -> (u16, u16) {
        let role = if self.filled { Role::Mark } else { role };
        let at = self.area.cursor();
        let (row, column) = (at.0, at.1);
        let height = usize::from(canvas.height().max(1));
        let top = (row + 1).saturating_sub(height);
        let width = usize::from(canvas.width().max(2)) - 1;
        let before: String = self
            .area
            .lines()
            .get(row)
            .map(|line| line.chars().take(column).collect())
            .unwrap_or_default();
        let x = unicode_width::UnicodeWidthStr::width(before.as_str());
        // Long lines are moved to the left until the cursor is seen.
        let left = x.saturating_sub(width);
        for (y, line) in self.area.lines().iter().skip(top).take(height).enumerate() {
            let seen: String = skip_columns(line, left);
            canvas.text(
                0,
                u16::try_from(y).unwrap_or(u16::MAX),
                role,
                &super::super::words::plain(&seen),
            );
        }
        (
            u16::try_from(x - left).unwrap_or(u16::MAX),
            u16::try_from(row - top).unwrap_or(u16::MAX),
        )
    }
}

pub(super) fn skip_columns(line: &str, columns: usize) -> String {
    let mut left = columns;
    line.chars()
        .skip_while(|letter| {
            let width = unicode_width::UnicodeWidthChar::width(*letter).unwrap_or(0);
            let skip = left > 0;
            left = left.saturating_sub(width);
            skip
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_pasted_line_is_no_part_of_it() {
        for pasted in [
            "hunter22",
            "hunter22\n",
            "hunter22\r\n",
            "hunter22\r",
            "hunter22\n\n",
        ] {
            for mut field in [Field::line(""), Field::several("")] {
                field.paste(pasted);
                assert_eq!(field.text(), "hunter22", "{pasted:?}");
            }
        }
        let mut field = Field::line("");
        field.paste("echo a\necho b \n");
        assert_eq!(field.text(), "echo a echo b ");
    }
}
