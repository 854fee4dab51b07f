//! The demo fleet as OpenSSH's own clients see it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails its test"
)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use theconn::demo::{Fleet, Layout};

/// One fleet for all tests that only look, or each touch a host of their own.
fn shared() -> &'static (TempDir, Fleet) {
    static FLEET: OnceLock<(TempDir, Fleet)> = OnceLock::new();
    FLEET.get_or_init(|| own(Layout::Addresses))
}

fn own(layout: Layout) -> (TempDir, Fleet) {
    let dir = tempfile::tempdir().unwrap();
    let fleet = Fleet::start_with(dir.path(), layout).unwrap();
    (dir, fleet)
}

fn client(program: &str, fleet: &Fleet) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-F")
        .arg(&fleet.files().ssh_config)
        .args(["-o", "BatchMode=yes"])
        .stdin(Stdio::null());
    command
}

fn run_on(fleet: &Fleet, host: &str, script: &str) -> Output {
    client("ssh", fleet)
        .args([host, script])
        .output()
        .expect("these tests need OpenSSH's ssh: apt-get install openssh-client")
}

fn ssh(host: &str, script: &str) -> Output {
    run_on(&shared().1, host, script)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Standard output of a script that must succeed.
#[track_caller]
fn says(host: &str, script: &str) -> String {
    let out = ssh(host, script);
    assert_eq!(out.status.code(), Some(0), "{host}: {script}: {out:?}");
    text(&out.stdout).to_owned()
}

#[test]
fn every_host_answers_openssh_or_refuses_as_its_part_says() {
    let fleet = &shared().1;
    let children: Vec<(String, Child)> = fleet
        .hosts()
        .iter()
        .map(|host| {
            let child = client("ssh", fleet)
                .args([&host.name, "hostname"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            (host.name.clone(), child)
        })
        .collect();
    assert_eq!(children.len(), 60);
    for (name, child) in children {
        let out = child.wait_with_output().unwrap();
        let refusal = match name.as_str() {
            "db08" => "Connection refused",
            "db03" => "REMOTE HOST IDENTIFICATION HAS CHANGED",
            "cache06" => "Permission denied (publickey)",
            _ => {
                assert_eq!(text(&out.stdout), format!("{name}\n"), "{out:?}");
                continue;
            }
        };
        assert_eq!(out.status.code(), Some(255), "{name}");
        assert!(text(&out.stderr).contains(refusal), "{name}: {out:?}");
    }
}

#[test]
fn a_host_has_its_own_port_where_addresses_are_not_to_be_had() {
    let (_dir, fleet) = own(Layout::Ports);
    let out = run_on(&fleet, "cache08", "hostname; echo $SSH_NOTHING$HOSTNAME");
    assert_eq!(text(&out.stdout), "cache08\ncache08\n");
    let ports: std::collections::BTreeSet<_> =
        fleet.hosts().iter().map(|h| h.address.port()).collect();
    assert_eq!(ports.len(), 60);
}

#[test]
fn exit_statuses_and_streams_arrive_as_the_command_left_them() {
    let out = ssh("web02", "echo out; echo err >&2; exit 7");
    assert_eq!(out.status.code(), Some(7));
    assert_eq!((text(&out.stdout), text(&out.stderr)), ("out\n", "err\n"));
    let out = ssh("web02", "nonsense --now");
    assert_eq!(out.status.code(), Some(127));
    assert_eq!(text(&out.stderr), "sh: 1: nonsense: not found\n");
    assert_eq!(ssh("web02", "echo 'x").status.code(), Some(2));
}

#[test]
fn services_tell_their_states_apart() {
    assert!(says("web01", "systemctl status app").contains("active (running)"));
    assert_eq!(ssh("web14", "systemctl status app").status.code(), Some(3));
    let out = ssh("batch03", "systemctl status app");
    assert_eq!(
        out.status.code(),
        Some(255),
        "OpenSSH turns a signal into 255: {out:?}"
    );
    let in_time = ssh("batch06", "timeout 0.2 systemctl status app");
    assert_eq!(in_time.status.code(), Some(124));
}

#[test]
fn a_restart_heals_the_failed_host() {
    let (_dir, fleet) = own(Layout::Addresses);
    let script =
        "systemctl is-active app; sudo -n systemctl restart app && systemctl is-active app";
    let out = run_on(&fleet, "web14", script);
    assert_eq!(text(&out.stdout), "failed\nactive\n");
}

#[test]
fn a_flood_arrives_whole_and_a_reader_that_leaves_ends_it() {
    let out = ssh("batch02", "flood 20000000");
    assert_eq!(out.stdout.len(), 20_000_000);
    assert!(out.status.success());
    assert!(ssh("batch02", "systemctl status app").stdout.len() > 400_000);
    assert_eq!(
        says("batch02", "journalctl -u app | head -n 2 | wc -l"),
        "2\n"
    );
    assert_eq!(
        says("batch02", "cat /dev/zero | head -c 100000 | wc -c"),
        "100000\n"
    );
}

#[test]
fn escape_sequences_come_through_raw() {
    let log = ssh("cache04", "journalctl -n 40").stdout;
    assert!(log.windows(4).any(|w| w == b"\x1b]0;"), "title");
    assert!(log.windows(4).any(|w| w == b"\x1b[2J"), "clear");
    assert!(String::from_utf8_lossy(&log).contains('\u{202e}'), "bidi");
    let plain = ssh("cache03", "journalctl -n 40").stdout;
    assert!(!plain.contains(&0x1b));
}

#[test]
fn the_odd_hosts_show_what_is_odd_about_them() {
    assert!(says("db02", "df -h").contains("97%"));
    let full = ssh("db02", "flood 2000000 > /var/tmp/x");
    assert!(
        text(&full.stderr).contains("No space left on device"),
        "{full:?}"
    );
    let ahead: i64 = says("batch07", "date +%s").trim().parse().unwrap();
    let here: i64 = says("batch05", "date +%s").trim().parse().unwrap();
    assert!((ahead - here - 420).abs() < 60, "{ahead} {here}");
    assert_ne!(
        says("web07", "cat /etc/app.conf"),
        says("web08", "cat /etc/app.conf")
    );
    assert_eq!(
        says("web09", "cat /etc/app.conf"),
        says("web08", "cat /etc/app.conf")
    );
}

#[test]
fn input_reaches_the_command_and_an_unread_one_harms_nobody() {
    let fleet = &shared().1;
    let mut child = client("ssh", fleet)
        .args([
            "web03",
            "tr a-z A-Z | tee /tmp/in | wc -c; sha256sum /tmp/in",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let data = b"steady as she goes\n".repeat(100_000);
    child.stdin.take().unwrap().write_all(&data).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(text(&out.stdout).starts_with("1900000\n"), "{out:?}");

    let mut child = client("ssh", fleet)
        .args(["web03", "sleep 0.5; echo done"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The command may end before all of this is taken; that is the point.
    let _ = child.stdin.take().unwrap().write_all(&data);
    assert_eq!(child.wait_with_output().unwrap().stdout, b"done\n");
}

#[test]
fn a_script_on_standard_input_runs_where_no_command_was_given() {
    let mut child = client("ssh", &shared().1)
        .arg("web04")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"cd /etc\npwd; exit 4\n")
        .unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!((text(&out.stdout), out.status.code()), ("/etc\n", Some(4)));
}

#[test]
fn a_signal_from_another_session_ends_a_process() {
    let fleet = &shared().1;
    let mut child = client("ssh", fleet)
        .args(["web05", "echo $$; sleep 600"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pid = [0; 16];
    let length = child.stdout.as_mut().unwrap().read(&mut pid).unwrap();
    let pid = text(&pid[..length]).trim().to_owned();
    assert!(says("web05", "ps").contains("sleep 600"));
    says("web05", &format!("kill -TERM {pid}"));
    assert_eq!(child.wait().unwrap().code(), Some(255));
    assert!(!says("web05", "ps").contains("sleep 600"));
}

#[test]
fn a_client_that_leaves_takes_its_process_with_it() {
    let fleet = &shared().1;
    let mut child = client("ssh", fleet)
        .args(["web06", "echo up; sleep 601"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the process has gone", || {
        !says("web06", "ps").contains("sleep 601")
    });
}

#[test]
fn a_session_can_be_found_in_proc_and_killed_from_another() {
    let fleet = &shared().1;
    let mut child = client("ssh", fleet)
        .args(["web10", "echo $$; sh -c 'sleep 602 & sleep 603'"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pid = [0; 16];
    let length = child.stdout.as_mut().unwrap().read(&mut pid).unwrap();
    let pid = text(&pid[..length]).trim();
    let find = format!(
        "for f in /proc/[0-9]*/stat; do IFS= read -r l <$f || continue; p=${{l%% *}}; \
         set -- ${{l##*) }}; [ $4 != {pid} ] || echo $p; done"
    );
    wait_until("all three are there", || {
        says("web10", &find).lines().count() == 3
    });
    says(
        "web10",
        &format!("for p in $({find}); do kill -KILL $p; done"),
    );
    assert_eq!(child.wait().unwrap().code(), Some(255));
    wait_until("all have gone", || ssh("web10", &find).stdout.is_empty());
}

#[test]
fn an_unread_session_holds_up_no_other_on_its_connection() {
    let (dir, fleet) = own(Layout::Addresses);
    let socket = dir.path().join("mux");
    let with_mux = |script: &str| {
        let mut command = client("ssh", &fleet);
        command
            .args(["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-S"])
            .arg(&socket)
            .args(["web01", script])
            .stdout(Stdio::piped());
        command
    };
    let mut flood = with_mux("cat /dev/zero").spawn().unwrap();
    flood
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 1])
        .unwrap();
    for _ in 0..3 {
        assert_eq!(
            with_mux("flood 3000000 | wc -c").output().unwrap().stdout,
            b"3000000\n"
        );
    }
    flood.kill().unwrap();
    flood.wait().unwrap();
}

#[test]
fn what_setsid_starts_outlives_its_client() {
    let fleet = &shared().1;
    let script = "setsid sh -c 'sleep 0.5; echo $$ > /tmp/late' </dev/null >/dev/null 2>&1";
    let mut child = client("ssh", fleet)
        .args(["web12", script])
        .spawn()
        .unwrap();
    wait_until("it runs", || says("web12", "ps").contains("sleep 0.5"));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("it has ended by itself", || {
        ssh("web12", "test -s /tmp/late").status.success()
    });
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("waited in vain until {what}");
}

#[test]
fn sftp_carries_files_both_ways() {
    let (dir, fleet) = own(Layout::Addresses);
    let data: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let local = dir.path().join("local");
    let back = dir.path().join("back");
    std::fs::write(&local, &data).unwrap();
    let batch = format!(
        "put -f {} up.tmp\nchmod 640 up.tmp\nmkdir d\nput {} d/x\nrename up.tmp up\nrename d/x up\n\
         ln -s up link\nls -l\nget link {}\n",
        local.display(),
        local.display(),
        back.display(),
    );
    let out = sftp(&fleet, "web02", &batch);
    assert!(out.status.success(), "{out:?}");
    assert_eq!(std::fs::read(&back).unwrap(), data);
    let host =
        String::from_utf8(run_on(&fleet, "web02", "sha256sum up; pwd; rm d/x; ls -l").stdout)
            .unwrap();
    let here = Command::new("sha256sum")
        .arg(&local)
        .output()
        .unwrap()
        .stdout;
    assert_eq!(host[..64], text(&here)[..64]);
    let full = sftp(&fleet, "db02", &format!("put {} x\n", local.display()));
    assert!(!full.status.success());
    assert!(text(&full.stderr).contains("Failure"), "{full:?}");
}

fn sftp(fleet: &Fleet, host: &str, batch: &str) -> Output {
    let mut child = client("sftp", fleet)
        .args(["-b", "-", host])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need OpenSSH's sftp: apt-get install openssh-client");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(batch.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_host_can_be_reached_through_another_and_nothing_else_can() {
    let fleet = &shared().1;
    let jump = |via: &str, to: &str| {
        client("ssh", fleet)
            .args(["-J", via, to, "hostname"])
            .output()
            .unwrap()
    };
    assert_eq!(jump("web01,web02", "db01").stdout, b"db01\n");
    let out = client("ssh", fleet)
        .args(["-W", "127.0.0.1:22", "web01"])
        .output()
        .unwrap();
    assert!(
        text(&out.stderr).contains("administratively prohibited"),
        "{out:?}"
    );
}

#[test]
fn one_connection_carries_ten_sessions_and_refuses_the_eleventh() {
    let (dir, fleet) = own(Layout::Addresses);
    let socket = dir.path().join("mux");
    let with_mux = |script: &str| {
        let mut command = client("ssh", &fleet);
        command
            .args(["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-S"])
            .arg(&socket)
            .args(["web01", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    assert!(with_mux("true").status().unwrap().success());
    let held: Vec<Child> = (0..10)
        .map(|_| {
            let mut child = with_mux("echo up; sleep 60").spawn().unwrap();
            let mut up = [0; 3];
            child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
            child
        })
        .collect();
    let over = with_mux("true").output().unwrap();
    assert!(!text(&over.stderr).is_empty(), "{over:?}");
    for mut child in held {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(with_mux("true").status().unwrap().success());
    let closed = client("ssh", &fleet)
        .args(["-O", "exit", "-S"])
        .arg(&socket)
        .arg("web01")
        .status()
        .unwrap();
    assert!(closed.success());
}

#[test]
fn nothing_but_the_files_is_left_when_the_fleet_is_dropped() {
    let (dir, fleet) = own(Layout::Addresses);
    let address = fleet.hosts()[0].address;
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["id_ed25519", "inventory.toml", "known_hosts", "ssh_config"]
    );
    assert_eq!(mode(&fleet.files().key), 0o600);
    std::net::TcpStream::connect(address).unwrap();
    drop(fleet);
    wait_until("nobody listens", || {
        std::net::TcpStream::connect(address).is_err()
    });
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_known_hosts_file_knows_every_host_by_name_and_by_address() {
    let fleet = &shared().1;
    for host in fleet.hosts() {
        let named = format!("[{}]:{}", host.address.ip(), host.address.port());
        for name in [&host.name, &named] {
            let found = Command::new("ssh-keygen")
                .args(["-F", name, "-f"])
                .arg(&fleet.files().known_hosts)
                .output()
                .unwrap();
            assert!(found.status.success(), "{name}");
        }
    }
}
