//! The shell text around a command: who it is, who runs it, its environment.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::error::SshError;
use super::super::spec::{ExecSpec, Interpreter, RunAs, RunAsMethod};
use super::{given, request};
use crate::run::quote::sh_quote;

/// What stands before the facts that a wrapper tells on standard error.
pub(crate) fn mark(nonce: &str) -> String {
    format!("conn:{nonce}:")
}

/// The script of a plain command: tells its process id, then becomes the command.
pub(crate) fn plain(spec: &ExecSpec, nonce: &str) -> Result<String, SshError> {
    let mut script = format!("printf '{}%s\\n' \"$$\" >&2\n", mark(nonce));
    if let Some(tag) = &spec.audit_tag {
        script += &audit(tag)?;
    }
    let command = command(spec, nonce)?;
    match &spec.run_as {
        None => {
            script += "s=${SHELL:-/bin/sh}\n";
            script += &command;
        }
        Some(run_as) => {
            let inner = format!("printf '{}in\\n' >&2\ns=$0\n{command}", mark(nonce));
            script += &becoming(run_as, &inner)?;
        }
    }
    Ok(script)
}

/// What stands between the wrapper's own words and the command in the script of a plain command.
const COMMAND: &str = "\ns=${SHELL:-/bin/sh}\nexec \"$s\" -c ";

/// A plain command taken out of the script around it; for servers inside the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped {
    /// What the script tells of its process on standard error, up to the number.
    pub mark: String,
    /// What the person typed.
    pub command: String,
}

/// Undoes what is done to a command without environment and without another user, from the line
/// that is sent for it.
pub fn unwrapped(line: &str) -> Option<Unwrapped> {
    let script = request::script_of(line)?;
    let (mark, rest) = script.strip_prefix("printf '")?.split_once("%s\\n' ")?;
    let (_, word) = rest.split_once(COMMAND)?;
    let quoted = word.strip_prefix('\'').and_then(|w| w.strip_suffix('\''));
    Some(Unwrapped {
        mark: mark.to_owned(),
        command: quoted.map_or_else(|| word.to_owned(), |text| text.replace(r"'\''", "'")),
    })
}

/// The script of a durable command, for the wrapper on its host.
pub(crate) fn durable(spec: &ExecSpec, nonce: &str) -> Result<String, SshError> {
    let audit = spec.audit_tag.as_deref().map_or(Ok(String::new()), audit)?;
    let command = command(spec, nonce)?;
    Ok(match &spec.run_as {
        None => format!("{audit}s=${{SHELL:-/bin/sh}}\n{command}"),
        Some(run_as) => audit + &becoming(run_as, &format!("s=$0\n{command}"))?,
    })
}

/// Environment and command, for a shell that has the interpreter's path in `$s`.
fn command(spec: &ExecSpec, nonce: &str) -> Result<String, SshError> {
    let mut text = given::reading(spec, nonce)?;
    for (name, value) in &spec.env {
        check_name(name)?;
        let _ = write!(text, "{name}={}\nexport {name}\n", quoted(value)?);
    }
    let interpreter = match spec.interpreter {
        Interpreter::LoginShell => "\"$s\"",
        Interpreter::PosixShell => "/bin/sh",
    };
    let _ = write!(text, "exec {interpreter} -c {}", quoted(&spec.command)?);
    Ok(text)
}

pub(super) fn check_name(name: &str) -> Result<(), SshError> {
    let good = |c: char| c == '_' || c.is_ascii_alphanumeric();
    if name.is_empty() || !name.chars().all(good) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err(SshError::Invalid {
            why: format!(
                "{name:?} is no name for an environment variable. Use letters, digits and _, not a digit first."
            ),
        });
    }
    Ok(())
}

/// Shell text that runs `inner` as another user; its `$0` is the login shell. Never asks for a
/// password: `su`, which would, is left alone unless the login is root.
pub(crate) fn becoming(run_as: &RunAs, inner: &str) -> Result<String, SshError> {
    let user = &run_as.user;
    if user.is_empty() || user.starts_with('-') || user.contains(['\0', '\n', ':', '/']) {
        return Err(SshError::Invalid {
            why: format!("{user:?} is no user's name."),
        });
    }
    let (user, inner) = (quoted(user)?, quoted(inner)?);
    Ok(match run_as.method {
        RunAsMethod::Sudo => {
            format!("exec sudo -n -u {user} -- /bin/sh -c {inner} \"${{SHELL:-/bin/sh}}\"")
        }
        RunAsMethod::Doas => {
            format!("exec doas -n -u {user} -- /bin/sh -c {inner} \"${{SHELL:-/bin/sh}}\"")
        }
        RunAsMethod::Su => format!(
            "[ \"$(id -u)\" = 0 ] || {{ echo 'su asks for a password unless the login is root' >&2; exit 1; }}\nexec su -s /bin/sh -c {inner} {user} \"${{SHELL:-/bin/sh}}\""
        ),
    })
}

/// Leaves a word in the host's syslog; never waits for it.
pub(crate) fn audit(tag: &str) -> Result<String, SshError> {
    let tag = quoted(tag)?;
    Ok(format!(
        "command -v logger >/dev/null 2>&1 && (logger -t conn -p auth.info -- {tag} </dev/null >/dev/null 2>&1 &)\n"
    ))
}

/// The value as one word of a shell.
pub(crate) fn quoted(value: &str) -> Result<Cow<'_, str>, SshError> {
    sh_quote(value).map_err(|error| SshError::Invalid {
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(command: &str, audit_tag: Option<&str>) -> ExecSpec {
        ExecSpec {
            command: command.to_owned(),
            audit_tag: audit_tag.map(str::to_owned),
            ..ExecSpec::default()
        }
    }

    #[test]
    fn a_plain_script_gives_its_mark_and_command_back() {
        for command in ["true", "out 12", "echo 'a b' \"$c\"\nexec \"$s\" -c x", "'"] {
            for tag in [None, Some("conn run=1 by=o'neil")] {
                let script = plain(&spec(command, tag), "0123").unwrap();
                let found = unwrapped(&request::line(&script).unwrap()).unwrap();
                assert_eq!(
                    (&*found.mark, &*found.command),
                    ("conn:0123:", command),
                    "{script}"
                );
            }
        }
        for other in ["", "true", "printf 'x%s\\n' y", "exec \"$s\" -c true"] {
            assert_eq!(unwrapped(other), None, "{other}");
            let line = request::line(other).unwrap();
            assert_eq!(unwrapped(&line), None, "{other}");
        }
    }
}
