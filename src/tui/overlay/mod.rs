//! Layers over a screen: each takes every key until it goes.

mod choose;
mod draft;
mod edit;
mod editor;
mod flow_form;
mod help;
mod named;
mod palette;
mod sheet;
mod start;
mod steer;
mod steer_one;
mod themes;
mod tour;
mod typed;

use crossterm::event::KeyEvent;

use super::canvas::Canvas;
use super::pane::{Context, Effect, Want};
use crate::wire::Reply;
use crate::wire::reply::Fault;

pub(super) use draft::{Draft, command_key, flow_key, text_key};
pub(super) use editor::Editor;
pub(super) use flow_form::{FlowForm, asks_hosts, plan_lines, start_request};
pub(super) use help::Help;
pub(super) use named::NamedHosts;
pub(super) use palette::Palette;
pub(super) use sheet::Sheet;
pub(super) use start::StartForm;
pub(super) use steer::{
    abort_sheet, approve_sheet, reject_sheet, resume_sheet, retry_sheet, roll_back_sheet,
    skip_sheet, to_retry,
};
pub(super) use steer_one::{settle_sheet, skip_one_sheet, skip_stage_sheet};
pub(super) use themes::Themes;
pub(super) use tour::Tour;
pub(super) use typed::{Purpose, Typed, limits};

/// A layer.
pub(super) trait Overlay {
    /// A key; all of them come here while the layer is on top.
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>);
    /// Text that was pasted.
    fn paste(&mut self, _text: &str) {}
    /// Whether it is a question that one key answers: only that of somebody who has seen it.
    fn asks(&self) -> bool {
        false
    }
    /// Draws itself over the body; the cursor's place, if it has one.
    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)>;
    /// What it shows of the engine.
    fn wants(&self) -> Vec<Want> {
        Vec::new()
    }
    /// An answer to one of its wants.
    fn take(&mut self, _slot: &str, _reply: Reply) {}
    /// One of its wants was refused.
    fn refused(&mut self, _slot: &str, _fault: &Fault) {}
    /// What was typed, to be gone on with when it is opened again.
    fn draft(&self) -> Option<Draft> {
        None
    }
    /// The draft that is of no more use.
    fn drops(&self) -> Option<String> {
        None
    }
    /// What its keys do, for the hint line.
    fn hint(&self) -> String;
}
