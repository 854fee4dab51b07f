//! The checks before a maintenance window: what is asked of a host, what its answer says, and what
//! to make of it.
//!
//! A host answers with raw facts; verdicts are made here, the same for every host, so that hosts
//! with the same trouble fold. Its answer is hostile until proven otherwise: what cannot be read is
//! no fact, and nothing grows beyond a limit.

mod facts;
mod judge;
#[cfg(test)]
mod tests;

pub use facts::{Facts, Piece, RunAsFact, Space};
pub use judge::{Checked, Finding, Level, judge};

/// The name of the step that asks for facts.
pub const FACTS_STEP: &str = "facts";
/// The name of the step that becomes another user.
pub const RUN_AS_STEP: &str = "run-as";

/// What is asked of a host: plain sh and nothing that busybox lacks, or would not miss.
pub const SCRIPT: &str = "LC_ALL=C; export LC_ALL; \
    echo '[clock]'; date +%s; \
    echo '[user]'; id -un; \
    echo '[disk]'; df -P -k / /var /tmp /home 2>/dev/null; \
    echo '[inodes]'; df -P -i / /var /tmp /home 2>/dev/null; \
    echo '[mounts]'; cat /proc/mounts 2>/dev/null; \
    echo '[sudo]'; if sudo -n true >/dev/null 2>&1; then echo yes; else echo no; fi; \
    echo '[end]'";

/// What is asked of a host as another user: that it says who it is.
pub const RUN_AS_SCRIPT: &str = "id -un";
