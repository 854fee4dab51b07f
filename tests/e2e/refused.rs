//! Hosts that must not be trusted, that do not let us in, or are not there: each told apart, none started on.

use std::path::PathBuf;

use super::rig::{Report, Rig, fleet, has_file, lend, unique};
use super::support::{Fleet, Scratch, make_key};

/// The fleet's `ssh_config` with these lines before it.
fn config_with(dir: &Scratch, lines: &str) -> PathBuf {
    let own = std::fs::read_to_string(fleet().ssh_config()).unwrap();
    dir.write("ssh_config", format!("{lines}\n{own}"))
}

fn known_hosts() -> String {
    std::fs::read_to_string(fleet().known_hosts()).unwrap()
}

/// Runs `touch` on a bad host and a good one; the good one is ok, the bad one is as expected and untouched.
#[track_caller]
fn bad_and_good(rig: &Rig, bad: &str, outcome: &str, options: &[&str]) -> Report {
    let file = format!("/root/{}", unique("refused"));
    for durable in [&[][..], &["--durable"]] {
        let options: Vec<&str> = options.iter().chain(durable).copied().collect();
        let report = rig.report(&format!("{bad},web01"), &options, &format!("touch {file}"));
        assert_eq!(report.code, Some(1), "{report:#?}");
        assert_eq!(report.outcome(bad), outcome, "{report:#?}");
        assert_eq!(report.outcome("web01"), "ok", "{report:#?}");
        assert!(
            !report.hosts[bad]["detail"]
                .as_str()
                .unwrap_or_default()
                .is_empty(),
            "{report:#?}"
        );
        assert!(!has_file(bad, &file), "nothing is started there");
    }
    rig.report(&format!("{bad},web01"), options, "true")
}

#[test]
fn a_changed_host_key_is_refused_with_both_fingerprints() {
    let rig = Rig::new();
    let host = lend();
    fleet().rekey(&host);
    let report = bad_and_good(&rig, &host, "refused(host_key)", &[]);
    let detail = report.hosts[&host]["detail"].as_str().unwrap();
    assert_eq!(detail.matches("SHA256:").count(), 2, "{detail}");
    let line = fleet().known_hosts();
    assert_eq!(
        std::fs::read_to_string(line).unwrap(),
        known_hosts(),
        "nothing is learnt"
    );
}

#[test]
fn an_unknown_host_key_is_refused_and_not_learnt() {
    let dir = Scratch::new("known");
    let host = lend();
    let others: String = known_hosts()
        .lines()
        .filter(|line| !line.contains(&host) && !line.contains(fleet().address(&host)))
        .fold(String::new(), |text, line| text + line + "\n");
    let known = dir.write("known_hosts", &others);
    let mut rig = Rig::new();
    rig.config = config_with(
        &dir,
        &format!("Host web*\n  UserKnownHostsFile {}", known.display()),
    );
    bad_and_good(&rig, &host, "refused(host_key)", &[]);
    assert_eq!(std::fs::read_to_string(known).unwrap(), others);
}

#[test]
fn a_revoked_host_key_is_refused_though_it_is_known() {
    let dir = Scratch::new("known");
    let host = lend();
    let revoked = format!("{}@revoked * {}\n", known_hosts(), fleet().host_key(&host));
    let known = dir.write("known_hosts", revoked);
    let mut rig = Rig::new();
    rig.config = config_with(
        &dir,
        &format!("Host web*\n  UserKnownHostsFile {}", known.display()),
    );
    let report = bad_and_good(&rig, &host, "refused(host_key)", &[]);
    assert!(
        report.hosts[&host]["detail"]
            .as_str()
            .unwrap()
            .contains("revoked"),
        "{report:#?}"
    );
}

#[test]
fn a_key_that_opens_nothing_is_refused_auth() {
    let dir = Scratch::new("key");
    make_key(&dir.path().join("other"), "ed25519", "");
    let host = lend();
    let mut rig = Rig::new();
    // IdentityFile adds up, so the good key is named for all but this host.
    let lines = format!(
        "Host {host}\n  IdentityFile {}\n",
        dir.path().join("other").display()
    );
    let own = std::fs::read_to_string(fleet().ssh_config()).unwrap();
    let (hosts, all) = own.split_once("Host web*\n").unwrap();
    rig.config = dir.write(
        "ssh_config",
        format!(
            "{lines}{hosts}Host web* !{host}\n  IdentityFile {}\nHost web*\n{}",
            fleet().key().display(),
            all.replace("  IdentityFile", "  # IdentityFile")
        ),
    );
    bad_and_good(&rig, &host, "refused(auth)", &[]);
}

#[test]
fn an_account_that_is_not_there_is_refused_auth() {
    let rig = Rig::new();
    let report = rig.report("web[01-02]", &["-l", "no-such-user"], "true");
    assert_eq!(report.code, Some(1));
    for host in ["web01", "web02"] {
        assert_eq!(report.outcome(host), "refused(auth)", "{report:#?}");
    }
}

#[test]
fn a_host_where_nobody_listens_is_unreachable() {
    let rig = Rig::new();
    let host = lend();
    fleet().kill_sshd(&host);
    let report = bad_and_good(&rig, &host, "unreachable", &[]);
    assert!(
        report.hosts[&host]["detail"]
            .as_str()
            .unwrap()
            .contains("refused"),
        "{report:#?}"
    );
}

#[test]
fn a_host_cut_off_or_stopped_is_unreachable_after_the_connect_timeout() {
    let rig = Rig::new();
    let (cut, stopped) = (lend(), lend());
    fleet().cut(&cut);
    fleet().stop(&stopped);
    bad_and_good(&rig, &cut, "unreachable", &["--connect-timeout", "1s"]);
    bad_and_good(&rig, &stopped, "unreachable", &["--connect-timeout", "1s"]);
    fleet().heal(&cut);
    fleet().cont(&stopped);
    let both = format!("{cut},{stopped}");
    assert_eq!(
        rig.report(&both, &[], "true").code,
        Some(0),
        "and all is well when they are back"
    );
}

#[test]
fn a_name_that_does_not_resolve_is_unreachable() {
    let dir = Scratch::new("name");
    let mut rig = Rig::new();
    rig.config = config_with(
        &dir,
        &format!(
            "Host ghost\n  HostName ghost.invalid\n  IdentityFile {}",
            fleet().key().display()
        ),
    );
    let report = rig.report("ghost,web01", &[], "true");
    assert_eq!(
        (report.outcome("ghost"), report.outcome("web01")),
        ("unreachable".into(), "ok".into())
    );
}

#[test]
fn a_wrong_ssh_config_starts_nothing_and_names_the_line() {
    let dir = Scratch::new("config");
    let mut rig = Rig::new();
    rig.config = config_with(&dir, "Host *\n  NoSuchKeywordAtAll yes\n");
    let file = format!("/root/{}", unique("config"));
    let ended = rig
        .run("web01", &[], &format!("touch {file}"))
        .expect_code(2);
    assert!(ended.err().contains("ssh_config:2"), "{}", ended.err());
    assert!(!has_file("web01", &file));
    rig.config = dir.path().join("not-there");
    rig.run("web01", &[], &format!("touch {file}"))
        .expect_code(2);
    assert!(!has_file("web01", &file));
}

#[test]
fn certificates_of_hosts_and_users_are_enough_and_a_stranger_to_the_authority_is_refused() {
    let fleet = Fleet::with(2, &["--ca", "--prefix", "ca"]);
    let mut rig = Rig::new();
    rig.config = fleet.dir().join("ssh_config_ca");
    let report = rig.report("ca[01-02]", &[], "hostname");
    assert_eq!(report.code, Some(0), "{report:#?}");
    assert_eq!(report.hosts["ca02"]["stdout"], "ca02\n");
    assert_eq!(
        rig.report("ca01", &["-l", "admin"], "id -un").only()["stdout"],
        "admin\n"
    );
    rig.conn.run(["engine", "stop"]).expect_success();
    let certificate = fleet.dir().join("id_cert-cert.pub");
    let kept = std::fs::read(&certificate).unwrap();
    std::fs::remove_file(&certificate).unwrap();
    let report = rig.report("ca01", &[], "hostname");
    assert_eq!(report.outcome("ca01"), "refused(auth)", "{report:#?}");
    std::fs::write(&certificate, kept).unwrap();
    let dir = Scratch::new("authority");
    make_key(&dir.path().join("other"), "ed25519", "");
    let other = std::fs::read_to_string(dir.path().join("other.pub")).unwrap();
    let known = dir.write("known_hosts", format!("@cert-authority * {other}"));
    let own = std::fs::read_to_string(&rig.config).unwrap();
    let lines = format!("Host ca02\n  UserKnownHostsFile {}\n{own}", known.display());
    rig.config = dir.write("ssh_config", lines);
    let report = rig.report("ca[01-02]", &[], "hostname");
    assert_eq!(report.outcome("ca01"), "ok", "{report:#?}");
    assert_eq!(report.outcome("ca02"), "refused(host_key)", "{report:#?}");
}
