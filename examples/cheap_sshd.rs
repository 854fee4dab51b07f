//! A cheap SSH server for benches: `cheap_sshd DIR [HOSTS] [PORT]`.
//!
//! Writes `hosts`, `targets`, `known_hosts`, `ssh_config` and `id_ed25519` to DIR, prints `ready
//! PORT`, and serves until its standard input ends.

use std::io::Write;

use anyhow::Context;
use theconn::demo::cheap::{Cheap, Options, Wrapped};
use theconn::ssh::unwrapped;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let dir = args
        .next()
        .context("usage: cheap_sshd DIR [HOSTS] [PORT]")?
        .into();
    let hosts = args
        .next()
        .map_or(Ok(1000), |text| text.parse())
        .context("HOSTS must be a number")?;
    let port = args
        .next()
        .map_or(Ok(0), |text| text.parse())
        .context("PORT must be a number")?;
    raise_file_limit();
    let cheap = Cheap::bind(&Options {
        dir,
        hosts,
        port,
        client: None,
        unwrap,
    })?;
    println!("ready {}", cheap.port());
    std::io::stdout().flush()?;
    let server = tokio::spawn(cheap.run());
    let mut rest = [0; 64];
    while tokio::io::stdin().read(&mut rest).await? > 0 {}
    server.abort();
    Ok(())
}

/// `conn` has its commands tell their process id; the others send theirs as they are.
fn unwrap(line: &str) -> Option<Wrapped> {
    let found = unwrapped(line)?;
    Some(Wrapped {
        mark: found.mark,
        command: found.command,
    })
}

/// Ten thousand held connections need as many descriptors.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        eprintln!("the limit of open files stays as it is: {error}");
    }
}
