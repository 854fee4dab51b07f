//! SSH: connections, host keys, credentials, commands and files on hosts.
//!
//! The room's one door is [`Ssh`]. It opens and pools connections, runs commands (plain and
//! durable) and pushes files, and tells how each attempt ended in an [`AttemptEnd`].
//!
//! It must never accept a host key that `known_hosts` does not vouch for, never say `ok` without
//! the command's own exit status, never say `cancelled` or `timed_out` of a process that may still
//! run, and never wait without a bound for a host, an agent or a child process.

mod auth;
mod clock;
mod connect;
mod durable;
mod end;
mod error;
mod exec;
mod front;
mod pool;
mod push;
mod route;
mod settings;
mod sink;
mod spec;

pub use auth::agents::Agents;
pub use auth::passphrases::Passphrases;
pub(crate) use durable::follow::signal_name;
pub use end::{AttemptEnd, Connected};
pub use error::{HostKeyRefusal, SshError};
pub use exec::script::{Unwrapped, unwrapped};
pub use front::Ssh;
pub use pool::{Hold, PoolStats};
pub use route::{Identity, Route};
pub use settings::{Settings, Timeouts};
pub use sink::{Permit, Sink, Stage};
pub use spec::{
    Durable, ExecSpec, Interpreter, PullSpec, PushSpec, RemoteProcess, RunAs, RunAsMethod, Start,
};
