//! The whole plan, to scroll: every batch, and the commands of the first host of the one under the
//! cursor. As much of it is asked for as is in sight.

use crossterm::event::{KeyCode, KeyEvent};

use super::draw::does;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::overlay::Overlay;
use crate::tui::pane::{Context, Effect, Want};
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, span};
use crate::wire::definitions::PlanFlow;
use crate::wire::flows::{Preview, PreviewQuery};
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// The layer.
pub(in crate::tui) struct WholePlan {
    plan: PlanFlow,
    list: List,
    preview: Option<Preview>,
    gone: Option<String>,
}

impl WholePlan {
    pub fn new(plan: PlanFlow) -> Self {
        let mut list = List::default();
        list.fit(1, 20);
        Self {
            plan,
            list,
            preview: None,
            gone: None,
        }
    }

    fn draw_batches(&self, canvas: &mut Canvas, preview: &Preview) {
        let (from, until) = self.list.seen();
        for (y, place) in (0..).zip(from..until) {
            let at = place.checked_sub(preview.batches_from);
            let Some(batch) = at.and_then(|at| preview.batches.get(at as usize)) else {
                canvas.text(1, y, Role::Stale, "#");
                continue;
            };
            let most = batch.max_failures;
            let most = most.map_or_else(String::new, |most| format!("at most {most} failed  "));
            let soak = if batch.soak > 0.0 {
                format!("then {}", span(batch.soak))
            } else {
                String::new()
            };
            let at = canvas.right(1, y, Role::Dim, &format!("{most}{soak}"));
            let words = format!(
                "{:>5}  {:>12}  ",
                count(place + 1),
                counted(batch.count, "host")
            );
            let x = canvas.text(1, y, Role::Text, &words);
            let room = at.saturating_sub(x + 1);
            canvas.clipped(x, y, room, Role::Text, &plain(&batch.hosts));
            if place == self.list.at {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
    }

    fn draw_steps(canvas: &mut Canvas, preview: &Preview, at: u32) {
        let host = preview.steps.first().map_or("", |step| &*step.host);
        let title = format!("batch {}, as on {}", count(at + 1), plain(host));
        canvas.rule(0, &title, "each host has its own");
        let width = canvas.width().saturating_sub(2);
        let mut y = 1;
        for step in &preview.steps {
            let mut words = format!("{}: {}", step.name, does(&step.task.does));
            if step.task.applies == Some(false) {
                words = format!("{}: left out here", step.name);
            }
            y = canvas.wrapped((1, y), (width, 3), Role::Text, &plain(&words));
            if let Some(verify) = &step.task.verify {
                let words = format!("  verify: {}", does(verify));
                y = canvas.wrapped((1, y), (width, 2), Role::Dim, &plain(&words));
            }
        }
    }
}

impl Overlay for WholePlan {
    fn key(&mut self, event: &KeyEvent, _: &Context, effects: &mut Vec<Effect>) {
        let act = match event.code {
            KeyCode::Char('j') | KeyCode::Down => Act::Down,
            KeyCode::Char('k') | KeyCode::Up => Act::Up,
            KeyCode::PageDown | KeyCode::Char(' ') => Act::PageDown,
            KeyCode::PageUp => Act::PageUp,
            KeyCode::Home | KeyCode::Char('g') => Act::Top,
            KeyCode::End | KeyCode::Char('G') => Act::Bottom,
            KeyCode::Esc | KeyCode::Char('q' | 'd') => {
                effects.push(Effect::Close);
                return;
            }
            _ => return,
        };
        self.list.act(act);
    }

    fn draw(&mut self, canvas: &mut Canvas, _: &Context) -> Option<(u16, u16)> {
        canvas.clear();
        let height = canvas.height();
        let preview = self.preview.take();
        let right = preview.as_ref().map_or_else(String::new, |preview| {
            format!(
                "{}, version {}",
                counted(preview.hosts, "host"),
                preview.version
            )
        });
        let title = format!(
            "WHOLE PLAN of {}, nothing is started",
            plain(&self.plan.name)
        );
        canvas.rule(0, &title, &right);
        if let Some(gone) = &self.gone {
            canvas.wrapped((1, 1), (canvas.width() - 2, 4), Role::Failed, &plain(gone));
        }
        if let Some(preview) = &preview {
            let steps = u16::try_from(preview.steps.len()).unwrap_or(u16::MAX);
            let below = (steps.saturating_mul(2) + 1).min(height / 2);
            let rows = height.saturating_sub(1 + below).max(1);
            self.list.fit(preview.batch_count, u32::from(rows));
            let width = canvas.width();
            self.draw_batches(&mut canvas.part(0, 1, width, rows), preview);
            Self::draw_steps(&mut canvas.below(1 + rows), preview, self.list.at);
        }
        self.preview = preview;
        None
    }

    fn wants(&self) -> Vec<Want> {
        let query = PreviewQuery {
            plan: self.plan.clone(),
            batches: (self.list.top, self.list.rows),
            at: self.list.at,
        };
        vec![Want::once("plan", Request::Preview(Box::new(query)))]
    }

    fn take(&mut self, _: &str, reply: Reply) {
        if let Reply::Preview(preview) = reply {
            self.preview = Some(*preview);
        }
    }

    fn refused(&mut self, _: &str, fault: &Fault) {
        self.gone = Some(fault.message.clone());
    }

    fn hint(&self) -> String {
        "j k batches   Space page   Esc back to the form".to_owned()
    }
}
