//! From a name to its options.
//!
//! One pass over the blocks in file order; a second one when a `Match final` stands anywhere, in
//! which `Host` lines see the host name that the first pass found, as OpenSSH does it.

use super::criteria::{MatchLine, Outside, Test, host_line_holds};
use super::draft::Draft;
use super::error::{ConfigError, Place};
use super::names::{canonical, host_objection, user_objection};
use super::options::{AddressFamily, HostOptions};
use super::parser::{Block, Condition, Unknown};
use super::tokens::{self, Tokens, Variables};
use super::{Given, SshConfig};
use crate::trust::pattern::PatternList;

pub(super) fn resolve(
    config: &SshConfig,
    host: &str,
    given: &Given<'_>,
) -> Result<HostOptions, ConfigError> {
    refuse_names(host, given)?;
    let draft = Draft {
        user: given.user.map(str::to_owned),
        port: given.port,
        ..Draft::default()
    };
    let mut pass = Pass {
        config,
        given,
        original: host,
        name: host.to_owned(),
        last: false,
        draft,
    };
    pass.run()?;
    let family = pass.draft.address_family.unwrap_or(AddressFamily::Any);
    pass.name = canonical(&pass.host_name()?, family);
    if config.wants_final {
        pass.last = true;
        pass.run()?;
    }
    pass.conclude()
}

fn refuse_names(host: &str, given: &Given<'_>) -> Result<(), ConfigError> {
    if let Some(why) = host_objection(host) {
        return Err(ConfigError::HostName {
            name: host.escape_debug().to_string(),
            why,
        });
    }
    match given
        .user
        .and_then(|user| user_objection(user).map(|why| (user, why)))
    {
        Some((user, why)) => Err(ConfigError::UserName {
            name: user.escape_debug().to_string(),
            why,
        }),
        None => Ok(()),
    }
}

pub(super) struct Pass<'a> {
    pub config: &'a SshConfig,
    given: &'a Given<'a>,
    /// The name as it was asked for.
    pub original: &'a str,
    /// What `Host` lines see: the original, and after the first pass the real name.
    pub name: String,
    last: bool,
    pub draft: Draft,
}

impl Pass<'_> {
    fn run(&mut self) -> Result<(), ConfigError> {
        let config = self.config;
        let named = config
            .by_name
            .get(&self.name)
            .map_or(&[][..], Vec::as_slice);
        let mut holding: Vec<u32> = Vec::new();
        let mut unknown_from: Option<u32> = None;
        for id in merged(&config.tried_always, named) {
            let block = &config.blocks[id as usize];
            let inside = block
                .within
                .is_none_or(|outer| holding.binary_search(&outer).is_ok());
            if !inside || !self.holds(block)? {
                continue;
            }
            holding.push(id);
            for (place, setting) in &block.settings {
                self.draft.take(place, setting)?;
            }
            if unknown_from.is_none() && self.draft.ignore_unknown.is_some() {
                unknown_from = Some(id);
            }
        }
        if self.last {
            Ok(())
        } else {
            self.refuse_unknown(unknown_from)
        }
    }

    /// A keyword that nobody knows is an error wherever it stands, also in a block that does not
    /// hold, unless an earlier line that does hold says to ignore it.
    fn refuse_unknown(&self, since: Option<u32>) -> Result<(), ConfigError> {
        if self.config.unknown.is_empty() {
            return Ok(());
        }
        let ignored = self.draft.ignore_unknown.as_ref();
        let list = ignored.map(|(_, value)| PatternList::hosts(value));
        for Unknown {
            block,
            place,
            keyword,
        } in &self.config.unknown
        {
            let is_later = since.is_some_and(|from| {
                *block > from
                    || *block == from && ignored.is_some_and(|(at, _)| at.line < place.line)
            });
            if !(is_later && list.as_ref().is_some_and(|list| list.matches(keyword))) {
                let keyword = keyword.escape_debug().to_string();
                return Err(ConfigError::UnknownKeyword {
                    place: place.clone(),
                    keyword,
                });
            }
        }
        Ok(())
    }

    fn holds(&self, block: &Block) -> Result<bool, ConfigError> {
        match &block.condition {
            Condition::Always => Ok(true),
            Condition::Host(patterns) => Ok(host_line_holds(patterns, &self.name)),
            Condition::Match(line) => self.match_holds(line, &block.place),
        }
    }

    fn match_holds(&self, line: &MatchLine, place: &Place) -> Result<bool, ConfigError> {
        let mut holds = true;
        for criterion in &line.criteria {
            let found = match &criterion.test {
                Test::All => true,
                Test::Final => self.last,
                Test::Host(list) => list.matches(&self.host_name()?),
                Test::OriginalHost(list) => list.matches(self.original),
                Test::User(list) => list.matches(self.user()),
                Test::LocalUser(list) => list.matches(&self.config.local_user),
                Test::Tagged(list, empty) => match self.draft.tag.as_deref().unwrap_or_default() {
                    "" => *empty,
                    tag => list.matches(tag),
                },
                // Commands are not run for a line that cannot hold any more.
                Test::Exec(_) | Test::LocalNetwork(_) if !holds => continue,
                Test::Exec(command) => {
                    let host = self.host_name()?;
                    let command = expand(
                        &self.tokens(&host, &host),
                        place,
                        command,
                        tokens::EXEC,
                        None,
                    )?;
                    self.ask(Outside::Exec(&command), place)?
                }
                Test::LocalNetwork(list) => self.ask(Outside::LocalNetwork(list), place)?,
            };
            holds &= found != criterion.negated;
        }
        Ok(holds)
    }

    fn ask(&self, question: Outside<'_>, place: &Place) -> Result<bool, ConfigError> {
        let criterion = question.word().to_owned();
        self.given
            .outside
            .map(|answer| answer(question))
            .ok_or_else(|| ConfigError::Undecidable {
                place: place.clone(),
                criterion,
            })
    }

    /// The real name as far as it is known: `HostName` with its tokens, or the name as given.
    fn host_name(&self) -> Result<String, ConfigError> {
        if self.last {
            return Ok(self.name.clone());
        }
        match &self.draft.hostname {
            None => Ok(self.name.clone()),
            Some((place, text)) => {
                let tokens = self.tokens(self.original, self.original);
                expand(&tokens, place, text, tokens::HOST_NAME, None)
            }
        }
    }

    pub fn user(&self) -> &str {
        self.draft
            .user
            .as_deref()
            .unwrap_or(&self.config.local_user)
    }

    /// What tokens stand for; `%k` falls back to the host in `Match` lines, and to the name as it
    /// was given everywhere else.
    pub fn tokens<'t>(&'t self, host: &'t str, key_alias: &'t str) -> Tokens<'t> {
        Tokens {
            home: &self.config.home,
            local_host: &self.config.local_host,
            local_user: &self.config.local_user,
            uid: self.config.uid,
            original: self.original,
            host,
            key_alias: self.draft.host_key_alias.as_deref().unwrap_or(key_alias),
            port: self.draft.port.unwrap_or(22),
            user: self.user(),
        }
    }
}

/// Fills in tokens, and says where the value stands when that fails.
pub(super) fn expand(
    tokens: &Tokens<'_>,
    place: &Place,
    text: &str,
    allowed: &str,
    variables: Option<&Variables>,
) -> Result<String, ConfigError> {
    tokens
        .expand(text, allowed, variables)
        .map_err(|why| ConfigError::Expansion {
            place: place.clone(),
            text: text.escape_debug().to_string(),
            why,
        })
}

/// Two ascending lists as one.
fn merged<'a>(one: &'a [u32], two: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    let (mut one, mut two) = (
        one.iter().copied().peekable(),
        two.iter().copied().peekable(),
    );
    std::iter::from_fn(move || match (one.peek(), two.peek()) {
        (Some(a), Some(b)) if a < b => one.next(),
        (_, Some(_)) => two.next(),
        (_, None) => one.next(),
    })
}
