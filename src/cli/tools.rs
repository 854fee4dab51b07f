//! Commands that need no engine: host sets, folding, host keys, completions, the man page.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::BuildHasher as _;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args as _, CommandFactory};

use super::args::{Args, HostkeyCommand};
use super::exit::{CliError, Exit};
use super::fold::{self, FoldArgs};
use super::io::Io;
use super::nodeset::{self, NodesetArgs};
use super::print::Filter;
use super::{hostkey_render, print};
use crate::inventory::hostset::Groups;
use crate::site::groups::{SiteGroups, default_files};
use crate::trust::known_hosts::KnownHosts;

/// `conn nodeset …` and `conn fold …`: their options are another program's, so they are parsed
/// apart from ours. `None` when the words are neither's; else the exit code.
pub fn foreign(words: &[OsString]) -> Option<i32> {
    match words.get(1)?.to_str()? {
        "nodeset" => Some(with_io(|io| {
            let parsed = parse::<NodesetArgs>("conn nodeset", &words[1..]);
            nodeset::run(&parsed, &traced_groups, io)
        })),
        "fold" => Some(with_io(|io| {
            let parsed = parse::<FoldArgs>("conn fold", &words[1..]);
            fold::run(&parsed, &|file| Box::new(groups(file)), io)
        })),
        _ => None,
    }
}

/// Parses, or prints help or the error and ends, as clap does.
fn parse<T: clap::Args + clap::FromArgMatches>(name: &'static str, words: &[OsString]) -> T {
    let command = T::augment_args(clap::Command::new(name));
    let matches = command.get_matches_from(words);
    T::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn with_io(run: impl FnOnce(&mut Io) -> i32) -> i32 {
    let terminal = std::io::stdout().is_terminal();
    let stdout = std::io::stdout().lock();
    let stdout: Box<dyn Write> = if terminal {
        Box::new(Filter::new(stdout))
    } else {
        Box::new(stdout)
    };
    let mut stdout = BufWriter::new(stdout);
    let mut below = chance();
    let code = run(&mut Io {
        stdin: &mut std::io::stdin().lock(),
        stdout: &mut stdout,
        stderr: &mut std::io::stderr().lock(),
        terminal,
        env: &env,
        below: &mut below,
    });
    // The commands flush what they print; a reader that is gone by now misses nothing.
    let _ = stdout.flush();
    code
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn groups(file: Option<&Path>) -> SiteGroups {
    SiteGroups::new(file.map_or_else(|| default_files(&env), |file| vec![PathBuf::from(file)]))
}

fn traced_groups(file: Option<&Path>, debug: bool) -> Box<dyn Groups> {
    let groups = groups(file);
    Box::new(if debug {
        groups.with_trace(Box::new(|text| eprintln!("{}", print::visible(text))))
    } else {
        groups
    })
}

/// Numbers under a bound, from a seed of the system's: splitmix64.
fn chance() -> impl FnMut(usize) -> usize {
    let mut state: u64 = RandomState::new().hash_one(0);
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let scaled = (u128::from(x ^ (x >> 31)) * below as u128) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }
}

/// `conn hostkey check`.
pub fn hostkey(command: &HostkeyCommand) -> Result<i32, CliError> {
    let HostkeyCommand::Check {
        known_hosts,
        target,
        key,
        json,
    } = command;
    let files = if known_hosts.is_empty() {
        usual_known_hosts()
    } else {
        known_hosts.clone()
    };
    let mut texts = Vec::new();
    for file in &files {
        match std::fs::read(file) {
            Ok(bytes) => texts.push((
                file.display().to_string(),
                String::from_utf8_lossy(&bytes).into_owned(),
            )),
            Err(_) if known_hosts.is_empty() => {}
            Err(error) => return Err(CliError::Usage(format!("{}: {error}", file.display()))),
        }
    }
    let borrowed: Vec<(String, &str)> = texts
        .iter()
        .map(|(file, text)| (file.clone(), text.as_str()))
        .collect();
    let key_text = std::fs::read_to_string(key)
        .map_err(|error| CliError::Usage(format!("{}: {error}", key.display())))?;
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0);
    let answer = hostkey_render::check(&KnownHosts::parse(&borrowed), target, &key_text, now)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    if *json {
        let text = serde_json::to_string(&answer).map_err(|_| CliError::Unexpected)?;
        print::say(&text)?;
    } else {
        print::say(&answer.plain())?;
    }
    Ok(i32::from(answer.exit_code()))
}

/// The files that `ssh` asks when nobody says otherwise.
fn usual_known_hosts() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    vec![
        home.join(".ssh/known_hosts"),
        home.join(".ssh/known_hosts2"),
        "/etc/ssh/ssh_known_hosts".into(),
        "/etc/ssh/ssh_known_hosts2".into(),
    ]
}

/// The whole command tree, with the commands that are parsed apart in their places.
fn whole_command() -> clap::Command {
    Args::command()
        .mut_subcommand("nodeset", |command| {
            NodesetArgs::augment_args(stripped("nodeset", &command))
        })
        .mut_subcommand("fold", |command| {
            FoldArgs::augment_args(stripped("fold", &command))
        })
}

/// The command without its placeholder arguments.
fn stripped(name: &'static str, command: &clap::Command) -> clap::Command {
    let about = command.get_about().cloned().unwrap_or_default();
    clap::Command::new(name).about(about)
}

/// `conn completions SHELL`.
pub fn completions(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut whole_command(), "conn", &mut text);
    print::write_to(crate::run::output::OutStream::Stdout, &text)?;
    Ok(Exit::Ok)
}

/// `conn man`: one page, or all of them into a directory.
pub fn man(dir: Option<&Path>) -> Result<Exit, CliError> {
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(whole_command(), dir))
            .map_err(|error| CliError::io(format!("writing {}", dir.display()), error))?;
        return Ok(Exit::Ok);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(Args::command())
        .render(&mut text)
        .map_err(|error| CliError::io("rendering the man page", error))?;
    print::write_to(crate::run::output::OutStream::Stdout, &text)?;
    Ok(Exit::Ok)
}
