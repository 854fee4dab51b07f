//! Clients come and go, hang, or talk nonsense; runs and other clients do not care.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Signal;

use super::rig::{Rig, fleet, has_file, lend, task, unique, wait_file};
use super::support::{PATIENCE, wait_until};

fn let_go(host: &str, file: &str) {
    fleet().sh(host, &format!("touch {file}"));
}

/// Writes `begun`, waits for the file, writes `done`.
fn until(file: &str) -> String {
    format!("echo begun; while [ ! -e {file} ]; do sleep 0.05; done; echo done; echo last >&2")
}

#[test]
fn a_run_goes_on_when_its_client_is_killed_and_can_be_followed_again() {
    let rig = Rig::new();
    let (host, file) = (lend(), format!("/root/{}", unique("go")));
    let running = rig.start(&host, &[], &until(&file));
    running.wait_for_out("begun");
    running.kill();
    let id = rig.newest();
    assert_eq!(rig.show(id)["state"], "running");
    let follower = rig.conn.start(["runs", "follow", &id.to_string()]);
    follower.wait_for_out("begun");
    let_go(&host, &file);
    let ended = follower.wait(PATIENCE).expect_success();
    assert_eq!(ended.out(), format!("{host}: begun\n{host}: done\n"));
    assert!(
        ended.err().contains(&format!("{host}: last\n")),
        "{}",
        ended.err()
    );
}

#[test]
fn a_client_told_to_hang_up_or_end_takes_no_run_along() {
    let rig = Rig::new();
    let (host, file) = (lend(), format!("/root/{}", unique("go")));
    for signal in [Signal::HUP, Signal::TERM, Signal::QUIT] {
        let running = rig.start(&host, &[], &until(&file));
        running.wait_for_out("begun");
        running.signal(signal);
        let ended = running.wait(PATIENCE);
        assert_ne!(ended.code(), Some(0), "{signal:?}");
        assert_eq!(rig.show(rig.newest())["state"], "running", "{signal:?}");
    }
    let_go(&host, &file);
    for id in 1..=3 {
        assert_eq!(rig.wait_end(id)["state"], "succeeded");
    }
}

#[test]
fn a_detached_run_is_shown_listed_and_read_later() {
    let rig = Rig::new();
    let file = format!("/root/{}", unique("go"));
    let id = rig.detach("web[01-02]", &[], &until(&file));
    let word = id.to_string();
    let shown = rig.wait_state(id, "running");
    assert_eq!(shown["kind"], "exec");
    assert_eq!(shown["targets"], serde_json::json!(["web01", "web02"]));
    assert!(task(&shown, "web01")["outcome"].is_null());
    let listed = rig
        .conn
        .run(["runs", "--state", "running", "--json"])
        .expect_success()
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    for host in ["web01", "web02"] {
        let_go(host, &file);
    }
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded");
    assert_eq!(task(&shown, "web02")["attempts"], 1);
    let read = |words: &[&str]| {
        let head = ["runs", "output", &word];
        rig.conn
            .run(head.iter().chain(words))
            .expect_success()
            .out()
    };
    assert_eq!(read(&["--host", "web01", "--stderr"]), "last\n");
    let one = read(&["--host", "web01"]);
    assert!(
        one.contains("begun\n") && one.contains("done\n") && one.contains("last\n"),
        "{one}"
    );
    assert!(read(&["--gather"]).contains("web[01-02] (2)\n"));
    let both = read(&[]);
    assert!(
        both.contains("==> web01 <==\n") && both.contains("==> web02 <==\n"),
        "{both}"
    );
    rig.conn
        .run(["runs", "output", &word, "--host", "web09"])
        .expect_code(2);
}

#[test]
fn the_last_lines_of_a_long_output_are_read_alone() {
    let rig = Rig::new();
    rig.run("web01", &[], "seq 50000; seq 7 >&2")
        .expect_success();
    let tail = |words: &[&str]| {
        let head = ["runs", "output", "1", "--host", "web01"];
        rig.conn
            .run(head.iter().chain(words))
            .expect_success()
            .out()
    };
    assert_eq!(tail(&["--stderr", "--tail", "2"]), "6\n7\n");
    assert!(tail(&["--tail", "12"]).contains("50000\n"));
    assert_eq!(tail(&["--tail", "3"]).lines().count(), 3);
}

#[test]
fn following_output_of_a_run_ends_with_it() {
    let rig = Rig::new();
    let (host, file) = (lend(), format!("/root/{}", unique("go")));
    let id = rig.detach(&host, &[], &until(&file));
    let follower = rig
        .conn
        .start(["runs", "output", &id.to_string(), "--follow"]);
    follower.wait_for_out("begun");
    let_go(&host, &file);
    let ended = follower.wait(PATIENCE).expect_success();
    assert!(ended.out().contains("done"), "{}", ended.out());
}

#[test]
fn a_client_that_stops_reading_harms_nobody() {
    let rig = Rig::new();
    let mark = unique("flood");
    let stopped = rig.start(
        "web[01-03]",
        &[],
        &format!("seq 400000; touch /root/{mark}"),
    );
    stopped.wait_for_out("web01");
    stopped.signal(Signal::STOP);
    for host in ["web01", "web02", "web03"] {
        wait_file(host, &format!("/root/{mark}"));
    }
    let other = rig.run("web[01-05]", &[], "echo fine").expect_success();
    assert_eq!(other.out().lines().count(), 5);
    assert_eq!(rig.wait_end(1)["state"], "succeeded");
    stopped.signal(Signal::CONT);
    let ended = stopped.wait(PATIENCE).expect_success();
    assert_eq!(
        ended.out().lines().count(),
        1_200_000,
        "and it still gets everything"
    );
}

#[test]
fn garbage_on_the_socket_is_turned_away_and_the_engine_serves_on() {
    let rig = Rig::new();
    rig.conn.run(["engine", "start"]).expect_success();
    let engine = rig.conn.engine().unwrap();
    let socket = rig.conn.home().join("run/engine.sock");
    let mut noise = vec![0x5a_u8; 300_000];
    for (n, byte) in noise.iter_mut().enumerate() {
        *byte ^= u8::try_from(n * n % 256).unwrap();
    }
    let messages: [&[u8]; 7] = [
        b"",
        b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff\x00\x00",
        b"\x00\x00\x00\x04\xc1\xc1\xc1\xc1",
        &noise,
    ];
    for message in messages {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(message); // it may hang up before it has all of it
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.len() < 4096,
            "{} bytes in answer to noise",
            answer.len()
        );
    }
    rig.run("web01", &[], "echo fine").expect_success();
    assert_eq!(rig.conn.engine(), Some(engine), "the same engine as before");
}

#[test]
fn clients_that_connect_and_say_nothing_keep_nobody_out() {
    let rig = Rig::new();
    rig.conn.run(["engine", "start"]).expect_success();
    let socket = rig.conn.home().join("run/engine.sock");
    let silent: Vec<_> = (0..200)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    rig.run("web01", &[], "echo fine").expect_success();
    drop(silent);
    let status = || {
        rig.conn
            .run(["engine", "status", "--json"])
            .expect_success()
            .json()
    };
    wait_until("only the asker to be counted", PATIENCE, || {
        status()["clients"] == 1
    });
}

#[test]
fn a_reader_that_leaves_early_ends_the_client_and_not_the_run() {
    let rig = Rig::new();
    let mark = unique("head");
    let config = rig.config.to_str().unwrap();
    let words = rig.words(
        "web01",
        &[],
        &format!("seq 100000; sleep 0.3; touch /root/{mark}"),
    );
    let conn = rig.conn.command(words);
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", "\"$@\" | head -1", "sh"])
        .arg(conn.get_program())
        .args(conn.get_args())
        .env_clear();
    sh.envs(
        conn.get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    let ended = super::support::Running::spawn(sh, None)
        .wait(PATIENCE)
        .expect_success();
    assert_eq!(ended.out(), "web01: 1\n", "with {config}");
    assert_eq!(rig.wait_end(1)["state"], "succeeded");
    assert!(has_file("web01", &format!("/root/{mark}")));
}
