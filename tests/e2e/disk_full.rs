//! The bastion's own disk runs full: runs end honestly, reading goes on, and all is well when there is room again.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::rig::{Rig, unique};
use super::support::{PATIENCE, wait_until};

/// A small disk where the instance keeps everything.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "conn-test"])
            .arg(at)
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "no tmpfs at {}: run as root",
            at.display()
        );
        Self(at.to_owned())
    }

    fn fill(&self) {
        let file = self.0.join("ballast");
        let filled = Command::new("dd")
            .args(["if=/dev/zero", "bs=64k", "status=none"])
            .arg(format!("of={}", file.display()))
            .stderr(std::process::Stdio::null())
            .status();
        assert!(
            filled.is_ok_and(|status| !status.success()),
            "dd stops when the disk is full"
        );
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

const SETTINGS: &str =
    "[store]\nreserve = \"16MiB\"\nlow_mark = \"20MiB\"\n[run]\noutput_disk = \"64MiB\"\n";

fn small() -> (Rig, SmallDisk) {
    let rig = Rig::new();
    let disk = SmallDisk::mount(&rig.conn.home(), "64m");
    rig.settings(SETTINGS);
    (rig, disk)
}

#[test]
fn with_no_room_at_all_reading_goes_on_and_room_brings_runs_back() {
    let (rig, disk) = small();
    rig.run("web01", &[], "echo before").expect_success();
    disk.fill();
    let read = rig.runs("output", 1, &["--host", "web01"]).expect_success();
    assert_eq!(read.out(), "before\n");
    rig.conn.run(["runs"]).expect_success();
    let file = format!("/root/{}", unique("full"));
    let mut refused = None;
    for _ in 0..200 {
        let ended = rig.run("web01", &[], &format!("echo x >>{file}"));
        if ended.code() != Some(0) {
            refused = Some(ended);
            break;
        }
    }
    if let Some(refused) = &refused {
        let words = refused.err();
        assert!(
            words.contains("space") || words.contains("disk"),
            "it says what is missing: {words}"
        );
    }
    disk.free();
    wait_until("a run to be taken again", PATIENCE, || {
        rig.run("web01", &[], "echo after").code() == Some(0)
    });
    let id = rig.newest();
    assert_eq!(
        rig.runs("output", id, &["--host", "web01"])
            .expect_success()
            .out(),
        "after\n"
    );
    assert_eq!(
        rig.runs("output", 1, &["--host", "web01"])
            .expect_success()
            .out(),
        "before\n"
    );
    rig.audit_is_whole();
}

#[test]
fn a_durable_run_in_flight_while_the_disk_is_full_keeps_its_outcome() {
    let (rig, disk) = small();
    let mark = unique("inflight");
    let id = rig.detach(
        "web01",
        &["--durable"],
        &format!("echo begun; while [ ! -e /tmp/{mark} ]; do sleep 0.05; done; exit 6"),
    );
    wait_until("the command to begin", PATIENCE, || {
        rig.runs("output", id, &["--host", "web01"])
            .out()
            .contains("begun")
    });
    disk.fill();
    super::rig::fleet().sh("web01", &format!("touch /tmp/{mark}"));
    wait_until("the end", PATIENCE, || {
        let ended = rig.runs("show", id, &["--json"]);
        if ended.code() == Some(0) && !ended.json()["ended"].is_null() {
            return true;
        }
        // An engine that could store nothing has ended; with room it goes on from what is stored.
        if rig.conn.engine().is_none() && disk.0.join("ballast").exists() {
            disk.free();
        }
        false
    });
    let shown = rig.show(id);
    assert_eq!(
        super::rig::outcome_of(super::rig::task(&shown, "web01")),
        "failed(6)",
        "{shown:#}"
    );
}

/// Output that does not compress.
const NOISE: &str = "head -c 60000000 /dev/urandom | base64";

#[test]
fn a_run_that_fills_the_disk_ends_with_its_outcome_and_a_counted_gap() {
    let (rig, _disk) = small();
    let report = rig.report("web[01-02]", &[], &format!("{NOISE}; exit 3"));
    assert_eq!(report.code, Some(1), "{}", report.err);
    let whole: u64 = 60_000_000_u64.div_ceil(3) * 4;
    for host in ["web01", "web02"] {
        assert_eq!(report.outcome(host), "failed(3)");
        let stdout = report.hosts[host]["stdout"].as_str().unwrap().len() as u64;
        let missing = report.hosts[host]["truncated_bytes"].as_u64().unwrap();
        assert!(missing > 0, "not all of it can be kept");
        assert!(
            stdout + missing >= whole,
            "every byte is kept or counted: {stdout} + {missing} of {whole}"
        );
    }
    rig.runs("show", 1, &["--json"]).expect_success();
    rig.runs("output", 1, &["--host", "web01", "--tail", "1"])
        .expect_success();
    rig.audit_is_whole();
}

#[test]
fn an_engine_killed_on_a_full_disk_starts_again_and_history_can_be_read() {
    let (rig, disk) = small();
    rig.run("web01", &[], "echo before").expect_success();
    disk.fill();
    // The reserve is given up; that is filled as well.
    for _ in 0..3 {
        rig.runs("output", 1, &["--host", "web01"]).expect_success();
        std::fs::rename(disk.0.join("ballast"), disk.0.join(unique("ballast"))).unwrap();
        disk.fill();
    }
    rig.conn.kill_engine();
    let read = rig.runs("output", 1, &["--host", "web01"]).expect_success();
    assert_eq!(read.out(), "before\n");
    rig.conn.run(["runs"]).expect_success();
    for entry in std::fs::read_dir(&disk.0).unwrap().flatten() {
        if entry.file_name().to_string_lossy().contains("ballast") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    wait_until("a run to be taken again", PATIENCE, || {
        rig.run("web01", &[], "echo after").code() == Some(0)
    });
    assert_eq!(
        rig.runs("output", rig.newest(), &["--host", "web01"])
            .expect_success()
            .out(),
        "after\n"
    );
}
