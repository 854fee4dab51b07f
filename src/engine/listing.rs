//! The inventory as a list to look through: quick for a hundred thousand hosts, of which only those
//! shown are looked up in `ssh_config`.

use std::sync::{Arc, PoisonError};

use super::directory::SiteDirectory;
use super::view::clip;
use crate::inventory::hostset::HostSet;
use crate::inventory::{GroupInfo, Inventory, fold};
use crate::run::filter::Filter;
use crate::run::spec::Access;
use crate::trust::ssh_config::host_objection;
use crate::wire::console::{GroupLine, HostLine, InventoryPage, InventoryQuery};
use crate::wire::reply::Fault;

/// Hosts in one answer.
const MOST_HOSTS: u32 = 1000;
/// The longest folded set of hosts, in bytes.
const LONGEST: usize = 4096;

/// What is said of an inventory as a whole, kept while it does not change.
pub struct Listed {
    inventory: Arc<Inventory>,
    groups: Arc<Vec<GroupLine>>,
    hosts: Arc<HostSet>,
}

impl SiteDirectory {
    /// See [`super::directory::Directory::listing`].
    pub(super) fn list(
        &self,
        query: &InventoryQuery,
        identity: Option<String>,
    ) -> Result<InventoryPage, Fault> {
        let filter = Filter::parse(&query.filter).map_err(Fault::usage)?;
        let loaded = self.site.inventory();
        let inventory = loaded.inventory;
        let (groups, all) = self.of_inventory(&inventory);
        let mut unknown = 0;
        let set = if query.targets.trim().is_empty() {
            all
        } else {
            let set = HostSet::parse(&query.targets, inventory.as_ref())
                .map_err(|error| Fault::usage(error.to_string()))?;
            let strange = set.difference(&all);
            strange.iter().try_for_each(|name| usable(&name))?;
            unknown = strange.len();
            Arc::new(set)
        };
        let mut page = matching(&set, &filter, query);
        page.unknown = u32::try_from(unknown).unwrap_or(u32::MAX);
        page.warnings = loaded.problems.iter().map(ToString::to_string).collect();
        page.groups = groups
            .iter()
            .filter(|group| filter.passes_words(&group.name, &[]))
            .cloned()
            .collect();
        let access = Access {
            identity,
            ..Access::default()
        };
        for host in &mut page.hosts {
            if let Err(why) = self.fill(&inventory, &access, host)
                && !page.warnings.contains(&why.message)
            {
                page.warnings.push(why.message);
            }
        }
        Ok(page)
    }

    /// Address, user and labels.
    fn fill(
        &self,
        inventory: &Inventory,
        access: &Access,
        host: &mut HostLine,
    ) -> Result<(), Fault> {
        let found = self.found(inventory, access, &host.name)?.resolved;
        let address = found.address.unwrap_or_default();
        host.address = match found.port {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address,
        };
        host.user = found.user.unwrap_or_default();
        let label = |(name, value): (&String, &String)| format!("{name}={value}");
        host.labels = found.labels.iter().map(label).collect();
        Ok(())
    }

    fn of_inventory(&self, inventory: &Arc<Inventory>) -> (Arc<Vec<GroupLine>>, Arc<HostSet>) {
        // Nothing is written halfway here.
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = listed.as_ref()
            && Arc::ptr_eq(&known.inventory, inventory)
        {
            return (known.groups.clone(), known.hosts.clone());
        }
        let groups = inventory.groups().map(|group| line(inventory, group));
        let names = inventory.hosts().map(|host| inventory.name(host));
        let known = Listed {
            inventory: inventory.clone(),
            groups: Arc::new(groups.collect()),
            hosts: Arc::new(HostSet::from_names(names).unwrap_or_default()),
        };
        let found = (known.groups.clone(), known.hosts.clone());
        *listed = Some(known);
        found
    }
}

/// A name that no inventory has is taken as it is, unless no host can be called so.
fn usable(name: &str) -> Result<(), Fault> {
    match host_objection(name) {
        None => Ok(()),
        Some(why) => Err(Fault::usage(format!(
            "no host can be called {name:?}: {why}. Commas stand between hosts"
        ))),
    }
}

/// The hosts of a set that match: all counted, those of the window named.
fn matching(set: &HostSet, filter: &Filter, query: &InventoryQuery) -> InventoryPage {
    let (from, count) = (query.from as usize, query.count.min(MOST_HOSTS) as usize);
    let shown_as = |name: String| HostLine {
        name,
        ..HostLine::default()
    };
    let (total, folded, hosts) = if filter.is_empty() {
        let shown = set.iter().skip(from).take(count).map(shown_as).collect();
        (set.len(), set.fold(), shown)
    } else {
        let passes = |name: &String| filter.passes_words(name, &[]);
        let names: Vec<String> = set.iter().filter(passes).collect();
        let folded = fold(names.iter().map(String::as_str));
        let total = names.len();
        let shown = names.into_iter().skip(from).take(count).map(shown_as);
        (total, folded, shown.collect())
    };
    InventoryPage {
        total: u32::try_from(total).unwrap_or(u32::MAX),
        folded: clip(&folded, LONGEST),
        from: query.from,
        hosts,
        ..InventoryPage::default()
    }
}

fn line(inventory: &Inventory, group: GroupInfo<'_>) -> GroupLine {
    let is_first = inventory
        .group(None, group.name)
        .is_ok_and(|first| first == group.id);
    let members = inventory.members(group.id);
    let names = members.iter().map(|host| inventory.name(*host).as_ref());
    GroupLine {
        name: if is_first {
            format!("@{}", group.name)
        } else {
            format!("@{}:{}", group.source, group.name)
        },
        count: u32::try_from(members.len()).unwrap_or(u32::MAX),
        hosts: clip(&fold(names), LONGEST),
    }
}
