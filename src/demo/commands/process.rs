//! Commands about processes.

use std::fmt::Write as _;

use super::{Call, Ended};
use crate::demo::host::{Host, State, is_fatal};

/// `ps`: the service, the server and what sessions run.
pub async fn ps(call: &mut Call<'_>) -> Ended {
    let host = &call.shell.host;
    let mut text = "    PID USER     STARTED  COMMAND\n".to_owned();
    let mut row = |pid: u32, user: &str, started: &str, command: &str| {
        let _ = writeln!(text, "{pid:>7} {user:<8} {started:<8} {command}");
    };
    row(1, "root", "-", "/sbin/init");
    row(812, "root", "-", "sshd: /usr/sbin/sshd -D [listener]");
    if let State::Running(pid) = host.service().state {
        row(pid, "app", "-", "/opt/app/app --config /etc/app.conf");
    }
    for process in host.processes() {
        let command: String = process
            .command
            .chars()
            .take(60)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        row(
            process.pid,
            &process.user,
            &process.started.format("%H:%M:%S").to_string(),
            &command,
        );
    }
    call.out(text).await
}

/// `kill [-SIGNAL | -s SIGNAL] PIDS`; a negative pid means the session.
pub async fn kill(call: &mut Call<'_>) -> Ended {
    let mut signal = "TERM".to_owned();
    let mut args = call.args.iter().peekable();
    match args.peek().map(|arg| arg.as_str()) {
        Some("-l") => {
            return call
                .out("HUP INT QUIT KILL USR1 USR2 TERM CONT STOP\n")
                .await;
        }
        Some("-s") => {
            args.next();
            signal = signal_name(args.next().map_or("", String::as_str));
        }
        Some("--") | None => {}
        Some(option) if option.starts_with('-') => {
            signal = signal_name(&option[1..]);
            args.next();
        }
        Some(_) => {}
    }
    let own = call.shell.own;
    let (mut ended, mut suicide) = (Ok(()), false);
    for arg in args.filter(|arg| *arg != "--") {
        let Some(pids) = targets(&call.shell.host, arg) else {
            ended = Err(call.complain(1, &format!("Illegal number: {arg}")).await);
            continue;
        };
        suicide |= pids.contains(&own) && is_fatal(&signal);
        let hits = pids
            .iter()
            .filter(|pid| send(&call.shell.host, **pid, &signal));
        if hits.count() == 0 {
            ended = Err(call
                .complain(1, &format!("({arg}) - No such process"))
                .await);
        }
    }
    if suicide {
        // The shell itself must not run on until its end is noticed.
        std::future::pending::<()>().await;
    }
    ended
}

/// The processes that an argument of `kill` means: one, or with a minus a whole session.
fn targets(host: &Host, arg: &str) -> Option<Vec<u32>> {
    match arg.strip_prefix('-') {
        None => Some(vec![arg.parse().ok()?]),
        Some(group) => {
            let group: u32 = group.parse().ok()?;
            let processes = host.processes();
            let members = processes.iter().filter(|process| process.session == group);
            Some(members.map(|process| process.pid).collect())
        }
    }
}

fn send(host: &Host, pid: u32, signal: &String) -> bool {
    let now = host.now();
    let mut service = host.service();
    if service.state == State::Running(pid) {
        if matches!(signal.as_str(), "TERM" | "KILL" | "INT" | "QUIT" | "ABRT") {
            service.fail(now);
        }
        return true;
    }
    drop(service);
    matches!(pid, 1 | 812) || host.signal(pid, signal)
}

fn signal_name(text: &str) -> String {
    let name = match text {
        "1" => "HUP",
        "2" => "INT",
        "3" => "QUIT",
        "6" => "ABRT",
        "9" => "KILL",
        "10" => "USR1",
        "13" => "PIPE",
        "14" => "ALRM",
        "15" => "TERM",
        "18" => "CONT",
        "19" => "STOP",
        name => name,
    };
    let name = name.to_ascii_uppercase();
    name.strip_prefix("SIG").map(str::to_owned).unwrap_or(name)
}
