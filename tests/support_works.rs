//! The troubles that other tests make use of do what they say.

// What tests may do, their helpers may do too; clippy knows that of tests alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{
    Agent, Behaviour, Conn, HostileServer, PATIENCE, Scratch, TcpProxy, make_key, wait_until,
};

/// What the server sends first, up to `n` bytes, within two seconds; and whether it then hung up.
fn first_words(server: &HostileServer, n: usize) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let (mut words, mut buffer) = (Vec::new(), [0; 4096]);
    let end = Instant::now() + Duration::from_secs(2);
    while words.len() < n && Instant::now() < end {
        match stream.read(&mut buffer) {
            Ok(0) => return (words, true),
            Ok(got) => words.extend_from_slice(&buffer[..got]),
            Err(_) => break,
        }
    }
    (words, false)
}

#[test]
fn hostile_servers_say_what_they_should() {
    let talk = |behaviour| first_words(&HostileServer::start(behaviour), 200_000);
    assert_eq!(talk(Behaviour::Silent), (vec![], false));
    assert_eq!(talk(Behaviour::ClosesAtOnce), (vec![], true));
    assert_eq!(
        talk(Behaviour::IdThenSilent),
        (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), false)
    );
    assert_eq!(
        talk(Behaviour::IdThenClose),
        (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), true)
    );
    assert_eq!(
        talk(Behaviour::ForgedId(b"SSH-9\r\n")),
        (b"SSH-9\r\n".to_vec(), false)
    );
    assert!(
        talk(Behaviour::IdThenHugePacket)
            .0
            .starts_with(b"SSH-2.0-OpenSSH_9.9\r\n\x7f\xff\xff\xff")
    );
    assert!(talk(Behaviour::EndlessBanner).0.len() >= 200_000);
    assert!(talk(Behaviour::IdThenJunk).0.len() >= 200_000);
    assert!(!talk(Behaviour::Flood).0.contains(&b'\n'));
    assert!(talk(Behaviour::SlowDrip).0.starts_with(b"wait\r\n"));
}

#[test]
fn openssh_gets_nowhere_with_any_hostile_server_and_each_notices_when_it_leaves() {
    for behaviour in Behaviour::ALL {
        let server = HostileServer::start(behaviour);
        let mut ssh = Command::new("timeout");
        ssh.args([
            "3",
            "ssh",
            "-F",
            "/dev/null",
            "-p",
            &server.addr().port().to_string(),
        ]);
        ssh.args([
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=1",
            "127.0.0.1",
            "true",
        ]);
        let output = ssh.stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{behaviour:?}");
        assert_eq!(server.accepted(), 1, "{behaviour:?}");
        wait_until("the server to notice", PATIENCE, || server.open() == 0);
    }
}

/// A server that sends back what it gets.
fn echo_server() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                std::io::copy(&mut stream.try_clone().unwrap(), &mut &stream)
            });
        }
    });
    addr
}

#[test]
fn a_proxy_passes_every_byte_and_the_end() {
    let proxy = TcpProxy::to(echo_server());
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    std::thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert!(got == sent);
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn a_delayed_proxy_takes_at_least_that_long_both_ways_and_keeps_its_width() {
    let proxy = TcpProxy::to(echo_server());
    proxy.delay(Duration::from_millis(100));
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    let start = Instant::now();
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_throttled_proxy_is_no_wider_than_that() {
    let proxy = TcpProxy::to(echo_server());
    proxy.throttle(Some(20_000));
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    let start = Instant::now();
    stream.write_all(&[7; 10_000]).unwrap();
    stream.read_exact(&mut [0; 10_000]).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(400));
}

#[test]
fn a_stalled_proxy_holds_everything_back_and_loses_nothing() {
    let proxy = TcpProxy::to(echo_server());
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    proxy.stall();
    stream.write_all(b"held").unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(stream.read(&mut [0; 4]).is_err());
    proxy.resume();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut got = [0; 4];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"held");
}

#[test]
fn a_cut_proxy_ends_its_connections_even_stalled_ones_and_takes_no_new_ones() {
    let proxy = TcpProxy::to(echo_server());
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    proxy.stall();
    proxy.cut();
    assert!(matches!(stream.read(&mut [0; 4]), Ok(0) | Err(_)));
    assert!(matches!(
        TcpStream::connect(proxy.addr()).unwrap().read(&mut [0; 4]),
        Ok(0) | Err(_)
    ));
    proxy.resume();
    proxy.heal();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
}

#[test]
fn an_agent_goes_and_comes_back_with_its_keys() {
    let dir = Scratch::new("keys");
    for name in ["one", "two"] {
        make_key(&dir.path().join(name), "ed25519", "");
    }
    let mut agent = Agent::with_key(&dir.path().join("one"));
    let list = |agent: &Agent| -> Output {
        Command::new("ssh-add")
            .arg("-l")
            .env("SSH_AUTH_SOCK", agent.socket())
            .output()
            .unwrap()
    };
    agent.add(&dir.path().join("two"));
    let before = list(&agent).stdout;
    assert_eq!(String::from_utf8_lossy(&before).lines().count(), 2);
    agent.stop();
    assert_eq!(
        list(&agent).status.code(),
        Some(2),
        "ssh-add says 2 when it finds no agent"
    );
    agent.start();
    assert_eq!(list(&agent).stdout, before);
}

#[test]
fn conn_runs_with_nothing_of_the_users_environment() {
    let mut conn = Conn::new();
    conn.set("SSH_AUTH_SOCK", "/nowhere");
    let env: Vec<_> = conn
        .command(["x"])
        .get_envs()
        .map(|(key, _)| key.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        env,
        [
            "HOME",
            "LANG",
            "LOGNAME",
            "PATH",
            "SSH_AUTH_SOCK",
            "TERM",
            "USER"
        ]
    );
    assert!(
        conn.run(["--version"])
            .expect_success()
            .out()
            .starts_with("conn ")
    );
}

#[test]
fn no_engine_outlives_the_test_that_started_it() {
    let conn = Conn::new();
    assert!(conn.engine().is_none());
    conn.run(["engine", "start"]).expect_success();
    let engine = conn
        .engine()
        .expect("an engine that is up has its engine.json");
    assert_eq!(
        conn.run(["engine", "status", "--json"])
            .expect_success()
            .json()["pid"],
        engine.pid
    );
    assert_eq!(conn.kill_engine(), engine);
    assert!(conn.engine().is_none());
    conn.run(["engine", "start"]).expect_success();
    let engine = conn.engine().expect("another one is up");
    let client = conn.start(["engine", "run"]);
    drop(conn);
    // It was killed; the system may take a moment to bury it.
    wait_until("the engine to be gone", PATIENCE, || !engine.is_alive());
    client.kill();
}
