//! The example site on the demo's hosts: a flight whose canary fails, and the person who sees to it.

use theconn::demo::{example, script};

use super::support::{PATIENCE, wait_until};
use super::terminal::a_person_reads;
use super::way::leave;
use super::world::World;

const CHECK: &str = "check_regionserver.sh --port 16020 --version 2.4.18";

#[test]
fn a_person_mends_the_failing_canary_and_the_flight_goes_on() {
    let world = World::new();
    let config = world.conn.home().join("config");
    example::lay(&config).unwrap();
    let config = config.to_str().unwrap();
    world.conn.run(["apply", config]).expect_success();
    for words in script::SEEDS.iter().filter(|words| words[0] == "flow") {
        world.conn.run(*words).expect_success();
    }
    let mut console = world.open(80, 24);
    console.wait_for("PAUSED");
    // Three keys from the flows to why the canary failed.
    console.send("2");
    console.wait_for("RUNNING 1");
    console.send("\r");
    console.wait_for("clusters");
    console.send("\r");
    console.wait_for("the data disk is read-only");
    world.run("rs01", "rm /var/lib/pretend-hbase/broken");
    console.send("R");
    console.wait_for("Do it?");
    a_person_reads();
    console.send("y");
    console.wait_gone("Do it?");
    // It goes on with the whole flight, and that is asked.
    console.send("c");
    console.wait_for("Do it?");
    a_person_reads();
    console.send("y");
    console.wait_for("SUCCEEDED by");
    leave(&mut console);

    let canary = || {
        let flight = world.conn.run(["runs", "show", "2", "--json"]);
        flight.expect_success().json()["stages"][0]["state"].clone()
    };
    wait_until("the canaries to be well", PATIENCE, || {
        matches!(canary().as_str(), Some("soaking" | "succeeded"))
    });
    let run = world.run("rs[01,11]", CHECK);
    let told = world.output(run);
    let both = told.matches("2.4.18 listens on port 16020").count();
    assert_eq!(both, 2, "{told}");
}
