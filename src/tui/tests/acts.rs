//! What is done with runs of flows, and what is said before it.

use super::Console;
use super::flow_fixtures::{flow_run, stages_run, with_flows};
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::Steer;
use crate::wire::view::{PartOf, RunView};
use crate::wire::{Request, view};

/// The run of a flow, as `with_flows` has it but for what is changed here.
fn at_run(change: impl Fn(&mut RunView)) -> Console {
    let mut console = Console::new(80, 24);
    let engine = changed(change);
    console.answer(&engine).press("2").answer(&engine);
    console.press("k k k Enter").answer(&engine);
    console
}

fn changed(change: impl Fn(&mut RunView)) -> impl Fn(&Request) -> Result<Reply, Fault> {
    move |request| {
        let mut reply = with_flows(request)?;
        match &mut reply {
            Reply::Overview(overview) => change(&mut overview.open[0]),
            Reply::Grid(page) => change(&mut page.view),
            _ => {}
        }
        Ok(reply)
    }
}

#[test]
fn a_flow_is_rolled_back_by_a_sheet_that_asks_for_the_number_of_the_run() {
    let mut console = at_run(|_| {});
    console.press("B");
    insta::assert_snapshot!("sheet-roll-back", console.screen());
    console.press("y Enter");
    assert!(console.acts().is_empty());
    console.press("Backspace").type_text("4420").press("Enter");
    let [Request::Steer { run, act }] = console.acts()[..] else {
        panic!("one act");
    };
    assert_eq!(*run, flow_run().run);
    assert!(matches!(act, Steer::Rollback { hosts, .. } if hosts.is_empty()));
}

#[test]
fn the_question_of_a_sheet_is_in_sight_however_much_is_said_and_however_low_the_window() {
    for height in 10..24 {
        let mut console = at_run(|view| {
            view.waits_for = Some("approval".into());
            view.because = Some("is every one of these hosts well? ".repeat(40));
            view.tally = crate::run::tally::Tally::all_waiting(3);
        });
        console.size = (80, height);
        console.app.resize(80, height);
        console.press("A");
        let screen = console.screen();
        assert!(screen.contains("Do it?"), "{height}: {screen}");
        let mut console = at_run(|view| view.title = "word ".repeat(300));
        console.size = (80, height);
        console.app.resize(80, height);
        console.press("R Tab X").press("Esc").press("B");
        let screen = console.screen();
        assert!(
            screen.contains("Type the run's number"),
            "{height}: {screen}"
        );
    }
}

#[test]
fn chosen_hosts_are_rolled_back_alone() {
    let mut console = at_run(|_| {});
    console.press("Space B").answer(with_flows);
    console.type_text("4420").press("Enter");
    let [Request::Steer { act, .. }] = console.acts()[..] else {
        panic!("one act");
    };
    assert!(matches!(act, Steer::Rollback { hosts, .. } if hosts.starts_with("web")));
}

#[test]
fn rolling_back_is_found_by_its_name_and_a_command_says_that_nothing_undoes_it() {
    let mut console = at_run(|_| {});
    console.press(":").answer(with_flows).type_text("roll back");
    console.press("Enter");
    assert!(console.screen().contains("ROLL BACK RUN 4420"));
    let mut console = Console::new(80, 24);
    console.answer(with_flows).press("2 2").answer(with_flows);
    console.press("j Enter").answer(with_flows).press("B");
    let screen = console.screen();
    assert!(screen.contains("nothing that undoes it"), "{screen}");
    assert!(console.acts().is_empty());
}

#[test]
fn a_retry_on_a_paused_run_says_that_the_run_must_go_on() {
    let mut console = at_run(|view| view.state = "paused".into());
    console.press("R");
    let screen = console.screen();
    assert!(screen.contains("when the run goes on"), "{screen}");
}

#[test]
fn enter_opens_the_step_that_a_host_stands_at_until_another_is_chosen() {
    let engine = |request: &Request| {
        let mut reply = with_flows(request)?;
        if let Reply::Grid(page) = &mut reply {
            for row in page.rows.iter_mut().chain(page.host.as_mut()) {
                row.step = "restart".into();
            }
        }
        Ok(reply)
    };
    let mut console = Console::new(80, 24);
    console.answer(engine).press("2").answer(engine);
    console.press("k k k Enter").answer(engine);
    console.press("Enter").answer(engine);
    assert!(console.screen().contains("only step restart"));
    console.press("Esc").answer(engine).press("h h h Enter");
    assert!(console.answer(engine).screen().contains("only step drain"));
}

#[test]
fn a_question_is_the_first_thing_that_keys_are_shown_for() {
    let mut console = at_run(|view| {
        view.state = "waiting".into();
        view.waits_for = Some("approval".into());
        view.because = Some("is it \x1b[31mwell\x1b[0m?".into());
    });
    let screen = console.screen();
    assert!(
        screen.contains("Enter open  A approve…  x reject…"),
        "{screen}"
    );
    // Nothing of what it says reaches the terminal as more than signs.
    assert_eq!(screen.matches("^[[31mwell").count(), 2, "{screen}");
    assert!(!screen.contains("is it [31m"), "{screen}");
}

#[test]
fn why_a_host_failed_and_what_it_wrote_do_not_stand_on_each_other() {
    let why = "the file system is read-only, and this sentence is so long that it takes more than \
               one row of a small terminal before it comes to its end";
    let engine = |request: &Request| {
        let mut reply = with_flows(request)?;
        match &mut reply {
            Reply::Grid(page) => {
                page.causes.clear();
                for row in page.rows.iter_mut().chain(page.host.as_mut()) {
                    row.detail = Some(why.to_owned());
                }
            }
            Reply::Lines(page) => page.lines.truncate(1),
            _ => {}
        }
        Ok(reply)
    };
    let mut console = Console::new(80, 40);
    console.answer(engine).press("2").answer(engine);
    console.press("k k k Enter v v").answer(engine);
    let screen = console.screen();
    assert!(screen.contains("comes to its end"), "{screen}");
    assert!(screen.contains("│ Get:1"), "{screen}");
}

#[test]
fn what_a_part_and_its_whole_need_is_said_once() {
    let part = PartOf {
        run: stages_run().run,
        stage: 1,
        item: 0,
        gate: false,
        ..PartOf::default()
    };
    let engine = |whole_acts: bool| {
        let part = part.clone();
        move |request: &Request| {
            let mut reply = with_flows(request)?;
            if let Reply::Overview(overview) = &mut reply {
                let paused = |run: RunView| RunView {
                    state: "paused".into(),
                    ..run
                };
                overview.ended.clear();
                overview.open = vec![RunView {
                    part_of: Some(part.clone()),
                    ..paused(flow_run())
                }];
                if whole_acts {
                    overview.open.insert(0, paused(stages_run()));
                }
            }
            Ok(reply)
        }
    };
    let mut console = Console::new(80, 24);
    let screen = console.answer(engine(true)).screen();
    assert!(screen.contains("NEEDS YOU 1"), "{screen}");
    assert!(screen.contains("PAUSED") && screen.contains("run 4430"));
    let mut console = Console::new(80, 24);
    let screen = console.answer(engine(false)).screen();
    assert!(screen.contains("run 4420"), "{screen}");
}

#[test]
fn a_stage_whose_run_stands_still_says_how() {
    let engine = |request: &Request| {
        let mut reply = with_flows(request)?;
        let stand = |run: &mut RunView| {
            let stage: Option<&mut view::StageView> = run.stages.get_mut(1);
            if let Some(stage) = stage {
                stage.run_state = Some("paused".into());
            }
        };
        match &mut reply {
            Reply::Overview(overview) => overview.open = vec![stages_run()],
            Reply::Grid(page) => stand(&mut page.view),
            _ => {}
        }
        Ok(reply)
    };
    let mut console = Console::new(80, 24);
    console.answer(engine).press("2").answer(engine);
    let screen = console.press("g g Enter").answer(engine).screen();
    assert!(
        screen.contains("@ clusters cluster-a      paused"),
        "{screen}"
    );
}

#[test]
fn what_has_no_room_beside_a_field_stands_below_it() {
    let mut console = Console::new(80, 24);
    console.answer(with_flows).press("2").answer(with_flows);
    console.press("/").type_text("Upgrade").press("Enter j");
    console.answer(with_flows).press("s").answer(with_flows);
    console.type_text("@db").press("Enter").type_text("2.4");
    let screen = console.answer(with_flows).screen();
    assert!(
        screen.contains(r#"does not match "\d+\.\d+\.\d+""#),
        "{screen}"
    );
}
