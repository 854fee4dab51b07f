//! Commands that run others as another user.

use super::control::status;
use super::{Call, Ended, run as run_command};

/// `sudo [-n] [-H] [-u USER] [--] COMMAND`, `doas [-n] [-u USER] COMMAND`: never asks.
pub async fn sudo(call: &mut Call<'_>) -> Ended {
    let mut user = "root";
    let mut args = call.args;
    while let Some((first, rest)) = args.split_first() {
        args = rest;
        match first.as_str() {
            "-n" | "-H" | "-E" | "-S" | "-k" => {}
            "-u" => match args.split_first() {
                Some((name, rest)) => (user, args) = (name.as_str(), rest),
                None => return Err(call.complain(1, "option requires an argument -- 'u'").await),
            },
            "--" => break,
            option if option.starts_with('-') => return call.unknown_option(option).await,
            _ => {
                args = &call.args[call.args.len() - rest.len() - 1..];
                break;
            }
        }
    }
    as_user(call, user, args).await
}

async fn as_user(call: &mut Call<'_>, user: &str, words: &[String]) -> Ended {
    if !is_user(call, user) {
        return Err(call.complain(1, &format!("unknown user {user}")).await);
    }
    let mut inner = call.shell.clone();
    inner.become_user(user);
    let code = match words.split_first() {
        Some((name, args)) => run_command(&mut inner, name, args, call.io.clone()).await,
        None => 0,
    };
    call.shell.killed = inner.killed;
    status(code)
}

/// Whether the host has this user.
pub(super) fn is_user(call: &Call<'_>, user: &str) -> bool {
    let files = call.shell.host.files();
    let passwd = files.read("/etc/passwd").unwrap_or_default();
    user == call.shell.user
        || passwd
            .split(|b| *b == b'\n')
            .any(|line| line.split(|b| *b == b':').next() == Some(user.as_bytes()))
}

/// `su [-] [-s SHELL] USER -c TEXT`
pub async fn su(call: &mut Call<'_>) -> Ended {
    let (mut user, mut text) = ("root", None);
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-" | "-l" | "-m" | "-p" | "--" => {}
            "-s" => drop(args.next()),
            "-c" => text = args.next(),
            name => user = name,
        }
    }
    let Some(text) = text else {
        return Err(call.complain(1, "must be run from a terminal").await);
    };
    let words = ["sh", "-c", text].map(str::to_owned);
    as_user(call, user, &words).await
}
