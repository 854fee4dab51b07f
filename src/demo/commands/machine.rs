//! Commands that tell of the machine: name, time, load, disks.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Utc};

use super::user::is_user;
use super::{Call, Ended};
use crate::demo::host::Host;
use crate::demo::roster::{DOMAIN, GROUPS, Quirk};

const KERNEL: &str = "6.1.0-harbour-amd64";
/// Size of the root file system in KiB, for show.
const DISK_KIB: u64 = 41_152_736;
/// The ids of users that are not root.
const FIRST_UID: u32 = 1000;

/// `uptime`
pub async fn uptime(call: &mut Call<'_>) -> Ended {
    let host = &call.shell.host;
    let up = host.uptime();
    let load = load(host);
    let text = format!(
        " {} up {} days, {:>2}:{:02},  0 users,  load average: {:.2}, {:.2}, {:.2}\n",
        host.now().format("%H:%M:%S"),
        up.num_days(),
        up.num_hours() % 24,
        up.num_minutes() % 60,
        load[0],
        load[1],
        load[2],
    );
    call.out(text).await
}

/// Three load averages; those of the odd hosts tell what is odd.
fn load(host: &Host) -> [f64; 3] {
    let base = match host.role().quirk {
        Some(Quirk::Slow(_)) => 31.0,
        Some(Quirk::Floods) => 6.5,
        Some(Quirk::OutOfMemory) => 17.0,
        _ => 0.3,
    };
    ["1", "5", "15"].map(|minutes| {
        let wobble = (host.dice(&format!("load {minutes}")) % 100) as f64 / 100.0;
        base * (0.8 + 0.4 * wobble) + wobble * 0.3
    })
}

/// `hostname [-f|-s|-d|-i]`
pub async fn hostname(call: &mut Call<'_>) -> Ended {
    let (flags, _) = call.flags("fsdiI").await?;
    let host = &call.shell.host;
    let text = match flags.as_str() {
        "f" => host.full_name(),
        "d" => DOMAIN.to_owned(),
        "i" | "I" => host.address().ip().to_string(),
        _ => host.name().to_owned(),
    };
    call.out(text + "\n").await
}

/// `uname [-asnrmo]`
pub async fn uname(call: &mut Call<'_>) -> Ended {
    let (mut flags, _) = call.flags("asnrvmo").await?;
    if flags.contains('a') {
        flags = "snrvmo".into();
    } else if flags.is_empty() {
        flags = "s".into();
    }
    let name = call.shell.host.name().to_owned();
    let parts = [
        ('s', "Linux"),
        ('n', name.as_str()),
        ('r', KERNEL),
        ('v', "#1 SMP PREEMPT_DYNAMIC Harbour 6.1.140-1"),
        ('m', "x86_64"),
        ('o', "GNU/Linux"),
    ];
    let shown: Vec<&str> = parts
        .iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, text)| *text)
        .collect();
    call.out(shown.join(" ") + "\n").await
}

/// `df [-h] [PATH]`
pub async fn df(call: &mut Call<'_>) -> Ended {
    let (flags, _) = call.flags("hPkTli").await?;
    let host = &call.shell.host;
    let percent = match host.role().quirk {
        Some(Quirk::FullDisk) => 97,
        _ => 18 + host.dice("disk") % 40,
    };
    let used = DISK_KIB * percent / 100 + host.files().usage().0 / 1024;
    let free = DISK_KIB - used.min(DISK_KIB);
    let text = if flags.contains('i') {
        let used = 180_000 + host.dice("inodes") % 90_000;
        format!(
            "Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n\
             /dev/vda1      2621440 {used:>6} {:>7} {:>4}% /\n",
            2_621_440 - used,
            used * 100 / 2_621_440 + 1,
        )
    } else if flags.contains('h') {
        let gib = |kib: u64| format!("{:.0}G", kib as f64 / 1_048_576.0);
        format!(
            "Filesystem      Size  Used Avail Use% Mounted on\n\
             /dev/vda1       {:>4}  {:>4}  {:>4}  {percent:>2}% /\n\
             tmpfs           3.9G     0  3.9G   0% /dev/shm\n",
            gib(DISK_KIB),
            gib(used),
            gib(free),
        )
    } else {
        format!(
            "Filesystem     1K-blocks     Used Available Use% Mounted on\n\
             /dev/vda1       {DISK_KIB} {used:>8}  {free:>8}  {percent:>2}% /\n\
             tmpfs            4043216        0   4043216   0% /dev/shm\n"
        )
    };
    call.out(text).await
}

/// `free [-m]`
pub async fn free(call: &mut Call<'_>) -> Ended {
    let (flags, _) = call.flags("mhgk").await?;
    let host = &call.shell.host;
    let total = 7897_u64;
    let used = match host.role().quirk {
        Some(Quirk::OutOfMemory) => 7810,
        _ => 900 + host.dice("memory") % 4000,
    };
    let unit = if flags.is_empty() || flags.contains('k') {
        1024
    } else {
        1
    };
    let row = |numbers: [u64; 6]| {
        numbers.iter().fold(String::new(), |mut row, n| {
            let _ = write!(row, "{:>12}", n * unit);
            row
        })
    };
    let free = total - used;
    let text = format!(
        "               total        used        free      shared  buff/cache   available\n\
         Mem:    {}\nSwap:   {:>12}{:>12}{:>12}\n",
        row([total, used, free / 3, 12, free - free / 3, free]),
        0,
        0,
        0,
    );
    call.out(text).await
}

/// `date [-u] [+FORMAT]`
pub async fn date(call: &mut Call<'_>) -> Ended {
    let now = call.shell.host.now();
    let mut format = "%a %b %e %H:%M:%S UTC %Y".to_owned();
    for arg in call.args {
        match arg.strip_prefix('+') {
            Some(text) => text.clone_into(&mut format),
            None if matches!(arg.as_str(), "-u" | "--utc") => {}
            None if arg.starts_with("-I") => "%Y-%m-%dT%H:%M:%S+00:00".clone_into(&mut format),
            None => return call.unknown_option(arg).await,
        }
    }
    call.out(format_time(now, &format) + "\n").await
}

/// The `date` formats that are safe to hand on; others stay as they are.
fn format_time(now: DateTime<Utc>, format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let _ = match chars.next() {
            Some('s') => write!(out, "{}", now.timestamp()),
            Some('N') => write!(out, "{:09}", now.timestamp_subsec_nanos()),
            Some('y') => write!(out, "{:02}", now.year() % 100),
            Some('Z') => write!(out, "UTC"),
            Some('n') => writeln!(out),
            Some('%') | None => write!(out, "%"),
            Some(c) if "aAbBdeFHIjklmMpSTuYDR".contains(c) => {
                write!(out, "{}", now.format(&format!("%{c}")))
            }
            Some(c) => write!(out, "%{c}"),
        };
    }
    out
}

/// `whoami`, `id [-un] [USER]`, `groups`
pub async fn identity(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("ungG").await?;
    let user = names.first().unwrap_or(&call.shell.user);
    if !is_user(call, user) {
        return Err(call.complain(1, &format!("'{user}': no such user")).await);
    }
    let uid = if user == "root" { 0 } else { FIRST_UID };
    let text = match (call.name.rsplit('/').next(), flags.as_str()) {
        (Some("whoami" | "groups"), _) | (_, "un" | "nu" | "gn" | "ng" | "Gn" | "nG") => {
            user.clone()
        }
        (_, "u" | "g" | "G") => uid.to_string(),
        _ => format!("uid={uid}({user}) gid={uid}({user}) groups={uid}({user})"),
    };
    call.out(text + "\n").await
}

/// `nproc`
pub async fn nproc(call: &mut Call<'_>) -> Ended {
    call.out("4\n").await
}

/// `ip`: one address, whatever is asked.
pub async fn ip(call: &mut Call<'_>) -> Ended {
    let ip = call.shell.host.address().ip();
    call.out(format!("1: lo    inet {ip}/8 scope host lo\n"))
        .await
}

/// `getent hosts|passwd NAME`
pub async fn getent(call: &mut Call<'_>) -> Ended {
    let [database, name] = call.args else {
        return Err(call.complain(1, "usage: getent hosts|passwd NAME").await);
    };
    let found = match database.as_str() {
        "passwd" => {
            let files = call.shell.host.files();
            let passwd =
                String::from_utf8_lossy(files.read("/etc/passwd").unwrap_or_default()).into_owned();
            passwd
                .lines()
                .find(|line| line.split(':').next() == Some(name))
                .map(|line| format!("{line}\n"))
        }
        "hosts"
            if GROUPS.iter().any(|(group, _)| name.starts_with(group))
                && name == call.shell.host.name() =>
        {
            Some(format!("{} {name}\n", call.shell.host.address().ip()))
        }
        _ => None,
    };
    match found {
        Some(text) => call.out(text).await,
        None => Err(2),
    }
}
