//! Follows shell text as far as it takes to know whether a quoted value may stand at a point.
//!
//! A value in single quotes is data only where the shell reads an ordinary word. Inside of other
//! quotes, after a backslash or a `$`, in a comment, a here-document or arithmetic, the quotes that
//! were put around it would end or mean something else. What this reader does not understand well
//! enough it calls intricate, and refuses values from there on.

/// What surrounds the point that was read up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Single,
    Double,
    /// `$'…'`
    Ansi,
    Backtick,
    /// `${…}`
    Brace,
    /// `$((…))`, with the parentheses open in it.
    Arithmetic(usize),
    /// `$(…)` or `(…)`.
    Paren,
    Comment,
}

/// A here-document that was announced.
#[derive(Debug, Clone)]
struct Here {
    end: String,
    /// `<<-`: tabs before its lines do not count.
    tabs: bool,
}

/// Reads shell text piece by piece.
#[allow(clippy::struct_excessive_bools)] // what was read last, each by itself
#[derive(Debug, Clone, Default)]
pub(super) struct Shell {
    around: Vec<Around>,
    announced: Vec<Here>,
    inside: Option<Here>,
    /// The line of the here-document so far.
    line: String,
    /// The word being read, without its quotes.
    word: String,
    in_word: bool,
    escaped: bool,
    dollar: bool,
    subscript: bool,
    rereads: bool,
    intricate: bool,
}

impl Shell {
    /// Reads on.
    pub(super) fn literal(&mut self, text: &str) {
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            at += self.step(chars[at], &chars[at + 1..]);
        }
    }

    /// Takes a value that is put in quotes here, or says why it cannot be.
    pub(super) fn value(&mut self) -> Result<(), &'static str> {
        if let Some(why) = self.objection() {
            return Err(why);
        }
        self.in_word = true;
        self.word.push('\0');
        Ok(())
    }

    fn objection(&self) -> Option<&'static str> {
        if self.intricate {
            return Some(
                "stands in shell text too intricate to be sure of; move that text into a script and give the value as its argument",
            );
        }
        if self.inside.is_some() {
            return Some(
                "stands in a here-document, where quotes do not protect it; give it as an argument instead",
            );
        }
        if self.escaped {
            return Some(
                "stands behind a backslash, which would undo its quotes; take the backslash away",
            );
        }
        if self.dollar {
            return Some("stands behind a $, which would change its quotes; take the $ away");
        }
        if self.subscript {
            return Some(
                "stands in an array subscript, which a shell evaluates; take it out of the brackets",
            );
        }
        if self.rereads {
            return Some(
                "is an argument of eval or let, which read it a second time; call the command itself",
            );
        }
        match self.around.last()? {
            Around::Paren => None,
            Around::Single | Around::Double | Around::Ansi => Some(
                "stands inside quotes, but values are quoted by themselves; take the quotes around it away",
            ),
            Around::Backtick => Some("stands inside backticks; write $(…) instead"),
            Around::Brace => Some("stands inside ${…}; give it to a variable first"),
            Around::Arithmetic(_) => {
                Some("stands inside $((…)), which a shell evaluates; give it to a command instead")
            }
            Around::Comment => {
                Some("stands in a comment, which a line break in it would end; take it out")
            }
        }
    }

    /// Reads one character, and as many of the next as belong to it; how many that were.
    fn step(&mut self, c: char, next: &[char]) -> usize {
        if self.inside.is_some() {
            self.here_line(c);
            return 1;
        }
        if self.escaped {
            self.escaped = false;
            self.push_word(c);
            return 1;
        }
        let dollar = std::mem::take(&mut self.dollar);
        match self.around.last().copied() {
            None | Some(Around::Paren) => self.plain(c, next, dollar),
            Some(Around::Double) => self.double(c, next, dollar),
            Some(Around::Single) => self.until(c, '\''),
            Some(Around::Comment) => {
                if c == '\n' {
                    self.around.pop();
                    self.newline();
                }
                1
            }
            Some(Around::Ansi) => {
                // Shells without $'…' end it at another quote.
                self.intricate |= c == '\\';
                self.until(c, '\'')
            }
            Some(Around::Backtick) => {
                self.escaped = c == '\\';
                self.until(c, '`')
            }
            Some(Around::Brace) => {
                self.intricate |= matches!(c, '\'' | '"' | '`' | '\\' | '{');
                self.until(c, '}')
            }
            Some(Around::Arithmetic(open)) => self.arithmetic(c, open),
        }
    }

    fn until(&mut self, c: char, end: char) -> usize {
        if c == end {
            self.around.pop();
        } else {
            self.push_word(c);
        }
        1
    }

    fn plain(&mut self, c: char, next: &[char], dollar: bool) -> usize {
        if dollar && let Some(read) = self.after_dollar(c, next) {
            return read;
        }
        match c {
            '\\' => self.escaped = true,
            '\'' => self.enter(Around::Single),
            '"' => self.enter(Around::Double),
            '`' => self.enter(Around::Backtick),
            '$' => {
                self.dollar = true;
                self.push_word(c);
            }
            '#' if !self.in_word => self.around.push(Around::Comment),
            '<' if next.first() == Some(&'<') => return self.redirection(next),
            '(' => {
                // Bash reads (( as arithmetic, others as two subshells.
                self.intricate |= next.first() == Some(&'(');
                self.end_word();
                self.end_command();
                self.around.push(Around::Paren);
            }
            ')' => {
                self.end_word();
                self.end_command();
                self.around.pop();
                self.in_word = false;
            }
            '\n' => self.newline(),
            ';' | '&' | '|' => {
                self.end_word();
                self.end_command();
            }
            '<' | '>' => self.end_word(),
            c if c.is_whitespace() => self.end_word(),
            c => {
                self.subscript |= c == '['
                    && self
                        .word
                        .ends_with(|c: char| c.is_alphanumeric() || c == '_');
                self.subscript &= c != ']';
                self.push_word(c);
            }
        }
        1
    }

    fn double(&mut self, c: char, next: &[char], dollar: bool) -> usize {
        if dollar
            && !matches!(c, '\'' | '"')
            && let Some(read) = self.after_dollar(c, next)
        {
            return read;
        }
        match c {
            '\\' => self.escaped = true,
            '`' => self.around.push(Around::Backtick),
            '$' => self.dollar = true,
            _ => return self.until(c, '"'),
        }
        1
    }

    fn after_dollar(&mut self, c: char, next: &[char]) -> Option<usize> {
        match c {
            '(' if next.first() == Some(&'(') => {
                self.around.push(Around::Arithmetic(2));
                return Some(2);
            }
            '(' => {
                self.around.push(Around::Paren);
                self.in_word = false;
                self.word.clear();
            }
            '{' => self.around.push(Around::Brace),
            '\'' => self.around.push(Around::Ansi),
            '[' => self.intricate = true,
            _ => return None,
        }
        Some(1)
    }

    fn arithmetic(&mut self, c: char, open: usize) -> usize {
        self.intricate |= matches!(c, '\'' | '"' | '`' | '\\' | '$' | '#');
        self.around.pop();
        let open = match c {
            '(' => open + 1,
            ')' => open - 1,
            _ => open,
        };
        if open > 0 {
            self.around.push(Around::Arithmetic(open));
        }
        1
    }

    /// `<<WORD`, or the here-string `<<<`, which takes an ordinary word.
    fn redirection(&mut self, next: &[char]) -> usize {
        self.end_word();
        if next.get(1) == Some(&'<') {
            return 3;
        }
        let tabs = next.get(1) == Some(&'-');
        let mut read = 1 + usize::from(tabs);
        read += next[read..]
            .iter()
            .take_while(|c| matches!(c, ' ' | '\t'))
            .count();
        let is_end =
            |c: &char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>' | '(' | ')');
        let word: Vec<char> = next[read..]
            .iter()
            .copied()
            .take_while(|c| !is_end(c))
            .collect();
        read += word.len();
        let end: String = word
            .iter()
            .filter(|c| !matches!(c, '\'' | '"' | '\\'))
            .collect();
        // Nothing in front of a value, or one with quoted blanks: its end is not known.
        self.intricate |= end.is_empty() || word.contains(&'$') || next.len() == read;
        self.announced.push(Here { end, tabs });
        1 + read
    }

    fn newline(&mut self) {
        self.end_word();
        self.end_command();
        self.next_here();
    }

    fn next_here(&mut self) {
        self.line.clear();
        self.inside = (!self.announced.is_empty()).then(|| self.announced.remove(0));
    }

    fn here_line(&mut self, c: char) {
        if c != '\n' {
            return self.line.push(c);
        }
        let Some(here) = &self.inside else { return };
        let line = if here.tabs {
            self.line.trim_start_matches('\t')
        } else {
            &self.line
        };
        if line == here.end {
            self.next_here();
        } else {
            self.line.clear();
        }
    }

    fn enter(&mut self, around: Around) {
        self.in_word = true;
        // A quoted word is no reserved word.
        self.word.push('\0');
        self.around.push(around);
    }

    fn push_word(&mut self, c: char) {
        self.in_word = true;
        self.word.push(c);
    }

    fn end_word(&mut self) {
        self.rereads |= matches!(self.word.as_str(), "eval" | "let");
        // The patterns of `case` have closing parentheses of their own.
        self.intricate |= self.word == "case" && !self.around.is_empty();
        self.word.clear();
        self.in_word = false;
    }

    fn end_command(&mut self) {
        self.rereads = false;
        self.subscript = false;
    }
}

#[cfg(test)]
mod tests;
