//! The host sets on the command line and on standard input, and the operations between them.

use std::io::BufRead;

use super::set::{Operator, Set};
use crate::cli::io::CommandError;
use crate::inventory::hostset::Groups;

/// Reads operands: each is text, or `-` for what stands on standard input.
pub(super) struct Operands<'a> {
    /// The kind of set that is read.
    pub empty: Set,
    pub groups: &'a dyn Groups,
    pub stdin: &'a mut dyn BufRead,
}

impl Operands<'_> {
    /// Applies the operands in order; `-x`, `-i` and `-X` say how the next one applies.
    pub(super) fn join_all(&mut self, mut set: Set, texts: &[String]) -> Result<Set, CommandError> {
        let mut texts = texts.iter();
        while let Some(text) = texts.next() {
            let operator: Operator = match text.as_str() {
                "-i" | "--intersection" => Set::intersection,
                "-x" | "--exclude" => Set::difference,
                "-X" | "--xor" => Set::symmetric_difference,
                text => {
                    set = self.join(&set, text, Set::union)?;
                    continue;
                }
            };
            let operand = texts.next().ok_or_else(|| {
                CommandError::Failed(format!(
                    "{text} stands last: write the host set it applies to after it"
                ))
            })?;
            set = self.join(&set, operand, operator)?;
        }
        Ok(set)
    }

    /// Applies one operand. Nothing on standard input is no operand at all.
    pub(super) fn join(
        &mut self,
        set: &Set,
        text: &str,
        operator: Operator,
    ) -> Result<Set, CommandError> {
        if text != "-" {
            return Ok(operator(set, &self.lines(text)?));
        }
        let input = self.stdin()?;
        Ok(if input.is_empty() {
            set.clone()
        } else {
            operator(set, &input)
        })
    }

    /// Each line is a set of its own: an operator works on its line only.
    fn lines(&self, text: &str) -> Result<Set, CommandError> {
        let mut set = self.empty.clone();
        for line in text.lines() {
            set = set.union(&self.empty.parse(line, self.groups)?);
        }
        Ok(set)
    }

    /// Standard input holds sets separated by spaces; `#` begins a comment.
    fn stdin(&mut self) -> Result<Set, CommandError> {
        let mut set = self.empty.clone();
        let mut plain = String::new();
        let mut line = String::new();
        while self
            .stdin
            .read_line(&mut line)
            .map_err(|error| unreadable(&error))?
            > 0
        {
            let text = line.split('#').next().unwrap_or_default();
            for word in text.split_whitespace() {
                // Names without operators are read together: there may be very many.
                if word.contains(['!', '&', '^']) || word.ends_with(',') || word.starts_with(',') {
                    set = set.union(&self.empty.parse(word, self.groups)?);
                } else {
                    plain.push_str(if plain.is_empty() { "" } else { "," });
                    plain.push_str(word);
                }
            }
            line.clear();
        }
        if plain.is_empty() {
            return Ok(set);
        }
        Ok(set.union(&self.empty.parse(&plain, self.groups)?))
    }
}

fn unreadable(error: &std::io::Error) -> CommandError {
    CommandError::Failed(format!("standard input cannot be read as text: {error}"))
}
