//! Files that were fetched from hosts: `RUN/HOST/…` in a directory of the engine, kept as long as
//! their run is.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::history;
use super::task::{Report, Task};
use crate::run::event::OutputSum;
use crate::run::ids::RunId;
use crate::run::outcome::Outcome;
use crate::run::spec::{Pull, Step};
use crate::ssh::{PullSpec, Route};
use crate::store::{SpaceState, Store, StoreError};

/// A larger file is not fetched.
const MOST: u64 = 256 << 20;

/// The directory of all of them.
pub struct Pulled {
    dir: PathBuf,
}

impl Pulled {
    /// Files in this directory, which is made when there is one.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where a file goes, in a directory that is made now. `Err` is a sentence.
    fn place(&self, run: RunId, host: &str, dest: &str) -> Result<PathBuf, String> {
        let host = below(host).filter(|host| host.components().count() == 1);
        let host = host.ok_or("the host's name cannot be that of a directory")?;
        let dest = below(dest)
            .ok_or_else(|| format!("{dest} does not stay below the directory of its host"))?;
        let path = self.dir.join(run.to_string()).join(host).join(dest);
        let parent = path.parent().unwrap_or(&self.dir);
        let mut maker = std::fs::DirBuilder::new();
        let made = maker.recursive(true).mode(0o700).create(parent);
        made.map_err(|error| format!("{} cannot be made: {error}", parent.display()))?;
        Ok(path)
    }

    /// Removes the files of runs that are not kept any more.
    pub fn tidy(&self, store: &dyn Store) -> Result<(), StoreError> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else {
            return Ok(());
        };
        let live = store.live_runs()?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(run) = name.to_str().and_then(|name| name.parse::<u64>().ok()) else {
                continue;
            };
            let kept = live.contains(&run) || history::line(store, RunId(run))?.is_some();
            if !kept && let Err(error) = std::fs::remove_dir_all(entry.path()) {
                tracing::warn!(run, %error, "fetched files of a dropped run stay");
            }
        }
        Ok(())
    }
}

/// A relative path that leads nowhere else.
fn below(text: &str) -> Option<&Path> {
    let path = Path::new(text);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (plain && path.file_name().is_some() && !text.contains('\0')).then_some(path)
}

impl Task {
    pub(super) async fn pull(&self, route: &Arc<Route>, step: &Step, pull: &Pull) -> Report {
        let space = self.parts.store.health().space;
        if matches!(space, SpaceState::Reserve | SpaceState::Full) {
            let why = "the disk here is short of room, so no file is fetched".to_owned();
            return self.ended(Outcome::Failed(1), Some(why));
        }
        let name = self.spec.targets.get(self.key.host.index());
        let name = name.map_or_else(String::new, |target| target.name.to_string());
        let (pulled, run, dest) = (self.parts.pulled.clone(), self.key.run, pull.dest.clone());
        let placed = tokio::task::spawn_blocking(move || pulled.place(run, &name, &dest)).await;
        let dest = match placed.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(dest) => dest,
            Err(why) => return self.ended(Outcome::Failed(1), Some(why)),
        };
        let spec = PullSpec {
            source: pull.source.clone(),
            dest,
            limit: MOST,
            timeout: step.timeout,
            connect_timeout: self.spec.access.connect_timeout,
        };
        let ssh = &self.parts.ssh;
        let end = ssh.pull(route, &spec, self.permit(), &self.cancel).await;
        self.report(end, OutputSum::default(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sim::{SimStore, Syncing};

    #[test]
    fn a_path_from_a_definition_stays_below_the_directory_of_its_host() {
        let dir = tempfile::tempdir().unwrap();
        let pulled = Pulled::new(dir.path().join("pulled"));
        let place = |host: &str, dest: &str| pulled.place(RunId(7), host, dest);
        assert_eq!(
            place("web01", "logs/web01.log").unwrap(),
            dir.path().join("pulled/7/web01/logs/web01.log")
        );
        for (host, dest) in [
            ("web01", "../web02/x"),
            ("web01", "/etc/x"),
            ("web01", "a/../../x"),
            ("web01", ""),
            ("..", "x"),
            ("a/b", "x"),
            ("web01", "a\0b"),
        ] {
            assert!(place(host, dest).is_err(), "{host} {dest}");
        }
    }

    #[test]
    fn files_go_with_their_run() {
        let dir = tempfile::tempdir().unwrap();
        let pulled = Pulled::new(dir.path().to_owned());
        let path = pulled.place(RunId(7), "web01", "x").unwrap();
        std::fs::write(&path, "x").unwrap();
        let store = SimStore::new(Syncing::Automatic);
        pulled.tidy(store.as_ref()).unwrap();
        assert!(!dir.path().join("7").exists());
    }
}
