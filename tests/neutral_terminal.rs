//! The neutraliser against a terminal's parser: whatever goes in, a terminal finds nothing in the
//! result that it would act on, beside tabs, line feeds and rebuilt colours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use proptest::prelude::*;
use theconn::run::neutral::{Newlines, Policy, Sgr, neutral};
use vte::{Params, Parser, Perform};

/// Writes down what a terminal would do.
#[derive(Default)]
struct Terminal {
    printed: String,
    executed: Vec<u8>,
    styles: usize,
    other: Vec<String>,
}

impl Perform for Terminal {
    fn print(&mut self, c: char) {
        self.printed.push(c);
    }

    fn execute(&mut self, byte: u8) {
        self.executed.push(byte);
    }

    fn csi_dispatch(&mut self, params: &Params, marks: &[u8], ignore: bool, action: char) {
        if action == 'm' && marks.is_empty() && !ignore {
            self.styles += 1;
        } else {
            self.other
                .push(format!("CSI {params:?} {marks:?} {action}"));
        }
    }

    fn esc_dispatch(&mut self, marks: &[u8], _: bool, byte: u8) {
        self.other.push(format!("ESC {marks:?} {byte}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        self.other.push(format!("OSC {params:?}"));
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        self.other.push(format!("DCS {action}"));
    }
}

fn watch(bytes: &[u8]) -> Terminal {
    let mut terminal = Terminal::default();
    Parser::new().advance(&mut terminal, bytes);
    terminal
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        "\x1b(\\[|\\]|P|\\^|_|X|N|O|c|#8|\\(0)[0-9;:?>!]{0,6}[ -~]?(\x07|\x1b\\\\)?"
            .prop_map(String::into_bytes),
        "\x1b\\[[0-9;:]{0,12}m".prop_map(String::into_bytes),
        "[\u{80}-\u{9f}\u{202a}-\u{202e}\u{200b}-\u{200f}]".prop_map(String::into_bytes),
        "[a-z\t\r\n]{1,5}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_terminal_finds_nothing_to_act_on(bytes in hostile()) {
        for newlines in [Newlines::Keep, Newlines::Show] {
            for sgr in [Sgr::Show, Sgr::Strip, Sgr::Rebuild] {
                let out = neutral(&bytes, Policy { newlines, sgr });
                let seen = watch(out.as_bytes());
                prop_assert!(seen.other.is_empty(), "{:?} of {:?}", seen.other, out);
                prop_assert!(seen.styles == 0 || sgr == Sgr::Rebuild);
                let allowed: &[u8] = if newlines == Newlines::Keep { b"\t\n" } else { b"\t" };
                prop_assert!(seen.executed.iter().all(|byte| allowed.contains(byte)));
            }
        }
    }
}

#[test]
fn the_parser_would_have_found_something_in_the_raw_bytes() {
    let raw = b"\x1b[2J\x1b]52;c;aGk=\x07\x1bc\x1bP1$q\x1b\\";
    assert!(watch(raw).other.len() >= 4);
}
