//! Commands as somebody else.

use std::sync::Arc;
use std::time::Duration;

use theconn::run::outcome::Outcome;
use theconn::ssh::*;
use tokio_util::sync::CancellationToken;

use crate::common::*;

fn as_user(user: &str, method: RunAsMethod, text: &str) -> ExecSpec {
    ExecSpec {
        run_as: Some(RunAs {
            user: user.into(),
            method,
        }),
        ..command(text)
    }
}

#[tokio::test]
async fn sudo_and_su_run_the_command_with_its_environment_as_the_other_user() {
    sudo_rights();
    let host = Host::start();
    let (ssh, dash) = (ssh(), user("/bin/dash"));
    for (login, method) in [
        (bash_user(), RunAsMethod::Sudo),
        ("root".into(), RunAsMethod::Su),
        ("root".into(), RunAsMethod::Sudo),
    ] {
        let route = Arc::new(host.route(&login));
        let spec = ExecSpec {
            env: vec![("K".into(), "a 'b'".into())],
            ..as_user(&dash, method, "id -un; printenv K; echo err >&2; exit 4")
        };
        let ran = exec(&ssh, &route, &spec).await;
        assert_eq!(
            *ran.outcome(),
            Outcome::Failed(4),
            "{method:?}: {} {}",
            ran.detail(),
            ran.kept.stderr()
        );
        assert_eq!(ran.kept.stdout(), format!("{dash}\na 'b'\n"));
        assert_eq!(ran.kept.stderr(), "err\n");
        assert_eq!(ran.detail(), "");
    }
}

#[tokio::test]
async fn a_missing_right_is_a_sentence_and_never_a_question() {
    sudo_rights();
    let host = Host::start();
    let ssh = ssh();
    let spec = ExecSpec {
        stdin: Some("secret\n".into()),
        ..as_user("root", RunAsMethod::Sudo, "id")
    };
    let ran = exec(&ssh, &Arc::new(host.route(&user("/bin/dash"))), &spec).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(1), "{}", ran.kept.stderr());
    assert!(
        ran.detail().contains("was not started") && ran.detail().contains("sudo"),
        "{}",
        ran.detail()
    );
    let spec = as_user("root", RunAsMethod::Su, "id");
    let ran = exec(&ssh, &host.bash(), &spec).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(1));
    assert!(ran.detail().contains("su"), "{}", ran.detail());
    for bad in ["-x", "", "a b\n", "../x"] {
        let ran = exec(&ssh, &host.bash(), &as_user(bad, RunAsMethod::Sudo, "id")).await;
        assert_eq!(*ran.outcome(), Outcome::NotStarted, "{bad}");
    }
}

#[tokio::test]
async fn a_command_of_another_user_is_killed_with_that_users_rights() {
    sudo_rights();
    let host = Host::start();
    let (ssh, dash) = (ssh(), user("/bin/dash"));
    let spec = ExecSpec {
        timeout: Some(Duration::from_millis(900)),
        ..as_user(
            &dash,
            RunAsMethod::Sudo,
            "trap '' TERM; while :; do sleep 591; done",
        )
    };
    let ran = exec(&ssh, &host.bash(), &spec).await;
    assert_eq!(*ran.outcome(), Outcome::TimedOut, "{}", ran.detail());
    assert_eq!(sh("pgrep -fc '^sleep 591' || true"), "0");
}

#[tokio::test]
async fn a_durable_command_of_another_user_is_kept_by_the_login_user() {
    sudo_rights();
    let host = Host::start();
    let (ssh, route, dash) = (ssh(), host.bash(), user("/bin/dash"));
    let durable = Durable {
        attempt: format!("as-{}", host.port),
        output_cap: 1 << 20,
    };
    let run = |spec: ExecSpec, durable: Durable| {
        let (ssh, route) = (ssh.clone(), Arc::clone(&route));
        async move {
            let kept = Kept::default();
            let end = ssh
                .exec_durable(
                    &route,
                    &spec,
                    &durable,
                    Start::Fresh,
                    granted(),
                    &kept,
                    &CancellationToken::new(),
                )
                .await;
            let ran = Ran { end, kept };
            ssh.forget_attempt(&route, &spec, &durable).await.unwrap();
            ran
        }
    };
    let ran = run(
        as_user(&dash, RunAsMethod::Sudo, "id -un; exit 3"),
        durable.clone(),
    )
    .await;
    assert_eq!(
        (ran.outcome(), &*ran.kept.stdout()),
        (&Outcome::Failed(3), &*format!("{dash}\n")),
        "{}",
        ran.detail()
    );
    let spec = ExecSpec {
        timeout: Some(Duration::from_millis(900)),
        ..as_user(
            &dash,
            RunAsMethod::Sudo,
            "trap '' TERM; while :; do sleep 592; done",
        )
    };
    let ran = run(spec, durable.clone()).await;
    assert_eq!(*ran.outcome(), Outcome::TimedOut, "{}", ran.detail());
    assert_eq!(sh("pgrep -fc '^sleep 592' || true"), "0");
    let ran = run(as_user("nobody", RunAsMethod::Sudo, "id"), durable).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(1));
    assert!(
        ran.detail().contains("sudo did not let"),
        "{}",
        ran.detail()
    );
}
