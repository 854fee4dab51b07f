//! The groups, and the lines of the one under the cursor.

use bytes::Bytes;

use super::difference::draw_difference;
use super::{Focus, Output, sign_of};
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, role_of};
use crate::tui::screens::spans::plain_line;
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, span};
use crate::wire::console::FoldGroup;

impl Output {
    pub(super) fn draw_groups(&mut self, canvas: &mut Canvas) {
        let (width, height) = (canvas.width(), canvas.height());
        let Some(page) = self.page.clone() else {
            return;
        };
        let hosts = page.view.tally.total();
        let masked = if self.mask { ", masked" } else { "" };
        let title = format!(
            "{} of {}{masked}",
            counted(page.groups.len() as u64, "group"),
            counted(hosts, "host")
        );
        canvas.rule(0, &title, "failures first");
        self.list
            .fit(self.list.total, u32::from(height.saturating_sub(1)));
        let (from, until) = self.list.seen();
        for (y, place) in (1..).zip(from..until) {
            let Some(group) = page.groups.get(place as usize) else {
                break;
            };
            let sign = sign_of(group);
            let how = how_of(group);
            let chosen = self.selected.as_ref() == Some(&group.key);
            canvas.text(
                1,
                y,
                role_of(sign),
                &format!("{}{:>6}", sign.letter(), count(group.count)),
            );
            canvas.text(9, y, role_of(sign), &how);
            let main = page.main == Some(place);
            let tail = if main {
                "main".to_owned()
            } else {
                wrote(group)
            };
            let at = canvas.right(1, y, Role::Dim, &tail);
            let name_role = if chosen { Role::Mark } else { Role::Text };
            canvas.clipped(
                21,
                y,
                at.saturating_sub(22),
                name_role,
                &plain(&group.hosts),
            );
            if place == self.list.at {
                canvas.text(0, y, Role::Key, ">");
                if self.focus == Focus::Groups {
                    let style = canvas.style(Role::Cursor);
                    canvas.paint(0, y, width, style);
                }
            } else if chosen {
                canvas.text(0, y, Role::Mark, "*");
            }
        }
    }

    pub(super) fn draw_lines(&mut self, canvas: &mut Canvas, context: &Context) {
        let height = canvas.height();
        if let Some(difference) = &mut self.difference {
            canvas.rule(0, &format!("diff: {}", difference.words), "- there  + here");
            draw_difference(&mut canvas.below(1), difference);
            return;
        }
        let newest = self.page.as_ref().map(|page| &page.newest);
        let at_work = self
            .group()
            .is_some_and(|group| group.count > 1 && sign_of(group) == Sign::Running);
        if let Some(newest) = newest.filter(|newest| at_work && !newest.is_empty()) {
            draw_newest(canvas, newest);
            return;
        }
        let Some(group) = self.group() else {
            canvas.rule(0, "", "");
            canvas.text(1, 1, Role::Dim, "No host yet.");
            return;
        };
        let alone = self.lines.host == group.first;
        let title = match self.lines.task().filter(|_| !alone) {
            Some(task) => plain(&task.host),
            None if group.count == 1 => plain(&group.hosts),
            None if group.outcome.is_none() => format!(
                "the first of {} that are {}",
                count(group.count),
                group.standing
            ),
            None if self.mask => format!(
                "the first of {} alike but for numbers and names",
                counted(group.count, "host")
            ),
            None => format!("{} identical", counted(group.count, "host")),
        };
        let took = if group.outcome.is_some() {
            span(group.seconds.1)
        } else {
            String::new()
        };
        canvas.rule(0, &title, &took);
        let mut y = 1;
        if let Some(detail) = group.detail.as_ref().filter(|_| alone) {
            let room = (canvas.width() - 2, 4.min(height / 2).max(1));
            y = canvas.wrapped((1, y), room, Role::Accent, &plain(detail));
        }
        if height > y {
            self.lines.draw(&mut canvas.below(y), context.now);
        }
    }
}

/// How the hosts of a group ended, in a few letters.
pub(super) fn how_of(group: &FoldGroup) -> String {
    match &group.outcome {
        Some(crate::run::outcome::Outcome::Failed(code)) => format!("rc {code}"),
        _ => sign_of(group).word().to_owned(),
    }
}

fn wrote(group: &FoldGroup) -> String {
    let bytes = group.output.stdout + group.output.stderr;
    match (&group.outcome, bytes) {
        (None, _) => String::new(),
        (_, 0) => "nothing written".to_owned(),
        (_, bytes) => format!("{}B", crate::tui::words::bytes(bytes)),
    }
}

/// What hosts at work wrote last.
fn draw_newest(canvas: &mut Canvas, newest: &[(String, Bytes)]) {
    canvas.rule(
        0,
        "hosts at work: the newest line of each",
        "Enter the first",
    );
    let width = canvas.width();
    let room = (width / 3).min(32);
    let most = usize::from(canvas.height().saturating_sub(1));
    for (y, (host, line)) in (1..).zip(newest.iter().take(most)) {
        canvas.clipped(1, y, room - 1, Role::Dim, &plain(host));
        let bar = canvas.form("|", "│").to_owned();
        canvas.text(room + 1, y, Role::Line, &bar);
        let words = plain_line(line);
        canvas.clipped(
            room + 3,
            y,
            width.saturating_sub(room + 3),
            Role::Text,
            &words,
        );
    }
}
