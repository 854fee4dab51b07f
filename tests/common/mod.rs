//! Runs `conn` and the installed `ClusterShell` commands on the same cases.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One call of a command.
#[derive(Debug, Clone)]
pub struct Case {
    pub arguments: Vec<String>,
    pub input: Vec<u8>,
}

impl Case {
    pub fn new(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            input: Vec::new(),
        }
    }

    pub fn with_input(arguments: &[&str], input: impl Into<Vec<u8>>) -> Self {
        Self {
            input: input.into(),
            ..Self::new(arguments)
        }
    }
}

/// A site's group configuration: commands, files, several sources.
pub struct Site {
    dir: tempfile::TempDir,
}

const GROUPS_CONF: &str = r"
[Main]
default: local
confdir: $CFGDIR/groups.conf.d $CFGDIR/none
autodir: $CFGDIR/groups.d

[local]
map: sed -n 's/^$GROUP:\(.*\)/\1/p' $CFGDIR/local.cfg
all: sed -n 's/^all:\(.*\)/\1/p' $CFGDIR/local.cfg
list: sed -n 's/^\([0-9A-Za-z_-]*\):.*/\1/p' $CFGDIR/local.cfg

[nolist]
map: echo web[1-2]
";

const LOCAL: &str = "adm: web1\nio: web[4-6]\nrack1: web[1-3]\nrack2: web[4-6] web7\nall: web[1-9],db[1-2]\nempty:\n";

const MORE: &str = r"
[rev,reverse]
map: sed -n 's/^$GROUP: *//p' local.cfg
list: sed -n 's/^\([a-z0-9]*\):.*/\1/p' local.cfg
reverse: case $NODE in web1) echo adm rack1;; web[23]) echo rack1;; web[4-6]) echo io rack2;; esac
cache_time: 5

[failing]
map: echo oops >&2; exit 2
all: false
list: exit 1
";

const YAML: &str = r"
roles:
    front: 'web[1-5]'
    back: '@racks:r2,db1'
    all: '@front,@back'
racks:
    r1: 'web[1-3]'
    r2:
        - 'web[4-6]'  # a comment
        - 'db2'
    old: '@r[1-2]'
";

impl Site {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("groups.conf", GROUPS_CONF);
        write("local.cfg", LOCAL);
        write("groups.conf.d/more.conf", MORE);
        write("groups.conf.d/local.cfg", LOCAL);
        write("groups.conf.d/ignored.txt", "[broken");
        write("groups.d/site.yaml", YAML);
        Self { dir }
    }

    pub fn groups_conf(&self) -> PathBuf {
        self.dir.path().join("groups.conf")
    }
}

pub struct Outcome {
    pub code: i32,
    pub output: Vec<u8>,
    pub errors: String,
}

/// `conn`, a command of it, with the site's groups as everybody's.
pub fn conn(command: &str, site: &Path, case: &Case) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_conn"))
        .arg(command)
        .args(&case.arguments)
        .env("CLUSTERSHELL_CFGDIR", site.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may end before it is written.
    let _ = child.stdin.take().unwrap().write_all(&case.input);
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        output: output.stdout,
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The installed command on all cases: exit code and output of each.
pub fn clustershell(command: &str, site: &Path, cases: &[Case]) -> Vec<(i32, Vec<u8>)> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", include_str!("../oracle/commands.py")])
        .env("ORACLE_GROUPS", site)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("/usr/bin/python3 runs: these tests need the Debian packages python3 and python3-clustershell");
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap();
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
            .collect::<String>()
    };
    let line = |case: &Case| {
        let words = std::iter::once(command).chain(case.arguments.iter().map(String::as_str));
        let fields = std::iter::once(case.input.as_slice()).chain(words.map(str::as_bytes));
        fields.map(hex).collect::<Vec<_>>().join(".") + "\n"
    };
    let text: String = cases.iter().map(line).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(
        output.status.success(),
        "ClusterShell could not be asked: install clustershell"
    );
    let answer = |line: &str| {
        let (code, hex) = line.split_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (
            code.parse().unwrap(),
            (0..hex.len()).step_by(2).map(byte).collect(),
        )
    };
    let answers: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(answer)
        .collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

/// Fails, and shows, where exit code or output differ.
pub fn compare(ours: &str, theirs: &str, site: &Site, cases: &[Case]) {
    let site = site.groups_conf();
    let mut wrong = Vec::new();
    for (case, (code, output)) in cases.iter().zip(clustershell(theirs, &site, cases)) {
        let outcome = conn(ours, &site, case);
        assert!(
            !outcome.errors.contains("panicked"),
            "{case:?}: {}",
            outcome.errors
        );
        if (outcome.code, &outcome.output) != (code, &output) {
            wrong.push(format!(
                "{ours} {:?} < {:?}\n  ours   {} {:?} {}\n  theirs {code} {:?}",
                case.arguments,
                String::from_utf8_lossy(&case.input),
                outcome.code,
                String::from_utf8_lossy(&outcome.output),
                outcome.errors.trim(),
                String::from_utf8_lossy(&output),
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong[..wrong.len().min(15)].join("\n")
    );
}
