//! Whether the login manager ends the engine when its user logs out.

use std::path::{Path, PathBuf};

use super::{ok, warn};
use crate::wire::view::Finding;

const WHAT: &str = "login manager";

/// Looks at systemd-logind's `KillUserProcesses` and at linger.
pub fn kill_at_logout() -> Finding {
    if !Path::new("/run/systemd/system").exists() {
        return ok(
            WHAT,
            "no systemd-logind: nothing ends user processes".to_owned(),
        );
    }
    if in_system_service() {
        return ok(WHAT, "the engine runs as a service of its own".to_owned());
    }
    if !kills() {
        return ok(WHAT, "user processes stay after logout".to_owned());
    }
    let user = crate::engine::people::own_name();
    if Path::new("/var/lib/systemd/linger").join(&user).exists() {
        return ok(WHAT, format!("kills at logout, but {user} lingers"));
    }
    warn(
        WHAT,
        "KillUserProcesses=yes: the engine ends with your last login",
        "run: loginctl enable-linger, or use the systemd units in config/systemd",
    )
}

fn in_system_service() -> bool {
    std::fs::read_to_string("/proc/self/cgroup")
        .is_ok_and(|text| text.contains("/system.slice/") || text.contains("/app.slice/"))
}

/// The last value wins, drop-ins after the main file, as systemd reads them.
fn kills() -> bool {
    let mut files = vec![PathBuf::from("/etc/systemd/logind.conf")];
    for folder in [
        "/usr/lib/systemd/logind.conf.d",
        "/etc/systemd/logind.conf.d",
    ] {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        found.sort();
        files.extend(found);
    }
    files
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .filter_map(|text| kill_setting(&text))
        .next_back()
        .unwrap_or(false)
}

fn kill_setting(text: &str) -> Option<bool> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("KillUserProcesses="))
        .map(|value| matches!(value.trim(), "yes" | "true" | "1" | "on"))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_counts_and_comments_do_not() {
        assert_eq!(kill_setting("[Login]\n#KillUserProcesses=yes\n"), None);
        assert_eq!(
            kill_setting("KillUserProcesses=no\nKillUserProcesses=yes\n"),
            Some(true)
        );
    }
}
