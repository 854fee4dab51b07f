//! The process is killed: at random, and at every labelled place. Every acknowledged record must
//! be there afterwards.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::rig::full_or;
use super::work::{Facts, Random, Worker, options};
use crate::store::Store;
use crate::store::disk::DiskStore;
use crate::store::failpoint::LABELS;

const DIR: &str = "CONN_STORE_WORKER_DIR";
const SEED: &str = "CONN_STORE_WORKER_SEED";

/// Not a test by itself: the process that the tests below start and kill.
#[test]
fn worker_of_the_kill_tests() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let store = DiskStore::open(Path::new(&dir), options()).unwrap();
    Worker::new(&store, seed, &mut std::io::stdout()).work(u64::MAX);
}

struct Victim {
    process: Child,
    lines: Receiver<String>,
}

impl Victim {
    fn start(dir: &Path, seed: u64, failpoint: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "store::tests::kill::worker_of_the_kill_tests",
                "--exact",
                "--nocapture",
            ])
            .env(DIR, dir)
            .env(SEED, seed.to_string())
            .env_remove("CONN_FAILPOINT")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(failpoint) = failpoint {
            command.env("CONN_FAILPOINT", failpoint);
        }
        let mut process = command.spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { process, lines }
    }

    /// Waits until it says something.
    fn hear(&self, facts: &mut Facts) {
        for line in &self.lines {
            facts.hear(&line);
            if line.starts_with('@') {
                return;
            }
        }
    }

    /// Listens for this much time.
    fn listen(&self, facts: &mut Facts, time: Duration) {
        let until = std::time::Instant::now() + time;
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(std::time::Instant::now()))
        {
            facts.hear(&line);
        }
    }

    /// Kills it, hears its last words.
    fn kill(mut self, facts: &mut Facts) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lines.iter().for_each(|line| facts.hear(&line));
    }

    /// Waits until it ends by itself; `None` if it did all that work and did not, or fell silent. How quick the
    /// machine is does not matter.
    fn wait(mut self, facts: &mut Facts) -> Option<ExitStatus> {
        for _ in 0..MOST_HEARD {
            match self.lines.recv_timeout(SILENCE) {
                Ok(line) => facts.hear(&line),
                Err(RecvTimeoutError::Disconnected) => return Some(self.process.wait().unwrap()),
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        self.kill(facts);
        None
    }
}

fn check(dir: &Path, facts: &Facts, clean: bool) {
    let store = DiskStore::open(dir, options()).unwrap();
    facts.check(&store);
    if clean {
        store.close().unwrap();
    } else {
        store.die();
    }
}

/// Lets somebody work for a while, then damages what the index holds.
fn damage_index(dir: &Path, seed: u64, facts: &mut Facts) {
    let victim = Victim::start(dir, seed, None);
    victim.listen(facts, Duration::from_millis(300));
    victim.kill(facts);
    check(dir, facts, true);
    let path = dir.join("index/db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x55);
    std::fs::write(path, bytes).unwrap();
}

/// A directory in memory, where it is quicker: a kill takes nothing from it either.
pub(super) fn quick_dir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap()
}

#[test]
fn what_was_acknowledged_survives_a_hundred_kills() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(7);
    let mut facts = Facts::default();
    let mut acknowledged = 0;
    let rounds = full_or(600, 100);
    for round in 0..rounds {
        // Now and then a fresh directory: the first steps are worth killing, too.
        if round % 25 == 24 {
            std::fs::remove_dir_all(dir.path()).unwrap();
            acknowledged += facts.count();
            facts = Facts::default();
        }
        let victim = Victim::start(dir.path(), round, None);
        let in_the_open = random.below(4) > 0;
        let time = if in_the_open {
            victim.hear(&mut facts);
            random.below(200)
        } else {
            random.below(40)
        };
        victim.listen(&mut facts, Duration::from_millis(time));
        victim.kill(&mut facts);
        check(dir.path(), &facts, random.below(2) == 0);
    }
    assert!(
        acknowledged > rounds,
        "only {acknowledged} records were acknowledged"
    );
}

/// Records that are acknowledged until a place counts as one that is not come to: a minute's work or two.
const MOST_HEARD: u32 = 300_000;

/// Nobody is silent for so long who works.
const SILENCE: Duration = Duration::from_mins(2);

/// Every place is come to so often within [`Victim::wait`]; some, not much more often.
const OFTEN: u32 = 4;

#[test]
fn what_was_acknowledged_survives_death_at_every_labelled_place() {
    let mut seed = 0;
    for label in LABELS {
        let dir = quick_dir();
        let mut facts = Facts::default();
        let counts = full_or(&[1, 2, 3, OFTEN, 8, 13][..], &[1, OFTEN][..]);
        for &count in counts {
            seed += 1;
            let mut failpoint = format!("{label}:{count}");
            if label == "index.moved_aside" {
                failpoint = label.to_owned();
                damage_index(dir.path(), seed, &mut facts);
            }
            let victim = Victim::start(dir.path(), seed, Some(&failpoint));
            let status = victim.wait(&mut facts);
            let reached = status.is_some_and(|status| !status.success());
            assert!(
                reached || count > OFTEN,
                "{label} was not reached for the {count}th time"
            );
            check(dir.path(), &facts, seed % 2 == 0);
            if !reached {
                break;
            }
        }
    }
}
