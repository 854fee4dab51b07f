//! Reads `conn.toml`.

use std::path::Path;

use toml::de::DeValue;

use super::{
    Audit, Console, Engine, Environment, Http, LogLevel, Retention, Run, RunAs, Settings, Ssh,
    Store,
};
use crate::run::complaint::{Complaints, quote};
use crate::run::duration::HumanDuration;
use crate::run::size::ByteSize;
use crate::run::strict_toml::{self, Table, Written};
use crate::site::identities::{self, Identity};
use crate::site::roles;
use crate::site::secrets;
use crate::site::servers::Servers;
use crate::site::specs;

/// Far more than any machine can do; below it no arithmetic on a count can overflow.
const MANY: i64 = 1_000_000;

pub(super) fn settings(file: &Path, text: &str) -> Result<Settings, Complaints> {
    strict_toml::parse(&file.display().to_string(), text, |root| {
        let base = file.parent().unwrap_or(Path::new("."));
        let identities = identities::read(root, base);
        Some(Settings {
            environment: root.table("environment", environment).unwrap_or_default(),
            ssh: root
                .table("ssh", |table| ssh(file, table))
                .unwrap_or_default(),
            run: root
                .table("run", |table| run(table, &identities))
                .unwrap_or_default(),
            retention: root.table("retention", retention).unwrap_or_default(),
            store: root.table("store", store).unwrap_or_default(),
            engine: root.table("engine", engine).unwrap_or_default(),
            http: root
                .table("http", |table| http(base, table))
                .unwrap_or_default(),
            audit: root.table("audit", audit).unwrap_or_default(),
            console: root.table("console", console).unwrap_or_default(),
            identities,
            secrets: secrets::read(root, base),
            roles: roles::read(root),
            inventory: specs::read(root, base),
        })
    })
}

fn environment(table: &Table<'_>) -> Environment {
    let name = table.get("name", |value| {
        let text = value.as_str().ok_or("\"name\" must be a string")?;
        let fits = (1..=20).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits {
            Ok(text.to_owned())
        } else {
            Err(format!(
                "the environment's name must have 1 to 20 characters, but is {}",
                quote(text)
            ))
        }
    });
    Environment { name }
}

fn ssh(file: &Path, table: &Table<'_>) -> Ssh {
    let default = Ssh::default();
    Ssh {
        config: table
            .string("config")
            .map(|path| file.parent().unwrap_or(Path::new(".")).join(path)),
        connecting: table
            .integer("connecting", 1..=MANY)
            .unwrap_or(default.connecting),
        channels_per_host: table
            .integer("channels_per_host", 1..=1_000)
            .unwrap_or(default.channels_per_host),
        idle_connections: table
            .integer("idle_connections", 0..=MANY)
            .unwrap_or(default.idle_connections),
        connect_timeout: positive(table, "connect_timeout").unwrap_or(default.connect_timeout),
        keepalive_interval: positive(table, "keepalive_interval")
            .unwrap_or(default.keepalive_interval),
        keepalive_count: table
            .integer("keepalive_count", 1..=100)
            .unwrap_or(default.keepalive_count),
        silence_warning: positive(table, "silence_warning").unwrap_or(default.silence_warning),
    }
}

fn run(table: &Table<'_>, identities: &[Identity]) -> Run {
    let default = Run::default();
    let methods = [RunAs::Sudo, RunAs::Su, RunAs::Doas].map(|method| (method.word(), method));
    Run {
        fanout: table.integer("fanout", 1..=MANY).unwrap_or(default.fanout),
        output_memory: at_least(table, "output_memory", ByteSize::from_kib(4))
            .unwrap_or(default.output_memory),
        output_disk: at_least(table, "output_disk", ByteSize::from_kib(64))
            .unwrap_or(default.output_disk),
        run_as: table.choice("run_as", &methods).unwrap_or(default.run_as),
        durable_output: at_least(table, "durable_output", ByteSize::from_kib(64))
            .unwrap_or(default.durable_output),
        identity: table.get("identity", |value| {
            identities::known(
                value.as_str().ok_or("\"identity\" must be a string")?,
                identities,
            )
        }),
    }
}

fn retention(table: &Table<'_>) -> Retention {
    let default = Retention::default();
    Retention {
        days: table.integer("days", 1..=36_500).unwrap_or(default.days),
        size: at_least(table, "size", ByteSize::from_mib(64)).unwrap_or(default.size),
    }
}

fn store(table: &Table<'_>) -> Store {
    let default = Store::default();
    Store {
        reserve: at_least(table, "reserve", ByteSize::from_bytes(0)).unwrap_or(default.reserve),
        low_mark: at_least(table, "low_mark", ByteSize::from_bytes(0)).unwrap_or(default.low_mark),
    }
}

fn engine(table: &Table<'_>) -> Engine {
    let default = Engine::default();
    let levels = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];
    let levels = levels.map(|level| (level.word(), level));
    Engine {
        idle_stop: table
            .get("idle_stop", never_or_duration)
            .unwrap_or(default.idle_stop),
        log_level: table
            .choice("log_level", &levels)
            .unwrap_or(default.log_level),
        log_size: at_least(table, "log_size", ByteSize::from_kib(64)).unwrap_or(default.log_size),
        log_files: table
            .integer("log_files", 1..=1_000)
            .unwrap_or(default.log_files),
        socket_group: table.string("socket_group"),
        local_steps: table.boolean("local_steps").unwrap_or_default(),
    }
}

fn http(base: &Path, table: &Table<'_>) -> Http {
    let allow = table.written_list("allow").map(|list| {
        let read = |written: Written| match Servers::parse(&written.value) {
            Ok(servers) => Some(servers),
            Err(message) => {
                table.complain_in(&written, 0, message, None);
                None
            }
        };
        list.into_iter().filter_map(read).collect()
    });
    Http {
        ca: table.string("ca").map(|path| base.join(path)),
        allow,
    }
}

fn audit(table: &Table<'_>) -> Audit {
    let syslog = table.get("syslog", |value| match value.as_str() {
        Some("none") => Ok(None),
        Some(path) if path.starts_with('/') => Ok(Some(path.into())),
        _ => Err("\"syslog\" must be \"none\" or the absolute path of a log socket".to_owned()),
    });
    Audit {
        syslog: syslog.unwrap_or(Audit::default().syslog),
    }
}

fn console(table: &Table<'_>) -> Console {
    Console {
        theme: table.string("theme"),
        ascii: table.boolean("ascii").unwrap_or_default(),
        zone: table.string("zone"),
    }
}

fn never_or_duration(value: &DeValue<'_>) -> Result<Option<HumanDuration>, String> {
    match value.as_str() {
        Some("never") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|error| format!("{error}, or \"never\"")),
        None => Err("\"idle_stop\" must be \"never\" or a duration, as in \"2h\"".to_owned()),
    }
}

/// A duration above zero: none of ours may mean "at once".
pub(in crate::site) fn positive(table: &Table<'_>, key: &'static str) -> Option<HumanDuration> {
    let duration = table.parsed::<HumanDuration>(key)?;
    if duration == HumanDuration::default() {
        table.complain(key, format!("{} must be longer than 0s", quote(key)));
        return None;
    }
    Some(duration)
}

fn at_least(table: &Table<'_>, key: &'static str, least: ByteSize) -> Option<ByteSize> {
    let size = table.parsed::<ByteSize>(key)?;
    if size < least {
        table.complain(
            key,
            format!("{} must be at least {least}, but is {size}", quote(key)),
        );
        return None;
    }
    Some(size)
}
