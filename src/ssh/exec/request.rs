//! One line that every login shell reads the same.
//!
//! sshd hands a request to the user's login shell. What stands between single quotes here are
//! letters, digits and signs that POSIX shells, csh, tcsh and fish all leave alone; every other
//! byte is an octal escape that `printf` of the `/bin/sh` behind it undoes.

use super::super::error::SshError;

/// Longest line that is sent: Linux takes 128 KiB in one argument, SSH servers less.
const MAX_LINE: usize = 100_000;

const HEAD: &str = "exec /bin/sh -c 'eval \"$(printf %b \"$1\")\"' conn '";

/// The line that has `/bin/sh` run a script.
pub(crate) fn line(script: &str) -> Result<String, SshError> {
    let mut line = String::with_capacity(HEAD.len() + script.len() + script.len() / 4);
    line.push_str(HEAD);
    for byte in script.trim_end().bytes() {
        encode(byte, &mut line);
    }
    line.push('\'');
    if line.len() > MAX_LINE {
        return Err(SshError::Invalid {
            why: format!(
                "The command is too long for a request ({} bytes, at most {MAX_LINE}). Push it as a file and run that.",
                line.len()
            ),
        });
    }
    Ok(line)
}

fn encode(byte: u8, line: &mut String) {
    if byte.is_ascii_alphanumeric() || b" _-+=:,./@\"$();&|<>*?[]{}#~".contains(&byte) {
        line.push(char::from(byte));
    } else {
        line.push_str("\\0");
        for shift in [6, 3, 0] {
            line.push(char::from(b'0' + (byte >> shift & 7)));
        }
    }
}

/// The script in a line that [`line`] made.
pub(crate) fn script_of(line: &str) -> Option<String> {
    let encoded = line.strip_prefix(HEAD)?.strip_suffix('\'')?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'\\' {
            let digits = std::str::from_utf8(tail.get(..4)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 8).ok()?);
            rest = tail.get(4..)?;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const NASTY: &str = "printf '%s|' 'a!b' \"c'd\" 'e\\f' '\n' 'é%d' '`x`' '$HOME' '^g' '~h'";

    #[test]
    fn every_login_shell_reads_the_line_the_same() {
        let expected = Command::new("sh")
            .arg("-c")
            .arg(NASTY)
            .output()
            .unwrap()
            .stdout;
        let line = line(NASTY).unwrap();
        for shell in ["sh", "dash", "bash", "busybox sh", "tcsh", "csh", "fish"] {
            let mut words = shell.split(' ');
            let mut command = Command::new(words.next().unwrap());
            command.args(words).arg("-c").arg(&line);
            let out = command
                .output()
                .unwrap_or_else(|why| panic!("{shell} must be installed: {why}"));
            assert_eq!(
                out.stdout,
                expected,
                "{shell}: {}",
                String::from_utf8_lossy(&out.stderr)
            );
        }
    }

    #[test]
    fn a_line_gives_its_script_back() {
        assert_eq!(script_of(&line(NASTY).unwrap()).as_deref(), Some(NASTY));
        for not_ours in [
            "uptime",
            "exec /bin/sh -c 'x'",
            &format!("{HEAD}\\09'"),
            &format!("{HEAD}\\0777'"),
        ] {
            assert_eq!(script_of(not_ours), None, "{not_ours}");
        }
    }

    #[test]
    fn what_is_too_long_for_a_request_is_refused_in_words() {
        assert!(
            line(&"x".repeat(MAX_LINE))
                .unwrap_err()
                .to_string()
                .contains("Push")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_script_comes_back_and_no_line_makes_a_panic(script in "\\PC{0,80}[!-~]", noise in "[ -~é]{0,60}") {
            proptest::prop_assert_eq!(script_of(&line(&script).unwrap()), Some(script));
            let _ = script_of(&format!("{HEAD}{noise}'"));
        }
    }
}
