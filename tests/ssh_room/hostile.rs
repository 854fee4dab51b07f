//! Servers that are up to no good: whatever they do ends in time, in little memory, and in words.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Server as _, Session};
use russh::{Channel, ChannelId};
use theconn::run::outcome::Outcome;
use theconn::ssh::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::common::*;

/// Short patience, so that the tests take little of ours.
fn impatient() -> Ssh {
    let mut settings = settings();
    settings.timeouts.kex = Duration::from_millis(700);
    settings.timeouts.auth = Duration::from_millis(700);
    settings.timeouts.open = Duration::from_millis(700);
    settings.timeouts.connect = Duration::from_secs(4);
    settings.kill_grace = Duration::from_millis(300);
    Ssh::new(settings)
}

/// A server that does this to every connection.
async fn raw<F: Future<Output = ()> + Send + 'static>(act: fn(TcpStream) -> F) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(act(stream));
        }
    });
    at
}

fn route_to(at: SocketAddr, key: &Host, host_key: &str) -> Arc<Route> {
    let mut route = key.route(&bash_user());
    route.options.port = at.port();
    route.known = known(&format!("[127.0.0.1]:{} {host_key}", at.port()));
    Arc::new(route)
}

async fn unreachable<F: Future<Output = ()> + Send + 'static>(
    key: &Host,
    what: &str,
    act: fn(TcpStream) -> F,
) {
    let at = raw(act).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let (ssh, route) = (impatient(), route_to(at, key, ""));
    let run = run(&ssh, &route, "true");
    let ran = tokio::time::timeout(Duration::from_secs(15), run)
        .await
        .unwrap_or_else(|_| panic!("{what} hangs"));
    assert_eq!(
        *ran.outcome(),
        Outcome::Unreachable,
        "{what}: {}",
        ran.detail()
    );
    assert!(ran.detail().ends_with('.'), "{what}: {}", ran.detail());
    // Only the server's own tasks are left.
    wait_until("nothing of ours is left", || tasks() <= before + 4).await;
}

async fn hold(stream: TcpStream) {
    tokio::time::sleep(Duration::from_mins(1)).await;
    drop(stream);
}

async fn forever(mut stream: TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).await.is_ok() {}
}

#[tokio::test]
async fn servers_that_never_get_to_the_point_are_unreachable_in_time() {
    let key = Host::start();
    unreachable(&key, "silence", hold).await;
    unreachable(&key, "hanging up", |stream| async move { drop(stream) }).await;
    unreachable(&key, "a banner that drips", |mut stream| async move {
        while stream.write_all(b"x\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    unreachable(&key, "an endless banner", |stream| async move {
        forever(
            stream,
            &b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n".repeat(100),
        )
        .await;
    })
    .await;
    unreachable(&key, "an endless line", |stream| async move {
        forever(stream, &vec![b'A'; 65536]).await;
    })
    .await;
    unreachable(
        &key,
        "an identification and silence",
        |mut stream| async move {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
            hold(stream).await;
        },
    )
    .await;
    unreachable(&key, "a packet without end", |mut stream| async move {
        let _ = stream
            .write_all(b"SSH-2.0-OpenSSH_9.9\r\n\x7f\xff\xff\xff")
            .await;
        forever(stream, &vec![0; 65536]).await;
    })
    .await;
    unreachable(&key, "noise", |mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..65536)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        forever(stream, &noise).await;
    })
    .await;
    unreachable(&key, "our own words", |mut stream| async move {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            let _ = stream.write_all(&buffer[..n]).await;
        }
    })
    .await;
    unreachable(&key, "another protocol", |mut stream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn what_a_server_says_before_it_hangs_up_is_told() {
    let key = Host::start();
    let at = raw(|mut stream| async move {
        let _ = stream
            .write_all(b"Not allowed at this\x1b[2J time\r\n")
            .await;
    })
    .await;
    let ran = run(&impatient(), &route_to(at, &key, ""), "true").await;
    assert!(
        ran.detail().contains("Not allowed at this\u{fffd}[2J time"),
        "{}",
        ran.detail()
    );
}

/// An SSH server with bad manners, behind the door.
#[derive(Clone)]
struct Rude(&'static str);

impl server::Server for Rude {
    type Handler = Self;
    fn new_client(&mut self, _: Option<SocketAddr>) -> Self {
        self.clone()
    }
}

impl server::Handler for Rude {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: server::VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        if self.0 == "no answer to a key" {
            std::future::pending::<()>().await;
        }
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.0 {
            "no answer to a channel" => std::future::pending().await,
            "no channel" => drop(reply),
            _ => reply.accept().await,
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let handle = session.handle();
        match self.0 {
            "no answer to a request" => {}
            "refuses" => session.channel_failure(id)?,
            "hangs up" => {
                session.disconnect(russh::Disconnect::ByApplication, "bye\u{1b}[31m", "")?;
            }
            "closes without a status" => {
                session.channel_success(id)?;
                session.close(id)?;
            }
            "two statuses" => {
                session.channel_success(id)?;
                session.exit_status_request(id, 3)?;
                session.exit_status_request(id, 0)?;
                session.close(id)?;
            }
            "a status and no close" => {
                session.channel_success(id)?;
                session.exit_status_request(id, 5)?;
            }
            "endless output" => {
                session.channel_success(id)?;
                tokio::spawn(
                    async move { while handle.data(id, vec![b'x'; 30_000]).await.is_ok() {} },
                );
            }
            "endless errors after the status" => {
                session.channel_success(id)?;
                session.exit_status_request(id, 7)?;
                tokio::spawn(async move {
                    while handle
                        .extended_data(id, 1, vec![b'x'; 30_000])
                        .await
                        .is_ok()
                    {}
                });
            }
            "opens channels" => {
                session.channel_success(id)?;
                tokio::spawn(async move {
                    let back = handle
                        .channel_open_forwarded_tcpip("127.0.0.1", 22, "127.0.0.1", 22)
                        .await;
                    let agent = handle.channel_open_agent().await;
                    let refused = back.is_err() && agent.is_err();
                    let _ = handle.exit_status_request(id, u32::from(!refused)).await;
                    let _ = handle.close(id).await;
                });
            }
            "frames of nonsense" => {
                session.channel_success(id)?;
                let _ = data;
                tokio::spawn(
                    async move { while handle.data(id, vec![b'o'; 30_000]).await.is_ok() {} },
                );
            }
            other => panic!("{other}"),
        }
        Ok(())
    }
}

/// A rude server, and a route to it.
async fn rude(how: &'static str, key: &Host) -> Arc<Route> {
    let host_key =
        PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let public = host_key.public_key().to_openssh().unwrap();
    let config = server::Config {
        keys: vec![host_key],
        ..server::Config::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { Rude(how).run_on_socket(Arc::new(config), &listener).await });
    route_to(at, key, &public)
}

/// What comes of a command, with a time limit of a second.
async fn behind(how: &'static str, key: &Host) -> (Outcome, String, usize) {
    let route = rude(how, key).await;
    let spec = ExecSpec {
        timeout: Some(Duration::from_secs(1)),
        ..command("true")
    };
    let ssh = impatient();
    let kept = Counted::default();
    let never = CancellationToken::new();
    let end = ssh.exec(&route, &spec, granted(), &kept, &never);
    let end = tokio::time::timeout(Duration::from_secs(40), end)
        .await
        .unwrap_or_else(|_| panic!("{how} hangs"));
    let AttemptEnd::Ended {
        outcome, detail, ..
    } = end
    else {
        panic!("{how}: {end:?}")
    };
    (
        outcome,
        detail.unwrap_or_default(),
        kept.0.load(std::sync::atomic::Ordering::Relaxed),
    )
}

#[derive(Default)]
struct Counted(std::sync::atomic::AtomicUsize);

impl Sink for Counted {
    fn output(
        &self,
        _: theconn::run::output::OutStream,
        _: u64,
        bytes: bytes::Bytes,
    ) -> futures::future::BoxFuture<'_, ()> {
        self.0
            .fetch_add(bytes.len(), std::sync::atomic::Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }
    fn started(&self, _: Option<RemoteProcess>) {}
    fn stage(&self, _: Stage) {}
}

#[tokio::test]
async fn a_server_that_lets_us_in_and_then_misbehaves_is_met_with_the_right_word() {
    let key = Host::start();
    let in_doubt = [
        "no answer to a request",
        "hangs up",
        "closes without a status",
        "endless output",
    ];
    for how in in_doubt {
        let (outcome, detail, _) = behind(how, &key).await;
        assert_eq!(outcome, Outcome::InDoubt, "{how}: {detail}");
        assert!(
            detail.ends_with('.') && !detail.contains('\u{1b}'),
            "{how}: {detail}"
        );
    }
    for how in [
        "no answer to a key",
        "no answer to a channel",
        "no channel",
        "refuses",
    ] {
        let (outcome, detail, _) = behind(how, &key).await;
        assert_eq!(outcome, Outcome::Unreachable, "{how}: {detail}");
        assert!(detail.ends_with('.'), "{how}: {detail}");
    }
    assert_eq!(behind("two statuses", &key).await.0, Outcome::Failed(3));
    assert_eq!(
        behind("a status and no close", &key).await.0,
        Outcome::Failed(5)
    );
    assert_eq!(behind("opens channels", &key).await.0, Outcome::Ok);
    let (outcome, _, bytes) = behind("endless errors after the status", &key).await;
    assert_eq!(outcome, Outcome::Failed(7));
    assert!(bytes > 0);
}

#[tokio::test]
async fn a_follower_that_talks_nonsense_is_given_up() {
    let key = Host::start();
    let route = rude("frames of nonsense", &key).await;
    let durable = Durable {
        attempt: "x".into(),
        output_cap: 1 << 20,
    };
    let never = CancellationToken::new();
    let ssh = impatient();
    let (kept, spec) = (Kept::default(), command("true"));
    let run = ssh.exec_durable(
        &route,
        &spec,
        &durable,
        Start::Fresh,
        granted(),
        &kept,
        &never,
    );
    let end = tokio::time::timeout(Duration::from_secs(20), run)
        .await
        .unwrap();
    assert!(
        matches!(&end, AttemptEnd::Lost { why, .. } if why.contains("no sense")),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_slow_reader_of_one_command_does_not_keep_another_host_waiting() {
    let (slow, quick) = (Host::start(), Host::start());
    let ssh = ssh();
    let stuck = Stuck;
    let never = CancellationToken::new();
    let (slow_route, quick_route, spec) = (slow.bash(), quick.bash(), command("cat /dev/zero"));
    let blocked = ssh.exec(&slow_route, &spec, granted(), &stuck, &never);
    tokio::select! {
        end = blocked => panic!("{end:?}"),
        ran = run(&ssh, &quick_route, "echo quick") => assert_eq!(ran.kept.stdout(), "quick\n"),
    }
}

#[tokio::test]
async fn a_command_whose_output_nobody_takes_can_still_be_killed() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let spec = ExecSpec {
        timeout: Some(Duration::from_millis(500)),
        ..command("exec -a conn-flood cat /dev/zero")
    };
    let never = CancellationToken::new();
    let end = ssh.exec(&route, &spec, granted(), &Stuck, &never).await;
    assert!(
        matches!(
            end,
            AttemptEnd::Ended {
                outcome: Outcome::TimedOut,
                ..
            }
        ),
        "{end:?}"
    );
    let durable = Durable {
        attempt: format!("flood-{}", host.port),
        output_cap: 1 << 20,
    };
    let end = ssh
        .exec_durable(
            &route,
            &spec,
            &durable,
            Start::Fresh,
            granted(),
            &Stuck,
            &never,
        )
        .await;
    assert!(
        matches!(
            end,
            AttemptEnd::Ended {
                outcome: Outcome::TimedOut,
                ..
            }
        ),
        "{end:?}"
    );
    assert_eq!(sh("pgrep -fc '^conn-flood' || true"), "0");
}

/// Takes nothing.
struct Stuck;

impl Sink for Stuck {
    fn output(
        &self,
        _: theconn::run::output::OutStream,
        _: u64,
        _: bytes::Bytes,
    ) -> futures::future::BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
    fn started(&self, _: Option<RemoteProcess>) {}
    fn stage(&self, _: Stage) {}
}
