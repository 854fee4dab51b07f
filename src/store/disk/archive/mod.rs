//! What must outlive the journal's files: audit and engine records, and changes of keys.
//!
//! Each is a row of append-only files that are written from closed files of the journal and
//! synced before those are removed. They are read seldom: history, and making the index again.

mod keys;
mod records;
mod row;

pub(super) use self::keys::KeyArchive;
pub(super) use self::records::RecordArchive;
