//! Single stories: what follows when runs end so, and people ask that.

use super::{Played, World, flow, gated, stage};
use crate::run::command::Command;
use crate::run::event::{EndState, What};
use crate::run::ids::{At, RunId};
use crate::run::spec::Approval;
use crate::run::stages::*;

/// A world in which every child ends as said, in the order in which they begin.
fn scripted(spec: StagesSpec, ends: &[ChildEnd]) -> World {
    let mut world = World::new(spec, 0);
    for told in 0..100 {
        world.settle();
        let mut waiting: Vec<&mut Played> = world
            .children
            .values_mut()
            .filter(|child| child.at_work)
            .collect();
        let Some(child) = waiting.first_mut() else {
            return world;
        };
        child.ends = vec![ends.get(told).copied().unwrap_or(ChildEnd::Ok)];
        child.at_work = false;
    }
    world
}

fn words(world: &World) -> Vec<&'static str> {
    let stages = world.run.stages.as_ref().unwrap();
    stages.nodes().map(|(_, node)| node.phase.word()).collect()
}

#[test]
fn a_stage_that_fails_holds_the_next_up_until_a_person_lets_it_go_on() {
    let spec = flow(vec![stage("canary", &[], 1), stage("rest", &[0], 2)]);
    let mut world = scripted(spec, &[ChildEnd::Failed]);
    assert_eq!(words(&world), ["failed", "waiting", "waiting"]);
    let pause = world.run.paused.clone().unwrap();
    assert!(pause.reason.contains("canary (run 2) failed"), "{pause:?}");
    let by = "kim".to_owned();
    assert!(world.ask(&Command::Resume { by }));
    world.settle();
    assert_eq!(words(&world), ["succeeded", "running", "waiting"]);
}

#[test]
fn failures_that_are_borne_hold_nobody_up_and_are_no_success() {
    let spec = flow(vec![stage("canary", &[], 1), stage("rest", &[0], 1)]);
    let world = scripted(spec, &[ChildEnd::Borne]);
    assert_eq!(words(&world), ["succeeded", "succeeded"]);
    assert_eq!(world.run.ended.map(|(end, _)| end), Some(EndState::Failed));
}

#[test]
fn a_gate_that_says_neither_asks_a_person_even_at_the_end() {
    let spec = flow(vec![gated(stage("canary", &[], 1))]);
    let world = scripted(spec, &[ChildEnd::Ok, ChildEnd::Inconclusive]);
    assert_eq!(words(&world), ["inconclusive"]);
    assert!(world.run.paused.is_some() && world.run.ended.is_none());
}

#[test]
fn a_run_that_is_retried_after_the_end_takes_its_flow_up_again() {
    let spec = flow(vec![stage("only", &[], 1)]);
    let mut world = scripted(spec, &[ChildEnd::Failed]);
    assert_eq!(world.run.ended.map(|(end, _)| end), Some(EndState::Failed));
    let child = world.children.get_mut(&RunId(2)).unwrap();
    (child.at_work, child.until, child.ends) = (true, At(5), vec![ChildEnd::Ok]);
    world.settle();
    assert!(world.run.ended.is_none());
    world.pass(10);
    world.settle();
    assert_eq!(
        world.run.ended.map(|(end, _)| end),
        Some(EndState::Succeeded)
    );
}

#[test]
fn a_fanout_that_wants_any_is_well_with_one_and_lets_the_others_finish() {
    let branch = |name| StageSpec {
        on_failure: OnStageFailure::GoOn,
        ..stage(name, &[], 1)
    };
    let spec = |join, fail_fast| StagesSpec {
        join,
        fail_fast,
        parallel: Some(2),
        ..flow(vec![branch("a"), branch("b"), branch("c")])
    };
    let end = |world: &World| world.run.ended.map(|(end, _)| end);
    let ends = [ChildEnd::Failed, ChildEnd::Ok, ChildEnd::Failed];
    let world = scripted(spec(Some(1), false), &ends);
    assert_eq!(words(&world), ["failed", "succeeded", "failed"]);
    assert_eq!(end(&world), Some(EndState::Succeeded));
    let world = scripted(spec(None, false), &ends);
    assert_eq!(end(&world), Some(EndState::Failed));
    let world = scripted(spec(None, true), &ends);
    assert_eq!(end(&world), Some(EndState::Aborted));
    assert_eq!(words(&world)[2], "not_started");
}

#[test]
fn failures_that_are_borne_are_no_success_of_a_fanout_either() {
    let branch = |name| StageSpec {
        on_failure: OnStageFailure::GoOn,
        ..stage(name, &[], 1)
    };
    let spec = |join| StagesSpec {
        join: Some(join),
        ..flow(vec![branch("a"), branch("b")])
    };
    let end = |join| {
        let world = scripted(spec(join), &[ChildEnd::Borne, ChildEnd::Ok]);
        world.run.ended.map(|(end, _)| end)
    };
    assert_eq!(end(2), Some(EndState::Failed));
    assert_eq!(end(1), Some(EndState::Succeeded));
}

#[test]
fn a_gate_that_is_retried_and_says_yes_leaves_no_mark() {
    let spec = flow(vec![gated(stage("only", &[], 1))]);
    let mut world = scripted(spec, &[ChildEnd::Ok, ChildEnd::Inconclusive]);
    assert_eq!(words(&world), ["inconclusive"]);
    let gate = world.children.get_mut(&RunId(3)).unwrap();
    (gate.at_work, gate.until, gate.ends) = (true, At(5), vec![ChildEnd::Ok]);
    world.settle();
    world.pass(10);
    let by = "kim".to_owned();
    assert!(world.ask(&Command::Resume { by }));
    world.settle();
    assert_eq!(
        world.run.ended.map(|(end, _)| end),
        Some(EndState::Succeeded)
    );
}

#[test]
fn stages_that_never_began_are_not_taken_up_once_the_flow_is_rolled_back() {
    let spec = flow(vec![stage("canary", &[], 1), stage("rest", &[0], 1)]);
    let mut world = scripted(spec, &[ChildEnd::Failed]);
    let (by, reason) = ("kim".to_owned(), String::new());
    world.record(What::Stage(StageEvent::RollingBack { by, reason }));
    world.settle();
    assert_eq!(words(&world), ["failed", "not_started"]);
    let by = "kim".to_owned();
    assert!(!world.ask(&Command::TakeUp { by }));
}

fn end_of(world: &World) -> Option<EndState> {
    world.run.ended.map(|(end, _)| end)
}

#[test]
fn a_question_whose_time_is_over_takes_no_yes_and_is_asked_anew() {
    let mut asking = stage("only", &[], 1);
    asking.approve = Some(Approval {
        expires: Some(std::time::Duration::from_secs(10)),
        ..Approval::default()
    });
    let mut world = World::new(flow(vec![asking]), 0);
    world.settle();
    let yes = Command::Approve {
        by: "lee".to_owned(),
        reason: String::new(),
    };
    let (by, reason) = ("kim".to_owned(), String::new());
    assert!(world.ask(&Command::Pause { by, reason }));
    world.pass(10_001);
    world.settle();
    let refused = world.run.decide(&yes, world.now).unwrap_err().to_string();
    assert!(refused.contains("asked anew"), "{refused}");
    let by = "kim".to_owned();
    assert!(world.ask(&Command::Resume { by }));
    world.settle();
    assert_eq!(words(&world), ["waiting"]);
    assert!(world.ask(&yes));
    world.settle();
    assert_eq!(words(&world), ["running"]);
}

#[test]
fn work_that_is_taken_up_again_while_its_gate_is_looked_at_is_looked_at_anew() {
    let mut world = World::new(flow(vec![gated(stage("only", &[], 1))]), 0);
    world.settle();
    let ends = |world: &mut World, run: u64, end| {
        let child = world.children.get_mut(&RunId(run)).unwrap();
        (child.at_work, child.ends) = (false, vec![end]);
    };
    ends(&mut world, 2, ChildEnd::Borne);
    world.settle();
    assert_eq!(words(&world), ["gate"]);
    // A host of the work is retried while run 3 looks.
    let work = world.children.get_mut(&RunId(2)).unwrap();
    (work.at_work, work.until) = (true, At(1_000));
    world.settle();
    assert_eq!(words(&world), ["running"]);
    ends(&mut world, 2, ChildEnd::Ok);
    world.settle();
    // The next look waits for the end of the one before, whose yes means nothing.
    assert_eq!(world.children.len(), 2);
    ends(&mut world, 3, ChildEnd::Ok);
    world.settle();
    assert_eq!(words(&world), ["gate"]);
    ends(&mut world, 4, ChildEnd::Failed);
    world.settle();
    assert_eq!(words(&world), ["failed"]);
    assert_eq!(end_of(&world), Some(EndState::Failed));
}

#[test]
fn tuning_says_how_many_runs_are_at_work_at_once_and_nothing_else() {
    let mut world = World::new(flow(vec![stage("clusters", &[], 4)]), 0);
    world.settle();
    let tune = |concurrency, max_failures| Command::Tune {
        by: "kim".to_owned(),
        concurrency,
        max_failures,
        batches: None,
    };
    assert!(!world.ask(&tune(None, Some(3))));
    assert!(world.ask(&tune(Some(3), None)));
    world.settle();
    assert_eq!(words(&world), ["running", "running", "running", "waiting"]);
}

#[test]
fn an_abort_after_the_batch_lets_what_is_at_work_end_and_begins_nothing() {
    let mut clusters = gated(stage("clusters", &[], 3));
    clusters.parallel = 2;
    let mut world = World::new(flow(vec![clusters]), 0);
    world.settle();
    let (by, reason) = ("kim".to_owned(), String::new());
    assert!(world.ask(&Command::AbortAfterBatch { by, reason }));
    world.settle();
    for run in [2, 3] {
        assert!(world.run.aborted_by.is_none());
        let child = world.children.get_mut(&RunId(run)).unwrap();
        (child.at_work, child.ends) = (false, vec![ChildEnd::Ok]);
        world.settle();
    }
    // No gate is looked at, and no other begins.
    assert_eq!(words(&world), ["aborted", "aborted", "not_started"]);
    assert_eq!(end_of(&world), Some(EndState::Aborted));
    // With nothing at work, there is nothing to wait for.
    let mut world = scripted(
        flow(vec![stage("a", &[], 1), stage("b", &[0], 1)]),
        &[ChildEnd::Failed],
    );
    let (by, reason) = ("kim".to_owned(), String::new());
    assert!(world.ask(&Command::AbortAfterBatch { by, reason }));
    world.settle();
    assert_eq!(end_of(&world), Some(EndState::Aborted));
}

#[test]
fn what_is_too_much_to_be_handed_on_is_not_and_says_so() {
    let spec = flow(vec![stage("canary", &[], 1), stage("rest", &[0], 1)]);
    let mut stages = Stages::new(&spec);
    let node = NodeIx {
        stage: StageIx(0),
        item: 0,
    };
    let values = |count: usize| {
        let hosts = (0..count).map(|host| format!("host{host:07}")).collect();
        Registered::from([("v".to_owned(), [("x".to_owned(), hosts)].into())])
    };
    let ended = |registered| StageEvent::ChildEnded {
        node,
        end: ChildEnd::Ok,
        registered,
    };
    stages.apply(
        &StageEvent::Started {
            node,
            run: RunId(2),
        },
        At(0),
    );
    let few = stages.gathered(&spec, values(10));
    assert!(!few.too_much);
    let many = stages.gathered(&spec, values(200_000));
    assert!(many.too_much && many.values.is_empty());
    stages.apply(&ended(many), At(1));
    let told = stages.handed(&spec, &[StageIx(0)]).unwrap_err();
    assert!(
        told.contains("canary registered is more than 256 KiB"),
        "{told}"
    );
    stages.apply(&StageEvent::Reopened { node, gate: false }, At(2));
    stages.apply(&ended(few), At(3));
    let handed = stages.handed(&spec, &[StageIx(0)]).unwrap();
    assert_eq!(handed.0["canary"][0].values, values(10));
}

#[test]
fn a_yes_to_what_was_told_counts_no_more_once_that_is_done_anew() {
    let mut rest = stage("rest", &[0], 1);
    rest.approve = Some(Approval::default());
    rest.late = Late {
        uses: vec![StageIx(0)],
        question: true,
        ..Late::default()
    };
    let mut world = scripted(
        flow(vec![stage("canary", &[], 1), rest]),
        &[ChildEnd::Borne],
    );
    let told = |world: &World| world.run.stages.as_ref().unwrap().question.clone().unwrap();
    let before = told(&world);
    assert!(before.contains("2.1"), "{before}");
    let (by, reason) = ("kim".to_owned(), String::new());
    assert!(world.ask(&Command::Pause { by, reason }));
    let (by, reason) = ("lee".to_owned(), String::new());
    assert!(world.ask(&Command::Approve { by, reason }));
    let canary = world.children.get_mut(&RunId(2)).unwrap();
    (canary.at_work, canary.until, canary.times) = (true, At(5), 2);
    world.settle();
    let by = "kim".to_owned();
    assert!(world.ask(&Command::Resume { by }));
    world.pass(10);
    world.settle();
    assert_eq!(words(&world), ["succeeded", "waiting"]);
    assert!(told(&world).contains("2.2"));
    assert!(world.run.stages.as_ref().unwrap().asked.is_some());
}

#[test]
fn what_uses_values_that_are_being_gathered_again_waits_for_them() {
    let mut rest = gated(stage("rest", &[0], 1));
    rest.late.uses = vec![StageIx(0)];
    let mut last = stage("last", &[1], 1);
    last.late.uses = vec![StageIx(0)];
    let mut world = World::new(flow(vec![stage("canary", &[], 1), rest, last]), 0);
    let work = |world: &mut World, run: u64, at_work| {
        let child = world.children.get_mut(&RunId(run)).unwrap();
        (child.at_work, child.until, child.ends) = (at_work, At(1 << 40), vec![ChildEnd::Ok]);
    };
    world.settle();
    work(&mut world, 2, false);
    world.settle();
    assert_eq!(words(&world), ["succeeded", "running", "waiting"]);
    // The canary is taken up again while the rest is at work, and its gate comes next.
    work(&mut world, 2, true);
    work(&mut world, 3, false);
    world.settle();
    assert_eq!(words(&world), ["running", "gate", "waiting"]);
    assert_eq!(world.next, 4, "the gate looks already");
    assert!(world.run.paused.is_none());
    work(&mut world, 2, false);
    world.settle();
    assert_eq!(world.next, 5, "the gate does not look");
    // And again, when the last would begin.
    work(&mut world, 2, true);
    work(&mut world, 4, false);
    world.settle();
    assert_eq!(words(&world), ["running", "succeeded", "waiting"]);
    work(&mut world, 2, false);
    world.settle();
    assert_eq!(words(&world), ["succeeded", "succeeded", "running"]);
}

#[test]
fn a_stage_that_a_condition_left_out_is_judged_again_and_one_that_a_person_left_out_is_not() {
    let late = |name: &str| {
        let mut late = stage(name, &[0], 1);
        late.late = Late {
            uses: vec![StageIx(0)],
            when: true,
            ..Late::default()
        };
        late
    };
    let first = |name: &str| stage(name, &[], 1);
    let spec = flow(vec![first("canary"), late("judged"), late("skipped"), {
        let mut last = stage("last", &[1, 2], 1);
        last.approve = Some(Approval::default());
        last
    }]);
    let mut world = World::new(spec, 0);
    let (by, stage) = ("kim".to_owned(), StageIx(2));
    assert!(world.ask(&Command::SkipStage { by, stage }));
    world.settle();
    let canary = RunId(2);
    world.children.get_mut(&canary).unwrap().at_work = false;
    let node = NodeIx {
        stage: StageIx(0),
        item: 0,
    };
    world.record(What::Stage(StageEvent::ChildEnded {
        node,
        end: ChildEnd::Ok,
        registered: Gathered::default(),
    }));
    world.record(What::Stage(StageEvent::Done { node }));
    let (stage, holds) = (StageIx(1), false);
    world.record(What::Stage(StageEvent::Judged { stage, holds }));
    assert_eq!(
        words(&world),
        ["succeeded", "skipped", "skipped", "waiting"]
    );
    world.record(What::Stage(StageEvent::Reopened { node, gate: false }));
    assert_eq!(words(&world), ["running", "waiting", "skipped", "waiting"]);
    world.children.get_mut(&canary).unwrap().ends = vec![ChildEnd::Ok];
    world.settle();
    assert_eq!(
        words(&world),
        ["succeeded", "running", "skipped", "waiting"]
    );
}

#[test]
fn an_abort_after_the_batch_ends_with_the_run_and_is_not_asked_of_what_is_retried() {
    let mut world = World::new(flow(vec![stage("only", &[], 1)]), 0);
    world.settle();
    let (by, reason) = ("kim".to_owned(), String::new());
    assert!(world.ask(&Command::AbortAfterBatch { by, reason }));
    world.settle();
    let only = world.children.get_mut(&RunId(2)).unwrap();
    (only.at_work, only.ends) = (false, vec![ChildEnd::Aborted]);
    world.settle();
    let end = world.run.ended.map(|(end, _)| end);
    assert_eq!(end, Some(EndState::Aborted));
    let only = world.children.get_mut(&RunId(2)).unwrap();
    (only.at_work, only.until, only.ends) = (true, At(5), vec![ChildEnd::Ok]);
    world.settle();
    assert!(world.run.ended.is_none() && world.run.abort_after.is_none());
    world.pass(10);
    world.settle();
    let end = world.run.ended.map(|(end, _)| end);
    assert_eq!(end, Some(EndState::Succeeded));
}

#[test]
fn nothing_of_a_run_that_has_ended_is_left_out() {
    let mut world = scripted(flow(vec![stage("only", &[], 1)]), &[ChildEnd::Failed]);
    assert!(world.run.ended.is_some());
    let (by, stage) = ("kim".to_owned(), StageIx(0));
    assert!(!world.ask(&Command::SkipStage { by, stage }));
}
