//! From files to a flat list of blocks.
//!
//! A block is a run of settings under one condition. `Include` is dissolved here: the blocks of an
//! included file hold only where the block that includes it holds, and what follows the `Include`
//! is a block of its own that goes on under the old condition.

use std::sync::Arc;

use super::criteria::{self, HostPattern, MatchLine};
use super::error::{ConfigError, Place};
use super::keywords::{self, Use};
use super::lexer::{self, Words};
use super::setting::{self, Setting};
use super::tokens::{Tokens, Variables, variables_in};
use super::{Context, IncludedFile, SourceText};

/// As in OpenSSH.
const MAX_DEPTH: u32 = 16;
/// Sixteen levels of files that include two others each would be 65,536 files.
const MAX_FILES: usize = 4_096;

/// When a block holds, apart from the block it stands in.
#[derive(Debug)]
pub(super) enum Condition {
    /// Whenever the block it stands in does.
    Always,
    Host(Vec<HostPattern>),
    Match(MatchLine),
}

#[derive(Debug)]
pub(super) struct Block {
    pub condition: Condition,
    /// The block that must hold as well; always an earlier one.
    pub within: Option<u32>,
    /// Where the condition stands, or the file begins.
    pub place: Place,
    /// Settings with their places, in order.
    pub settings: Vec<(Place, Setting)>,
}

/// A keyword that stands nowhere in the table. Whether it is an error depends on what
/// `IgnoreUnknown` says for the host by then.
#[derive(Debug)]
pub(super) struct Unknown {
    /// The block it stands in.
    pub block: u32,
    pub place: Place,
    pub keyword: String,
}

/// What parsing yields.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub blocks: Vec<Block>,
    pub variables: Variables,
    pub wants_final: bool,
    pub unknown: Vec<Unknown>,
}

/// Reads the files one after the other into one list.
pub(super) fn parse(
    files: &[SourceText<'_>],
    context: &Context<'_>,
) -> Result<Parsed, ConfigError> {
    let mut parser = Parser {
        context,
        parsed: Parsed::default(),
        files: 0,
    };
    for file in files {
        let source = Source {
            path: file.path.into(),
            user: file.user,
            depth: 0,
        };
        parser.read_file(&source, file.text, None)?;
    }
    Ok(parser.parsed)
}

/// The file that is being read.
struct Source {
    path: Arc<str>,
    /// The user's own configuration, or the system's: that decides where includes are looked for.
    user: bool,
    depth: u32,
}

struct Parser<'a> {
    context: &'a Context<'a>,
    parsed: Parsed,
    files: usize,
}

impl Parser<'_> {
    fn read_file(
        &mut self,
        source: &Source,
        text: &str,
        within: Option<u32>,
    ) -> Result<(), ConfigError> {
        let place = |line| Place {
            file: Arc::clone(&source.path),
            line,
        };
        self.files += 1;
        if source.depth > MAX_DEPTH || self.files > MAX_FILES {
            let why =
                format!("more than {MAX_DEPTH} files include each other, or {MAX_FILES} in all");
            return Err(ConfigError::Includes {
                place: place(1),
                why,
            });
        }
        self.open(Condition::Always, within, place(1));
        for (number, line) in (1..).zip(text.split('\n')) {
            let at = |why| ConfigError::Line {
                place: place(number),
                why,
            };
            let Some(words) = lexer::split(line).map_err(at)? else {
                continue;
            };
            self.read_line(source, &words, within, place(number))?;
        }
        Ok(())
    }

    fn read_line(
        &mut self,
        source: &Source,
        words: &Words<'_>,
        within: Option<u32>,
        place: Place,
    ) -> Result<(), ConfigError> {
        let Some((form, to)) = keywords::look_up(&words.keyword) else {
            let block = self.here();
            let keyword = words.keyword.clone();
            self.parsed.unknown.push(Unknown {
                block,
                place,
                keyword,
            });
            return Ok(());
        };
        let fail = |why| ConfigError::Line {
            place: place.clone(),
            why,
        };
        setting::check_form(words, form).map_err(fail)?;
        match to {
            Use::Host => {
                let patterns = words.args.iter().map(|arg| HostPattern::new(arg)).collect();
                self.open(Condition::Host(patterns), within, place);
            }
            Use::Match => {
                let line = criteria::parse_match(&words.args).map_err(fail)?;
                self.parsed.wants_final |= line.wants_final;
                self.open(Condition::Match(line), within, place);
            }
            Use::Include => self.include(source, words, &place)?,
            Use::Applied(option) => {
                if let Some(setting) = setting::applied(option, words).map_err(fail)? {
                    self.note_variables(&setting).map_err(fail)?;
                    self.set(place, setting);
                }
            }
            Use::Watched(concern) => self.set(place, setting::watched(concern, words)),
            Use::Silent => {}
        }
        Ok(())
    }

    fn open(&mut self, condition: Condition, within: Option<u32>, place: Place) {
        self.parsed.blocks.push(Block {
            condition,
            within,
            place,
            settings: Vec::new(),
        });
    }

    /// The block that lines belong to now; every file opens one.
    fn here(&self) -> u32 {
        (self.parsed.blocks.len() as u32).saturating_sub(1)
    }

    fn set(&mut self, place: Place, setting: Setting) {
        if let Some(block) = self.parsed.blocks.last_mut() {
            block.settings.push((place, setting));
        }
    }

    fn include(
        &mut self,
        source: &Source,
        words: &Words<'_>,
        place: &Place,
    ) -> Result<(), ConfigError> {
        let here = self.here();
        for arg in &words.args {
            let pattern = self
                .anchored(source, arg)
                .map_err(|why| ConfigError::Line {
                    place: place.clone(),
                    why,
                })?;
            for file in (self.context.include)(&pattern) {
                let IncludedFile {
                    path,
                    text,
                    refused,
                } = file;
                if let Some(why) = refused {
                    let why = format!("{path} cannot be included: {why}");
                    return Err(ConfigError::Line {
                        place: place.clone(),
                        why,
                    });
                }
                let depth = source.depth + 1;
                let inner = Source {
                    path: path.into(),
                    user: source.user,
                    depth,
                };
                self.read_file(&inner, &text, Some(here))?;
            }
        }
        self.open(Condition::Always, Some(here), place.clone());
        Ok(())
    }

    /// An absolute pattern: relative ones are under `~/.ssh`, or `/etc/ssh` in a system file.
    fn anchored(&self, source: &Source, arg: &str) -> Result<String, String> {
        let tokens = Tokens {
            home: self.context.home,
            ..Tokens::default()
        };
        match (arg.as_bytes().first(), source.user) {
            (Some(b'/'), _) => Ok(arg.to_owned()),
            (Some(b'~'), true) => tokens.expand_home(arg),
            (Some(b'~'), false) => Err("a system file cannot include from a home".to_owned()),
            (_, true) => tokens.expand_home(&format!("~/.ssh/{arg}")),
            (_, false) => Ok(format!("/etc/ssh/{arg}")),
        }
    }

    /// Remembers the variables that a value names, so that resolving needs no environment.
    fn note_variables(&mut self, setting: &Setting) -> Result<(), String> {
        let one;
        let texts: &[String] = match setting {
            Setting::IdentityAgent(text) => {
                self.check_agent(text)?;
                one = [text.clone()];
                &one
            }
            Setting::IdentityFile(text)
            | Setting::CertificateFile(text)
            | Setting::RevokedHostKeys(text) => {
                one = [text.clone()];
                &one
            }
            Setting::UserKnownHostsFile(texts) | Setting::GlobalKnownHostsFile(texts) => texts,
            _ => return Ok(()),
        };
        for name in texts.iter().flat_map(|text| variables_in(text)) {
            self.note_variable(name);
        }
        Ok(())
    }

    fn note_variable(&mut self, name: &str) {
        let value = || (self.context.env)(name);
        self.parsed
            .variables
            .entry(name.to_owned())
            .or_insert_with(value);
    }

    /// `IdentityAgent` is checked when it is read, wherever it stands: `${NAME}` must have a value,
    /// and `$NAME` must be a name.
    fn check_agent(&mut self, text: &str) -> Result<(), String> {
        if let Some(name) = text.strip_prefix('$').filter(|tail| !tail.starts_with('{')) {
            let is_name =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                return Err(format!("\"{}\" names no variable", text.escape_debug()));
            }
            self.note_variable(name);
            return Ok(());
        }
        for name in variables_in(text) {
            self.note_variable(name);
            if self.parsed.variables.get(name).is_none_or(Option::is_none) {
                return Err(format!("the variable {} has no value", name.escape_debug()));
            }
        }
        match text.rfind("${") {
            Some(at) if !text[at..].contains('}') => Err("a ${ is not closed".to_owned()),
            _ => Ok(()),
        }
    }
}
