//! Trust: what `known_hosts` and `ssh_config` say about a host.
//!
//! Text and keys in, verdicts and options out. This room never reads a file, never looks at the
//! clock or the environment, and never opens a connection: whoever calls it brings all of that.
//! Where OpenSSH and this room differ, this room is the stricter of the two; each place says so.

pub mod known_hosts;
pub mod pattern;
pub mod ssh_config;
