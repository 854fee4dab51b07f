//! The inventory as the place where `@group` and wildcards find their hosts.

use super::hostset::{GroupError, Groups};
use super::{HostId, Inventory};

impl Inventory {
    fn names(&self, hosts: impl IntoIterator<Item = HostId>) -> Vec<String> {
        hosts
            .into_iter()
            .map(|host| self.name(host).to_string())
            .collect()
    }
}

fn failed(source: Option<&str>, why: impl std::fmt::Display) -> GroupError {
    GroupError::Failed {
        source_name: source.unwrap_or("inventory").to_owned(),
        why: why.to_string(),
    }
}

impl Groups for Inventory {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(Self::sources(self)
            .iter()
            .map(|source| source.name().to_string())
            .collect())
    }

    fn hosts(&self, source: Option<&str>, group: &str) -> Result<Vec<String>, GroupError> {
        let group = self
            .group(source, group)
            .map_err(|error| failed(source, error))?;
        Ok(self.names(self.members(group)))
    }

    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        match source {
            None => Ok(self.names(Self::hosts(self))),
            Some(name) => {
                let hosts = self
                    .source_hosts(name)
                    .map_err(|error| failed(source, error))?;
                Ok(self.names(hosts))
            }
        }
    }

    fn group_names(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        Ok(self
            .groups()
            .filter(|group| source.is_none_or(|source| **group.source == *source))
            .map(|group| group.name.to_string())
            .collect())
    }

    fn knows_groups_of(&self, _source: Option<&str>) -> bool {
        true
    }

    fn groups_of(&self, source: Option<&str>, host: &str) -> Result<Vec<String>, GroupError> {
        let Some(host) = self.host(host) else {
            return Ok(Vec::new());
        };
        Ok(Self::groups_of(self, host)
            .into_iter()
            .filter(|group| source.is_none_or(|source| **group.source == *source))
            .map(|group| group.name.to_string())
            .collect())
    }
}
