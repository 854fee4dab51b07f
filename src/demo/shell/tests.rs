use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::demo::roster::roster;
use io::Sink;

fn host() -> Arc<Host> {
    let role = roster().swap_remove(0);
    Arc::new(Host::new(role, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
}

/// Runs a script for a while on half the stack that the fleet gives it; what it wrote, unless it never ended.
fn run(script: &str) -> Option<String> {
    let script = script.to_owned();
    let thread = std::thread::Builder::new().stack_size(STACK / 2);
    thread
        .spawn(move || run_here(&script))
        .unwrap()
        .join()
        .unwrap()
}

fn run_here(script: &str) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let sink = Sink::Capture(Arc::clone(&kept));
    let io = Io {
        input: share(Input::null()),
        out: sink.clone(),
        err: sink,
    };
    runtime.block_on(async {
        let host = host();
        let process = host.start(script, "ops");
        let mut shell = Shell::new(host, "ops", process.pid());
        let ended = tokio::time::timeout(Duration::from_millis(100), shell.run_script(script, io));
        ended.await.ok()
    })?;
    let kept = kept.lock().unwrap();
    Some(String::from_utf8_lossy(&kept).into_owned())
}

#[test]
fn a_loop_without_end_lets_others_run() {
    for script in [
        "while true; do :; done",
        "until false; do true; done",
        "yes >/dev/null",
        "cat /dev/zero >/dev/null",
        "cat /dev/zero | wc -c",
        "f() { sleep 0.01; f & }; f; while :; do :; done",
    ] {
        assert_eq!(run(script), None, "{script}");
    }
}

#[test]
fn what_calls_itself_for_ever_ends_in_words() {
    for script in [
        "f() { f; }; f",
        "f() { eval f; }; f",
        "x='eval \"$x\"'; eval \"$x\"",
    ] {
        assert!(run(script).unwrap().contains("nested too deep"), "{script}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(150))]
    #[test]
    fn no_script_panics_or_hangs_its_thread(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "if", "then", "else", "fi", "for", "i", "in", "do", "done", "while", "{", "}", "(", ")",
            ";", "\n", "&&", "||", "|", "!", ">/tmp/x", "</tmp/x", "$(", "a=", "$a", "\"$@\"", "*",
            "echo", "cat", "seq 9", "head -n1", "true", "false", "[ -n x ]", "case", "esac", ";;",
            "f()", "f", "set -- a", "shift", "read a", "sh -c", "exec", "eval", "&", "wait", "x",
            "ls -la /", "rm -r /tmp", "printf %d", "kill $$", "date", "ps", "mkdir /tmp", "ln -s a b",
        ]), 0..14)) {
        let _ = run(&words.join(" "));
    }
}
