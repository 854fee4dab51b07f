//! From the text of a command line to its meaning.
//!
//! A part of the POSIX shell: lists, pipelines, `if`, `for`, `while`, `case`, functions, groups,
//! quotes, variables, substitutions, redirections and here-documents. What is beyond it is a syntax error in words, never
//! a guess.

mod compound;
mod words;

use std::sync::Arc;

use super::ast::{Node, Redirect, Simple};

/// How deep brackets and blocks may stand in each other.
const MAX_DEPTH: usize = 60;

/// Why a command line was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Syntax error: {0}")]
pub struct SyntaxError(String);

type Parsed<T> = Result<T, SyntaxError>;

/// Parses a whole script.
pub fn parse(text: &str) -> Parsed<Node> {
    Parser::new(text).whole()
}

/// Parses what was read so far, when it can stand by itself.
pub fn parse_so_far(text: &str) -> Option<Node> {
    let mut parser = Parser::new(text);
    let node = parser.whole().ok()?;
    (!parser.is_open && !text.ends_with("\\\n")).then_some(node)
}

fn unexpected(what: &str) -> SyntaxError {
    let what = if what == "\n" { "newline" } else { what };
    SyntaxError(format!("\"{what}\" unexpected"))
}

fn beyond(what: &str) -> SyntaxError {
    SyntaxError(format!(
        "{what} is beyond the small shell of this demo host"
    ))
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
    /// A here-document has no end yet.
    is_open: bool,
}

const RESERVED_ENDS: [&str; 7] = ["then", "elif", "else", "fi", "do", "done", "}"];

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            depth: 0,
            is_open: false,
        }
    }

    fn whole(&mut self) -> Parsed<Node> {
        let node = self.list(&[])?;
        match self.peek() {
            None => Ok(node),
            Some(c) => Err(unexpected(&c.to_string())),
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn eat(&mut self, expected: &str) -> bool {
        let found = expected
            .chars()
            .enumerate()
            .all(|(i, c)| self.peek_at(i) == Some(c));
        if found {
            self.at += expected.chars().count();
        }
        found
    }

    fn skip_blanks(&mut self) {
        loop {
            match (self.peek(), self.peek_at(1)) {
                (Some(' ' | '\t' | '\r'), _) => self.at += 1,
                (Some('\\'), Some('\n')) => self.at += 2,
                (Some('#'), _) => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.peek() == Some('\n') {
            self.at += 1;
            self.skip_blanks();
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return Err(beyond("nesting this deep"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// The reserved or plain word that comes next, without taking it; empty when what comes is
    /// no plain word.
    fn next_name(&self) -> String {
        let rest = &self.text[self.at..];
        let plain = |c: &char| c.is_ascii_alphanumeric() || "_{}!".contains(*c);
        let end = rest.iter().position(|c| !plain(c)).unwrap_or(rest.len());
        match rest.get(end) {
            Some(c) if !c.is_whitespace() && !";&|<>()".contains(*c) => String::new(),
            _ => rest[..end].iter().collect(),
        }
    }

    fn eat_name(&mut self, name: &str) -> bool {
        self.skip_lines();
        let found = self.next_name() == name;
        if found {
            self.at += name.chars().count();
        }
        found
    }

    fn expect_name(&mut self, name: &str) -> Parsed<()> {
        if self.eat_name(name) {
            return Ok(());
        }
        Err(SyntaxError(format!("\"{name}\" expected")))
    }

    /// Commands up to one of `ends`, a closing bracket, or the end of the text.
    fn list(&mut self, ends: &[&str]) -> Parsed<Node> {
        let mut commands = Vec::new();
        loop {
            self.skip_lines();
            match self.peek() {
                None | Some(')') => break,
                Some(';') if self.peek_at(1) == Some(';') => break,
                _ if ends.contains(&self.next_name().as_str()) => break,
                _ => commands.push(self.and_or()?),
            }
            self.skip_blanks();
            match (self.peek(), self.peek_at(1)) {
                (Some(';'), Some(';')) => break,
                (Some(';' | '\n'), _) => self.at += 1,
                (Some('&'), next) if next != Some('&') => {
                    self.at += 1;
                    let command = commands.pop().map(Arc::new);
                    commands.extend(command.map(Node::Background));
                }
                _ => break,
            }
        }
        Ok(match commands.len() {
            1 => commands.remove(0),
            _ => Node::List(commands),
        })
    }

    fn and_or(&mut self) -> Parsed<Node> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.skip_blanks();
            let after_success = if self.eat("&&") {
                true
            } else if self.eat("||") {
                false
            } else {
                break;
            };
            self.skip_lines();
            rest.push((after_success, self.pipeline()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Node::AndOr(Box::new(first), rest))
    }

    fn pipeline(&mut self) -> Parsed<Node> {
        let negated = self.next_name() == "!" && self.eat("!");
        self.skip_blanks();
        let mut commands = vec![self.command()?];
        loop {
            self.skip_blanks();
            if self.peek() != Some('|') || self.peek_at(1) == Some('|') {
                break;
            }
            self.at += 1;
            self.skip_lines();
            commands.push(self.command()?);
        }
        if commands.len() == 1 && !negated {
            return Ok(commands.remove(0));
        }
        Ok(Node::Pipeline { commands, negated })
    }

    fn command(&mut self) -> Parsed<Node> {
        self.skip_blanks();
        match self.next_name().as_str() {
            "if" => self.deeper(Self::if_command),
            "while" => self.deeper(|p| p.while_command(false)),
            "until" => self.deeper(|p| p.while_command(true)),
            "for" => self.deeper(Self::for_command),
            "case" => self.deeper(Self::case_command),
            "{" => self.deeper(|p| p.group("}", false)),
            "function" | "select" => Err(beyond(&self.next_name())),
            name if RESERVED_ENDS.contains(&name) => Err(unexpected(name)),
            _ if self.peek() == Some('(') => self.deeper(|p| p.group(")", true)),
            _ => match self.function_name() {
                Some(name) => self.deeper(|p| p.function(name)),
                None => self.simple(),
            },
        }
    }

    /// Wraps a compound command that has redirections behind it.
    fn redirected(&mut self, node: Node) -> Parsed<Node> {
        let redirects = self.redirects()?;
        if redirects.is_empty() {
            return Ok(node);
        }
        Ok(Node::Group {
            body: Box::new(node),
            redirects,
            subshell: false,
        })
    }

    fn redirects(&mut self) -> Parsed<Vec<Redirect>> {
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => return Ok(redirects),
            }
        }
    }

    fn simple(&mut self) -> Parsed<Node> {
        let mut simple = Simple::default();
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
            } else if simple.words.is_empty() && self.assignment_ahead() {
                let name = self.identifier().unwrap_or_default();
                self.at += 1;
                let value = self.word()?.unwrap_or_default();
                simple.assignments.push((name, value));
            } else if let Some(word) = self.word()? {
                simple.words.push(word);
            } else {
                break;
            }
        }
        match self.peek() {
            found if simple == Simple::default() => Err(found.map_or_else(
                || SyntaxError("end of file unexpected".into()),
                |c| unexpected(&c.to_string()),
            )),
            _ => Ok(Node::Simple(simple)),
        }
    }

    fn assignment_ahead(&self) -> bool {
        let rest = &self.text[self.at..];
        let plain = |c: &char| *c == '_' || c.is_ascii_alphanumeric();
        let end = rest.iter().position(|c| !plain(c)).unwrap_or(rest.len());
        end > 0 && !rest[0].is_ascii_digit() && rest.get(end) == Some(&'=')
    }

    fn identifier(&mut self) -> Option<String> {
        let name: String = self.text[self.at..]
            .iter()
            .take_while(|c| **c == '_' || c.is_ascii_alphanumeric())
            .collect();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += name.len();
        Some(name)
    }
}

#[cfg(test)]
mod tests;
