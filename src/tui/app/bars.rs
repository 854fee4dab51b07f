//! The bars that are on every screen: who and where, tabs, a word, the keys.

use super::rights::may;
use super::{App, LinkState};
use crate::run::ids::At;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::pane::{Tab, flows_at_work};
use crate::tui::theme::Role;
use crate::tui::words::{clip, count, plain, span};
use unicode_width::UnicodeWidthStr as _;

/// What the bars say, and where the body is: its first row, and its height.
pub(super) struct Bars {
    pub body: (u16, u16),
    environment: String,
    place: String,
    right: Vec<(Role, String)>,
    tabs: Option<Vec<(bool, String)>>,
    alarm: Option<String>,
    status: (Role, String),
    hints: Option<Vec<Hint>>,
    hint: String,
}

/// A key, what it does, and whether the person's role is enough for it.
struct Hint {
    key: String,
    label: String,
    may: bool,
}

impl App {
    /// Rows and columns of a screen's body.
    pub(super) fn body(&self) -> (u16, u16) {
        let (from, height) = rows(self.size.1, self.is_up());
        let _ = from;
        (self.size.0, height)
    }

    pub(super) fn bars(&self) -> Bars {
        let height = self.size.1;
        let tabs = (height >= 14).then(|| self.tabs());
        let hint = self.layers.last().map(|layer| layer.hint());
        let typed = self.line.as_ref().map(crate::tui::overlay::Overlay::hint);
        Bars {
            body: rows(height, self.is_up()),
            environment: self.setup.environment.to_uppercase(),
            place: format!("{}  {}", self.setup.bastion, self.crumbs()),
            right: self.right(),
            tabs,
            alarm: self.alarm(),
            status: self.status(),
            hints: (hint.is_none() && typed.is_none()).then(|| self.hints()),
            hint: typed.or(hint).unwrap_or_default(),
        }
    }

    pub(super) fn crumbs(&self) -> String {
        let pane = self.pane();
        let tab = match pane.tab() {
            Tab::Now => "Now",
            Tab::Runs => "Flows",
            Tab::Hosts => "Hosts",
            Tab::Audit => "Audit",
        };
        let crumb = pane.crumb();
        if crumb.is_empty() {
            tab.to_owned()
        } else {
            format!("{tab} > {}", plain(&crumb))
        }
    }

    /// Who steers, how the engine is, who is here, what time it is.
    fn right(&self) -> Vec<(Role, String)> {
        let mut right = Vec::new();
        if let Some(holder) = self.pane().conn() {
            let who = if holder == self.setup.you {
                "you"
            } else {
                holder
            };
            let role = if who == "you" {
                Role::Accent
            } else {
                Role::Bar
            };
            right.push((role, format!("conn {}", plain(who))));
        }
        if let Some(overview) = &self.overview {
            let engine = &overview.engine;
            let word = if engine.notes.is_empty() { "ok" } else { "!" };
            right.push((Role::Bar, format!("eng {word} {}", span(engine.uptime))));
            let others = overview.people.len();
            if others > 0 {
                right.push((Role::Bar, format!("{others} here")));
            }
        }
        right.push((
            Role::Bar,
            self.look.zone.named_clock(At(self.now.0 + self.skew)),
        ));
        right
    }

    fn tabs(&self) -> Vec<(bool, String)> {
        let open = self.pane().tab();
        let needs = self.overview.as_ref().map_or(0, |overview| {
            crate::tui::screens::needs(overview, At(self.now.0 + self.skew), &self.setup.you).len()
        });
        let running = self
            .overview
            .as_ref()
            .map_or(0, |overview| flows_at_work(overview).len());
        let counted = |word: &str, number: usize| {
            if number == 0 {
                word.to_owned()
            } else {
                format!("{word} {}", count(number as u64))
            }
        };
        vec![
            (open == Tab::Now, counted("1 Now", needs)),
            (open == Tab::Runs, counted("2 Flows", running)),
        ]
    }

    fn alarm(&self) -> Option<String> {
        let LinkState::Down {
            since,
            why,
            retry_ms,
        } = &self.link
        else {
            return None;
        };
        let down = (self.now.0 - since.0).max(0) / 1000;
        let retry = if *retry_ms > 0 {
            format!(", retry {}s", (retry_ms + 999) / 1000)
        } else {
            String::new()
        };
        let data = self.look.zone.clock(At(self.answered.0 + self.skew));
        Some(format!(
            "ENGINE NOT ANSWERING {:02}:{:02}, data from {data}{retry}   {}",
            down / 60,
            down % 60,
            plain(why)
        ))
    }

    fn status(&self) -> (Role, String) {
        if let Some(set) = self.marking {
            let words = if set {
                "mark this screen: a letter"
            } else {
                "go to mark: a letter"
            };
            return (Role::Key, words.to_owned());
        }
        let (role, words) = match &self.word {
            Some((words, role, _)) => (*role, plain(words)),
            None => (Role::Dim, plain(&self.pane().status())),
        };
        let now = At(self.now.0 + self.skew);
        (role, self.look.zone.said(&words, now))
    }

    fn hints(&self) -> Vec<Hint> {
        let role = self
            .overview
            .as_ref()
            .and_then(|overview| overview.engine.role);
        let pane = self.pane();
        let holds = pane.conn().is_none_or(|holder| holder == self.setup.you);
        let steering = [
            Act::Resume,
            Act::Retry,
            Act::Skip,
            Act::RollBack,
            Act::Settle,
            Act::Tune,
        ];
        let common = [Act::Palette, Act::Help, Act::Detach];
        pane.hints()
            .into_iter()
            .filter(|act| holds || !steering.contains(act))
            .chain(common)
            .map(|act| {
                let entry = act.entry();
                let word = pane.query().filter(|_| act == Act::Search);
                let label = word.map_or(entry.label, |(word, _)| word);
                Hint {
                    key: self.setup.keys.key(act).to_owned(),
                    label: label.to_owned(),
                    may: may(role, act),
                }
            })
            .collect()
    }
}

/// From so many rows on there is a line between the tabs and the body.
const ROOMY: u16 = 30;

/// Where the body is: its first row, and its height.
fn rows(height: u16, up: bool) -> (u16, u16) {
    // Tabs go first when there is little room; the line over the body before them.
    let above = match height {
        0..14 => 1,
        14..ROOMY => 2,
        _ => 3,
    } + u16::from(!up);
    let below = if height < 14 { 2 } else { 3 };
    (above, height.saturating_sub(above + below))
}

impl Bars {
    pub fn draw(&self, canvas: &mut Canvas) {
        let (width, height) = (canvas.width(), canvas.height());
        canvas.paint_row(0, Role::Bar);
        self.draw_top(canvas);
        if let Some(tabs) = &self.tabs {
            let mut x = 1;
            for (open, word) in tabs {
                let text = if *open {
                    format!("[{word}]")
                } else {
                    format!(" {word} ")
                };
                x = canvas.text(x, 1, if *open { Role::Tab } else { Role::Dim }, &text) + 1;
            }
            if height >= ROOMY {
                canvas.rule(2, "", "");
            }
            canvas.rule(height - 3, "", "");
        }
        if let Some(alarm) = &self.alarm {
            let row = self.body.0 - 1;
            let text = format!(" {alarm}");
            let padded = format!("{text:width$}", width = usize::from(width));
            canvas.text(0, row, Role::Alarm, &padded);
        }
        let (role, words) = &self.status;
        canvas.clipped(1, height - 2, width.saturating_sub(2), *role, words);
        self.draw_hints(canvas, height - 1);
    }

    fn draw_top(&self, canvas: &mut Canvas) {
        let mut x = 1;
        if !self.environment.is_empty() {
            x = canvas.text(x, 0, Role::Alarm, &format!(" {} ", self.environment)) + 1;
        }
        let mut right: Vec<&(Role, String)> = self.right.iter().collect();
        let wide = |right: &[&(Role, String)]| -> usize {
            right.iter().map(|(_, text)| text.width() + 2).sum()
        };
        // What matters least goes first: people, then the engine.
        while right.len() > 1 && wide(&right) + usize::from(x) + 24 > usize::from(canvas.width()) {
            right.remove(right.len() - 2);
        }
        let mut at = canvas
            .width()
            .saturating_sub(u16::try_from(wide(&right)).unwrap_or(0));
        let room = usize::from(at.saturating_sub(x + 2));
        canvas.text(x, 0, Role::Bar, &clip(&self.place, room, canvas.ascii()));
        for (role, text) in right {
            let style = canvas.style(Role::Bar);
            let style = if *role == Role::Bar {
                style
            } else {
                style.add_modifier(ratatui::style::Modifier::BOLD)
            };
            canvas.styled(at, 0, style, text);
            at += u16::try_from(text.width()).unwrap_or(0) + 2;
        }
    }

    fn draw_hints(&self, canvas: &mut Canvas, y: u16) {
        let Some(hints) = &self.hints else {
            let room = canvas.width().saturating_sub(2);
            canvas.clipped(1, y, room, Role::Dim, &self.hint);
            return;
        };
        let wide = |hint: &Hint| hint.key.width() + 1 + hint.label.width() + 2;
        // The last three are on every screen and stay.
        let mut shown: Vec<&Hint> = hints.iter().collect();
        while shown.len() > 3
            && shown.iter().map(|hint| wide(hint)).sum::<usize>() > usize::from(canvas.width())
        {
            shown.remove(shown.len() - 4);
        }
        let mut x = 1;
        for hint in shown {
            let role = if hint.may { Role::Key } else { Role::Dim };
            x = canvas.text(x, y, role, &hint.key);
            x = canvas.text(x + 1, y, Role::Dim, &hint.label) + 2;
        }
    }
}
