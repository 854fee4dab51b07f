//! The shell that `conn demo` leaves open, in the shells that people have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails its test"
)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use theconn::demo::script::shell_plan;

/// What the shell says to `typed`, with a `conn` in its path that says its home.
fn conversation(shell: &str, typed: &str) -> String {
    let dir = tempfile::Builder::new()
        .prefix("it's a demo")
        .tempdir()
        .unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let conn = bin.join("conn");
    std::fs::write(&conn, "#!/bin/sh\necho \"conn at $CONN_HOME\"\n").unwrap();
    std::fs::set_permissions(&conn, std::fs::Permissions::from_mode(0o755)).unwrap();
    let plan = shell_plan(Some(shell), dir.path(), &bin, "/usr/bin:/bin");
    for (path, text) in &plan.files {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let home = dir.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join(".bashrc"), "PS1=mine; CONN_HOME=lost; OWN=kept\n").unwrap();
    let mut child = Command::new(&plan.program)
        .args(&plan.args)
        .env("HOME", &home)
        .envs(plan.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {shell} ({error}): apt-get install it"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(typed.as_bytes())
        .unwrap();
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(Path::new(&plan.program).is_absolute());
    assert!(
        text.contains(&format!("conn at {}\n", dir.path().display())),
        "{shell}: {text} {}",
        String::from_utf8_lossy(&out.stderr)
    );
    text
}

#[test]
fn conn_just_works_in_every_shell() {
    for shell in ["/bin/dash", "/usr/bin/fish", "/usr/bin/tcsh", "/bin/bash"] {
        conversation(shell, "conn\nexit\n");
    }
}

#[test]
fn the_prompt_is_the_demos_and_the_rest_is_the_persons_own() {
    assert!(
        conversation("/bin/bash", "conn; echo \"<$PS1$OWN>\"\n").contains("<conn demo $ kept>")
    );
    assert!(conversation("/bin/dash", "conn; echo \"<$PS1>\"\n").contains("<conn demo $ >"));
    assert!(conversation("/usr/bin/fish", "conn; fish_prompt\n").contains("conn demo $ "));
}

#[test]
fn no_shell_or_a_strange_one_is_sh() {
    for shell in [None, Some("bash"), Some("")] {
        let plan = shell_plan(shell, Path::new("/d"), Path::new("/b"), "/bin");
        assert_eq!(plan.program, Path::new("/bin/sh"));
    }
}
