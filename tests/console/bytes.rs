//! The bytes that reach the terminal: those of our own encoder, whatever hosts write.

use super::terminal::Terminal;
use super::way::leave;
use super::world::World;

/// Every family of sequences that a terminal may obey, as `printf` on a host writes it.
const EVIL: [(&str, &str); 20] = [
    (
        "CSI",
        r"\033[2J\033[31mred\033[0m\033[5;5Hmoved\033[6n\033[c",
    ),
    ("title", r"\033]0;evil title\007after"),
    ("title, ST", r"\033]2;evil title\033\\after"),
    ("clipboard", r"\033]52;c;ZXZpbA==\007after"),
    (
        "link",
        r"\033]8;;http://evil.example/\033\\link\033]8;;\033\\",
    ),
    ("DCS", r"\033P$q\042p\033\\after\033P+q544e\033\\"),
    ("PM", r"\033^private\033\\after"),
    ("APC", r"\033_Gapp\033\\after"),
    ("SOS", r"\033Xstring\033\\after"),
    ("SS2, SS3", r"\033NA\033OBafter"),
    (
        "C1",
        r"\302\2332Jc1\302\2350;evil\302\234\302\220x\302\234\302\237x\302\234",
    ),
    ("raw C1", r"\2332Jraw\2350;evil\234"),
    (
        "controls",
        r"bell\007back\b\b\vvt\fff\016so\017si\021\023del\177nul\000end",
    ),
    (
        "charsets",
        r"\033(0lqk\033)B\033%%G\0337\0338\033c\033#8\033=",
    ),
    (
        "modes",
        r"\033[?1049l\033[?25h\033[?1000h\033[?2004l\033[4h\033[20h",
    ),
    ("bidi", r"\342\200\256rtl\342\201\246iso\330\234alm"),
    (
        "zero width",
        r"a\342\200\213b\342\200\215c\357\273\277d\302\255e",
    ),
    ("tags", r"x\363\240\201\201\363\240\201\277y"),
    (
        "not UTF-8",
        r"\377\376\300\200\355\240\200\364\220\200\200\342\202",
    ),
    ("cut off", r"\033[38;2;1;2"),
];

/// What stands between the sequences of our encoder and a terminal: fails with what is not ours.
#[track_caller]
fn assert_ours(raw: &[u8]) {
    let text = std::str::from_utf8(raw).expect("what reaches the terminal is UTF-8");
    let mut rest = text;
    while let Some(at) = rest.find(is_control) {
        let from = &rest[at..];
        let length = ours(from)
            .unwrap_or_else(|| panic!("not ours: {:?}", from.chars().take(60).collect::<String>()));
        rest = &from[length..];
    }
}

fn is_control(letter: char) -> bool {
    let bidi = matches!(letter,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e0fff}');
    letter.is_control() || bidi
}

/// The length of one of our sequences at the start of this text.
fn ours(text: &str) -> Option<usize> {
    const WHOLE: [&str; 9] = [
        "\x1b[?1049h",
        "\x1b[?1049l",
        "\x1b[?25h",
        "\x1b[?25l",
        "\x1b[?2004h",
        "\x1b[?2004l",
        "\x1b[?2026h",
        "\x1b[?2026l",
        "\x1b[r",
    ];
    if let Some(whole) = WHOLE.iter().find(|whole| text.starts_with(**whole)) {
        return Some(whole.len());
    }
    // One column back, to the start of a row, and a row down, which scrolls at the end of a region.
    if let Some(short) = ["\x08", "\r", "\n"]
        .iter()
        .find(|short| text.starts_with(**short))
    {
        return Some(short.len());
    }
    if let Some(copied) = text.strip_prefix("\x1b]52;c;") {
        let end = copied.find('\x07')?;
        let base64 = |letter: char| letter.is_ascii_alphanumeric() || "+/=".contains(letter);
        return copied[..end].chars().all(base64).then_some(7 + end + 1);
    }
    let inside = text.strip_prefix("\x1b[")?;
    let end = inside.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    let last = inside[end..].chars().next()?;
    "mHABCDGdKJrSTLM".contains(last).then_some(2 + end + 1)
}

#[test]
fn host_output_with_every_escape_family_never_reaches_the_terminal_raw() {
    let world = World::new();
    let mut script = String::new();
    for (name, evil) in EVIL {
        use std::fmt::Write as _;
        writeln!(
            script,
            "printf '%s: ' '{name}'; printf '{evil}'; echo; printf '{evil}' >&2"
        )
        .unwrap();
    }
    world.run("web01", &script);
    world.run("cache04", "journalctl -n 40");
    let stored = world
        .conn
        .run(["runs", "output", "1", "--color", "never"])
        .expect_success();
    assert!(
        stored.out().contains("cut off: "),
        "all of it ran: {stored:?}"
    );

    let mut console = world.open(100, 60);
    console.wait_for("ENDED 2");
    for run in ["run 1", "run 2"] {
        for (screen, ready) in [("", "host 1 of 1"), ("output of ", "lines ")] {
            see(&mut console, &format!("{screen}{run}"), ready);
        }
    }
    leave(&mut console);
    let raw = console.raw();
    let at = raw
        .windows(8)
        .rposition(|part| part == b"\x1b[?1049l")
        .unwrap();
    assert_ours(&raw[..at + 8]);
    let screen = String::from_utf8_lossy(&raw).into_owned();
    for shown in ["red", "moved", "after", "evil"] {
        assert!(screen.contains(shown), "{shown:?} is shown");
    }
    let title = screen.contains("\x1b]0") || screen.contains("\x1b]2");
    assert!(!title, "no host names the window");
}

/// Opens a screen by the palette, goes through its output, copies a line, and searches.
#[track_caller]
fn see(console: &mut Terminal, what: &str, ready: &str) {
    console.send(":");
    console.wait_for("save FILE");
    console.send(what);
    console.wait_for(what);
    console.send("\r");
    console.wait_gone("save FILE");
    console.wait_for(ready);
    console.send(if ready == "lines " { "\t" } else { "\r" });
    console.wait_for("lines ");
    for keys in ["t", "w", "gg", "G"] {
        console.send(keys);
    }
    console.send("/evil\r");
    console.wait_for("/evil ");
    console.send("n");
    console.send("y");
    console.wait_for("Sent to your clipboard");
    console.send("1");
    console.wait_for("ENDED 2");
}

#[test]
fn the_list_of_what_is_ours_is_strict() {
    assert_ours(b"\x1b[0;1;38;5;12mred\x1b[K\x1b[12;3H\x1b]52;c;YQ==\x07");
    for evil in [
        "\x1b[6n",
        "\x1b]0;x\x07",
        "\x1bPx",
        "\u{9b}2J",
        "\x07",
        "\u{202e}",
        "\x1b[?1000h",
    ] {
        assert!(
            ours(evil).is_none() && evil.contains(is_control),
            "{evil:?}"
        );
    }
}
