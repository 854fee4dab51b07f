//! The part of the parser that reads words, quotes, substitutions and redirections.

use super::{Parsed, Parser, SyntaxError, beyond};
use crate::demo::shell::ast::{Change, Part, Redirect, Target, Word};

/// What may stand behind the name in `${NAME…}`, longer ones before their beginnings.
const CHANGES: [(&str, Change); 10] = [
    (":-", Change::Default),
    ("-", Change::Default),
    (":+", Change::Alternative),
    ("+", Change::Alternative),
    (":=", Change::Assign),
    ("=", Change::Assign),
    ("##", Change::LongBeginning),
    ("#", Change::Beginning),
    ("%%", Change::LongEnding),
    ("%", Change::Ending),
];

impl Parser {
    pub(super) fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let digit = self.peek().filter(char::is_ascii_digit);
        let operator = if digit.is_some() {
            self.peek_at(1)
        } else {
            self.peek()
        };
        let Some(operator @ ('<' | '>')) = operator else {
            return Ok(None);
        };
        self.at += if digit.is_some() { 2 } else { 1 };
        let stream = digit
            .and_then(|d| d.to_digit(10))
            .map_or(u8::from(operator == '>'), |d| d as u8);
        if stream > 2 {
            return Err(beyond("a file descriptor over 2"));
        }
        let to = if operator == '<' {
            if self.eat("<") {
                self.here_document()?
            } else if self.eat(">") {
                Target::Update(self.file_name()?)
            } else {
                Target::Read(self.file_name()?)
            }
        } else if self.eat(">") {
            Target::Append(self.file_name()?)
        } else if self.eat("&") {
            self.duplicate()?
        } else {
            self.eat("|");
            Target::Replace(self.file_name()?)
        };
        Ok(Some(Redirect { stream, to }))
    }

    fn duplicate(&mut self) -> Parsed<Target> {
        match self.peek().and_then(|c| c.to_digit(10)) {
            Some(stream @ 1..=2) => {
                self.at += 1;
                Ok(Target::Stream(stream as u8))
            }
            _ => Err(beyond("this use of >&")),
        }
    }

    /// Takes the lines of a here-document out of the text, and so reads on behind its operator.
    fn here_document(&mut self) -> Parsed<Target> {
        let strip = self.eat("-");
        self.skip_blanks();
        let end = self
            .word()?
            .ok_or_else(|| SyntaxError("a word expected behind <<".into()))?;
        let literal = end
            .0
            .iter()
            .any(|part| matches!(part, Part::Text { quoted: true, .. }));
        let end: String = end.0.iter().map(plain_text).collect();
        let rest = &self.text[self.at..];
        let line_end = rest.iter().position(|c| *c == '\n');
        let start = self.at + line_end.map_or(rest.len(), |end| end + 1);
        let (mut body, mut at) = (String::new(), start);
        self.is_open = true;
        while at < self.text.len() {
            let rest = &self.text[at..];
            let length = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
            let line: String = rest[..length].iter().collect();
            at = self.text.len().min(at + length + 1);
            let line = if strip {
                line.trim_start_matches('\t')
            } else {
                &line
            };
            if line == end {
                self.is_open = false;
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        self.text.drain(start..at);
        if literal {
            return Ok(Target::Text(Word(vec![Part::Text {
                text: body,
                quoted: true,
            }])));
        }
        let mut inner = Self::new(&body);
        inner.depth = self.depth;
        Ok(Target::Text(inner.deeper(Self::here_text)?))
    }

    /// The text of a here-document, in which `$` means what it does in double quotes.
    fn here_text(&mut self) -> Parsed<Word> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            match (c, self.peek_at(1)) {
                ('$', _) => self.dollar(&mut parts, true)?,
                ('\\', Some('\n')) => self.at += 2,
                ('\\', Some(next @ ('$' | '`' | '\\'))) => {
                    self.at += 2;
                    push_text(&mut parts, next, true);
                }
                _ => {
                    self.at += 1;
                    push_text(&mut parts, c, true);
                }
            }
        }
        Ok(Word(parts))
    }

    fn file_name(&mut self) -> Parsed<Word> {
        self.skip_blanks();
        self.word()?
            .ok_or_else(|| SyntaxError("a file name expected after a redirection".into()))
    }

    /// The next word, or `None` at an operator or the end.
    pub(super) fn word(&mut self) -> Parsed<Option<Word>> {
        let mut parts = Vec::new();
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => self.at += 1,
                        Some(next) => {
                            self.at += 1;
                            push_text(&mut parts, next, true);
                        }
                        None => push_text(&mut parts, '\\', true),
                    }
                }
                '\'' => self.single_quotes(&mut parts)?,
                '"' => self.double_quotes(&mut parts)?,
                '$' => self.dollar(&mut parts, false)?,
                '`' => return Err(beyond("a backquote")),
                _ => {
                    self.at += 1;
                    push_text(&mut parts, c, false);
                }
            }
        }
        Ok((self.at > start).then_some(Word(parts)))
    }

    fn single_quotes(&mut self, parts: &mut Vec<Part>) -> Parsed<()> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(SyntaxError("Unterminated quoted string".into())),
                Some(c) => {
                    self.at += 1;
                    if c == '\'' {
                        break;
                    }
                    text.push(c);
                }
            }
        }
        parts.push(Part::Text { text, quoted: true });
        Ok(())
    }

    fn double_quotes(&mut self, parts: &mut Vec<Part>) -> Parsed<()> {
        self.at += 1;
        parts.push(Part::Text {
            text: String::new(),
            quoted: true,
        });
        loop {
            match self.peek() {
                None => return Err(SyntaxError("Unterminated quoted string".into())),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('$') => self.dollar(parts, true)?,
                Some('`') => return Err(beyond("a backquote")),
                Some('\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => self.at += 1,
                        Some(c @ ('$' | '`' | '"' | '\\')) => {
                            self.at += 1;
                            push_text(parts, c, true);
                        }
                        _ => push_text(parts, '\\', true),
                    }
                }
                Some(c) => {
                    self.at += 1;
                    push_text(parts, c, true);
                }
            }
        }
    }

    fn dollar(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Parsed<()> {
        self.at += 1;
        match self.peek() {
            Some('(') if self.peek_at(1) == Some('(') => {
                let inner = self.deeper(Self::arithmetic)?;
                parts.push(Part::Arithmetic(inner));
            }
            Some('(') => {
                self.at += 1;
                let body = Box::new(self.deeper(|p| p.list(&[]))?);
                if !self.eat(")") {
                    return Err(SyntaxError("\")\" expected".into()));
                }
                parts.push(Part::Command { body, quoted });
            }
            Some('{') => {
                let part = self.deeper(|p| p.braces(quoted))?;
                parts.push(part);
            }
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                let name = self.identifier().unwrap_or_default();
                parts.push(Part::Variable {
                    name,
                    change: None,
                    quoted,
                });
            }
            Some(c) if "?$#@*!0123456789".contains(c) => {
                self.at += 1;
                parts.push(Part::Variable {
                    name: c.to_string(),
                    change: None,
                    quoted,
                });
            }
            _ => push_text(parts, '$', quoted),
        }
        Ok(())
    }

    fn braces(&mut self, quoted: bool) -> Parsed<Part> {
        self.at += 1;
        if self.peek() == Some('#') && self.peek_at(1) != Some('}') {
            self.at += 1;
            let name = self.parameter()?;
            let change = Some((Change::Length, Word::default()));
            return self.closed(Part::Variable {
                name,
                change,
                quoted,
            });
        }
        let name = self.parameter()?;
        let operator = CHANGES.iter().find(|(operator, _)| self.eat(operator));
        let change = match operator {
            Some((_, change)) => Some((*change, self.until_brace()?)),
            None => None,
        };
        self.closed(Part::Variable {
            name,
            change,
            quoted,
        })
    }

    fn closed(&mut self, part: Part) -> Parsed<Part> {
        if self.eat("}") {
            return Ok(part);
        }
        Err(SyntaxError("Bad substitution".into()))
    }

    /// The name of a variable or parameter between braces.
    fn parameter(&mut self) -> Parsed<String> {
        if let Some(name) = self.identifier() {
            return Ok(name);
        }
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let length = match rest.first() {
            Some(_) if digits > 0 => digits,
            Some('?' | '$' | '#' | '@' | '*' | '!') => 1,
            _ => return Err(SyntaxError("Bad substitution".into())),
        };
        self.at += length;
        Ok(self.text[self.at - length..self.at].iter().collect())
    }

    /// The word before a closing brace; blanks belong to it.
    fn until_brace(&mut self) -> Parsed<Word> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '}' => break,
                '\'' => self.single_quotes(&mut parts)?,
                '"' => self.double_quotes(&mut parts)?,
                '$' => self.dollar(&mut parts, false)?,
                c => {
                    self.at += 1;
                    push_text(&mut parts, c, false);
                }
            }
        }
        Ok(Word(parts))
    }

    fn arithmetic(&mut self) -> Parsed<Word> {
        self.at += 2;
        let mut parts = Vec::new();
        let mut open = 0_usize;
        loop {
            match self.peek() {
                None => return Err(SyntaxError("\"))\" expected".into())),
                Some(')') if open == 0 => break,
                Some('$') => {
                    self.dollar(&mut parts, true)?;
                    continue;
                }
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {}
            }
            if let Some(c) = self.peek() {
                push_text(&mut parts, c, true);
            }
            self.at += 1;
        }
        if self.eat("))") {
            return Ok(Word(parts));
        }
        Err(SyntaxError("\"))\" expected".into()))
    }
}

fn plain_text(part: &Part) -> &str {
    match part {
        Part::Text { text, .. } => text,
        _ => "",
    }
}

fn push_text(parts: &mut Vec<Part>, c: char, quoted: bool) {
    if let Some(Part::Text { text, quoted: q }) = parts.last_mut()
        && *q == quoted
    {
        text.push(c);
        return;
    }
    parts.push(Part::Text {
        text: c.into(),
        quoted,
    });
}
