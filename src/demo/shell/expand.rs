//! From words to arguments: variables, substitutions, splitting, patterns.

use std::sync::{Arc, Mutex, PoisonError};

use super::ast::{Change, Node, Part, Word};
use super::io::{Io, Sink};
use super::{Shell, arith, glob};

/// The most that the arguments of one command may come to, as `ARG_MAX` limits them.
const MAX_BYTES: usize = 2 << 20;

/// Arguments in the making.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    bytes: usize,
    /// The argument at hand, and the same as a pattern.
    current: Option<(String, String)>,
    /// An unquoted `*` or `?` stands in it.
    is_pattern: bool,
}

impl Fields {
    fn push(&mut self, text: &str, quoted: bool) {
        if self.bytes + text.len() > MAX_BYTES {
            return;
        }
        self.bytes += text.len();
        let (plain, pattern) = self.current.get_or_insert_default();
        plain.push_str(text);
        for c in text.chars() {
            match c {
                '*' | '?' | '[' if !quoted => self.is_pattern = true,
                '*' | '?' | '[' | ']' | '\\' if quoted || c == '\\' => pattern.push('\\'),
                _ => {}
            }
            pattern.push(c);
        }
    }

    fn finish(&mut self, shell: &Shell) {
        let Some((plain, pattern)) = self.current.take() else {
            return;
        };
        let names = if std::mem::take(&mut self.is_pattern) {
            glob::expand(&shell.host.files(), &shell.cwd, &pattern)
        } else {
            Vec::new()
        };
        if names.is_empty() {
            self.done.push(plain);
        } else {
            self.done.extend(names);
        }
    }

    /// Adds a value that is split at blanks.
    fn push_split(&mut self, shell: &Shell, value: &str) {
        if value.starts_with(|c: char| c.is_ascii_whitespace()) {
            self.finish(shell);
        }
        for (place, piece) in value.split_ascii_whitespace().enumerate() {
            if place > 0 {
                self.finish(shell);
            }
            self.push(piece, false);
        }
        if value.ends_with(|c: char| c.is_ascii_whitespace()) {
            self.finish(shell);
        }
    }
}

/// What becomes of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Arguments: split at blanks, patterns become names.
    Arguments,
    /// One text.
    Text,
    /// One pattern, with backslashes before what is quoted in it.
    Pattern,
}

impl Shell {
    /// The arguments that `words` come to.
    pub(super) async fn expand_all(&mut self, words: &[Word], io: &Io) -> Vec<String> {
        let mut fields = Fields::default();
        for word in words {
            self.expand(word, Mode::Arguments, &mut fields, io).await;
            fields.finish(self);
        }
        fields.done
    }

    /// The one text that `word` comes to, neither split nor a pattern.
    pub(super) async fn expand_one(&mut self, word: &Word, io: &Io) -> String {
        let mut fields = Fields::default();
        self.expand(word, Mode::Text, &mut fields, io).await;
        fields.current.unwrap_or_default().0
    }

    /// The pattern that `word` comes to.
    pub(super) async fn expand_pattern(&mut self, word: &Word, io: &Io) -> String {
        let mut fields = Fields::default();
        self.expand(word, Mode::Pattern, &mut fields, io).await;
        fields.current.unwrap_or_default().1
    }

    async fn expand(&mut self, word: &Word, mode: Mode, fields: &mut Fields, io: &Io) {
        for (place, part) in word.0.iter().enumerate() {
            match part {
                Part::Text { text, quoted } => {
                    let home = self.home_of(text, place, *quoted);
                    let text = home.as_deref().unwrap_or(text);
                    fields.push(text, *quoted || mode == Mode::Text);
                }
                Part::Variable {
                    name,
                    quoted: true,
                    change: None,
                } if name == "@" && mode == Mode::Arguments => {
                    self.push_args(fields);
                }
                Part::Variable {
                    name,
                    change,
                    quoted,
                } => {
                    let value = self.changed(name, change.as_ref(), io).await;
                    self.push_value(fields, &value, *quoted, mode);
                }
                Part::Command { body, quoted } => {
                    let value = self.substitute(body, io).await;
                    self.push_value(fields, &value, *quoted, mode);
                }
                Part::Arithmetic(inner) => {
                    let text = Box::pin(self.expand_one(inner, io)).await;
                    let value_of = |name: &str| self.variable(name).trim().parse().unwrap_or(0);
                    let value = arith::evaluate(&text, &value_of).unwrap_or(0);
                    fields.push(&value.to_string(), true);
                }
            }
        }
    }

    /// `"$@"`: each argument by itself.
    fn push_args(&self, fields: &mut Fields) {
        for (place, arg) in self.args.iter().enumerate() {
            if place > 0 {
                fields.finish(self);
            }
            fields.push(arg, true);
        }
    }

    /// The value of a variable after what `${NAME…}` asks for.
    async fn changed(&mut self, name: &str, change: Option<&(Change, Word)>, io: &Io) -> String {
        let value = self.variable(name);
        let Some((change, word)) = change else {
            return value;
        };
        match (change, value.is_empty()) {
            (Change::Default | Change::Assign, true) | (Change::Alternative, false) => {
                let word = Box::pin(self.expand_one(word, io)).await;
                if *change == Change::Assign {
                    self.vars.insert(name.to_owned(), word.clone());
                }
                word
            }
            (Change::Default | Change::Assign | Change::Alternative, _) => value,
            (Change::Length, _) => value.chars().count().to_string(),
            (change, _) => {
                let pattern = Box::pin(self.expand_pattern(word, io)).await;
                let at_end = matches!(change, Change::Ending | Change::LongEnding);
                let longest = matches!(change, Change::LongBeginning | Change::LongEnding);
                glob::trim(&value, &pattern, at_end, longest).to_owned()
            }
        }
    }

    fn push_value(&self, fields: &mut Fields, value: &str, quoted: bool, mode: Mode) {
        match mode {
            Mode::Arguments if !quoted => fields.push_split(self, value),
            Mode::Pattern if !quoted => fields.push(value, false),
            _ => fields.push(value, true),
        }
    }

    fn home_of(&self, text: &str, place: usize, quoted: bool) -> Option<String> {
        let rest = text.strip_prefix('~')?;
        if place > 0 || quoted || !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        Some(format!("{}{rest}", self.variable("HOME")))
    }

    /// The value of a variable or parameter; empty when it has none.
    pub fn variable(&self, name: &str) -> String {
        match name {
            "?" => self.last.to_string(),
            "$" => self.pid.to_string(),
            "#" => self.args.len().to_string(),
            "@" | "*" => self.args.join(" "),
            "!" => self
                .background
                .map_or_else(String::new, |pid| pid.to_string()),
            "0" => "sh".to_owned(),
            "PWD" => self.cwd.clone(),
            _ => match name.parse::<usize>() {
                Ok(place) => place
                    .checked_sub(1)
                    .and_then(|place| self.args.get(place).cloned())
                    .unwrap_or_default(),
                Err(_) => self.vars.get(name).cloned().unwrap_or_default(),
            },
        }
    }

    async fn substitute(&mut self, body: &Node, io: &Io) -> String {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let inner = Io {
            out: Sink::Capture(Arc::clone(&kept)),
            ..io.clone()
        };
        let mut shell = self.subshell();
        shell.run(body, inner).await;
        self.last = shell.last;
        self.substituted = true;
        let bytes = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        let text = String::from_utf8_lossy(&bytes).replace('\0', "");
        text.trim_end_matches('\n').to_owned()
    }
}
