//! What can be run on a demo host, by name.
//!
//! Each command plays its namesake over the host's virtual state, for the options that people use
//! most; an option that it does not know is refused in words. None of them touches the machine
//! that the demo runs on.

mod condition;
mod control;
mod copy;
mod files;
mod filter;
mod grep;
mod hash;
mod look;
mod machine;
mod print;
mod process;
mod service;
mod user;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{self, BoxFuture};

use super::shell::Shell;
use super::shell::io::{Io, WriteError};

/// How a command ends: well, or early with this status.
type Ended<T = ()> = Result<T, u32>;

/// What one call of a command has at hand.
struct Call<'a> {
    shell: &'a mut Shell,
    name: &'a str,
    args: &'a [String],
    io: Io,
}

/// Runs the command `name`; gives its exit status.
pub fn run<'a>(
    shell: &'a mut Shell,
    name: &'a str,
    args: &'a [String],
    io: Io,
) -> BoxFuture<'a, u32> {
    async move {
        let mut call = Call {
            shell,
            name,
            args,
            io,
        };
        match dispatch(&mut call).await {
            Ok(()) => 0,
            Err(status) => status,
        }
    }
    .boxed()
}

/// The names that can be run, for `command -v` and `which`.
const KNOWN: &[&str] = &[
    ".",
    ":",
    "[",
    "basename",
    "bash",
    "cat",
    "cd",
    "chmod",
    "chown",
    "command",
    "cp",
    "cut",
    "dash",
    "date",
    "df",
    "dirname",
    "doas",
    "du",
    "echo",
    "env",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "flood",
    "free",
    "getent",
    "grep",
    "groups",
    "head",
    "hostname",
    "id",
    "ip",
    "journalctl",
    "kill",
    "ln",
    "logger",
    "ls",
    "dd",
    "mkfifo",
    "mkdir",
    "mktemp",
    "mv",
    "nice",
    "nohup",
    "nproc",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "read",
    "readlink",
    "rm",
    "rmdir",
    "seq",
    "service",
    "set",
    "setsid",
    "sh",
    "sha256sum",
    "shift",
    "sleep",
    "sort",
    "stat",
    "su",
    "sudo",
    "sync",
    "systemctl",
    "tail",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "trap",
    "true",
    "type",
    "ulimit",
    "umask",
    "uname",
    "uniq",
    "unset",
    "uptime",
    "wait",
    "wc",
    "which",
    "whoami",
    "yes",
];

/// Finds the command. Each is boxed by itself: one future of all of them would take a large piece of
/// stack at every level of a nested script.
fn dispatch<'a>(call: &'a mut Call<'_>) -> BoxFuture<'a, Ended> {
    let base = match call.name.rsplit_once('/') {
        Some(("/bin" | "/usr/bin" | "/sbin" | "/usr/sbin" | "/usr/local/bin", base)) => base,
        _ => call.name,
    };
    match base {
        ":" | "true" | "trap" | "ulimit" | "logger" | "sync" => future::ready(Ok(())).boxed(),
        "false" => future::ready(Err(1)).boxed(),
        "echo" => print::echo(call).boxed(),
        "printf" => print::printf(call).boxed(),
        "seq" => print::seq(call).boxed(),
        "yes" => print::yes(call).boxed(),
        "flood" => print::flood(call).boxed(),
        "cat" => filter::cat(call).boxed(),
        "head" => filter::head(call).boxed(),
        "tail" => filter::tail(call).boxed(),
        "dd" => copy::dd(call).boxed(),
        "grep" => grep::grep(call).boxed(),
        "wc" => filter::wc(call).boxed(),
        "sort" => filter::sort(call).boxed(),
        "uniq" => filter::uniq(call).boxed(),
        "cut" => filter::cut(call).boxed(),
        "tr" => filter::tr(call).boxed(),
        "tee" => filter::tee(call).boxed(),
        "sha256sum" | "md5sum" => hash::sum(call).boxed(),
        "ls" => look::ls(call).boxed(),
        "mkfifo" => files::mkfifo(call).boxed(),
        "mkdir" => files::mkdir(call).boxed(),
        "rmdir" => files::rmdir(call).boxed(),
        "rm" => files::rm(call).boxed(),
        "mv" => files::mv(call).boxed(),
        "cp" => files::cp(call).boxed(),
        "ln" => files::ln(call).boxed(),
        "touch" => files::touch(call).boxed(),
        "chmod" => files::chmod(call).boxed(),
        "chown" => files::chown(call).boxed(),
        "stat" => look::stat(call).boxed(),
        "readlink" => look::readlink(call).boxed(),
        "basename" | "dirname" => look::part_of_path(call).boxed(),
        "mktemp" => files::mktemp(call).boxed(),
        "du" => look::du(call).boxed(),
        "uptime" => machine::uptime(call).boxed(),
        "hostname" => machine::hostname(call).boxed(),
        "uname" => machine::uname(call).boxed(),
        "df" => machine::df(call).boxed(),
        "free" => machine::free(call).boxed(),
        "date" => machine::date(call).boxed(),
        "whoami" | "id" | "groups" => machine::identity(call).boxed(),
        "nproc" => machine::nproc(call).boxed(),
        "ps" => process::ps(call).boxed(),
        "kill" => process::kill(call).boxed(),
        "ip" => machine::ip(call).boxed(),
        "getent" => machine::getent(call).boxed(),
        "systemctl" => service::systemctl(call).boxed(),
        "service" => service::service(call).boxed(),
        "journalctl" => service::journalctl(call).boxed(),
        _ => control::run(call, base),
    }
}

impl Call<'_> {
    /// Writes to stdout; a reader that has gone ends the command as `SIGPIPE` would.
    async fn out(&self, bytes: impl Into<Bytes>) -> Ended {
        match self.io.out.write(bytes).await {
            Ok(()) => Ok(()),
            Err(WriteError::Broken) => Err(141),
            Err(WriteError::File(why)) => {
                Err(self.complain(1, &format!("write error: {why}")).await)
            }
        }
    }

    /// Says on stderr why it ends; gives the status back.
    async fn complain(&self, status: u32, why: &str) -> u32 {
        let _ = self.io.err.write(format!("{}: {why}\n", self.name)).await;
        status
    }

    /// Ends with a complaint about an option.
    async fn unknown_option<T>(&self, option: &str) -> Ended<T> {
        Err(self
            .complain(
                2,
                &format!("unknown option {option} (this demo host knows the most used ones only)"),
            )
            .await)
    }

    /// Splits the arguments: single-letter flags out of `known`, and the rest.
    async fn flags(&self, known: &str) -> Ended<(String, Vec<String>)> {
        let (mut flags, mut rest) = (String::new(), Vec::new());
        let mut args = self.args.iter();
        for arg in args.by_ref() {
            match arg.strip_prefix('-') {
                Some("-") => break,
                Some(letters) if !letters.is_empty() => {
                    match letters.chars().find(|c| !known.contains(*c)) {
                        Some(_) => return self.unknown_option(arg).await,
                        None => flags.push_str(letters),
                    }
                }
                _ => rest.push(arg.clone()),
            }
        }
        rest.extend(args.cloned());
        Ok((flags, rest))
    }
}
