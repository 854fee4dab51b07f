//! Every group of a fold with the end of its output, one below the other.

use super::draw::how_of;
use super::sign_of;
use crate::run::output::OutStream;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::{List, nearest};
use crate::tui::pane::role_of;
use crate::tui::screens::spans::spans;
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, span};
use crate::wire::console::{FoldGroup, FoldPage, GroupLines, Line};

/// Lines of each group.
pub(super) const LINES: u32 = 20;

/// A row of the list.
#[derive(Debug, Clone, Copy)]
enum Row {
    /// The name of a group.
    Group(usize),
    /// How many lines of a group stand before those shown.
    Before(usize),
    /// A line of a group.
    Line(usize, usize),
}

impl Row {
    fn group(self) -> usize {
        let (Self::Group(group) | Self::Before(group) | Self::Line(group, _)) = self;
        group
    }
}

/// Where one reads.
#[derive(Default)]
pub(super) struct Unfolded {
    list: List,
    rows: Vec<Row>,
}

impl Unfolded {
    /// Other groups, or other lines.
    pub fn settle(&mut self, page: &FoldPage) {
        self.rows = rows(page);
        self.list.total = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.list.go(self.list.at);
    }

    /// The group that the cursor is in.
    pub fn group(&self) -> Option<usize> {
        Some(self.rows.get(self.list.at as usize)?.group())
    }

    /// To the name of a group.
    pub fn go(&mut self, group: usize) {
        let is_name = |row: &Row| matches!(row, Row::Group(place) if *place == group);
        if let Some(at) = self.rows.iter().position(is_name) {
            self.list.go(u32::try_from(at).unwrap_or(0));
        }
    }

    /// To the next group that did not end well, or the one before.
    pub fn failure(&mut self, by: i64, page: &FoldPage) {
        let bad = |at: usize| match self.rows.get(at) {
            Some(Row::Group(place)) => page
                .groups
                .get(*place)
                .is_some_and(|group| sign_of(group).is_bad()),
            _ => false,
        };
        if let Some(at) = nearest(self.list.at as usize, by, self.rows.len(), bad) {
            self.list.go(u32::try_from(at).unwrap_or(0));
        }
    }

    pub fn act(&mut self, act: Act) -> bool {
        self.list.act(act)
    }

    pub fn draw(&mut self, canvas: &mut Canvas, page: &FoldPage) {
        let (width, height) = (canvas.width(), canvas.height());
        let title = format!(
            "{}, each with its last {LINES} lines",
            counted(page.groups.len() as u64, "group")
        );
        canvas.rule(0, &title, "failures first");
        self.list
            .fit(self.list.total, u32::from(height.saturating_sub(1)));
        let (from, until) = self.list.seen();
        for (y, place) in (1..).zip(from..until) {
            let Some(row) = self.rows.get(place as usize) else {
                break;
            };
            match *row {
                Row::Group(at) => draw_group(canvas, y, page, at),
                Row::Before(at) => {
                    let before = lines_of(page, at).map_or(0, before);
                    let words = format!("{} before", counted(before, "line"));
                    canvas.text(5, y, Role::Dim, &words);
                }
                Row::Line(at, line) => {
                    let line = lines_of(page, at).and_then(|lines| lines.lines.get(line));
                    if let Some(line) = line {
                        draw_line(canvas, y, line);
                    }
                }
            }
            if place == self.list.at {
                canvas.text(0, y, Role::Key, ">");
                let style = canvas.style(Role::Cursor);
                canvas.paint(0, y, width, style);
            }
        }
    }
}

fn rows(page: &FoldPage) -> Vec<Row> {
    let mut rows = Vec::new();
    for at in 0..page.groups.len() {
        rows.push(Row::Group(at));
        let Some(lines) = lines_of(page, at) else {
            continue;
        };
        if before(lines) > 0 {
            rows.push(Row::Before(at));
        }
        rows.extend((0..lines.lines.len()).map(|line| Row::Line(at, line)));
    }
    rows
}

fn lines_of(page: &FoldPage, group: usize) -> Option<&GroupLines> {
    page.lines.get(group)
}

fn before(lines: &GroupLines) -> u64 {
    lines.total.saturating_sub(lines.lines.len() as u64)
}

fn draw_group(canvas: &mut Canvas, y: u16, page: &FoldPage, at: usize) {
    let Some(group) = page.groups.get(at) else {
        return;
    };
    let sign = sign_of(group);
    let head = format!("{}{:>6}", sign.letter(), count(group.count));
    canvas.text(1, y, role_of(sign), &head);
    let x = canvas.text(9, y, role_of(sign), &how_of(group));
    let main = page.main.is_some_and(|main| main as usize == at);
    let tail = tail_of(group, main);
    let end = canvas.right(1, y, Role::Dim, &tail);
    let from = x.max(20) + 1;
    let room = end.saturating_sub(from + 1);
    canvas.clipped(from, y, room, Role::Title, &plain(&group.hosts));
}

fn tail_of(group: &FoldGroup, main: bool) -> String {
    match (main, &group.outcome) {
        (true, _) => "main".to_owned(),
        (_, Some(_)) => span(group.seconds.1),
        _ => String::new(),
    }
}

fn draw_line(canvas: &mut Canvas, y: u16, line: &Line) {
    let is_err = line.stream == OutStream::Stderr;
    if is_err {
        canvas.text(3, y, Role::Stderr, "e");
    }
    let base = canvas.style(if is_err { Role::Stderr } else { Role::Text });
    let mut x = 5;
    for (style, words) in spans(&line.bytes, base) {
        x = canvas.styled(x, y, style, &words);
    }
}
