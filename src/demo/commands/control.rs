//! Commands that change the shell, wait, or run other commands.

use std::fmt::Write as _;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture};

use super::{Call, Ended, KNOWN, condition, run as run_command, user};
use crate::demo::host::{Process, Signal, signal_number};
use crate::demo::shell::io::Io;
use crate::demo::vfs::join;

/// The longest sleep, so that a forgotten one ends.
const MAX_SLEEP: Duration = Duration::from_hours(24);
/// The longest script that is read from a file or standard input.
const MAX_SCRIPT: usize = 1 << 20;
/// Status of a command that is not there.
const NOT_FOUND: u32 = 127;
/// Status of a file that is there and cannot be run.
const NOT_EXECUTABLE: u32 = 126;

/// The commands of this file, then scripts by path, then 127.
pub fn run<'a>(call: &'a mut Call<'_>, base: &'a str) -> BoxFuture<'a, Ended> {
    match base {
        "sleep" => sleep(call).boxed(),
        "exit" => exit(call).boxed(),
        "cd" => cd(call).boxed(),
        "pwd" => pwd(call).boxed(),
        "export" | "set" | "unset" | "shift" => future::ready(variables(call, base)).boxed(),
        "env" | "printenv" => env(call).boxed(),
        "read" => read(call).boxed(),
        "test" | "[" => future::ready(condition::test(call)).boxed(),
        "sh" | "bash" | "dash" => sh(call).boxed(),
        "." | "eval" => eval(call, base).boxed(),
        "exec" => exec(call).boxed(),
        "setsid" => setsid(call).boxed(),
        "nohup" => nested(call, call.args).boxed(),
        "wait" => wait(call).boxed(),
        "umask" => umask(call).boxed(),
        "nice" => nice(call).boxed(),
        "command" | "type" | "which" => command(call, base).boxed(),
        "timeout" => timeout(call).boxed(),
        "sudo" | "doas" => user::sudo(call).boxed(),
        "su" => user::su(call).boxed(),
        _ => script(call).boxed(),
    }
}

async fn pwd(call: &mut Call<'_>) -> Ended {
    call.out(format!("{}\n", call.shell.cwd)).await
}

pub(super) fn status(code: u32) -> Ended {
    if code == 0 { Ok(()) } else { Err(code) }
}

/// Runs other words as a command in the same shell.
async fn nested(call: &mut Call<'_>, words: &[String]) -> Ended {
    match words.split_first() {
        Some((name, args)) => status(run_command(call.shell, name, args, call.io.clone()).await),
        None => Ok(()),
    }
}

/// What a shell inside the shell runs.
enum Text<'a> {
    Given(&'a str),
    /// What comes on standard input.
    Input,
}

/// Does `sh` on a copy of the shell, as a process of its own unless it is one already.
async fn inner_shell(call: &mut Call<'_>, text: Text<'_>, args: &[String]) -> Ended {
    let mut inner = call.shell.subshell();
    inner.args = args.to_vec();
    let replacing = std::mem::take(&mut inner.replacing) || inner.own != inner.pid;
    let mut child = (!replacing).then(|| inner.host.fork(inner.own, "sh", &inner.user));
    if let Some(child) = &child {
        inner.own = child.pid();
    }
    inner.pid = inner.own;
    let io = call.io.clone();
    let run = async {
        match text {
            Text::Given(text) => {
                inner.host.retitle(inner.own, text);
                inner.run_nested(text, io).await
            }
            Text::Input => inner.run_input(io).await,
        }
    };
    let code = tokio::select! {
        code = run => code,
        signal = killed(&mut child) => return last_word(call, &signal).await,
    };
    match inner.killed {
        // Whoever became the command dies of its signal, and somebody else tells of it.
        Some(_) if replacing => call.shell.killed = inner.killed,
        Some(signal) => return last_word(call, signal).await,
        None => {}
    }
    status(code)
}

/// What a shell says of a command that a signal ended.
async fn last_word(call: &Call<'_>, signal: &str) -> Ended {
    let word = match signal {
        "KILL" => "Killed\n",
        "TERM" => "Terminated\n",
        "HUP" => "Hangup\n",
        "ABRT" => "Aborted\n",
        _ => "",
    };
    let _ = call.io.err.write(word).await;
    status(128 + signal_number(signal))
}

/// Waits until a signal ends the child; for ever when there is none.
async fn killed(child: &mut Option<Process>) -> Signal {
    match child {
        Some(child) => child.killed().await,
        None => std::future::pending().await,
    }
}

async fn umask(call: &mut Call<'_>) -> Ended {
    let Some(text) = call.args.first() else {
        return call.out(format!("{:04o}\n", call.shell.umask)).await;
    };
    match u32::from_str_radix(text, 8) {
        Ok(mask) => call.shell.umask = mask & 0o777,
        Err(_) => return Err(call.complain(2, &format!("Illegal mode: {text}")).await),
    }
    Ok(())
}

/// `exec COMMAND`: the shell becomes the command, and ends with it.
async fn exec(call: &mut Call<'_>) -> Ended {
    if call.args.is_empty() {
        return Ok(());
    }
    call.shell.replacing = true;
    let ended = nested(call, call.args).await;
    call.shell.replacing = false;
    call.shell.exiting = true;
    ended
}

/// `setsid COMMAND`: in a session of its own.
async fn setsid(call: &mut Call<'_>) -> Ended {
    let words = match call.args {
        [option, words @ ..] if option.starts_with('-') => words,
        words => words,
    };
    let Some((name, args)) = words.split_first() else {
        return Err(call.complain(1, "no command specified").await);
    };
    let mut inner = call.shell.subshell();
    let mut process = inner.host.fork(inner.own, name, &inner.user);
    inner.own = process.pid();
    inner.host.lead_session(inner.own);
    let (name, args, io) = (name.clone(), args.to_vec(), call.io.clone());
    // A task of its own: whoever waits here may go, and the command stays.
    let task = tokio::spawn(async move {
        tokio::select! {
            code = run_command(&mut inner, &name, &args, io) => match inner.killed {
                Some(signal) => Err(signal.to_owned()),
                None => Ok(code),
            },
            signal = process.killed() => Err(signal),
        }
    });
    match task.await {
        Ok(Ok(code)) => status(code),
        Ok(Err(signal)) => last_word(call, &signal).await,
        Err(_) => Err(1),
    }
}

async fn wait(call: &mut Call<'_>) -> Ended {
    let pid = call.args.first().and_then(|text| text.parse().ok());
    status(call.shell.wait(pid).await)
}

async fn sleep(call: &mut Call<'_>) -> Ended {
    let mut total = Duration::ZERO;
    for arg in call.args {
        let Some(time) = duration(arg) else {
            return Err(call
                .complain(1, &format!("invalid time interval '{arg}'"))
                .await);
        };
        total = total.saturating_add(time);
    }
    tokio::time::sleep(total.min(MAX_SLEEP)).await;
    Ok(())
}

/// `1.5`, `2s`, `3m`, `1h`
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.chars().last()),
        None => (text, None),
    };
    let factor = match unit {
        Some('m') => 60.0,
        Some('h') => 3600.0,
        _ => 1.0,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}

async fn exit(call: &mut Call<'_>) -> Ended {
    let code = match call.args.first() {
        None => call.shell.last,
        Some(text) => match text.parse::<u32>() {
            Ok(code) => code & 0xff,
            Err(_) => call.complain(2, &format!("Illegal number: {text}")).await,
        },
    };
    call.shell.exiting = true;
    status(code)
}

async fn cd(call: &mut Call<'_>) -> Ended {
    let home = call.shell.variable("HOME");
    let path = call.shell.path(call.args.first().unwrap_or(&home));
    let there = {
        let files = call.shell.host.files();
        files
            .resolve(&path)
            .and_then(|path| files.list(&path).map(|_| path))
    };
    match there {
        Ok(path) => {
            call.shell.cwd = path;
            Ok(())
        }
        Err(_) => Err(call.complain(2, &format!("can't cd to {path}")).await),
    }
}

fn variables(call: &mut Call<'_>, base: &str) -> Ended {
    for arg in call.args {
        match (base, arg.split_once('=')) {
            ("export", Some((name, value))) => {
                call.shell.vars.insert(name.to_owned(), value.to_owned());
            }
            ("unset", _) => {
                call.shell.vars.remove(arg);
            }
            _ => {}
        }
    }
    match (base, call.args.split_first()) {
        ("shift", count) => {
            let count = count.map_or(Ok(1), |(count, _)| count.parse());
            let count = count.map_err(|_| 2_u32)?;
            if count > call.shell.args.len() {
                return Err(1);
            }
            call.shell.args.drain(..count);
        }
        ("set", Some((dashes, rest))) if dashes == "--" => call.shell.args = rest.to_vec(),
        _ => {}
    }
    Ok(())
}

/// `env [NAME=VALUE…] [COMMAND]`, `printenv [NAME]`
async fn env(call: &mut Call<'_>) -> Ended {
    let mut inner = call.shell.clone();
    let mut words = call.args;
    while let Some((first, rest)) = words.split_first() {
        match first.split_once('=') {
            Some((name, value)) => inner.vars.insert(name.to_owned(), value.to_owned()),
            None if first == "-i" => {
                inner.vars.clear();
                None
            }
            None => break,
        };
        words = rest;
    }
    match words.split_first() {
        Some((name, _)) if call.name.ends_with("printenv") => match inner.vars.get(name) {
            Some(value) => call.out(format!("{value}\n")).await,
            None => Err(1),
        },
        Some((name, args)) => status(run_command(&mut inner, name, args, call.io.clone()).await),
        None => {
            let mut lines = String::new();
            for (name, value) in &inner.vars {
                let _ = writeln!(lines, "{name}={value}");
            }
            call.out(lines).await
        }
    }
}

/// `read [-r] NAMES`: the last name takes what is left of the line.
async fn read(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("r").await?;
    let input = call.io.input.clone();
    let line = input.lock().await.line().await;
    let text = String::from_utf8_lossy(line.as_deref().unwrap_or_default()).into_owned();
    let whole = call.shell.vars.get("IFS").is_some_and(String::is_empty);
    let mut rest = if whole { text.as_str() } else { text.trim() };
    for (place, name) in names.iter().enumerate() {
        let value = if place + 1 == names.len() {
            std::mem::take(&mut rest)
        } else {
            let (value, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            rest = tail.trim_start();
            value
        };
        call.shell.vars.insert(name.clone(), value.to_owned());
    }
    if line.is_some() { Ok(()) } else { Err(1) }
}

/// `sh [-c TEXT] [ARGS]`, `sh -s`, `sh FILE`, or a script on standard input.
async fn sh(call: &mut Call<'_>) -> Ended {
    let mut args = call.args;
    while let Some((first, rest)) = args.split_first() {
        match first.as_str() {
            "-c" | "-lc" | "-ec" | "-xc" => {
                let Some((text, rest)) = rest.split_first() else {
                    return Err(call.complain(2, "-c requires an argument").await);
                };
                let words = rest.get(1..).unwrap_or_default();
                return inner_shell(call, Text::Given(text), words).await;
            }
            "-s" | "-" | "--" | "-l" | "-e" | "-x" | "-u" | "-eu" => args = rest,
            _ => break,
        }
    }
    match args.split_first() {
        Some((path, args)) => {
            let text = file(call, path).await?;
            inner_shell(call, Text::Given(&text), args).await
        }
        None => inner_shell(call, Text::Input, &[]).await,
    }
}

async fn file(call: &Call<'_>, path: &str) -> Ended<String> {
    let text = {
        let files = call.shell.host.files();
        files
            .read(&call.shell.path(path))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    match text {
        Ok(text) if text.len() <= MAX_SCRIPT => Ok(text),
        Ok(_) => Err(call
            .complain(NOT_EXECUTABLE, &format!("{path}: too long"))
            .await),
        Err(why) => Err(call
            .complain(NOT_FOUND, &format!("cannot open {path}: {why}"))
            .await),
    }
}

async fn eval(call: &mut Call<'_>, base: &str) -> Ended {
    let text = match (base, call.args.first()) {
        (".", Some(path)) => file(call, path).await?,
        _ => call.args.join(" "),
    };
    status(call.shell.run_nested(&text, call.io.clone()).await)
}

async fn nice(call: &mut Call<'_>) -> Ended {
    let words = match call.args {
        [option, _, rest @ ..] if option == "-n" => rest,
        [option, rest @ ..] if option.starts_with('-') => rest,
        words => words,
    };
    nested(call, words).await
}

/// What a shell does itself, which `command -v` tells by its bare name.
const BUILT_IN: [&str; 12] = [
    ".", ":", "[", "cd", "echo", "eval", "exec", "exit", "export", "kill", "printf", "read",
];

/// `command [-v] NAME`, `type NAME`, `which NAME`
async fn command(call: &mut Call<'_>, base: &str) -> Ended {
    let names = match call.args {
        [option, names @ ..] if option == "-v" || option == "-V" => names,
        names if base == "command" => return nested(call, names).await,
        names => names,
    };
    let mut all = Ok(());
    for name in names {
        let place = if base != "which" && BUILT_IN.contains(&name.as_str()) {
            Some(name.clone())
        } else if KNOWN.contains(&name.as_str()) {
            Some(format!("/usr/bin/{name}"))
        } else {
            located(call, name)
        };
        match place {
            Some(place) => call.out(place + "\n").await?,
            None => all = Err(NOT_FOUND),
        }
    }
    all
}

/// `timeout [-k T] [-s SIGNAL] TIME COMMAND`
async fn timeout(call: &mut Call<'_>) -> Ended {
    let mut args = call.args;
    while let [option, _, rest @ ..] = args
        && matches!(option.as_str(), "-k" | "-s")
    {
        args = rest;
    }
    let (Some(time), Some((name, rest))) = (
        args.first().and_then(|text| duration(text)),
        args.get(1..).and_then(<[String]>::split_first),
    ) else {
        return Err(call.complain(125, "usage: timeout TIME COMMAND").await);
    };
    let io = Io { ..call.io.clone() };
    match tokio::time::timeout(time, run_command(call.shell, name, rest, io)).await {
        Ok(code) => status(code),
        Err(_) => Err(124),
    }
}

/// A script of the host by its path or its name, or nothing of that name.
async fn script(call: &mut Call<'_>) -> Ended {
    let Some(path) = located(call, call.name) else {
        let missing = format!("sh: 1: {}: not found\n", call.name);
        let _ = call.io.err.write(missing).await;
        return Err(NOT_FOUND);
    };
    if !is_program(call, &path) {
        let denied = format!("sh: 1: {}: Permission denied\n", call.name);
        let _ = call.io.err.write(denied).await;
        return Err(NOT_EXECUTABLE);
    }
    let text = file(call, &path).await?;
    inner_shell(call, Text::Given(&text), call.args).await
}

/// Where the host has this script: where the name says, or in one of the directories of `PATH`.
fn located(call: &Call<'_>, name: &str) -> Option<String> {
    if name.contains('/') {
        let path = call.shell.path(name);
        let there = call.shell.host.files().stat(&path).is_ok();
        return there.then_some(path);
    }
    let path = call.shell.variable("PATH");
    let mut places = path.split(':').map(|directory| join(directory, name));
    places.find(|place| is_program(call, place))
}

fn is_program(call: &Call<'_>, path: &str) -> bool {
    let files = call.shell.host.files();
    let node = files.stat(path);
    node.is_ok_and(|node| !node.is_directory() && node.mode & 0o111 != 0)
}
