//! Commands on hosts.
//!
//! A command's end is what its own channel said: an exit status or a signal. Whatever else ends a
//! channel leaves the attempt in doubt.

pub(super) mod flow;
pub(super) mod given;
pub(super) mod ladder;
mod marker;
pub(super) mod open;
pub(crate) mod plain;
pub(crate) mod request;
pub(super) mod script;
