//! From what was gathered to [`HostOptions`]: defaults, tokens, refusals and warnings.

use std::time::Duration;

use super::draft::Placed;
use super::error::{ConfigError, Place};
use super::jump::JumpHost;
use super::options::{AddressFamily, HostOptions, IdentityAgent, StrictHostKey};
use super::resolve::{Pass, expand};
use super::tokens;

const USER_KNOWN_HOSTS: [&str; 2] = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
const GLOBAL_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

impl Pass<'_> {
    /// The options, after the last pass.
    pub(super) fn conclude(mut self) -> Result<HostOptions, ConfigError> {
        if let Some(alias) = &mut self.draft.host_key_alias {
            alias.make_ascii_lowercase();
        }
        let warnings = self.warnings()?;
        let (proxy_jump, proxy_command) = self.way()?;
        let draft = &self.draft;
        Ok(HostOptions {
            host: self.original.to_owned(),
            port: draft.port.unwrap_or(22),
            user: draft.user.clone(),
            identity_files: self.files(&draft.identity_files)?,
            default_identities: draft.identity_files.is_empty(),
            certificate_files: self.files(&draft.certificate_files)?,
            identities_only: draft.identities_only.unwrap_or(false),
            identity_agent: self.agent()?,
            proxy_jump,
            proxy_command,
            host_key_alias: draft.host_key_alias.clone(),
            host_key_algorithms: draft.host_key_algorithms.clone(),
            ca_signature_algorithms: draft.ca_signature_algorithms.clone(),
            user_known_hosts_files: self
                .known_hosts(draft.user_known_hosts.as_ref(), USER_KNOWN_HOSTS)?,
            global_known_hosts_files: self
                .known_hosts(draft.global_known_hosts.as_ref(), GLOBAL_KNOWN_HOSTS)?,
            strict_host_key_checking: self.strictness(),
            revoked_host_keys: self.files(draft.revoked_host_keys.as_slice())?.pop(),
            connect_timeout: duration(draft.connect_timeout),
            server_alive_interval: duration(draft.alive_interval),
            server_alive_count_max: draft.alive_count_max,
            ciphers: draft.ciphers.clone(),
            macs: draft.macs.clone(),
            kex_algorithms: draft.kex_algorithms.clone(),
            address_family: draft.address_family.unwrap_or(AddressFamily::Any),
            bind_address: draft.bind_address.clone(),
            warnings,
            hostname: self.name,
        })
    }

    /// Refuses the host, or says what is not applied.
    fn warnings(&self) -> Result<Vec<String>, ConfigError> {
        let mut warnings = Vec::new();
        for (place, (concern, value)) in self.draft.watched.values().flatten() {
            let keyword = format!("{} {}", concern.keyword, value.escape_debug());
            if concern.refuse {
                let why = concern.why.to_owned();
                return Err(ConfigError::Refused {
                    place: place.clone(),
                    keyword,
                    why,
                });
            }
            warnings.push(format!("{place}: {keyword} is set, and {}.", concern.why));
        }
        if let Some((place, StrictHostKey::No)) = &self.draft.strict {
            warnings.push(format!(
                "{place}: StrictHostKeyChecking no is set, and unknown or changed host keys are \
                 refused all the same."
            ));
        }
        Ok(warnings)
    }

    fn strictness(&self) -> StrictHostKey {
        self.draft
            .strict
            .as_ref()
            .map_or(StrictHostKey::Ask, |(_, word)| *word)
    }

    /// The jump chain or the proxy command: at most one of the two is there.
    fn way(&self) -> Result<(Vec<JumpHost>, Option<String>), ConfigError> {
        if let Some((place, hops)) = &self.draft.proxy_jump
            && !hops.is_empty()
        {
            self.refuse_loop(place, hops)?;
            return Ok((hops.clone(), None));
        }
        match &self.draft.proxy_command {
            Some((place, text)) if !text.eq_ignore_ascii_case("none") => {
                self.refuse_fdpass()?;
                let tokens = self.tokens(&self.name, self.original);
                let command = expand(&tokens, place, text, tokens::PROXY, None)?;
                Ok((Vec::new(), Some(command)))
            }
            _ => Ok((Vec::new(), None)),
        }
    }

    fn refuse_loop(&self, place: &Place, hops: &[JumpHost]) -> Result<(), ConfigError> {
        let Some(last) = hops.last() else {
            return Ok(());
        };
        let same_port = last.port.unwrap_or(22) == self.draft.port.unwrap_or(22);
        let same_user = last.user.as_deref().is_none_or(|user| user == self.user());
        if last.host == self.name && same_port && same_user {
            return Err(ConfigError::JumpLoop {
                place: place.clone(),
                host: last.host.clone(),
            });
        }
        Ok(())
    }

    fn refuse_fdpass(&self) -> Result<(), ConfigError> {
        match &self.draft.proxy_fdpass {
            Some((place, true)) => Err(ConfigError::Refused {
                place: place.clone(),
                keyword: "ProxyUseFdpass yes".to_owned(),
                why: "a proxy command can only be a pipe here. Use ProxyJump, or a command that \
                      passes the bytes through"
                    .to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn agent(&self) -> Result<IdentityAgent, ConfigError> {
        let Some((place, text)) = &self.draft.identity_agent else {
            return Ok(IdentityAgent::Default);
        };
        let path = self.file(place, text)?;
        Ok(match path.as_str() {
            "SSH_AUTH_SOCK" => IdentityAgent::Default,
            "none" => IdentityAgent::None,
            path => match path.strip_prefix('$') {
                None => IdentityAgent::Socket(path.to_owned()),
                Some(name) => match self.config.variables.get(name) {
                    Some(Some(socket)) => IdentityAgent::Socket(socket.clone()),
                    _ => IdentityAgent::None,
                },
            },
        })
    }

    /// `~`, tokens and variables of a file name.
    fn file(&self, place: &Place, text: &str) -> Result<String, ConfigError> {
        let tokens = self.tokens(&self.name, self.original);
        let homed = tokens
            .expand_home(text)
            .map_err(|why| ConfigError::Expansion {
                place: place.clone(),
                text: text.escape_debug().to_string(),
                why,
            })?;
        expand(
            &tokens,
            place,
            &homed,
            tokens::FILE,
            Some(&self.config.variables),
        )
    }

    fn files(&self, list: &[Placed<String>]) -> Result<Vec<String>, ConfigError> {
        list.iter()
            .filter(|(_, text)| !text.eq_ignore_ascii_case("none"))
            .map(|(place, text)| self.file(place, text))
            .collect()
    }

    fn known_hosts(
        &self,
        given: Option<&Placed<Vec<String>>>,
        defaults: [&str; 2],
    ) -> Result<Vec<String>, ConfigError> {
        if let Some((place, files)) = given {
            return files.iter().map(|file| self.file(place, file)).collect();
        }
        let nowhere = Place {
            file: "(default)".into(),
            line: 0,
        };
        defaults
            .iter()
            .map(|file| self.file(&nowhere, file))
            .collect()
    }
}

fn duration(seconds: Option<u32>) -> Option<Duration> {
    seconds
        .filter(|&count| count > 0)
        .map(|count| Duration::from_secs(count.into()))
}
