//! What differs from run to run, as one value at its place.

use std::sync::LazyLock;

use regex::Regex;

use super::picture::Cell;

/// Where the room for a longer or shorter value comes from.
#[derive(Clone, Copy)]
enum Room {
    /// The first gap behind it: what follows keeps its column.
    Behind,
    /// The widest gap behind it: what follows closely moves along.
    Gap,
    /// The blanks right behind it: a column of its own.
    Here,
    /// The blanks before it, which are part of the pattern: a column that ends here.
    Before,
    /// The value has two parts, divided by `|`: one at each end, the first cut as the bar cuts it.
    Ends,
    /// The value is cut or repeated to the length of what was there.
    Same,
}

use Room::{Before, Behind, Ends, Gap, Here, Same};

type Mask = (Regex, &'static str, Room);

static MASKS: LazyLock<Vec<Mask>> = LazyLock::new(|| {
    let user = regex::escape(&user());
    let of_user = format!(r"\b{user}\b");
    let masks: [(&str, &'static str, Room); 26] = [
        (
            r"^  DEMO  (\S+  Flows > 5 sy.*? +eng ok \S+)",
            BAR_OF_RUN,
            Ends,
        ),
        (r"^  DEMO  (\S+)", "harbour", Gap),
        (r"/tmp/conn-\S+", KNOWN_HOSTS, Same),
        (r"│ +([A-Za-z0-9+/]+), but", "0", Same),
        (r" +eng ok \S+", " eng ok 4m10s", Before),
        (r"\d\d:\d\d:\d\dZ", "14:02:11Z", Same),
        (
            r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d",
            "Nov 23 14:02:07",
            Same,
        ),
        (r"engine pid \d.*$", ENGINE, Same),
        (
            r"\(terminal [^)]*\)",
            "(terminal pts/3 of harbour, process 4711)",
            Behind,
        ),
        (r"SHA256:[A-Za-z0-9+/]+", FINGERPRINT, Same),
        (r"127\.77\.\d+\.\d+(:\d+)", ":22022", Behind),
        (r"resolve \d+ms.*$", PHASES, Same),
        (r"━{4,} +\d+ms *$", BAR, Same),
        (r"resolve \d+\.\d\ds.*$", PHASES_S, Same),
        (r"open \d+\.\d\ds.*$", PHASES_O, Same),
        (r"[▁▂▃▄▅▆▇█]+", "█▅▃▆▂", Same),
        (r"oldest first: \S+", "oldest first: 9s", Behind),
        (r"^.X FAIL( +\d\S*)", " 9s", Before),
        (r"\d/\d.* (\d+[smhd] ago)", "9s ago", Behind),
        (r"\d/\d+ +\d+ +\S+( +\d+[smhd])  \S", " 9s", Before),
        // The same line of a list, its beginning behind a palette.
        (r"\d\.\ds( +\d+[smhd])  \S", " 9s", Before),
        (r" +\d+[smhd] ago", "9s ago", Before),
        (r"\+\d+\.\d\b", "+0.1", Same),
        (r" *\b\d+\.\ds\b", " 1.2s", Before),
        (&format!(r"(?:by|#\d+) ({user})\b"), "kim", Gap),
        (&of_user, "kim", Here),
    ];
    masks
        .into_iter()
        .map(|(pattern, value, room)| (Regex::new(pattern).expect(pattern), value, room))
        .collect()
});

const ENGINE: &str =
    "engine pid 4711   37 connections   0 tasks   64.5M memory   108k stored   disk 42.0G free";
const BAR_OF_RUN: &str = "harbour  Flows > 5 systemctl is-active app|eng ok 4m10s";
const KNOWN_HOSTS: &str = "/home/kim/.config/conn/harbour-bastion/known_hosts:19";
const FINGERPRINT: &str = "SHA256:harbourharbourharbourharbourharbourharbour0";
const PHASES: &str = "resolve 0ms  tcp 14ms  key exchange 21ms  auth 7ms  open 2ms";
const BAR: &str = "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 44ms";
const PHASES_S: &str =
    "resolve 0.00s  tcp 0.01s  kex 0.02s  auth 0.01s  open 0.01s  first byte 0.01s  run 0.01s";
const PHASES_O: &str = "open 0.01s  first byte 0.01s  run 0.01s";

/// Masks all rows.
pub fn apply(rows: &mut [Vec<Cell>]) {
    for row in rows.iter_mut() {
        for (pattern, value, room) in MASKS.iter() {
            mask(row, pattern, value, *room);
        }
    }
    histogram(rows);
}

fn mask(row: &mut Vec<Cell>, pattern: &Regex, value: &str, room: Room) {
    let width = row.len();
    let text: String = row.iter().map(|cell| cell.letter).collect();
    let place = |byte: usize| text[..byte].chars().count();
    let found: Vec<(usize, usize)> = pattern
        .captures_iter(&text)
        .filter_map(|found| found.get(1).or(found.get(0)))
        .map(|found| (place(found.start()), place(found.end())))
        .collect();
    for (from, until) in found.into_iter().rev() {
        let look = match room {
            Same => row[from].look.clone(),
            _ => row[until - 1].look.clone(),
        };
        let length = until - from;
        let mut letters: Vec<char> = value.chars().collect();
        match room {
            Before => {
                while letters.len() > length && letters[0] == ' ' {
                    letters.remove(0);
                }
                while letters.len() < length {
                    letters.insert(0, ' ');
                }
            }
            Same => {
                let cycle = value.chars().cycle();
                let blanks = std::iter::repeat(' ');
                let cut = row[until - 1 - blank_end(&row[from..until])].letter == '…';
                letters = if value.starts_with('█') {
                    cycle.take(length).collect()
                } else {
                    value.chars().chain(blanks).take(length).collect()
                };
                if cut {
                    let last = length - 1 - blank_end(&row[from..until]);
                    letters[last] = '…';
                    letters[last + 1..].fill(' ');
                }
            }
            Ends => letters = ends(value, length),
            Behind | Gap | Here => {}
        }
        let many = letters.len();
        let first = row[from].look.clone();
        let right = value
            .rsplit_once('|')
            .map(|(_, right)| right.chars().count());
        let turn = right.map_or(0, |right| many.saturating_sub(right));
        let cells = letters.into_iter().enumerate().map(|(at, letter)| Cell {
            letter,
            look: if at < turn {
                first.clone()
            } else {
                look.clone()
            },
        });
        row.splice(from..until, cells);
        if many != length {
            fit(row, from + many, width, room);
        }
    }
}

/// Blanks at the end.
fn blank_end(cells: &[Cell]) -> usize {
    let blank = cells.iter().rev().take_while(|cell| cell.letter == ' ');
    blank.count().min(cells.len() - 1)
}

/// Both parts of a value, the first at the start and the second at the end.
fn ends(value: &str, length: usize) -> Vec<char> {
    let (left, right) = value.split_once('|').expect("a value of two parts");
    let room = length.saturating_sub(right.chars().count() + 2);
    let mut letters: Vec<char> = left.chars().take(room).collect();
    if left.chars().count() > room {
        letters.pop();
        letters.push('…');
    }
    let blanks = length.saturating_sub(letters.len() + right.chars().count());
    letters.extend(std::iter::repeat_n(' ', blanks));
    letters.extend(right.chars());
    letters
}

/// The histogram of durations: where a host falls is chance.
fn histogram(rows: &mut [Vec<Cell>]) {
    const BARS: [usize; 5] = [18, 6, 2, 0, 1];
    const WIDTH: usize = 27;
    let is_bar = |row: &Vec<Cell>| {
        let text: String = row.iter().take(WIDTH).map(|cell| cell.letter).collect();
        text.len() >= WIDTH && HISTOGRAM.is_match(&text)
    };
    let bar = rows
        .iter()
        .filter(|row| is_bar(row))
        .find_map(|row| row[..WIDTH].iter().find(|cell| cell.letter == '▪'))
        .cloned();
    let Some(bar) = bar else { return };
    for (at, row) in rows.iter_mut().filter(|row| is_bar(row)).enumerate() {
        let label = format!("{:>7}", format!("{:.1}s", at as f32 * 0.3));
        let many = BARS.get(at).copied().unwrap_or(0);
        let blank = Cell {
            letter: ' ',
            ..row[0].clone()
        };
        for (x, letter) in label.chars().enumerate() {
            row[x].letter = letter;
        }
        for (x, cell) in row[..WIDTH].iter_mut().enumerate().skip(7) {
            *cell = if x > 7 && x <= 7 + many {
                bar.clone()
            } else {
                blank.clone()
            };
        }
    }
}

static HISTOGRAM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^ +\d+\.\ds [▪ ]*$").expect("a pattern"));

/// Brings a row back to its width by the blanks behind `from`.
fn fit(row: &mut Vec<Cell>, from: usize, width: usize, room: Room) {
    let mut gaps: Vec<(usize, usize)> = Vec::new();
    let mut at = from;
    while at < row.len() {
        let blanks = row[at..]
            .iter()
            .take_while(|cell| cell.letter == ' ')
            .count();
        if blanks > 1 || (at == from && matches!(room, Here)) {
            gaps.push((at, blanks));
        }
        at += blanks.max(1);
    }
    let gap = match room {
        Gap => gaps.into_iter().max_by_key(|(_, blanks)| *blanks),
        _ => gaps.into_iter().next(),
    };
    let (at, blanks) = gap.unwrap_or((row.len(), 0));
    let blank = row.get(at).or(row.last()).cloned().map(|cell| Cell {
        letter: ' ',
        ..cell
    });
    let Some(blank) = blank else { return };
    while row.len() < width {
        row.insert(at, blank.clone());
    }
    let mut left = blanks.saturating_sub(1);
    while row.len() > width && left > 0 {
        row.remove(at);
        left -= 1;
    }
    row.truncate(width);
}

/// The name that the engine takes us for.
fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    std::fs::read_to_string("/etc/passwd")
        .unwrap_or_default()
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.to_string().as_str()))
        .map_or_else(|| uid.to_string(), |fields| fields[0].to_owned())
}
