//! The first ten seconds of `conn demo` on the command line, as data.
//!
//! What is said, what is run, how it looks, and the shell that is left open afterwards. Nothing
//! here starts a process or prints: the caller hands in what runs a command and where words go.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::site::Files;

/// One step of the tour: a few words, then a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is about to be seen, in a sentence or two.
    pub say: &'static str,
    /// The arguments of `conn`.
    pub args: &'static [&'static str],
}

/// The tour, in order. With its waits it takes about twenty seconds.
pub const TOUR: [Step; 7] = [
    Step {
        say: "Sixteen web servers, one command. web11 is slow; nobody waits for it.",
        args: &["run", "-w", "@web", "--", "uptime"],
    },
    Step {
        say: "All sixty hosts. Equal answers are folded, and every way to go wrong has its own word.",
        args: &[
            "run",
            "-w",
            "@*",
            "--timeout",
            "4s",
            "--gather",
            "--",
            "systemctl",
            "is-active",
            "app",
        ],
    },
    Step {
        say: "One file on all web servers: who differs?",
        args: &[
            "run",
            "-w",
            "@web",
            "--gather",
            "--",
            "cat",
            "/etc/app.conf",
        ],
    },
    Step {
        say: "cache04's log tries to repaint your terminal. It is shown, not obeyed.",
        args: &["run", "-w", "cache04", "--", "journalctl", "-n", "8"],
    },
    Step {
        say: "The example site is here too. A flow puts a pretend HBase on twenty hosts.",
        args: &[
            "flow",
            "start",
            "InstallPretendServices",
            "-w",
            "@hbase",
            "--gather",
        ],
    },
    Step {
        say: "Another upgrades it in batches: a canary, a soak, a look at the canary, then the rest.",
        args: &[
            "flow",
            "start",
            "UpgradeRegionServer",
            "-w",
            "rs[02-04]",
            "--set",
            "version=2.4.18",
        ],
    },
    Step {
        say: "Everything that happens is a run, and can be looked at again.",
        args: &["runs"],
    },
];

/// Runs that are there when the console opens: one of each kind that is worth a look.
pub const SEEDS: [&[&str]; 7] = [
    &["run", "--detach", "-w", "@web", "--", "uptime"],
    &[
        "run",
        "--detach",
        "-w",
        "@web",
        "--",
        "cat",
        "/etc/app.conf",
    ],
    &[
        "run",
        "--detach",
        "-w",
        "cache04",
        "--",
        "journalctl",
        "-n",
        "8",
    ],
    &["run", "--detach", "-w", "@db", "--", "df", "-h"],
    &[
        "run",
        "--detach",
        "-w",
        "@*",
        "--timeout",
        "8s",
        "--",
        "systemctl",
        "is-active",
        "app",
    ],
    &[
        "flow",
        "start",
        "--detach",
        "InstallPretendServices",
        "-w",
        "@hbase",
    ],
    // It waits until its hosts are free, and stops at the canary that fails.
    &[
        "flow",
        "start",
        "--detach",
        "FlightingUpdate",
        "--set",
        "version=2.4.18",
    ],
];

/// What to try in the shell: a command line and what it shows.
const HINTS: [(&str, &str); 9] = [
    (
        "conn run -w web14 -- sudo systemctl restart app",
        "heals the host that failed",
    ),
    (
        "conn run -w batch02 -- systemctl status app",
        "floods, and harms nobody",
    ),
    ("conn run -w db02 -- df -h", "a disk that is nearly full"),
    (
        "conn run -w @canary -- 'seq 3; sleep 1; hostname'",
        "a small shell answers",
    ),
    (
        "conn flow start FlightingUpdate --set version=2.4.18",
        "canary, then each cluster; stops at rs01, whose disk is broken",
    ),
    (
        "conn run -w rs01 -- rm /var/lib/pretend-hbase/broken",
        "mends it; then conn runs retry ID and conn runs resume ID",
    ),
    (
        "conn runs show ID",
        "the hosts of a run, with their outcomes",
    ),
    ("conn runs why ID", "what led to it"),
    ("conn hosts @db", "who they are and where"),
];

/// How words are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With bold and dim, for a terminal that may show them.
    pub color: bool,
    /// Columns to wrap at.
    pub width: usize,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Plays the tour: says each step, then has `run` run `conn` with its arguments.
///
/// What a command's status is does not matter here: some steps are there to fail.
pub fn play(
    steps: &[Step],
    style: Style,
    out: &mut impl Write,
    mut run: impl FnMut(&[&str]) -> io::Result<()>,
) -> io::Result<()> {
    for (place, step) in steps.iter().enumerate() {
        out.write_all(render(step, place + 1, steps.len(), style).as_bytes())?;
        out.flush()?;
        run(step.args)?;
    }
    Ok(())
}

/// How a step is announced.
pub fn render(step: &Step, number: usize, of: usize, style: Style) -> String {
    let mark = format!("{number}/{of}  ");
    let indent = " ".repeat(mark.len());
    let mut text = String::from("\n");
    for (place, line) in wrap(step.say, style.width.saturating_sub(mark.len()))
        .iter()
        .enumerate()
    {
        let before = if place == 0 {
            style.paint("2", &mark)
        } else {
            indent.clone()
        };
        let _ = writeln!(text, "{before}{}", style.paint("1", line));
    }
    let line = format!("$ {}", command_line(step.args));
    let _ = writeln!(text, "{indent}{}\n", style.paint("2", &line));
    text
}

/// What is said when the shell opens.
pub fn hints(files: &Files, style: Style) -> String {
    let ssh = format!("ssh -F {} web01", files.ssh_config.display());
    let widest = HINTS.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    let mut text = format!(
        "\n{}\n\n",
        style.paint("1", "The hosts are yours until you type exit. Try:")
    );
    for (line, shows) in HINTS {
        if widest + shows.len() + 6 <= style.width {
            let _ = writeln!(text, "  {line:<widest$}  {}", style.paint("2", shows));
        } else {
            let _ = writeln!(text, "  {line}\n      {}", style.paint("2", shows));
        }
    }
    let _ = writeln!(
        text,
        "  {ssh}\n      {}\n",
        style.paint("2", "any SSH client will do")
    );
    text
}

/// A `conn` command line as one would type it.
pub fn command_line(args: &[&str]) -> String {
    let mut line = "conn".to_owned();
    for arg in args {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_@%+=:,./".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            let _ = write!(line, " {arg}");
        } else {
            let _ = write!(line, " '{}'", arg.replace('\'', r"'\''"));
        }
    }
    line
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The shell that is left open: what to start, with which surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellPlan {
    /// The shell.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables to set beside those that are there.
    pub env: Vec<(String, String)>,
    /// Files to write before it starts, in the demo's directory: path and text.
    pub files: Vec<(PathBuf, String)>,
}

/// The prompt of the demo's shell.
pub const PROMPT: &str = "conn demo $ ";

/// Plans the shell `shell` (what `$SHELL` says, or nothing) for a demo whose home is `home`.
///
/// `conn_dir` is where this program is and goes before `path`, what `$PATH` says. The person's
/// own start-up file is read first, so that the prompt is the demo's and the rest is theirs.
pub fn shell_plan(shell: Option<&str>, home: &Path, conn_dir: &Path, path: &str) -> ShellPlan {
    let program = shell
        .filter(|shell| shell.starts_with('/'))
        .unwrap_or("/bin/sh");
    let kind = program.rsplit('/').next().unwrap_or_default();
    let mut plan = ShellPlan {
        program: program.into(),
        args: Vec::new(),
        env: vec![
            ("CONN_HOME".into(), home.display().to_string()),
            ("PATH".into(), format!("{}:{path}", conn_dir.display())),
        ],
        files: Vec::new(),
    };
    let start = home.join("shell");
    match kind {
        "bash" => {
            let file = start.join("bashrc");
            plan.args = vec!["--rcfile".into(), file.display().to_string(), "-i".into()];
            plan.files = vec![(
                file,
                posix_start("[ -r ~/.bashrc ] && . ~/.bashrc\n", home, conn_dir),
            )];
        }
        "zsh" => {
            plan.args = vec!["-i".into()];
            plan.env
                .push(("ZDOTDIR".into(), start.display().to_string()));
            let text = posix_start(
                "[ -r ~/.zshrc ] && . ~/.zshrc\nZDOTDIR=$HOME\n",
                home,
                conn_dir,
            );
            plan.files = vec![(start.join(".zshrc"), text)];
        }
        "fish" => {
            let prompt = format!("function fish_prompt; printf '{PROMPT}'; end");
            let variables = format!(
                "set -gx CONN_HOME {}; set -gx PATH {} $PATH",
                quoted(home),
                quoted(conn_dir)
            );
            plan.args = vec!["-i".into(), "-C".into(), format!("{variables}; {prompt}")];
        }
        "csh" | "tcsh" => {
            // Neither has a start-up file that could be named; the prompt stays theirs.
            plan.args = vec!["-i".into()];
        }
        _ => {
            let file = start.join("shrc");
            plan.args = vec!["-i".into()];
            plan.env.push(("ENV".into(), file.display().to_string()));
            plan.files = vec![(file, posix_start("", home, conn_dir))];
        }
    }
    plan
}

/// A start-up file: the person's own first, then what the demo needs, which theirs may have
/// changed.
fn posix_start(own: &str, home: &Path, conn_dir: &Path) -> String {
    format!(
        "{own}CONN_HOME={}\nPATH={}:$PATH\nexport CONN_HOME PATH\nPROMPT_COMMAND=\nPS1='{PROMPT}'\n",
        quoted(home),
        quoted(conn_dir),
    )
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        color: false,
        width: 60,
    };

    #[test]
    fn each_step_is_said_before_it_is_run_and_in_order() {
        let mut ran = Vec::new();
        let mut out = Vec::new();
        play(&TOUR, PLAIN, &mut out, |args| {
            ran.push(command_line(args));
            Ok(())
        })
        .unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(ran.len(), TOUR.len());
        let mut from = 0;
        for line in &ran {
            from += out[from..].find(line.as_str()).expect(line);
        }
        assert!(out.lines().all(|line| line.chars().count() <= 100));
    }

    #[test]
    fn a_command_line_can_be_typed_as_it_is_shown() {
        assert_eq!(
            command_line(&["run", "-w", "@*", "--", "it's"]),
            r"conn run -w '@*' -- 'it'\''s'"
        );
    }

    #[test]
    fn words_wrap_at_the_width() {
        let step = Step {
            say: "aaa bbb ccc",
            args: &["runs"],
        };
        let text = render(
            &step,
            1,
            2,
            Style {
                color: false,
                width: 12,
            },
        );
        assert_eq!(text, "\n1/2  aaa bbb\n     ccc\n     $ conn runs\n\n");
        let text = render(
            &step,
            1,
            2,
            Style {
                color: true,
                width: 80,
            },
        );
        assert!(text.contains("\x1b[1maaa bbb ccc\x1b[0m"));
    }

    #[test]
    fn every_host_that_the_tour_names_is_what_the_tour_says() {
        use crate::demo::roster::{Quirk, roster};
        let quirk = |name: &str| {
            roster()
                .into_iter()
                .find(|role| role.name == name)
                .unwrap()
                .quirk
        };
        assert!(matches!(quirk("web11"), Some(Quirk::Slow(_))));
        assert_eq!(quirk("web14"), Some(Quirk::Failed));
        assert_eq!(quirk("cache04"), Some(Quirk::Escapes));
        assert_eq!(quirk("batch02"), Some(Quirk::Floods));
        assert_eq!(quirk("db02"), Some(Quirk::FullDisk));
    }
}
