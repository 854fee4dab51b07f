//! Unix users by number and name. Asks the system, which may ask a directory server: only from
//! threads that may wait.

use std::cell::OnceCell;
use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use crate::run::decide::BY_RULE;
use crate::site::identities::Member;

/// A Unix user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub uid: u32,
    /// What journals and audit records call them.
    pub name: String,
}

impl Person {
    /// Who has this number.
    pub fn of_uid(uid: u32) -> Self {
        let mut name = login_name(Uid::from_raw(uid));
        if name == BY_RULE {
            // That name stands for a rule wherever it is written down.
            name = format!("{BY_RULE}({uid})");
        }
        Self { uid, name }
    }

    /// Who has this name.
    pub fn named(name: &str) -> Option<Self> {
        let user = User::from_name(name).ok().flatten()?;
        Some(Self::of_uid(user.uid.as_raw()))
    }

    /// The user this process runs as.
    pub fn own() -> Self {
        Self::of_uid(rustix::process::geteuid().as_raw())
    }

    /// Whether the engine is theirs.
    pub fn is_owner(&self) -> bool {
        owns(self.uid)
    }

    /// Whether one of these means them.
    pub fn is_among(&self, members: &[Member]) -> bool {
        self.memberships().is_among(members)
    }

    /// Their groups, to ask more than one question of.
    pub fn memberships(&self) -> Memberships {
        Memberships {
            name: self.name.clone(),
            groups: OnceCell::new(),
            person: self.clone(),
        }
    }

    fn groups(&self) -> Vec<Gid> {
        let Ok(Some(user)) = User::from_uid(Uid::from_raw(self.uid)) else {
            return Vec::new();
        };
        CString::new(user.name)
            .ok()
            .and_then(|name| getgrouplist(&name, user.gid).ok())
            .unwrap_or_default()
    }
}

/// A person's groups, asked of the system once, and not before one matters.
#[derive(Debug)]
pub struct Memberships {
    name: String,
    groups: OnceCell<Vec<Gid>>,
    person: Person,
}

impl Memberships {
    /// Whether one of these means them.
    pub fn is_among(&self, members: &[Member]) -> bool {
        members.iter().any(|member| match member {
            Member::User(name) => *name == self.name,
            Member::Group(name) => self.is_in(name),
        })
    }

    fn is_in(&self, group: &str) -> bool {
        let Ok(Some(group)) = Group::from_name(group) else {
            return false;
        };
        let groups = self.groups.get_or_init(|| self.person.groups());
        groups.contains(&group.gid)
    }
}

/// Whether the system knows this user or group.
pub fn is_known(member: &Member) -> bool {
    match member {
        Member::User(name) => User::from_name(name).is_ok_and(|user| user.is_some()),
        Member::Group(name) => Group::from_name(name).is_ok_and(|group| group.is_some()),
    }
}

/// Whether an engine of this process is theirs: its own account, and root, from whom nothing can be
/// kept.
pub fn owns(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// The login name of the user this process runs as.
pub fn own_name() -> String {
    login_name(Uid::effective())
}

/// The user's name, or the number where nobody has it.
fn login_name(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

/// The home directory of the user this process runs as, by the system's records.
pub fn own_home() -> Option<std::path::PathBuf> {
    User::from_uid(Uid::effective())
        .ok()
        .flatten()
        .map(|user| user.dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_number_and_by_name() {
        assert_eq!(Person::of_uid(0).name, "root");
        assert_eq!(Person::named("root"), Some(Person::of_uid(0)));
        assert_eq!(Person::named("no-such-user"), None);
        assert_eq!(Person::of_uid(4_000_000_000).name, "4000000000");
        assert!(Person::own().is_owner());
        assert!(!Person::of_uid(4_000_000_000).is_owner());
    }

    #[test]
    fn members_are_meant_by_their_name_or_by_a_group_of_theirs() {
        let root = Person::of_uid(0);
        let user = |name: &str| Member::User(name.to_owned());
        let group = |name: &str| Member::Group(name.to_owned());
        assert!(root.is_among(&[user("kim"), user("root")]));
        assert!(root.is_among(&[group("root")]));
        assert!(!root.is_among(&[user("kim"), group("no-such-group")]));
        assert!(!Person::of_uid(4_000_000_000).is_among(&[group("root")]));
        assert!(!root.is_among(&[]));
    }
}
