//! The part of the parser that reads commands made of commands.

use std::sync::Arc;

use super::{Parsed, Parser, SyntaxError};
use crate::demo::shell::ast::{Node, Word};

impl Parser {
    pub(super) fn if_command(&mut self) -> Parsed<Node> {
        self.expect_name("if")?;
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect_name("then")?;
            let body = self.list(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if !self.eat_name("elif") {
                break;
            }
        }
        let otherwise = if self.eat_name("else") {
            Some(Box::new(self.list(&["fi"])?))
        } else {
            None
        };
        self.expect_name("fi")?;
        self.redirected(Node::If {
            branches,
            otherwise,
        })
    }

    pub(super) fn while_command(&mut self, until: bool) -> Parsed<Node> {
        self.expect_name(if until { "until" } else { "while" })?;
        let condition = Box::new(self.list(&["do"])?);
        let body = Box::new(self.do_group()?);
        self.redirected(Node::While {
            condition,
            body,
            until,
        })
    }

    pub(super) fn for_command(&mut self) -> Parsed<Node> {
        self.expect_name("for")?;
        self.skip_blanks();
        let name = self
            .identifier()
            .ok_or_else(|| SyntaxError("Bad for loop variable".into()))?;
        self.expect_name("in")?;
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(';' | '\n') => break,
                _ => words.push(
                    self.word()?
                        .ok_or_else(|| SyntaxError("\"do\" expected".into()))?,
                ),
            }
        }
        self.at += 1;
        let body = Box::new(self.do_group()?);
        self.redirected(Node::For { name, words, body })
    }

    fn do_group(&mut self) -> Parsed<Node> {
        self.expect_name("do")?;
        let body = self.list(&["done"])?;
        self.expect_name("done")?;
        Ok(body)
    }

    pub(super) fn group(&mut self, close: &str, subshell: bool) -> Parsed<Node> {
        self.at += 1;
        let body = self.list(&["}"])?;
        self.skip_lines();
        if !self.eat(close) {
            return Err(SyntaxError(format!("\"{close}\" expected")));
        }
        let redirects = self.redirects()?;
        Ok(Node::Group {
            body: Box::new(body),
            redirects,
            subshell,
        })
    }

    pub(super) fn case_command(&mut self) -> Parsed<Node> {
        self.expect_name("case")?;
        self.skip_blanks();
        let word = self.needed_word()?;
        self.expect_name("in")?;
        let mut arms = Vec::new();
        while !self.eat_name("esac") {
            self.eat("(");
            let patterns = self.patterns()?;
            let body = self.list(&["esac"])?;
            arms.push((patterns, body));
            self.skip_lines();
            if !self.eat(";;") {
                self.expect_name("esac")?;
                break;
            }
        }
        self.redirected(Node::Case { word, arms })
    }

    /// `PATTERN | PATTERN)`
    fn patterns(&mut self) -> Parsed<Vec<Word>> {
        let mut patterns = Vec::new();
        loop {
            self.skip_blanks();
            patterns.push(self.needed_word()?);
            self.skip_blanks();
            if self.eat(")") {
                return Ok(patterns);
            }
            if !self.eat("|") {
                return Err(SyntaxError("\")\" expected".into()));
            }
        }
    }

    fn needed_word(&mut self) -> Parsed<Word> {
        self.word()?
            .ok_or_else(|| SyntaxError("a word expected".into()))
    }

    /// The name of the function that is defined here, if one is; taken up to its brackets.
    pub(super) fn function_name(&mut self) -> Option<String> {
        let start = self.at;
        let name = self.identifier()?;
        self.skip_blanks();
        let brackets = self.eat("(") && {
            self.skip_blanks();
            self.eat(")")
        };
        if !brackets {
            self.at = start;
        }
        brackets.then_some(name)
    }

    pub(super) fn function(&mut self, name: String) -> Parsed<Node> {
        self.skip_lines();
        let body = Arc::new(self.command()?);
        Ok(Node::Function { name, body })
    }
}
