use super::*;
use proptest::prelude::*;

const POLICIES: [Policy; 6] = [
    Policy {
        newlines: Newlines::Keep,
        sgr: Sgr::Show,
    },
    Policy::LINES,
    Policy::COLOUR,
    Policy::ONE_LINE,
    Policy {
        newlines: Newlines::Show,
        sgr: Sgr::Strip,
    },
    Policy {
        newlines: Newlines::Show,
        sgr: Sgr::Rebuild,
    },
];

fn shown(bytes: impl AsRef<[u8]>) -> String {
    neutral(
        bytes.as_ref(),
        Policy {
            newlines: Newlines::Keep,
            sgr: Sgr::Show,
        },
    )
}

/// Bytes that are rich in what terminals act on.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        "[a-z0-9;:m\\[ \t\r\n]{1,4}".prop_map(String::into_bytes),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        prop::sample::select(
            &[
                "\x1b",
                "\x1b[",
                "\x1b[1;31m",
                "\x1b[m",
                "\x1b]0;t\x07",
                "\x1b]52;c;aGk=\x1b\\",
                "\x1bP1$q\x1b\\",
                "\x1b^x\x1b\\",
                "\x1b_x\x1b\\",
                "\x1bXx\x1b\\",
                "\x1bN",
                "\x1bO",
                "\u{9b}2J",
                "\u{202e}",
                "\u{200b}",
                "\u{e0041}",
                "\r\n",
                "\r",
                "é",
                "漢",
                "\u{1b}c",
                "\x1b[38;5;1",
                "\x1b[?25l",
                "\x1b[6n",
                "\x1b[0;1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18m",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Whether the text holds nothing that a terminal acts on, beside tabs, line ends that the policy
/// keeps, and sequences of the one form that is ever written.
fn is_calm(text: &str, policy: Policy) -> bool {
    let mut text = text.to_owned();
    if policy.sgr == Sgr::Rebuild {
        while let Some(at) = text.find("\x1b[") {
            let Some(end) = text[at..].find('m') else {
                return false;
            };
            let body = &text[at + 2..at + end];
            if body.is_empty() || !body.chars().all(|c| c.is_ascii_digit() || c == ';') {
                return false;
            }
            text.replace_range(at..=at + end, "");
        }
    }
    let keeps = policy.newlines == Newlines::Keep;
    text.chars()
        .all(|c| c == '\t' || (keeps && c == '\n') || !is_hazard(c))
}

proptest! {
    #[test]
    fn nothing_that_a_terminal_acts_on_comes_out(bytes in hostile()) {
        for policy in POLICIES {
            let out = neutral(&bytes, policy);
            prop_assert!(is_calm(&out, policy), "{:?} of {:?}: {:?}", policy, bytes, out);
        }
    }

    #[test]
    fn where_a_stream_is_split_does_not_matter(bytes in hostile(), seed: u64) {
        for policy in POLICIES {
            let whole = neutral(&bytes, policy);
            for at in 0..=bytes.len() {
                let mut out = String::new();
                let mut stream = Neutraliser::new(policy);
                stream.push(&bytes[..at], &mut out);
                stream.push(&bytes[at..], &mut out);
                stream.finish(&mut out);
                prop_assert_eq!(&out, &whole, "{:?} split at {}", policy, at);
            }
            let (mut out, mut stream) = (String::new(), Neutraliser::new(policy));
            let mut random = seed;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (one, two) = rest.split_at((random >> 33) as usize % 4 % (rest.len() + 1));
                stream.push(one, &mut out);
                rest = two;
            }
            stream.finish(&mut out);
            prop_assert_eq!(&out, &whole);
        }
    }

    #[test]
    fn harmless_text_passes_unchanged(text in "[ -~\t\né漢ü😀\u{fe0f}]{0,80}") {
        prop_assert_eq!(shown(&text), text);
    }

    #[test]
    fn no_byte_is_lost_and_none_makes_more_than_ten(bytes in hostile()) {
        let out = shown(&bytes);
        prop_assert!(out.len() <= bytes.len() * 10);
        let visible = bytes.iter().filter(|b| b.is_ascii_graphic()).count();
        prop_assert!(out.chars().filter(char::is_ascii_graphic).count() >= visible);
    }
}

#[test]
fn controls_and_sequences_have_the_documented_forms() {
    for (given, form) in [
        ("\x07\x08\x00\x7f", "^G^H^@^?"),
        ("a\x1b[2Jb", "a^[[2Jb"),
        ("\x1b]0;title\x07", "^[]0;title^G"),
        ("\x1b]52;c;aGk=\x1b\\", "^[]52;c;aGk=^[\\"),
        (
            "\x1bPq\x1b\\\x1b^p\x1b\\\x1b_a\x1b\\\x1bXs\x1b\\",
            "^[Pq^[\\^[^p^[\\^[_a^[\\^[Xs^[\\",
        ),
        ("\x1bNx\x1bOP\x1bc", "^[Nx^[OP^[c"),
        ("\u{9b}2J\u{85}", "<U+009B>2J<U+0085>"),
        (
            "a\u{202e}b\u{2066}c\u{200b}\u{e0041}",
            "a<U+202E>b<U+2066>c<U+200B><U+E0041>",
        ),
        ("10%\rdone\r\n", "10%^Mdone\n"),
    ] {
        assert_eq!(shown(given), form);
    }
    assert_eq!(
        shown(b"\x9b2J\xff\xc3\xe2\x82"),
        "\\x9b2J\\xff\\xc3\\xe2\\x82"
    );
    assert_eq!(
        shown(b"\xc0\x9b\xed\xa0\x80\xf4\x90"),
        "\\xc0\\x9b\\xed\\xa0\\x80\\xf4\\x90"
    );
}

#[test]
fn text_for_one_line_stays_on_it() {
    assert_eq!(neutral(b"a\r\nb\x1b[1mc", Policy::ONE_LINE), "a^M^Jb^[[1mc");
}

#[test]
fn colours_are_left_out_or_rebuilt_and_end_with_their_line() {
    let text = b"\x1b[01;31mred\x1b[0m \x1b[32mgreen\r\nplain\x1b[8mx\x1b[2J\x1b[7m";
    assert_eq!(neutral(text, Policy::LINES), "red green\nplainx^[[2J");
    assert_eq!(
        neutral(text, Policy::COLOUR),
        "\x1b[1;31mred\x1b[0m \x1b[32mgreen\x1b[0m\nplainx^[[2J\x1b[7m\x1b[0m"
    );
}

#[test]
fn an_endless_sequence_is_let_go_and_holds_no_memory() {
    let mut stream = Neutraliser::new(Policy::COLOUR);
    let mut out = String::new();
    stream.push(b"\x1b[", &mut out);
    for _ in 0..10_000 {
        stream.push(b"1;1;1;1;", &mut out);
        assert!(matches!(&stream.held, Held::Nothing | Held::Parameters(_)));
    }
    assert_eq!(stream.held, Held::Nothing);
    assert!(out.starts_with("^[[1;1;1;"));
    assert_eq!(out.len(), 3 + 80_000);
}
