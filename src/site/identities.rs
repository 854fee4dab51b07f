//! Named keys: `[identities.NAME]` of `conn.toml`.
//!
//! A shared engine authenticates with these alone, so what is wrong with one is said when the
//! engine starts, with its place, and not when the first run needs it. Private keys are looked at
//! here, never read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::run::complaint::{Complaint, Complaints, Place, nearest, quote};
use crate::run::strict_toml::Table;

pub use crate::run::roles::Member;

/// A key under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name: it stands in journals, in audit records and in the log of each host.
    pub name: String,
    /// The private key.
    pub key: PathBuf,
    /// The certificate for it; without one, the one beside the key if it is there.
    pub certificate: Option<PathBuf>,
    /// Whom to log in as where nothing else says.
    pub user: Option<String>,
    /// Who may use it; `None`: whoever the engine lets in.
    pub allowed: Option<Vec<Member>>,
    /// Whether it may be used where no person starts what runs.
    pub unattended: bool,
    /// Where the key and the certificate are named.
    places: [Place; 2],
}

/// The identities of a `conn.toml`; relative paths start from `base`.
pub(super) fn read(root: &Table<'_>, base: &Path) -> Vec<Identity> {
    let mut found = Vec::new();
    root.named("identities", |name, table| {
        found.extend(identity(name, table, base));
    });
    found
}

fn identity(name: &str, table: &Table<'_>, base: &Path) -> Option<Identity> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        table.complain_here(format!(
            "the identity's name {} must be made of letters, digits, -, _ and .",
            quote(name)
        ));
    }
    let path = |key| table.string(key).map(|path| base.join(path));
    let (key, certificate) = (path("key"), path("certificate"));
    let user = table.string("user");
    let allowed = table.strings("allowed");
    let unattended = table.boolean("unattended").unwrap_or(false);
    if !table.has("key") {
        table.missing("key", "write key = \"FILE\", a private key");
    }
    Some(Identity {
        name: name.to_owned(),
        key: key?,
        certificate,
        user,
        allowed: allowed.map(|names| names.iter().map(|name| member(name)).collect()),
        unattended,
        places: [table.place("key"), table.place("certificate")],
    })
}

pub(super) fn member(name: &str) -> Member {
    match name.strip_prefix('@') {
        Some(group) => Member::Group(group.to_owned()),
        None => Member::User(name.to_owned()),
    }
}

/// The name, if one of the identities has it.
pub(super) fn known(name: &str, identities: &[Identity]) -> Result<String, String> {
    let names = || identities.iter().map(|identity| identity.name.as_str());
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let hint = nearest(name, names()).map_or_else(
        || format!("define it: [identities.{name}]"),
        |near| format!("did you mean {}?", quote(near)),
    );
    Err(format!("there is no identity {}; {hint}", quote(name)))
}

/// Looks at the files of all identities. `uid` is the engine's own: nobody else may read a key.
///
/// # Errors
/// All complaints, each with the place that names the file.
pub fn check_files(settings: &Settings, uid: u32) -> Result<(), Complaints> {
    let complaints: Vec<Complaint> = settings
        .identities
        .iter()
        .flat_map(|identity| complaints(identity, uid))
        .collect();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(Complaints(complaints))
    }
}

fn complaints(identity: &Identity, uid: u32) -> Vec<Complaint> {
    let [key_place, certificate_place] = &identity.places;
    let of_key = key_fault(&identity.key, uid)
        .map(|(what, way_out)| (key_place, "key", &identity.key, what, way_out));
    let of_certificate = identity.certificate.as_ref().and_then(|path| {
        let (what, way_out) = file_fault(path).err()?;
        Some((certificate_place, "certificate", path, what, way_out))
    });
    of_key
        .into_iter()
        .chain(of_certificate)
        .map(|(place, kind, path, what, way_out)| {
            let message = format!(
                "the {kind} of the identity {}, {}, {what}",
                quote(&identity.name),
                path.display()
            );
            Complaint::new(place.clone(), message).hint(way_out)
        })
        .collect()
}

/// What is wrong, and the way out.
type Fault = (String, String);

fn key_fault(path: &Path, uid: u32) -> Option<Fault> {
    let meta = match file_fault(path) {
        Ok(meta) => meta,
        Err(fault) => return Some(fault),
    };
    if meta.uid() != uid {
        return Some((
            format!(
                "belongs to user {}, and the engine is user {uid}",
                meta.uid()
            ),
            format!("run: chown {uid} {}", path.display()),
        ));
    }
    let mode = meta.mode() & 0o7777;
    (mode & 0o077 != 0).then(|| {
        (
            format!("is open to others (mode {mode:04o})"),
            format!("run: chmod 600 {}", path.display()),
        )
    })
}

fn file_fault(path: &Path) -> Result<std::fs::Metadata, Fault> {
    let meta = std::fs::metadata(path).map_err(|error| {
        (
            format!("cannot be looked at: {error}"),
            "check the path, and that the engine's account may enter the directories".to_owned(),
        )
    })?;
    if meta.is_file() {
        Ok(meta)
    } else {
        Err(("is no file".to_owned(), "name the file itself".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn parse(dir: &Path, text: &str) -> Result<Settings, String> {
        Settings::parse(&dir.join("conn.toml"), text).map_err(|error| error.to_string())
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn with_key(mode: u32) -> (tempfile::TempDir, Settings) {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("ops");
        std::fs::write(&key, "key").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let settings = parse(dir.path(), "[identities.ops]\nkey = 'ops'\n").unwrap();
        (dir, settings)
    }

    #[test]
    fn what_is_written_of_an_identity_is_read() {
        let text = "[run]\nidentity = 'ops'\n[identities.ops]\nkey = 'keys/ops'\ncertificate = '/c'\nuser = 'deploy'\nallowed = ['kim', '@oncall']\nunattended = true\n[identities.bare]\nkey = '/k'\n";
        let settings = parse(Path::new("/etc/conn"), text).unwrap();
        assert_eq!(settings.run.identity.as_deref(), Some("ops"));
        let ops = settings.identity("ops").unwrap();
        assert_eq!(ops.key, Path::new("/etc/conn/keys/ops"));
        assert_eq!(ops.certificate.as_deref(), Some(Path::new("/c")));
        assert_eq!(ops.user.as_deref(), Some("deploy"));
        let members = [Member::User("kim".into()), Member::Group("oncall".into())];
        assert_eq!(ops.allowed.as_deref(), Some(&members[..]));
        assert!(ops.unattended);
        let bare = settings.identity("bare").unwrap();
        assert_eq!((&bare.allowed, bare.unattended), (&None, false));
    }

    #[test]
    fn mistakes_in_an_identity_are_named_with_their_place_and_a_way_out() {
        for (text, expected) in [
            (
                "[identities.ops]\nkye = '/k'\nkey = '/k'\n",
                "/s/conn.toml:2:1: the key \"kye\" is not known in [identities.ops]; did you mean \"key\"?",
            ),
            (
                "[identities.ops]\nuser = 'x'\n",
                "/s/conn.toml:1:13: the key \"key\" is missing in [identities.ops]; write key = \"FILE\", a private key",
            ),
            (
                "[identities.'a b']\nkey = '/k'\n",
                "/s/conn.toml:1:13: the identity's name \"a b\" must be made of letters, digits, -, _ and .",
            ),
            (
                "[identities.ops]\nkey = '/k'\n[run]\nidentity = 'opps'\n",
                "/s/conn.toml:4:12: there is no identity \"opps\"; did you mean \"ops\"?",
            ),
            (
                "[run]\nidentity = 'ops'\n",
                "/s/conn.toml:2:12: there is no identity \"ops\"; define it: [identities.ops]",
            ),
            (
                "[identities.ops]\nkey = '/k'\nallowed = [1]\n",
                "/s/conn.toml:3:11: \"allowed\" must be a string, but is a whole number",
            ),
            (
                "[audit]\nsyslog = true\n",
                "/s/conn.toml:2:10: \"syslog\" must be \"none\" or the absolute path of a log socket",
            ),
        ] {
            assert_eq!(parse(Path::new("/s"), text).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_key_that_is_the_engines_alone_is_taken() {
        for mode in [0o600, 0o400] {
            let (_dir, settings) = with_key(mode);
            assert_eq!(check_files(&settings, own()), Ok(()));
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_named_with_its_place_and_the_way_out() {
        for mode in [0o644, 0o640, 0o660, 0o604] {
            let (dir, settings) = with_key(mode);
            let key = dir.path().join("ops");
            let error = check_files(&settings, own()).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "{}/conn.toml:2:7: the key of the identity \"ops\", {}, is open to others (mode {mode:04o}); run: chmod 600 {}",
                    dir.path().display(),
                    key.display(),
                    key.display()
                )
            );
        }
    }

    #[test]
    fn a_key_of_somebody_else_is_not_taken() {
        let (_dir, settings) = with_key(0o600);
        let error = check_files(&settings, own() + 1).unwrap_err().to_string();
        assert!(
            error.contains(&format!(
                "belongs to user {}, and the engine is user {}",
                own(),
                own() + 1
            )),
            "{error}"
        );
    }

    #[test]
    fn files_that_are_not_there_are_all_named() {
        let text = "[identities.ops]\nkey = '/nowhere/k'\ncertificate = '/nowhere/c'\n[identities.dir]\nkey = '/'\n";
        let settings = parse(Path::new("/s"), text).unwrap();
        let complaints = check_files(&settings, own()).unwrap_err().0;
        let shown: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 3, "{shown:?}");
        assert!(
            shown[0].starts_with("/s/conn.toml:2:7: the key of the identity \"ops\", /nowhere/k, cannot be looked at: No such file"),
            "{shown:?}"
        );
        assert!(
            shown[1].starts_with("/s/conn.toml:3:15: the certificate of"),
            "{shown:?}"
        );
        assert!(
            shown[2].starts_with("/s/conn.toml:5:7:") && shown[2].contains("is no file"),
            "{shown:?}"
        );
    }
}
