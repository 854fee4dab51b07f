//! What kind of filesystem a directory is on: the store's promises need a local one.

use std::path::Path;

/// What a filesystem means for state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// On this machine, or nothing else is known.
    Local,
    /// Served by a hypervisor or host: synced data is only as safe as that makes it.
    Doubtful(String),
    /// Served over a network.
    Network(String),
}

/// The filesystem of a path, or of the nearest directory above it that is there.
pub fn of(path: &Path) -> Kind {
    let there = path.ancestors().find(|ancestor| ancestor.exists());
    there.map_or(Kind::Local, of_existing)
}

#[cfg(target_os = "linux")]
fn of_existing(path: &Path) -> Kind {
    let Ok(found) = rustix::fs::statfs(path) else {
        return Kind::Local;
    };
    // Magic numbers have 32 bits, whatever the width and sign of the field.
    let magic = u32::try_from(i128::from(found.f_type) & 0xffff_ffff).unwrap_or(0);
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let device = rustix::fs::stat(path).ok().map(|stat| {
        let number = stat.st_dev;
        format!(
            "{}:{}",
            rustix::fs::major(number),
            rustix::fs::minor(number)
        )
    });
    let name = device.and_then(|device| type_of_device(&mounts, &device));
    classify(magic, name.as_deref())
}

#[cfg(not(target_os = "linux"))]
fn of_existing(_path: &Path) -> Kind {
    Kind::Local
}

/// The filesystem type that `/proc/self/mountinfo` names for a device (`major:minor`).
fn type_of_device(mounts: &str, device: &str) -> Option<String> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        (left.split(' ').nth(2)? == device).then(|| right.split(' ').next().map(str::to_owned))?
    })
}

/// Magic numbers of network filesystems, from statfs(2).
const NETWORK: [(u32, &str); 14] = [
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd3, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x7461_636f, "ocfs2"),
    (0x0116_1970, "gfs2"),
    (0x1983_0326, "fhgfs"),
];

const FUSE: u32 = 0x6573_5546;
const PLAN9: u32 = 0x0102_1997;

/// FUSE filesystems that are known to be on this machine; all others may be anywhere.
const LOCAL_FUSE: [&str; 8] = [
    "fuseblk",
    "fuse.fuse-overlayfs",
    "fuse.gocryptfs",
    "fuse.encfs",
    "fuse.bindfs",
    "fuse.mergerfs",
    "fuse.ntfs-3g",
    "fuse.lxcfs",
];

fn classify(magic: u32, name: Option<&str>) -> Kind {
    if let Some((_, network)) = NETWORK.iter().find(|(number, _)| *number == magic) {
        return Kind::Network(name.unwrap_or(network).to_owned());
    }
    match (magic, name) {
        (PLAN9, _) => Kind::Doubtful("9p".to_owned()),
        (FUSE, Some("virtiofs")) => Kind::Doubtful("virtiofs".to_owned()),
        (FUSE, Some(name)) if LOCAL_FUSE.contains(&name) => Kind::Local,
        (FUSE, name) => Kind::Network(name.unwrap_or("fuse").to_owned()),
        _ => Kind::Local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 27 0:21 / /proc rw - proc proc rw\n\
        27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        31 27 0:55 / /mnt/a\\040b rw - fuse.sshfs kim@host:/ rw\n";

    #[test]
    fn the_type_of_a_mount_is_found_by_its_device() {
        assert_eq!(
            type_of_device(MOUNTS, "0:55").as_deref(),
            Some("fuse.sshfs")
        );
        assert_eq!(type_of_device(MOUNTS, "254:0").as_deref(), Some("ext4"));
        assert_eq!(type_of_device(MOUNTS, "9:9"), None);
    }

    #[test]
    fn network_filesystems_are_told_from_local_ones() {
        assert_eq!(classify(0x6969, Some("nfs4")), Kind::Network("nfs4".into()));
        assert_eq!(classify(0xff53_4d42, None), Kind::Network("cifs".into()));
        assert_eq!(
            classify(FUSE, Some("fuse.sshfs")),
            Kind::Network("fuse.sshfs".into())
        );
        assert_eq!(classify(FUSE, None), Kind::Network("fuse".into()));
        assert_eq!(classify(FUSE, Some("fuseblk")), Kind::Local);
        assert_eq!(classify(PLAN9, Some("9p")), Kind::Doubtful("9p".into()));
        assert_eq!(classify(0xef53, Some("ext4")), Kind::Local);
        assert_eq!(classify(0x0102_1994, Some("tmpfs")), Kind::Local);
    }

    #[test]
    fn a_path_that_is_not_there_yet_counts_as_the_directory_above_it() {
        let shm = Path::new("/dev/shm");
        assert_eq!(of(&shm.join("not/there/yet")), of(shm));
    }
}
