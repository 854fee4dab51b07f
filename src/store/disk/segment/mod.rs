//! Host output: per run one append-only file of compressed frames with the chunks of all its
//! hosts in the order of arrival.
//!
//! Callers put chunks into the open frame in memory, where they can be read at once. One writer
//! thread packs frames that are full, writes and syncs them: at least every second, and before
//! any record that was appended after them. Nothing here is the truth about what was decided; it
//! is the truth about what hosts said.

mod damage;
mod frame;
mod load;
mod outputs;
mod pages;
mod read;
mod state;
mod walk;
mod writer;

pub(super) use self::load::{Known, load};
pub(super) use self::outputs::Outputs;
pub(super) use self::state::{Place, RunOut};
pub(super) use self::writer::OutputWriter;
