//! The scripts, run by each shell they are meant for, without SSH.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;

use super::frames::{Frame, Frames};
use super::script;
use crate::run::output::OutStream;
use crate::run::secret::Secret;
use crate::ssh::spec::{Durable, ExecSpec};

/// A place where a shell and its tools play a host.
struct Place {
    home: tempfile::TempDir,
    shell: PathBuf,
    path: String,
}

/// bash and dash with the tools of Debian; busybox with nothing but its own.
fn places() -> Vec<Place> {
    let place = |shell: &str| {
        let home = tempfile::tempdir().unwrap();
        let tools = home.path().join("bin");
        std::fs::create_dir(&tools).unwrap();
        let at = tools.join("sh");
        std::os::unix::fs::symlink(shell, &at).unwrap();
        assert!(Path::new(shell).exists(), "{shell} must be installed");
        let path = if shell.ends_with("busybox") {
            let made = Command::new(shell)
                .args(["--install", "-s"])
                .arg(&tools)
                .status();
            made.unwrap();
            tools.display().to_string()
        } else {
            "/usr/bin:/bin".to_owned()
        };
        Place {
            home,
            shell: at,
            path,
        }
    };
    ["/bin/dash", "/bin/bash", "/bin/busybox"].map(place).into()
}

impl Place {
    fn feed(&self, script: &str) -> Child {
        let shell = self.shell.display().to_string();
        let mut child = Command::new(&self.shell)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", &self.path)
            .env("SHELL", &self.shell)
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let home = self.home.path().display().to_string();
        let text = script
            .replace("/bin/sh", &shell)
            .replace("/run/systemd", &format!("{home}/systemd"));
        let mut input = child.stdin.take().unwrap();
        std::thread::spawn(move || input.write_all(text.as_bytes()));
        child
    }

    fn tell(&self, script: &str) -> Told {
        let out = self.feed(script).wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(errors, "", "{}", self.shell.display());
        told(&out.stdout)
    }

    fn start(&self, spec: &ExecSpec, attempt: &Durable) -> Told {
        self.tell(&script::start(spec, attempt, "n").unwrap())
    }

    fn reattach(&self, attempt: &Durable, from: [u64; 2]) -> Told {
        self.tell(&script::reattach(attempt, from, "n").unwrap())
    }
}

#[derive(Debug)]
struct Told {
    out: Vec<u8>,
    err: Vec<u8>,
    rest: Vec<Frame>,
}

fn told(stream: &[u8]) -> Told {
    let mut frames = Frames::new(script::greeting("n"));
    let text = String::from_utf8_lossy(stream).into_owned();
    let frames = frames
        .feed(Bytes::copy_from_slice(stream))
        .unwrap_or_else(|_| panic!("garbled: {text}"));
    let mut told = Told {
        out: vec![],
        err: vec![],
        rest: vec![],
    };
    for frame in frames {
        match frame {
            Frame::Data(OutStream::Stdout, _, bytes) => told.out.extend_from_slice(&bytes),
            Frame::Data(OutStream::Stderr, _, bytes) => told.err.extend_from_slice(&bytes),
            other => told.rest.push(other),
        }
    }
    told
}

impl Told {
    fn end(&self) -> &Frame {
        self.rest.last().expect("it has a last word")
    }

    fn status(&self) -> (u32, bool, bool) {
        match self.end() {
            Frame::Ended(end) => (end.status, end.killed, end.left),
            other => panic!("not ended: {other:?}"),
        }
    }
}

/// What `seq` prints.
fn counted(numbers: std::ops::Range<u32>) -> String {
    numbers.fold(String::new(), |text, number| {
        text + &number.to_string() + "\n"
    })
}

fn attempt(name: &str) -> Durable {
    Durable {
        attempt: name.into(),
        output_cap: 1 << 20,
    }
}

fn command(text: &str) -> ExecSpec {
    ExecSpec {
        command: text.into(),
        ..ExecSpec::default()
    }
}

#[test]
fn every_shell_starts_follows_and_tells_the_end() {
    for place in places() {
        let told = place.start(&command("echo out; echo err >&2; exit 7"), &attempt("a"));
        assert_eq!(
            (&told.out[..], &told.err[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(told.status(), (7, false, false));
        assert!(
            matches!(told.rest[0], Frame::Wrapper(_)) && matches!(told.rest[1], Frame::Child(..)),
            "{told:?}"
        );
    }
}

#[test]
fn an_attempt_that_is_there_is_followed_and_not_run_again() {
    for place in places() {
        let spec = command("echo ran >> count; cat count");
        assert_eq!(place.start(&spec, &attempt("a")).out, b"ran\n");
        assert_eq!(place.start(&spec, &attempt("a")).out, b"ran\n");
        assert_eq!(place.reattach(&attempt("a"), [1, 0]).out, b"an\n");
        assert_eq!(place.start(&spec, &attempt("b")).out, b"ran\nran\n");
    }
}

#[test]
fn output_of_any_bytes_and_any_size_comes_whole() {
    for place in places() {
        let spec = command("head -c 600000 /dev/urandom | tee copy; printf 'a\\0b\\r\\n' >&2");
        let told = place.start(&spec, &attempt("a"));
        assert!(told.out == std::fs::read(place.home.path().join("copy")).unwrap());
        assert_eq!(told.err, b"a\0b\r\n");
    }
}

#[test]
fn many_small_pieces_of_output_are_kept_like_few_large_ones() {
    for place in places() {
        let told = place.start(
            &command("i=0; while [ $i -lt 60 ]; do echo $i; sleep 0.01; i=$((i+1)); done"),
            &attempt("a"),
        );
        assert_eq!(told.out, counted(0..60).as_bytes());
        assert_eq!(told.status(), (0, false, false));
    }
}

#[test]
fn standard_input_of_any_bytes_reaches_the_command() {
    let input: Vec<u8> = (0..5000_u32).map(|i| (i * 7 % 256) as u8).collect();
    for place in places() {
        let spec = ExecSpec {
            stdin: Some(input.clone().into()),
            ..command("cat")
        };
        assert!(place.start(&spec, &attempt("a")).out == input);
        assert_eq!(
            place.start(&command("cat; echo end"), &attempt("b")).out,
            b"end\n"
        );
    }
}

fn given(text: &str, secret: &str) -> ExecSpec {
    ExecSpec {
        secrets: vec![("TOKEN".to_owned(), Secret::new("token", secret))],
        ..command(text)
    }
}

#[test]
fn a_secret_reaches_the_command_and_nothing_that_others_see_or_that_stays() {
    let secret = format!("it's $(touch x)\n`x`\\ \u{81}é-{}", std::process::id());
    for place in places() {
        let home = place.home.path();
        let spec = given(
            "echo > ready; until [ -e go ]; do sleep 0.05; done; printf %s \"$TOKEN\"; exit 3",
            &secret,
        );
        let child = place.feed(&script::start(&spec, &attempt("a"), "n").unwrap());
        while !home.join("ready").exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for process in std::fs::read_dir("/proc").unwrap() {
            let words = std::fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
            assert!(
                !holds(&words, &secret),
                "{}",
                String::from_utf8_lossy(&words)
            );
        }
        let kept = files(&home.join(".local"));
        assert!(kept.len() > 3, "{kept:?}");
        for file in kept {
            assert!(!holds(&std::fs::read(&file).unwrap(), &secret), "{file:?}");
        }
        std::fs::write(home.join("go"), "").unwrap();
        let told = told(&child.wait_with_output().unwrap().stdout);
        assert_eq!(String::from_utf8_lossy(&told.out), secret);
        assert_eq!(told.status(), (3, false, false));
        assert!(!home.join("x").exists());
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    secret
        .lines()
        .any(|line| memchr::memmem::find(bytes, line.as_bytes()).is_some())
}

/// All that can be read below a directory; a pipe would have no end.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_command_that_is_given_secrets_ends_by_a_signal_as_any_other() {
    for place in places() {
        let told = place.start(&given("kill -9 $$", "hunter22"), &attempt("a"));
        assert_eq!(told.status(), (137, true, false));
        let told = place.start(&given("true", &"x".repeat(60_000)), &attempt("b"));
        assert_eq!(told.status(), (0, false, false));
        let mut spec = given("true", "hunter22");
        spec.stdin = Some(Bytes::from_static(b"x"));
        assert!(script::start(&spec, &attempt("c"), "n").is_err());
    }
}

#[test]
fn a_signal_is_told_apart_from_an_exit_status_that_looks_like_one() {
    for place in places() {
        let shell = place.shell.read_link().unwrap();
        assert_eq!(
            place.start(&command("kill -9 $$"), &attempt("a")).status(),
            (137, true, false),
            "{shell:?}"
        );
        assert_eq!(
            place.start(&command("exit 137"), &attempt("b")).status(),
            (137, false, false),
            "{shell:?}"
        );
    }
}

#[test]
fn over_the_cap_head_and_tail_are_kept_and_the_gap_is_told() {
    for place in places() {
        // Followed only when it is over, so that nothing is fetched before it is dropped.
        let script = script::start(&command("seq 1 600000"), &attempt("a"), "n").unwrap();
        let quiet = script.replace("conn_follow &", ":");
        assert!(place.feed(&quiet).wait().unwrap().success());
        let told = place.reattach(&attempt("a"), [0, 0]);
        let gaps: Vec<_> = told
            .rest
            .iter()
            .filter_map(|f| {
                if let Frame::Gap(_, from, to) = f {
                    Some((*from, *to))
                } else {
                    None
                }
            })
            .collect();
        let [(from, to)] = gaps[..] else {
            panic!("{:?}", told.rest)
        };
        let whole = counted(1..600_001);
        assert!(told.out[..from as usize] == whole.as_bytes()[..from as usize]);
        assert!(told.out[from as usize..] == whole.as_bytes()[to as usize..]);
        assert!(
            (400_000..1_400_000).contains(&told.out.len()),
            "{} bytes kept",
            told.out.len()
        );
    }
}

#[test]
fn a_wrapper_that_was_killed_leaves_the_end_unknown() {
    for place in places() {
        let told = place.start(
            &command("kill -9 $(cut -d' ' -f2 .local/state/conn/attempts/a/pid); sleep 0.3"),
            &attempt("a"),
        );
        assert!(
            matches!(told.end(), Frame::Died(why) if why.contains("killed")),
            "{told:?}"
        );
    }
}

#[test]
fn an_attempt_that_never_began_is_void_for_good() {
    for place in places() {
        let is_absent = |told: &Told| matches!(told.end(), Frame::Void(void) if void.absent && void.up.is_some());
        for told in [
            place.reattach(&attempt("a"), [0, 0]),
            place.reattach(&attempt("a"), [0, 0]),
            place.start(&command("echo ran > count"), &attempt("a")),
        ] {
            assert!(is_absent(&told), "{told:?}");
        }
        assert!(!place.home.path().join("count").exists());
    }
}

#[test]
fn what_a_command_leaves_running_does_not_keep_the_end() {
    for place in places() {
        let told = place.start(
            &command("echo first; (sleep 5; echo late) & exit 4"),
            &attempt("a"),
        );
        assert_eq!(told.status(), (4, false, true));
        assert_eq!(told.out, b"first\n");
    }
}

#[test]
fn a_script_that_breaks_off_does_nothing() {
    for place in places() {
        let script = script::start(&command("echo ran > count"), &attempt("a"), "n").unwrap();
        for cut in (1..20)
            .map(|i| script.len() * i / 20)
            .chain([script.len() - 2])
        {
            let out = place.feed(&script[..cut]).wait_with_output().unwrap();
            assert!(
                out.stdout.is_empty(),
                "cut at {cut}: {}",
                String::from_utf8_lossy(&out.stdout)
            );
            assert!(!place.home.path().join(".local").exists());
        }
    }
}

#[test]
fn where_the_login_manager_kills_what_is_left_a_scope_of_its_own_is_asked_for() {
    for place in places() {
        let (home, tools) = (place.home.path(), place.home.path().join("bin"));
        std::fs::create_dir_all(home.join("systemd/system")).unwrap();
        std::fs::create_dir_all(home.join("systemd/logind.conf.d")).unwrap();
        let asked = home.join("asked");
        let fake = format!(
            "#!{}\necho \"$@\" | head -n 1 >> {}\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\n",
            place.shell.display(),
            asked.display()
        );
        for tool in ["systemd-run", "loginctl"] {
            std::fs::write(tools.join(tool), &fake).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(tools.join(tool), mode).unwrap();
        }
        let place = Place {
            path: format!("{}:{}", tools.display(), place.path),
            ..place
        };
        let told = place.start(&command("echo plain"), &attempt("a"));
        assert_eq!(
            (told.out.as_slice(), asked.exists()),
            (&b"plain\n"[..], false)
        );
        let config = place.home.path().join("systemd/logind.conf.d/kill.conf");
        std::fs::write(config, "[Login]\n KillUserProcesses = yes\n").unwrap();
        let told = place.start(&command("echo scoped; exit 3"), &attempt("b"));
        assert_eq!(
            (told.out.as_slice(), told.status()),
            (&b"scoped\n"[..], (3, false, false))
        );
        assert!(std::fs::read_to_string(&asked).unwrap().contains("--scope"));
    }
}

/// A home directory on a disk of a few kilobytes.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(place: &Place) -> Self {
        let at = place.home.path().join("small");
        std::fs::create_dir(&at).unwrap();
        let made = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(&at)
            .status();
        assert!(
            made.unwrap().success(),
            "this test needs root, to mount a small disk"
        );
        Self(at)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_does_not_hide_how_the_command_ended() {
    for place in places() {
        let disk = SmallDisk::at(&place);
        let shell = place.shell.display().to_string();
        let on_disk = |script: &str| script.replace("$HOME", &disk.0.display().to_string());
        let spec = command("seq 1 100000; exit 3");
        let told = place.tell(&on_disk(&script::start(&spec, &attempt("a"), "n").unwrap()));
        assert_eq!(told.status().0, 3, "{shell}: {:?}", told.rest);
        let whole = counted(1..100_001);
        assert!(
            !told.out.is_empty() && whole.as_bytes().starts_with(&told.out),
            "{shell}"
        );
        let lost = told
            .rest
            .iter()
            .any(|f| matches!(f, Frame::Lost(OutStream::Stdout, _, n) if *n > 0));
        assert!(lost, "{shell}: {:?}", told.rest);
        let told = place.tell(&on_disk(&script::start(&spec, &attempt("b"), "n").unwrap()));
        assert!(
            matches!(told.end(), Frame::CannotStart(why) if why.contains("space") || why.contains("full")),
            "{shell}: {told:?}"
        );
    }
}
