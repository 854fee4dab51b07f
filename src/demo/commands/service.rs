//! The host's one service: `systemctl` and `journalctl` as far as `app` is concerned.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::print::lines;
use super::{Call, Ended};
use crate::demo::host::{Host, State, log_text};
use crate::demo::roster::Quirk;

/// Status of `systemctl status` for a service that does not run.
const NOT_RUNNING: u32 = 3;
/// Status of `systemctl status` for a unit that is not there.
const NO_UNIT: u32 = 4;
/// Status of a command that `SIGKILL` ended, as a shell gives it.
const KILLED: u32 = 137;
/// What the host that floods prints when asked for the state of its service.
const STATUS_FLOOD: u64 = 400_000;
/// What its journal comes to.
const JOURNAL_FLOOD: u64 = 50_000_000;
/// The most lines that `journalctl -n` gives.
const MAX_LINES: usize = 10_000;

/// `systemctl VERB app`
pub async fn systemctl(call: &mut Call<'_>) -> Ended {
    let words: Vec<&str> = call
        .args
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    match call.shell.host.role().quirk {
        Some(Quirk::OutOfMemory) => {
            call.shell.killed = Some("KILL");
            return Err(KILLED);
        }
        Some(Quirk::Hangs) => std::future::pending().await,
        _ => {}
    }
    match words[..] {
        [] | ["list-units"] => call.out("UNIT         LOAD   ACTIVE\napp.service  loaded active\nssh.service  loaded active\n").await,
        ["is-system-running"] => call.out("running\n").await,
        ["daemon-reload"] => Ok(()),
        [verb, "app" | "app.service"] => act(call, verb).await,
        [_, unit] => {
            let why = format!("Unit {unit}.service could not be found.\n");
            let _ = call.io.err.write(why).await;
            Err(NO_UNIT)
        }
        _ => Err(call.complain(1, "this demo host knows VERB app only").await),
    }
}

/// `service app VERB`
pub async fn service(call: &mut Call<'_>) -> Ended {
    match call.args {
        [unit, verb] => {
            let args = [verb.clone(), unit.clone()];
            let mut turned = Call {
                shell: call.shell,
                name: "systemctl",
                args: &args,
                io: call.io.clone(),
            };
            systemctl(&mut turned).await
        }
        _ => Err(call.complain(1, "usage: service NAME VERB").await),
    }
}

async fn act(call: &mut Call<'_>, verb: &str) -> Ended {
    let host = call.shell.host.clone();
    let now = host.now();
    match verb {
        "start" | "restart" | "reload" | "try-restart" => {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            host.service().start(now);
            Ok(())
        }
        "stop" => {
            host.service().stop(now);
            Ok(())
        }
        "enable" | "disable" | "reset-failed" => Ok(()),
        "is-enabled" => call.out("enabled\n").await,
        "is-active" | "is-failed" => {
            let state = host.service().state;
            call.out(format!("{}\n", word(state))).await?;
            let holds = matches!(state, State::Running(_)) == (verb == "is-active");
            if holds { Ok(()) } else { Err(NOT_RUNNING) }
        }
        "status" => status(call, &host).await,
        "show" => {
            let state = host.service().state;
            call.out(format!("Id=app.service\nActiveState={}\n", word(state)))
                .await
        }
        _ => Err(call
            .complain(1, &format!("Unknown command verb {verb}."))
            .await),
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Running(_) => "active",
        State::Failed => "failed",
        State::Stopped => "inactive",
    }
}

async fn status(call: &mut Call<'_>, host: &Host) -> Ended {
    let service = host.service().clone();
    call.out(headline(host, service.state, service.since))
        .await?;
    if host.role().quirk == Some(Quirk::Floods) {
        lines(call, STATUS_FLOOD).await?;
    }
    call.out(journal(host, 5)).await?;
    if matches!(service.state, State::Running(_)) {
        Ok(())
    } else {
        Err(NOT_RUNNING)
    }
}

fn headline(host: &Host, state: State, since: DateTime<Utc>) -> String {
    let mut text = String::new();
    let (mark, sub) = match state {
        State::Running(_) => ('●', "active (running)"),
        State::Failed => ('×', "failed (Result: exit-code)"),
        State::Stopped => ('○', "inactive (dead)"),
    };
    let _ = write!(
        text,
        "{mark} app.service - The application\n     \
         Loaded: loaded (/etc/systemd/system/app.service; enabled)\n     \
         Active: {sub} since {}; {} ago\n",
        since.format("%a %Y-%m-%d %H:%M:%S UTC"),
        ago(host.now() - since),
    );
    match state {
        State::Running(pid) => {
            let memory = 180 + host.dice("service memory") % 300;
            let _ = write!(
                text,
                "   Main PID: {pid} (app)\n     Memory: {memory}.0M\n\n"
            );
        }
        State::Failed => {
            text.push_str(
                "    Process: ExecStart=/opt/app/app (code=exited, status=1/FAILURE)\n\n",
            );
        }
        State::Stopped => text.push('\n'),
    }
    text
}

fn ago(time: TimeDelta) -> String {
    match (
        time.num_days(),
        time.num_hours() % 24,
        time.num_minutes() % 60,
    ) {
        (0, 0, 0) => format!("{}s", time.num_seconds().max(0)),
        (0, 0, minutes) => format!("{minutes}min"),
        (0, hours, minutes) => format!("{hours}h {minutes}min"),
        (1, hours, _) => format!("1 day {hours}h"),
        (days, hours, _) => format!("{days} days {hours}h"),
    }
}

/// The last `count` lines of the journal, as `journalctl` shows them.
fn journal(host: &Host, count: usize) -> String {
    let now = host.now();
    let mut text = String::new();
    for number in (1..=count).rev() {
        let at = now - TimeDelta::seconds(7 * i64::try_from(number).unwrap_or(0));
        let _ = writeln!(
            text,
            "{} {} app[{}]: {}",
            at.format("%b %d %H:%M:%S"),
            host.name(),
            1200 + host.role().number,
            log_text(host, number),
        );
    }
    text
}

/// `journalctl [-u UNIT] [-n N] [-f]`
pub async fn journalctl(call: &mut Call<'_>) -> Ended {
    let (mut count, mut limited, mut follow) = (200, false, false);
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-f" | "--follow" => follow = true,
            "-u" | "-p" | "-o" | "--since" | "--until" => drop(args.next()),
            "-n" => {
                let number = args.next().map(|text| text.parse());
                let Some(Ok(number)) = number else {
                    return Err(call.complain(1, "Failed to parse lines").await);
                };
                (count, limited) = (number, true);
            }
            option if option.starts_with("-n") || option.starts_with("--lines=") => {
                let digits = option.trim_start_matches(|c: char| !c.is_ascii_digit());
                (count, limited) = (digits.parse().unwrap_or(count), true);
            }
            _ => {}
        }
    }
    let host = call.shell.host.clone();
    if host.role().quirk == Some(Quirk::Floods) && !limited {
        return lines(call, JOURNAL_FLOOD).await;
    }
    call.out(journal(
        &host,
        if follow { 10 } else { count.min(MAX_LINES) },
    ))
    .await?;
    if !follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        call.out(journal(&host, 1)).await?;
    }
}
