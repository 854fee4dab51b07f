//! The files that lead a client to the demo fleet: keys, `known_hosts`, `ssh_config`, inventory.
//!
//! The texts are made without touching a disk; one function writes them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PublicKey};

use super::DemoError;
use super::roster::{CANARY, GROUPS, RACK, REGION_SERVERS};

/// The user that the demo logs in as.
pub const USER: &str = "ops";

/// Where the files of a fleet are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// For `ssh -F` and `conn -F`.
    pub ssh_config: PathBuf,
    /// The host keys, one of them wrong on purpose.
    pub known_hosts: PathBuf,
    /// The client's private key, readable by its owner only.
    pub key: PathBuf,
    /// The inventory: hosts with their addresses, and the groups.
    pub inventory: PathBuf,
}

impl Files {
    /// Their places in `dir`.
    pub fn in_directory(dir: &Path) -> Self {
        Self {
            ssh_config: dir.join("ssh_config"),
            known_hosts: dir.join("known_hosts"),
            key: dir.join("id_ed25519"),
            inventory: dir.join("inventory.toml"),
        }
    }
}

/// A host as its clients see it.
pub struct Entry {
    /// Short name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What `known_hosts` says its key is.
    pub known_key: PublicKey,
}

/// Makes an Ed25519 key.
pub fn new_key() -> Result<PrivateKey, DemoError> {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .map_err(DemoError::key)
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, text: &[u8]) -> Result<(), DemoError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(DemoError::write(path))?;
    file.write_all(text).map_err(DemoError::write(path))
}

/// Writes a file that replaces what is there.
pub fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    fs::write(path, text).map_err(DemoError::write(path))
}

/// Writes all files of a fleet.
pub fn write_all(files: &Files, key: &PrivateKey, entries: &[Entry]) -> Result<(), DemoError> {
    let pem = key.to_openssh(LineEnding::LF).map_err(DemoError::key)?;
    write_private(&files.key, pem.as_bytes())?;
    write(&files.known_hosts, &known_hosts(entries)?)?;
    write(&files.ssh_config, &ssh_config(files, entries))?;
    write(&files.inventory, &inventory(entries))
}

/// One line a host, for its name and its address, with and without the port.
fn known_hosts(entries: &[Entry]) -> Result<String, DemoError> {
    let mut text = String::new();
    for Entry {
        name,
        address,
        known_key,
    } in entries
    {
        let key = known_key.to_openssh().map_err(DemoError::key)?;
        let (ip, port) = (address.ip(), address.port());
        let _ = writeln!(text, "{name},[{name}]:{port},[{ip}]:{port} {key}");
    }
    Ok(text)
}

fn ssh_config(files: &Files, entries: &[Entry]) -> String {
    let mut text = "# The demo's hosts. They exist only while the demo runs.\n".to_owned();
    for Entry { name, address, .. } in entries {
        let (ip, port) = (address.ip(), address.port());
        let _ = write!(
            text,
            "\nHost {name}\n  HostName {ip}\n  Port {port}\n  HostKeyAlias {name}\n"
        );
    }
    let _ = write!(
        text,
        "\nHost *\n  User {USER}\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
         UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  \
         ConnectTimeout 5\n",
        quoted(&files.key),
        quoted(&files.known_hosts),
    );
    text
}

/// A path as `ssh_config` takes it: in quotes, its percent signs doubled.
pub fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

/// What the example site's flows are for: the clusters, and who belongs to what.
const APPS: &str = r#"
[clusters.cluster-a]
members = "rs[01-10]"

[clusters.cluster-b]
members = "rs[11-20]"

[apps.hbase]
children = ["cluster-a", "cluster-b"]

[apps.galaxy]
children = ["batch"]
"#;

/// Hosts by group where the addresses follow the names, else one by one.
fn inventory(entries: &[Entry]) -> String {
    let mut text = "# The demo's hosts. They exist only while the demo runs.\n".to_owned();
    let mut rest = entries;
    for (group, size) in GROUPS {
        let (members, others) = rest.split_at(size.min(rest.len()));
        rest = others;
        let together = if group == REGION_SERVERS { RACK } else { size };
        for (place, members) in members.chunks(together).enumerate() {
            let rack = (group == REGION_SERVERS).then_some(place + 1);
            describe_all(&mut text, members, place * together + 1, group, rack);
        }
        let _ = write!(
            text,
            "\n[groups.{group}]\nmembers = \"{group}[01-{size:02}]\"\n"
        );
    }
    let canary = CANARY.join(",");
    let _ = write!(text, "\n[groups.canary]\nmembers = \"{canary}\"\n{APPS}");
    text
}

/// Hosts of a group, of which the first has this number.
fn describe_all(
    text: &mut String,
    members: &[Entry],
    first: usize,
    group: &str,
    rack: Option<usize>,
) {
    let rack = rack.map_or_else(String::new, |rack| format!(", rack = \"r{rack}\""));
    let labels = format!("role = \"{group}\"{rack}");
    if let Some((address, port)) = common_address(members, first) {
        let names = format!("{group}[{first:02}-{:02}]", first + members.len() - 1);
        return describe(text, &names, &address, port, &labels);
    }
    for Entry { name, address, .. } in members {
        let ip = address.ip().to_string();
        describe(text, name, &ip, address.port(), &labels);
    }
}

fn describe(text: &mut String, names: &str, address: &str, port: u16, labels: &str) {
    let _ = write!(
        text,
        "\n[[hosts]]\nnames = \"{names}\"\naddress = \"{address}\"\nport = {port}\n\
         user = \"{USER}\"\nlabels = {{ {labels} }}\n",
    );
}

/// The address and port of all, when their last numbers count from `first`.
fn common_address(members: &[Entry], first: usize) -> Option<(String, u16)> {
    let port = members.first()?.address.port();
    let mut network = None;
    for (place, entry) in members.iter().enumerate() {
        let text = entry.address.ip().to_string();
        let (start, last) = text.rsplit_once('.')?;
        let same = *network.get_or_insert_with(|| start.to_owned()) == start;
        if !same || last != (place + first).to_string() || entry.address.port() != port {
            return None;
        }
    }
    network.map(|start| (format!("{start}.{{n}}"), port))
}
