//! The demo fleet alone, for those who want to try a client on it: `demo_fleet DIR`.
//!
//! Writes `ssh_config` and the like to DIR and plays the hosts until standard input ends.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use theconn::demo::Fleet;

fn main() -> anyhow::Result<()> {
    let dir = std::env::args().nth(1).context("usage: demo_fleet DIR")?;
    let fleet = Fleet::start(Path::new(&dir))?;
    println!("ssh -F {} web01 uptime", fleet.files().ssh_config.display());
    for host in fleet.hosts() {
        if let Some(oddity) = host.oddity {
            println!("{} {oddity}", host.name);
        }
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
