//! One table of the text, and the questions a reader may ask of it.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Document;
use super::value::{integer, json_of, kind};
use crate::run::complaint::{Place, nearest, quote};

/// A table that is being read. Remembers which keys were asked for.
pub struct Table<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) entries: Vec<Entry<'d>>,
    /// Byte offset of the table, for what is missing from it.
    pub(super) offset: usize,
    /// `[ssh]`, for messages; empty for the file itself.
    path: String,
    asked: RefCell<Vec<&'static str>>,
}

/// A key with its value, both with their places.
pub(super) struct Entry<'d> {
    pub(super) key: &'d str,
    pub(super) key_offset: usize,
    pub(super) value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Table<'d> {
    pub(super) fn new(
        document: &'d Document<'d>,
        table: &'d DeTable<'d>,
        offset: usize,
        path: String,
    ) -> Self {
        let mut entries: Vec<Entry<'d>> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref(),
                key_offset: key.span().start,
                value,
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_offset);
        Self {
            document,
            entries,
            offset,
            path,
            asked: RefCell::default(),
        }
    }

    /// Whether the key is there at all.
    pub fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// The place of a key's value, or of the table if the key is missing.
    pub fn place(&self, key: &str) -> Place {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        self.document
            .place(entry.map_or(self.offset, |entry| entry.value.span().start))
    }

    /// The place of the table itself.
    pub fn own_place(&self) -> Place {
        self.document.place(self.offset)
    }

    /// Makes keys known that are read at another time.
    pub fn ask(&self, keys: &[&'static str]) {
        self.asked.borrow_mut().extend(keys);
    }

    /// Complains about the table itself.
    pub fn complain_here(&self, message: impl Into<String>) {
        self.document.complain(self.offset, message.into(), None);
    }

    /// Complains about a key's value.
    pub fn complain(&self, key: &str, message: impl Into<String>) {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        let offset = entry.map_or(self.offset, |entry| entry.value.span().start);
        self.document.complain(offset, message.into(), None);
    }

    /// Complains that a key is not there.
    pub fn missing(&self, key: &str, hint: &str) {
        let message = format!("the key {} is missing{}", quote(key), self.suffix());
        self.document
            .complain(self.offset, message, Some(hint.to_owned()));
    }

    /// A value turned into something else by `convert`, whose error is a sentence.
    pub fn get<T>(
        &self,
        key: &'static str,
        convert: impl FnOnce(&DeValue<'d>) -> Result<T, String>,
    ) -> Option<T> {
        let entry = self.find(key)?;
        match convert(entry.value.get_ref()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.document
                    .complain(entry.value.span().start, message, None);
                None
            }
        }
    }

    /// A string.
    pub fn string(&self, key: &'static str) -> Option<String> {
        self.get(key, |value| text_of(key, value).map(str::to_owned))
    }

    /// A string that is parsed further: a duration, a size, a name.
    pub fn parsed<T>(&self, key: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.get(key, |value| {
            text_of(key, value)?
                .parse()
                .map_err(|error: T::Err| error.to_string())
        })
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.get(key, |value| {
            let text = text_of(key, value)?;
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, meaning)| *meaning).ok_or_else(|| {
                let known: Vec<_> = words.iter().map(|(word, _)| quote(word)).collect();
                format!(
                    "{} is not known for {}; write one of {}",
                    quote(text),
                    quote(key),
                    known.join(", ")
                )
            })
        })
    }

    /// One string or a list of strings.
    pub fn strings(&self, key: &'static str) -> Option<Vec<String>> {
        self.get(key, |value| match value {
            DeValue::String(text) => Ok(vec![text.to_string()]),
            DeValue::Array(items) => items
                .iter()
                .map(|item| text_of(key, item.get_ref()).map(str::to_owned))
                .collect(),
            other => Err(format!(
                "{} must be a string or a list of strings, but is {}",
                quote(key),
                kind(other)
            )),
        })
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        self.get(key, |value| match value {
            DeValue::Boolean(flag) => Ok(*flag),
            other => Err(format!(
                "{} must be true or false, but is {}",
                quote(key),
                kind(other)
            )),
        })
    }

    /// A whole number within limits.
    pub fn integer<T: TryFrom<i64>>(
        &self,
        key: &'static str,
        limits: RangeInclusive<i64>,
    ) -> Option<T> {
        self.get(key, |value| {
            let DeValue::Integer(number) = value else {
                return Err(format!(
                    "{} must be a whole number, but is {}",
                    quote(key),
                    kind(value)
                ));
            };
            let number = integer(number)?;
            let fits = limits.contains(&number).then_some(number);
            fits.and_then(|number| T::try_from(number).ok())
                .ok_or_else(|| {
                    format!(
                        "{} must be from {} to {}, but is {number}",
                        quote(key),
                        limits.start(),
                        limits.end()
                    )
                })
        })
    }

    /// A table, read by `read` and then closed.
    pub fn table<T>(&self, key: &'static str, read: impl FnOnce(&Table<'d>) -> T) -> Option<T> {
        let table = self.open(self.find(key)?)?;
        let value = read(&table);
        table.close();
        Some(value)
    }

    /// A list of tables (`[[key]]`), each read by `read` and then closed.
    pub fn tables(&self, key: &'static str, mut read: impl FnMut(&Table<'d>)) {
        self.each_table(key, |table| {
            read(table);
            table.close();
        });
    }

    /// As [`tables`](Self::tables), for a look before they are read: keys that `read` does not ask
    /// for are no complaint.
    pub fn tables_unclosed(&self, key: &'static str, read: impl FnMut(&Table<'d>)) {
        self.each_table(key, read);
    }

    fn each_table(&self, key: &'static str, mut read: impl FnMut(&Table<'d>)) {
        let Some(entry) = self.find(key) else { return };
        let DeValue::Array(items) = entry.value.get_ref() else {
            let message = format!(
                "{} must be a list of tables, written [[{}]]",
                quote(key),
                self.join(key)
            );
            return self.document.complain(entry.key_offset, message, None);
        };
        for item in items {
            if let DeValue::Table(inner) = item.get_ref() {
                read(&Self::new(
                    self.document,
                    inner,
                    item.span().start,
                    self.join(key),
                ));
            } else {
                let message = format!(
                    "each of {} must be a table, but this is {}",
                    quote(key),
                    kind(item.get_ref())
                );
                self.document.complain(item.span().start, message, None);
            }
        }
    }

    /// A table whose keys are names chosen by the writer (`[key.NAME]`), in the order of the text.
    pub fn named(&self, key: &'static str, mut read: impl FnMut(&str, &Table<'d>)) {
        let Some(outer) = self.find(key).and_then(|entry| self.open(entry)) else {
            return;
        };
        for entry in &outer.entries {
            if let Some(table) = outer.open(entry) {
                read(entry.key, &table);
                table.close();
            }
        }
    }

    /// Free values under names chosen by the writer, as JSON, in the order of the text.
    pub fn values(&self, key: &'static str) -> Vec<(String, Value, Place)> {
        let Some(table) = self.find(key).and_then(|entry| self.open(entry)) else {
            return Vec::new();
        };
        table
            .entries
            .iter()
            .filter_map(|entry| table.json(entry))
            .collect()
    }

    /// Complains about every key that was not asked for.
    pub(super) fn close(&self) {
        let asked = self.asked.borrow();
        for entry in self
            .entries
            .iter()
            .filter(|entry| !asked.contains(&entry.key))
        {
            let message = format!("the key {} is not known{}", quote(entry.key), self.suffix());
            let near = nearest(entry.key, asked.iter().copied());
            let hint = near.map(|near| format!("did you mean {}?", quote(near)));
            self.document.complain(
                entry.key_offset,
                message,
                hint.or_else(|| known_keys(&asked)),
            );
        }
    }

    pub(super) fn find(&self, key: &'static str) -> Option<&Entry<'d>> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The table that is an entry's value; the caller closes it.
    pub(super) fn open(&self, entry: &Entry<'d>) -> Option<Table<'d>> {
        let DeValue::Table(inner) = entry.value.get_ref() else {
            let found = kind(entry.value.get_ref());
            let message = format!("{} must be a table, but is {found}", quote(entry.key));
            self.document
                .complain(entry.value.span().start, message, None);
            return None;
        };
        let path = self.join(entry.key);
        Some(Self::new(self.document, inner, entry.key_offset, path))
    }

    fn json(&self, entry: &Entry<'d>) -> Option<(String, Value, Place)> {
        match json_of(entry.value.get_ref()) {
            Ok(value) => Some((
                entry.key.to_owned(),
                value,
                self.document.place(entry.key_offset),
            )),
            Err(message) => {
                self.document
                    .complain(entry.value.span().start, message, None);
                None
            }
        }
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn suffix(&self) -> String {
        if self.path.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", self.path.escape_debug())
        }
    }
}

fn text_of<'v>(key: &str, value: &'v DeValue<'_>) -> Result<&'v str, String> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(format!(
            "{} must be a string, but is {}",
            quote(key),
            kind(other)
        )),
    }
}

fn known_keys(asked: &[&str]) -> Option<String> {
    (!asked.is_empty()).then(|| {
        let mut known: Vec<&str> = asked.to_vec();
        known.sort_unstable();
        known.dedup();
        format!("known here: {}", known.join(", "))
    })
}
