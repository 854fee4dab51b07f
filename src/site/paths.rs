//! Where everything of an instance lives.
//!
//! | | `--home DIR`, `CONN_HOME` | a user's own | shared |
//! |---|---|---|---|
//! | configuration | `DIR/config` | `$XDG_CONFIG_HOME/conn`, `~/.config/conn` | `/etc/conn` |
//! | state | `DIR/state` | `$XDG_STATE_HOME/conn`, `~/.local/state/conn` | `/var/lib/conn` |
//! | socket: the first that is fit | `DIR/run`, `/tmp/conn-UID` | `$XDG_RUNTIME_DIR/conn`, state, `/tmp/conn-UID` | `/run/conn` |
//!
//! A shared instance below `--home DIR` has its socket in `DIR/run` and nowhere else: its clients are
//! other users, who find it by its path alone.
//!
//! Nothing here touches the disk; [`directories`](super::directories) does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::SiteError;

/// The inventory that is used when none is configured, beside `conn.toml`.
pub(super) const INVENTORY_FILE: &str = "inventory.toml";

/// What the process was told by its surroundings; a value, so that tests have their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `CONN_HOME`.
    pub conn_home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// The directory that relative paths of arguments start from.
    pub current_dir: PathBuf,
    /// The user's number.
    pub uid: u32,
}

impl Surroundings {
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        let path = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            home: path("HOME"),
            conn_home: path("CONN_HOME"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            xdg_state_home: path("XDG_STATE_HOME"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            uid: rustix::process::geteuid().as_raw(),
        }
    }

    /// An XDG directory, or its default below the home directory. Relative ones do not count, as
    /// their specification says.
    fn xdg(&self, set: Option<&PathBuf>, default: &str) -> Result<PathBuf, SiteError> {
        if let Some(path) = set.filter(|path| path.is_absolute()) {
            Ok(path.join("conn"))
        } else {
            let home = self
                .home
                .as_ref()
                .filter(|path| path.is_absolute())
                .ok_or(SiteError::NoHome)?;
            Ok(home.join(default).join("conn"))
        }
    }
}

/// Which instance is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instance {
    /// Everything below one directory.
    Home(PathBuf),
    /// The user's own.
    User,
    /// The one that several users share.
    Shared,
}

/// The directories of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Which instance it is.
    pub instance: Instance,
    /// Configuration and definitions.
    pub config: PathBuf,
    /// Store, log, and `engine.json`.
    pub state: PathBuf,
    /// Where the socket may be, the best first.
    pub sockets: Vec<PathBuf>,
    /// Whether several users use it.
    shared: bool,
}

impl Paths {
    /// The directories of the instance that the arguments and the surroundings mean.
    ///
    /// # Errors
    /// `NoHome`, if they mean the user's own and the environment does not say where that is.
    pub fn find(
        home: Option<&Path>,
        shared: bool,
        around: &Surroundings,
    ) -> Result<Self, SiteError> {
        if let Some(home) = home {
            return Ok(Self::below(&around.current_dir.join(home), shared, around));
        }
        if shared {
            return Ok(Self::shared());
        }
        if let Some(home) = &around.conn_home {
            return Ok(Self::below(&around.current_dir.join(home), false, around));
        }
        Self::user(around)
    }

    /// `conn.toml`.
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("conn.toml")
    }

    /// The inventory of a site whose settings name none.
    pub fn inventory_file(&self) -> PathBuf {
        self.config.join(INVENTORY_FILE)
    }

    /// Where a running engine says how it is reached.
    pub fn engine_json(&self) -> PathBuf {
        self.state.join("engine.json")
    }

    /// The store's directory.
    pub fn store(&self) -> PathBuf {
        self.state.join("store")
    }

    /// The log files' directory.
    pub fn logs(&self) -> PathBuf {
        self.state.join("log")
    }

    /// Whether several users use the instance.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    fn below(home: &Path, shared: bool, around: &Surroundings) -> Self {
        let mut sockets = vec![home.join("run/engine.sock")];
        if !shared {
            // Several instances may end up in one directory below /tmp; the name keeps them apart.
            let name = format!("engine-{:016x}.sock", digest(&home.as_os_str().to_owned()));
            sockets.push(temporary(around).join(name));
        }
        Self {
            instance: Instance::Home(home.to_owned()),
            config: home.join("config"),
            state: home.join("state"),
            sockets,
            shared,
        }
    }

    fn user(around: &Surroundings) -> Result<Self, SiteError> {
        let state = around.xdg(around.xdg_state_home.as_ref(), ".local/state")?;
        let runtime = around
            .xdg_runtime_dir
            .as_ref()
            .filter(|path| path.is_absolute());
        let mut sockets: Vec<PathBuf> = runtime
            .iter()
            .map(|dir| dir.join("conn/engine.sock"))
            .collect();
        sockets.push(state.join("engine.sock"));
        sockets.push(temporary(around).join("engine.sock"));
        let config = around.xdg(around.xdg_config_home.as_ref(), ".config")?;
        Ok(Self {
            instance: Instance::User,
            config,
            state,
            sockets,
            shared: false,
        })
    }

    fn shared() -> Self {
        Self {
            instance: Instance::Shared,
            config: PathBuf::from("/etc/conn"),
            state: PathBuf::from("/var/lib/conn"),
            sockets: vec![PathBuf::from("/run/conn/engine.sock")],
            shared: true,
        }
    }
}

fn temporary(around: &Surroundings) -> PathBuf {
    PathBuf::from(format!("/tmp/conn-{}", around.uid))
}

/// FNV-1a: the same in every version, which a hash of the standard library need not be.
fn digest(text: &OsString) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    text.as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            home: Some("/home/kim".into()),
            xdg_runtime_dir: Some("/run/user/1000".into()),
            current_dir: "/work".into(),
            uid: 1000,
            ..Surroundings::default()
        }
    }

    fn shown(paths: &Paths) -> String {
        let sockets: Vec<_> = paths
            .sockets
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        format!(
            "{} {} {}",
            paths.config.display(),
            paths.state.display(),
            sockets.join(" ")
        )
    }

    #[test]
    fn a_user_has_the_xdg_directories() {
        let paths = Paths::find(None, false, &around()).unwrap();
        assert_eq!(
            shown(&paths),
            "/home/kim/.config/conn /home/kim/.local/state/conn /run/user/1000/conn/engine.sock /home/kim/.local/state/conn/engine.sock /tmp/conn-1000/engine.sock"
        );
        assert_eq!(
            paths.engine_json(),
            Path::new("/home/kim/.local/state/conn/engine.json")
        );
        let set = Surroundings {
            xdg_config_home: Some("/c".into()),
            xdg_state_home: Some("/s".into()),
            xdg_runtime_dir: None,
            ..around()
        };
        let paths = Paths::find(None, false, &set).unwrap();
        assert_eq!(
            shown(&paths),
            "/c/conn /s/conn /s/conn/engine.sock /tmp/conn-1000/engine.sock"
        );
    }

    #[test]
    fn relative_xdg_directories_do_not_count() {
        let set = Surroundings {
            xdg_config_home: Some("c".into()),
            xdg_runtime_dir: Some("r".into()),
            ..around()
        };
        let paths = Paths::find(None, false, &set).unwrap();
        assert_eq!(
            shown(&paths),
            "/home/kim/.config/conn /home/kim/.local/state/conn /home/kim/.local/state/conn/engine.sock /tmp/conn-1000/engine.sock"
        );
    }

    #[test]
    fn one_home_holds_everything_and_the_argument_wins() {
        let set = Surroundings {
            conn_home: Some("/other".into()),
            ..around()
        };
        let paths = Paths::find(Some(Path::new("x")), false, &set).unwrap();
        assert!(shown(&paths).starts_with(
            "/work/x/config /work/x/state /work/x/run/engine.sock /tmp/conn-1000/engine-"
        ));
        assert_eq!(
            Paths::find(None, false, &set).unwrap().state,
            Path::new("/other/state")
        );
        assert_ne!(
            Paths::find(Some(Path::new("y")), false, &set)
                .unwrap()
                .sockets[1],
            paths.sockets[1]
        );
    }

    #[test]
    fn the_shared_instance_has_the_systems_directories() {
        let paths = Paths::find(None, true, &around()).unwrap();
        assert_eq!(
            shown(&paths),
            "/etc/conn /var/lib/conn /run/conn/engine.sock"
        );
        assert!(paths.is_shared());
    }

    #[test]
    fn a_shared_instance_below_one_directory_has_its_socket_there_and_nowhere_else() {
        let paths = Paths::find(Some(Path::new("/srv/c")), true, &around()).unwrap();
        assert_eq!(
            shown(&paths),
            "/srv/c/config /srv/c/state /srv/c/run/engine.sock"
        );
        assert!(paths.is_shared());
    }

    #[test]
    fn without_a_home_directory_the_way_out_is_named() {
        let set = Surroundings {
            home: None,
            ..around()
        };
        assert!(
            Paths::find(None, false, &set)
                .unwrap_err()
                .to_string()
                .contains("--home DIR")
        );
        assert!(Paths::find(Some(Path::new("/d")), false, &set).is_ok());
    }
}
