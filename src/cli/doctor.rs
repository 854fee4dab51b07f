//! `conn doctor`: what could go wrong on this bastion.

use super::args::{Args, DoctorArgs};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::{say, say_json};
use crate::wire::{Reply, Request};

/// `conn doctor`.
pub async fn doctor(args: &Args, doctor: &DoctorArgs) -> Result<Exit, CliError> {
    let client = connect(args, false).await?;
    let Reply::Findings(findings) = client.call(Request::Doctor).await? else {
        return Err(CliError::Unexpected);
    };
    let bad = findings.iter().any(|finding| finding.level == "bad");
    if doctor.json {
        let all: Vec<_> = findings
            .iter()
            .map(|finding| {
                serde_json::json!({
                    "level": finding.level,
                    "what": finding.what,
                    "found": finding.found,
                    "advice": finding.advice,
                })
            })
            .collect();
        say_json(&serde_json::Value::Array(all))?;
    } else {
        for finding in &findings {
            say(&format!(
                "{:<4}  {:<14}  {}",
                finding.level, finding.what, finding.found
            ))?;
            if let Some(advice) = &finding.advice {
                say(&format!("      {:<14}  {advice}", ""))?;
            }
        }
    }
    Ok(if bad { Exit::NotOk } else { Exit::Ok })
}
