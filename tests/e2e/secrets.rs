//! Secrets of flows: they reach the command they are for, and nothing else, on the host or here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::flows::{apply, outcomes, start};
use super::rig::{Rig, fleet, lend, unique, wait_file};
use super::support::{PATIENCE, wait_until};

const TOKEN: &str = "s3cr3t it's $(touch /root/x) `y` \\n \"q\"";

/// An instance that knows a secret in a file.
fn rig(text: &str) -> Rig {
    let rig = Rig::with_settings("[secrets.token]\nfile = 'token'\n[engine]\nlocal_steps = true\n");
    write(&rig, text, 0o600);
    rig
}

fn write(rig: &Rig, text: &str, mode: u32) {
    let file = rig.conn.home().join("config/token");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A flow that is given a secret, with these steps.
fn flow(steps: &str) -> String {
    format!(
        "kind = 'simple'\nname = 'given'\n[params.token]\ntype = 'string'\nsecret = true\n\
         [rollout]\nbatches = ['100%']\n{steps}"
    )
}

/// A step that runs a command with the secret in `$TOKEN`.
fn step(name: &str, command: &str, more: &str) -> String {
    format!(
        "[[steps]]\nname = '{name}'\nexec = {{ command = '''{command}''', \
         env = {{ TOKEN = '{{{{ token }}}}' }}{more} }}\n"
    )
}

/// A step that has no secret and ends when a file is there.
fn gate(mark: &str) -> String {
    format!(
        "[[steps]]\nname = 'first'\nexec = {{ command = 'echo >/tmp/{mark}.here; \
         until [ -e /tmp/{mark}.go ]; do sleep 0.1; done' }}\n"
    )
}

fn sum_of(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::new();
    for byte in digest {
        use std::fmt::Write as _;
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

/// Starts the flow with a secret that is typed; the run's number.
#[track_caller]
fn start_typed(rig: &Rig, host: &str, secret: &str) -> u64 {
    let config = rig.config.to_str().unwrap();
    let words = [
        "flow", "start", "given", "-w", host, "-F", config, "--detach", "--secret", "token",
    ];
    let ended = rig.conn.run_with_input(words, secret.as_bytes());
    ended.expect_success().out().trim().parse().unwrap()
}

/// Nothing that this instance keeps or shows of a run holds the secret.
#[track_caller]
fn nowhere(rig: &Rig, id: u64, secret: &str) {
    let number = id.to_string();
    for words in [
        &["runs", "show", &number, "--json"][..],
        &["runs", "show", &number],
        &["runs", "output", &number],
        &["runs", "why", &number],
        &["runs", "report", &number, "--format", "json"],
        &["runs", "--json"],
        &["audit", "--json"],
    ] {
        let ended = rig.conn.run(words);
        let said = ended.out() + &ended.err();
        assert!(!said.contains(secret), "{words:?}: {said}");
    }
    let mut files = Vec::new();
    all_files(&rig.conn.home(), &mut files);
    assert!(files.len() > 5);
    for file in files {
        if file.ends_with("config/token") {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap_or_default();
        let mut parts = bytes.windows(secret.len());
        let held = parts.any(|part| part == secret.as_bytes());
        assert!(!held, "{} holds the secret", file.display());
    }
}

fn all_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all_files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

/// Whether a file is there: in words, because a host's shell is asked.
#[track_caller]
fn never(host: &str, path: &str) {
    let said = fleet().sh(host, &format!("ls {path} 2>/dev/null || echo none"));
    assert_eq!(said, "none\n", "{path} on {host}");
}

#[test]
fn a_secret_reaches_its_command_and_nothing_that_others_see() {
    let rig = rig(&format!("{TOKEN}\n"));
    for (durable, more) in [
        (true, ""),
        (false, ""),
        (true, ", run_as = 'admin'"),
        (false, ", run_as = 'admin'"),
    ] {
        let mark = unique("given");
        let command = format!(
            "echo >/tmp/{mark}.here; until [ -e /tmp/{mark}.go ]; do sleep 0.1; done; \
             printf %s \"$TOKEN\" | sha256sum; printf 'out %s.\\n' \"$TOKEN\"; printf 'err %s.\\n' \"$TOKEN\" >&2"
        );
        let step = format!("{}durable = {durable}\n", step("tell", &command, more));
        apply(&rig, "given", &flow(&step));
        let id = start(&rig, "given", "web03", &["--set", "token=secret:token"]);
        wait_file("web03", &format!("/tmp/{mark}.here"));
        let seen = fleet().sh(
            "web03",
            "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; \
             find /root/.local/state/conn /var/tmp /tmp -type f -exec cat {} + 2>/dev/null; true",
        );
        assert!(seen.contains(&mark), "it is there while we look: {seen}");
        assert!(!seen.contains("s3cr3t"), "{durable} {more}: {seen}");
        fleet().sh("web03", &format!("touch /tmp/{mark}.go"));
        let shown = rig.wait_end(id);
        assert_eq!(shown["state"], "succeeded", "{more}: {shown:#}");
        let ended = rig.runs("output", id, &[]).expect_success();
        let output = ended.out() + &ended.err();
        let stars = "*".repeat(TOKEN.len());
        assert!(output.contains(&sum_of(TOKEN)), "{more}: {output}");
        for line in [format!("out {stars}."), format!("err {stars}.")] {
            assert!(output.contains(&line), "{more}: {output}");
        }
        assert_eq!(shown["params"]["token"], "secret:token", "{shown:#}");
        nowhere(&rig, id, "s3cr3t");
    }
    never("web03", "/root/x");
}

#[test]
fn a_local_step_and_what_is_taken_from_output_are_without_the_secret() {
    let rig = rig(TOKEN);
    let steps = "[[steps]]\nname = 'here'\nregister.last = { regex = 'last (.+)' }\n\
        local = { command = 'printf %s \"$TOKEN\" | sha256sum; printf \"last %s\\n\" \"$TOKEN\"', env = { TOKEN = '{{ token }}' } }\n\
        [[steps]]\nname = 'fails'\nexec = { command = 'echo {{ registered.last }}; exit 3' }\n";
    apply(&rig, "given", &flow(steps));
    let id = start(&rig, "given", "web04", &["--set", "token=secret:token"]);
    let shown = rig.wait_end(id);
    let output = rig.runs("output", id, &[]).expect_success().out();
    assert!(output.contains(&sum_of(TOKEN)), "{output} {shown:#}");
    let stars = "*".repeat(TOKEN.len());
    assert_eq!(output.matches(&stars).count(), 2, "{output}");
    nowhere(&rig, id, "s3cr3t");
}

#[test]
fn what_is_mistyped_or_cannot_be_read_starts_nothing() {
    let rig = rig(TOKEN);
    apply(&rig, "given", &flow(&step("x", "true", "")));
    let config = rig.config.to_str().unwrap();
    let head = ["flow", "start", "given", "-w", "web05", "-F", config];
    let refused = |words: &[&str], expected: &str| {
        let ended = rig.conn.run(head.iter().chain(words)).expect_code(2);
        assert!(ended.err().contains(expected), "{}", ended.err());
    };
    let named = ["--set", "token=secret:token"];
    let again = format!("token={}/config/token", rig.conn.home().display());
    refused(
        &["--set", "token=secret:tokn"],
        "did you mean secret:token?",
    );
    refused(&["--set", "token=s3cr3t"], "is not the name of a secret");
    refused(
        &["--set", "token=secret:token", "--secret", &again],
        "given twice",
    );
    write(&rig, TOKEN, 0o644);
    refused(&named, "chmod 600");
    write(&rig, "abc", 0o600);
    refused(&named, "shorter than 6 bytes");
    let words = head.iter().chain(&["--secret", "token"]);
    let short = rig.conn.run_with_input(words, b"abc\n").expect_code(2);
    assert!(
        short.err().contains("shorter than 6 bytes"),
        "{}",
        short.err()
    );
    let runs = rig.conn.run(["runs", "--json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 0, "{runs}");
    let plan = [
        "flow", "plan", "given", "-w", "web05", "-F", config, "--json",
    ];
    let shown = rig
        .conn
        .run(plan.iter().chain(&named))
        .expect_success()
        .json();
    let env = &shown["steps"][0]["task"]["does"]["exec"]["env"];
    assert_eq!(env["TOKEN"]["secret"], "token", "{shown:#}");
    let plan = &plan[..plan.len() - 1];
    let shown = rig.conn.run(plan.iter().chain(&named)).expect_success();
    assert!(
        shown.out().contains("TOKEN=secret:token"),
        "{}",
        shown.out()
    );
}

#[test]
fn hosts_wait_for_a_secret_that_cannot_be_read_when_it_is_used_and_go_on_when_it_can() {
    let rig = rig(TOKEN);
    let mark = unique("unread");
    let second = step("second", &format!("echo >/tmp/{mark}.ran"), "");
    apply(&rig, "given", &flow(&(gate(&mark) + &second)));
    let id = start(&rig, "given", "web06", &["--set", "token=secret:token"]);
    wait_file("web06", &format!("/tmp/{mark}.here"));
    std::fs::remove_file(rig.conn.home().join("config/token")).unwrap();
    fleet().sh("web06", &format!("touch /tmp/{mark}.go"));
    rig.wait_state(id, "waiting");
    let said = rig.runs("show", id, &[]).expect_success().out();
    assert!(said.contains("the secret token cannot be read"), "{said}");
    never("web06", &format!("/tmp/{mark}.ran"));
    write(&rig, TOKEN, 0o600);
    // An engine that starts looks at once.
    rig.conn.kill_engine();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    wait_file("web06", &format!("/tmp/{mark}.ran"));
}

const LINES: usize = 120;
/// Of as many bytes as [`slow`] cuts in two.
const TWENTY: &str = "s3cr3t-token-of-20by";

/// Writes numbered lines with the secret in each, in two pieces, and counts its starts.
fn slow(mark: &str) -> String {
    format!(
        "echo start >>/root/{mark}; n=0; while [ $n -lt {LINES} ]; do \
         printf \"$n %s\" \"${{TOKEN%??????}}\"; sleep 0.02; echo \"${{TOKEN#??????????????}}\"; \
         n=$((n+1)); done"
    )
}

fn lines_of_stars() -> Vec<String> {
    let stars = "*".repeat(TWENTY.len());
    (0..LINES).map(|n| format!("{n} {stars}")).collect()
}

#[track_caller]
fn wait_lines(rig: &Rig, id: u64, count: usize) {
    wait_until("some lines to be stored", PATIENCE, || {
        let output = rig.runs("output", id, &[]);
        output.out().lines().count() >= count
    });
}

#[test]
fn an_engine_that_is_killed_follows_again_without_a_secret_or_a_gap_in_what_it_keeps() {
    let rig = rig(TWENTY);
    let host = lend();
    let mark = unique("followed");
    apply(&rig, "given", &flow(&step("slow", &slow(&mark), "")));
    let id = start(&rig, "given", &host, &["--set", "token=secret:token"]);
    for round in 1..4 {
        wait_lines(&rig, id, round * 20);
        rig.conn.kill_engine();
    }
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    let output = rig.runs("output", id, &["--host", &host]).expect_success();
    assert_eq!(output.out().lines().collect::<Vec<_>>(), lines_of_stars());
    assert_eq!(fleet().sh(&host, &format!("cat /root/{mark}")), "start\n");
    nowhere(&rig, id, "s3cr3t");
}

#[test]
fn a_secret_that_was_typed_is_asked_for_again_after_the_engine_was_killed() {
    let rig = Rig::new();
    let host = lend();
    let mark = unique("typed");
    let last = format!("echo start >>/root/{mark}.last; printf %s \"$TOKEN\" | sha256sum");
    let steps = step("slow", &slow(&mark), "") + &step("last", &last, "");
    apply(&rig, "given", &flow(&steps));
    let id = start_typed(&rig, &host, TWENTY);
    wait_lines(&rig, id, 20);
    rig.conn.kill_engine();
    let shown = rig.wait_state(id, "waiting");
    assert_eq!(shown["for"], "secret", "{shown:#}");
    let way_out = format!("conn runs secret {id} token");
    assert!(shown.to_string().contains(&way_out), "{shown:#}");
    wait_until("the command to have ended on its host", PATIENCE, || {
        let ends = "cat /root/.local/state/conn/attempts/*/rc 2>/dev/null || true";
        !fleet().sh(&host, ends).is_empty()
    });
    let number = id.to_string();
    let give = ["runs", "secret", &number, "token"];
    let wrong = rig
        .conn
        .run_with_input(give, b"another-token")
        .expect_code(4);
    assert!(
        wrong.err().contains("not the secret that was typed"),
        "{}",
        wrong.err()
    );
    assert_eq!(rig.show(id)["state"], "waiting");
    let given = rig.conn.run_with_input(give, TWENTY.as_bytes());
    given.expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "succeeded", "{shown:#}");
    let output = rig.runs("output", id, &["--host", &host]).expect_success();
    let mut expected = lines_of_stars();
    expected.push(format!("{}  -", sum_of(TWENTY)));
    assert_eq!(output.out().lines().collect::<Vec<_>>(), expected);
    for file in [mark.clone(), format!("{mark}.last")] {
        assert_eq!(fleet().sh(&host, &format!("cat /root/{file}")), "start\n");
    }
    let mut tasks = shown["tasks"].as_array().unwrap().iter();
    assert!(tasks.all(|task| task["attempts"] == 1), "{shown:#}");
    nowhere(&rig, id, "s3cr3t");
}

#[test]
fn a_step_whose_secret_is_gone_waits_without_an_attempt_and_can_be_aborted() {
    let rig = Rig::new();
    let host = lend();
    let mark = unique("gone");
    let second = step("second", &format!("echo >/tmp/{mark}.ran"), "");
    apply(&rig, "given", &flow(&(gate(&mark) + &second)));
    let id = start_typed(&rig, &host, "typed-token");
    wait_file(&host, &format!("/tmp/{mark}.here"));
    rig.conn.kill_engine();
    rig.show(id);
    fleet().sh(&host, &format!("touch /tmp/{mark}.go"));
    let shown = rig.wait_state(id, "waiting");
    assert_eq!(shown["for"], "secret", "{shown:#}");
    rig.runs("abort", id, &["--reason", "nobody has it"])
        .expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted", "{shown:#}");
    never(&host, &format!("/tmp/{mark}.ran"));
}

#[test]
fn a_command_whose_secret_nobody_has_any_more_is_ended_without_showing_what_it_wrote() {
    let rig = Rig::new();
    let host = lend();
    let mark = unique("blind");
    let command = format!("echo one; echo >/tmp/{mark}.here; echo $TOKEN; exec sleep 1000");
    apply(&rig, "given", &flow(&step("long", &command, "")));
    let id = start_typed(&rig, &host, TWENTY);
    wait_file(&host, &format!("/tmp/{mark}.here"));
    rig.conn.kill_engine();
    rig.wait_state(id, "waiting");
    rig.runs("abort", id, &["--reason", "nobody has it"])
        .expect_success();
    let shown = rig.wait_end(id);
    assert_eq!(shown["state"], "aborted", "{shown:#}");
    assert_eq!(outcomes(&shown)[&host], "cancelled", "{shown:#}");
    nowhere(&rig, id, "s3cr3t");
}

#[test]
fn a_secret_is_handed_on_to_the_flow_of_a_stage() {
    let rig = rig(TOKEN);
    let command = "printf %s \"$TOKEN\" | sha256sum";
    apply(&rig, "given", &flow(&step("x", command, "")));
    let whole = "kind = 'multi'\nname = 'whole'\n[params.key]\ntype = 'string'\nsecret = true\n\
        [[stages]]\nname = 'one'\nflow = 'given'\ntargets = 'web07'\nset = { token = '{{ key }}' }\n";
    apply(&rig, "whole", whole);
    let config = rig.config.to_str().unwrap();
    let head = ["flow", "start", "whole", "-F", config];
    let words = head.iter().chain(&["--set", "key=secret:token"]);
    rig.conn.run(words).expect_success();
    let words = head.iter().chain(&["--secret", "key"]);
    rig.conn
        .run_with_input(words, b"typed-token\n")
        .expect_success();
    for (id, secret) in [(2, TOKEN), (4, "typed-token")] {
        let output = rig.runs("output", id, &[]).expect_success().out();
        assert!(output.contains(&sum_of(secret)), "run {id}: {output}");
    }
}
