//! The flows of `config/` at work: on real hosts, where their pretend services start and stop real processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;
use theconn::demo::example;

use super::rig::Rig;
use super::support::{Conn, Fleet, PATIENCE, wait_until};

const OLD: &str = "2.4.17";
pub const NEW: &str = "2.4.18";
/// What a host says of itself when a flow took it from one version to the other, each step once.
pub const ONCE: &str =
    "installed 2.4.17\nstarted 2.4.17\nstopped 2.4.17\ninstalled 2.4.18\nstarted 2.4.18\n";

/// Twenty hosts in four racks, two clusters and with a canary in each.
const INVENTORY: &str = r#"
[[hosts]]
names = "rs[01-05]"
labels = { rack = "r1" }

[[hosts]]
names = "rs[06-10]"
labels = { rack = "r2" }

[[hosts]]
names = "rs[11-15]"
labels = { rack = "r3" }

[[hosts]]
names = "rs[16-20]"
labels = { rack = "r4" }

[groups.canary]
members = "rs[01,11]"

[clusters.cluster-a]
members = "rs[01-10]"

[clusters.cluster-b]
members = "rs[11-20]"

[apps.hbase]
children = ["cluster-a", "cluster-b"]
"#;

/// The hosts, for one test at a time: each begins with them as they are before anything was installed.
pub struct Site {
    pub rig: Rig,
    fleet: &'static Fleet,
    _alone: MutexGuard<'static, ()>,
}

impl Site {
    pub fn new() -> Self {
        static FLEET: OnceLock<Fleet> = OnceLock::new();
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let fleet = FLEET.get_or_init(|| {
            let options = ["--prefix", "rs", "--user", "hbase", "--user", "galaxy"];
            Fleet::with(20, &options)
        });
        for host in fleet.hosts() {
            // What an earlier test left, processes first.
            let wipe =
                "pkill -f '[p]retend-hbase' || true; rm -rf /opt/pretend-* /var/lib/pretend-*";
            fleet.sh(&host.name, wipe);
        }
        let rig = Rig {
            conn: Conn::new(),
            config: fleet.ssh_config(),
        };
        rig.settings(&format!(
            "[ssh]\nconfig = {:?}\n[store]\nreserve = \"1MiB\"\nlow_mark = \"1MiB\"\n",
            fleet.ssh_config().display().to_string()
        ));
        let config = rig.conn.home().join("config");
        std::fs::write(config.join("inventory.toml"), INVENTORY).unwrap();
        example::lay(&config).unwrap();
        let site = Self {
            rig,
            fleet,
            _alone: alone,
        };
        site.apply();
        site
    }

    pub fn config(&self) -> PathBuf {
        self.rig.conn.home().join("config")
    }

    /// Stores the definitions as they are in the configuration directory.
    pub fn apply(&self) {
        let config = self.config();
        let words = ["apply", config.to_str().unwrap()];
        self.rig.conn.run(words).expect_success();
    }

    /// Puts the pretend services on hosts.
    pub fn install(&self, targets: &str) {
        let id = self.start(&["InstallPretendServices", "-w", targets]);
        let shown = self.rig.wait_end(id);
        assert_eq!(shown["state"], "succeeded", "{shown:#}");
    }

    /// Starts a flow and leaves; the run's number.
    pub fn start(&self, words: &[&str]) -> u64 {
        let head = ["flow", "start", "--detach"];
        let ended = self.rig.conn.run(head.iter().chain(words)).expect_success();
        ended.out().trim().parse().unwrap()
    }

    /// What was done on a host, a line each.
    pub fn history(&self, host: &str) -> String {
        let file = "/var/lib/pretend-hbase/history";
        self.fleet
            .sh(host, &format!("cat {file} 2>/dev/null || true"))
    }

    /// The process that holds a host's port and its version, when that process is there.
    pub fn server(&self, host: &str) -> Option<(u32, String)> {
        let port = "/var/lib/pretend-hbase/ports/16020";
        let script = format!(
            "read -r pid since version <{port} && grep -q regionserver /proc/$pid/cmdline && echo $pid $version || true"
        );
        let told = self.fleet.sh(host, &script);
        let (pid, version) = told.trim().split_once(' ')?;
        Some((pid.parse().unwrap(), version.to_owned()))
    }

    fn servers(&self, hosts: &[&str]) -> BTreeMap<String, (u32, String)> {
        let servers = hosts.iter().filter_map(|host| {
            let server = self.server(host)?;
            Some(((*host).to_owned(), server))
        });
        servers.collect()
    }

    pub fn break_host(&self, host: &str) {
        let file = "/var/lib/pretend-hbase/broken";
        self.fleet
            .sh(host, &format!("echo the disk is read-only >{file}"));
    }

    pub fn mend(&self, host: &str) {
        self.fleet.sh(host, "rm /var/lib/pretend-hbase/broken");
    }
}

const SIX: [&str; 6] = ["rs01", "rs02", "rs03", "rs04", "rs05", "rs06"];

#[test]
fn every_host_really_runs_the_new_version_and_a_broken_one_holds_the_upgrade_up() {
    let site = Site::new();
    site.install("rs[01-06]");
    let before = site.servers(&SIX);
    assert_eq!(before.len(), 6, "{before:?}");
    assert!(before.values().all(|(_, version)| version == OLD));

    site.break_host("rs01");
    let set = format!("version={NEW}");
    let id = site.start(&["UpgradeRegionServer", "-w", "rs[01-06]", "--set", &set]);
    let shown = site.rig.wait_state(id, "paused");
    assert_eq!(site.server("rs01"), None, "it was stopped: {shown:#}");
    let others = site.servers(&SIX[1..]);
    assert!(
        others.iter().all(|(host, server)| before[host] == *server),
        "a failing canary leaves the others alone: {others:?}"
    );

    site.mend("rs01");
    site.rig
        .runs("retry", id, &["--host", "rs01"])
        .expect_success();
    site.rig.runs("resume", id, &[]).expect_success();
    let shown = site.rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    let after = site.servers(&SIX);
    for host in SIX {
        let ((old, _), (new, version)) = (&before[host], &after[host]);
        assert_eq!(version, NEW, "{host}");
        assert_ne!(old, new, "{host}");
        assert_eq!(site.history(host), ONCE, "{host}");
    }
    let told = site
        .rig
        .runs("output", id, &["--host", "rs04", "--step", "install"]);
    assert_eq!(told.expect_success().out(), "installed 2.4.18\n");
    site.rig.audit_is_whole();
}

#[test]
fn the_pretend_services_go_back_to_what_was_there_before() {
    let site = Site::new();
    site.install("rs07");
    let says_as = |user: &str, command: &str| {
        let report = site.rig.report("rs07", &["--run-as", user], command);
        let told: &Value = report.only();
        (
            told["outcome"].as_str().unwrap().to_owned(),
            told["stdout"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let says = |command: &str| says_as("hbase", command);
    let ok = |out: &str| ("ok".to_owned(), out.to_owned());
    // The package of a version that is there already may be done again; of another it may be missing.
    assert_eq!(
        says("install_hbase.sh /nowhere 2.4.17"),
        ok("installed 2.4.17\n")
    );
    assert_eq!(says("install_hbase.sh /nowhere 9.9.9").0, "failed");
    assert_eq!(
        says("install_hbase.sh --previous"),
        ok("installed 2.4.17\n")
    );
    assert_eq!(says("graceful_stop.sh --timeout 5").0, "ok");
    assert_eq!(
        says("graceful_stop.sh --timeout 5"),
        ok("no RegionServer runs here\n")
    );
    assert_eq!(says("check_regionserver.sh --port 16020").0, "failed");

    let galaxy = |words: &str| says_as("galaxy", &format!("galaxyctl {words}"));
    let second = r#"{"release": "2.0", "revision": "r-2.0"}"#;
    assert_eq!(galaxy("drain --host rs07").0, "ok");
    assert_eq!(galaxy("status --host rs07 --ready").0, "failed");
    for _ in 0..2 {
        let installed = galaxy("install --release 2.0");
        assert_eq!(installed, ok(&format!("{second}\n")));
    }
    assert_eq!(galaxy("undrain --host rs07 --expect r-1.0").0, "failed");
    assert_eq!(galaxy("undrain --host rs07 --expect r-2.0").0, "ok");
    assert_eq!(galaxy("status --host rs07 --ready"), ok("r-2.0\n"));
    for _ in 0..2 {
        let (_, told) = galaxy("install --previous");
        assert!(told.contains(r#""revision": "r-1.0""#), "{told}");
    }
}

#[test]
fn a_pool_of_galaxy_workers_is_planned_with_its_canary_first() {
    let site = Site::new();
    let plan = site.rig.conn.run([
        "flow",
        "plan",
        "GalaxyUpgradePool",
        "-w",
        "@cluster-b",
        "--set",
        "release=2.0",
        "--json",
    ]);
    let plan = plan.expect_success().json();
    let sizes: Vec<usize> = plan["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|batch| batch.as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [1, 2, 2, 2, 2, 1], "{plan:#}");
}

#[test]
fn a_pool_of_galaxy_workers_is_upgraded_with_a_token_that_is_kept_nowhere() {
    const TOKEN: &str = "glx-pretend-registry-token";
    let site = Site::new();
    site.install("rs[11-14]");
    let start = [
        "flow",
        "start",
        "GalaxyUpgradePool",
        "-w",
        "rs[11-14]",
        "--set",
        "release=2.0",
        "--secret",
        "registry_token",
        "--detach",
    ];
    let ended = site.rig.conn.run_with_input(start, TOKEN.as_bytes());
    let id: u64 = ended.expect_success().out().trim().parse().unwrap();
    // Behind the canary a person is asked.
    wait_until("the question after the canary", PATIENCE, || {
        site.rig.show(id)["for"] == "approval"
    });
    let ended = site.rig.runs("output", id, &[]).expect_success();
    let output = ended.out() + &ended.err();
    let told = format!("with the token {}", "*".repeat(TOKEN.len()));
    assert!(
        output.contains(&told) && !output.contains(TOKEN),
        "{output}"
    );
    let shown = site.rig.show(id);
    assert_eq!(shown["params"]["registry_token"], "(typed)", "{shown:#}");
}
