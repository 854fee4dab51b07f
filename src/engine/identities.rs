//! Whose keys a run uses, and who may use which.
//!
//! A private engine uses what its person has: agents, keys, `ssh_config`. A shared one has many
//! people and must not use the keys of one for another, so that each of its runs authenticates with
//! a named key. Whoever makes such a run go on makes its key work, and must be allowed to.

use super::people::Person;
use crate::site::Settings;
use crate::site::identities::Identity;
use crate::ssh;
use crate::wire::reply::Fault;

/// The named keys of a site.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    list: Vec<Identity>,
    default: Option<String>,
    shared: bool,
}

impl Identities {
    /// Those of these settings; `shared`: for an engine that serves several people.
    pub fn of(settings: &Settings, shared: bool) -> Self {
        Self {
            list: settings.identities.clone(),
            default: settings.run.identity.clone(),
            shared,
        }
    }

    /// All of them.
    pub fn list(&self) -> &[Identity] {
        &self.list
    }

    /// What a run of this person authenticates with: what was asked for, else the site's default,
    /// else, on a private engine, what the person has (`None`).
    pub fn choose(&self, asked: Option<&str>, person: &Person) -> Result<Option<String>, Fault> {
        match asked.or(self.default.as_deref()) {
            Some(name) => {
                self.admit(name, person)?;
                Ok(Some(name.to_owned()))
            }
            None if self.shared => Err(Fault::refused(format!(
                "a shared engine uses no agent and no key of yours: name one of its identities \
                 with --identity NAME. {}",
                self.usable(person)
            ))),
            None => Ok(None),
        }
    }

    /// Refuses whoever may not use the identity.
    pub fn admit(&self, name: &str, person: &Person) -> Result<(), Fault> {
        let Some(identity) = self.find(name) else {
            return Err(Fault::usage(format!(
                "there is no identity {name:?}. {}",
                self.usable(person)
            )));
        };
        if self.lets(identity, person) {
            return Ok(());
        }
        Err(Fault::refused(format!(
            "{} may not use the identity {name}. {}",
            person.name,
            self.usable(person)
        )))
    }

    /// The key behind the name, as the SSH room takes it.
    pub fn credential(&self, name: Option<&str>) -> Result<ssh::Identity, String> {
        let Some(name) = name else {
            return if self.shared {
                Err("the run names no identity, and a shared engine has no other key".to_owned())
            } else {
                Ok(ssh::Identity::Person)
            };
        };
        let identity = self.find(name).ok_or_else(|| {
            format!("there is no identity {name} any more; put it back into conn.toml")
        })?;
        Ok(ssh::Identity::Named {
            key: identity.key.clone(),
            certificate: identity.certificate.clone(),
            user: identity.user.clone(),
        })
    }

    /// Whom the identity logs in as where nothing else says.
    pub fn login_user(&self, name: Option<&str>) -> Option<String> {
        self.find(name?)?.user.clone()
    }

    fn find(&self, name: &str) -> Option<&Identity> {
        self.list.iter().find(|identity| identity.name == name)
    }

    fn lets(&self, identity: &Identity, person: &Person) -> bool {
        let listed = |members: &Vec<_>| person.is_among(members);
        !self.shared || person.is_owner() || identity.allowed.as_ref().is_none_or(listed)
    }

    /// A sentence that lists what this person may use.
    fn usable(&self, person: &Person) -> String {
        let names: Vec<&str> = self
            .list
            .iter()
            .filter(|identity| self.lets(identity, person))
            .map(|identity| identity.name.as_str())
            .collect();
        if names.is_empty() {
            return "There is none that you may use; ask whoever keeps the engine's conn.toml"
                .to_owned();
        }
        format!("You may use: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::wire::FaultKind;

    const TEXT: &str = "[identities.open]\nkey = '/open'\n\
        [identities.daemons]\nkey = '/daemons'\nuser = 'deploy'\nallowed = ['@daemon']\n\
        [identities.nobody]\nkey = '/nobody'\nallowed = []\n";

    fn identities(default: &str, shared: bool) -> Identities {
        let text = format!("{default}{TEXT}");
        let settings = Settings::parse(Path::new("/etc/conn/conn.toml"), &text).unwrap();
        Identities::of(&settings, shared)
    }

    fn daemon() -> Person {
        Person::named("daemon").unwrap()
    }

    fn stranger() -> Person {
        Person::of_uid(4_000_000_000)
    }

    #[test]
    fn a_shared_engine_asks_for_an_identity_and_lists_what_one_may_use() {
        let identities = identities("", true);
        let refused = identities.choose(None, &stranger()).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Refused);
        assert!(refused.message.ends_with("You may use: open"), "{refused}");
        let refused = identities.choose(None, &daemon()).unwrap_err();
        assert!(
            refused.message.ends_with("You may use: open, daemons"),
            "{refused}"
        );
        let none = Identities {
            shared: true,
            ..Identities::default()
        };
        let refused = none.choose(None, &daemon()).unwrap_err();
        assert!(
            refused.message.contains("none that you may use"),
            "{refused}"
        );
    }

    #[test]
    fn only_those_who_are_allowed_use_an_identity() {
        let identities = identities("", true);
        let chosen = |name, person: &Person| identities.choose(Some(name), person);
        assert_eq!(chosen("open", &stranger()), Ok(Some("open".to_owned())));
        assert_eq!(chosen("daemons", &daemon()), Ok(Some("daemons".to_owned())));
        let refused = chosen("daemons", &stranger()).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Refused);
        assert_eq!(
            refused.message,
            "4000000000 may not use the identity daemons. You may use: open"
        );
        assert!(chosen("nobody", &daemon()).is_err());
        assert!(chosen("nobody", &Person::of_uid(0)).is_ok(), "root has it");
        let unknown = chosen("opps", &stranger()).unwrap_err();
        assert_eq!(unknown.kind, FaultKind::Usage);
    }

    #[test]
    fn the_default_is_used_where_none_is_named_and_only_by_those_who_may() {
        let identities = identities("[run]\nidentity = 'daemons'\n", true);
        let default = Ok(Some("daemons".to_owned()));
        assert_eq!(identities.choose(None, &daemon()), default);
        assert!(identities.choose(None, &stranger()).is_err());
        let open = Ok(Some("open".to_owned()));
        assert_eq!(identities.choose(Some("open"), &stranger()), open);
    }

    #[test]
    fn a_private_engine_uses_what_its_person_has_unless_an_identity_is_named() {
        let identities = identities("", false);
        assert_eq!(identities.choose(None, &stranger()), Ok(None));
        assert_eq!(identities.credential(None), Ok(ssh::Identity::Person));
        let named = identities.choose(Some("nobody"), &stranger());
        assert_eq!(named, Ok(Some("nobody".to_owned())));
        assert!(matches!(
            identities.credential(Some("daemons")),
            Ok(ssh::Identity::Named { user: Some(user), .. }) if user == "deploy"
        ));
        assert!(identities.credential(Some("gone")).is_err());
    }

    #[test]
    fn a_shared_engine_never_falls_back_to_a_persons_keys() {
        assert!(identities("", true).credential(None).is_err());
    }
}
