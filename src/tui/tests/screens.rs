//! Every screen in its states, as text.

use super::Console;
use super::fixtures::{engine, quiet};
use crate::run::ids::At;

fn at_sizes(name: &str, keys: &[&str]) {
    for (width, height) in [(80, 24), (160, 45)] {
        let mut console = Console::new(width, height);
        console.answer(engine);
        for keys in keys {
            console.press(keys).answer(engine);
        }
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), console.screen());
    }
}

#[test]
fn now_shows_what_needs_somebody_first() {
    at_sizes("now", &[]);
}

#[test]
fn the_list_of_runs_shows_how_each_went() {
    at_sizes("runs", &["2 2"]);
}

#[test]
fn a_run_on_ten_thousand_hosts_shows_the_worst_first() {
    at_sizes("run", &["2 2", "j", "Enter"]);
}

#[test]
fn hosts_of_a_run_can_be_rows() {
    at_sizes("run-table", &["2 2", "j", "Enter", "v"]);
}

#[test]
fn output_is_folded_into_groups() {
    at_sizes("output", &["2 2", "j", "Enter", "Tab", "Enter"]);
}

#[test]
fn a_group_is_compared_with_the_main_one() {
    at_sizes("output-diff", &["2 2", "j", "Enter", "Tab", "Enter", "="]);
}

#[test]
fn every_group_is_unfolded_at_once() {
    at_sizes(
        "output-unfolded",
        &["2 2", "j", "Enter", "Tab", "Enter", "F"],
    );
}

#[test]
fn hosts_at_work_show_the_newest_line_of_each() {
    at_sizes(
        "output-at-work",
        &["2 2", "j", "Enter", "Tab", "Enter", "G"],
    );
}

#[test]
fn chosen_hosts_are_marked_and_counted() {
    at_sizes("run-chosen", &["2 2", "j", "Enter", "v", "Space", "j", "*"]);
}

#[test]
fn one_host_shows_its_lines() {
    at_sizes("host-output", &["2 2", "j", "Enter", "j", "Enter"]);
}

#[test]
fn the_form_says_how_many_hosts_it_means() {
    for (width, height) in [(80, 24), (160, 45)] {
        let mut console = Console::new(width, height);
        console.answer(engine).press("r").answer(engine);
        console.type_text("@db").answer(engine).press("Enter");
        console.type_text("uptime").answer(engine);
        insta::assert_snapshot!(format!("start-{width}x{height}"), console.screen());
        console.press("Enter").answer(engine);
        insta::assert_snapshot!(format!("start-sheet-{width}x{height}"), console.screen());
    }
}

#[test]
fn an_abort_says_what_it_does_and_wants_the_number() {
    at_sizes("abort", &["2 2", "j", "Enter", "X"]);
}

#[test]
fn the_palette_the_help_and_the_themes_lie_over_the_screen() {
    at_sizes("palette", &["2 2", "j", "Enter", ":"]);
    at_sizes("help", &["2 2", "j", "Enter", "?"]);
    at_sizes("themes", &["^t"]);
}

#[test]
fn with_nothing_done_it_says_how_to_begin() {
    let mut console = Console::new(80, 24);
    console.answer(quiet);
    insta::assert_snapshot!("now-empty", console.screen());
    console.press("2").answer(quiet);
    insta::assert_snapshot!("flows-empty", console.screen());
    console.press("2").answer(quiet);
    insta::assert_snapshot!("runs-empty", console.screen());
}

#[test]
fn before_the_engine_answers_it_says_so() {
    let mut console = Console::new(80, 24);
    insta::assert_snapshot!("now-loading", console.screen());
}

#[test]
fn an_engine_that_is_gone_is_a_banner_over_the_last_data() {
    let mut console = Console::new(80, 24);
    console.answer(engine);
    console.app.lost("it hung up".into(), 3000);
    console.app.tick(At(super::NOW.0 + 12_000));
    insta::assert_snapshot!("engine-gone", console.screen());
}

#[test]
fn small_windows_lose_parts_not_sense() {
    for (width, height) in [(60, 15), (40, 10), (39, 9), (1, 1)] {
        let mut console = Console::new(width, height);
        console
            .answer(engine)
            .press("2 2 j")
            .answer(engine)
            .press("Enter")
            .answer(engine);
        insta::assert_snapshot!(format!("small-{width}x{height}"), console.screen());
    }
}

#[test]
fn every_screen_survives_every_size() {
    let keys = [
        "2", "2", "Enter", "v", "Tab", "Enter", "=", "r", "Esc", "Esc", "X", "Esc", ":", "Esc",
        "?", "Esc", "^t", "Esc",
    ];
    for width in (1..170).step_by(7) {
        for height in 1..50 {
            let mut console = Console::new(80, 24);
            console.answer(engine);
            console.size = (width, height);
            console.app.resize(width, height);
            for key in keys {
                console.press(key);
                console.screen();
            }
            console.answer(engine);
        }
    }
}
