//! From a host's answer to facts.

use serde::{Deserialize, Serialize};

use crate::run::neutral::{Policy, neutral};

/// Bytes of an answer that are read.
const MOST_BYTES: usize = 256 << 10;
/// File systems of one host that are kept.
const MOST_MOUNTS: usize = 64;
/// Characters of a name or sentence that are kept.
const MOST_TEXT: usize = 400;

/// Where `df` is asked about; what else it tells is left out.
const PLACES: [&str; 4] = ["/", "/var", "/tmp", "/home"];

/// File systems that hold somebody's data, where read-only is worth a word.
const DATA: [&str; 15] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "jfs", "reiserfs", "nilfs2", "bcachefs",
    "ocfs2", "gfs2", "nfs", "nfs4",
];

/// A piece of an answer and when it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Unix milliseconds, by the engine's clock.
    pub at_ms: i64,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// How full a file system is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Where it is mounted.
    pub mount: String,
    /// How much is used, of what an ordinary user may use.
    pub used_percent: u8,
    /// How much is left: KiB, or inodes.
    pub free: u64,
}

/// What became of becoming another user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAsFact {
    /// The user.
    pub user: String,
    /// Whether it worked.
    pub ok: bool,
    /// What the host said when it did not.
    #[serde(default)]
    pub why: Option<String>,
}

/// What a host said of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Who we are there.
    pub user: Option<String>,
    /// Seconds that its clock is ahead of the engine's; negative: behind.
    pub clock_skew_s: Option<f64>,
    /// Space on its file systems.
    pub disks: Vec<Space>,
    /// Inodes of its file systems.
    pub inodes: Vec<Space>,
    /// Data file systems that are mounted read-only.
    pub read_only: Vec<String>,
    /// Whether the host said what is mounted.
    pub mounts_known: bool,
    /// Whether root is one `sudo -n` away.
    pub sudo: Option<bool>,
    /// What became of `--run-as`.
    pub run_as: Option<RunAsFact>,
    /// Whether the answer came to its end.
    pub complete: bool,
}

impl Facts {
    /// Reads an answer. Never fails: what is not understood is no fact.
    pub fn read<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Self {
        let mut facts = Self::default();
        let mut section = String::new();
        for (at_ms, line) in lines(pieces) {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                name.clone_into(&mut section);
                facts.complete |= name == "end";
            } else {
                facts.line(&section, &line, at_ms);
            }
        }
        facts
    }

    fn line(&mut self, section: &str, line: &str, at_ms: i64) {
        match section {
            "clock" => self.clock_skew_s = self.clock_skew_s.or_else(|| skew(line, at_ms)),
            "user" if self.user.is_none() => self.user = Some(short(line)),
            "disk" => keep(&mut self.disks, space(line)),
            "inodes" => keep(&mut self.inodes, space(line)),
            "mounts" => self.mount(line),
            "sudo" => self.sudo = Some(line == "yes"),
            _ => {}
        }
    }

    /// A line of `/proc/mounts`: source, place, type, options.
    fn mount(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (Some(_), Some(place), Some(kind), Some(options)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return;
        };
        self.mounts_known = true;
        let place = short(place);
        let read_only = options.split(',').any(|option| option == "ro");
        // A later mount on the same place hides the former.
        self.read_only.retain(|known| *known != place);
        if read_only && DATA.contains(&kind) && self.read_only.len() < MOST_MOUNTS {
            self.read_only.push(place);
        }
    }
}

/// Whole lines, each with the time its first byte arrived.
fn lines<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Vec<(i64, String)> {
    let mut lines: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut open = false;
    let mut left = MOST_BYTES;
    for piece in pieces {
        let bytes = &piece.bytes[..piece.bytes.len().min(left)];
        left -= bytes.len();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match lines.last_mut() {
                Some((_, line)) if open => line.extend_from_slice(part),
                _ => lines.push((piece.at_ms, part.to_vec())),
            }
            open = !part.ends_with(b"\n");
        }
    }
    lines
        .into_iter()
        .map(|(at_ms, line)| (at_ms, String::from_utf8_lossy(&line).trim_end().to_owned()))
        .collect()
}

/// The host says whole seconds, cut off: half a second later is the best guess.
fn skew(line: &str, at_ms: i64) -> Option<f64> {
    let seconds: i64 = line.trim().parse().ok()?;
    let host_ms = seconds.checked_mul(1000)?.checked_add(500)?;
    let skew_ms = host_ms.checked_sub(at_ms)?;
    Some(skew_ms as f64 / 1e3)
}

/// A line of `df -P`: source, size, used, free, percent, place.
fn space(line: &str) -> Option<Space> {
    let mut words = line.split_whitespace();
    let (_source, _size, _used) = (words.next()?, words.next()?, words.next()?);
    let free = words.next()?.parse().ok()?;
    let used_percent = words.next()?.strip_suffix('%')?.parse().ok()?;
    let mount: Vec<&str> = words.collect();
    mount.first().filter(|place| PLACES.contains(place))?;
    Some(Space {
        mount: short(&mount.join(" ")),
        used_percent,
        free,
    })
}

fn keep(spaces: &mut Vec<Space>, space: Option<Space>) {
    if let Some(space) = space
        && spaces.len() < MOST_MOUNTS
        && spaces.iter().all(|known| known.mount != space.mount)
    {
        spaces.push(space);
    }
}

/// A host's words on one line, everything in them visible, not too many.
pub(super) fn short(text: &str) -> String {
    let text: String = text.chars().take(MOST_TEXT).collect();
    neutral(text.as_bytes(), Policy::ONE_LINE)
}

impl RunAsFact {
    /// From how the step ended and what the host wrote to standard error.
    pub fn new(user: &str, ok: bool, stderr: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&stderr[..stderr.len().min(4096)]);
        let said = text.lines().map(str::trim).find(|line| !line.is_empty());
        Self {
            user: user.to_owned(),
            ok,
            why: said.filter(|_| !ok).map(short),
        }
    }
}
