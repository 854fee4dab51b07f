//! Runs that are made of runs, and what is asked of them.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{core, doing, new, spec};
use crate::engine::audit::encode;
use crate::engine::core::Core;
use crate::engine::core::turn::smaller;
use crate::engine::retention::{Retention, sweep};
use crate::run::event::{EndState, Event, What};
use crate::run::family::Parent;
use crate::run::ids::{At, Attempt, HostIx, RunId, StepIx};
use crate::run::outcome::OutcomeKind;
use crate::run::roles::Authority;
use crate::run::spec::{Act, Approval, FlowRef, RunKind, RunSpec};
use crate::run::stages::{
    ChildEnd, GateSpec, Gathered, Need, NodeIx, NodeSpec, OnStageFailure, Registered, StageEvent,
    StageIx, StageSpec, StagesSpec, Start,
};
use crate::store::MAX_APPEND;
use crate::wire::reply::Fault;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

pub(super) fn whole_of(names: &[&str]) -> RunSpec {
    let stage = |name: &&str| StageSpec {
        name: (*name).to_owned(),
        needs: Need::default(),
        nodes: vec![NodeSpec {
            item: None,
            kind: RunKind::Flow,
            title: (*name).to_owned(),
            spec: String::new(),
            hosts: 2,
            gate: None,
        }],
        parallel: 1,
        approve: None,
        soak: Duration::ZERO,
        on_failure: OnStageFailure::Pause,
        late: crate::run::stages::Late::default(),
    };
    let mut whole = spec(0, false);
    whole.steps.clear();
    whole.stages = Some(StagesSpec {
        stages: names.iter().map(stage).collect(),
        reach: Vec::new(),
        parallel: None,
        join: None,
        fail_fast: false,
    });
    whole
}

/// The run of a stage, which does nothing by itself.
pub(super) fn part(core: &mut Core, whole: RunId, stage: usize) -> RunId {
    let node = NodeIx {
        stage: StageIx(stage),
        item: 0,
    };
    let parent = Parent {
        run: whole,
        node,
        gate: false,
    };
    let part = new(doing(Act::Approve(Approval::default())), Some(parent));
    core.create_now(part).unwrap().0
}

pub(super) fn record(core: &mut Core, run: RunId, what: What) {
    let event = Event { at: At(1), what };
    core.commit(run, &[event], &[]).unwrap();
}

fn paused(by: &str) -> What {
    What::Paused {
        by: by.to_owned(),
        reason: "to look".to_owned(),
    }
}

pub(super) async fn steer(core: &mut Core, run: RunId, act: Steer) -> Result<RunView, Fault> {
    let (reply, mut answer) = oneshot::channel();
    core.steer(run, &Authority::everything("ann"), &act, reply);
    for _ in 0..1_000 {
        core.release().unwrap();
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("no answer");
}

fn is_paused(core: &Core, run: RunId) -> bool {
    core.live_run(run).unwrap().run.paused.is_some()
}

#[tokio::test]
async fn an_answer_to_a_whole_of_which_several_runs_ask_is_given_to_none() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a", "b"]), None)).unwrap();
    let mut asking = |stage| {
        let run = part(&mut core, whole, stage);
        let what = What::BarrierReached {
            step: StepIx(0),
            until: None,
        };
        record(&mut core, run, what);
        run
    };
    let first = asking(0);
    let second = asking(1);
    assert_eq!(first, RunId(2));
    let fault = core.who_asks(whole).unwrap_err();
    assert!(
        fault.message.starts_with("2 runs of run 1 ask"),
        "{fault:?}"
    );
    assert_eq!(core.who_asks(second).unwrap(), second);
}

#[tokio::test]
async fn a_part_that_a_person_paused_stays_when_the_whole_goes_on_and_is_named() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core
        .create_now(new(whole_of(&["a", "b", "c"]), None))
        .unwrap();
    let parts: Vec<RunId> = (0..3).map(|stage| part(&mut core, whole, stage)).collect();
    record(&mut core, parts[0], paused("kim"));
    record(&mut core, parts[1], paused("conn"));
    record(&mut core, whole, paused("conn"));
    core.go_on().unwrap();
    assert!(parts.iter().all(|part| is_paused(&core, *part)));

    let view = steer(&mut core, whole, Steer::Resume).await.unwrap();
    core.go_on().unwrap();
    assert_eq!(view.stay, ["run 2 stays paused by kim: to look"]);
    let stand: Vec<bool> = parts.iter().map(|part| is_paused(&core, *part)).collect();
    assert_eq!(stand, [true, false, false]);

    // Who names the part means the part, and whatever holds it up.
    record(&mut core, whole, paused("lee"));
    core.go_on().unwrap();
    let view = steer(&mut core, parts[0], Steer::Resume).await.unwrap();
    core.go_on().unwrap();
    assert_eq!(view.stay, Vec::<String>::new());
    assert!(parts.iter().all(|part| !is_paused(&core, *part)));
    assert!(!is_paused(&core, whole));
}

#[tokio::test]
async fn nothing_starts_again_while_its_whole_is_being_aborted() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a", "b"]), None)).unwrap();
    let parts: Vec<RunId> = (0..2).map(|stage| part(&mut core, whole, stage)).collect();
    let by_hand = |reason: &str| Steer::Abort {
        reason: reason.to_owned(),
    };
    steer(&mut core, parts[0], by_hand("one")).await.unwrap();
    core.go_on().unwrap();
    assert!(core.live_run(parts[0]).unwrap().run.ended.is_some());

    // Both are taken before anything goes on.
    steer(&mut core, whole, by_hand("all")).await.unwrap();
    let again = Steer::Retry {
        only: vec![OutcomeKind::NotStarted],
        hosts: String::new(),
        shown: None,
    };
    let of_part = steer(&mut core, parts[0], again.clone()).await;
    let sentence = of_part.unwrap_err().to_string();
    assert!(
        sentence.contains(&format!("run {whole} is being aborted")),
        "{sentence}"
    );
    assert!(steer(&mut core, whole, again).await.is_err());
    core.go_on().unwrap();
    let other = &core.live_run(parts[1]).unwrap().run;
    assert_eq!(other.aborted_by.as_deref(), Some("ann"));
    assert!(other.ended.is_some());
}

#[tokio::test]
async fn a_whole_that_is_rolled_back_takes_the_parts_along_that_have_nothing_to_undo() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a", "b"]), None)).unwrap();
    let idle = part(&mut core, whole, 0);
    let node = NodeIx {
        stage: StageIx(1),
        item: 0,
    };
    let mut undoing = doing(Act::Wait(Duration::from_hours(1)));
    let mut undo = undoing.steps[0].clone();
    undo.rules.undoes = Some(StepIx(0));
    undoing.steps.push(undo);
    let parent = Parent {
        run: whole,
        node,
        gate: false,
    };
    let undoing = core.create_now(new(undoing, Some(parent))).unwrap().0;
    let back = Steer::Rollback {
        reason: "to look".to_owned(),
        hosts: String::new(),
    };
    let refused = steer(&mut core, idle, back.clone()).await.unwrap_err();
    assert!(
        refused.to_string().contains("rollback command"),
        "{refused}"
    );
    let dispatched = What::Dispatched {
        step: StepIx(0),
        attempt: Attempt(1),
        hosts: vec![HostIx(0)],
    };
    record(&mut core, undoing, dispatched);
    steer(&mut core, whole, back).await.unwrap();
    for run in [idle, undoing] {
        let run = &core.live_run(run).unwrap().run;
        assert_eq!(run.rolled_back.as_deref(), Some("ann"));
    }
}

#[tokio::test]
async fn what_commands_of_different_stages_take_is_kept_apart() {
    let (mut core, _inbox, _spool) = core(0);
    let mut whole = whole_of(&["a", "b"]);
    let flow = FlowRef {
        name: "Top".to_owned(),
        version: 1,
        digest: String::new(),
        frozen: String::new(),
        secrets: Vec::new(),
    };
    whole.flow = Some(flow.clone());
    let (whole, _) = core.create_now(new(whole, None)).unwrap();
    let mut key = |stage: usize, kind| {
        let mut of_stage = doing(Act::Approve(Approval::default()));
        (of_stage.kind, of_stage.flow) = (kind, Some(flow.clone()));
        let node = NodeIx {
            stage: StageIx(stage),
            item: 0,
        };
        let parent = Parent {
            run: whole,
            node,
            gate: kind == RunKind::Gate,
        };
        let (run, _) = core.create_now(new(of_stage, Some(parent))).unwrap();
        core.pace_key(&core.runs[&run].run).unwrap()
    };
    let keys = [
        key(0, RunKind::Exec),
        key(1, RunKind::Exec),
        key(0, RunKind::Gate),
        key(1, RunKind::Gate),
    ];
    let apart: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(apart.len(), 4, "{keys:?}");
}

/// Ends a run of runs, or a part that asks.
fn end(core: &mut Core, run: RunId, at: At) {
    let state = EndState::Succeeded;
    let what = What::Ended { state };
    core.commit(run, &[Event { at, what }], &[]).unwrap();
    core.runs.get_mut(&run).unwrap().over_since = Some(At(1));
}

#[tokio::test]
async fn a_part_stays_as_long_as_its_whole_is_at_work_and_they_are_sealed_together() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a"]), None)).unwrap();
    let part = part(&mut core, whole, 0);
    end(&mut core, part, At(1));
    core.retire();
    assert!(core.live_run(part).is_some(), "sealed before its whole");
    end(&mut core, whole, At(1));
    core.retire();
    assert!(core.live_run(part).is_none() && core.live_run(whole).is_none());
    let store = core.parts.store.clone();
    for _ in 0..1_000 {
        if store.live_runs().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("not sealed");
}

#[tokio::test]
async fn a_part_of_a_whole_that_is_sealed_is_changed_no_more() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a"]), None)).unwrap();
    let part = part(&mut core, whole, 0);
    end(&mut core, part, At(1));
    end(&mut core, whole, At(1));
    // The engine died when the whole was sealed and its part was not yet.
    core.runs.remove(&whole);
    let again = Steer::Retry {
        only: vec![OutcomeKind::NotStarted],
        hosts: String::new(),
        shown: None,
    };
    let fault = steer(&mut core, part, again).await.unwrap_err();
    assert!(fault.message.contains("is sealed"), "{fault:?}");
}

#[tokio::test]
async fn a_whole_and_its_parts_make_room_together_or_not_at_all() {
    let (mut core, _inbox, _spool) = core(0);
    let store = core.parts.store.clone();
    let day = Retention {
        keep_for: Duration::from_hours(24),
        keep_bytes: u64::MAX,
    };
    let mut family = |ended: At| {
        let (whole, _) = core.create_now(new(whole_of(&["a"]), None)).unwrap();
        let part = part(&mut core, whole, 0);
        end(&mut core, part, At(1));
        store.seal(part.0).unwrap();
        assert_eq!(sweep(store.as_ref(), day).unwrap(), 0, "its whole is live");
        end(&mut core, whole, ended);
        store.seal(whole.0).unwrap();
        sweep(store.as_ref(), day).unwrap()
    };
    assert_eq!(family(crate::engine::now()), 0, "its whole ended just now");
    assert_eq!(family(At(2)), 2);
}

/// What so many hosts registered, each something of its own that is long to write down.
fn registered(hosts: usize) -> Registered {
    let of = |host: usize| (format!("value{host:030}"), vec![format!("h{host}")]);
    Registered::from([("v".to_owned(), (0..hosts).map(of).collect())])
}

#[tokio::test]
async fn what_is_too_large_to_be_written_down_ends_no_engine() {
    let (mut core, _inbox, _spool) = core(0);
    let mut whole = whole_of(&["a", "b", "c"]);
    let inner = encode(&whole_of(&["x"]));
    let inner = core.parts.store.put_blob(&inner).unwrap();
    let stages = &mut whole.stages.as_mut().unwrap().stages;
    stages[2].nodes[0].spec = inner.to_string();
    stages[2].late.uses = vec![StageIx(0), StageIx(1)];
    stages[2].needs = Need {
        of: vec![StageIx(0), StageIx(1)],
        count: 2,
    };
    let (whole, _) = core.create_now(new(whole, None)).unwrap();
    let parts: Vec<RunId> = (0..2).map(|stage| part(&mut core, whole, stage)).collect();
    let ended = |part: usize, registered| {
        let stage = StageIx(part);
        What::Stage(StageEvent::ChildEnded {
            node: NodeIx { stage, item: 0 },
            end: ChildEnd::Ok,
            registered,
        })
    };
    let size = |what: &What| encode(what).len();
    // As much as is handed on is written down at once.
    let run = core.live_run(whole).unwrap().run.clone();
    let (spec, stages) = (run.spec.stages.as_ref(), run.stages.as_ref().unwrap());
    let gathered = |hosts| stages.gathered(spec.unwrap(), registered(hosts));
    let all = (0..100).map(|hosts| gathered(hosts * 200));
    let most = all.take_while(|all| !all.too_much).last().unwrap();
    let most = size(&ended(0, most));
    assert!((MAX_APPEND / 8..MAX_APPEND / 3).contains(&most), "{most}");

    let all = |hosts| Gathered {
        values: registered(hosts),
        too_much: false,
    };
    let too_large = ended(0, all(60_000));
    assert!(size(&too_large) > MAX_APPEND);
    let (at, what) = (At(1), too_large);
    let smaller = smaller(Event { at, what }).unwrap();
    assert_eq!(smaller.what, ended(0, Gathered::none()));

    // An engine that bore more wrote these down.
    for (stage, part) in parts.into_iter().enumerate() {
        end(&mut core, part, At(1));
        record(&mut core, whole, ended(stage, all(18_000)));
    }
    core.go_on().unwrap();
    let pause = core.live_run(whole).unwrap().run.paused.clone().unwrap();
    let begin = "c cannot begin: ";
    assert!(pause.reason.starts_with(begin), "{pause:?}");
    assert!(pause.reason.contains("too much"), "{pause:?}");
}

#[tokio::test]
async fn a_part_at_work_whose_whole_is_not_there_is_still_steered() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a"]), None)).unwrap();
    let part = part(&mut core, whole, 0);
    core.runs.remove(&whole);
    let text = "seen".to_owned();
    steer(&mut core, part, Steer::Note { text }).await.unwrap();
    let reason = String::new();
    steer(&mut core, part, Steer::Abort { reason })
        .await
        .unwrap();
    core.go_on().unwrap();
    assert!(core.live_run(part).unwrap().run.ended.is_some());
}

#[tokio::test]
async fn what_never_began_of_a_whole_in_a_whole_is_taken_up_with_the_outer_one() {
    let (mut core, _inbox, _spool) = core(0);
    let (outer, _) = core.create_now(new(whole_of(&["a", "b"]), None)).unwrap();
    let parent = |stage| {
        let stage = StageIx(stage);
        Some(Parent {
            run: outer,
            node: NodeIx { stage, item: 0 },
            gate: false,
        })
    };
    let inner = whole_of(&["x", "y"]);
    let (inner, _) = core.create_now(new(inner, parent(0))).unwrap();
    for run in [inner, outer] {
        let (by, reason) = ("kim".to_owned(), String::new());
        record(&mut core, run, What::Aborted { by, reason });
        let state = EndState::Aborted;
        record(&mut core, run, What::Ended { state });
    }
    let again = Steer::Retry {
        only: vec![OutcomeKind::NotStarted],
        hosts: String::new(),
        shown: None,
    };
    steer(&mut core, outer, again).await.unwrap();
    for run in [inner, outer] {
        let run = &core.live_run(run).unwrap().run;
        assert!(run.ended.is_none(), "{} was left as it was", run.id);
    }
}

#[tokio::test]
async fn a_gate_that_is_passed_is_not_looked_at_again() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, _) = core.create_now(new(whole_of(&["a"]), None)).unwrap();
    let work = part(&mut core, whole, 0);
    let node = NodeIx {
        stage: StageIx(0),
        item: 0,
    };
    let parent = Parent {
        run: whole,
        node,
        gate: true,
    };
    let gate = new(doing(Act::Approve(Approval::default())), Some(parent));
    let (gate, _) = core.create_now(gate).unwrap();
    for run in [work, gate] {
        let (by, reason) = ("kim".to_owned(), String::new());
        record(&mut core, run, What::Aborted { by, reason });
        let state = EndState::Aborted;
        record(&mut core, run, What::Ended { state });
    }
    record(&mut core, whole, What::Stage(StageEvent::Done { node }));
    let again = || Steer::Retry {
        only: vec![OutcomeKind::NotStarted],
        hosts: String::new(),
        shown: None,
    };
    let fault = steer(&mut core, gate, again()).await.unwrap_err();
    assert!(fault.message.contains("counts as passed"), "{fault:?}");
    steer(&mut core, whole, again()).await.unwrap();
    let is_over = |run| core.live_run(run).unwrap().run.ended.is_some();
    assert!(is_over(gate) && !is_over(work));
}

#[tokio::test]
async fn a_gate_is_given_what_the_work_was_that_it_looks_at() {
    let (mut core, _inbox, _spool) = core(0);
    let mut whole = whole_of(&["a", "b"]);
    // What is no run of a flow is not worked out on its first host.
    let inner = encode(&whole_of(&["x"]));
    let inner = core.parts.store.put_blob(&inner).unwrap().to_string();
    let stage = &mut whole.stages.as_mut().unwrap().stages[1];
    stage.late.uses = vec![StageIx(0)];
    stage.nodes[0].spec.clone_from(&inner);
    stage.nodes[0].gate = Some(GateSpec {
        title: "gate".to_owned(),
        spec: inner,
    });
    stage.needs = Need {
        of: vec![StageIx(0)],
        count: 1,
    };
    let (whole, _) = core.create_now(new(whole, None)).unwrap();
    let first = part(&mut core, whole, 0);
    let node = |stage| NodeIx {
        stage: StageIx(stage),
        item: 0,
    };
    let ended = |stage, hosts| {
        What::Stage(StageEvent::ChildEnded {
            node: node(stage),
            end: ChildEnd::Ok,
            registered: Gathered {
                values: registered(hosts),
                too_much: false,
            },
        })
    };
    end(&mut core, first, At(1));
    record(&mut core, whole, ended(0, 1));
    record(
        &mut core,
        whole,
        What::Stage(StageEvent::Done { node: node(0) }),
    );
    let begin = |core: &mut Core, start| {
        core.start_child(whole, start).unwrap();
        let (run, live) = core.runs.last_key_value().unwrap();
        (
            *run,
            live.run.handed.clone().unwrap().0["a"][0].values.clone(),
        )
    };
    let (work, given) = begin(&mut core, Start::Work(node(1)));
    assert_eq!(given, registered(1));
    end(&mut core, work, At(1));
    record(&mut core, whole, ended(1, 0));
    // The first registered something else since.
    record(&mut core, whole, ended(0, 2));
    let (gate, given) = begin(&mut core, Start::Gate(node(1)));
    assert_ne!(gate, work);
    assert_eq!(given, registered(1));
}
