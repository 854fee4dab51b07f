//! Unix accounts of this machine, for one engine that several people use.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The account of the shared engine.
pub const ENGINE: &str = "conn-t-engine";
/// The Unix group of those who are let in.
pub const GROUP: &str = "conn-t-oncall";
/// The Unix group of those of them who lead.
pub const LEADS: &str = "conn-t-leads";
/// People in the first of these groups, and one who is not. Lee leads.
pub const KIM: &str = "conn-t-kim";
pub const LEE: &str = "conn-t-lee";
pub const VIC: &str = "conn-t-vic";
pub const MAX: &str = "conn-t-max";

/// Makes the accounts. They stay: tests of several processes share them.
pub fn make_accounts() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        root_sh(&format!(
            "exec 9>/tmp/conn-test-users.lock; flock 9
             for group in {GROUP} {LEADS}; do
                 getent group $group >/dev/null || groupadd $group
             done
             for name in {ENGINE} {KIM} {LEE} {VIC} {MAX}; do
                 getent passwd $name >/dev/null || useradd --no-create-home --shell /bin/sh $name
             done
             for name in {ENGINE} {KIM} {LEE} {VIC}; do usermod -a -G {GROUP} $name; done
             usermod -a -G {LEADS} {LEE}"
        ));
    });
}

/// A command as somebody, with their groups and nothing of this process's environment.
pub fn as_user<S: AsRef<OsStr>>(
    name: &str,
    program: &Path,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", name, "--regid", name, "--init-groups", "--"])
        .arg(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("HOME", "/nonexistent")
        .env("LANG", "C.UTF-8")
        .current_dir("/");
    command
}

/// Gives files and directories, and all below them, to somebody.
pub fn give(path: &Path, name: &str) {
    root_sh(&format!("chown -R {name}:{name} {}", path.display()));
}

fn root_sh(script: &str) {
    let output = Command::new("bash").args(["-euc", script]).output();
    let output = output.expect("bash must be installed");
    assert!(
        output.status.success(),
        "these tests need root: {script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
