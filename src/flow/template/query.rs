//! Values in a query to a metrics server: what stands in a string stays in it, and outside of
//! strings a value is one word or number.

use super::TemplateError;
use super::engine::MARK;
use crate::run::complaint::quote;

/// Puts values, each between marks, into a query in `PromQL`.
pub(super) fn fill(marked: &str) -> Result<String, TemplateError> {
    let mut query = String::with_capacity(marked.len());
    let mut open = Open::default();
    for (index, part) in marked.split(MARK).enumerate() {
        if index % 2 == 0 {
            part.chars().for_each(|c| open.read(c));
            query.push_str(part);
        } else {
            enter(part, &open, &mut query)?;
        }
    }
    Ok(query)
}

/// What is open at the point that was read up to.
#[derive(Debug, Default)]
struct Open {
    /// The quotation mark of the string.
    string: Option<char>,
    escaped: bool,
    comment: bool,
}

impl Open {
    fn read(&mut self, c: char) {
        match (self.string, c) {
            _ if self.comment => self.comment = c != '\n',
            _ if self.escaped => self.escaped = false,
            (Some('"' | '\''), '\\') => self.escaped = true,
            (Some(mark), c) if c == mark => self.string = None,
            (None, '"' | '\'' | '`') => self.string = Some(c),
            (None, '#') => self.comment = true,
            _ => {}
        }
    }
}

fn enter(value: &str, open: &Open, query: &mut String) -> Result<(), TemplateError> {
    let wrong = |why: &str| {
        let message = format!("the value {} {why}", quote(value));
        Err(TemplateError::of(&message))
    };
    match open.string {
        _ if open.comment => return wrong("stands in a comment of the query; take it out"),
        _ if open.escaped => return wrong("stands behind a backslash; take the backslash away"),
        Some('`') if value.contains('`') => {
            return wrong("has a ` in it, which would end the string; write \"…\" in the query");
        }
        Some('`') => query.push_str(value),
        // As in Go, the other mark must not be escaped.
        Some(mark) => value.chars().for_each(|c| match c {
            '\\' => query.push_str("\\\\"),
            c if c == mark => query.extend(['\\', c]),
            '\n' => query.push_str("\\n"),
            '\r' => query.push_str("\\r"),
            c => query.push(c),
        }),
        None if is_word(value) => query.push_str(value),
        None => {
            return wrong(
                "is no word or number, and stands outside of quotation marks in the query; put them \
                 around it",
            );
        }
    }
    Ok(())
}

/// A name, a number or a duration.
fn is_word(value: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    !value.is_empty() && value.chars().all(fits)
}
