//! From where a person asks: what the engine notes beside who it was.

use std::io::IsTerminal;

use super::args::{Args, Command};
use crate::run::cause::Origin;

/// The origin of what this command starts.
pub fn of(args: &Args) -> Origin {
    Origin {
        host: Some(
            rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
        ),
        tty: tty(),
        ssh_from: std::env::var("SSH_CONNECTION")
            .ok()
            .and_then(|words| words.split(' ').next().map(str::to_owned))
            .filter(|address| !address.is_empty()),
        pid: std::process::id(),
        program: Some(program(args).to_owned()),
    }
}

/// The terminal of the first of our streams that is one.
fn tty() -> Option<String> {
    let name = if std::io::stdin().is_terminal() {
        rustix::termios::ttyname(std::io::stdin(), Vec::new())
    } else if std::io::stderr().is_terminal() {
        rustix::termios::ttyname(std::io::stderr(), Vec::new())
    } else {
        return None;
    };
    let name = name.ok()?.to_string_lossy().into_owned();
    Some(
        name.strip_prefix("/dev/")
            .map_or(name.clone(), str::to_owned),
    )
}

/// The command in words, without what was given to it: that may be a secret.
fn program(args: &Args) -> &'static str {
    match &args.command {
        Some(Command::Run(_)) => "conn run",
        Some(Command::Preflight(_)) => "conn preflight",
        Some(_) => "conn",
        None => "conn (console)",
    }
}
