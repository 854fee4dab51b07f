//! Texts whose inside has places of its own: templates, patterns, expressions.

use serde_json::Value;
use toml::de::DeValue;

use super::table::{Entry, Table};
use super::value::{json_of, kind};
use crate::run::complaint::{Place, quote};

/// A string of the file, with where it stands.
#[derive(Debug, Clone)]
pub struct Written {
    /// The string.
    pub value: String,
    /// The byte offset of its first character; of what stands for it, when it has escapes.
    offset: usize,
    /// Whether a byte of the string is a byte of the file.
    literal: bool,
}

impl Written {
    /// The offset of a byte of the string.
    fn at(&self, inside: usize) -> usize {
        if self.literal {
            self.offset + inside.min(self.value.len())
        } else {
            self.offset
        }
    }
}

impl<'d> Table<'d> {
    /// A string and where it stands.
    pub fn written(&self, key: &'static str) -> Option<Written> {
        let entry = self.find(key)?;
        self.written_at(
            key,
            entry.value.get_ref(),
            entry.value.span().start,
            entry.value.span().end,
        )
    }

    /// One string or a list of strings, each with where it stands.
    pub fn written_list(&self, key: &'static str) -> Option<Vec<Written>> {
        let entry = self.find(key)?;
        let DeValue::Array(items) = entry.value.get_ref() else {
            return self.written(key).map(|one| vec![one]);
        };
        items
            .iter()
            .map(|item| self.written_at(key, item.get_ref(), item.span().start, item.span().end))
            .collect()
    }

    /// Scalars under names chosen by the writer, as the text that they are, in the order of the
    /// file: the name, its place, the text.
    pub fn written_values(&self, key: &'static str) -> Vec<(String, Place, Written)> {
        let Some(table) = self.find(key).and_then(|entry| self.open(entry)) else {
            return Vec::new();
        };
        let entries = table.entries.iter();
        entries
            .filter_map(|entry| table.written_value(entry))
            .collect()
    }

    fn written_value(&self, entry: &Entry<'d>) -> Option<(String, Place, Written)> {
        let place = self.document.place(entry.key_offset);
        let span = entry.value.span();
        let written = match entry.value.get_ref() {
            scalar @ (DeValue::Integer(_) | DeValue::Boolean(_)) => Written {
                value: json_of(scalar)
                    .as_ref()
                    .map(Value::to_string)
                    .unwrap_or_default(),
                offset: span.start,
                literal: false,
            },
            other => self.written_at(entry.key, other, span.start, span.end)?,
        };
        Some((entry.key.to_owned(), place, written))
    }

    fn written_at(
        &self,
        key: &str,
        value: &DeValue<'d>,
        start: usize,
        end: usize,
    ) -> Option<Written> {
        let DeValue::String(text) = value else {
            let message = format!("{} must be a string, but is {}", quote(key), kind(value));
            self.document.complain(start, message, None);
            return None;
        };
        let raw = self.document.text.get(start..end).unwrap_or_default();
        let inside = raw.find(&**text).filter(|_| !text.is_empty());
        Some(Written {
            value: text.to_string(),
            offset: start + inside.unwrap_or(0),
            literal: inside.is_some(),
        })
    }

    /// Whether the value of a key is a table.
    pub fn is_table(&self, key: &'static str) -> bool {
        self.find(key)
            .is_some_and(|entry| matches!(entry.value.get_ref(), DeValue::Table(_)))
    }

    /// Whether the value of a key is a list.
    pub fn is_list(&self, key: &'static str) -> bool {
        self.find(key)
            .is_some_and(|entry| matches!(entry.value.get_ref(), DeValue::Array(_)))
    }

    /// The place of a string, or of a byte in it.
    pub fn place_in(&self, written: &Written, inside: usize) -> Place {
        self.document.place(written.at(inside))
    }

    /// Complains about a byte of a string.
    pub fn complain_in(
        &self,
        written: &Written,
        inside: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.document
            .complain(written.at(inside), message.into(), hint);
    }

    /// Complains about a key's value, with the way out.
    pub fn complain_hint(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        let offset = entry.map_or(self.offset, |entry| entry.value.span().start);
        self.document
            .complain(offset, message.into(), Some(hint.into()));
    }
}
