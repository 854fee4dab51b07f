//! What keys do, and above all what they never do.

use proptest::prelude::*;

use super::fixtures::engine;
use super::{Console, Outside};
use crate::run::ids::RunId;
use crate::wire::Request;
use crate::wire::request::Steer;
use crate::wire::view::RunView;

fn on_run() -> Console {
    let mut console = Console::new(80, 24);
    console
        .answer(engine)
        .press("2 2 j")
        .answer(engine)
        .press("Enter")
        .answer(engine);
    console
}

#[test]
fn an_abort_is_sent_only_after_the_runs_number() {
    let mut console = on_run();
    console
        .press("X")
        .type_text("4411")
        .press("Enter")
        .answer(engine);
    assert!(console.acts().is_empty());
    assert!(console.screen().contains("That is not it"));
    console.press("Backspace").type_text("2").press("Enter");
    assert!(matches!(
        console.acts()[..],
        [Request::Steer {
            run: RunId(4412),
            act: Steer::Abort { .. }
        }]
    ));
}

#[test]
fn a_pause_is_sent_at_once_and_can_be_taken_back() {
    let mut console = on_run();
    console.press("p");
    assert!(matches!(
        console.acts()[..],
        [Request::Steer {
            act: Steer::Pause { .. },
            ..
        }]
    ));
    console.app.was_sent(Some(1));
    console.app.acted(1, Ok(crate::wire::Reply::Done));
    assert!(console.screen().contains("u takes it back"));
    console.press("u");
    assert!(matches!(
        console.acts()[1],
        Request::Steer {
            act: Steer::Resume,
            ..
        }
    ));
}

#[test]
fn what_stays_paused_when_a_whole_goes_on_is_said() {
    let mut console = on_run();
    console.press("p");
    console.app.was_sent(Some(1));
    let view = RunView {
        stay: vec!["run 12 stays paused by ana: not this one".to_owned()],
        ..RunView::default()
    };
    let reply = crate::wire::Reply::Steered(Box::new(view));
    console.app.acted(1, Ok(reply));
    assert!(console.screen().contains("But run 12 stays paused by ana"));
}

#[test]
fn hosts_that_failed_alike_are_chosen_and_retried_together() {
    let mut console = on_run();
    console.press("*").answer(engine);
    assert!(
        console
            .screen()
            .contains("11 hosts that stand alike are chosen")
    );
    console.press("R").answer(engine);
    assert!(console.screen().contains("those of 11 hosts chosen"));
    console.press("y");
    let [Request::Steer { act, .. }] = console.acts()[..] else {
        panic!("{:?}", console.acts());
    };
    assert!(
        matches!(act, Steer::Retry { hosts, .. } if hosts == "web[00001-00011].ams2.example.net")
    );
}

#[test]
fn every_host_that_failed_is_reached_however_few_are_in_sight() {
    let mut console = on_run();
    console.press("v").answer(engine);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..12 {
        console.press("e").answer(engine).press("y");
        let copied = console
            .outside
            .iter()
            .rev()
            .find_map(|outside| match outside {
                Outside::Copy(text) => Some(text.clone()),
                _ => None,
            });
        seen.extend(copied);
    }
    assert_eq!(seen.len(), 12, "{seen:?}");
    // And back from the first to the last.
    console
        .press("g g")
        .answer(engine)
        .press("E")
        .answer(engine);
    let screen = console.screen();
    assert!(screen.contains("web00011"), "{screen}");
}

#[test]
fn the_cursor_stays_on_its_reason_when_another_becomes_the_first() {
    let turned = |request: &Request| {
        let mut reply = engine(request)?;
        if let crate::wire::Reply::Grid(page) = &mut reply {
            page.causes.reverse();
            // As it counts more hosts, another of them may be the one whose line is shown.
            page.causes[1].line = "E: Unable to fetch nginx_1.27.3-2_amd64.deb 404".into();
        }
        Ok(reply)
    };
    let mut console = on_run();
    console.press("Tab").answer(turned);
    console.press("Y");
    let copied = console.outside.iter().find_map(|outside| match outside {
        Outside::Copy(text) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(copied, Some("web[00001-00011].ams2.example.net"));
}

#[test]
fn a_command_starts_on_the_chosen_hosts() {
    let mut console = on_run();
    console.press("Space").answer(engine);
    console.press("r").answer(engine);
    let screen = console.screen();
    assert!(
        screen.contains("web[00001-00001].ams2.example.net"),
        "{screen}"
    );
    assert!(console.acts().is_empty());
}

#[test]
fn another_key_calls_off_what_waited_for_the_chosen_hosts() {
    let mut console = on_run();
    console.press("Space").answer(engine);
    console.press("R j").answer(engine);
    assert!(!console.screen().contains("RETRY"));
}

#[test]
fn a_refused_start_keeps_what_was_typed() {
    let mut console = Console::new(80, 24);
    console.answer(engine).press("r").answer(engine);
    console.type_text("@db").answer(engine).press("Enter");
    console.type_text("uptime").press("Enter y");
    console.app.was_sent(Some(1));
    let why = crate::wire::reply::Fault::refused("the window is closed");
    console.app.acted(1, Err(why));
    assert!(console.screen().contains("r has your draft"));
    console.press("r").answer(engine);
    assert!(console.screen().contains("uptime") && console.screen().contains("@db"));
    // Typing takes the place of what is only proposed.
    console.type_text("df");
    assert!(!console.screen().contains("uptime"), "{}", console.screen());
}

#[test]
fn words_stay_on_the_screen_they_were_said_on() {
    let mut console = on_run();
    console.press("z");
    assert!(console.screen().contains("z means nothing here"));
    console.press("2 2").answer(engine);
    assert!(!console.screen().contains("means nothing"));
}

#[test]
fn the_worst_host_is_under_the_cursor_until_a_person_moves_it() {
    let mut console = on_run();
    console.answer(|request| match engine(request) {
        Ok(crate::wire::Reply::Grid(mut page)) => {
            // Another host is the worst by now.
            let worst = super::fixtures::task(7);
            if let Request::Grid(query) = request
                && query.at.is_none()
            {
                page.rows = vec![worst];
                page.place = None;
                page.host = None;
            }
            Ok(crate::wire::Reply::Grid(page))
        }
        other => other,
    });
    let screen = console.screen();
    assert!(screen.contains("── web00007"), "{screen}");
}

#[test]
fn times_turn_to_the_zone_of_the_person_and_back() {
    let mut console = Console::new(80, 24);
    console.answer(engine);
    let utc = console.screen();
    console.press("t");
    assert!(console.screen().contains("No zone of your own"));
    console
        .press(":")
        .type_text("zone Asia/Tokyo")
        .press("Enter");
    assert!(console.screen().contains(" JST"), "{}", console.screen());
    console.press("t");
    let back = console.screen();
    assert_eq!(back.lines().next(), utc.lines().next());
}

#[test]
fn who_does_not_have_the_conn_is_told_whom_to_ask() {
    let mut console = Console::new(80, 24);
    console.answer(engine).press("2 2 j").answer(engine);
    // Run 4413 is lee's.
    console.press("g g Enter").answer(engine);
    let mut overview = super::fixtures::overview();
    overview.open[0].holder = Some("lee".into());
    console.answer(|request| match request {
        Request::Overview(_) => Ok(crate::wire::Reply::Overview(Box::new(overview.clone()))),
        other => engine(other),
    });
    console.press("R");
    assert!(console.acts().is_empty());
    assert!(
        console.screen().contains("lee has the conn"),
        "{}",
        console.screen()
    );
}

#[test]
fn a_command_starts_only_after_its_sheet() {
    let mut console = Console::new(80, 24);
    console.answer(engine).press("r").answer(engine);
    console
        .type_text("@db")
        .answer(engine)
        .press("Enter")
        .type_text("uptime")
        .press("Enter");
    console.answer(engine);
    assert!(console.acts().is_empty());
    console.press("Enter");
    assert!(console.acts().is_empty(), "Enter is no yes");
    console.press("Enter y");
    let [Request::Start(start)] = console.acts()[..] else {
        panic!("{:?}", console.acts());
    };
    assert_eq!(start.shown, Some(12), "what starts is what was shown");
}

#[test]
fn keys_that_act_are_off_while_the_engine_does_not_answer() {
    let mut console = on_run();
    console.app.lost("it hung up".into(), 0);
    console.press("p R X T");
    assert!(console.acts().is_empty());
    assert!(console.screen().contains("acting keys are off"));
}

#[test]
fn a_known_failure_needs_nobody_and_can_be_taken_back() {
    let mut console = Console::new(80, 24);
    console.answer(engine);
    assert!(console.screen().contains("run 4409 inv-sync"));
    console
        .press("2 2 / 4 4 0 9 Enter")
        .answer(engine)
        .press("a");
    assert!(matches!(
        console.acts()[..],
        [Request::Acknowledge {
            run: RunId(4409),
            known: true
        }]
    ));
    let mut overview = super::fixtures::overview();
    overview.ended[1].acked = Some(crate::wire::view::Acked {
        by: "lee".into(),
        at: super::NOW,
    });
    console.press("1").answer(|request| match request {
        Request::Overview(_) => Ok(crate::wire::Reply::Overview(Box::new(overview.clone()))),
        other => engine(other),
    });
    assert!(!console.screen().contains("run 4409 inv-sync"));
    assert!(console.screen().contains("lee knows"));
}

#[test]
fn whoever_asks_for_the_conn_is_answered() {
    let mut console = on_run();
    let mut overview = super::fixtures::overview();
    overview.open[0].asked_by = Some(("lee".into(), super::NOW));
    console.answer(|request| match request {
        Request::Overview(_) => Ok(crate::wire::Reply::Overview(Box::new(overview.clone()))),
        other => engine(other),
    });
    console.press("W Enter D");
    let [
        Request::Steer {
            act: Steer::Give { to },
            ..
        },
        Request::Steer {
            act: Steer::RefuseTake,
            ..
        },
    ] = console.acts()[..]
    else {
        panic!("{:?}", console.acts());
    };
    assert_eq!(to, "lee");
}

#[test]
fn back_and_forward_keep_filter_and_place() {
    let mut console = on_run();
    console
        .press("/")
        .type_text("state:failed")
        .press("Enter")
        .answer(engine);
    console.press("j Enter").answer(engine).press("[");
    assert!(console.screen().contains("filter: state:failed"));
    console.press("]");
    assert!(!console.screen().contains("filter: state:failed"));
}

#[test]
fn enter_before_the_engine_has_told_which_host_it_is_opens_it_all_the_same() {
    let mut console = on_run();
    console.press("j Enter").answer(engine);
    assert!(
        console.screen().contains("> web00078.ams2"),
        "{}",
        console.screen()
    );
}

#[test]
fn marks_come_back_to_a_screen() {
    let mut console = on_run();
    console.press("m a 1 ' a").answer(engine);
    assert!(console.screen().contains("Flows > 4412"));
}

#[test]
fn a_paste_outside_of_a_field_does_nothing() {
    let mut console = on_run();
    console.app.paste("X4412\ny\n");
    assert!(console.acts().is_empty());
    assert!(console.screen().contains("pasted letters were ignored"));
}

#[test]
fn copying_goes_through_the_terminal_and_says_so() {
    let mut console = on_run();
    console.press("y");
    assert!(
        console
            .outside
            .iter()
            .any(|outside| matches!(outside, Outside::Copy(text) if text.starts_with("web0")))
    );
    assert!(console.screen().contains("Sent to your clipboard"));
}

#[test]
fn every_hint_is_a_key_that_does_something_there() {
    let mut console = on_run();
    let screen = console.screen();
    let hints = screen.lines().last().unwrap();
    assert!(
        hints.contains("p pause") && hints.contains("? keys"),
        "{hints}"
    );
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::char::range('!', '~').prop_map(|letter| letter.to_string()),
        1 => prop_oneof!["Enter", "Esc", "Tab", "Down", "Up", "Space", "Backspace"],
        1 => proptest::char::range('a', 'z').prop_map(|letter| format!("^{letter}")),
    ]
}

proptest! {
    #[test]
    fn random_keys_never_crash_and_act_only_through_what_asks(keys in proptest::collection::vec(any_key(), 0..200)) {
        let mut console = on_run();
        for key in &keys {
            // Without a yes nothing that cannot be taken back may go out.
            if key == "y" || key == "Y" {
                continue;
            }
            let event = match super::Chord::parse(key) {
                Some(_) => key.clone(),
                None => continue,
            };
            console.press(&event);
            console.screen();
        }
        console.answer(engine);
        for act in console.acts() {
            let harmless = matches!(act, Request::Acknowledge { .. } | Request::Steer { act: Steer::Pause { .. } | Steer::Resume | Steer::Note { .. } | Steer::Take { .. } | Steer::Give { .. } | Steer::RefuseTake | Steer::Skip { .. } | Steer::Tune { .. }, .. });
            prop_assert!(harmless, "{act:?}");
        }
    }
}
