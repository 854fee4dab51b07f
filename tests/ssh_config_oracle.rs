//! `ssh_config` against `ssh -G`: generated files, and a folder of nasty ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

#[path = "support/ssh_g.rs"]
mod ssh_g;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use ssh_g::{compare, ours};
use tempfile::TempDir;
use theconn::trust::ssh_config::Given;

const HOSTS: [&str; 10] = [
    "web1",
    "web2",
    "db1.example",
    "WEB1",
    "10.1",
    "::1",
    "alias",
    "web1.example",
    "0x7f.1",
    "010.00.1",
];

const SETTINGS: [&str; 63] = [
    "User bob",
    "User alice # the other one",
    "User \"carol smith\"",
    "user=dave",
    "  USER =  erin  ",
    "HostName %h.example",
    "HostName WEB9.example",
    "HostName \"10.0.0.5\"",
    "HostName fe80::00:1",
    "HostName web1",
    "HostName a%%b%h",
    "Port 2222",
    "Port = 22",
    "IdentityFile /k/one",
    "IdentityFile /k/two",
    "IdentityFile '/k/with space'",
    "IdentityFile /k/with\\ escape",
    "IdentityFile none",
    "CertificateFile /k/one-cert.pub",
    "CertificateFile /k/two-cert.pub",
    "IdentitiesOnly yes",
    "IdentitiesOnly FALSE",
    "IdentityAgent /run/agent-%r-%h-%n-%p",
    "IdentityAgent none",
    "IdentityAgent SSH_AUTH_SOCK",
    "IdentityAgent ${HOME}/agent",
    "IdentityAgent ~/agent-%u-%i-%d-%l-%L-%k-%C",
    "ProxyJump gate",
    "ProxyJump bob@gate:2222",
    "ProxyJump outer,u@middle:7,inner",
    "ProxyJump ssh://x@edge.example:9",
    "ProxyJump [::1]:22",
    "ProxyJump 10.0.0.1",
    "ProxyJump none",
    "ProxyJump None",
    "ProxyJump web1 # through itself",
    "ProxyCommand nc -X 5 proxy 22 # not a comment",
    "ProxyCommand = none",
    "ProxyCommand=connect \"a b\"",
    "HostKeyAlias One-Alias",
    "HostKeyAlias two",
    "UserKnownHostsFile /kh/a /kh/b",
    "UserKnownHostsFile ~/kh-%h-%r ${HOME}/kh",
    "UserKnownHostsFile none",
    "GlobalKnownHostsFile /etc/kh",
    "GlobalKnownHostsFile NONE",
    "StrictHostKeyChecking accept-new",
    "StrictHostKeyChecking off",
    "StrictHostKeyChecking Yes",
    "RevokedHostKeys /rev",
    "RevokedHostKeys none",
    "ConnectTimeout 1m30s",
    "ConnectTimeout none",
    "ConnectTimeout 0",
    "ServerAliveInterval 15",
    "ServerAliveCountMax 7",
    "AddressFamily inet6",
    "BindAddress 127.0.0.1",
    "Compression yes",
    "SendEnv LANG LC_*",
    "LocalForward 8080 localhost:80",
    "GSSAPIAuthentication yes",
    "Tunnel no",
];

const HEADERS: [&str; 30] = [
    "Host web1",
    "Host web1 web2",
    "Host web?",
    "Host *",
    "Host * !web1",
    "Host !web2 web*",
    "Host !web1",
    "Host *.example",
    "Host \"alias\" db*",
    "Host = web2",
    "Host WEB1",
    "Host # nobody",
    "Host 10.0.0.1 10.*",
    "Match all",
    "Match !all",
    "Match host web1",
    "Match host *.example,10.0.0.*",
    "Match host=WEB1",
    "Match originalhost web*,!web2",
    "Match user bob",
    "Match !user bob,root",
    "Match localuser root",
    "Match host web* user bob,dave",
    "Match final",
    "Match final host *.example",
    "Match !final host web1",
    "Match canonical",
    "Match host \"web1\" # why",
    "Match exec \"test %h = web1\"",
    "Match !exec \"test '%p-%r-%n' = 22-root-web1\" host web*",
];

const MISTAKES: [&str; 34] = [
    "Port 0",
    "Port 65536",
    "Port 22 23",
    "Port",
    "Nonsense yes",
    "XFoo bar",
    "User \"open",
    "User ''",
    "Host \"\"",
    "IdentitiesOnly maybe",
    "Match",
    "Match host",
    "Match all host web1",
    "Match nobody x",
    "Match user=",
    "ConnectTimeout 5y",
    "ConnectTimeout -1",
    "UserKnownHostsFile none /x",
    "ProxyJump @x",
    "ProxyJump a,,b",
    "ProxyJump host:0",
    "HostName %z",
    "IdentityAgent ${NO_SUCH_VARIABLE_HERE}",
    "IdentityAgent $not-a-name",
    "IdentityAgent /x/%z",
    "UserKnownHostsFile /x/%z",
    "UserKnownHostsFile ${NO_SUCH_VARIABLE_HERE}",
    "ServerAliveCountMax many",
    "StrictHostKeyChecking perhaps",
    "ProxyCommand it's",
    "Compression maybe",
    "Include ~nobody-here/x \"\"",
    "TCPKeepAlive",
    "AddressFamily inet5",
];

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        60 => select(&SETTINGS[..]).prop_map(str::to_owned),
        25 => select(&HEADERS[..]).prop_map(str::to_owned),
        3 => select(&["", "# comment", "   ", "\t# Host web1"][..]).prop_map(str::to_owned),
        2 => select(&["IgnoreUnknown X*,nonsense", "IgnoreUnknown NONSENSE", "XFoo bar"][..])
            .prop_map(str::to_owned),
        4 => select(&["Include DIR/inc*", "Include DIR/inc1 DIR/none", "Include DIR/inc2"][..])
            .prop_map(str::to_owned),
    ]
}

fn write(dir: &Path, name: &str, lines: &[String]) {
    let text = lines.join("\n").replace("DIR", dir.to_str().unwrap()) + "\n";
    fs::write(dir.join(name), text).unwrap();
}

fn any_given() -> impl Strategy<Value = (Option<&'static str>, Option<u16>)> {
    let user = prop_oneof![4 => Just(None), 1 => Just(Some("bob"))];
    let port = prop_oneof![4 => Just(None), 1 => Just(Some(2200))];
    (user, port)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_generated_file_says_to_us_what_it_says_to_ssh(
        lines in prop::collection::vec(any_line(), 0..25),
        one in prop::collection::vec(any_line(), 0..5),
        two in prop::collection::vec(
            any_line().prop_filter("no circle", |line| !line.starts_with("Include")), 0..5),
        mistake in prop::option::weighted(0.15, select(&MISTAKES[..])),
        at in 0_usize..25,
        host in select(&HOSTS[..]),
        (user, port) in any_given(),
    ) {
        let dir = TempDir::new().unwrap();
        let mut lines = lines;
        if let Some(mistake) = mistake {
            lines.insert(at.min(lines.len()), mistake.to_owned());
        }
        let one: Vec<_> = one.into_iter().map(|line| line.replace("inc*", "inc2").replace("inc1", "inc2")).collect();
        write(dir.path(), "config", &lines);
        write(dir.path(), "inc1", &one);
        write(dir.path(), "inc2", &two);
        compare(&dir.path().join("config"), host, Given { user, port, outside: None });
    }
}

#[test]
fn each_mistake_by_itself_is_refused_by_both() {
    for mistake in MISTAKES {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("config");
        fs::write(&path, format!("User bob\n{mistake}\n")).unwrap();
        assert!(
            !compare(&path, "web1", Given::default()),
            "{mistake} was accepted"
        );
    }
}

#[test]
fn each_setting_and_each_header_by_itself_says_the_same_to_both() {
    for line in SETTINGS.iter().chain(&HEADERS) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("config");
        fs::write(&path, format!("{line}\nConnectTimeout 77\n")).unwrap();
        compare(&path, "web1", Given::default());
    }
}

#[test]
fn the_nasty_files_say_to_us_what_they_say_to_ssh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ssh_config");
    let mut refused = Vec::new();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(
        names.len() >= 20,
        "the folder of nasty files is not complete"
    );
    for path in names
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "conf"))
    {
        // Included files are named by their full path, which only this test knows.
        let dir = TempDir::new().unwrap();
        let text = fs::read_to_string(path)
            .unwrap()
            .replace("DIR", folder.to_str().unwrap());
        let copy = dir.path().join("config");
        fs::write(&copy, text).unwrap();
        let answers = HOSTS.map(|host| compare(&copy, host, Given::default()));
        if !answers.contains(&true) {
            refused.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    let bad: Vec<_> = refused
        .iter()
        .filter(|name| !name.starts_with("bad-"))
        .collect();
    assert_eq!(
        bad,
        Vec::<&String>::new(),
        "refused, though the name does not say so"
    );
}

/// `ssh -v` tells the files it tries, with everything filled in; `ssh -G` does not.
#[test]
fn identity_files_are_filled_in_as_ssh_does() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("config");
    let text = "Host web1\n HostName %h.example\n User bob\n Port 2200\n HostKeyAlias KEY\n\
        IdentityFile ~/a-%d-%u-%r-%h-%n-%p-%i-%k-%%\nIdentityFile ${HOME}/b-%l-%L-%C\n\
        CertificateFile ~//c-%h\nCertificateFile /d/${HOME}\nIdentityFile ~\n";
    fs::write(&path, text).unwrap();
    let output = Command::new("ssh")
        .args([
            "-v",
            "-F",
            path.to_str().unwrap(),
            "-o",
            "ProxyCommand=true",
            "web1",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let told = |what: &str| -> Vec<String> {
        let start = format!("debug1: {what} file ");
        log.lines()
            .filter_map(|line| {
                line.strip_prefix(&start)?
                    .split(" type ")
                    .next()
                    .map(str::to_owned)
            })
            .collect()
    };
    let options = ours(&path, "web1", Given::default()).unwrap();
    assert_eq!(options.identity_files, told("identity"));
    assert_eq!(options.certificate_files, told("certificate"));
}

#[test]
fn a_proxy_command_is_filled_in_as_ssh_does() {
    let dir = TempDir::new().unwrap();
    let (path, said) = (dir.path().join("config"), dir.path().join("said"));
    let text = format!(
        "Host web1\n HostName %h.example\n User bob\n Port 2200\n\
         ProxyCommand sh -c 'echo \"%h %n %p %r %k %% $HOME\" > {}'\n",
        said.display()
    );
    fs::write(&path, text).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", path.to_str().unwrap(), "-o", "BatchMode=yes", "web1"])
        .stdin(Stdio::null());
    assert!(
        !ssh.output().unwrap().status.success(),
        "the command is no server"
    );
    let theirs = fs::read_to_string(&said).unwrap();
    let command = ours(&path, "web1", Given::default())
        .unwrap()
        .proxy_command
        .unwrap();
    fs::remove_file(&said).unwrap();
    assert!(
        Command::new("sh")
            .args(["-c", &command])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(fs::read_to_string(&said).unwrap(), theirs);
    assert!(
        theirs.starts_with("web1.example web1 2200 bob web1 % /"),
        "{theirs}"
    );
}
