//! A sheet: what an act will do, and the question whether it shall.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Overlay;
use super::edit::Field;
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, Effect};
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain, wrapped};
use crate::wire::Request;

/// Acts on more hosts are confirmed by typing how many.
const MOST_BY_KEY: u32 = 50;

/// How a sheet is answered.
enum Answer {
    /// `y`, or anything else for no.
    Key,
    /// These letters, then Enter.
    Typed {
        wanted: String,
        what: &'static str,
        field: Box<Field>,
    },
}

/// The most rows that each of these texts may take for all of them to have room; none where there is
/// not a row for each.
fn cut(lengths: &[usize], room: usize) -> Option<usize> {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let fits = |most: &usize| lengths.iter().map(|rows| rows.min(most)).sum::<usize>() <= room;
    (1..=longest).rev().find(fits)
}

/// A question.
pub(in crate::tui) struct Sheet {
    title: String,
    rows: Vec<(&'static str, String)>,
    answer: Answer,
    request: Request,
    said: String,
    wrong: bool,
    /// What it does, in few words, where there are others to turn to.
    way: String,
    /// Those others.
    ways: VecDeque<Sheet>,
}

impl Sheet {
    /// Asks with a key.
    pub fn new(title: impl Into<String>, request: Request, said: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
            answer: Answer::Key,
            request,
            said: said.into(),
            wrong: false,
            way: String::new(),
            ways: VecDeque::new(),
        }
    }

    /// What it does, in few words.
    pub fn way(mut self, words: impl Into<String>) -> Self {
        self.way = words.into();
        self
    }

    /// Another sheet that `Tab` turns to.
    pub fn or(mut self, other: Self) -> Self {
        self.ways.push_back(other);
        self
    }

    /// To the next one; nothing that was typed for this one counts for that.
    fn turn(&mut self) {
        let Some(mut next) = self.ways.pop_front() else {
            return;
        };
        next.ways = std::mem::take(&mut self.ways);
        if let Answer::Typed { field, .. } = &mut self.answer {
            field.set("");
        }
        self.wrong = false;
        let before = std::mem::replace(self, next);
        self.ways.push_back(before);
    }

    /// A line of the sheet.
    pub fn row(mut self, label: &'static str, text: impl AsRef<str>) -> Self {
        self.rows.push((label, plain(text.as_ref())));
        self
    }

    /// Asks by what must be typed when the act is wide: the number of hosts.
    pub fn wide(self, hosts: u32) -> Self {
        if hosts > MOST_BY_KEY {
            self.typed(hosts.to_string(), "the number of hosts")
        } else {
            self
        }
    }

    /// Asks by what must be typed.
    pub fn typed(mut self, wanted: String, what: &'static str) -> Self {
        self.answer = Answer::Typed {
            wanted,
            what,
            field: Box::new(Field::line("")),
        };
        self
    }

    fn act(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Close);
        effects.push(Effect::Ask {
            request: Box::new(self.request.clone()),
            said: self.said.clone(),
            undo: None,
        });
    }
}

impl Sheet {
    /// What is to be said, below the title; long texts end with a sign for what had no room. Returns
    /// the row after it.
    fn draw_rows(&self, part: &mut Canvas, (width, room): (u16, u16), context: &Context) -> u16 {
        let said = |text: &str| context.look.zone.said(text, context.now);
        let rows: Vec<(&str, String)> =
            self.rows.iter().map(|(l, text)| (*l, said(text))).collect();
        let lengths: Vec<usize> = rows
            .iter()
            .map(|(_, text)| wrapped(text, usize::from(width)).len())
            .collect();
        let most = cut(&lengths, usize::from(room));
        let shown = match most {
            Some(_) => rows.len(),
            None => usize::from(room).saturating_sub(1),
        };
        let most = u16::try_from(most.unwrap_or(1)).unwrap_or(u16::MAX);
        let mut y = 2;
        for (label, text) in rows.iter().take(shown) {
            part.text(1, y, Role::Dim, label);
            y = part.wrapped((16, y), (width, most), Role::Text, text);
        }
        if shown < rows.len() && room > 0 {
            let more = counted((rows.len() - shown) as u64, "more line");
            let words = format!("{more}: make the window higher");
            part.clipped(16, y, width, Role::Failed, &words);
            y += 1;
        }
        y
    }

    /// What else can be turned to.
    fn draw_ways(&self, part: &mut Canvas, y: u16, room: (u16, u16)) -> u16 {
        if self.ways.is_empty() {
            return y;
        }
        let ways: Vec<&str> = self.ways.iter().map(|sheet| sheet.way.as_str()).collect();
        part.text(1, y, Role::Key, "Tab");
        part.wrapped((16, y), room, Role::Dim, &ways.join("; "))
    }
}

impl Overlay for Sheet {
    fn key(&mut self, event: &KeyEvent, _: &Context, effects: &mut Vec<Effect>) {
        if event.code == KeyCode::Esc {
            effects.push(Effect::Close);
            effects.push(Effect::Say("Nothing was done.".to_owned()));
            return;
        }
        if event.code == KeyCode::Tab && !self.ways.is_empty() {
            self.turn();
            return;
        }
        // No yes is given with Ctrl: it is too easily held for something else.
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        match &mut self.answer {
            Answer::Key if ctrl => {}
            Answer::Key if matches!(event.code, KeyCode::Char('y' | 'Y')) => self.act(effects),
            Answer::Key => {
                effects.push(Effect::Close);
                effects.push(Effect::Say("Nothing was done.".to_owned()));
            }
            Answer::Typed { wanted, field, .. } => {
                if event.code != KeyCode::Enter {
                    self.wrong = false;
                    field.key(event);
                } else if field.text().trim().replace(',', "") == *wanted {
                    self.act(effects);
                } else {
                    self.wrong = true;
                }
            }
        }
    }

    fn asks(&self) -> bool {
        matches!(self.answer, Answer::Key)
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        canvas.clear();
        let width = canvas.width();
        let mut part = canvas.part(2, 1, width.saturating_sub(4), u16::MAX);
        let room = part.width();
        part.clipped(0, 0, room.saturating_sub(16), Role::Title, &self.title);
        if !context.environment.is_empty() {
            part.right(
                0,
                0,
                Role::Alarm,
                &format!(" {} ", context.environment.to_uppercase()),
            );
        }
        let line = part.form("-", "─").repeat(usize::from(room));
        part.text(0, 1, Role::Line, &line);
        // The question stays in sight, however much there is to say before it.
        let asks = match self.answer {
            Answer::Key => 1,
            Answer::Typed { .. } => 2,
        };
        let tab = u16::from(!self.ways.is_empty());
        let room = (
            room.saturating_sub(17),
            part.height().saturating_sub(3 + asks),
        );
        let y = self.draw_rows(&mut part, (room.0, room.1.saturating_sub(tab)), context);
        let left = (room.0, (room.1 + 2).saturating_sub(y));
        let y = self.draw_ways(&mut part, y, left) + 1;
        match &self.answer {
            Answer::Key => {
                let x = part.text(1, y, Role::Title, "Do it?  ");
                let x = part.text(x, y, Role::Key, "y");
                let x = part.text(x, y, Role::Dim, " yes   ");
                let x = part.text(x, y, Role::Key, "N");
                part.text(x, y, Role::Dim, " no, the default");
                None
            }
            Answer::Typed {
                wanted,
                what,
                field,
            } => {
                let words = format!("Type {what}, {wanted}, then Enter:  ");
                let x = part.text(1, y, Role::Title, &words);
                let (cx, _) = field.draw(&mut part.part(x, y, 20, 1), Role::Key);
                if self.wrong {
                    let words = "That is not it. Esc leaves everything as it is.";
                    part.text(1, y + 1, Role::Failed, words);
                }
                Some((x + cx + 2, y + 1))
            }
        }
    }

    fn hint(&self) -> String {
        let tab = if self.ways.is_empty() {
            ""
        } else {
            "   Tab another way"
        };
        match self.answer {
            Answer::Key => format!("y do it{tab}   any other key leaves everything as it is"),
            Answer::Typed { .. } => format!("Enter do it{tab}   Esc leaves everything as it is"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_are_cut_and_short_ones_stay_whole() {
        assert_eq!(cut(&[1, 9, 2], 20), Some(9));
        assert_eq!(cut(&[1, 9, 2], 12), Some(9));
        assert_eq!(cut(&[1, 9, 2], 7), Some(4));
        assert_eq!(cut(&[1, 9, 2], 3), Some(1));
        assert_eq!(cut(&[1, 9, 2], 2), None);
    }
}
