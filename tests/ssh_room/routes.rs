//! Ways to a host: jump hosts, proxy commands, addresses, and hosts that are hard to reach.

use std::sync::Arc;
use std::time::Duration;

use theconn::run::outcome::{Outcome, RefusedBy};
use theconn::ssh::*;
use tokio_util::sync::CancellationToken;

use crate::common::*;

/// A way to `target` through the others, all with `target`'s client key.
fn chain(target: &Host, hops: &[&Host]) -> Route {
    let mut route = target.route(&bash_user());
    for hop in hops {
        sh(&format!(
            "cat {} >> {}",
            target.path("id.pub").display(),
            hop.path("authorized").display()
        ));
        let mut options = hop.route(&bash_user()).options;
        options
            .identity_files
            .clone_from(&route.options.identity_files);
        route.jumps.push(options);
        route.jump_known.push(hop.known());
    }
    route
}

#[tokio::test]
async fn a_chain_of_two_jump_hosts_leads_to_the_host_and_is_shared() {
    let (near, far, a, b) = (Host::start(), Host::start(), Host::start(), Host::start());
    let ssh = ssh();
    let ran = run(
        &ssh,
        &Arc::new(chain(&a, &[&near, &far])),
        "echo $SSH_CONNECTION",
    )
    .await;
    assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
    assert!(ran.kept.stdout().trim().ends_with(&a.port.to_string()));
    assert_eq!(ssh.stats().open, 3);
    // The second target has another key, so its way is its own; with the same key it is shared.
    let mut other = chain(&b, &[&near, &far]);
    for options in other.jumps.iter_mut().chain([&mut other.options]) {
        options.identity_files = vec![a.path("id").display().to_string()];
    }
    sh(&format!(
        "cat {} >> {}",
        a.path("id.pub").display(),
        b.path("authorized").display()
    ));
    assert_eq!(
        *run(&ssh, &Arc::new(other), "true").await.outcome(),
        Outcome::Ok
    );
    assert_eq!(ssh.stats().open, 4);
    assert_eq!(
        (near.sessions().len(), far.sessions().len()),
        (2, 2),
        "one connection each: a monitor and its user's half"
    );
    ssh.shutdown().await;
    wait_until("all have hung up", || {
        [&near, &far, &a, &b]
            .iter()
            .all(|h| h.sessions().is_empty())
    })
    .await;
}

#[tokio::test]
async fn each_hop_is_checked_against_its_own_known_hosts() {
    let (jump, host) = (Host::start(), Host::start());
    let mut route = chain(&host, &[&jump]);
    route.jump_known = vec![host.known()];
    let ran = run(&ssh(), &Arc::new(route.clone()), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Refused(RefusedBy::HostKey));
    assert!(ran.detail().contains("jump host"), "{}", ran.detail());
    route.jump_known = vec![jump.known()];
    route.known = jump.known();
    let ran = run(&ssh(), &Arc::new(route), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Refused(RefusedBy::HostKey));
    assert!(!ran.detail().contains("jump host"), "{}", ran.detail());
}

#[tokio::test]
async fn a_lost_jump_host_is_replaced_for_the_next_command() {
    let (jump, host) = (Host::start(), Host::start());
    let (ssh, route) = (ssh(), Arc::new(chain(&host, &[&jump])));
    assert_eq!(*run(&ssh, &route, "true").await.outcome(), Outcome::Ok);
    jump.kill_sessions();
    let ran = run(&ssh, &route, "true").await;
    assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
}

#[tokio::test]
async fn a_closed_port_behind_a_jump_host_is_unreachable_in_words() {
    let (jump, host) = (Host::start(), Host::start());
    let mut route = chain(&host, &[&jump]);
    route.options.port = 1;
    let ran = run(&ssh(), &Arc::new(route), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Unreachable);
    assert!(
        ran.detail().contains("refuses to forward"),
        "{}",
        ran.detail()
    );
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection_and_tells_why_it_does_not() {
    let host = Host::start();
    let ssh = ssh();
    let mut route = host.route(&bash_user());
    route.options.proxy_command = Some(format!("socat - TCP:127.0.0.1:{}", host.port));
    let ran = run(
        &ssh,
        &Arc::new(route.clone()),
        "head -c 3000000 /dev/zero | wc -c",
    )
    .await;
    assert_eq!(ran.kept.stdout().trim(), "3000000", "{}", ran.detail());
    ssh.close_idle().await;
    wait_until("the proxy command is gone", || {
        sh(&format!(
            "pgrep -fc '^socat - TCP:127.0.0.1:{}' || true",
            host.port
        )) == "0"
    })
    .await;
    route.options.proxy_command = Some("echo no way there >&2; exit 3".into());
    let ran = run(&ssh, &Arc::new(route), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Unreachable);
    assert!(ran.detail().contains("no way there"), "{}", ran.detail());
}

#[tokio::test]
async fn no_address_and_no_listener_are_told_apart() {
    let host = Host::start();
    let mut route = host.route(&bash_user());
    route.options.hostname = "no-such-host.invalid".into();
    let ran = run(&ssh(), &Arc::new(route.clone()), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Unreachable);
    assert!(ran.detail().contains("no address"), "{}", ran.detail());
    route.options.hostname = "127.0.0.1".into();
    route.options.port = 1;
    let ran = run(&ssh(), &Arc::new(route), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Unreachable);
    assert!(ran.detail().contains("refused"), "{}", ran.detail());
}

#[tokio::test]
async fn a_pooled_connection_that_died_unnoticed_is_replaced() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    for _ in 0..5 {
        let ran = run(&ssh, &route, "true").await;
        assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
        host.kill_sessions();
    }
}

#[tokio::test]
async fn a_pooled_connection_whose_host_stopped_is_given_up_for_a_new_one() {
    let host = Host::start();
    let mut settings = settings();
    settings.timeouts.open = Duration::from_millis(500);
    let (ssh, route) = (Ssh::new(settings), host.bash());
    assert_eq!(*run(&ssh, &route, "true").await.outcome(), Outcome::Ok);
    let stopped = host.sessions();
    for pid in &stopped {
        sh(&format!("kill -STOP {pid}"));
    }
    let ran = run(&ssh, &route, "true").await;
    assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
    for pid in &stopped {
        sh(&format!("kill -KILL {pid} || true"));
    }
}

#[tokio::test]
async fn an_overloaded_sshd_is_asked_again() {
    let host = Host::with(&Setup {
        config: "MaxStartups 2:100:2".into(),
        ..Setup::default()
    });
    let route = host.bash();
    let one = |_| {
        let route = Arc::clone(&route);
        // Each its own pool, so that each connects.
        async move { run(&ssh(), &route, "true").await }
    };
    let ran = futures::future::join_all((0..6).map(one)).await;
    let ok = ran
        .iter()
        .filter(|ran| *ran.outcome() == Outcome::Ok)
        .count();
    assert!(
        ok >= 5,
        "{:?}",
        ran.iter().map(Ran::detail).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn idle_connections_over_the_cap_are_closed_the_oldest_first() {
    let hosts = [Host::start(), Host::start(), Host::start()];
    let mut settings = settings();
    settings.idle_connections = 2;
    let ssh = Ssh::new(settings);
    for host in &hosts {
        assert_eq!(
            *run(&ssh, &host.bash(), "true").await.outcome(),
            Outcome::Ok
        );
    }
    wait_until("the first has gone", || hosts[0].sessions().is_empty()).await;
    assert!(!hosts[1].sessions().is_empty() && !hosts[2].sessions().is_empty());
    assert_eq!(ssh.stats(), PoolStats { open: 2, idle: 2 });
}

#[tokio::test]
async fn a_kept_connection_stays_however_many_others_are_open() {
    let hosts = [Host::start(), Host::start()];
    let mut settings = settings();
    settings.idle_connections = 0;
    let ssh = Ssh::new(settings);
    let never = CancellationToken::new();
    let connected = ssh.connect(&hosts[0].bash(), &never).await.unwrap();
    let ran = run(&ssh, &hosts[1].bash(), "true").await;
    assert_eq!(*ran.outcome(), Outcome::Ok);
    wait_until("the other has gone", || hosts[1].sessions().is_empty()).await;
    assert_eq!(ssh.stats(), PoolStats { open: 1, idle: 0 });
    let ran = run(&ssh, &hosts[0].bash(), "true").await;
    let AttemptEnd::Ended { phases, .. } = ran.end else {
        panic!("it did not end: {:?}", ran.end);
    };
    assert_eq!(phases.auth, None, "another connection was made");
    drop(connected.hold);
    wait_until("nothing keeps it", || hosts[0].sessions().is_empty()).await;
}

#[tokio::test]
async fn connect_alone_leaves_a_connection_and_tells_the_banner() {
    let setup = Setup {
        config: "Banner {dir}/banner".into(),
        ..Setup::default()
    };
    let host = Host::with(&setup);
    std::fs::write(host.path("banner"), "mind the gap\n").unwrap();
    let (ssh, route) = (ssh(), host.bash());
    let never = CancellationToken::new();
    let connected = ssh.connect(&route, &never).await.unwrap();
    assert!(connected.banner.is_some_and(|b| b.contains("mind the gap")));
    assert!(connected.phases.auth.is_some());
    assert_eq!(ssh.stats(), PoolStats { open: 1, idle: 0 });
    drop(connected.hold);
    assert_eq!(ssh.stats(), PoolStats { open: 1, idle: 1 });
    assert_eq!(ssh.connect(&route, &never).await.unwrap().phases.auth, None);
    let mut wrong = (*route).clone();
    wrong.known = known("");
    wrong.options.user_known_hosts_files = vec!["another".into()];
    assert!(matches!(
        ssh.connect(&Arc::new(wrong), &never).await,
        Err(AttemptEnd::Ended {
            outcome: Outcome::Refused(RefusedBy::HostKey),
            ..
        })
    ));
}

#[tokio::test]
async fn algorithms_of_ssh_config_are_used_or_refused_in_words() {
    let host = Host::start();
    let mut route = host.route(&bash_user());
    route.options.ciphers = Some("aes128-ctr".into());
    route.options.macs = Some("hmac-sha2-256".into());
    route.options.kex_algorithms = Some("curve25519-sha256".into());
    route.options.host_key_algorithms = Some("ssh-ed25519".into());
    assert_eq!(
        *run(&ssh(), &Arc::new(route.clone()), "true")
            .await
            .outcome(),
        Outcome::Ok
    );
    route.options.ciphers = Some("3des-cbc".into());
    let ran = run(&ssh(), &Arc::new(route), "true").await;
    assert_eq!(*ran.outcome(), Outcome::NotStarted);
    assert!(ran.detail().contains("3des-cbc"), "{}", ran.detail());
}
