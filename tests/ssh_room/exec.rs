//! Plain commands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use theconn::run::outcome::Outcome;
use theconn::run::output::OutStream;
use theconn::ssh::*;
use tokio_util::sync::CancellationToken;

use crate::common::*;

#[tokio::test]
async fn a_command_gives_its_output_and_its_status() {
    let host = Host::start();
    let ran = run(&ssh(), &host.bash(), "echo out; echo err >&2; exit 3").await;
    assert_eq!(*ran.outcome(), Outcome::Failed(3), "{}", ran.detail());
    assert_eq!(ran.kept.stdout(), "out\n");
    assert_eq!(ran.kept.stderr(), "err\n");
}

#[tokio::test]
async fn every_login_shell_runs_its_users_command() {
    let host = Host::start();
    let ssh = ssh();
    for shell in ["/bin/bash", "/bin/dash", "/bin/tcsh", "/usr/bin/fish"] {
        let route = Arc::new(host.route(&user(shell)));
        let spec = ExecSpec {
            env: vec![("GREETING".into(), "it's `$HOME` \\ \"x\" !y\n%d".into())],
            ..command("printenv GREETING; exit 5")
        };
        let ran = exec(&ssh, &route, &spec).await;
        assert_eq!(
            *ran.outcome(),
            Outcome::Failed(5),
            "{shell}: {} {}",
            ran.detail(),
            ran.kept.stderr()
        );
        assert_eq!(
            ran.kept.stdout(),
            "it's `$HOME` \\ \"x\" !y\n%d\n",
            "{shell}"
        );
        let spec = ExecSpec {
            interpreter: Interpreter::PosixShell,
            ..command("for i in 1 2; do echo $i; done")
        };
        assert_eq!(
            exec(&ssh, &route, &spec).await.kept.stdout(),
            "1\n2\n",
            "{shell}"
        );
    }
    let ran = run(
        &ssh,
        &Arc::new(host.route(&user("/usr/bin/fish"))),
        "set x hi; echo $x",
    )
    .await;
    assert_eq!(
        ran.kept.stdout(),
        "hi\n",
        "the login shell's own language is understood"
    );
}

#[tokio::test]
async fn standard_input_is_empty_unless_given_and_then_comes_whole() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    assert_eq!(
        run(&ssh, &route, "cat; echo end").await.kept.stdout(),
        "end\n"
    );
    let input: Bytes = (0..3_000_000_u32)
        .map(|i| (i % 251) as u8)
        .collect::<Vec<_>>()
        .into();
    let spec = ExecSpec {
        stdin: Some(input.clone()),
        ..command("cat")
    };
    let ran = exec(&ssh, &route, &spec).await;
    assert!(ran.kept.bytes(OutStream::Stdout) == input, "{:?}", ran.end);
    let spec = ExecSpec {
        stdin: Some(input),
        ..command("exec 0<&-; sleep 0.2; echo unread")
    };
    assert_eq!(exec(&ssh, &route, &spec).await.kept.stdout(), "unread\n");
}

#[tokio::test]
async fn a_signal_is_told_apart_from_an_exit_status() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    for name in ["KILL", "TERM", "SEGV", "USR2"] {
        let ran = run(&ssh, &route, &format!("kill -{name} $$")).await;
        assert_eq!(*ran.outcome(), Outcome::Signaled(name.into()));
    }
    assert_eq!(
        *run(&ssh, &route, "exit 137").await.outcome(),
        Outcome::Failed(137)
    );
}

#[tokio::test]
async fn a_status_ends_an_attempt_even_when_something_left_behind_holds_its_output() {
    let host = Host::start();
    let ran = run(&ssh(), &host.bash(), "echo before; sleep 30 & exit 6").await;
    assert_eq!(*ran.outcome(), Outcome::Failed(6));
    assert_eq!(ran.kept.stdout(), "before\n");
    assert!(
        ran.detail().contains("left something running"),
        "{}",
        ran.detail()
    );
}

#[tokio::test]
async fn output_that_comes_with_and_after_the_status_is_whole() {
    let host = Host::start();
    let ran = run(&ssh(), &host.bash(), "head -c 20000000 /dev/zero; exit 9").await;
    assert_eq!(*ran.outcome(), Outcome::Failed(9));
    assert_eq!(ran.kept.bytes(OutStream::Stdout).len(), 20_000_000);
}

#[tokio::test]
async fn a_time_limit_kills_all_of_the_command_and_says_so_only_then() {
    let host = Host::start();
    let ssh = ssh();
    let spec = ExecSpec {
        timeout: Some(Duration::from_millis(700)),
        ..command("(trap '' TERM; sleep 571) & sleep 571; sleep 571")
    };
    let ran = exec(&ssh, &host.bash(), &spec).await;
    assert_eq!(*ran.outcome(), Outcome::TimedOut, "{}", ran.detail());
    assert_eq!(sh("pgrep -fc '^sleep 571' || true"), "0");
}

#[tokio::test]
async fn a_cancelled_command_is_gone_also_for_root_and_when_it_ignores_politeness() {
    let host = Host::start();
    let ssh = ssh();
    for (login, seconds) in [("root", 572), (&*bash_user(), 573)] {
        let route = Arc::new(host.route(login));
        let spec = command(&format!(
            "trap '' TERM INT; echo up; while :; do sleep {seconds}; done"
        ));
        let (kept, cancel) = (Kept::default(), CancellationToken::new());
        let stop = async {
            wait_until("the command runs", || kept.stdout() == "up\n").await;
            cancel.cancel();
        };
        let (end, ()) = tokio::join!(ssh.exec(&route, &spec, granted(), &kept, &cancel), stop);
        let ran = Ran { end, kept };
        assert_eq!(
            *ran.outcome(),
            Outcome::Cancelled,
            "{login}: {}",
            ran.detail()
        );
        assert_eq!(
            sh(&format!("pgrep -fc '^sleep {seconds}' || true")),
            "0",
            "{login}"
        );
        assert!(ran.kept.stages.lock().unwrap().contains(&Stage::Cancelling));
    }
}

#[tokio::test]
async fn what_was_cancelled_or_not_permitted_before_the_request_was_never_started() {
    let host = Host::start();
    let (ssh, route, kept) = (ssh(), host.bash(), Kept::default());
    let refuse: Permit = Box::pin(async { Err("the disk is full".to_owned()) });
    let end = ssh
        .exec(
            &route,
            &command("echo ran"),
            refuse,
            &kept,
            &CancellationToken::new(),
        )
        .await;
    let ran = Ran { end, kept };
    assert_eq!(
        (ran.outcome(), &*ran.detail()),
        (&Outcome::NotStarted, "the disk is full")
    );
    let (kept, cancel) = (Kept::default(), CancellationToken::new());
    let wait: Permit = Box::pin(async {
        cancel.cancel();
        std::future::pending().await
    });
    let end = ssh
        .exec(&route, &command("echo ran"), wait, &kept, &cancel)
        .await;
    let ran = Ran { end, kept };
    assert_eq!(*ran.outcome(), Outcome::Cancelled);
    assert_eq!(ran.kept.stdout(), "");
}

#[tokio::test]
async fn a_connection_lost_under_a_command_leaves_it_in_doubt() {
    let host = Host::start();
    let (ssh, route, kept) = (ssh(), host.bash(), Kept::default());
    let never = CancellationToken::new();
    let cut = async {
        wait_until("the command runs", || kept.stdout() == "up\n").await;
        host.kill_sessions();
    };
    let spec = command("echo up; sleep 5");
    let (end, ()) = tokio::join!(ssh.exec(&route, &spec, granted(), &kept, &never), cut);
    let ran = Ran { end, kept };
    assert_eq!(*ran.outcome(), Outcome::InDoubt);
    assert!(ran.detail().contains("lost"), "{}", ran.detail());
    assert_eq!(
        run(&ssh, &route, "echo again").await.kept.stdout(),
        "again\n"
    );
}

#[tokio::test]
async fn phases_are_told_for_a_new_connection_and_left_out_for_a_pooled_one() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let phases = |ran: &Ran| match &ran.end {
        AttemptEnd::Ended { phases, .. } => *phases,
        other => panic!("{other:?}"),
    };
    let first = phases(&run(&ssh, &route, "echo x").await);
    for (name, phase) in [
        ("resolve", first.resolve),
        ("tcp", first.tcp),
        ("kex", first.kex),
        ("auth", first.auth),
        ("open", first.open),
        ("first_byte", first.first_byte),
        ("run", first.run),
    ] {
        assert!(phase.is_some(), "{name}");
    }
    let second = phases(&run(&ssh, &route, "true").await);
    assert_eq!(
        (second.tcp, second.kex, second.auth, second.first_byte),
        (None, None, None, None)
    );
    assert!(second.open.is_some() && second.run.is_some());
}

#[tokio::test]
async fn many_commands_share_one_connection_and_wait_for_a_place() {
    let host = Host::with(&Setup {
        config: "MaxSessions 3".into(),
        ..Setup::default()
    });
    let (ssh, route) = (ssh(), host.bash());
    let one = |i: usize| {
        let (ssh, route) = (&ssh, &route);
        async move { run(ssh, route, &format!("sleep 0.1; echo {i} $PPID")).await }
    };
    let ran = futures::future::join_all((0..20).map(one)).await;
    for (i, ran) in ran.iter().enumerate() {
        assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
        assert!(
            ran.kept.stdout().starts_with(&format!("{i} ")),
            "{}",
            ran.kept.stdout()
        );
    }
    assert_eq!(ssh.stats().open, 1);
    assert_eq!(ssh.stats().idle, 1);
    ssh.close_idle().await;
    assert_eq!(ssh.stats(), PoolStats::default());
}

#[tokio::test]
async fn an_audit_tag_reaches_the_hosts_syslog() {
    let host = Host::start();
    let route = host.bash();
    // A logger that writes to a file stands for the system's.
    let home = home_of(&bash_user());
    let log = home.join("conn-audit.log");
    let _ = std::fs::remove_file(&log);
    let at = home.join("conn-audit-bin");
    std::fs::create_dir_all(&at).unwrap();
    std::fs::write(
        at.join("logger"),
        format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display()),
    )
    .unwrap();
    sh(&format!(
        "chmod 755 {0} {0}/logger; touch {1}; chmod 666 {1}",
        at.display(),
        log.display()
    ));
    let host2 = Host::with(&Setup {
        config: format!("SetEnv PATH={}:/usr/bin:/bin", at.display()),
        ..Setup::default()
    });
    drop((host, route));
    let spec = ExecSpec {
        audit_tag: Some("run=r1 by=o'hara identity=ops".into()),
        ..command("echo ok")
    };
    let ran = exec(&ssh(), &host2.bash(), &spec).await;
    assert_eq!(ran.kept.stdout(), "ok\n");
    wait_until("the logger was called", || {
        std::fs::read_to_string(&log).is_ok_and(|t| t.contains("run=r1 by=o'hara identity=ops"))
    })
    .await;
}
