//! Commands that outlive their connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use theconn::run::outcome::Outcome;
use theconn::run::output::OutStream;
use theconn::ssh::*;
use tokio_util::sync::CancellationToken;

use crate::common::*;

/// An attempt of a name that was never used.
fn attempt() -> Durable {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    Durable {
        attempt: format!("test-{unique:x}-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        output_cap: 8 << 20,
    }
}

async fn start(ssh: &Ssh, route: &Arc<Route>, spec: &ExecSpec, attempt: &Durable) -> Ran {
    let kept = Kept::default();
    let never = CancellationToken::new();
    let end = ssh
        .exec_durable(route, spec, attempt, Start::Fresh, granted(), &kept, &never)
        .await;
    Ran { end, kept }
}

/// Goes on where the output that is kept ends.
async fn reattach(
    ssh: &Ssh,
    route: &Arc<Route>,
    spec: &ExecSpec,
    attempt: &Durable,
    kept: Kept,
    cancel: &CancellationToken,
) -> Ran {
    let from = |stream| kept.bytes(stream).len() as u64;
    let start = Start::Reattach {
        stdout_from: from(OutStream::Stdout),
        stderr_from: from(OutStream::Stderr),
        asked: Duration::ZERO,
        process: kept.process.lock().unwrap().clone(),
    };
    let end = ssh
        .exec_durable(route, spec, attempt, start, granted(), &kept, cancel)
        .await;
    Ran { end, kept }
}

fn directory(user: &str, attempt: &Durable) -> std::path::PathBuf {
    home_of(user)
        .join(".local/state/conn/attempts")
        .join(&attempt.attempt)
}

#[tokio::test]
async fn every_login_shell_starts_and_follows_and_the_directory_goes_when_told() {
    let host = Host::start();
    let ssh = ssh();
    for shell in ["/bin/bash", "/bin/dash", "/bin/tcsh", "/usr/bin/fish"] {
        let route = Arc::new(host.route(&user(shell)));
        let spec = ExecSpec {
            env: vec![("X".into(), "a'b c".into())],
            interpreter: Interpreter::PosixShell,
            ..command("printenv X; echo err >&2; exit 3")
        };
        let attempt = attempt();
        let ran = start(&ssh, &route, &spec, &attempt).await;
        assert_eq!(
            *ran.outcome(),
            Outcome::Failed(3),
            "{shell}: {}",
            ran.detail()
        );
        assert_eq!(
            (ran.kept.stdout(), ran.kept.stderr()),
            ("a'b c\n".into(), "err\n".into()),
            "{shell}"
        );
        assert!(
            ran.kept
                .process
                .lock()
                .unwrap()
                .as_ref()
                .is_some_and(|p| !p.boot_id.is_empty() && p.start_time > 0)
        );
        assert!(directory(&user(shell), &attempt).exists());
        ssh.forget_attempt(&route, &spec, &attempt).await.unwrap();
        assert!(!directory(&user(shell), &attempt).exists());
        ssh.forget_attempt(&route, &spec, &attempt).await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_connection_loses_and_doubles_no_byte() {
    let host = Host::start();
    let (ssh, route, attempt) = (ssh(), host.bash(), attempt());
    let spec = command(
        "i=0; while [ $i -lt 400 ]; do echo line $i; echo err $i >&2; i=$((i+1)); sleep 0.01; done; exit 11",
    );
    let mut kept = Kept::default();
    let never = CancellationToken::new();
    for (starts, lines) in [20, 150, 260].into_iter().enumerate() {
        let how = if starts == 0 {
            Start::Fresh
        } else {
            Start::Reattach {
                stdout_from: kept.bytes(OutStream::Stdout).len() as u64,
                stderr_from: kept.bytes(OutStream::Stderr).len() as u64,
                asked: Duration::ZERO,
                process: kept.process.lock().unwrap().clone(),
            }
        };
        let cut = async {
            wait_until("output", || kept.stdout().lines().count() >= lines).await;
            host.kill_sessions();
            std::future::pending::<()>().await;
        };
        let end = tokio::select! {
            end = ssh.exec_durable(&route, &spec, &attempt, how, granted(), &kept, &never) => end,
            () = cut => unreachable!(),
        };
        assert!(matches!(end, AttemptEnd::Lost { .. }), "{end:?}");
        kept = Kept::from(
            &kept.bytes(OutStream::Stdout),
            &kept.bytes(OutStream::Stderr),
        );
    }
    let ran = reattach(&ssh, &route, &spec, &attempt, kept, &never).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(11), "{}", ran.detail());
    let whole = |word: &str| {
        (0..400).fold(String::new(), |text, i| {
            text + &format!(
                "{word} {i}
"
            )
        })
    };
    assert_eq!(ran.kept.stdout(), whole("line"));
    assert_eq!(ran.kept.stderr(), whole("err"));
}

#[tokio::test]
async fn a_durable_command_meets_the_same_world_as_a_plain_one() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let spec = command(
        "pwd; umask; ulimit -n; id; trap; env | grep -v -e ^SSH_ -e ^_= -e ^SHLVL= | sort; cat; grep SigIgn /proc/self/status; kill -INT $$; echo survived",
    );
    let plain = exec(&ssh, &route, &spec).await;
    let durable = start(&ssh, &route, &spec, &attempt()).await;
    assert!(plain.kept.stdout().contains("HOME=") && !plain.kept.stdout().contains("survived"));
    assert_eq!(plain.kept.stdout(), durable.kept.stdout());
}

#[tokio::test]
async fn two_starts_of_one_attempt_are_one_execution_seen_twice() {
    let host = Host::start();
    let (one, two, route, attempt) = (ssh(), ssh(), host.bash(), attempt());
    let spec = command("echo start; date +%s%N; sleep 0.5; echo end");
    let (a, b) = tokio::join!(
        start(&one, &route, &spec, &attempt),
        start(&two, &route, &spec, &attempt)
    );
    assert_eq!((a.outcome(), b.outcome()), (&Outcome::Ok, &Outcome::Ok));
    assert_eq!(a.kept.stdout(), b.kept.stdout());
    assert_eq!(
        start(&one, &route, &spec, &attempt).await.kept.stdout(),
        a.kept.stdout()
    );
}

#[tokio::test]
async fn an_attempt_that_never_began_will_never_begin() {
    let host = Host::start();
    let (ssh, route, attempt) = (ssh(), host.bash(), attempt());
    let spec = command("echo ran");
    let never = CancellationToken::new();
    let ran = reattach(&ssh, &route, &spec, &attempt, Kept::default(), &never).await;
    assert_eq!(*ran.outcome(), Outcome::Unreachable, "{}", ran.detail());
    let ran = start(&ssh, &route, &spec, &attempt).await;
    assert_eq!(
        (ran.outcome(), ran.kept.stdout()),
        (&Outcome::Unreachable, String::new())
    );
}

#[tokio::test]
async fn a_killed_wrapper_leaves_the_attempt_in_doubt() {
    let host = Host::start();
    let (ssh, route, attempt, kept) = (ssh(), host.bash(), attempt(), Kept::default());
    let never = CancellationToken::new();
    let spec = command("echo up; sleep 3");
    let kill = async {
        wait_until("it runs", || kept.stdout() == "up\n").await;
        let pid = kept.process.lock().unwrap().as_ref().unwrap().pid;
        sh(&format!("kill -9 {pid}"));
    };
    let (end, ()) = tokio::join!(
        ssh.exec_durable(
            &route,
            &spec,
            &attempt,
            Start::Fresh,
            granted(),
            &kept,
            &never
        ),
        kill
    );
    let ran = Ran { end, kept };
    assert_eq!(*ran.outcome(), Outcome::InDoubt);
    assert!(
        ran.detail().contains("wrapper was killed"),
        "{}",
        ran.detail()
    );
}

#[tokio::test]
async fn cancel_and_time_limit_kill_all_of_it_and_say_so_only_then() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let spec = ExecSpec {
        timeout: Some(Duration::from_millis(1500)),
        ..command("trap '' TERM; (sleep 581) & echo up; while :; do sleep 581; done")
    };
    let ran = start(&ssh, &route, &spec, &attempt()).await;
    assert_eq!(*ran.outcome(), Outcome::TimedOut, "{}", ran.detail());
    assert_eq!(ran.kept.stdout(), "up\n");
    assert_eq!(sh("pgrep -fc '^sleep 581' || true"), "0");
}

#[tokio::test]
async fn an_attempt_whose_connection_was_lost_can_be_cancelled() {
    let host = Host::start();
    let (ssh, route, attempt, kept) = (ssh(), host.bash(), attempt(), Kept::default());
    let never = CancellationToken::new();
    let spec = command("echo up; sleep 582");
    let cut = async {
        wait_until("it runs", || kept.stdout() == "up\n").await;
        host.kill_sessions();
    };
    let (end, ()) = tokio::join!(
        ssh.exec_durable(
            &route,
            &spec,
            &attempt,
            Start::Fresh,
            granted(),
            &kept,
            &never
        ),
        cut
    );
    assert!(matches!(end, AttemptEnd::Lost { .. }), "{end:?}");
    assert_eq!(sh("pgrep -fc '^sleep 582' || true"), "1");
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let ran = reattach(&ssh, &route, &spec, &attempt, kept, &cancelled).await;
    assert_eq!(*ran.outcome(), Outcome::Cancelled, "{}", ran.detail());
    assert_eq!(sh("pgrep -fc '^sleep 582' || true"), "0");
}

#[tokio::test]
async fn signals_and_what_is_left_running_are_told() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let ran = start(&ssh, &route, &command("kill -SEGV $$"), &attempt()).await;
    assert_eq!(*ran.outcome(), Outcome::Signaled("SEGV".into()));
    let ran = start(&ssh, &route, &command("sleep 6 & exit 2"), &attempt()).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(2));
    assert!(
        ran.detail().contains("left something running"),
        "{}",
        ran.detail()
    );
}

#[tokio::test]
async fn a_fast_producer_over_the_cap_leaves_a_counted_gap() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let attempt = Durable {
        output_cap: 1 << 20,
        ..attempt()
    };
    let spec = command("head -c 30000000 /dev/zero");
    let kept = Gaps::default();
    let end = ssh
        .exec_durable(
            &route,
            &spec,
            &attempt,
            Start::Fresh,
            granted(),
            &kept,
            &CancellationToken::new(),
        )
        .await;
    let AttemptEnd::Ended {
        outcome: Outcome::Ok,
        capped,
        ..
    } = end
    else {
        panic!("{end:?}")
    };
    let (seen, last) = *kept.0.lock().unwrap();
    assert_eq!(last, 30_000_000, "the last byte has its true offset");
    assert_eq!(
        seen + capped.unwrap_or(0),
        30_000_000,
        "what is missing is counted"
    );
}

/// Counts bytes, and where they end.
#[derive(Default)]
struct Gaps(std::sync::Mutex<(u64, u64)>);

impl Sink for Gaps {
    fn output(
        &self,
        _: OutStream,
        offset: u64,
        bytes: bytes::Bytes,
    ) -> futures::future::BoxFuture<'_, ()> {
        let mut at = self.0.lock().unwrap();
        assert!(offset >= at.1);
        *at = (at.0 + bytes.len() as u64, offset + bytes.len() as u64);
        Box::pin(std::future::ready(()))
    }
    fn started(&self, _: Option<RemoteProcess>) {}
    fn stage(&self, _: Stage) {}
}
