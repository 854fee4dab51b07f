//! Hosts of a run that a person named: the engine says who they are, then a sheet asks.

use crossterm::event::{KeyCode, KeyEvent};

use super::{Overlay, Sheet, skip_sheet};
use crate::run::ids::RunId;
use crate::tui::canvas::Canvas;
use crate::tui::pane::{Context, Effect, Want};
use crate::tui::theme::Role;
use crate::tui::words::plain;
use crate::wire::console::PickQuery;
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// Hosts that are to be left out.
pub(in crate::tui) struct NamedHosts {
    run: RunId,
    title: String,
    set: String,
    /// The question, or why there is none.
    sheet: Option<Result<Sheet, String>>,
}

impl NamedHosts {
    pub fn new(run: RunId, title: &str, set: String) -> Self {
        Self {
            run,
            title: title.to_owned(),
            set,
            sheet: None,
        }
    }
}

impl Overlay for NamedHosts {
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>) {
        match &mut self.sheet {
            Some(Ok(sheet)) => sheet.key(event, context, effects),
            _ if event.code == KeyCode::Esc => effects.push(Effect::Close),
            // Nothing is answered that was not asked yet.
            _ => {}
        }
    }

    fn asks(&self) -> bool {
        matches!(&self.sheet, Some(Ok(sheet)) if sheet.asks())
    }

    fn wants(&self) -> Vec<Want> {
        if self.sheet.is_some() {
            return Vec::new();
        }
        let query = PickQuery {
            run: self.run,
            named: self.set.clone(),
            ..PickQuery::default()
        };
        vec![Want::once("named", Request::Pick(query))]
    }

    fn take(&mut self, _: &str, reply: Reply) {
        if let Reply::Picked(picked) = reply {
            let of = (self.run, self.title.as_str());
            self.sheet = Some(if picked.hosts.is_empty() {
                Err(format!("{} names no host of run {}.", self.set, self.run))
            } else {
                Ok(skip_sheet(of, &picked))
            });
        }
    }

    fn refused(&mut self, _: &str, fault: &Fault) {
        self.sheet = Some(Err(fault.message.clone()));
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        let why = match &mut self.sheet {
            Some(Ok(sheet)) => return sheet.draw(canvas, context),
            Some(Err(why)) => Some(plain(why)),
            None => None,
        };
        canvas.clear();
        let room = (canvas.width().saturating_sub(4), canvas.height());
        let title = format!("SKIP HOSTS OF RUN {}   {}", self.run, plain(&self.title));
        canvas.clipped(2, 1, room.0, Role::Title, &title);
        match why {
            Some(why) => canvas.wrapped((2, 3), room, Role::Failed, &why),
            None => canvas.text(2, 3, Role::Dim, "Asking the engine which hosts that means…"),
        };
        None
    }

    fn hint(&self) -> String {
        match &self.sheet {
            Some(Ok(sheet)) => sheet.hint(),
            _ => "Esc leaves everything as it is".to_owned(),
        }
    }
}
