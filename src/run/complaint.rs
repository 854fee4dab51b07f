//! What is wrong with a text that a person wrote, and where.
//!
//! Every parser of configuration, inventories and definitions speaks through these types, so that
//! all of them name file, line and column in one form. They never hold more than one line of the
//! text they complain about, and never show a control character of it.

use std::fmt;
use std::sync::Arc;

/// Longest piece of foreign text that a message repeats.
const QUOTE_LIMIT: usize = 80;
/// Longest line that is shown above a caret.
const EXCERPT_LIMIT: usize = 160;

/// A point in a text, as editors count it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's path, or what stands for one (`command:…`).
    pub file: Arc<str>,
    /// From 1; 0 means the text as a whole.
    pub line: u32,
    /// In characters, from 1; 0 means the line as a whole.
    pub column: u32,
}

impl Place {
    /// A point in `file`.
    pub fn new(file: &Arc<str>, line: u32, column: u32) -> Self {
        Self {
            file: Arc::clone(file),
            line,
            column,
        }
    }

    /// The text as a whole.
    pub fn whole(file: &Arc<str>) -> Self {
        Self::new(file, 0, 0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// One thing that is wrong, with its place and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Where it stands.
    pub place: Place,
    /// What is wrong and why, a sentence without its full stop.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The line it stands on, for [`with_caret`](Self::with_caret).
    pub excerpt: Option<String>,
}

impl Complaint {
    /// A complaint without hint or excerpt.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            hint: None,
            excerpt: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the line of `text` that the place points to.
    #[must_use]
    pub fn excerpt_of(mut self, text: &str) -> Self {
        if self.place.line > 0 {
            self.excerpt = text
                .split('\n')
                .nth(self.place.line as usize - 1)
                .map(visible_line);
        }
        self
    }

    /// The complaint over several lines, with the text's line and a caret under the column.
    pub fn with_caret(&self) -> String {
        let Some(line) = &self.excerpt else {
            return self.to_string();
        };
        let number = self.place.line.to_string();
        let margin = " ".repeat(number.len());
        let mut shown = format!("{self}\n{margin} |\n{number} | {line}");
        if self.place.column > 0 {
            let indent = " ".repeat((self.place.column as usize - 1).min(EXCERPT_LIMIT));
            shown.extend(["\n", &margin, " | ", &indent, "^"]);
        }
        shown
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Several complaints as one error: all that a text has, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Complaints(pub Vec<Complaint>);

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            complaint.fmt(f)?;
        }
        Ok(())
    }
}

impl Complaints {
    /// All complaints, each over several lines with a caret under the place it means.
    pub fn with_carets(&self) -> String {
        let shown: Vec<String> = self.0.iter().map(Complaint::with_caret).collect();
        shown.join("\n")
    }
}

impl From<Complaint> for Complaints {
    fn from(complaint: Complaint) -> Self {
        Self(vec![complaint])
    }
}

/// Turns byte offsets into lines and columns, by a search instead of a scan.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Notes where each line of `text` starts.
    pub fn new(text: &str) -> Self {
        let after_newline = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(after_newline).collect(),
        }
    }

    /// Line and column of the character at `offset` of the same text.
    pub fn place(&self, file: &Arc<str>, text: &str, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = text
            .get(start..offset)
            .map_or(0, |before| before.chars().count());
        Place::new(file, line as u32, column as u32 + 1)
    }
}

/// Foreign text in quotation marks: cut to a readable length, nothing in it acts on a terminal.
pub fn quote(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(QUOTE_LIMIT)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(QUOTE_LIMIT).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// The candidate that `word` was most likely meant to be, if any is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).collect();
    let limit = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                distance(&word, &candidate.chars().take(64).collect::<Vec<_>>()),
                candidate,
            )
        })
        .filter(|(steps, _)| *steps <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, changes and swaps of neighbours that lead from one word to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let change = last[column] + usize::from(!a.eq_ignore_ascii_case(b));
            let mut best = change.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

/// A line as it may be shown: cut, and with one blank for each control character, so that columns
/// stay true.
fn visible_line(line: &str) -> String {
    let safe = |c: char| {
        if c.is_control() || quote_needed(c) {
            ' '
        } else {
            c
        }
    };
    line.trim_end()
        .chars()
        .take(EXCERPT_LIMIT)
        .map(safe)
        .collect()
}

/// Whether a character is one that quoting would write as an escape of its code.
fn quote_needed(c: char) -> bool {
    c.escape_debug().next() == Some('\\') && !matches!(c, '"' | '\'' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<str> {
        Arc::from("conn.toml")
    }

    #[test]
    fn a_place_counts_characters_from_one() {
        let text = "a = 1\nköln = 2\n";
        let index = LineIndex::new(text);
        let at = text.find('=').unwrap();
        assert_eq!(index.place(&file(), text, at).to_string(), "conn.toml:1:3");
        let at = text.rfind('=').unwrap();
        assert_eq!(index.place(&file(), text, at).to_string(), "conn.toml:2:6");
        assert_eq!(
            index.place(&file(), text, text.len()).to_string(),
            "conn.toml:3:1"
        );
    }

    #[test]
    fn a_caret_stands_under_the_character_it_means() {
        let complaint = Complaint::new(Place::new(&file(), 2, 6), "no such key")
            .hint("did you mean \"name\"?")
            .excerpt_of("x = 1\n\tabc nome = 3\n");
        assert_eq!(
            complaint.with_caret(),
            "conn.toml:2:6: no such key; did you mean \"name\"?\n  |\n2 |  abc nome = 3\n  |      ^"
        );
    }

    #[test]
    fn quoted_text_cannot_act_on_a_terminal() {
        assert_eq!(quote("a\x1b[2Jb\u{202e}"), "\"a\\u{1b}[2Jb\\u{202e}\"");
        assert_eq!(quote(&"x".repeat(500)).chars().count(), 83);
    }

    #[test]
    fn the_nearest_word_is_one_a_finger_away_or_none() {
        let keys = ["fanout", "timeout", "name"];
        assert_eq!(nearest("fanuot", keys), Some("fanout"));
        assert_eq!(nearest("tiemout", keys), Some("timeout"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
