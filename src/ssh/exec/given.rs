//! Secrets on their way to a command: on standard input, before the command's own.
//!
//! Other users of a host see the arguments of every process, and `sudo` writes them to its log. So
//! the script holds the names of variables only and reads the values with what every shell has built
//! in; a secret is in the memory of shells and in pipes, and in no file.

use std::fmt::Write as _;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::super::error::SshError;
use super::super::spec::ExecSpec;
use super::script::{check_name, quoted};

/// The line that stands before the secrets, whatever a login shell's start-up files took of it.
fn mark(nonce: &str) -> String {
    format!("conn-secrets:{nonce}")
}

/// Shell text that reads the secrets into their variables; empty where there is none.
pub(super) fn reading(spec: &ExecSpec, nonce: &str) -> Result<String, SshError> {
    if spec.secrets.is_empty() {
        return Ok(String::new());
    }
    let mut text = format!(
        "conn_none() {{ echo 'conn: the secrets of this command did not arrive; it was not started' >&2; exit {NONE}; }}\n\
         IFS= read -r conn_l && [ \"$conn_l\" = '{}' ] || conn_none\n",
        mark(nonce)
    );
    for (name, _) in &spec.secrets {
        check_name(name)?;
        let _ = write!(
            text,
            "IFS= read -r conn_n || conn_none\nconn_v=\n\
             while [ \"$conn_n\" -gt 1 ]; do IFS= read -r conn_l || conn_none\nconn_v=$conn_v$conn_l'\n'\n\
             conn_n=$((conn_n - 1)); done\n\
             IFS= read -r conn_l || conn_none\n{name}=$conn_v$conn_l\nexport {name}\n"
        );
    }
    text += "unset conn_l conn_n conn_v\n";
    Ok(text)
}

/// What [`reading`] reads.
pub(super) fn sent(spec: &ExecSpec, nonce: &str) -> Result<Option<Bytes>, SshError> {
    if spec.secrets.is_empty() {
        return Ok(None);
    }
    let parts = parts(spec, nonce)?;
    let length = parts.iter().map(|part| part.len() + 1).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(length));
    for part in &parts {
        text.extend_from_slice(part.as_bytes());
        text.push(b'\n');
    }
    Ok(Some(Bytes::from_owner(text)))
}

/// A shell function that writes the same.
pub(crate) fn feeding(spec: &ExecSpec, nonce: &str) -> Result<Zeroizing<String>, SshError> {
    if spec.secrets.is_empty() {
        return Ok(Zeroizing::new("S=\n".to_owned()));
    }
    let parts = parts(spec, nonce)?;
    // Quotes make it longer; a buffer that grows leaves its old self in memory.
    let most: usize = parts.iter().map(|part| 4 * part.len() + 3).sum();
    let mut text = Zeroizing::new(String::with_capacity(most + 64));
    text.push_str("S=1\nconn_feed() { printf '%s\\n'");
    for part in &parts {
        text.push(' ');
        text.push_str(&Zeroizing::new(quoted(part)?.into_owned()));
    }
    text.push_str("; }\n");
    Ok(text)
}

/// The mark; then, of each secret, the number of its lines and itself.
fn parts(spec: &ExecSpec, nonce: &str) -> Result<Vec<Zeroizing<String>>, SshError> {
    let mut parts = vec![Zeroizing::new(mark(nonce))];
    for (name, secret) in &spec.secrets {
        let text = secret.text();
        if text.contains('\0') {
            return Err(SshError::Invalid {
                why: format!(
                    "The secret for {name} has a NUL character in it, which no variable can hold."
                ),
            });
        }
        parts.push(Zeroizing::new(text.split('\n').count().to_string()));
        parts.push(Zeroizing::new(text.to_owned()));
    }
    Ok(parts)
}

/// The exit status of a command whose secrets did not come.
const NONE: u32 = 126;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;
    use crate::run::secret::Secret;
    use crate::ssh::exec::script;
    use crate::ssh::{ExecSpec, Interpreter};

    const SHELLS: [&str; 3] = ["dash", "bash", "busybox sh"];

    fn spec(secrets: &[(&str, &str)], stdin: Option<&'static [u8]>) -> ExecSpec {
        ExecSpec {
            command: "printf '<%s>' \"$ONE\" \"$TWO\"; cat".into(),
            interpreter: Interpreter::PosixShell,
            secrets: secrets
                .iter()
                .map(|(name, text)| ((*name).to_owned(), Secret::new(name, text)))
                .collect(),
            stdin: stdin.map(Bytes::from_static),
            ..ExecSpec::default()
        }
    }

    /// Runs the script of a plain command as its host would; standard input is what is sent.
    fn run(shell: &str, script: &str, input: &[u8]) -> (Vec<u8>, Option<i32>) {
        let mut words = shell.split(' ');
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(input);
        drop(stdin);
        let out = child.wait_with_output().unwrap();
        (out.stdout, out.status.code())
    }

    #[test]
    fn a_script_that_is_given_secrets_does_not_hold_them() {
        let spec = spec(&[("ONE", "hunter22"), ("TWO", "it's\nso")], None);
        for script in [
            script::plain(&spec, "n").unwrap(),
            script::durable(&spec, "n").unwrap(),
        ] {
            assert!(
                !script.contains("hunter22") && !script.contains("it's"),
                "{script}"
            );
        }
        assert!(!format!("{spec:?}").contains("hunter22"));
    }

    #[test]
    fn without_its_secrets_a_command_does_not_start() {
        let spec = spec(&[("ONE", "hunter22"), ("TWO", "a\nb\n")], None);
        let script = script::plain(&spec, "n").unwrap();
        let sent = sent(&spec, "n").unwrap().unwrap();
        for shell in SHELLS {
            assert_eq!(
                run(shell, &script, &sent),
                (b"<hunter22><a\nb\n>".to_vec(), Some(0))
            );
            for cut in 0..sent.len() {
                assert_eq!(
                    run(shell, &script, &sent[..cut]),
                    (vec![], Some(126)),
                    "{shell} {cut}"
                );
            }
            let other = sent_of_another(&spec);
            assert_eq!(run(shell, &script, &other), (vec![], Some(126)));
        }
    }

    fn sent_of_another(spec: &ExecSpec) -> Bytes {
        sent(spec, "m").unwrap().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_secret_of_any_text_arrives_as_data_and_the_input_behind_it(
            one in "(\\PC|[\n\t\r'\"$`\\\\!;&|()\u{1}-\u{8}\u{80}-\u{9f}]|\\$\\(touch x\\)){6,40}",
            two in "[ -~\n]{6,20}",
        ) {
            let spec = spec(&[("ONE", &one), ("TWO", &two)], Some(b"in\0put\n"));
            let script = script::plain(&spec, "n").unwrap();
            let mut input = sent(&spec, "n").unwrap().unwrap().to_vec();
            input.extend_from_slice(b"in\0put\n");
            let expected = [b"<", one.as_bytes(), b"><", two.as_bytes(), b">in\0put\n"].concat();
            for shell in SHELLS {
                prop_assert_eq!(&run(shell, &script, &input), &(expected.clone(), Some(0)), "{}", shell);
            }
        }
    }

    #[test]
    fn a_nul_character_is_refused() {
        let spec = spec(&[("ONE", "hun\0ter22")], None);
        assert!(sent(&spec, "n").is_err() && feeding(&spec, "n").is_err());
    }
}
