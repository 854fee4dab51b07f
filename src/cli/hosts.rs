//! `conn hosts`: which hosts a host set names, and how they are reached.

use super::args::{Args, HostsArgs};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::hosts_render;
use super::print::{notice, raw};
use super::run::absolute;
use crate::run::output::OutStream;
use crate::wire::request::HostsQuery;
use crate::wire::{Reply, Request};

/// `conn hosts`.
pub async fn hosts(args: &Args, hosts: &HostsArgs) -> Result<Exit, CliError> {
    let query = HostsQuery {
        targets: hosts.targets.clone().unwrap_or_else(|| "@*".to_owned()),
        ssh_config: hosts.ssh_config.as_deref().map(absolute).transpose()?,
        user: None,
        identity: hosts.identity.clone(),
        from: hosts.from.clone(),
        dir: Some(absolute(std::path::Path::new("."))?),
    };
    let client = connect(args, false).await?;
    let Reply::Hosts {
        hosts: found,
        warnings,
    } = client.call(Request::Hosts(query)).await?
    else {
        return Err(CliError::Unexpected);
    };
    let terminal = super::terminal(args);
    let text = if hosts.json {
        hosts_render::json(&found, &warnings).map_err(|_| CliError::Unexpected)?
    } else {
        for warning in &warnings {
            notice(warning)?;
        }
        hosts_render::table(&found)
    };
    raw(terminal, OutStream::Stdout, text.as_bytes())?;
    Ok(Exit::Ok)
}
