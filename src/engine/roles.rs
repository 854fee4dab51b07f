//! Who may do what here: the grants of `conn.toml`, brought together with people and hosts.
//!
//! A private engine's person may do everything. On a shared one, root and the engine's own account
//! may; everybody else what `[[roles]]` give them. Where there are none, the members of the socket's
//! group are operators: they start and steer, and change nothing that others run.

use std::sync::{Arc, Mutex, PoisonError};

use super::directory::Directory;
use super::people::{Person, own_name};
use crate::run::roles::{Authority, Grant, HostScope, Member, Role};
use crate::site::Settings;

/// The roles of an engine.
#[derive(Debug, Default)]
pub struct Roles {
    shared: bool,
    /// Whether the settings say who has which role.
    said: bool,
    grants: Arc<[Grant]>,
    owners: Arc<str>,
    /// The grants with their hosts, as they were when somebody last needed to know.
    known: Mutex<Option<Arc<[Grant]>>>,
}

impl Roles {
    /// Those of these settings; `shared`: for an engine that serves several people.
    pub fn of(settings: &Settings, shared: bool) -> Self {
        let door = settings.engine.socket_group.clone();
        let members = || door.map(|group| vec![Member::Group(group)]);
        let grants = settings.roles.clone().unwrap_or_else(|| {
            let operators = members().map(|members| Grant::whole(Role::Operator, members));
            operators.into_iter().collect()
        });
        let owners = match own_name() {
            name if name == "root" => name,
            name => format!("root or {name}"),
        };
        Self {
            shared,
            said: settings.roles.is_some(),
            grants: grants.into(),
            owners: owners.into(),
            known: Mutex::default(),
        }
    }

    /// What this person may do. Asks the system who is in which group, and the inventory which
    /// hosts a limited role means: only for threads that may wait.
    pub fn authority(&self, person: &Person, directory: &dyn Directory) -> Authority {
        if !self.shared || person.is_owner() {
            return Authority::everything(&person.name);
        }
        let groups = person.memberships();
        let theirs = |grant: &&Grant| groups.is_among(&grant.members);
        let limited = self
            .grants
            .iter()
            .filter(theirs)
            .any(|grant| grant.hosts.is_some());
        // A slow inventory holds up nobody whose roles do not depend on it.
        let grants = if limited {
            self.work_out(directory)
        } else {
            self.last_known()
        };
        Authority::of(
            &person.name,
            grants,
            |members| groups.is_among(members),
            &self.owners,
        )
    }

    /// The grants with the hosts they mean now.
    pub fn work_out(&self, directory: &dyn Directory) -> Arc<[Grant]> {
        let worked_out = |grant: &Grant| Grant {
            hosts: grant.hosts.as_ref().map(|hosts| HostScope {
                text: hosts.text.clone(),
                names: directory.names(&hosts.text),
            }),
            ..grant.clone()
        };
        let grants: Arc<[Grant]> = self.grants.iter().map(worked_out).collect();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(grants.clone());
        grants
    }

    fn last_known(&self) -> Arc<[Grant]> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone().unwrap_or_else(|| self.grants.clone())
    }

    /// The grants as they are written, when the settings say who has which role.
    pub fn said(&self) -> Option<&[Grant]> {
        self.said.then_some(&*self.grants)
    }

    /// A sentence for logs and the doctor.
    pub fn in_words(&self) -> String {
        let owners = &self.owners;
        if self.said {
            return format!("{} roles; admins: {owners}", self.grants.len());
        }
        let operators: Vec<String> = self
            .grants
            .iter()
            .flat_map(|grant| &grant.members)
            .map(ToString::to_string)
            .collect();
        match operators.first() {
            Some(who) => format!("no [[roles]]: operators: {who}; admins: {owners}"),
            None => format!("no [[roles]] and no socket_group: admins: {owners}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::engine::directory::Found;
    use crate::run::roles::{Deed, Scope};
    use crate::run::spec::{Access, Target};
    use crate::ssh::Route;
    use crate::wire::console::{InventoryPage, InventoryQuery};
    use crate::wire::reply::Fault;
    use crate::wire::request::HostsQuery;
    use crate::wire::view::Finding;

    /// A directory that knows one group, or none any more.
    struct Groups(bool);

    impl Directory for Groups {
        fn resolve(&self, _: &HostsQuery) -> Result<Found, Fault> {
            Ok(Found::default())
        }

        fn listing(&self, _: &InventoryQuery, _: Option<String>) -> Result<InventoryPage, Fault> {
            Ok(InventoryPage::default())
        }

        fn route(&self, _: &Access, _: &Target) -> Result<Arc<Route>, String> {
            Err("no way".to_owned())
        }

        fn file(&self, source: &str) -> Result<std::path::PathBuf, Fault> {
            Err(Fault::usage(source))
        }

        fn names(&self, text: &str) -> Result<Arc<HashSet<String>>, String> {
            if self.0 && text == "@web" {
                let names = ["web1", "web2"].map(str::to_owned);
                return Ok(Arc::new(HashSet::from(names)));
            }
            Err(format!("there is no group {text}"))
        }

        fn findings(&self) -> Vec<Finding> {
            Vec::new()
        }
    }

    fn roles(text: &str, shared: bool) -> Roles {
        let settings = Settings::parse(Path::new("/etc/conn/conn.toml"), text).unwrap();
        Roles::of(&settings, shared)
    }

    fn daemon() -> Person {
        Person::named("daemon").unwrap()
    }

    fn role_of(roles: &Roles, person: &Person) -> Option<Role> {
        roles.authority(person, &Groups(true)).role()
    }

    #[test]
    fn without_roles_the_sockets_group_operates_and_nobody_else_does_anything() {
        let text = "[engine]\nsocket_group = 'daemon'\n";
        let shared = roles(text, true);
        assert_eq!(role_of(&shared, &daemon()), Some(Role::Operator));
        assert_eq!(role_of(&shared, &Person::of_uid(4_000_000_000)), None);
        assert_eq!(role_of(&shared, &Person::of_uid(0)), Some(Role::Admin));
        assert!(shared.in_words().contains("operators: anyone in @daemon"));
        assert_eq!(role_of(&roles("", true), &daemon()), None);
        let private = roles(text, false);
        let stranger = Person::of_uid(4_000_000_000);
        assert_eq!(role_of(&private, &stranger), Some(Role::Admin));
    }

    #[test]
    fn with_roles_only_who_is_named_has_one_and_the_highest_counts() {
        let text = "[engine]\nsocket_group = 'daemon'\n\
            [[roles]]\nrole = 'viewer'\ngroups = ['daemon']\n\
            [[roles]]\nrole = 'lead'\nusers = ['daemon']\n";
        let both = roles(text, true);
        assert_eq!(role_of(&both, &daemon()), Some(Role::Lead));
        let viewer = text.replace("users = ['daemon']", "users = ['bin']");
        assert_eq!(
            role_of(&roles(&viewer, true), &daemon()),
            Some(Role::Viewer)
        );
        let nobody = viewer.replace("groups = ['daemon']", "groups = ['bin']");
        assert_eq!(role_of(&roles(&nobody, true), &daemon()), None);
    }

    #[test]
    fn a_role_on_hosts_that_nobody_knows_any_more_reaches_no_host() {
        let text = "[[roles]]\nrole = 'operator'\nusers = ['daemon']\nhosts = '@web'\n";
        let roles = roles(text, true);
        let spec = crate::run::roles::on(&["web1"]);
        let may = |known: bool| {
            let authority = roles.authority(&daemon(), &Groups(known));
            authority.may(Deed::Start, &Scope::Run(&spec))
        };
        assert!(may(true).is_ok());
        let refused = may(false).unwrap_err().to_string();
        assert!(refused.contains("there is no group @web"), "{refused}");
        assert!(refused.contains("web1"), "{refused}");
    }
}
