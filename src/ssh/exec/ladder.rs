//! Killing a command, and knowing that it is gone.
//!
//! With the process id that the wrapper told: a second channel kills the command's session, as the
//! user it runs as, first with TERM, after a grace with KILL, and looks whether anything is left.
//! Without it: the channel's own signals, which sshd refuses to root; the command's own word that
//! it ended is then the only proof. Last, the channel is closed.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelWriteHalf, Sig};

use super::super::connect::Connection;
use super::super::settings::Settings;
use super::super::spec::RunAs;
use super::flow::{Drain, Flow, Step};
use super::{request, script};
use crate::run::outcome::Outcome;

const KILL: &str = include_str!("kill.sh");

/// Time for the kill script beyond the grace: its own start, a second round, slow hosts.
const MARGIN: Duration = Duration::from_secs(10);

/// How long the wrapper's word about its process may be on its way behind other output.
const TELL: Duration = Duration::from_secs(4);

/// How long last words may take when the process is gone.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is known after the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No process of the command is left.
    Gone,
    /// Some may be, and why that is not known.
    Unknown(String),
}

/// The sentence for a command that could not be shown to be gone.
pub(crate) fn unsure(wanted: &Outcome, why: &str) -> String {
    format!("It was to be stopped ({wanted}), but may still run: {why}. Look on the host.")
}

/// A process to kill.
pub(crate) struct Victim<'a> {
    pub pid: u32,
    /// Tells a process from a later one of the same id.
    pub start_time: Option<u64>,
    pub run_as: Option<&'a RunAs>,
}

/// Kills a plain command while its channel goes on being drained.
pub(super) async fn stop(
    connection: &Arc<Connection>,
    write: &ChannelWriteHalf<Msg>,
    flow: &mut Flow<'_>,
    run_as: Option<&RunAs>,
    settings: &Settings,
) -> Fate {
    flow.hurry();
    let _ = tokio::time::timeout(TELL, flow.until_process()).await;
    let fate = match flow.process() {
        Some(pid) => {
            let victim = Victim {
                pid,
                start_time: None,
                run_as,
            };
            beside(flow, kill(connection, &victim, settings.kill_grace)).await
        }
        None => Fate::Unknown("its process id is not known".to_owned()),
    };
    let fate = if fate == Fate::Gone {
        fate
    } else {
        signal(write, flow, fate, settings.kill_grace).await
    };
    let _ = tokio::time::timeout(LAST_WORDS, flow.drain()).await;
    let _ = write.close().await;
    fate
}

/// Runs the kill on a channel of its own.
pub(crate) async fn kill(connection: &Connection, victim: &Victim<'_>, grace: Duration) -> Fate {
    let work = run(connection, victim, grace);
    match tokio::time::timeout(grace + MARGIN, work).await {
        Ok(Ok(answer)) => judge(&answer),
        Ok(Err(why)) => Fate::Unknown(why),
        Err(_) => Fate::Unknown("the host did not say in time whether it is gone".to_owned()),
    }
}

async fn run(
    connection: &Connection,
    victim: &Victim<'_>,
    grace: Duration,
) -> Result<String, String> {
    let line = request::line(&text(victim, grace)?).map_err(|error| error.to_string())?;
    let open = connection.open_session().await;
    let channel =
        open.map_err(|_| "the host gave no second channel to kill it through".to_owned())?;
    ask(channel, line)
        .await
        .ok_or_else(|| connection.farewell())
}

fn text(victim: &Victim<'_>, grace: Duration) -> Result<String, String> {
    let start = victim
        .start_time
        .filter(|&t| t > 0)
        .map_or_else(String::new, |t| t.to_string());
    let script = format!(
        "R={} T={start} G={}\n{KILL}",
        victim.pid,
        grace.as_secs().max(1)
    );
    match victim.run_as {
        None => Ok(script),
        Some(run_as) => script::becoming(run_as, &script).map_err(|error| error.to_string()),
    }
}

/// Runs a script of ours and gives what it says. It says little, so what is long is somebody
/// else's noise. `None`: the connection is gone.
pub(crate) async fn ask(mut channel: Channel<Msg>, line: String) -> Option<String> {
    channel.exec(false, line).await.ok()?;
    let mut text = Vec::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message
            && text.len() < 8192
        {
            text.extend_from_slice(&data);
        }
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn judge(answer: &str) -> Fate {
    for line in answer.lines() {
        if line == "conn-kill gone" {
            return Fate::Gone;
        }
        if let Some(left) = line.strip_prefix("conn-kill left") {
            let left = super::super::error::plain(left);
            return Fate::Unknown(format!("these processes survived: {left}"));
        }
    }
    Fate::Unknown("the script that kills it did not run to its end".to_owned())
}

/// The channel's own signals. The command's own end after that is a proof, too.
async fn signal(
    write: &ChannelWriteHalf<Msg>,
    flow: &mut Flow<'_>,
    fate: Fate,
    grace: Duration,
) -> Fate {
    let leader_only = flow.process().is_some();
    for signal in [Sig::TERM, Sig::KILL] {
        if write.signal(signal).await.is_err() {
            return fate;
        }
        let ended = async { while flow.exit().is_none() && flow.step().await == Step::More {} };
        let _ = tokio::time::timeout(grace, ended).await;
        if flow.exit().is_some() {
            return if leader_only { fate } else { Fate::Gone };
        }
    }
    fate
}

/// Waits for something while a channel goes on being drained.
pub(crate) async fn beside<T>(flow: &mut impl Drain, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    flow.hurry();
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            step = flow.step(), if open => open = step == Step::More,
        }
    }
}
