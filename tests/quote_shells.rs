//! Quoting against the shells themselves: `sh`, `dash`, `bash` and `busybox sh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use theconn::run::quote::sh_quote;

const SHELLS: [&[&str]; 5] = [
    &["sh"],
    &["dash"],
    &["bash"],
    &["bash", "--posix"],
    &["busybox", "sh"],
];

/// What the shell prints for a script that comes on its standard input.
fn run(shell: &[&str], script: &str) -> Vec<u8> {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{} is needed for this test: {why}", shell[0]));
    let mut stdin = child.stdin.take().unwrap();
    let script = script.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && told.is_empty(),
        "{shell:?}: {told}"
    );
    output.stdout
}

fn any_value() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(
        &[
            "'",
            "\"",
            "\\",
            "$(reboot)",
            "`id`",
            "${HOME}",
            "$'x'",
            "\n",
            "\r\n",
            "\t",
            " ",
            "-n",
            "--",
            "-rf",
            "~",
            "~root",
            "*",
            "?",
            "[a]",
            "{a,b}",
            "!",
            "!!",
            "#",
            ";",
            "&",
            "|",
            "<",
            ">",
            "2",
            "A=b",
            "if",
            "done",
            "in",
            "\u{7f}",
            "\x1b[2J",
            "é",
            "漢字",
            "\u{202e}",
            "",
            "\\\n",
            "'\\''",
            "%s",
            "\\0",
            "x",
            "/tmp/y",
            "\u{1}",
        ][..],
    );
    let piece = prop_oneof![
        3 => nasty.prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z0-9._/-]{1,8}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().replace('\0', "0"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// As arguments, inside of words, in assignments, and right before a redirection.
    #[test]
    fn every_shell_gives_back_the_value_as_one_word(
        values in prop::collection::vec(any_value(), 1..40)
    ) {
        let mut script = String::from("say() { printf '%s\\0' \"$#\" \"$@\"; }\n");
        let mut expected = Vec::new();
        for value in &values {
            let word = sh_quote(value).unwrap();
            writeln!(script, "say {word}\nsay a{word}b\nv={word}; say \"$v\"\nsay {word}>&1").unwrap();
            for shape in [value.clone(), format!("a{value}b"), value.clone(), value.clone()] {
                expected.extend_from_slice(b"1\0");
                expected.extend_from_slice(shape.as_bytes());
                expected.push(0);
            }
        }
        for shell in SHELLS {
            let told = run(shell, &script);
            prop_assert!(told == expected, "{:?} of {:?}: {:?}", shell, values,
                String::from_utf8_lossy(&told));
        }
    }
}

#[test]
fn a_value_where_a_command_stands_is_looked_for_as_a_command() {
    for word in ["if", "done", "A=b", "{", "!", "2", "in", "time", "while"] {
        let quoted = sh_quote(word).unwrap();
        for shell in SHELLS {
            let script = format!("{quoted} x 2>/dev/null || echo \"$?\"\n");
            assert_eq!(run(shell, &script), b"127\n", "{word} in {shell:?}");
        }
    }
}
