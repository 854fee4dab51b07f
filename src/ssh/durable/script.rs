//! The text that a durable command's `/bin/sh` reads from its standard input.
//!
//! All of it stands in one brace group: a shell runs nothing of it before the closing brace has
//! come, so a connection that breaks half-way has started nothing.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::super::error::SshError;
use super::super::exec::given;
use super::super::exec::script::{self as command, quoted};
use super::super::spec::{Durable, ExecSpec};

const FIND: &str = include_str!("find.sh");
const START: &str = include_str!("start.sh");
const WRAPPER: &str = include_str!("wrapper.sh");
const FOLLOW: &str = include_str!("follow.sh");
const REATTACH: &str = include_str!("reattach.sh");
const FORGET: &str = include_str!("forget.sh");

/// The request: the same for all, so that no login shell has anything to misread.
pub(super) const REQUEST: &str = "exec /bin/sh";

/// The line that stands before the first frame, whatever a login shell's start-up files say before.
pub(super) fn greeting(nonce: &str) -> String {
    format!("conn-durable:{nonce}\n")
}

/// Longest command: the shell gets it as one argument, of which Linux takes 128 KiB.
const MAX_COMMAND: usize = 100_000;

/// Most standard input: the shell decodes it line by line.
const MAX_INPUT: usize = 1 << 20;

/// Bytes of standard input in a line of the script.
const INPUT_LINE: usize = 200;

/// The script that starts an attempt and follows it.
pub(super) fn start(
    spec: &ExecSpec,
    durable: &Durable,
    nonce: &str,
) -> Result<Zeroizing<String>, SshError> {
    check_name(&durable.attempt)?;
    if !spec.secrets.is_empty() && spec.stdin.is_some() {
        return invalid(
            "A durable command that is given secrets takes no standard input.".to_owned(),
        );
    }
    let text = command::durable(spec, nonce)?;
    if text.len() > MAX_COMMAND {
        return invalid(format!(
            "The command is longer than {MAX_COMMAND} bytes. Push it as a file and run that."
        ));
    }
    let head = format!(
        "A={} O=0 E=0 VOID= CAP={}\nX={}\nW={}\n",
        quoted(&durable.attempt)?,
        durable.output_cap,
        quoted(&text)?,
        quoted(&lean(WRAPPER))?
    );
    let input = input(spec)?;
    Ok(group(
        nonce,
        &[
            &head,
            &given::feeding(spec, nonce)?,
            &input,
            &lean(FIND),
            &lean(FOLLOW),
            &lean(START),
            "conn_start\n",
        ],
    ))
}

/// The script that follows an attempt from these offsets.
pub(super) fn reattach(
    durable: &Durable,
    from: [u64; 2],
    nonce: &str,
) -> Result<Zeroizing<String>, SshError> {
    check_name(&durable.attempt)?;
    let head = format!(
        "A={} O={} E={}\n",
        quoted(&durable.attempt)?,
        from[0],
        from[1]
    );
    Ok(group(
        nonce,
        &[
            &head,
            &lean(FIND),
            &lean(FOLLOW),
            &lean(REATTACH),
            "conn_reattach\n",
        ],
    ))
}

/// The script that removes what an attempt left.
pub(super) fn forget(durable: &Durable) -> Result<String, SshError> {
    check_name(&durable.attempt)?;
    let name = quoted(&durable.attempt)?;
    Ok(format!("A={name}\n{FIND}\n{FORGET}"))
}

/// The script without what is for readers only: a shell takes it from a pipe byte by byte.
fn lean(script: &str) -> String {
    let lines = script.lines().map(str::trim_start);
    let kept = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    kept.fold(String::with_capacity(script.len()), |text, line| {
        text + line + "\n"
    })
}

fn group(nonce: &str, parts: &[&str]) -> Zeroizing<String> {
    let head = format!("{{\nprintf '%s\\n' '{}'\n", greeting(nonce).trim_end());
    let length: usize = parts.iter().map(|part| part.len() + 1).sum();
    // At full size: there may be secrets in it, and a buffer that grows leaves its old self behind.
    let mut text = Zeroizing::new(String::with_capacity(head.len() + length + 16));
    text.push_str(&head);
    for part in parts {
        text.push_str(part);
        text.push('\n');
    }
    text.push_str("exit\n}\n");
    text
}

/// A function that writes the command's standard input into its file.
fn input(spec: &ExecSpec) -> Result<String, SshError> {
    let Some(input) = &spec.stdin else {
        return Ok("conn_input() { :; }\n".to_owned());
    };
    if input.len() > MAX_INPUT {
        return invalid(format!(
            "A durable command takes at most {MAX_INPUT} bytes of standard input. Push the data as a file."
        ));
    }
    let mut text = "conn_input() {\nwhile IFS= read -r l; do printf %b \"$l\"; done > \"$D/in\" <<'CONN-INPUT'\n".to_owned();
    for line in input.chunks(INPUT_LINE) {
        for &byte in line {
            if byte.is_ascii_alphanumeric() || byte == b' ' {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "\\0{byte:03o}");
            }
        }
        text.push('\n');
    }
    text += "CONN-INPUT\n}\n";
    Ok(text)
}

fn check_name(attempt: &str) -> Result<(), SshError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if attempt.is_empty()
        || attempt.len() > 200
        || attempt.starts_with('.')
        || !attempt.chars().all(good)
    {
        return invalid(format!(
            "{attempt:?} is no name for an attempt. Use letters, digits, '.', '_' and '-'."
        ));
    }
    Ok(())
}

fn invalid<T>(why: String) -> Result<T, SshError> {
    Err(SshError::Invalid { why })
}
