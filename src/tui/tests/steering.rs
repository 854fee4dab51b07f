//! Every act on a run, from its keys to what is sent, and what is said where it cannot be done.

use super::Console;
use super::flow_fixtures::{family, flow_run, stages_run, with_flows};
use crate::run::ids::RunId;
use crate::run::outcome::{Outcome, OutcomeKind};
use crate::run::tally::Tally;
use crate::wire::Request;
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::Steer;
use crate::wire::standing::Asked;
use crate::wire::view::RunView;

fn changed(change: impl Fn(&mut RunView)) -> impl Fn(&Request) -> Result<Reply, Fault> {
    move |request| {
        let mut reply = with_flows(request)?;
        match &mut reply {
            Reply::Overview(overview) => change(&mut overview.open[0]),
            Reply::Grid(page) => {
                change(&mut page.view);
                // One host of it is in doubt.
                if page.view.tally.ended(OutcomeKind::InDoubt) > 0 {
                    for row in page.rows.iter_mut().chain(page.host.as_mut()) {
                        row.outcome = Some(Outcome::InDoubt);
                    }
                }
            }
            _ => {}
        }
        Ok(reply)
    }
}

fn at_run(change: impl Fn(&mut RunView)) -> Console {
    let mut console = Console::new(80, 24);
    let engine = changed(change);
    console.answer(&engine).press("2").answer(&engine);
    console.press("k k k Enter").answer(&engine);
    console
}

fn at_whole() -> Console {
    let mut console = Console::new(80, 24);
    let only = |request: &Request| {
        let mut reply = with_flows(request)?;
        if let Reply::Overview(overview) = &mut reply {
            overview.open = vec![stages_run()];
        }
        Ok(reply)
    };
    console.answer(only).press("2").answer(only);
    console.press("g g Enter").answer(only);
    console
}

fn sent(console: &Console) -> Steer {
    let [Request::Steer { act, .. }] = console.acts()[..] else {
        panic!("one act is sent: {:?}", console.acts());
    };
    act.clone()
}

#[test]
fn an_abort_turns_to_one_after_the_open_batch_and_back() {
    let mut console = at_run(|_| {});
    console.press("X Tab");
    insta::assert_snapshot!("sheet-abort-after", console.screen());
    // What was typed for one way counts for no other.
    console.type_text("4420").press("Tab Enter");
    assert!(console.acts().is_empty());
    console.press("Tab").type_text("4420").press("Enter");
    assert!(matches!(sent(&console), Steer::AbortAfterBatch { .. }));
}

#[test]
fn the_last_batch_is_aborted_now_or_not_at_all() {
    let mut console = at_run(|view| view.batch = (12, 12));
    console.press("X");
    assert!(!console.screen().contains("Tab"), "{}", console.screen());
    console.press("Tab").type_text("4420").press("Enter");
    assert!(matches!(sent(&console), Steer::Abort { .. }));
}

#[test]
fn a_retry_turns_to_each_outcome() {
    let mut console = at_run(|_| {});
    console.press("R");
    insta::assert_snapshot!("sheet-retry", console.screen());
    console.press("Tab Tab y");
    let Steer::Retry { only, hosts, shown } = sent(&console) else {
        panic!("a retry");
    };
    assert_eq!((only, hosts.as_str()), (vec![OutcomeKind::Unreachable], ""));
    assert_eq!(shown, Some(1));
}

#[test]
fn no_more_hosts_are_retried_than_the_sheet_showed() {
    let mut console = at_run(|_| {});
    console.press("R y");
    let Steer::Retry { shown, .. } = sent(&console) else {
        panic!("a retry");
    };
    assert_eq!(shown, Some(12));
}

#[test]
fn what_never_began_in_a_run_that_ended_is_taken_up() {
    let mut console = at_run(|view| {
        view.state = "aborted".into();
        view.ended = Some(view.created);
        view.tally = Tally::all_ended(40, OutcomeKind::NotStarted);
    });
    console.press("R");
    assert!(
        console.screen().contains("not_started"),
        "{}",
        console.screen()
    );
    console.press("y");
    let Steer::Retry { only, .. } = sent(&console) else {
        panic!("a retry");
    };
    assert_eq!(only, [OutcomeKind::NotStarted]);
}

#[test]
fn a_host_or_the_step_under_the_cursor_is_left_out() {
    let mut console = at_run(|_| {});
    console.press("l K");
    insta::assert_snapshot!("sheet-skip-host", console.screen());
    console.press("y");
    assert!(matches!(sent(&console), Steer::Skip { hosts } if hosts.starts_with("web")));
    let mut console = at_run(|_| {});
    console.press("l K Tab").type_text("10000").press("Enter");
    assert!(matches!(sent(&console), Steer::SkipStep { step } if step == "package"));
}

#[test]
fn a_stage_is_left_out() {
    let mut console = at_whole();
    console.press("G K y");
    assert!(matches!(sent(&console), Steer::SkipStep { step } if step == "report"));
}

#[test]
fn a_stage_of_several_items_is_left_out_by_typing_the_hosts_of_all_of_them() {
    let mut console = at_whole();
    console.press("g j j K");
    let screen = console.screen();
    assert!(
        screen.contains("1 of 2 items are left out: cluster-b"),
        "{screen}"
    );
    console.type_text("1930").press("Enter");
    assert!(console.acts().is_empty());
    console.press("^u").type_text("11930").press("Enter");
    assert!(matches!(sent(&console), Steer::SkipStep { step } if step == "clusters"));
}

/// The hosts of the run under the cursor are named on the list of runs.
fn skipping(set: &str) -> Console {
    let mut console = Console::new(80, 24);
    console.answer(with_flows).press("2 2").answer(with_flows);
    console.press("j j K").type_text(set).press("Enter y");
    assert!(
        console.acts().is_empty(),
        "the engine has not said who they are"
    );
    console.answer(with_flows);
    console
}

#[test]
fn hosts_that_were_named_are_left_out_by_a_sheet_that_counts_them() {
    let mut console = skipping("web00001");
    let screen = console.screen();
    assert!(screen.contains("SKIP HOSTS OF RUN 4412"), "{screen}");
    assert!(screen.contains("those of 1 host chosen"), "{screen}");
    console.press("y");
    assert!(matches!(sent(&console), Steer::Skip { hosts } if hosts.starts_with("web[")));

    let mut console = skipping("@web");
    console.press("y Enter");
    assert!(console.acts().is_empty());
    console.press("Backspace").type_text("10000").press("Enter");
    assert!(matches!(sent(&console), Steer::Skip { .. }));
}

#[test]
fn hosts_that_are_not_of_the_run_are_left_out_by_nothing() {
    let mut console = skipping("nosuch");
    let screen = console.screen();
    assert!(screen.contains("nosuch is not a host of it"), "{screen}");
    console.press("y Enter Esc");
    assert!(console.acts().is_empty());
}

fn doubtful(view: &mut RunView) {
    view.tally = Tally::all_ended(40, OutcomeKind::InDoubt);
}

#[test]
fn a_host_in_doubt_has_three_ways_out() {
    let mut console = at_run(doubtful);
    assert!(
        console.screen().contains("Z settle…"),
        "{}",
        console.screen()
    );
    console.press("Z");
    insta::assert_snapshot!("sheet-settle", console.screen());
    for (keys, wanted) in [("y", "failed"), ("Tab y", "ok"), ("Tab Tab y", "retry")] {
        let mut console = at_run(doubtful);
        console.press("Z").press(keys);
        assert!(matches!(sent(&console), Steer::Settle { verdict, .. } if verdict == wanted));
    }
}

#[test]
fn without_a_host_in_doubt_there_is_nothing_to_settle() {
    let mut console = at_run(|_| {});
    console.press("Z");
    assert!(
        console
            .screen()
            .contains("No host of run 4420 is in doubt.")
    );
    let mut console = at_whole();
    console.press("Z");
    assert!(
        console
            .screen()
            .contains("No host of run 4430 is in doubt.")
    );
}

#[test]
fn limits_are_changed_as_they_are_typed_and_what_is_wrong_stays_to_be_mended() {
    let mut console = at_run(|view| view.limits = (50, Some(2)));
    console.press("L");
    let screen = console.screen();
    assert!(
        screen.contains("concurrency=50 max_failures=2 batches="),
        "{screen}"
    );
    console
        .press("^u")
        .type_text("concurrency=no")
        .press("Enter");
    assert!(
        console.screen().contains("needs a number above 0"),
        "{}",
        console.screen()
    );
    assert!(console.acts().is_empty());
    console
        .press("^u")
        .type_text("concurrency=8 batches=5,20%")
        .press("Enter");
    let Steer::Tune {
        concurrency,
        max_failures,
        batches,
    } = sent(&console)
    else {
        panic!("limits");
    };
    assert_eq!((concurrency, max_failures), (Some(8), None));
    assert_eq!(batches.as_deref(), Some("5,20%"));
}

#[test]
fn limits_that_are_left_as_they_are_change_nothing() {
    let mut console = at_run(|view| view.limits = (50, Some(2)));
    console.press("L Enter");
    assert!(console.screen().contains("batches needs a value") || console.acts().is_empty());
    assert!(console.acts().is_empty());
}

#[test]
fn the_limits_of_a_whole_are_those_of_its_runs() {
    let mut console = at_whole();
    console.press("L");
    let screen = console.screen();
    assert!(
        screen.contains("each has its own limits: open one, then L."),
        "{screen}"
    );
}

#[test]
fn who_does_not_have_the_conn_is_told_so_before_any_question() {
    for key in ["K", "Z", "L", "R", "B", "c"] {
        let mut console = at_run(|view| {
            doubtful(view);
            view.holder = Some("lee".into());
        });
        console.press(key);
        let screen = console.screen();
        assert!(
            screen.contains("lee has the conn of run 4420: ask them, or take it with T."),
            "{key}: {screen}"
        );
        assert!(console.acts().is_empty());
    }
}

#[test]
fn a_yes_for_many_hosts_is_typed() {
    let mut console = at_run(|view| {
        view.state = "waiting".into();
        view.waits_for = Some("approval".into());
        view.because = Some("go on?".into());
    });
    console.press("A y");
    assert!(console.acts().is_empty());
    console.press("Backspace").type_text("10000").press("Enter");
    assert!(matches!(sent(&console), Steer::Approve { .. }));
}

#[test]
fn an_answer_says_which_question_was_on_the_sheet() {
    let asked = |run: u64, batch| Asked {
        run: RunId(run),
        place: 2,
        batch,
    };
    for (key, reason) in [("A", true), ("x", false)] {
        let mut console = at_run(|view| {
            view.waits_for = Some("approval".into());
            view.tally = Tally::all_waiting(3);
            view.asks = vec![asked(4420, 7)];
        });
        console.press(key).press("y");
        let seen = match sent(&console) {
            Steer::Approve { asked, .. } if reason => asked,
            Steer::Reject { asked, .. } if !reason => asked,
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, Some(asked(4420, 7)));
    }
    let mut console = at_run(|view| {
        view.waits_for = Some("approval".into());
        view.asks = vec![asked(4421, 1), asked(4422, 1)];
    });
    console.press("A");
    let screen = console.screen();
    assert!(
        screen.contains("2 runs of run 4420 ask something"),
        "{screen}"
    );
}

#[test]
fn an_open_run_that_no_list_names_is_steered_where_it_is_shown_and_opened_elsewhere() {
    let unlisted = |request: &Request| {
        let mut reply = with_flows(request)?;
        if let Reply::Overview(overview) = &mut reply {
            overview.open.clear();
        }
        Ok(reply)
    };
    let mut console = at_run(|_| {});
    console.answer(unlisted).press("p");
    assert!(matches!(sent(&console), Steer::Pause { .. }));

    // Its definition lists it as one of its runs.
    let mut console = Console::new(80, 24);
    console.answer(unlisted).press("2").answer(unlisted);
    console.press("/").type_text("Upgrade").press("Enter Enter");
    console.answer(unlisted).press("Tab p");
    let screen = console.screen();
    assert!(!screen.contains("is over"), "{screen}");
    assert!(screen.contains("press the key again"), "{screen}");
    assert!(console.acts().is_empty());
}

#[test]
fn a_part_of_a_whole_that_stands_still_goes_on_with_the_whole_after_a_question() {
    let engine = |request: &Request| {
        let (mut whole, mut part, _) = family();
        (whole.state, part.state) = ("paused".into(), "paused".into());
        Ok(match with_flows(request)? {
            Reply::Overview(mut overview) => {
                overview.open = vec![part, whole];
                Reply::Overview(overview)
            }
            Reply::Grid(mut grid) => {
                grid.view = part;
                Reply::Grid(grid)
            }
            other => other,
        })
    };
    let mut console = Console::new(80, 24);
    console.answer(engine).press("2 2").answer(engine);
    console.press("l j Enter").answer(engine).press("c");
    assert!(console.acts().is_empty());
    let screen = console.screen();
    assert!(screen.contains("run 4432 is part of run 4430"), "{screen}");
    console.press("y");
    let [
        Request::Steer {
            run,
            act: Steer::Resume,
        },
    ] = console.acts()[..]
    else {
        panic!("{:?}", console.acts());
    };
    assert_eq!(*run, RunId(4430));
}

#[test]
fn keys_that_act_are_dead_while_the_engine_is_gone() {
    for key in [
        "p", "c", "R", "K", "Z", "L", "B", "X", "A", "x", "T", "W", "i",
    ] {
        let mut console = at_run(doubtful);
        console.app.lost("it is gone".into(), 1_000);
        console.press(key);
        let screen = console.screen();
        assert!(screen.contains("acting keys are off"), "{key}: {screen}");
        assert!(console.acts().is_empty(), "{key}");
    }
}

#[test]
fn no_key_alone_acts_but_those_that_can_be_taken_back() {
    let letters = ('!'..='~').map(|letter| letter.to_string());
    for key in letters.filter(|key| !["p", "c", "a", "D", "u"].contains(&key.as_str())) {
        for mut console in [at_run(|_| {}), at_whole()] {
            console.type_text(&key).press("Enter");
            assert!(console.acts().is_empty(), "{key} and Enter act");
        }
    }
    assert_eq!(flow_run().state, "running");
}

#[test]
fn the_conn_of_a_part_is_that_of_its_whole() {
    let engine = |request: &Request| {
        Ok(match with_flows(request)? {
            Reply::Overview(mut overview) => {
                let (mut whole, part, _) = family();
                whole.holder = Some("lee".into());
                overview.open = vec![part, whole];
                Reply::Overview(overview)
            }
            Reply::Grid(mut grid) => {
                grid.view = family().1;
                Reply::Grid(grid)
            }
            other => other,
        })
    };
    let mut console = Console::new(80, 24);
    console.answer(engine).press("2 2").answer(engine);
    console.press("l j Enter").answer(engine);
    console.press("T");
    let screen = console.screen();
    assert!(
        screen.contains("why you take the conn of run 4430"),
        "{screen}"
    );
}
