//! What all three forms put together: groups below `all`, hosts without a group in `ungrouped`.

use std::sync::Arc;

use serde_json::Value;

use super::{Owner, connect, pattern};
use crate::inventory::error::InventoryError;
use crate::inventory::source::{Assigned, GroupIx, HostIx, Source, SourceBuilder};
use crate::inventory::vars::Level;
use crate::run::complaint::{Complaint, Place, quote};

/// An inventory that is being read.
pub(super) struct Gather {
    pub(super) builder: SourceBuilder,
    all: GroupIx,
    ungrouped: GroupIx,
}

impl Gather {
    pub(super) fn new(source: &str, file: &str) -> Self {
        let mut builder = SourceBuilder::new(source);
        let place = Place::whole(&Arc::from(file));
        let all = builder.group("all", Level::Group, &place);
        let ungrouped = builder.group("ungrouped", Level::Group, &place);
        builder.add_child(all, ungrouped);
        Self {
            builder,
            all,
            ungrouped,
        }
    }

    /// The group of this name, new or known.
    pub(super) fn group(&mut self, name: &str, place: &Place) -> GroupIx {
        self.builder.group(name, Level::Group, place)
    }

    /// The group that hosts before the first section belong to.
    pub(super) fn ungrouped(&self) -> GroupIx {
        self.ungrouped
    }

    /// The hosts that a pattern means, as members of a group; the error is a sentence.
    pub(super) fn pattern(
        &mut self,
        text: &str,
        group: GroupIx,
        place: &Place,
    ) -> Result<Vec<HostIx>, String> {
        let (names, port) = pattern::expand(text)?;
        let mut hosts = Vec::with_capacity(names.len());
        for name in names {
            hosts.push(self.host(&name, port, Some(group), place)?);
        }
        Ok(hosts)
    }

    /// One host; a port counts only where the host is named for the first time.
    pub(super) fn host(
        &mut self,
        name: &str,
        port: Option<u64>,
        group: Option<GroupIx>,
        place: &Place,
    ) -> Result<HostIx, String> {
        let is_new = !self.builder.knows_host(name);
        let host = self.builder.host(name, place)?;
        if let Some(port) = port.filter(|port| is_new && *port > 0) {
            self.builder
                .set_host_var(host, "ansible_port", port.into(), place);
        }
        if let Some(group) = group {
            self.builder.add_member(group, host);
        }
        Ok(host)
    }

    /// Gives a group a variable; the error is a sentence.
    pub(super) fn group_var(
        &mut self,
        group: GroupIx,
        key: &str,
        value: Value,
        place: &Place,
    ) -> Result<(), String> {
        if key != "ansible_group_priority" {
            self.builder.set_group_var(group, key, value, place);
            return Ok(());
        }
        let number = value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        let wrong = || {
            format!(
                "ansible_group_priority must be a whole number, but is {}",
                quote(&value.to_string())
            )
        };
        self.builder.group_mut(group).priority = number.ok_or_else(wrong)?;
        Ok(())
    }

    /// A variable from a file beside the inventory; files of unknown owners say nothing.
    pub(super) fn file_var(&mut self, owner: Owner<'_>, key: &str, value: Value, place: &Place) {
        match owner {
            Owner::Group(name) => {
                let Some(group) = self.builder.so_far().group_ix(name) else {
                    return;
                };
                let key = self.builder.intern(key);
                let assigned = Assigned {
                    value,
                    place: place.clone(),
                };
                self.builder
                    .group_mut(group)
                    .file_vars
                    .insert(key, assigned);
            }
            Owner::Host(name) if self.builder.knows_host(name) => {
                if let Ok(host) = self.builder.host(name, place) {
                    self.builder.set_host_var(host, key, value, place);
                }
            }
            Owner::Host(_) => {}
        }
    }

    /// Puts groups without a parent below `all`, and hosts where they belong.
    pub(super) fn reconcile(&mut self) -> Result<(), Complaint> {
        let groups = self.builder.so_far().groups();
        let orphans: Vec<usize> = (0..groups.len())
            .filter(|ix| groups[*ix].parents.is_empty())
            .collect();
        for orphan in orphans {
            let orphan = GroupIx(orphan as u32);
            if orphan != self.all {
                self.builder.add_child(self.all, orphan);
            }
        }
        self.builder.rank_groups()?;
        self.settle_ungrouped();
        Ok(())
    }

    /// `ungrouped` holds exactly the hosts that are in no other group but `all`.
    fn settle_ungrouped(&mut self) {
        let source = self.builder.so_far();
        let (all, ungrouped) = (self.all, self.ungrouped);
        let mut grouped = Vec::with_capacity(source.hosts().len());
        for ix in 0..source.hosts().len() {
            let groups = source.groups_above(HostIx(ix as u32));
            grouped.push(
                groups
                    .iter()
                    .any(|group| *group != all && *group != ungrouped),
            );
        }
        let leaving: std::collections::HashSet<Arc<str>> = source
            .hosts()
            .iter()
            .zip(&grouped)
            .filter(|(_, grouped)| **grouped)
            .map(|(host, _)| Arc::clone(&host.name))
            .collect();
        self.builder
            .remove_members(ungrouped, |host| leaving.contains(&host.name));
        for (ix, grouped) in grouped.into_iter().enumerate() {
            if !grouped {
                self.builder.add_member(ungrouped, HostIx(ix as u32));
            }
        }
    }

    /// The finished source, with each host's connection taken from its variables.
    pub(super) fn finish(mut self) -> Result<Source, InventoryError> {
        connect::all_hosts(&mut self.builder)?;
        Ok(self.builder.finish()?)
    }
}
