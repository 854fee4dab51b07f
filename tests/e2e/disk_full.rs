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
    let verified = rig
        .conn
        .run(["audit", "verify", "--json"])
        .expect_success()
        .json();
    assert_eq!(verified["whole"], true);
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
