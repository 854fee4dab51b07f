//! From hosts back to the groups they make up.

use std::sync::Arc;

use super::build::Builder;
use super::error::HostSetError;
use super::evaluate::Evaluation;
use super::fold::FoldStyle;
use super::groups::{GroupError, Groups};
use super::scan::Names;
use super::{HostSet, MAX_HOSTS};

/// Characters that a group's name may not have: they are the notation's own.
const OPERATORS: [char; 6] = ['@', ',', '!', '&', '^', '*'];

/// A group that some hosts of a set are in.
#[derive(Debug, Clone)]
pub struct GroupMatch {
    /// The group's name, without `@` and source.
    pub name: String,
    /// All hosts of the group.
    pub members: Arc<HostSet>,
    /// Those of them that are in the set.
    pub matched: HostSet,
}

/// The names of a source's groups as a set: ranges in them are taken apart.
pub fn group_names(groups: &dyn Groups, source: Option<&str>) -> Result<HostSet, HostSetError> {
    let mut builder = Builder::default();
    let mut names = Names::default();
    let listed = groups.group_names(source)?;
    for name in listed.iter().filter(|name| !name.is_empty()) {
        check_name(name, source)?;
        names.read(name).map_err(|fault| fault.in_text(name))?;
        builder.add(&mut names);
    }
    builder.finish()
}

fn check_name(group: &str, source: Option<&str>) -> Result<(), GroupError> {
    match group.chars().find(|char| OPERATORS.contains(char)) {
        None => Ok(()),
        Some(character) => Err(GroupError::OperatorInName {
            source_name: source.unwrap_or("<default>").to_string(),
            group: group.to_string(),
            character,
        }),
    }
}

impl HostSet {
    /// The groups of a source that these hosts are in, by name.
    pub fn groups(
        &self,
        groups: &dyn Groups,
        source: Option<&str>,
    ) -> Result<Vec<GroupMatch>, HostSetError> {
        let evaluation = Evaluation::of(groups);
        let names = self.candidates(groups, source)?;
        let mut found = Vec::new();
        for name in names {
            let members = evaluation.group(source, &name)?;
            let matched = self.intersection(&members);
            if !matched.is_empty() {
                found.push(GroupMatch {
                    name,
                    members,
                    matched,
                });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The names of groups that these hosts may be in. Asking host by host is worth it only when
    /// there are fewer hosts than groups.
    fn candidates(
        &self,
        groups: &dyn Groups,
        source: Option<&str>,
    ) -> Result<Vec<String>, HostSetError> {
        let listed = match group_names(groups, source) {
            Ok(names) => names,
            Err(HostSetError::Group(GroupError::NoUpcall { .. } | GroupError::Failed { .. })) => {
                HostSet::new()
            }
            Err(error) => return Err(error),
        };
        if !groups.knows_groups_of(source) || (!listed.is_empty() && listed.len() < self.len()) {
            return Ok(listed.iter().collect());
        }
        let mut names = Vec::new();
        for host in self.iter().take(MAX_HOSTS) {
            for name in groups.groups_of(source, &host)? {
                check_name(&name, source)?;
                names.push(name);
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The set's text with whole groups in place of their hosts, the largest groups first.
    ///
    /// `prefix` is what stands before a group's name: `@`, or `@source:`.
    pub fn regroup(
        &self,
        groups: &dyn Groups,
        source: Option<&str>,
        prefix: &str,
        style: &FoldStyle,
    ) -> Result<String, HostSetError> {
        let mut whole = self.groups(groups, source)?;
        whole.retain(|group| group.matched.len() == group.members.len());
        whole.sort_by_key(|group| std::cmp::Reverse(group.members.len()));
        let mut rest = self.clone();
        let mut chosen = Vec::new();
        for group in whole {
            if rest.contains_all(&group.members) {
                rest = rest.difference(&group.members);
                chosen.push(format!("{prefix}{}", group.name));
            }
        }
        let chosen = HostSet::from_names(chosen)?;
        let parts = [chosen.fold(), rest.fold_as(style)];
        Ok(parts
            .iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(","))
    }
}
