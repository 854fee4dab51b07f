//! A line of host output as pieces with styles: nothing of it is obeyed, its colours are made anew.

use ratatui::style::{Color, Modifier, Style};

use crate::run::neutral::{Newlines, Policy, Sgr, neutral};

/// A tab stands for as many columns at most.
const TAB: usize = 8;
/// What is left of a line's own end is shown, its colours are made anew.
const COLOUR: Policy = Policy {
    newlines: Newlines::Show,
    sgr: Sgr::Rebuild,
};
/// The same without colours.
const PLAIN: Policy = Policy {
    newlines: Newlines::Show,
    sgr: Sgr::Strip,
};

/// The pieces of a line. What comes out of [`neutral`] holds no other sequence than whole SGR ones.
pub(super) fn spans(bytes: &[u8], base: Style) -> Vec<(Style, String)> {
    let text = neutral(without_return(bytes), COLOUR);
    let mut pieces = Vec::new();
    let mut style = base;
    let mut column = 0;
    for (at, part) in text.split('\x1b').enumerate() {
        let (sgr, words) = match part.split_once('m') {
            Some((parameters, words)) if at > 0 => (Some(parameters), words),
            _ => (None, part),
        };
        if let Some(parameters) = sgr {
            style = styled(style, base, parameters.trim_start_matches('['));
        }
        if !words.is_empty() {
            pieces.push((style, without_tabs(words, &mut column)));
        }
    }
    pieces
}

/// A line as plain text.
pub(super) fn plain_line(bytes: &[u8]) -> String {
    without_tabs(&neutral(without_return(bytes), PLAIN), &mut 0)
}

/// A terminal on the host ends its lines with a carriage return and a line feed.
fn without_return(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn without_tabs(text: &str, column: &mut usize) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\t' {
            let blanks = TAB - *column % TAB;
            out.extend(std::iter::repeat_n(' ', blanks));
            *column += blanks;
        } else {
            out.push(letter);
            *column += 1;
        }
    }
    out
}

/// The style after these parameters of an SGR sequence (ECMA-48, xterm's 256 and direct colours).
fn styled(style: Style, base: Style, parameters: &str) -> Style {
    let codes: Vec<u8> = parameters
        .split([';', ':'])
        .map(|code| code.parse().unwrap_or(0))
        .collect();
    let mut style = style;
    let mut rest = codes.as_slice();
    while let Some((code, after)) = rest.split_first() {
        rest = after;
        style = match code {
            0 => base,
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            7 => style.add_modifier(Modifier::REVERSED),
            9 => style.add_modifier(Modifier::CROSSED_OUT),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            27 => style.remove_modifier(Modifier::REVERSED),
            29 => style.remove_modifier(Modifier::CROSSED_OUT),
            30..=37 => style.fg(named(code - 30)),
            38 => more(&mut rest).map_or(style, |colour| style.fg(colour)),
            39 => Style {
                fg: base.fg,
                ..style
            },
            40..=47 => style.bg(named(code - 40)),
            48 => more(&mut rest).map_or(style, |colour| style.bg(colour)),
            49 => Style {
                bg: base.bg,
                ..style
            },
            90..=97 => style.fg(named(code - 82)),
            100..=107 => style.bg(named(code - 92)),
            _ => style,
        };
    }
    style
}

/// `5;N` or `2;R;G;B` behind a 38 or 48.
fn more(rest: &mut &[u8]) -> Option<Color> {
    match **rest {
        [5, index, ..] => {
            *rest = &rest[2..];
            Some(Color::Indexed(index))
        }
        [2, red, green, blue, ..] => {
            *rest = &rest[4..];
            Some(Color::Rgb(red, green, blue))
        }
        _ => {
            *rest = &[];
            None
        }
    }
}

fn named(index: u8) -> Color {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    NAMED[usize::from(index) % NAMED.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::neutral::is_hazard;

    #[test]
    fn colours_are_made_anew_and_everything_else_is_shown() {
        let pieces = spans(
            b"\x1b[1;31mred\x1b[0m plain\x1b[2J\x1b[38;5;200mpink",
            Style::new(),
        );
        let words: Vec<&str> = pieces.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(words.concat(), "red plain^[[2Jpink");
        let bold_red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        assert_eq!(pieces[0].0, bold_red);
        assert_eq!(pieces[1].0, Style::new());
        assert_eq!(pieces.last().unwrap().0.fg, Some(Color::Indexed(200)));
    }

    #[test]
    fn tabs_stand_in_columns() {
        assert_eq!(plain_line(b"a\tb"), "a       b");
        assert_eq!(plain_line(b"12345678\tb"), "12345678        b");
    }

    proptest! {
        #[test]
        fn no_piece_holds_anything_that_a_terminal_acts_on(bytes: Vec<u8>) {
            for (_, words) in spans(&bytes, Style::new()) {
                prop_assert!(!words.chars().any(is_hazard), "{words:?}");
            }
        }
    }
}
