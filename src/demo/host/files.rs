//! What is on the disk of a demo host when the demo starts.

use std::fmt::Write as _;

use chrono::{SecondsFormat, TimeDelta};

use super::Host;
use crate::demo::roster::{Quirk, Role};
use crate::demo::vfs::{Author, FsError, Vfs, Write};

const DIRECTORIES: [&str; 12] = [
    "/bin",
    "/etc/systemd/system",
    "/home/ops",
    "/opt/app",
    "/proc/sys/kernel/random",
    "/root",
    "/run",
    "/srv",
    "/usr/bin",
    "/usr/local/bin",
    "/var/log/app",
    "/var/tmp",
];

const OS_RELEASE: &str = "\
PRETTY_NAME=\"Harbour Linux 12 (breakwater)\"
NAME=\"Harbour Linux\"
VERSION_ID=\"12\"
VERSION=\"12 (breakwater)\"
VERSION_CODENAME=breakwater
ID=harbour
ID_LIKE=debian
HOME_URL=\"https://harbour.example/\"
";

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
app:x:990:990:the service:/opt/app:/usr/sbin/nologin
hbase:x:991:991:HBase:/var/lib/pretend-hbase:/bin/sh
galaxy:x:992:992:Galaxy:/var/lib/pretend-galaxy:/bin/sh
ops:x:1000:1000:on call:/home/ops:/bin/sh
";

const UNIT: &str = "\
[Unit]
Description=The application
After=network-online.target

[Service]
User=app
ExecStart=/opt/app/app --config /etc/app.conf
Restart=on-failure

[Install]
WantedBy=multi-user.target
";

/// Puts a new host's files on its disk.
pub fn furnish(host: &Host) {
    let by = Author::new("root", (host.now() - TimeDelta::days(9)).timestamp());
    // They fit on every disk, as a test holds; a host with fewer files would still be a host.
    let _ = lay(host, &mut host.files(), &by);
}

fn lay(host: &Host, files: &mut Vfs, by: &Author) -> Result<(), FsError> {
    for path in DIRECTORIES {
        files.make_directories(path, by)?;
    }
    files.make_directory("/tmp", by)?;
    files.change("/tmp", |node| node.mode = 0o1777)?;
    files.change("/home/ops", |node| node.owner = "ops".into())?;
    let mut put = |path: &str, text: &str| files.write(path, text.as_bytes(), Write::Replace, by);
    put("/etc/hostname", &format!("{}\n", host.name()))?;
    put("/etc/os-release", OS_RELEASE)?;
    put("/etc/passwd", PASSWD)?;
    put(
        "/etc/machine-id",
        &format!("{:016x}{:016x}\n", host.dice("machine"), host.dice("id")),
    )?;
    put(
        "/etc/motd",
        &format!(
            "This is {}, which exists only in this demo.\n",
            host.full_name()
        ),
    )?;
    put("/etc/systemd/system/app.service", UNIT)?;
    put("/etc/app.conf", &app_conf(host.role()))?;
    put(
        "/proc/mounts",
        "/dev/vda1 / ext4 rw,relatime 0 0\ntmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n",
    )?;
    put(
        "/proc/sys/kernel/random/boot_id",
        &format!("{}\n", host.boot_id()),
    )?;
    put("/var/log/app/app.log", &log_lines(host, 40).concat())?;
    put("/opt/app/VERSION", &format!("{}\n", version(host.role())))?;
    if host.role().quirk == Some(Quirk::Broken) {
        files.make_directories("/var/lib/pretend-hbase", by)?;
        let why = b"the data disk is read-only\n";
        files.write("/var/lib/pretend-hbase/broken", why, Write::Replace, by)?;
    }
    Ok(())
}

/// The version of the service that runs on a host.
pub fn version(role: &Role) -> &'static str {
    if role.quirk == Some(Quirk::OldConfig) {
        "4.1.9"
    } else {
        "4.2.0"
    }
}

fn app_conf(role: &Role) -> String {
    let (pool, timeout) = match role.quirk {
        Some(Quirk::OldConfig) => (8, 30),
        _ => (64, 5),
    };
    let port = match role.group {
        "db" => 5432,
        "cache" => 6379,
        _ => 8080,
    };
    format!(
        "# /etc/app.conf: laid by the release, do not edit here\n\
         [app]\nrole = {}\nversion = {}\nlisten = 0.0.0.0:{port}\n\n\
         [pool]\nsize = {pool}\ntimeout_seconds = {timeout}\n\n\
         [log]\nlevel = info\n",
        role.group,
        version(role),
    )
}

/// The last `count` lines of the service's log, oldest first, one every few seconds.
pub fn log_lines(host: &Host, count: usize) -> Vec<String> {
    let now = host.now();
    (0..count)
        .map(|i| {
            let number = count - i;
            let at = now - TimeDelta::seconds(7 * i64::try_from(number).unwrap_or(i64::MAX / 8));
            let stamp = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            format!("{stamp} {}\n", log_text(host, number))
        })
        .collect()
}

/// What the service has to say in line `number`.
pub fn log_text(host: &Host, number: usize) -> String {
    let roll = host.dice(&format!("log {number}"));
    let millis = 2 + roll % 90;
    match host.role().quirk {
        Some(Quirk::Escapes) if number % 3 == 1 => hostile_line(number).to_owned(),
        Some(Quirk::Failed) => {
            "ERROR cannot open /var/lib/app/lock: Permission denied; giving up".to_owned()
        }
        Some(Quirk::FullDisk) if number < 6 => {
            "WARN  cannot rotate the log: No space left on device".to_owned()
        }
        _ => {
            let mut text = String::new();
            let path = ["/", "/cart", "/search", "/health", "/login"][(roll >> 8) as usize % 5];
            let _ = write!(
                text,
                "INFO  request={:08x} path={path} status=200 took={millis}ms",
                roll >> 32
            );
            text
        }
    }
}

/// Lines that would change the terminal of whoever prints them raw: title, screen, colour,
/// cursor, direction of writing, a link, a faked prompt.
fn hostile_line(number: usize) -> &'static str {
    match number / 3 % 6 {
        0 => "INFO  \x1b]0;root@localhost: all is well\x07user agent set the title of your window",
        1 => "WARN  \x1b[2J\x1b[H\x1b[31mthe screen is mine\x1b[0m \x1b[5mblink\x1b[0m",
        2 => "INFO  upload name=\u{202e}gpj.exe\u{202c} accepted\u{200b}",
        3 => "INFO  \x1b[1A\x1b[2K\x1b[32mOK\x1b[0m this line hides the one above",
        4 => "INFO  see \x1b]8;;http://harbour.example/\x1b\\the runbook\x1b]8;;\x1b\\ \x1b[?1049h",
        _ => "INFO  progress 10 %\rINFO  progress 99 %\x08\x08\x08\x08100 %\x07",
    }
}
