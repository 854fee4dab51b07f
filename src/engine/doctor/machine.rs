//! Limits, clock and zones of this machine.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::{ok, warn};
use crate::wire::view::Finding;

/// Descriptors that are needed besides one a connection.
const SPARE_FILES: u64 = 256;
/// Connections a bastion should be able to hold.
const WANTED_FILES: u64 = 4096;

/// Bytes of a page on the systems this is built for.
const PAGE: u64 = 4096;

/// Resident memory of this process in bytes; 0 where the system does not say.
pub fn resident_bytes() -> u64 {
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * PAGE)
}

/// The limit of open files against the connections that are held.
pub fn open_files(held: usize) -> Finding {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let found = format!("{limit} open files, {held} connections held");
    if limit < WANTED_FILES.max(held as u64 + SPARE_FILES) {
        return warn(
            "limits",
            found,
            "raise it: ulimit -Hn 65536, or LimitNOFILE in the systemd unit",
        );
    }
    ok("limits", found)
}

/// Whether something keeps the clock right.
pub fn clock() -> Finding {
    let signs = [
        ("/run/systemd/timesync/synchronized", "systemd-timesyncd"),
        ("/run/chrony/chronyd.pid", "chrony"),
        ("/run/chronyd.pid", "chrony"),
        ("/run/ntpd.pid", "ntpd"),
    ];
    match signs.iter().find(|(path, _)| Path::new(path).exists()) {
        Some((_, keeper)) => ok("clock", format!("kept by {keeper}")),
        None => warn(
            "clock",
            "nothing that keeps the clock right was found",
            "run chrony or systemd-timesyncd; schedules follow this clock",
        ),
    }
}

/// Whether the system knows time zones, and of which release.
pub fn zones() -> Finding {
    let release = std::fs::read_to_string("/usr/share/zoneinfo/tzdata.zi")
        .ok()
        .and_then(|text| {
            let first = text.lines().next()?;
            first.strip_prefix("# version ").map(str::to_owned)
        });
    match release {
        Some(release) => ok("zones", format!("tzdata {release}")),
        None if Path::new("/usr/share/zoneinfo/UTC").exists() => {
            ok("zones", "tzdata of an unknown release".to_owned())
        }
        None => warn(
            "zones",
            "no time zones on this system",
            "install tzdata; until then all times are UTC",
        ),
    }
}
