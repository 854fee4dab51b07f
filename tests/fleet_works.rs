//! The hosts that other tests stand on: real, separate, and gone afterwards. OpenSSH's own client is the judge.

// What tests may do, their helpers may do too; clippy knows that of tests alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{Fleet, PATIENCE, Process, Scratch, TcpProxy, wait_for, wait_until};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fleet/fleet");

fn out(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

fn answers(fleet: &Fleet, host: &str) -> bool {
    fleet.ssh(host, "true").status.success()
}

#[test]
fn eight_hosts_answer_openssh_each_with_its_own_name_key_and_processes() {
    let fleet = Fleet::up(8);
    let mut keys = std::collections::BTreeSet::new();
    for host in fleet.hosts() {
        assert_eq!(out(&fleet.ssh(&host.name, "hostname")), host.name);
        assert_eq!(
            out(&fleet.ssh(&host.name, "cat /proc/1/cmdline | tr '\\0' ' '")),
            "/bin/sh /etc/fleet-init"
        );
        assert_eq!(fleet.state(&host.name), "up");
        keys.insert(fleet.host_key(&host.name));
    }
    assert_eq!(keys.len(), 8);
    fleet.sh("web01", "echo here >/etc/only-here");
    assert_eq!(out(&fleet.ssh("web01", "cat /etc/only-here")), "here");
    assert!(!fleet.ssh("web02", "cat /etc/only-here").status.success());
    assert!(
        !Path::new("/etc/only-here").exists(),
        "a host writes on its own disk, never on this machine's"
    );
}

#[test]
fn commands_on_a_host_start_with_no_signal_ignored() {
    let fleet = Fleet::up(1);
    for prefix in ["", "sudo -n "] {
        let command = format!("{prefix}grep SigIgn /proc/self/status");
        let line = out(&fleet.openssh(&["admin@web01", &command]));
        let mask = u64::from_str_radix(line.trim_start_matches("SigIgn:\t"), 16).unwrap();
        // 32 and 33 are the C library's own: whatever posix_spawn starts ignores them.
        assert_eq!(mask & 0x7fff_ffff, 0, "{line}");
    }
}

#[test]
fn the_unprivileged_user_may_sudo_without_a_password_and_has_a_home() {
    let fleet = Fleet::with(1, &["--user", "carol:/bin/dash"]);
    assert_eq!(
        out(&fleet.openssh(&["admin@web01", "id -un; pwd; sudo -n id -un"])),
        "admin\n/home/admin\nroot"
    );
    assert_eq!(
        out(&fleet.openssh(&["carol@web01", "echo $0; sudo -n -u admin id -un"])),
        "dash\nadmin"
    );
}

#[test]
fn what_an_ended_parent_leaves_behind_is_buried() {
    let fleet = Fleet::up(1);
    out(&fleet.ssh(
        "web01",
        "setsid sh -c 'sleep 0.1' >/dev/null 2>&1 </dev/null &",
    ));
    wait_until("no zombie on the host", PATIENCE, || {
        fleet
            .sh("web01", "ps -eo state=,comm=")
            .matches('Z')
            .count()
            == 0
    });
}

#[test]
fn a_cut_link_swallows_packets_until_it_is_healed() {
    let fleet = Fleet::up(2);
    fleet.cut("web01");
    assert_eq!(fleet.state("web01"), "cut");
    let lost = fleet.openssh(&["-o", "ConnectTimeout=1", "web01", "true"]);
    let why = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(
        why.contains("timed out") || why.contains("No route"),
        "{why}"
    );
    assert!(answers(&fleet, "web02"));
    fleet.heal("web01");
    assert!(answers(&fleet, "web01"));
}

#[test]
fn a_stopped_sshd_accepts_and_stays_silent_until_it_goes_on() {
    let fleet = Fleet::up(1);
    fleet.stop("web01");
    assert_eq!(fleet.state("web01"), "stopped");
    let lost = fleet.openssh(&["-o", "ConnectTimeout=1", "web01", "true"]);
    let why = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(why.contains("banner exchange"), "{why}");
    fleet.cont("web01");
    assert!(answers(&fleet, "web01"));
}

#[test]
fn a_killed_sshd_takes_its_sessions_along_but_not_what_they_detached() {
    let fleet = Fleet::up(1);
    out(&fleet.ssh(
        "web01",
        "setsid sleep 1234 >/dev/null 2>&1 </dev/null & echo started",
    ));
    fleet.kill_sshd("web01");
    assert_eq!(fleet.state("web01"), "no-sshd");
    assert!(String::from_utf8_lossy(&fleet.ssh("web01", "true").stderr).contains("refused"));
    assert_eq!(fleet.sh("web01", "pgrep -fc '^sleep 1234'").trim(), "1");
    fleet.start_sshd("web01");
    assert!(answers(&fleet, "web01"));
}

#[test]
fn a_reboot_ends_all_processes_keeps_the_disk_and_changes_the_boot_id() {
    let fleet = Fleet::up(1);
    let boot_id = || out(&fleet.ssh("web01", "cat /proc/sys/kernel/random/boot_id"));
    let mut seen = vec![boot_id()];
    for reboot in [Fleet::reboot, Fleet::power_cycle] {
        out(&fleet.ssh(
            "web01",
            "echo kept >/root/disk; echo lost >/tmp/tmp; echo lost >/run/run; sync",
        ));
        out(&fleet.ssh("web01", "setsid sleep 1234 >/dev/null 2>&1 </dev/null &"));
        reboot(&fleet, "web01");
        assert_eq!(
            out(&fleet.ssh(
                "web01",
                "cat /root/disk; cat /tmp/tmp /run/run 2>/dev/null; pgrep -fc '^sleep 1234'; true"
            )),
            "kept\n0"
        );
        assert!(!seen.contains(&boot_id()), "each boot has its own id");
        seen.push(boot_id());
    }
}

#[test]
fn a_changed_host_key_is_refused_by_openssh() {
    let fleet = Fleet::up(2);
    let old = fleet.host_key("web02");
    fleet.rekey("web02");
    assert_ne!(fleet.host_key("web02"), old);
    let refused = fleet.ssh("web02", "true");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("HOST IDENTIFICATION HAS CHANGED"));
    assert!(answers(&fleet, "web01"));
}

#[test]
fn a_full_disk_takes_no_more_until_it_is_freed() {
    let fleet = Fleet::with(1, &["--disk", "32m"]);
    fleet.fill("web01", 8192);
    let full = fleet.ssh("web01", "head -c 100000 /dev/zero >/root/file");
    assert!(String::from_utf8_lossy(&full.stderr).contains("No space left"));
    fleet.unfill("web01");
    out(&fleet.ssh("web01", "head -c 100000 /dev/zero >/root/file"));
}

#[test]
fn certificates_open_what_plain_keys_do_not() {
    let fleet = Fleet::with(2, &["--ca"]);
    let config = fleet.dir().join("ssh_config_ca");
    let ssh = |target: &str| {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F")
            .arg(&config)
            .args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]);
        ssh.args([target, "hostname"])
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    assert_eq!(out(&ssh("web01")), "web01");
    assert_eq!(out(&ssh("admin@web02")), "web02");
    std::fs::remove_file(fleet.dir().join("id_cert-cert.pub")).unwrap();
    assert!(String::from_utf8_lossy(&ssh("web01").stderr).contains("Permission denied"));
}

#[test]
fn hosts_reach_each_other_so_that_one_can_be_a_jump_host() {
    let fleet = Fleet::up(2);
    assert_eq!(
        out(&fleet.openssh(&[
            "-o",
            "ProxyCommand=ssh -F %s/ssh_config -W %h:%p web01"
                .replace("%s", fleet.dir().to_str().unwrap())
                .as_str(),
            "web02",
            "hostname"
        ])),
        "web02"
    );
}

#[test]
fn what_hosts_log_can_be_caught() {
    let fleet = Fleet::with(1, &["--syslog"]);
    out(&fleet.ssh("web01", "logger -t conn 'run=7 by=alice'"));
    wait_until("the line in the host's syslog", PATIENCE, || {
        fleet
            .sh("web01", "cat /var/log/messages")
            .contains("conn: run=7 by=alice")
    });
}

#[test]
fn a_host_behind_a_proxy_can_be_stalled_and_cut_in_the_middle_of_a_command() {
    let fleet = Fleet::up(1);
    let proxy = TcpProxy::to_ssh(fleet.address("web01"));
    let config = fleet.ssh_config_through(&[("web01", &proxy)]);
    let start = || {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F")
            .arg(&config)
            .args(["web01", "echo started >/root/mark; sleep 0.2; echo done"]);
        ssh.env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let take_mark = "cat /root/mark 2>/dev/null; rm -f /root/mark";
    let wait_for_mark = || {
        wait_until("the command to start", PATIENCE, || {
            !fleet.sh("web01", take_mark).is_empty()
        });
    };

    let stalled = start();
    wait_for_mark();
    proxy.stall();
    wait_until("the command to end on the host", PATIENCE, || {
        fleet.sh("web01", "pgrep -c sleep || true").trim() == "1"
    });
    proxy.resume();
    assert_eq!(out(&stalled.wait_with_output().unwrap()), "done");

    let cut = start();
    wait_for_mark();
    proxy.cut();
    assert_eq!(cut.wait_with_output().unwrap().status.code(), Some(255));
    assert_eq!(start().wait_with_output().unwrap().status.code(), Some(255));
    proxy.heal();
    assert_eq!(out(&start().wait_with_output().unwrap()), "done");
}

#[test]
fn fleets_side_by_side_do_not_know_each_other() {
    let (one, two) = (Fleet::up(2), Fleet::up(2));
    for (a, b) in one.hosts().iter().zip(two.hosts()) {
        assert_eq!(a.name, b.name);
        assert_ne!(a.address, b.address);
        assert_ne!(one.host_key(&a.name), two.host_key(&b.name));
    }
    one.sh("web01", "echo one >/root/which");
    two.sh("web01", "echo two >/root/which");
    assert_eq!(out(&one.ssh("web01", "cat which")), "one");
    drop(one);
    assert_eq!(out(&two.ssh("web01", "cat which")), "two");
}

/// What a fleet leaves on the machine while it stands: links, mounts, processes.
fn traces(dir: &Path) -> String {
    let record = std::fs::read_to_string(dir.join(".fleet")).unwrap_or_default();
    let id = record
        .lines()
        .find_map(|line| line.strip_prefix("id="))
        .unwrap_or("no-fleet")
        .to_owned();
    traces_of(dir, &id)
}

fn traces_of(dir: &Path, id: &str) -> String {
    let dir = dir.to_str().unwrap();
    let links = std::fs::read_dir("/sys/class/net")
        .unwrap()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(id));
    let mut found: Vec<String> = links
        .map(|e| format!("link {}", e.file_name().display()))
        .collect();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|pid| pid.parse().ok())
            .and_then(Process::find)
        else {
            continue;
        };
        let mounts = std::fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if mounts.contains(dir) || String::from_utf8_lossy(&words).contains(dir) {
            found.push(format!(
                "process {} {}",
                process.pid,
                String::from_utf8_lossy(&words).replace('\0', " ")
            ));
        }
    }
    if Path::new(dir).exists() {
        found.push(format!("directory {dir}"));
    }
    found.join("\n")
}

#[test]
fn nothing_is_left_after_down_and_down_twice_does_no_harm() {
    let place = Scratch::new("place");
    let dir = place.path().join("fleet");
    assert!(fleet(&["up", "3"], &dir).status.success());
    let id = std::fs::read_to_string(dir.join(".fleet"))
        .unwrap()
        .lines()
        .next()
        .unwrap()[3..]
        .to_owned();
    assert!(traces_of(&dir, &id).contains("link"));
    for _ in 0..2 {
        let down = fleet(&["down"], &dir);
        assert!(
            down.status.success(),
            "{}",
            String::from_utf8_lossy(&down.stderr)
        );
        assert_eq!(traces_of(&dir, &id), "");
    }
}

#[test]
fn a_fleet_goes_down_by_itself_when_whoever_holds_it_is_killed() {
    let place = Scratch::new("place");
    let dir = place.path().join("fleet");
    let mut holder = Command::new("sh")
        .args([
            "-c",
            "sleep 1234 | \"$0\" up 2 \"$1\" --until-eof; echo up; wait",
            PROGRAM,
        ])
        .arg(&dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let sleeper = wait_for("the holder's pipe", PATIENCE, || {
        child_called("sleep", holder.id())
    });
    wait_until("the fleet to stand", PATIENCE, || {
        dir.join(".watcher").exists()
    });
    let id = std::fs::read_to_string(dir.join(".fleet"))
        .unwrap()
        .lines()
        .next()
        .unwrap()[3..]
        .to_owned();
    holder.kill().unwrap();
    sleeper.kill();
    holder.wait().unwrap();
    wait_until("the fleet to be gone", PATIENCE, || {
        traces_of(&dir, &id).is_empty()
    });
}

#[test]
fn an_up_killed_at_any_moment_leaves_nothing_that_down_does_not_take_away() {
    let place = Scratch::new("place");
    let rounds = if support::full() { 100 } else { 12 };
    for round in 0..rounds {
        let dir = place.path().join(format!("fleet{round}"));
        let mut up = Command::new(PROGRAM)
            .args(["up", "4"])
            .arg(&dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(450 * round / rounds));
        let _ = up.kill();
        let killed = up.wait().unwrap().signal() == Some(9);
        assert!(killed || round > rounds / 4, "it was killed on its way");
        let record = std::fs::read_to_string(dir.join(".fleet")).unwrap_or_default();
        let id = record.lines().next().map_or("no-fleet", |line| &line[3..]);
        assert!(fleet(&["down"], &dir).status.success());
        assert_eq!(traces_of(&dir, id), "", "after a kill in round {round}");
    }
}

#[test]
fn an_up_that_fails_takes_away_what_it_had_made() {
    let place = Scratch::new("place");
    let dir = place.path().join("fleet");
    let failed = fleet(&["up", "2", "--sshd", "NoSuchOption yes"], &dir);
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("mind the --sshd options"));
    assert_eq!(traces(&dir), "");
}

#[test]
fn directories_with_other_files_in_them_are_left_alone() {
    let place = Scratch::new("place");
    place.write("precious", "data");
    for words in [&["up", "1"][..], &["down"]] {
        let refused = fleet(words, place.path());
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("other files"));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

fn fleet(words: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(&words[..words.len().min(2)])
        .arg(dir)
        .args(&words[words.len().min(2)..]);
    command.stdin(Stdio::null()).output().unwrap()
}

fn child_called(name: &str, parent: u32) -> Option<Process> {
    let output = Command::new("pgrep")
        .args(["-x", "-P", &parent.to_string(), name])
        .output()
        .unwrap();
    Process::find(
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .ok()?,
    )
}
