//! Flows on the console: the list, a definition, starting one, changing one.

use super::Console;
use super::flow_fixtures::{TEXT, stages_run, with_flows};
use crate::flow::definition::Kind;
use crate::wire::Request;
use crate::wire::reply::Reply;
use crate::wire::view::PartOf;

const SIZES: [(u16, u16); 2] = [(80, 24), (160, 45)];

fn at_flows(size: (u16, u16)) -> Console {
    let mut console = Console::new(size.0, size.1);
    console.answer(with_flows).press("2").answer(with_flows);
    console
}

/// The cursor on `UpgradeRegionServer`.
fn at_upgrade(size: (u16, u16)) -> Console {
    let mut console = at_flows(size);
    console.press("/").type_text("Upgrade").press("Enter j");
    console.answer(with_flows);
    console
}

/// The form with everything filled in.
fn filled(size: (u16, u16), hosts: &str) -> Console {
    let mut console = at_upgrade(size);
    console.press("s").answer(with_flows);
    console.type_text(hosts).answer(with_flows).press("Enter");
    console.type_text("2.4.18").answer(with_flows);
    console
}

fn shot(name: &str, size: (u16, u16), console: &mut Console) {
    insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), console.screen());
}

#[test]
fn flows_at_work_stand_over_those_that_are_stored_with_their_last_results() {
    for size in SIZES {
        let mut console = at_flows(size);
        shot("flows", size, &mut console);
        console.press("j j j").answer(with_flows);
        shot("flows-upgrade", size, &mut console);
    }
}

#[test]
fn the_tab_counts_flows_at_work_and_not_commands() {
    let mut console = at_flows((80, 24));
    assert!(console.screen().contains("[2 Flows 1]"));
}

#[test]
fn a_definition_shows_its_text_its_runs_and_its_versions() {
    for size in SIZES {
        let mut console = at_upgrade(size);
        console.press("Enter").answer(with_flows);
        shot("definition", size, &mut console);
        console.press("Tab").answer(with_flows);
        shot("definition-runs", size, &mut console);
        console.press("Tab j Enter").answer(with_flows);
        shot("definition-version", size, &mut console);
    }
}

#[test]
fn the_form_says_what_is_missing_before_anything_is_asked_of_the_engine() {
    for size in SIZES {
        let mut console = at_upgrade(size);
        console.press("s").answer(with_flows);
        shot("flow-form-empty", size, &mut console);
    }
}

#[test]
fn the_plan_stands_below_the_form_while_it_is_typed() {
    for size in SIZES {
        let mut console = filled(size, "@hbase:cluster-a");
        shot("flow-form", size, &mut console);
        console
            .press("^p")
            .answer(with_flows)
            .press("j j")
            .answer(with_flows);
        shot("flow-plan", size, &mut console);
        console
            .press("Esc")
            .answer(with_flows)
            .press("Enter")
            .answer(with_flows);
        shot("flow-sheet", size, &mut console);
    }
}

#[test]
fn a_value_that_breaks_its_rule_is_said_beside_it_and_starts_nothing() {
    let mut console = at_upgrade((80, 24));
    console
        .press("s")
        .answer(with_flows)
        .type_text("@db")
        .press("Enter");
    console.type_text("2.4").answer(with_flows);
    shot("flow-form-wrong", (80, 24), &mut console);
    console.press("Enter");
    assert!(console.screen().contains("version: does not match"));
    assert!(console.acts().is_empty());
}

#[test]
fn what_is_typed_for_a_secret_is_not_seen_unless_it_names_one() {
    let mut console = filled((80, 24), "@db");
    // Drain, mode, token.
    console
        .press("Tab Tab Tab")
        .type_text("hunter2")
        .answer(with_flows);
    let screen = console.screen();
    assert!(
        !screen.contains("hunter2") && screen.contains("*******"),
        "{screen}"
    );
    assert!(screen.contains("secret:NAME"), "{screen}");
    console.press("Enter").answer(with_flows);
    let screen = console.screen();
    assert!(
        !screen.contains("hunter2") && screen.contains("token=(typed)"),
        "{screen}"
    );
    console.press("Esc").answer(with_flows);
    for _ in 0..7 {
        console.press("Backspace");
    }
    console.type_text("secret:pool").answer(with_flows);
    assert!(console.screen().contains("secret:pool"));
}

#[test]
fn many_hosts_are_started_by_typing_their_number_and_bound_to_the_plan_that_was_shown() {
    let mut console = filled((80, 24), "@hbase:cluster-a");
    console
        .press("Enter")
        .answer(with_flows)
        .press("y")
        .press("Enter");
    assert!(console.acts().is_empty());
    console.press("Backspace").type_text("1929").press("Enter");
    let [Request::StartFlow(start)] = console.acts()[..] else {
        panic!("a flow is started");
    };
    assert_eq!(start.plan.name, "UpgradeRegionServer");
    assert_eq!(start.plan.set, ["version=2.4.18"]);
    assert_eq!(start.shown.as_ref().map(String::len), Some(64));
}

#[test]
fn few_hosts_are_started_by_a_key_and_nothing_else_is_a_yes() {
    let mut console = filled((80, 24), "@db");
    console.press("Enter").answer(with_flows).press("n");
    assert!(console.acts().is_empty());
    console.press("Enter").answer(with_flows).press("y");
    assert_eq!(console.acts().len(), 1);
}

#[test]
fn a_choice_is_taken_from_a_list() {
    let mut console = filled((80, 24), "@db");
    console.press("Tab Tab Down").answer(with_flows);
    shot("flow-form-choice", (80, 24), &mut console);
    console.press("Down Enter").answer(with_flows);
    assert!(console.screen().contains("start.sh --mode fast"));
}

#[test]
fn a_form_that_was_left_is_found_as_it_was() {
    let mut console = filled((80, 24), "@db");
    console
        .press("Esc")
        .answer(with_flows)
        .press("s")
        .answer(with_flows);
    let screen = console.screen();
    assert!(
        screen.contains("@db") && screen.contains("2.4.18"),
        "{screen}"
    );
}

#[test]
fn what_the_engine_refuses_of_a_plan_is_shown_in_its_place() {
    let mut console = filled((80, 24), "@down");
    assert!(console.screen().contains("the group @down has no hosts"));
    console.press("Enter");
    assert!(console.acts().is_empty());
}

#[test]
fn a_broken_flow_says_why_it_is_not_started() {
    let mut console = at_flows((80, 24));
    console.press("G k k s");
    assert!(console.screen().contains("did you mean"));
}

#[test]
fn a_definition_is_checked_as_it_is_typed() {
    for size in SIZES {
        let mut console = at_upgrade(size);
        console.press("I").answer(with_flows);
        shot("editor", size, &mut console);
        console.press("Down Down").type_text("x").answer(with_flows);
        shot("editor-wrong", size, &mut console);
        console.press("Tab y");
        assert!(console.screen().contains("first: ^n goes to each."));
        assert!(console.acts().is_empty());
    }
}

#[test]
fn what_changed_is_shown_before_it_is_saved() {
    for size in SIZES {
        let mut console = at_upgrade(size);
        console.press("I").answer(with_flows);
        console
            .type_text("# Mine.")
            .press("Enter")
            .answer(with_flows);
        console.press("Tab").answer(with_flows);
        shot("editor-difference", size, &mut console);
        console.press("n").answer(with_flows);
        assert!(console.acts().is_empty());
        console.press("Tab y");
        let [Request::Apply(apply)] = console.acts()[..] else {
            panic!("it is saved");
        };
        assert_eq!(apply.files[0].base, Some(3));
        assert!(!apply.dry_run && apply.files[0].text == format!("# Mine.\n{TEXT}"));
    }
}

#[test]
fn a_text_that_somebody_saved_over_is_kept_and_not_saved() {
    let mut console = at_upgrade((80, 24));
    console
        .press("I")
        .answer(with_flows)
        .type_text("# Mine.")
        .press("Enter");
    console.answer(with_flows).press("Tab y");
    console.app.was_sent(Some(7));
    let refused = Reply::Applied(Box::new(crate::wire::definitions::Applied {
        changes: Vec::new(),
        complaints: vec![crate::wire::definitions::Told {
            message: "lee made version 4, and this was made from version 3".into(),
            ..Default::default()
        }],
    }));
    console.app.acted(7, Ok(refused));
    let screen = console.screen();
    assert!(screen.contains("Not saved: lee made version 4"), "{screen}");
    assert!(screen.contains("# Mine."), "{screen}");
}

#[test]
fn a_draft_of_a_definition_is_found_as_it_was_left() {
    let mut console = at_upgrade((80, 24));
    console
        .press("I")
        .answer(with_flows)
        .type_text("# Mine.")
        .press("Enter");
    console.press("Esc").answer(with_flows);
    assert!(console.screen().contains("draft"));
    console.press("I").answer(with_flows);
    assert!(console.screen().contains("# Mine."));
    console
        .press("Tab x")
        .answer(with_flows)
        .press("I")
        .answer(with_flows);
    assert!(!console.screen().contains("# Mine."));
}

#[test]
fn a_run_becomes_a_flow_that_is_looked_at_before_it_is_stored() {
    let mut console = Console::new(80, 24);
    console.answer(with_flows).press("2 2 G").answer(with_flows);
    console
        .press("S")
        .type_text("RestartWeb")
        .press("Enter")
        .answer(with_flows);
    shot("editor-of-run", (80, 24), &mut console);
    console.press("Tab").answer(with_flows).press("y");
    let [Request::Apply(apply)] = console.acts()[..] else {
        panic!("it is saved");
    };
    assert_eq!(apply.files[0].base, Some(0));
    assert_eq!(
        apply.files[0].path,
        format!("{}/RestartWeb", Kind::Flow.word())
    );
}

#[test]
fn every_flow_screen_survives_every_size() {
    let keys = [
        "2", "j", "j", "j", "j", "s", "Down", "Esc", "Tab", "Tab", "^p", "j", "Esc", "Esc",
        "Enter", "Tab", "Tab", "I", "Tab", "Esc", "Esc",
    ];
    for width in (1..170).step_by(24) {
        for height in (1..50).step_by(6) {
            let mut console = filled((80, 24), "@db");
            console.size = (width, height);
            console.app.resize(width, height);
            console.screen();
            console.press("Esc");
            for key in keys {
                console.press(key);
                console.answer(with_flows);
            }
        }
    }
}

/// The run of a flow.
fn at_run(size: (u16, u16)) -> Console {
    let mut console = at_flows(size);
    console.press("k k k Enter").answer(with_flows);
    console
}

#[test]
fn a_run_of_a_flow_shows_how_all_hosts_stand_to_each_step_and_each_host_to_all() {
    for size in SIZES {
        let mut console = at_run(size);
        shot("run-steps", size, &mut console);
        console.press("l l l j").answer(with_flows);
        shot("run-steps-cell", size, &mut console);
    }
}

#[test]
fn enter_on_a_cell_opens_what_the_host_wrote_in_that_step_and_again_all_of_it() {
    let mut console = at_run((80, 24));
    console.press("l l l j Enter").answer(with_flows);
    let screen = console.screen();
    assert!(screen.contains("only step restart"), "{screen}");
    let of_step = |console: &Console, step: Option<u16>| {
        console.app.wants().iter().any(
            |(_, want)| matches!(&want.request, Request::Lines(lines) if lines.step == step && lines.host == 1),
        )
    };
    assert!(of_step(&console, Some(3)));
    console.press("Enter").answer(with_flows);
    assert!(of_step(&console, None));
}

#[test]
fn stretches_of_a_run_stand_over_time() {
    for size in SIZES {
        let mut console = at_run(size);
        console.press("v").answer(with_flows);
        shot("run-time", size, &mut console);
    }
}

#[test]
fn only_the_hosts_in_sight_are_asked_for() {
    let mut console = at_run((80, 24));
    console.press("G").answer(with_flows);
    for (_, want) in console.app.wants() {
        if let Request::Grid(query) = want.request {
            assert!(query.rows.1 <= 20 && query.signs.1 <= 20, "{query:?}");
        }
    }
}

#[test]
fn every_view_of_a_flow_survives_every_size() {
    for width in (1..170).step_by(11) {
        for height in (1..50).step_by(3) {
            let mut console = at_run((80, 24));
            console.size = (width, height);
            console.app.resize(width, height);
            for key in ["l", "j", "G", "v", "j", "v", "v", "v", "h", "Tab"] {
                console.press(key);
                console.screen();
            }
        }
    }
}

#[test]
fn the_flow_of_a_run_is_started_again_with_the_same_hosts_and_values() {
    let mut console = at_run((80, 24));
    console.press("s").answer(with_flows);
    let screen = console.screen();
    assert!(screen.contains("@hbase:cluster-a"), "{screen}");
    assert!(
        screen.contains("graceful_stop.sh --version '2.4.18'"),
        "{screen}"
    );
}

#[test]
fn a_run_is_started_again_with_what_it_was_given_and_not_what_its_title_says() {
    let engine = |request: &Request| {
        let mut reply = with_flows(request)?;
        match &mut reply {
            // As it stands in a list.
            Reply::Overview(overview) => {
                overview.open[0].title =
                    "UpgradeRegionServer drain=- token=(typed) version=2.4.18".into();
                overview.open[0].targets = "rs[01-9…".into();
            }
            Reply::Grid(page) => page.view.title.push_str(" token=(typed)"),
            _ => {}
        }
        Ok(reply)
    };
    let mut console = at_run((80, 24));
    console.answer(engine).press("s");
    // Nothing is typed into a form that is not there yet.
    console.type_text("x").answer(engine);
    let screen = console.screen();
    assert!(screen.contains("@hbase:cluster-a"), "{screen}");
    assert!(!screen.contains("(typed)"), "{screen}");
    console.press("Enter").answer(engine);
    console.type_text("1929").press("Enter");
    let [Request::StartFlow(start)] = console.acts()[..] else {
        panic!("{}", console.screen());
    };
    assert_eq!(start.plan.set, ["version=2.4.18"]);
    assert!(start.secrets.is_empty() && start.plan.typed.is_empty());
    assert_eq!(start.plan.targets, "@hbase:cluster-a");
}

#[test]
fn the_cursor_stays_on_its_run_of_a_flow_when_another_begins() {
    let mut console = at_upgrade((80, 24));
    console.press("Enter").answer(with_flows).press("Tab");
    let another = |request: &Request| {
        let mut reply = with_flows(request)?;
        if let Reply::Overview(overview) = &mut reply {
            let run = crate::wire::view::RunView {
                run: crate::run::ids::RunId(4499),
                ..overview.open[0].clone()
            };
            overview.open.insert(0, run);
        }
        Ok(reply)
    };
    console.answer(another).press("p");
    assert!(
        matches!(console.acts()[..], [Request::Steer { run, .. }] if run.0 == 4420),
        "{:?}",
        console.acts()
    );
    let without = |request: &Request| {
        let mut reply = another(request)?;
        if let Reply::Overview(overview) = &mut reply {
            overview.open.remove(1);
        }
        Ok(reply)
    };
    console.answer(without).press("p");
    assert_eq!(console.acts().len(), 1, "{:?}", console.acts());
}

#[test]
fn a_flow_is_started_from_the_palette() {
    let mut console = Console::new(80, 24);
    console.answer(with_flows).press(":").answer(with_flows);
    console
        .type_text("start Upgr")
        .answer(with_flows)
        .press("Enter");
    console.answer(with_flows);
    assert!(console.screen().contains("START UpgradeRegionServer"));
}

#[test]
fn what_a_person_is_asked_is_said_to_its_end() {
    let asks = |request: &Request| {
        let mut reply = with_flows(request)?;
        if let Reply::Grid(page) = &mut reply {
            page.view.state = "waiting".into();
            page.view.waits_for = Some("approval".into());
            page.view.because = Some(
                "\"confirm\" asks somebody other than kim for a yes before batch 2 goes on, until \
                 18:54Z: does the first server answer?"
                    .into(),
            );
        }
        Ok(reply)
    };
    let mut console = at_run((80, 24));
    console.answer(asks);
    shot("run-asks", (80, 24), &mut console);
    let screen = console.screen();
    assert!(screen.contains("does the first server answer?"), "{screen}");
    assert!(screen.contains("A approve"), "{screen}");
}

/// The run of stages, opened from the palette of a console that only knows the stages.
fn at_stages(size: (u16, u16)) -> Console {
    let mut console = Console::new(size.0, size.1);
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

#[test]
fn a_run_of_stages_shows_where_each_stands() {
    for size in SIZES {
        let mut console = at_stages(size);
        shot("run-stages", size, &mut console);
        console.press("j v").answer(with_flows);
        shot("run-stages-time", size, &mut console);
    }
}

#[test]
fn three_keys_lead_from_a_stage_to_what_a_host_wrote() {
    let mut console = at_stages((80, 24));
    console.press("l Enter").answer(with_flows);
    assert!(console.screen().contains("Flows > 4420"));
    console.press("Enter").answer(with_flows);
    assert!(console.screen().contains("only step drain"));
}

#[test]
fn a_stage_that_has_not_begun_says_so() {
    let mut console = at_stages((80, 24));
    console.press("G Enter");
    assert!(console.screen().contains("report has not begun."));
}

#[test]
fn every_view_of_stages_survives_every_size() {
    for width in (1..170).step_by(11) {
        for height in (1..50).step_by(3) {
            let mut console = at_stages((80, 24));
            console.size = (width, height);
            console.app.resize(width, height);
            for key in ["l", "G", "e", "v", "j", "v"] {
                console.press(key);
                console.screen();
            }
        }
    }
}

#[test]
fn a_run_that_is_part_of_another_is_counted_and_listed_in_that_one() {
    let both = |request: &Request| {
        let mut reply = with_flows(request)?;
        if let Reply::Overview(overview) = &mut reply {
            let part = PartOf {
                run: stages_run().run,
                stage: 1,
                item: 0,
                gate: false,
                ..PartOf::default()
            };
            overview.open[0].part_of = Some(part);
            overview.open.insert(0, stages_run());
        }
        Ok(reply)
    };
    let mut console = Console::new(80, 24);
    console.answer(both).press("2").answer(both);
    let screen = console.screen();
    assert!(
        screen.contains("[2 Flows 1]") && screen.contains("RUNNING 1"),
        "{screen}"
    );
    assert!(
        screen.contains("4430") && !screen.contains("4420"),
        "{screen}"
    );
}
