//! `%` tokens, `${VARIABLE}` and `~` in values.

use std::collections::HashMap;

use sha1::{Digest, Sha1};

use crate::run::digest::hex;

/// Tokens of files and sockets.
pub(super) const FILE: &str = "CLdhiklnpru";
/// Tokens of `Match exec`: the same.
pub(super) const EXEC: &str = FILE;
/// Tokens of `ProxyCommand`.
pub(super) const PROXY: &str = "hknpr";
/// Tokens of `HostName`.
pub(super) const HOST_NAME: &str = "h";

/// Variables of the environment that a configuration names, as they were when it was read.
pub(super) type Variables = HashMap<String, Option<String>>;

/// What the tokens stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens<'a> {
    /// `%d`, and `~`.
    pub home: &'a str,
    /// `%l`; `%L` is its part before the first dot.
    pub local_host: &'a str,
    /// `%u`
    pub local_user: &'a str,
    /// `%i`
    pub uid: u32,
    /// `%n`
    pub original: &'a str,
    /// `%h`
    pub host: &'a str,
    /// `%k`
    pub key_alias: &'a str,
    /// `%p`
    pub port: u16,
    /// `%r`
    pub user: &'a str,
}

impl Tokens<'_> {
    /// Fills in the tokens that are allowed here, and variables when there is a table of them.
    /// What is filled in is not looked at again.
    pub fn expand(
        &self,
        text: &str,
        allowed: &str,
        variables: Option<&Variables>,
    ) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['%', '$']) {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            rest = match (&rest[at..=at], variables) {
                ("%", _) => self.expand_token(tail, allowed, &mut out)?,
                (_, Some(table)) if tail.starts_with('{') => {
                    expand_variable(&tail[1..], table, &mut out)?
                }
                (sign, _) => {
                    out.push_str(sign);
                    tail
                }
            };
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Fills in the token that `tail` begins with, and gives what follows it.
    fn expand_token<'t>(
        &self,
        tail: &'t str,
        allowed: &str,
        out: &mut String,
    ) -> Result<&'t str, String> {
        let Some(token) = tail.chars().next() else {
            return Err("a % stands at the end".to_owned());
        };
        match token {
            '%' => out.push('%'),
            token if allowed.contains(token) => out.push_str(&self.value(token)),
            token => {
                return Err(format!(
                    "the token %{} has no meaning",
                    token.escape_debug()
                ));
            }
        }
        Ok(&tail[token.len_utf8()..])
    }

    fn value(&self, token: char) -> String {
        match token {
            'C' => self.connection_hash(),
            'L' => self
                .local_host
                .split('.')
                .next()
                .unwrap_or_default()
                .to_owned(),
            'd' => self.home.to_owned(),
            'h' => self.host.to_owned(),
            'i' => self.uid.to_string(),
            'k' => self.key_alias.to_owned(),
            'l' => self.local_host.to_owned(),
            'n' => self.original.to_owned(),
            'p' => self.port.to_string(),
            'r' => self.user.to_owned(),
            _ => self.local_user.to_owned(),
        }
    }

    /// `%C`: a hash of both hosts, the port and the user, as OpenSSH 9.2 makes it.
    fn connection_hash(&self) -> String {
        let mut hash = Sha1::new();
        for part in [
            self.local_host,
            self.host,
            &self.port.to_string(),
            self.user,
        ] {
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize())
    }

    /// `~` and `~/…` at the start. `~name` is refused: whose home that is, nobody here can tell.
    pub fn expand_home(&self, text: &str) -> Result<String, String> {
        let Some(tail) = text.strip_prefix('~') else {
            return Ok(text.to_owned());
        };
        if !tail.is_empty() && !tail.starts_with('/') {
            return Err("the home of another user is not known here".to_owned());
        }
        let home = self.home.strip_suffix('/').unwrap_or(self.home);
        Ok(format!("{home}/{}", tail.trim_start_matches('/')))
    }
}

fn expand_variable<'t>(
    tail: &'t str,
    table: &Variables,
    out: &mut String,
) -> Result<&'t str, String> {
    let (name, rest) = tail.split_once('}').ok_or("a ${ is not closed")?;
    match table.get(name) {
        Some(Some(value)) => out.push_str(value),
        _ => return Err(format!("the variable {} has no value", name.escape_debug())),
    }
    Ok(rest)
}

/// The names of the variables that a value asks for.
pub(super) fn variables_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("${")
        .skip(1)
        .filter_map(|tail| tail.split_once('}'))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens() -> Tokens<'static> {
        Tokens {
            home: "/home/me",
            local_host: "bastion.example",
            local_user: "me",
            uid: 1000,
            original: "web",
            host: "web1.example",
            key_alias: "web-alias",
            port: 2222,
            user: "root",
        }
    }

    #[test]
    fn each_token_has_its_value() {
        let text = tokens()
            .expand("%h %n %p %r %u %d %i %l %L %k %%", FILE, None)
            .unwrap();
        let expected =
            "web1.example web 2222 root me /home/me 1000 bastion.example bastion web-alias %";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_was_filled_in_is_not_filled_in_again() {
        let mut variables = Variables::new();
        variables.insert("A".to_owned(), Some("%h ${A}".to_owned()));
        assert_eq!(
            tokens().expand("${A}", FILE, Some(&variables)).unwrap(),
            "%h ${A}"
        );
    }

    #[test]
    fn unknown_tokens_and_missing_variables_are_errors() {
        for bad in ["%z", "%", "${B}", "${A", "${}"] {
            assert!(
                tokens().expand(bad, FILE, Some(&Variables::new())).is_err(),
                "{bad}"
            );
        }
        assert!(tokens().expand("%u", HOST_NAME, None).is_err());
        assert_eq!(
            tokens().expand("$HOME ${x", FILE, None).unwrap(),
            "$HOME ${x"
        );
    }

    #[test]
    fn a_tilde_is_the_local_users_home_and_nobody_elses() {
        assert_eq!(
            tokens().expand_home("~/.ssh/id").unwrap(),
            "/home/me/.ssh/id"
        );
        assert_eq!(tokens().expand_home("~").unwrap(), "/home/me/");
        assert_eq!(tokens().expand_home("/a/~").unwrap(), "/a/~");
        assert!(tokens().expand_home("~root/x").is_err());
    }

    proptest! {
        #[test]
        fn no_value_panics(text in "(%|\\$|\\{|\\}|é|.){0,30}") {
            let _ = tokens().expand(&text, FILE, Some(&Variables::new()));
            let _ = tokens().expand_home(&text);
            let _ = variables_in(&text).count();
        }
    }
}
