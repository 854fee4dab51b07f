//! Flows from end to end: written, stored, started from a form, watched by step, changed in place.

use super::terminal::a_person_reads;
use super::way::leave;
use super::world::World;

/// Two batches of the database hosts; one host fails its second step.
const FLOW: &str = r#"
kind  = "simple"
name  = "Restart"
about = "Restart the databases."

[params.mode]
type    = "choice"
choices = ["soft", "hard"]
default = "soft"

[rollout]
batches      = [1, "100%"]
max_failures = "100%"

[[steps]]
name = "drain"
exec = { command = "echo drain {{ mode }}" }

[[steps]]
name = "restart"
exec = { command = "echo again {{ mode }}; test {{ host.name }} != db04" }

[[steps]]
name = "look"
exec = { command = "echo well" }
"#;

fn with_flow() -> World {
    let world = World::new();
    let file = world.conn.home().join("restart.toml");
    std::fs::write(&file, FLOW).unwrap();
    world
        .conn
        .run(["apply", file.to_str().unwrap()])
        .expect_success();
    world
}

#[test]
fn a_flow_is_started_from_its_form_and_read_by_step() {
    let world = with_flow();
    for (width, height) in [(80, 24), (160, 45)] {
        let mut console = world.open(width, height);
        console.wait_for("1 here");
        console.send("2");
        console.wait_for("Restart the databases.");
        console.send("s");
        console.wait_for("START Restart");
        console.send("db[01-02,04]");
        console.wait_for("3 hosts   ");
        console.send("\t");
        console.wait_for(">mode");
        console.send("hard");
        console.wait_for("drain: echo drain hard");
        console.wait_for("2 batches: 1, 2");
        console.send("\r");
        console.wait_for("Do it?");
        a_person_reads();
        console.send("y");
        console.wait_for("1 failed");
        console.wait_for("FAILED by");
        // The worst first, at the step it failed in; Enter opens what that wrote.
        console.wait_for("db04");
        console.wait_for(">X 2 restart");
        console.send("\r");
        console.wait_for("only step restart");
        console.wait_for("again hard");
        assert!(
            !console.text().contains("drain hard"),
            "{}",
            console.picture()
        );
        console.send("\r");
        console.wait_for("drain hard");
        console.send("\x1b");
        console.wait_for("only step restart");
        console.send("\x1b");
        console.wait_for(">X 2 restart");
        console.send("v");
        console.wait_for("when each batch was at work");
        console.wait_for("batch 2");
        console.send("2");
        console.wait_for("Restart the databases.");
        leave(&mut console);
    }
    let runs = world.runs();
    assert_eq!(runs.len(), 2, "{runs:?}");
}

#[test]
fn a_definition_that_somebody_saved_meanwhile_is_not_saved_over() {
    let world = with_flow();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    console.send("2");
    console.wait_for("Restart the databases.");
    console.send("I");
    console.wait_for("EDIT flow/Restart");
    console.wait_for("kind  = \"simple\"");
    console.send("# Mine.\r");
    console.wait_for("It fits everything that is stored.");
    let file = world.conn.home().join("restart.toml");
    std::fs::write(&file, format!("# Theirs.\n{FLOW}")).unwrap();
    world
        .conn
        .run(["apply", file.to_str().unwrap()])
        .expect_success();
    console.send("\t");
    console.wait_for("Save it as version 2?");
    a_person_reads();
    console.send("y");
    console.wait_for("Not saved:");
    console.wait_for("# Mine.");
    let shown = world.conn.run(["show", "flow/Restart"]).expect_success();
    assert!(shown.out().starts_with("# Theirs."), "{}", shown.out());
    console.send("\x1b");
    console.wait_gone("EDIT flow/Restart");
    leave(&mut console);
}

#[test]
fn a_text_is_saved_after_a_look_at_what_changed() {
    let world = with_flow();
    let mut console = world.open(80, 24);
    console.wait_for("1 here");
    console.send("2");
    console.wait_for("Restart the databases.");
    console.send("I");
    console.wait_for("kind  = \"simple\"");
    console.send("wrong");
    console.wait_for("mistake");
    console.send("\x15# Mine.\r");
    console.wait_for("It fits everything that is stored.");
    console.send("\t");
    console.wait_for("+# Mine.");
    a_person_reads();
    console.send("y");
    console.wait_for("flow/Restart is version 2 now.");
    leave(&mut console);
    let shown = world.conn.run(["show", "flow/Restart"]).expect_success();
    assert!(shown.out().contains("# Mine."), "{}", shown.out());
}

/// What a shell makes of it must be what it made of it in the run, braces and quotes too.
#[test]
fn a_run_that_became_a_flow_does_the_very_same_again() {
    let world = World::new();
    let command = "printf '%s\\n' '{{ 1 + 1 }} {% raw %} {# no #}' \"it's $((40 + 2))\"";
    let first = world.run("db[01-02]", command);
    let id = first.to_string();
    let save = ["runs", "save", &id, "--as", "flow/Again", "--yes"];
    let saved = world.conn.run(save).expect_success();
    assert!(
        saved.out().contains("Again is version 1"),
        "{}",
        saved.out()
    );
    let start = ["--quiet", "flow", "start", "Again", "-w", "db[01-02]"];
    world.conn.run(start).expect_success();
    let again = world.newest();
    assert_ne!(first, again);
    assert_eq!(world.output(first), world.output(again));
    // Not over one that is there, unless it is made from that.
    let json = ["runs", "save", &id, "--as", "flow/Again", "--json"];
    let told = world.conn.run(json).expect_success().json();
    assert_eq!(told["saved"], false);
    assert!(
        told["text"]
            .as_str()
            .unwrap()
            .contains("kind  = \"simple\"")
    );
    let none = [
        "runs",
        "save",
        &again.to_string(),
        "--as",
        "flow/Third",
        "--yes",
    ];
    let refused = world.conn.run(none);
    assert_eq!(refused.code(), Some(2));
}
