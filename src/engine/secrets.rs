//! The secrets of runs: who may use which, where they are read, and those that were typed.
//!
//! A named one is read when an attempt uses it. A typed one is in this memory alone, for its run; the
//! run keeps a salted HMAC of it, by which the same one is known when it is asked for again.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

use super::people::Person;
use super::task::TaskKey;
use crate::run::complaint::{nearest, quote};
use crate::run::ids::RunId;
use crate::run::redact::{Redact, Words};
use crate::run::secret::{Secret, SecretRef, Typed};
use crate::run::wildcard;
use crate::site::Settings;
use crate::site::secrets::{SecretSource, usable};
use crate::wire::reply::Fault;

/// Bytes of the key that makes HMACs of this engine unlike those of any other.
const SALT: usize = 32;
/// Named secrets that are read at once: a command of its own may print each.
const READS: usize = 16;

/// The secrets of an engine.
pub struct Secrets {
    list: Vec<SecretSource>,
    shared: bool,
    credentials: Option<PathBuf>,
    salt: Zeroizing<[u8; SALT]>,
    memory: Mutex<Memory>,
    /// Named ones that are read now.
    reads: Arc<Semaphore>,
    /// Counts what was typed.
    typed: watch::Sender<u64>,
}

#[derive(Default)]
struct Memory {
    /// By the run that somebody started, and the parameter.
    typed: HashMap<(RunId, String), Secret>,
    /// What attempts have been given that are not over: what they write is shown without it.
    used: HashMap<TaskKey, Redact>,
}

/// Secrets that an attempt uses.
#[derive(Debug)]
pub struct Known {
    secrets: Vec<(SecretRef, Secret)>,
    /// How what it writes is shown.
    pub redact: Redact,
}

impl Known {
    /// One of them.
    pub fn get(&self, secret: &SecretRef) -> Option<&Secret> {
        let mut found = self.secrets.iter();
        found
            .find(|(known, _)| known == secret)
            .map(|(_, text)| text)
    }
}

/// Why an attempt cannot have its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lacks {
    /// One that was typed is not in memory any more.
    Typed(Typed),
    /// One cannot be read.
    Unread {
        /// Its name.
        secret: String,
        /// Why; a sentence.
        why: String,
    },
}

impl Secrets {
    /// Those of these settings. The salt is in the file `salt`, which is made if it is not there;
    /// without a file nobody keeps it.
    ///
    /// # Errors
    /// The salt cannot be read or made.
    pub fn open(settings: &Settings, shared: bool, salt: Option<&Path>) -> std::io::Result<Self> {
        let salt = salt.map_or_else(random, salt_in)?;
        Ok(Self::new(settings, shared, salt))
    }

    fn new(settings: &Settings, shared: bool, salt: Zeroizing<[u8; SALT]>) -> Self {
        Self {
            list: settings.secrets.clone(),
            shared,
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            salt,
            memory: Mutex::default(),
            reads: Arc::new(Semaphore::new(READS)),
            typed: watch::Sender::new(0),
        }
    }

    /// Refuses a secret that is not there, or that this person or this definition may not use.
    /// `definition` is its kind and name.
    pub fn admit(
        &self,
        name: &str,
        person: &Person,
        definition: (&str, &str),
    ) -> Result<(), Fault> {
        let Some(source) = self.find(name) else {
            let may = |source: &&SecretSource| self.refusal(source, person, definition).is_none();
            let names = self.list.iter().filter(may);
            let names = names.map(|source| source.name.as_str());
            let hint = nearest(name, names).map_or_else(
                || format!("it is to be defined in conn.toml: [secrets.{name}]"),
                |near| format!("did you mean secret:{near}?"),
            );
            return Err(Fault::usage(format!(
                "there is no secret {}; {hint}",
                quote(name)
            )));
        };
        match self.refusal(source, person, definition) {
            Some(why) => Err(Fault::refused(why)),
            None => Ok(()),
        }
    }

    fn refusal(
        &self,
        source: &SecretSource,
        person: &Person,
        definition: (&str, &str),
    ) -> Option<String> {
        let name = &source.name;
        let listed = |members: &Vec<_>| person.is_among(members);
        let may = !self.shared || person.is_owner() || source.allowed.as_ref().is_none_or(listed);
        if !may {
            return Some(format!(
                "{} may not use the secret {name}; who may stands in the engine's conn.toml, \
                 [secrets.{name}]",
                person.name
            ));
        }
        let (kind, called) = definition;
        let full = format!("{kind}/{called}");
        let fits =
            |mask: &String| wildcard::matches(mask, called) || wildcard::matches(mask, &full);
        let masks = source.definitions.as_ref();
        if masks.is_none_or(|masks| masks.iter().any(fits)) {
            return None;
        }
        Some(format!(
            "{full} may not use the secret {name}; what may stands in the engine's conn.toml, \
             [secrets.{name}]"
        ))
    }

    /// Refuses a person who would make a run go on with secrets that they may not use.
    pub fn admit_person(&self, secrets: &[SecretRef], person: &Person) -> Result<(), Fault> {
        for secret in secrets {
            if let SecretRef::Named(name) = secret
                && let Some(source) = self.find(name)
                && let Some(members) = &source.allowed
                && self.shared
                && !person.is_owner()
                && !person.is_among(members)
            {
                return Err(Fault::refused(format!(
                    "the run uses the secret {name}, which {} may not use",
                    person.name
                )));
            }
        }
        Ok(())
    }

    /// Reads a named secret. Waits for files and commands.
    pub fn read(&self, name: &str) -> Result<Secret, String> {
        let source = self.find(name).ok_or_else(|| {
            format!("there is no secret {name} any more; put it back into conn.toml")
        })?;
        let text = source.read(self.credentials.as_deref())?;
        Ok(Secret::of(name, text))
    }

    /// A secret that a person typed, as it may be used.
    pub fn taken(&self, name: &str, text: Zeroizing<String>) -> Result<(Typed, Secret), Fault> {
        // What was pasted may bring the end of its line along.
        let text = usable(text)
            .map_err(|why| Fault::usage(format!("the secret for {} {why}", quote(name))))?;
        let typed = Typed {
            name: name.to_owned(),
            mac: self.mac(name, &text),
        };
        Ok((typed, Secret::of(name, text)))
    }

    /// Keeps what was typed for a run, until it is over.
    pub fn keep(&self, run: RunId, secret: Secret) {
        let key = (run, secret.name().to_owned());
        self.memory().typed.insert(key, secret);
        self.typed.send_modify(|count| *count += 1);
    }

    /// Runs that something was typed for.
    pub fn typed_for(&self) -> Vec<RunId> {
        let memory = self.memory();
        let runs: BTreeSet<RunId> = memory.typed.keys().map(|(run, _)| *run).collect();
        runs.into_iter().collect()
    }

    /// Forgets what was typed for a run.
    pub fn forget_run(&self, run: RunId) {
        self.memory().typed.retain(|(of, _), _| *of != run);
    }

    /// Changes whenever something was typed.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.typed.subscribe()
    }

    /// The same without keeping others waiting; few are read at once.
    pub(super) async fn gathered(
        self: Arc<Self>,
        run: RunId,
        wanted: Vec<SecretRef>,
    ) -> Result<Known, Lacks> {
        let named = wanted
            .iter()
            .find(|secret| matches!(secret, SecretRef::Named(_)));
        let Some(named) = named else {
            return self.gather(run, &wanted);
        };
        let secret = named.name().to_owned();
        let why =
            |why: &dyn std::fmt::Display| format!("the secret {secret} cannot be read: {why}");
        let gathered = match Arc::clone(&self.reads).acquire_owned().await {
            Ok(permit) => tokio::task::spawn_blocking(move || {
                let _permit = permit;
                self.gather(run, &wanted)
            })
            .await
            .map_err(|error| why(&error)),
            Err(error) => Err(why(&error)),
        };
        gathered.unwrap_or_else(|why| Err(Lacks::Unread { secret, why }))
    }

    /// Whether one that was typed is in memory; `run` is the one that somebody started.
    pub(super) fn knows(&self, run: RunId, typed: &Typed) -> bool {
        self.typed(run, typed).is_some()
    }

    /// All that an attempt uses; `run` is the one that somebody started. Waits for files and commands.
    pub fn gather(&self, run: RunId, wanted: &[SecretRef]) -> Result<Known, Lacks> {
        let mut secrets: Vec<(SecretRef, Secret)> = Vec::new();
        for secret in wanted {
            if secrets.iter().any(|(known, _)| known == secret) {
                continue;
            }
            let found = match secret {
                SecretRef::Named(name) => self.read(name).map_err(|why| Lacks::Unread {
                    secret: name.clone(),
                    why,
                })?,
                SecretRef::Typed(typed) => self
                    .typed(run, typed)
                    .ok_or_else(|| Lacks::Typed(typed.clone()))?,
            };
            secrets.push((secret.clone(), found));
        }
        let texts: Vec<Secret> = secrets.iter().map(|(_, secret)| secret.clone()).collect();
        Ok(Known {
            redact: Redact::of(Words::of(&texts)),
            secrets,
        })
    }

    fn typed(&self, run: RunId, typed: &Typed) -> Option<Secret> {
        let memory = self.memory();
        let found = memory.typed.get(&(run, typed.name.clone()))?;
        (self.mac(&typed.name, found.text()) == typed.mac).then(|| found.clone())
    }

    /// Remembers what an attempt was given, until it is over.
    pub(super) fn uses(&self, task: TaskKey, redact: Redact) {
        self.memory().used.insert(task, redact);
    }

    /// What an attempt was given.
    pub(super) fn used(&self, task: TaskKey) -> Option<Redact> {
        self.memory().used.get(&task).cloned()
    }

    /// The attempt is over.
    pub(super) fn is_over(&self, task: TaskKey) {
        self.memory().used.remove(&task);
    }

    fn find(&self, name: &str) -> Option<&SecretSource> {
        self.list.iter().find(|source| source.name == name)
    }

    /// What stands for the text of a parameter: equal texts of two parameters are not seen to be.
    fn mac(&self, name: &str, text: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.salt) else {
            return String::new();
        };
        // No name has a NUL in it.
        for part in [name.as_bytes(), b"\0", text.as_bytes()] {
            mac.update(part);
        }
        let mut hex = String::with_capacity(64);
        for byte in mac.finalize().into_bytes() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The salt in this file; a new one where there is none. It is the engine's alone.
fn salt_in(path: &Path) -> std::io::Result<Zeroizing<[u8; SALT]>> {
    let mut salt = Zeroizing::new([0; SALT]);
    match std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut *salt)) {
        Ok(()) => return Ok(salt),
        // One that is cut off was never used: it is whole before the first secret is taken.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof
            ) => {}
        Err(error) => return Err(error),
    }
    let salt = random()?;
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&*salt)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    std::fs::File::open(dir.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(salt)
}

fn random() -> std::io::Result<Zeroizing<[u8; SALT]>> {
    let mut salt = Zeroizing::new([0; SALT]);
    aws_lc_rs::rand::fill(&mut *salt)
        .map_err(|_| std::io::Error::other("the system gives no random numbers"))?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::wire::FaultKind;

    const TEXT: &str = "[secrets.pool]\nfile = '/nowhere'\nallowed = ['@daemon']\ndefinitions = ['Galaxy*', 'action/*']\n\
        [secrets.open]\ncommand = ['printf', 'hunter22']\ndefinitions = ['*']\n";

    fn secrets(shared: bool) -> Secrets {
        let settings = Settings::parse(Path::new("/conn.toml"), TEXT).unwrap();
        Secrets::new(&settings, shared, random().unwrap())
    }

    fn typed(secrets: &Secrets, text: &str) -> (Typed, Secret) {
        secrets
            .taken("token", Zeroizing::new(text.to_owned()))
            .unwrap()
    }

    #[test]
    fn only_those_and_only_what_is_allowed_uses_a_secret() {
        let secrets = secrets(true);
        let (daemon, stranger) = (
            Person::named("daemon").unwrap(),
            Person::of_uid(4_000_000_000),
        );
        let admit = |name, person, definition| secrets.admit(name, person, definition);
        assert!(admit("pool", &daemon, ("flow", "GalaxyUpgradePool")).is_ok());
        assert!(admit("pool", &daemon, ("action", "x")).is_ok());
        let root = Person::of_uid(0);
        assert!(secrets.admit("pool", &root, ("flow", "Galaxy")).is_ok());
        assert!(admit("open", &stranger, ("flow", "x")).is_ok());
        let refused = admit("pool", &stranger, ("flow", "Galaxy")).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Refused);
        let refused = admit("pool", &daemon, ("flow", "Other")).unwrap_err();
        assert!(
            refused.message.starts_with("flow/Other may not use"),
            "{refused}"
        );
        let unknown = admit("pol", &daemon, ("flow", "Galaxy")).unwrap_err();
        assert_eq!(unknown.kind, FaultKind::Usage);
        assert!(
            unknown.message.contains("did you mean secret:pool?"),
            "{unknown}"
        );
        let unknown = admit("pol", &stranger, ("flow", "Galaxy")).unwrap_err();
        assert!(!unknown.message.contains("pool"), "{unknown}");
        let pool = [SecretRef::Named("pool".into())];
        assert!(secrets.admit_person(&pool, &stranger).is_err());
        assert!(secrets.admit_person(&pool, &daemon).is_ok());
    }

    #[test]
    fn what_was_typed_is_known_for_its_run_alone_and_only_if_it_is_the_same() {
        let secrets = secrets(false);
        let (token, text) = typed(&secrets, "hunter22\n");
        let wanted = [SecretRef::Typed(token.clone())];
        let lacks = Lacks::Typed(token.clone());
        assert_eq!(secrets.gather(RunId(1), &wanted).unwrap_err(), lacks);
        secrets.keep(RunId(1), text);
        let known = secrets.gather(RunId(1), &wanted).unwrap();
        assert_eq!(known.get(&wanted[0]).unwrap().text(), "hunter22");
        assert_eq!(secrets.gather(RunId(2), &wanted).unwrap_err(), lacks);
        secrets.keep(RunId(1), typed(&secrets, "hunter23").1);
        assert_eq!(secrets.gather(RunId(1), &wanted).unwrap_err(), lacks);
        secrets.forget_run(RunId(1));
        assert_eq!(secrets.gather(RunId(1), &wanted).unwrap_err(), lacks);
        assert!(!token.mac.is_empty() && !format!("{token:?}").contains("hunter"));
    }

    #[test]
    fn a_named_secret_is_read_at_use_or_the_reason_is_told() {
        let secrets = secrets(false);
        let named = |name: &str| [SecretRef::Named(name.to_owned())];
        let known = secrets.gather(RunId(1), &named("open")).unwrap();
        assert_eq!(known.redact.text("a hunter22"), "a [secret open]");
        for (name, why) in [("pool", "No such file"), ("gone", "any more")] {
            let lacks = secrets.gather(RunId(1), &named(name)).unwrap_err();
            let Lacks::Unread { why: told, .. } = lacks else {
                panic!()
            };
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn the_salt_stays_and_is_the_engines_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.salt");
        let open = || Secrets::open(&Settings::default(), false, Some(&path)).unwrap();
        let (first, again) = (open(), open());
        assert_eq!(first.mac("a", "hunter22"), again.mac("a", "hunter22"));
        assert_ne!(first.mac("a", "hunter22"), first.mac("b", "hunter22"));
        let other = secrets(false);
        assert_ne!(first.mac("a", "hunter22"), other.mac("a", "hunter22"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "cut").unwrap();
        assert_eq!(open().mac("a", "x"), open().mac("a", "x"));
    }
}
