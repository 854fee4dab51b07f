//! TOML that people write, read strictly: every key known, every value of its type, and all
//! complaints of a file at once, each with its place.
//!
//! A reader asks a [`Table`] for its keys; what it did not ask for is unknown, and the keys it did
//! ask for are what a misspelt one is compared with. So the reading code is the schema.
//!
//! Never reads files, and never stops at the first mistake.

mod table;
mod value;
mod written;

use std::cell::RefCell;
use std::sync::Arc;

use toml::de::DeTable;

use crate::run::complaint::{Complaint, Complaints, LineIndex, Place};

pub use table::Table;
pub use value::json_of;
pub use written::Written;

/// Complaints that are kept of one file; the rest of a hopeless file would only scroll by.
const MAX_COMPLAINTS: usize = 50;

/// One text that is being read: knows its places and gathers what is wrong.
pub struct Document<'t> {
    file: Arc<str>,
    text: &'t str,
    lines: LineIndex,
    complaints: RefCell<Vec<Complaint>>,
}

/// Reads `text` with `read`, which asks for all keys it knows.
///
/// # Errors
/// All complaints of the text: syntax, unknown keys, wrong types, and what `read` itself found.
pub fn parse<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Result<T, Complaints> {
    let document = Document {
        file: Arc::from(file),
        text,
        lines: LineIndex::new(text),
        complaints: RefCell::default(),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        document.complain(offset, syntax_message(error.message()), None);
    }
    let read = if errors.is_empty() {
        let table = Table::new(&document, root.get_ref(), 0, String::new());
        let read = read(&table);
        table.close();
        read
    } else {
        None
    };
    let mut complaints = document.complaints.into_inner();
    complaints.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    complaints.dedup();
    match read {
        Some(value) if complaints.is_empty() => Ok(value),
        _ => Err(Complaints(complaints)),
    }
}

impl Document<'_> {
    /// The place of a byte offset.
    fn place(&self, offset: usize) -> Place {
        self.lines.place(&self.file, self.text, offset)
    }

    /// Notes what is wrong at a byte offset.
    fn complain(&self, offset: usize, message: String, hint: Option<String>) {
        let mut complaints = self.complaints.borrow_mut();
        if complaints.len() >= MAX_COMPLAINTS {
            return;
        }
        let mut complaint = Complaint::new(self.place(offset), message).excerpt_of(self.text);
        complaint.hint = hint;
        complaints.push(complaint);
    }
}

/// The TOML parser's own words, on one line.
fn syntax_message(message: &str) -> String {
    format!("this is not TOML: {}", message.replace('\n', ", "))
}

#[cfg(test)]
mod tests;
