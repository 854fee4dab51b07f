//! Hosts by name, and the way to each: inventory, `ssh_config` and known hosts brought together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::inventory::hostset::HostSet;
use crate::inventory::{Inventory, ResolvedHost};
use crate::run::spec::{Access, Target};
use crate::site::Site;
use crate::ssh::Route;
use crate::trust::known_hosts::KnownHosts;
use crate::trust::ssh_config::{HostOptions, JumpHost};
use crate::wire::console::{InventoryPage, InventoryQuery};
use crate::wire::reply::Fault;
use crate::wire::request::HostsQuery;
use crate::wire::view::Finding;

use super::doctor;
use super::identities::Identities;
use super::listing::Listed;

/// Jump hosts on the way to one host, at most.
const MOST_JUMPS: usize = 8;

/// A host that was found.
#[derive(Debug, Clone)]
pub struct FoundHost {
    /// For people.
    pub resolved: ResolvedHost,
    /// For a run.
    pub target: Target,
}

/// What a query found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The hosts, in the order of the set.
    pub hosts: Vec<FoundHost>,
    /// What is wrong with the inventory, a sentence each.
    pub warnings: Vec<String>,
}

/// Finds hosts and the ways to them. Behind a trait so that the engine's tests need no files.
pub trait Directory: Send + Sync {
    /// The hosts that a query names, at least one.
    fn resolve(&self, query: &HostsQuery) -> Result<Found, Fault>;

    /// The hosts of the inventory, or of a host set, as a list to look through.
    fn listing(
        &self,
        query: &InventoryQuery,
        identity: Option<String>,
    ) -> Result<InventoryPage, Fault>;

    /// The way to this target, or a sentence that says why there is none.
    fn route(&self, access: &Access, target: &Target) -> Result<Arc<Route>, String>;

    /// The file here that a definition means by this name.
    fn file(&self, source: &str) -> Result<PathBuf, Fault>;

    /// The names of the hosts that this host set means now, or a sentence that says why nobody
    /// knows.
    fn names(&self, text: &str) -> Result<Arc<HashSet<String>>, String>;

    /// What the doctor should know about configuration and keys.
    fn findings(&self) -> Vec<Finding>;
}

/// The directory of a real site.
pub struct SiteDirectory {
    pub(super) site: Site,
    identities: Arc<Identities>,
    pub(super) listed: Mutex<Option<Listed>>,
    named: Mutex<Option<Named>>,
}

/// What host sets mean, kept while the inventory does not change.
struct Named {
    inventory: Arc<Inventory>,
    sets: HashMap<String, Arc<HashSet<String>>>,
}

impl SiteDirectory {
    /// The directory of this site.
    pub fn new(site: Site, identities: Arc<Identities>) -> Self {
        Self {
            site,
            identities,
            listed: Mutex::default(),
            named: Mutex::default(),
        }
    }

    fn inventory(&self, query: &HostsQuery) -> Result<(Arc<Inventory>, Vec<String>), Fault> {
        let Some(from) = &query.from else {
            let loaded = self.site.inventory();
            let warnings = loaded.problems.iter().map(ToString::to_string).collect();
            return Ok((loaded.inventory, warnings));
        };
        let dir = query.dir.as_deref().unwrap_or("/");
        let inventory = self
            .site
            .foreign_inventory(from, Path::new(dir))
            .map_err(|error| Fault::usage(error.to_string()))?;
        Ok((inventory, Vec::new()))
    }

    fn options(
        &self,
        access: &Access,
        host: &str,
        user: Option<&str>,
        port: Option<u16>,
    ) -> Result<HostOptions, String> {
        let file = access.ssh_config.as_deref().map(Path::new).or(self
            .site
            .settings()
            .ssh
            .config
            .as_deref());
        self.site
            .openssh()
            .options(file, host, user, port)
            .map_err(|error| error.to_string())
    }

    fn target_options(&self, access: &Access, target: &Target) -> Result<HostOptions, String> {
        let user = access.user.as_deref().or(target.user.as_deref());
        let mut options = self.options(access, &target.name, user, target.port)?;
        if let Some(address) = &target.address {
            options.hostname = address.to_string();
        }
        if let Some(limit) = access.connect_timeout {
            options.connect_timeout = Some(limit);
        }
        Ok(options)
    }

    fn known_hosts(&self, options: &HostOptions) -> Result<Arc<KnownHosts>, String> {
        self.site
            .openssh()
            .known_hosts(options)
            .map_err(|error| error.to_string())
    }

    /// The first hop may itself be reached through others; later ones are reached through it.
    fn add_jumps(
        &self,
        access: &Access,
        hops: &[JumpHost],
        jumps: &mut Vec<HostOptions>,
    ) -> Result<(), String> {
        for (place, hop) in hops.iter().enumerate() {
            if jumps.len() >= MOST_JUMPS {
                return Err(format!(
                    "{} is behind more than {MOST_JUMPS} jump hosts: is ProxyJump a circle?",
                    hop.host
                ));
            }
            let options = self.options(access, &hop.host, hop.user.as_deref(), hop.port)?;
            if place == 0 && !options.proxy_jump.is_empty() {
                self.add_jumps(access, &options.proxy_jump, jumps)?;
            }
            jumps.push(options);
        }
        Ok(())
    }

    pub(super) fn found(
        &self,
        inventory: &Inventory,
        access: &Access,
        name: &str,
    ) -> Result<FoundHost, Fault> {
        let known = inventory.host(name).map(|host| inventory.resolve(host));
        let target = Target {
            name: name.into(),
            address: known
                .as_ref()
                .and_then(|host| host.address.as_deref().map(Into::into)),
            port: known.as_ref().and_then(|host| host.port),
            user: known
                .as_ref()
                .and_then(|host| host.user.as_deref().map(Into::into)),
        };
        let options = self.target_options(access, &target).map_err(Fault::usage)?;
        let mut resolved = known.unwrap_or_else(|| unlisted(name));
        resolved.address = Some(options.hostname);
        resolved.port = Some(options.port);
        let identity = access.identity.as_deref();
        resolved.user = options
            .user
            .or_else(|| self.identities.login_user(identity));
        Ok(FoundHost { resolved, target })
    }
}

impl Directory for SiteDirectory {
    fn resolve(&self, query: &HostsQuery) -> Result<Found, Fault> {
        let (inventory, warnings) = self.inventory(query)?;
        let set = HostSet::parse(&query.targets, inventory.as_ref())
            .map_err(|error| Fault::usage(error.to_string()))?;
        if set.is_empty() {
            let what = if inventory.is_empty() && query.from.is_none() {
                let file = self.site.paths().inventory_file();
                format!(
                    "the inventory is empty. Name hosts in {}, or say in conn.toml where they are listed ([inventory.NAME]: Ansible, ssh_config, ClusterShell, a command)",
                    file.display()
                )
            } else {
                "see what there is: conn hosts".to_owned()
            };
            return Err(Fault::usage(format!(
                "{:?} names no host; nothing was started; {what}",
                query.targets
            )));
        }
        let access = Access {
            user: query.user.clone(),
            ssh_config: query.ssh_config.clone(),
            identity: query.identity.clone(),
            ..Access::default()
        };
        let hosts = set
            .iter()
            .map(|name| self.found(&inventory, &access, &name))
            .collect::<Result<_, _>>()?;
        Ok(Found { hosts, warnings })
    }

    fn listing(
        &self,
        query: &InventoryQuery,
        identity: Option<String>,
    ) -> Result<InventoryPage, Fault> {
        self.list(query, identity)
    }

    fn route(&self, access: &Access, target: &Target) -> Result<Arc<Route>, String> {
        let identity = self.identities.credential(access.identity.as_deref())?;
        let mut options = self.target_options(access, target)?;
        let known = self.known_hosts(&options)?;
        if target.address.is_some() && options.host_key_alias.is_none() {
            options.host_key_alias = name_on_file(&known, &options);
        }
        let mut jumps = Vec::new();
        self.add_jumps(access, &options.proxy_jump, &mut jumps)?;
        let jump_known = jumps
            .iter()
            .map(|jump| self.known_hosts(jump))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(Route {
            options,
            jumps,
            known,
            jump_known,
            identity,
        }))
    }

    fn file(&self, source: &str) -> Result<PathBuf, Fault> {
        let paths = self.site.paths();
        let path = paths.config.join(source);
        if !paths.is_shared() {
            return Ok(path);
        }
        // A shared engine may read what the writer of a definition may not, keys above all.
        let folder = paths.config.join("files");
        let real = |path: &Path| {
            let cannot =
                |error| Fault::usage(format!("{} cannot be read: {error}", path.display()));
            path.canonicalize().map_err(cannot)
        };
        let (path, folder) = (real(&path)?, real(&folder)?);
        if !path.starts_with(&folder) {
            return Err(Fault::refused(format!(
                "{source} is not in {}: only from there a shared engine pushes files",
                folder.display()
            )));
        }
        Ok(path)
    }

    fn names(&self, text: &str) -> Result<Arc<HashSet<String>>, String> {
        let inventory = self.site.inventory().inventory;
        let mut kept = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|named| !Arc::ptr_eq(&named.inventory, &inventory));
        let kept = kept.get_or_insert_with(|| Named {
            inventory,
            sets: HashMap::new(),
        });
        if let Some(known) = kept.sets.get(text) {
            return Ok(known.clone());
        }
        let set = HostSet::parse(text, kept.inventory.as_ref());
        let set = set.map_err(|error| error.to_string())?;
        let hosts: Arc<HashSet<String>> = Arc::new(set.iter().collect());
        kept.sets.insert(text.to_owned(), hosts.clone());
        Ok(hosts)
    }

    fn findings(&self) -> Vec<Finding> {
        let options = match self.options(&Access::default(), "localhost", None, None) {
            Ok(options) => options,
            Err(why) => {
                return vec![doctor::bad("ssh_config", why, "mend the line it names")];
            }
        };
        let log = doctor::audit_log(self.site.settings().audit.syslog.as_deref());
        let known = match self.known_hosts(&options) {
            Ok(known) if known.is_empty() => doctor::warn(
                "known hosts",
                "no host key is on file: every host will be refused",
                "add them: ssh-keyscan, checked, into ~/.ssh/known_hosts; or a @cert-authority line",
            ),
            Ok(known) => doctor::ok("known hosts", format!("{} keys on file", known.len())),
            Err(why) => doctor::bad("known hosts", why, "make the file readable"),
        };
        vec![known, log]
    }
}

/// A host that no inventory has: `ssh_config` and the name itself say how it is reached.
fn unlisted(name: &str) -> ResolvedHost {
    ResolvedHost {
        host: name.to_owned(),
        address: None,
        port: None,
        user: None,
        source: "ssh_config".to_owned(),
        sources: Vec::new(),
        groups: Vec::new(),
        labels: BTreeMap::new(),
        vars: BTreeMap::new(),
        vars_from: BTreeMap::new(),
    }
}

/// For a host that is connected to by an inventory's address: the name its key is on file under,
/// if that is its own name. Otherwise the address is looked up, as `ssh` would.
fn name_on_file(known: &KnownHosts, options: &HostOptions) -> Option<String> {
    let name = options.host.to_lowercase();
    let name = match options.port {
        22 => name,
        port => format!("[{name}]:{port}"),
    };
    (!known.lines_of(&name).is_empty()).then_some(name)
}
