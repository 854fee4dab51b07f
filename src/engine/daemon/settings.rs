//! The site's settings as each room wants them.

use std::time::Duration;

use super::{DaemonError, Paths, Site};
use crate::engine::Settings;
use crate::engine::retention::Retention;
use crate::site::settings::RunAs;
use crate::ssh::RunAsMethod;
use crate::store::disk::{Marks, Options};

/// Bytes of the end of a host's output that are kept when its middle is dropped.
const OUTPUT_TAIL: u64 = 256 << 10;
/// How long a lost durable attempt is looked for.
const REATTACH_S: u64 = 3600;

/// What the engine itself obeys.
pub(super) fn engine(site: &Site, instance: String, shared: bool) -> Settings {
    let settings = site.settings();
    Settings {
        fanout: u32::try_from(settings.run.fanout).unwrap_or(u32::MAX),
        output_budget: settings.run.output_disk.bytes(),
        output_tail: OUTPUT_TAIL.min(settings.run.output_memory.bytes()),
        host_output_cap: settings.run.durable_output.bytes(),
        silence_s: settings.ssh.silence_warning.get().as_secs(),
        reattach_s: REATTACH_S,
        run_as: match settings.run.run_as {
            RunAs::Sudo => RunAsMethod::Sudo,
            RunAs::Su => RunAsMethod::Su,
            RunAs::Doas => RunAsMethod::Doas,
        },
        instance,
        local_steps: settings.engine.local_steps,
        http_allow: settings.http.allow.clone(),
        shared,
    }
}

/// What the SSH room obeys.
pub(super) fn ssh(site: &Site) -> crate::ssh::Settings {
    let owner = site.openssh().owner();
    let settings = &site.settings().ssh;
    let mut ssh = crate::ssh::Settings::new(owner.user.clone(), owner.home.clone());
    ssh.connecting = settings.connecting;
    ssh.channels_per_host = settings.channels_per_host;
    ssh.idle_connections = settings.idle_connections;
    ssh.timeouts.connect = settings.connect_timeout.get();
    ssh.keepalive = settings.keepalive_interval.get();
    ssh.keepalive_max = settings.keepalive_count;
    ssh
}

/// What may stay of old runs.
pub(super) fn retention(site: &Site) -> Retention {
    let settings = &site.settings().retention;
    Retention {
        keep_for: Duration::from_secs(u64::from(settings.days) * 86_400),
        keep_bytes: settings.size.bytes(),
    }
}

/// How the store keeps its disk.
pub(super) fn store(site: &Site) -> Options {
    let settings = &site.settings().store;
    let reserve = settings.reserve.bytes();
    let usual = Options::default();
    Options {
        marks: Some(Marks {
            low: settings.low_mark.bytes(),
            reserve_at: reserve / 4,
            reserve,
            output: reserve / 8 + usual.log_file_bytes,
            full: reserve / 8,
        }),
        ..usual
    }
}

/// The name of this instance on hosts: made once, kept with the state.
pub(super) fn instance(paths: &Paths) -> Result<String, DaemonError> {
    let path = paths.state.join("instance");
    if let Ok(text) = std::fs::read_to_string(&path) {
        let text = text.trim();
        if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            return Ok(text.to_owned());
        }
    }
    let name = uuid::Uuid::new_v4().simple().to_string();
    std::fs::write(&path, &name)
        .map_err(|error| DaemonError::io(format!("writing {}", path.display()), error))?;
    Ok(name)
}
