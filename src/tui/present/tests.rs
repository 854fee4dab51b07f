use proptest::prelude::*;
use ratatui::style::{Color, Modifier, Style};

use super::*;

fn parser(columns: u16, rows: u16) -> vt100::Parser {
    vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0)
}

/// The text and style of every cell as a terminal would show it.
fn seen_by(parser: &vt100::Parser) -> Vec<String> {
    let (rows, columns) = parser.screen().size();
    let mut seen = Vec::new();
    for y in 0..rows.get() {
        for x in 0..columns.get() {
            let cell = parser.screen().cell(y, x).unwrap();
            let text = if cell.has_contents() || cell.is_wide_continuation() {
                cell.contents()
            } else {
                " "
            };
            let fg = if text == " " && !cell.inverse() && !cell.underline() {
                vt100::Color::Default
            } else {
                cell.fgcolor()
            };
            seen.push(format!(
                "{x},{y} {text:?} {fg:?} {:?} {}{}{}{}{}",
                cell.bgcolor(),
                u8::from(cell.bold()),
                u8::from(cell.dim()),
                u8::from(cell.italic()),
                u8::from(cell.underline()),
                u8::from(cell.inverse()),
            ));
        }
    }
    seen
}

/// The same, of a screen that is drawn from nothing.
fn drawn_whole(buffer: &Buffer) -> vt100::Parser {
    let mut screen = Screen::new(buffer.area.width, buffer.area.height);
    let bytes = screen.frame(|next| {
        next.clone_from(buffer);
        None
    });
    let mut parser = parser(buffer.area.width, buffer.area.height);
    parser.process(&bytes);
    parser
}

#[derive(Debug, Clone)]
struct Stroke {
    x: u16,
    y: u16,
    text: String,
    style: Style,
}

fn strokes() -> impl Strategy<Value = Vec<Stroke>> {
    let colour = prop_oneof![
        Just(Color::Reset),
        Just(Color::Red),
        Just(Color::DarkGray),
        Just(Color::Indexed(200)),
        Just(Color::Rgb(1, 2, 3)),
    ];
    let modifier = prop_oneof![
        Just(Modifier::empty()),
        Just(Modifier::BOLD),
        Just(Modifier::REVERSED),
        Just(Modifier::UNDERLINED | Modifier::DIM),
    ];
    let text = "[ a-z漢é]{0,12}";
    let stroke = (0..20u16, 0..6u16, text, colour.clone(), colour, modifier).prop_map(
        |(x, y, text, fg, bg, modifier)| Stroke {
            x,
            y,
            text,
            style: Style::new().fg(fg).bg(bg).add_modifier(modifier),
        },
    );
    proptest::collection::vec(stroke, 0..12)
}

fn paint(buffer: &mut Buffer, strokes: &[Stroke]) {
    for stroke in strokes {
        buffer.set_string(stroke.x, stroke.y, &stroke.text, stroke.style);
    }
}

proptest! {
    #[test]
    fn a_frame_of_changes_shows_what_a_whole_frame_shows(frames in proptest::collection::vec(strokes(), 1..6)) {
        let mut screen = Screen::new(20, 6);
        let mut parser = parser(20, 6);
        for strokes in frames {
            let bytes = screen.frame(|buffer| {
                paint(buffer, &strokes);
                None
            });
            parser.process(&bytes);
            let mut whole = Buffer::empty(Rect::new(0, 0, 20, 6));
            paint(&mut whole, &strokes);
            let (seen, wanted) = (seen_by(&parser), seen_by(&drawn_whole(&whole)));
            let wrong = seen.iter().zip(&wanted).find(|(seen, wanted)| seen != wanted);
            prop_assert!(wrong.is_none(), "{:?}", wrong);
            let again = screen.frame(|buffer| {
                paint(buffer, &strokes);
                None
            });
            prop_assert!(again.is_empty(), "an unchanged screen costs {:?}", again);
        }
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_leaves_a_cell(text in "\\PC{0,3}|[\u{0}-\u{1f}\u{7f}-\u{9f}\u{202a}-\u{202e}\u{200b}\u{e0041}]{1,3}") {
        let mut screen = Screen::new(10, 2);
        let bytes = screen.frame(|buffer| {
            buffer.content[3].set_symbol(&text);
            None
        });
        let sent = String::from_utf8(bytes).unwrap();
        let body = sent.replace('\x1b', "").replace(['\r', '\n', '\x08'], "");
        prop_assert!(!body.chars().any(crate::run::neutral::is_hazard), "{:?}", sent);
    }
}

#[test]
fn the_cursor_is_shown_where_it_is_wanted_and_hidden_again() {
    let mut screen = Screen::new(20, 6);
    let mut parser = parser(20, 6);
    parser.process(&screen.frame(|_| Some((3, 2))));
    assert!(!parser.screen().hide_cursor());
    assert_eq!(parser.screen().cursor_position(), (2, 3));
    parser.process(&screen.frame(|_| None));
    assert!(parser.screen().hide_cursor());
}

/// Rows of text as a log has them.
fn log(buffer: &mut Buffer, first: usize, rows: std::ops::Range<u16>) {
    for (place, y) in (first..).zip(rows) {
        let text =
            format!("+{place}.0 line {place} of what the host wrote, which goes on for a while");
        buffer.set_string(0, y, text, Style::new());
    }
}

proptest! {
    #[test]
    fn a_log_that_moves_shows_the_same_as_one_that_is_drawn(
        steps in proptest::collection::vec((0usize..40, 0u16..6, 6u16..20), 1..12)
    ) {
        let (mut screen, mut parser) = (Screen::new(60, 20), parser(60, 20));
        for (first, top, bottom) in steps {
            let draw = |buffer: &mut Buffer| {
                buffer.set_string(0, 0, "a bar that stays", Style::new().fg(Color::Red));
                log(buffer, first, top.max(1)..bottom);
            };
            let bytes = screen.frame(|buffer| {
                draw(buffer);
                None
            });
            parser.process(&bytes);
            let mut whole = Buffer::empty(Rect::new(0, 0, 60, 20));
            draw(&mut whole);
            let (seen, wanted) = (seen_by(&parser), seen_by(&drawn_whole(&whole)));
            let wrong = seen.iter().zip(&wanted).find(|(seen, wanted)| seen != wanted);
            prop_assert!(wrong.is_none(), "{:?}", wrong);
        }
    }
}

#[test]
fn one_more_line_of_a_log_costs_little_more_than_the_line() {
    let mut screen = Screen::new(160, 45);
    for first in 0..3 {
        let bytes = screen.frame(|buffer| {
            log(buffer, first, 3..42);
            None
        });
        assert!(first == 0 || bytes.len() <= 150, "{} bytes", bytes.len());
    }
}
