//! The request that puts a sent file in its place.

use russh::ChannelMsg;

use super::super::connect::{Connection, OpenError};
use super::super::error::{SshError, plain};
use super::super::exec::request;
use super::super::exec::script::{becoming, quoted};
use super::super::spec::{PushSpec, RunAs};
use super::Failure;
use super::transfer::Uploaded;

const PLACE: &str = include_str!("place.sh");

/// What the host answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Placed,
    /// Its tools cannot compute a checksum.
    CannotCheck,
    /// It would not, and its words.
    Refused(String),
    /// It does not run commands, or not ours.
    NoShell,
    /// No answer in time.
    Late,
    /// No answer, because the connection is gone.
    Lost,
}

/// What to do with a file that was sent.
pub(super) struct Placing<'a> {
    pub push: &'a PushSpec,
    pub uploaded: &'a Uploaded,
    /// Whose rights that takes.
    pub run_as: Option<RunAs>,
    /// Whether it was checked already.
    pub checked: bool,
}

impl Placing<'_> {
    pub fn line(&self) -> Result<String, SshError> {
        let uploaded = self.uploaded;
        let script = format!(
            "S={} T={} DEST={} SUM={} OWNER={} MODE={:o}\n{PLACE}",
            quoted(&uploaded.temporary)?,
            quoted(uploaded.staged.as_deref().unwrap_or_default())?,
            quoted(&uploaded.dest)?,
            if self.checked { "''" } else { &uploaded.sha256 },
            quoted(self.push.owner.as_deref().unwrap_or_default())?,
            uploaded.mode,
        );
        match &self.run_as {
            None => request::line(&script),
            Some(run_as) => request::line(&becoming(run_as, &script)?),
        }
    }
}

/// Sends the request and waits for its answer.
pub(super) async fn ask(connection: &Connection, line: String) -> Result<Answer, Failure> {
    let mut channel = match connection.open_session().await {
        Ok(channel) => channel,
        Err(OpenError::Refused(_)) => return Ok(Answer::NoShell),
        Err(OpenError::Lost(why)) => return Err(Failure::Lost(why)),
    };
    channel
        .exec(true, line)
        .await
        .map_err(|_| Failure::Lost(connection.farewell()))?;
    let _ = channel.eof().await;
    let (mut said, mut errors, mut status) = (Vec::new(), Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } if said.len() < 8192 => said.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, .. } if errors.len() < 8192 => {
                errors.extend_from_slice(&data);
            }
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            ChannelMsg::Failure => return Ok(Answer::NoShell),
            _ => {}
        }
    }
    Ok(judge(
        &String::from_utf8_lossy(&said),
        &String::from_utf8_lossy(&errors),
        status,
    ))
}

fn judge(said: &str, errors: &str, status: Option<u32>) -> Answer {
    for line in said.lines() {
        match line {
            "conn-push placed" => return Answer::Placed,
            "conn-push unchecked" => return Answer::CannotCheck,
            _ => {}
        }
        if let Some(why) = line.strip_prefix("conn-push refused ") {
            return Answer::Refused(plain(why));
        }
    }
    // The script always has a last word, so without one it did not run: sudo said no, or the login
    // is confined to SFTP.
    match status {
        None => Answer::Lost,
        Some(_) if errors.contains("sudo") || errors.contains("doas") || errors.contains("su ") => {
            Answer::Refused(plain(errors))
        }
        Some(_) => Answer::NoShell,
    }
}
