//! Secrets that runs may use by name: `[secrets.NAME]` of `conn.toml`.
//!
//! What is written there is where a secret is, never the secret. It is read when an attempt uses it,
//! and whoever reads gets the reason in words when it cannot be.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize as _, Zeroizing};

use super::identities::Member;
use super::settings::{Settings, positive};
use super::upcall::{self, CommandLine, UpcallError};
use crate::run::complaint::{Complaint, Complaints, Place, quote};
use crate::run::duration::HumanDuration;
use crate::run::redact::SHORTEST;
use crate::run::size::ByteSize;
use crate::run::strict_toml::Table;

/// A longer secret fits into no variable together with others.
const LONGEST: usize = 64 * 1024;
/// How long a command may take that does not say.
const PATIENCE: HumanDuration = HumanDuration::from_secs(10);

/// Where a secret is, under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSource {
    /// The name: it stands wherever the secret does not.
    pub name: String,
    /// Where it is.
    pub from: From,
    /// Who may use it; `None`: whoever the engine lets in.
    pub allowed: Option<Vec<Member>>,
    /// Definitions that may use it, by name or KIND/NAME with `*` and `?`; `None`: all.
    pub definitions: Option<Vec<String>>,
    place: Place,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// In a file that belongs to the engine's account, and that nobody else may read.
    File(PathBuf),
    /// Among the credentials that systemd gave the engine.
    Credential(String),
    /// A command prints it.
    Command {
        /// Program and arguments.
        words: Vec<String>,
        /// Where it runs.
        dir: PathBuf,
        /// So long it may take.
        timeout: HumanDuration,
    },
}

/// The secrets of a `conn.toml`; relative paths start from `base`.
pub(super) fn read(root: &Table<'_>, base: &Path) -> Vec<SecretSource> {
    let mut found = Vec::new();
    root.named("secrets", |name, table| {
        found.extend(source(name, table, base));
    });
    found
}

fn source(name: &str, table: &Table<'_>, base: &Path) -> Option<SecretSource> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        table.complain_here(format!(
            "the secret's name {} must be made of letters, digits, -, _ and ., and not begin with .",
            quote(name)
        ));
    }
    let file = table.string("file").map(|path| base.join(path));
    let credential = table.string("credential");
    let command = table.strings("command");
    let timeout = positive(table, "timeout");
    if timeout.is_some() && !table.has("command") {
        table.complain("timeout", "only a command has a timeout");
    }
    if credential
        .as_deref()
        .is_some_and(|name| name.is_empty() || name.starts_with('.') || name.contains('/'))
    {
        table.complain("credential", "a credential has a name, not a path");
    }
    if command.as_ref().is_some_and(Vec::is_empty) {
        table.complain("command", "a command has at least one word");
    }
    let command = command.map(|words| From::Command {
        words,
        dir: base.to_owned(),
        timeout: timeout.unwrap_or(PATIENCE),
    });
    let ways = [
        file.map(From::File),
        credential.map(From::Credential),
        command,
    ];
    let count = ["file", "credential", "command"]
        .into_iter()
        .filter(|key| table.has(key))
        .count();
    if count != 1 {
        table.complain_here(format!(
            "the secret {} must say one of file, credential and command, and says {}",
            quote(name),
            if count == 0 { "none" } else { "more" }
        ));
    }
    let allowed = table.strings("allowed");
    Some(SecretSource {
        name: name.to_owned(),
        allowed: allowed.map(|names| {
            names
                .iter()
                .map(|name| super::identities::member(name))
                .collect()
        }),
        definitions: table.strings("definitions"),
        place: table.own_place(),
        from: ways.into_iter().flatten().next()?,
    })
}

/// On an engine that serves several people, each secret says who may use it.
///
/// # Errors
/// All that do not.
pub fn check_shared(settings: &Settings) -> Result<(), Complaints> {
    let open = |secret: &&SecretSource| secret.allowed.is_none() && secret.definitions.is_none();
    let complaints: Vec<Complaint> = settings
        .secrets
        .iter()
        .filter(open)
        .map(|secret| {
            let message = format!(
                "the secret {} says neither who nor what may use it, and this engine serves several people",
                quote(&secret.name)
            );
            Complaint::new(secret.place.clone(), message).hint(
                "add allowed = [\"USER\", \"@GROUP\"] or definitions = [\"NAME\"]",
            )
        })
        .collect();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(Complaints(complaints))
    }
}

impl SecretSource {
    /// The secret as it is now; `credentials` is where systemd put those of the engine.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub fn read(&self, credentials: Option<&Path>) -> Result<Zeroizing<String>, String> {
        let told = |why: String| format!("the secret {} {why}", self.name);
        let text = match &self.from {
            From::File(path) => file(path, true),
            From::Credential(name) => match credentials {
                Some(dir) => file(&dir.join(name), false),
                None => Err(
                    "is a credential, and systemd gave this engine none; add LoadCredential= to its unit"
                        .to_owned(),
                ),
            },
            From::Command { words, dir, timeout } => command(words, dir, *timeout),
        };
        usable(text.map_err(told)?).map_err(told)
    }
}

/// The text of a secret, if it can be used as one; without its last newline.
///
/// # Errors
/// The end of a sentence that begins with its name.
pub fn usable(mut text: Zeroizing<String>) -> Result<Zeroizing<String>, String> {
    if text.ends_with('\n') {
        text.pop();
    }
    if text.ends_with('\r') {
        text.pop();
    }
    if text.contains('\0') {
        return Err("has a NUL character in it, which no variable can hold".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("is longer than {} KiB", LONGEST / 1024));
    }
    if text.len() < SHORTEST {
        return Err(format!(
            "is shorter than {SHORTEST} bytes: it could not be told from other text in what hosts write"
        ));
    }
    Ok(text)
}

fn file(path: &Path, own: bool) -> Result<Zeroizing<String>, String> {
    let at = path.display();
    let cannot = |error: std::io::Error| format!("cannot be read from {at}: {error}");
    // A pipe that nobody writes to must keep nobody waiting.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)
        .map_err(cannot)?;
    // Of the open file: another one may stand under that name in a moment.
    let meta = file.metadata().map_err(cannot)?;
    if !meta.is_file() {
        return Err(format!("cannot be read from {at}: it is no file"));
    }
    let uid = rustix::process::geteuid().as_raw();
    if own && meta.uid() != uid {
        return Err(format!(
            "is not read from {at}: the file belongs to user {}, and the engine is user {uid}; run: chown {uid} {at}",
            meta.uid()
        ));
    }
    let mode = meta.mode() & 0o7777;
    if own && mode & 0o077 != 0 {
        return Err(format!(
            "is not read from {at}: the file is open to others (mode {mode:04o}); run: chmod 600 {at}"
        ));
    }
    // At full size: a buffer that grows leaves its old self in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 3));
    let limit = LONGEST as u64 + 2;
    file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    text(std::mem::take(&mut *bytes)).ok_or_else(|| format!("in {at} is not text in UTF-8"))
}

fn command(
    words: &[String],
    dir: &Path,
    timeout: HumanDuration,
) -> Result<Zeroizing<String>, String> {
    let line = CommandLine::Words(words.to_vec());
    let limit = ByteSize::from_bytes(LONGEST as u64 + 2);
    let printed = upcall::run(&line, dir, timeout, limit);
    let program = words.first().map_or("", String::as_str);
    printed
        .map(|printed| Zeroizing::new(printed.output))
        .map_err(|error| match error {
            UpcallError::Start { source, .. } => {
                format!("is printed by {program}, which cannot be started: {source}")
            }
            UpcallError::TimedOut { timeout, .. } => {
                format!("is printed by {program}, which took longer than {timeout}")
            }
            UpcallError::TooMuch { .. } => {
                format!(
                    "is printed by {program}, which printed more than {} KiB",
                    LONGEST / 1024
                )
            }
            // Not what it said: nobody knows what a tool for secrets says.
            UpcallError::Failed { status, .. } => {
                format!("is printed by {program}, which failed ({status})")
            }
            UpcallError::NotText { .. } => {
                format!("is printed by {program}, and is not text in UTF-8")
            }
        })
}

fn text(bytes: Vec<u8>) -> Option<Zeroizing<String>> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn parse(dir: &Path, text: &str) -> Result<Settings, String> {
        Settings::parse(&dir.join("conn.toml"), text).map_err(|error| error.to_string())
    }

    fn read(settings: &Settings, name: &str) -> Result<String, String> {
        let found = settings.secrets.iter().find(|secret| secret.name == name);
        let text = found.unwrap().read(None)?;
        Ok(text.to_string())
    }

    fn with_file(mode: u32, bytes: &[u8]) -> (tempfile::TempDir, Settings) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, bytes).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let settings = parse(dir.path(), "[secrets.t]\nfile = 'token'\n").unwrap();
        (dir, settings)
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, expected) in [
            ("[secrets.t]\n", "says none"),
            ("[secrets.t]\nfile = 'a'\ncommand = ['b']\n", "says more"),
            (
                "[secrets.t]\nfile = 'a'\ntimeout = '1s'\n",
                "only a command has a timeout",
            ),
            ("[secrets.t]\ncredential = '../x'\n", "a name, not a path"),
            ("[secrets.'a b']\nfile = 'a'\n", "must be made of letters"),
            ("[secrets.t]\nflie = 'a'\n", "did you mean \"file\"?"),
            ("[secrets.t]\ncommand = []\n", "at least one word"),
        ] {
            let error = parse(Path::new("/s"), text).unwrap_err();
            assert!(
                error.contains(expected) && error.starts_with("/s/conn.toml:"),
                "{error}"
            );
        }
    }

    #[test]
    fn on_a_shared_engine_a_secret_says_who_or_what_may_use_it() {
        let text = "[secrets.a]\nfile='x'\n[secrets.b]\nfile='x'\nallowed=['kim']\n[secrets.c]\nfile='x'\ndefinitions=['G*']\n";
        let settings = parse(Path::new("/s"), text).unwrap();
        let complaints = check_shared(&settings).unwrap_err().to_string();
        assert!(
            complaints.contains("the secret \"a\" says neither") && !complaints.contains("\"b\"")
        );
        assert_eq!(complaints.lines().count(), 1, "{complaints}");
    }

    #[test]
    fn a_file_that_is_the_engines_alone_is_read_without_its_last_newline() {
        for mode in [0o600, 0o400] {
            let (_dir, settings) = with_file(mode, b"line one\nline two\n\n");
            assert_eq!(read(&settings, "t").unwrap(), "line one\nline two\n");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_not() {
        for mode in [0o644, 0o640, 0o604, 0o660] {
            let (_dir, settings) = with_file(mode, b"hunter22");
            let why = read(&settings, "t").unwrap_err();
            assert!(
                why.contains("open to others") && why.contains("chmod 600"),
                "{why}"
            );
            assert!(!why.contains("hunter22"));
        }
    }

    #[test]
    fn a_pipe_is_no_file_and_keeps_nobody_waiting() {
        let (dir, settings) = with_file(0o600, b"hunter22");
        let path = dir.path().join("token");
        std::fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg("-m600")
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        let why = read(&settings, "t").unwrap_err();
        assert!(why.contains("it is no file"), "{why}");
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_in_words_without_it() {
        for (bytes, expected) in [
            (&b"short\n"[..], "shorter than 6 bytes"),
            (b"hun\0ter22", "NUL"),
            (b"hunter\xff22", "not text"),
            (&b"x".repeat(LONGEST + 1)[..], "longer than 64 KiB"),
        ] {
            let (_dir, settings) = with_file(0o600, bytes);
            let why = read(&settings, "t").unwrap_err();
            assert!(why.contains(expected) && !why.contains("hun"), "{why}");
        }
        let settings = parse(
            Path::new("/s"),
            "[secrets.t]\nfile = 'none'\n[secrets.c]\ncredential = 'c'\n",
        )
        .unwrap();
        assert!(read(&settings, "t").unwrap_err().contains("No such file"));
        assert!(read(&settings, "c").unwrap_err().contains("LoadCredential"));
    }

    #[test]
    fn a_command_prints_it_or_the_reason_is_told_without_its_words() {
        let text = "[secrets.ok]\ncommand = ['printf', 'hunter22\\n']\n\
            [secrets.bad]\ncommand = ['sh', '-c', 'echo hunter22 >&2; exit 3']\n\
            [secrets.slow]\ncommand = ['sleep', '60']\ntimeout = '100ms'\n\
            [secrets.none]\ncommand = ['/nowhere/vault']\n";
        let settings = parse(Path::new("/"), text).unwrap();
        assert_eq!(read(&settings, "ok").unwrap(), "hunter22");
        let bad = read(&settings, "bad").unwrap_err();
        assert!(
            bad.contains("failed (exit status: 3)") && !bad.contains("hunter22"),
            "{bad}"
        );
        assert!(
            read(&settings, "slow")
                .unwrap_err()
                .contains("took longer than")
        );
        assert!(
            read(&settings, "none")
                .unwrap_err()
                .contains("cannot be started")
        );
    }

    #[test]
    fn a_credential_is_read_where_systemd_put_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pool"), "hunter22\n").unwrap();
        let settings = parse(Path::new("/s"), "[secrets.t]\ncredential = 'pool'\n").unwrap();
        let text = settings.secrets[0].read(Some(dir.path())).unwrap();
        assert_eq!(&**text, "hunter22");
    }
}
