//! `conn unlock`: a passphrase, asked here and kept in the engine's memory only.

use std::path::Path;

use super::args::Args;
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::say;
use super::run::absolute;
use crate::wire::{Reply, Request};

/// Asks for the passphrase and hands it to the engine.
pub async fn unlock(args: &Args, key: &Path) -> Result<Exit, CliError> {
    let key = absolute(key)?;
    if !Path::new(&key).exists() && args.bastion.is_none() {
        return Err(CliError::Usage(format!(
            "{key} is not there. Name the private key file that ssh_config names"
        )));
    }
    let client = connect(args, true).await?;
    let secret = rpassword::prompt_password(format!("passphrase of {key}: "))
        .map_err(|error| CliError::io("asking for the passphrase", error))?;
    let request = Request::Passphrase { key, secret };
    match client.call(request).await? {
        Reply::Done => {
            say("kept until the engine ends; what waited for it goes on")?;
            Ok(Exit::Ok)
        }
        _ => Err(CliError::Unexpected),
    }
}
