//! Unix users by number and name.

use nix::unistd::{Uid, User};

/// The user's name, or the number where nobody has it.
pub fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

/// The name of the user this process runs as.
pub fn own_name() -> String {
    name_of(rustix::process::geteuid().as_raw())
}

/// The home directory of the user this process runs as, by the system's records.
pub fn own_home() -> Option<std::path::PathBuf> {
    User::from_uid(Uid::effective())
        .ok()
        .flatten()
        .map(|user| user.dir)
}
