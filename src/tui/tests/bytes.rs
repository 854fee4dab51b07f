//! What the screen costs on the wire to the terminal.

use super::fixtures::engine;
use super::{Console, NOW};
use crate::run::ids::At;
use crate::tui::present::Screen;
use crate::wire::{Reply, Request};

fn frame(screen: &mut Screen, console: &mut Console) -> usize {
    let app = &mut console.app;
    screen.frame(|buffer| app.draw(buffer)).len()
}

fn on_run(width: u16, height: u16) -> Console {
    let mut console = Console::new(width, height);
    console.answer(engine).press("2 2 j").answer(engine);
    console.press("Enter").answer(engine);
    console
}

#[test]
fn ten_thousand_hosts_are_painted_in_a_few_kilobytes() {
    for ((width, height), most) in [((160, 45), 8_000), ((80, 24), 2_500)] {
        let mut console = on_run(width, height);
        let mut screen = Screen::new(width, height);
        let bytes = frame(&mut screen, &mut console);
        assert!(bytes <= most, "{width}x{height}: {bytes} bytes");
        assert_eq!(
            frame(&mut screen, &mut console),
            0,
            "an unchanged screen costs nothing"
        );
    }
}

#[test]
fn a_second_of_the_clock_costs_a_few_bytes() {
    let mut console = on_run(160, 45);
    let mut screen = Screen::new(160, 45);
    frame(&mut screen, &mut console);
    console.app.tick(At(NOW.0 + 1_000));
    let bytes = frame(&mut screen, &mut console);
    assert!(bytes > 0 && bytes <= 60, "{bytes} bytes");
}

#[test]
fn a_grid_of_which_one_host_in_twenty_changed_costs_less_than_three_kilobytes() {
    let mut console = on_run(160, 45);
    let mut screen = Screen::new(160, 45);
    frame(&mut screen, &mut console);
    console.answer(|request| match engine(request)? {
        Reply::Grid(mut page) if matches!(request, Request::Grid(_)) => {
            let signs = page.signs.chars().enumerate();
            page.signs = signs
                .map(|(place, sign)| if place % 20 == 7 { '+' } else { sign })
                .map(|sign| if sign == '>' { '>' } else { sign })
                .collect();
            Ok(Reply::Grid(page))
        }
        other => Ok(other),
    });
    let bytes = frame(&mut screen, &mut console);
    assert!(bytes > 0 && bytes <= 3_000, "{bytes} bytes");
}
