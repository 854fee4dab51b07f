//! The ways to a host: jump hosts, proxies, other login shells.

use std::path::PathBuf;

use super::rig::{Rig, fleet, lend, lines};
use super::support::{Fleet, Scratch, TcpProxy};

fn config_with(dir: &Scratch, lines: &str) -> PathBuf {
    let own = std::fs::read_to_string(fleet().ssh_config()).unwrap();
    dir.write("ssh_config", format!("{lines}\n{own}"))
}

/// The address a host sees its visitor come from.
const FROM: &str = "set -- $SSH_CLIENT; echo $1";

#[test]
fn a_chain_of_jump_hosts_is_gone_through_hop_by_hop() {
    let dir = Scratch::new("jump");
    let mut rig = Rig::new();
    rig.config = config_with(
        &dir,
        "Host web03\n  ProxyJump web01,web02\nHost web04\n  ProxyJump web03",
    );
    let report = rig.report("web[03-05]", &[], FROM);
    assert_eq!(report.code, Some(0), "{report:#?}");
    let from = |host: &str| {
        report.hosts[host]["stdout"]
            .as_str()
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(from("web03"), fleet().address("web02"));
    assert_eq!(from("web04"), fleet().address("web03"));
    assert!(
        fleet()
            .hosts()
            .iter()
            .all(|host| host.address != from("web05")),
        "straight"
    );
    let durable = rig.report("web04", &["--durable"], "echo $((6*7)); exit 3");
    assert_eq!(
        (durable.outcome("web04").as_str(), &durable.only()["stdout"]),
        ("failed(3)", &"42\n".into())
    );
}

#[test]
fn a_jump_host_that_is_not_there_makes_only_its_hosts_unreachable() {
    let dir = Scratch::new("jump");
    let mut rig = Rig::new();
    rig.config = config_with(
        &dir,
        &format!(
            "Host ghost\n  HostName 127.0.0.1\n  Port 1\n  IdentityFile {}\nHost web03\n  ProxyJump ghost",
            fleet().key().display()
        ),
    );
    let report = rig.report("web[03-04]", &["--connect-timeout", "5s"], "true");
    assert_eq!(report.outcome("web03"), "unreachable", "{report:#?}");
    assert_eq!(report.outcome("web04"), "ok", "{report:#?}");
}

#[test]
fn a_jump_host_with_a_key_nobody_knows_is_refused() {
    let dir = Scratch::new("jump");
    let mut rig = Rig::new();
    let empty = dir.write("nobody", "");
    rig.config = config_with(
        &dir,
        &format!(
            "Host web01\n  UserKnownHostsFile {}\nHost web03\n  ProxyJump web01",
            empty.display()
        ),
    );
    let report = rig.report("web03", &[], "touch /root/must-not");
    assert_eq!(report.outcome("web03"), "refused(host_key)", "{report:#?}");
    assert!(!super::rig::has_file("web03", "/root/must-not"));
}

#[test]
fn a_proxy_command_carries_the_connection() {
    let dir = Scratch::new("proxy");
    let mut rig = Rig::new();
    rig.config = config_with(&dir, "Host web03\n  ProxyCommand socat - TCP:%h:%p");
    let report = rig.report("web03", &[], "hostname");
    assert_eq!(report.code, Some(0), "{report:#?}");
    assert_eq!(report.only()["stdout"], "web03\n");
}

#[test]
fn a_slow_and_narrow_line_loses_nothing() {
    let proxy = TcpProxy::to_ssh(fleet().address("web01"));
    proxy.delay(std::time::Duration::from_millis(80));
    proxy.throttle(Some(200_000));
    let mut rig = Rig::new();
    rig.config = fleet().ssh_config_through(&[("web01", &proxy)]);
    for options in [&[][..], &["--durable"]] {
        let report = rig.report("web01", options, "seq 20000; seq 10 >&2; exit 6");
        let expected = lines(1..=20000, |n| n.to_string());
        assert_eq!(report.outcome("web01"), "failed(6)");
        assert!(report.only()["stdout"] == expected, "{options:?}");
    }
}

#[test]
fn a_broken_line_is_mended_under_a_durable_command_again_and_again() {
    let proxy = TcpProxy::to_ssh(fleet().address("web01"));
    let mut rig = Rig::new();
    rig.config = fleet().ssh_config_through(&[("web01", &proxy)]);
    let running = rig.start(
        "web01",
        &["--durable"],
        "n=0; while [ $n -lt 40 ]; do echo line $n; n=$((n+1)); sleep 0.1; done; exit 8",
    );
    for line in [5, 15] {
        running.wait_for_out(&format!("line {line}\n"));
        proxy.drop_connections();
    }
    let ended = running.wait(super::support::PATIENCE).expect_code(1);
    let expected = lines(0..40, |n| format!("web01: line {n}"));
    assert_eq!(ended.out(), expected);
    assert!(
        ended.err().contains("failed(8) 1: web01"),
        "{}",
        ended.err()
    );
}

#[test]
fn login_shells_that_are_not_posix_do_no_harm() {
    let users = [
        "--user",
        "tess:/bin/tcsh",
        "--user",
        "fiona:/usr/bin/fish",
        "--user",
        "dora:/bin/dash",
    ];
    let fleet = Fleet::with(1, &[&["--prefix", "shell"][..], &users].concat());
    let mut rig = Rig::new();
    rig.config = fleet.ssh_config();
    for (user, say_shell) in [
        ("tess", "echo $shell"),
        ("fiona", "echo $FISH_VERSION"),
        ("dora", "echo ${PPID:+posix}"),
    ] {
        let oracle = fleet.openssh(&[
            &format!("{user}@shell01"),
            &format!("{say_shell}; echo 'a  b'"),
        ]);
        let oracle = String::from_utf8(oracle.stdout).unwrap();
        assert!(oracle.ends_with("a  b\n"), "{oracle}");
        for durable in [&[][..], &["--durable"]] {
            let options: Vec<&str> = ["-l", user]
                .into_iter()
                .chain(durable.iter().copied())
                .collect();
            let said = rig.report("shell01", &options, &format!("{say_shell}; echo 'a  b'"));
            assert_eq!(
                said.only()["stdout"],
                oracle,
                "{user} {options:?}: the login shell reads it, as with ssh"
            );
            let env: Vec<&str> = options
                .iter()
                .copied()
                .chain(["--env", "V=it's $HOME"])
                .collect();
            let report = rig.report("shell01", &env, "printenv V; sh -c 'exit 5'");
            assert_eq!(
                report.only()["stdout"],
                "it's $HOME\n",
                "{user} {options:?}"
            );
            assert_eq!(report.outcome("shell01"), "failed(5)", "{user} {options:?}");
        }
    }
}

#[test]
fn doas_becomes_another_user_and_what_it_refuses_is_no_failure_of_the_command() {
    let host = lend();
    fleet().sh(
        &host,
        "echo 'permit nopass admin as nobody' >/etc/doas.conf; chmod 400 /etc/doas.conf",
    );
    let rig = Rig::with_settings("[run]\nrun_as = \"doas\"\n");
    for durable in [&[][..], &["--durable"]] {
        let options = [&["-l", "admin", "--run-as", "nobody"], durable].concat();
        let report = rig.report(&host, &options, "id -un; exit 3");
        assert_eq!(report.hosts[&host]["stdout"], "nobody\n");
        assert_eq!(report.hosts[&host]["code"], 3);
        let options = [&["-l", "admin", "--run-as", "daemon"], durable].concat();
        let refused = rig.run(&host, &options, "id -un").expect_code(1);
        assert!(!refused.out().contains("daemon"), "{}", refused.out());
        assert!(
            refused.err().contains("doas did not let this login"),
            "{}",
            refused.err()
        );
    }
}
