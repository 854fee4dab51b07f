//! `known_hosts` against OpenSSH itself: `ssh-keygen -F` for which lines speak of a name, and a
//! real `ssh` against a real `sshd` (on a pipe, as inetd would start it) for every verdict.
//!
//! Needs `ssh`, `ssh-keygen` and `/usr/sbin/sshd`, and root for the latter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use proptest::sample::select;
use ssh_key::{Certificate, PublicKey};
use tempfile::TempDir;
use theconn::trust::known_hosts::{KnownHosts, RevokedKeys, Verdict, VerdictKind};

const SSHD: &str = "/usr/sbin/sshd";

/// The certificates that the server may show, with the arguments that make them.
const CERTIFICATES: [(&str, &str, &[&str]); 15] = [
    (
        "good",
        "ca",
        &["-h", "-n", "web1.example,web2.example", "-V", "-1d:+1d"],
    ),
    ("forever", "ca", &["-h", "-n", "web1.example"]),
    ("other-name", "ca", &["-h", "-n", "db1.example"]),
    ("upper-name", "ca", &["-h", "-n", "WEB1.example"]),
    ("star-name", "ca", &["-h", "-n", "*.example"]),
    ("no-name", "ca", &["-h"]),
    (
        "expired",
        "ca",
        &["-h", "-n", "web1.example", "-V", "-2d:-1d"],
    ),
    (
        "not-yet",
        "ca",
        &["-h", "-n", "web1.example", "-V", "+1d:+2d"],
    ),
    ("user-type", "ca", &["-n", "web1.example"]),
    (
        "critical",
        "ca",
        &["-h", "-n", "web1.example", "-O", "critical:no-such@option"],
    ),
    (
        "extension",
        "ca",
        &["-h", "-n", "web1.example", "-O", "extension:some@option=1"],
    ),
    ("foreign", "ca2", &["-h", "-n", "web1.example"]),
    ("by-ecdsa", "ca-ecdsa", &["-h", "-n", "web1.example"]),
    ("by-rsa", "ca-rsa", &["-h", "-n", "web1.example"]),
    (
        "by-rsa-sha1",
        "ca-rsa",
        &["-t", "ssh-rsa", "-h", "-n", "web1.example"],
    ),
];

/// Keys, certificates and server configurations, made once.
struct Bench {
    dir: TempDir,
}

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|why| panic!("{program} is needed for this test: {why}"))
}

fn run_well(program: &str, args: &[&str]) {
    let output = run(program, args);
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

impl Bench {
    fn get() -> &'static Self {
        static BENCH: OnceLock<Bench> = OnceLock::new();
        BENCH.get_or_init(Self::make)
    }

    fn make() -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is needed: install openssh-server"
        );
        std::fs::create_dir_all("/run/sshd").expect("root is needed for sshd");
        let bench = Self {
            dir: TempDir::new().unwrap(),
        };
        for name in ["host", "other", "ca", "ca2", "user"] {
            run_well(
                "ssh-keygen",
                &["-q", "-t", "ed25519", "-N", "", "-f", &bench.path(name)],
            );
        }
        for (name, kind, bits) in [("ca-rsa", "rsa", "2048"), ("ca-ecdsa", "ecdsa", "384")] {
            let file = bench.path(name);
            run_well(
                "ssh-keygen",
                &["-q", "-t", kind, "-b", bits, "-N", "", "-f", &file],
            );
        }
        for (name, ca, args) in CERTIFICATES {
            bench.sign(name, ca, args);
        }
        bench.write_server("plain", None);
        bench
    }

    fn sign(&self, name: &str, ca: &str, args: &[&str]) {
        let public = self.path(&format!("host-{name}.pub"));
        std::fs::copy(self.path("host.pub"), &public).unwrap();
        let ca = self.path(ca);
        let mut all = vec!["-q", "-s", &ca, "-I", name];
        all.extend(args);
        all.push(&public);
        run_well("ssh-keygen", &all);
        self.write_server(name, Some(&format!("host-{name}-cert.pub")));
    }

    fn write_server(&self, name: &str, certificate: Option<&str>) {
        let mut text = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n",
            self.path("host"),
            self.path("user.pub")
        );
        if let Some(file) = certificate {
            writeln!(text, "HostCertificate {}", self.path(file)).unwrap();
        }
        std::fs::write(self.path(&format!("sshd-{name}")), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// `TYPE BASE64` of a key file.
    fn key(&self, name: &str) -> String {
        self.text(&format!("{name}.pub"))
            .split(' ')
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Whether `ssh` accepts the server's key and gets as far as running a command.
    fn ssh_accepts(&self, server: &str, case: &Case, file: &Path, revoked: &Path) -> bool {
        let kind = if server == "plain" {
            "ssh-ed25519"
        } else {
            "ssh-ed25519-cert-v01@openssh.com"
        };
        let output = Command::new("ssh")
            .args(["-F", "none", "-l", "root", "-p", &case.port.to_string()])
            .args([
                "-i",
                &self.path("user"),
                "-o",
                "IdentitiesOnly=yes",
                "-o",
                "BatchMode=yes",
            ])
            .args([
                "-o",
                "StrictHostKeyChecking=yes",
                "-o",
                "GlobalKnownHostsFile=/dev/null",
            ])
            .args(["-o", &format!("UserKnownHostsFile={}", file.display())])
            .args(["-o", &format!("RevokedHostKeys={}", revoked.display())])
            .args(["-o", &format!("HostKeyAlgorithms={kind}")])
            .args(["-o", "KexAlgorithms=curve25519-sha256"])
            .args([
                "-o",
                &format!(
                    "ProxyCommand={SSHD} -i -f {}",
                    self.path(&format!("sshd-{server}"))
                ),
            ])
            .args([case.host, "true"])
            .stdin(Stdio::null())
            .output()
            .expect("ssh is needed for this test");
        let told = String::from_utf8_lossy(&output.stderr);
        let refused = told.contains("Host key verification failed");
        assert!(
            output.status.success() != refused,
            "neither accepted nor refused: {told}"
        );
        output.status.success()
    }

    fn verdict(&self, server: &str, case: &Case, text: &str, revoked: &str) -> Verdict {
        let revoked = RevokedKeys::parse("revoked", revoked.as_bytes()).unwrap();
        let known = KnownHosts::parse(&[("kh".to_owned(), text)]).revoking(revoked);
        if server == "plain" {
            let key = PublicKey::from_openssh(&self.text("host.pub")).unwrap();
            return known.check_key(case.host, case.port, &key);
        }
        let text = self.text(&format!("host-{server}-cert.pub"));
        let certificate = Certificate::from_openssh(&text).unwrap();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        known.check_certificate(case.host, case.port, &certificate, now)
    }

    /// Asks both and compares.
    fn compare(&self, server: &str, case: &Case) -> VerdictKind {
        let dir = TempDir::new().unwrap();
        let (file, revoked) = (dir.path().join("kh"), dir.path().join("revoked"));
        let text = self.render(case, dir.path());
        let list = if case.revoked_list {
            self.key(case.listed) + "\n"
        } else {
            String::new()
        };
        std::fs::write(&file, &text).unwrap();
        std::fs::write(&revoked, &list).unwrap();
        let ours = self.verdict(server, case, &text, &list);
        let theirs = self.ssh_accepts(server, case, &file, &revoked);
        let told = format!("{server} {case:?}\n{text}\nours: {ours:?}, ssh accepts: {theirs}");
        if ours.kind == VerdictKind::Revoked && case.port != 22 {
            return ours.kind; // stricter: a revoked key is asked for under the bare name too
        }
        assert_eq!(ours.kind.is_trusted(), theirs, "{told}");
        ours.kind
    }

    /// The file of a case; hashed lines are hashed by `ssh-keygen -H`.
    fn render(&self, case: &Case, dir: &Path) -> String {
        let mut text = String::new();
        for line in &case.lines {
            let plain = format!("{}{} {}\n", line.marker, line.names, self.key(line.key));
            text += &if line.hashed {
                hashed(&plain, &dir.join("one"))
            } else {
                plain
            };
        }
        text
    }
}

/// A line with its names hashed; `ssh-keygen` leaves markers and wildcards as they are.
fn hashed(line: &str, file: &PathBuf) -> String {
    std::fs::write(file, line).unwrap();
    run_well("ssh-keygen", &["-q", "-H", "-f", file.to_str().unwrap()]);
    std::fs::read_to_string(file).unwrap()
}

#[derive(Debug, Clone)]
struct FileLine {
    marker: &'static str,
    names: &'static str,
    key: &'static str,
    hashed: bool,
}

#[derive(Debug, Clone)]
struct Case {
    host: &'static str,
    port: u16,
    lines: Vec<FileLine>,
    revoked_list: bool,
    listed: &'static str,
}

const NAMES: [&str; 12] = [
    "web1.example",
    "WEB1.Example",
    "web2.example",
    "web1.example,web2.example",
    "*.example",
    "web?.example,!web2.example",
    "[web1.example]:2222",
    "[*.example]:2222",
    "[web1.example]:*",
    "*",
    "!web1.example",
    "web1,web1.example,10.0.0.1",
];

fn any_line() -> impl Strategy<Value = FileLine> {
    let marker = select(
        &[
            "",
            "",
            "",
            "@cert-authority ",
            "@cert-authority ",
            "@revoked ",
        ][..],
    );
    let key = select(&["host", "host", "other", "ca", "ca", "ca2", "ca-rsa"][..]);
    (marker, select(&NAMES[..]), key, prop::bool::weighted(0.2)).prop_map(
        |(marker, names, key, hashed)| FileLine {
            marker,
            names,
            key,
            hashed,
        },
    )
}

fn any_case() -> impl Strategy<Value = Case> {
    let host = select(&["web1.example", "web2.example"][..]);
    let lines = prop::collection::vec(any_line(), 0..5);
    let listed = select(&["host", "ca", "other"][..]);
    (
        host,
        select(&[22, 22, 2222][..]),
        lines,
        prop::bool::weighted(0.1),
        listed,
    )
        .prop_map(|(host, port, lines, revoked_list, listed)| Case {
            host,
            port,
            lines,
            revoked_list,
            listed,
        })
}

fn trusting(names: &'static str, marker: &'static str, key: &'static str) -> Case {
    let line = FileLine {
        marker,
        names,
        key,
        hashed: false,
    };
    Case {
        host: "web1.example",
        port: 22,
        lines: vec![line],
        revoked_list: false,
        listed: "host",
    }
}

#[test]
fn every_kind_of_certificate_is_judged_as_ssh_judges_it() {
    let bench = Bench::get();
    let mut accepted = Vec::new();
    for (server, ca, _) in CERTIFICATES {
        let kind = bench.compare(server, &trusting("*.example", "@cert-authority ", ca));
        if kind == VerdictKind::Ca {
            accepted.push(server);
        } else {
            assert_eq!(kind, VerdictKind::Unknown, "{server}");
        }
    }
    let good = [
        "good",
        "forever",
        "no-name",
        "extension",
        "foreign",
        "by-ecdsa",
        "by-rsa",
    ];
    assert_eq!(accepted, good);
}

#[test]
fn each_verdict_on_a_plain_key_is_what_ssh_does() {
    let bench = Bench::get();
    for (names, marker, key, kind) in [
        ("web1.example", "", "host", VerdictKind::Known),
        ("web1.example", "", "other", VerdictKind::Changed),
        ("web1.example", "", "ca-rsa", VerdictKind::Changed),
        ("web2.example", "", "host", VerdictKind::Unknown),
        ("*", "@revoked ", "host", VerdictKind::Revoked),
    ] {
        assert_eq!(
            bench.compare("plain", &trusting(names, marker, key)),
            kind,
            "{marker}{names}"
        );
    }
    let mut listed = trusting("web1.example", "", "host");
    listed.revoked_list = true;
    assert_eq!(bench.compare("plain", &listed), VerdictKind::Revoked);
}

#[test]
fn a_revoked_authority_makes_its_certificates_revoked() {
    let bench = Bench::get();
    let mut case = trusting("*.example", "@cert-authority ", "ca");
    case.lines.push(FileLine {
        marker: "@revoked ",
        names: "*",
        key: "ca",
        hashed: false,
    });
    assert_eq!(bench.compare("good", &case), VerdictKind::Revoked);
}

#[test]
fn a_key_in_a_foreign_certificate_is_known_by_the_bare_name_first() {
    let bench = Bench::get();
    let line = |marker, names, key| FileLine {
        marker,
        names,
        key,
        hashed: false,
    };
    let mut case = trusting("*.example", "@cert-authority ", "ca");
    case.port = 2222;
    case.lines.push(line("", "[*.example]:2222", "other"));
    case.lines.push(line("", "web1.example", "host"));
    assert_eq!(bench.compare("foreign", &case), VerdictKind::Known);
    assert_eq!(bench.compare("plain", &case), VerdictKind::Changed);
    // An authority of the full name signed it, so the bare name is not asked.
    case.lines[0].names = "[web1.example]:2222";
    assert_eq!(bench.compare("expired", &case), VerdictKind::Changed);
    // One of the bare name did.
    case.lines[0].names = "web1.example";
    assert_eq!(bench.compare("expired", &case), VerdictKind::Known);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_on_file_ssh_and_we_accept_the_same_servers(
        server in select(&["plain", "plain", "good", "other-name", "expired", "foreign"][..]),
        case in any_case()
    ) {
        Bench::get().compare(server, &case);
    }

    #[test]
    fn the_lines_of_a_name_are_those_that_ssh_keygen_finds(
        lines in prop::collection::vec(any_line(), 0..12),
        junk in select(&["", "web1.example", "# web1.example\n", "web1.example ssh-foo AAAA\n",
            "\tweb1.example \tssh-ed25519 AAAA\n", "@odd web1.example x y\n", "|1|x|y a b\n"][..]),
    ) {
        let bench = Bench::get();
        let dir = TempDir::new().unwrap();
        let case = Case { lines, ..trusting("", "", "host") };
        let text = format!("{junk}{}", bench.render(&case, dir.path()));
        let file = dir.path().join("kh");
        std::fs::write(&file, &text).unwrap();
        let known = KnownHosts::parse(&[("kh".to_owned(), text.as_str())]);
        for name in ["web1.example", "web2.example", "WEB1.example", "[web1.example]:2222", "web1"] {
            let args = ["-l", "-F", name, "-f", file.to_str().unwrap()];
            let output = String::from_utf8(run("ssh-keygen", &args).stdout).unwrap();
            let theirs: Vec<u32> = output
                .lines()
                .filter_map(|line| line.split(" found: line ").nth(1))
                .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
                .collect();
            let ours: Vec<u32> = known.lines_of(name).iter().map(|place| place.line).collect();
            prop_assert_eq!(ours, theirs, "{} in\n{}", name, text);
        }
    }
}
