//! One person's roles, asked whether they are enough.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::grant::definition_word;
use super::{Deed, Denied, Grant, Member, Role};
use crate::run::spec::RunSpec;

/// What a deed is about.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Nothing in particular: a role is enough wherever it is for.
    Anything,
    /// Everything there is: only a role without limits is enough.
    Everything,
    /// A run, on its frozen hosts, and what it is a run of.
    Run(&'a RunSpec),
    /// A definition.
    Definition {
        /// The word of its kind.
        kind: &'a str,
        /// Its name.
        name: &'a str,
    },
}

/// What a person may do.
#[derive(Debug, Clone)]
pub struct Authority {
    who: String,
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    /// The engine is theirs.
    Everything,
    Grants {
        /// Those of all people, for whom to ask.
        all: Arc<[Grant]>,
        /// The places of theirs.
        own: Vec<usize>,
        /// Whose engine it is, who may do everything.
        owners: Arc<str>,
    },
}

/// Why roles are not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// No grant at all.
    NoRole,
    /// A lower role.
    Lower(Role),
    /// The role, for other definitions than this.
    OtherWork {
        work: String,
        role: Role,
        covers: Vec<String>,
    },
    /// The role, on other hosts than these.
    OtherHosts {
        first: String,
        more: usize,
        role: Role,
        covers: Vec<String>,
        unknown: Option<String>,
    },
    /// The role, but not without limits.
    Limited(Role),
}

impl Authority {
    /// Of somebody whose engine it is.
    pub fn everything(who: &str) -> Self {
        Self {
            who: who.to_owned(),
            held: Held::Everything,
        }
    }

    /// Of somebody who has those grants that name them; `owners` says who may do everything.
    pub fn of(
        who: &str,
        all: Arc<[Grant]>,
        names_them: impl Fn(&[Member]) -> bool,
        owners: &Arc<str>,
    ) -> Self {
        let own = (0..all.len())
            .filter(|place| names_them(&all[*place].members))
            .collect();
        Self {
            who: who.to_owned(),
            held: Held::Grants {
                all,
                own,
                owners: owners.clone(),
            },
        }
    }

    /// Whose it is.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// The highest role they have anywhere.
    pub fn role(&self) -> Option<Role> {
        match &self.held {
            Held::Everything => Some(Role::Admin),
            Held::Grants { all, own, .. } => own.iter().map(|place| all[*place].role).max(),
        }
    }

    /// Whether it depends on hosts or definitions what they may do.
    pub fn has_limits(&self) -> bool {
        match &self.held {
            Held::Everything => false,
            Held::Grants { all, own, .. } => own.iter().any(|place| !all[*place].is_whole()),
        }
    }

    /// Whether they may; the refusal says what is missing and whom to ask.
    pub fn may(&self, deed: Deed, scope: &Scope<'_>) -> Result<(), Denied> {
        let Held::Grants { all, own, .. } = &self.held else {
            return Ok(());
        };
        let own: Vec<&Grant> = own.iter().map(|place| &all[*place]).collect();
        match lack(&own, deed.needs(), scope) {
            None => Ok(()),
            Some(lack) => Err(Denied {
                who: self.who.clone(),
                deed,
                lack: Box::new(lack),
                ask: self.others(deed, scope),
            }),
        }
    }

    /// Who else may, for a sentence: "lee or anyone in @leads".
    pub fn others(&self, deed: Deed, scope: &Scope<'_>) -> String {
        let Held::Grants { all, owners, .. } = &self.held else {
            return "somebody else".to_owned();
        };
        let able = |grant: &&Grant| lack(&[grant], deed.needs(), scope).is_none();
        let members = all.iter().filter(able).flat_map(|grant| &grant.members);
        let person = Member::User(self.who.clone());
        let them: BTreeSet<&Member> = members.filter(|member| **member != person).collect();
        if them.is_empty() {
            return owners.to_string();
        }
        let names: Vec<String> = them.iter().map(ToString::to_string).collect();
        names.join(" or ")
    }
}

/// What these grants lack for a deed that takes this role.
fn lack(grants: &[&Grant], needs: Role, scope: &Scope<'_>) -> Option<Lack> {
    let Some(highest) = grants.iter().map(|grant| grant.role).max() else {
        return Some(Lack::NoRole);
    };
    let able: Vec<&Grant> = grants
        .iter()
        .copied()
        .filter(|grant| grant.role >= needs)
        .collect();
    if able.is_empty() {
        return Some(Lack::Lower(highest));
    }
    match scope {
        Scope::Anything => None,
        Scope::Everything => {
            let whole = able.iter().any(|grant| grant.is_whole());
            (!whole).then_some(Lack::Limited(highest))
        }
        Scope::Run(spec) => lack_for_run(&able, highest, spec),
        Scope::Definition { kind, name } => {
            let known = able.iter().any(|grant| grant.is_for_definition(kind, name));
            (!known).then(|| Lack::OtherWork {
                work: format!("{kind}/{name}"),
                role: highest,
                covers: definitions(&able),
            })
        }
    }
}

fn lack_for_run(able: &[&Grant], role: Role, spec: &RunSpec) -> Option<Lack> {
    let fitting: Vec<&Grant> = able
        .iter()
        .copied()
        .filter(|grant| grant.is_for_work(spec))
        .collect();
    if fitting.is_empty() {
        let work = match &spec.flow {
            Some(flow) => format!("{}/{}", definition_word(spec.kind), flow.name),
            None => spec.kind.word().to_owned(),
        };
        return Some(Lack::OtherWork {
            work,
            role,
            covers: definitions(able),
        });
    }
    if fitting.iter().any(|grant| grant.hosts.is_none()) {
        return None;
    }
    if spec.reaches().next().is_none() {
        // Nobody knows from here where it will be at work.
        return Some(Lack::Limited(role));
    }
    let mut out = spec
        .reaches()
        .filter(|host| !fitting.iter().any(|grant| grant.reaches(host)));
    let first = out.next()?.to_owned();
    let scopes = || fitting.iter().filter_map(|grant| grant.hosts.as_ref());
    Some(Lack::OtherHosts {
        first,
        more: out.count(),
        role,
        covers: scopes().map(|hosts| hosts.text.clone()).collect(),
        unknown: scopes().find_map(|hosts| hosts.names.as_ref().err().cloned()),
    })
}

fn definitions(grants: &[&Grant]) -> Vec<String> {
    let masks = grants.iter().filter_map(|grant| grant.definitions.as_ref());
    masks.flatten().map(|mask| mask.0.clone()).collect()
}
