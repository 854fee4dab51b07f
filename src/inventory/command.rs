//! What an inventory command prints: a host set a line, or Ansible's JSON.
//!
//! Which of the two it is shows in the first character that is no blank: `{` starts JSON. Lines
//! are host sets; empty ones and those that start with `#` say nothing.

use std::sync::Arc;

use super::error::InventoryError;
use super::source::{Source, SourceBuilder};
use super::{Expand, ansible};
use crate::run::complaint::{Complaint, Complaints, Place, quote};

/// Complaints that are kept of one output.
const MAX_COMPLAINTS: usize = 50;

/// Reads the output of an inventory command; `file` names the command in messages.
///
/// # Errors
/// All lines that are wrong, or what is wrong with the JSON.
pub fn parse(
    source: &str,
    file: &str,
    text: &str,
    expand: &Expand<'_>,
) -> Result<Source, InventoryError> {
    if text.trim_start().starts_with('{') {
        return ansible::parse_dynamic(source, file, text);
    }
    let file: Arc<str> = Arc::from(file);
    let mut builder = SourceBuilder::new(source);
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let set = line.trim();
        if set.is_empty() || set.starts_with('#') {
            continue;
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let place = Place::new(&file, number as u32 + 1, indent as u32 + 1);
        if let Err(message) = hosts(&mut builder, set, &place, expand) {
            complaints.push(Complaint::new(place, message).excerpt_of(line));
        }
        if complaints.len() >= MAX_COMPLAINTS {
            break;
        }
    }
    if complaints.is_empty() {
        Ok(builder.finish()?)
    } else {
        Err(Complaints(complaints).into())
    }
}

fn hosts(
    builder: &mut SourceBuilder,
    set: &str,
    place: &Place,
    expand: &Expand<'_>,
) -> Result<(), String> {
    if set.contains('@') {
        return Err(format!(
            "the host set {} names a group, which an inventory command cannot use",
            quote(set)
        ));
    }
    let names = expand(set)?;
    if names.is_empty() {
        return Err(format!("the host set {} is empty", quote(set)));
    }
    names
        .iter()
        .try_for_each(|name| builder.host(name, place).map(|_| ()))
}
