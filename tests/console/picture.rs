//! A screen as an SVG: text for letters, shapes for lines and blocks, so that no font matters.
//!
//! What differs from one run of the program to the next (clocks, durations, ages, process ids,
//! ports, fingerprints, names of this machine) is drawn as one value at the place where it stands,
//! so that two pictures of the same screen are the same file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use vt100::{Color, Screen};

use super::masks;

/// A cell's size, in pixels.
const WIDE: f32 = 8.4;
const HIGH: f32 = 18.0;
/// Around the screen.
const MARGIN: f32 = 10.0;

/// The colours of the terminal that is drawn.
#[derive(Clone, Copy)]
pub struct Ground {
    front: &'static str,
    back: &'static str,
    sixteen: [&'static str; 16],
}

/// A terminal with a dark ground, and one with a light one.
pub const DARK: Ground = Ground {
    front: "#d4d7dc",
    back: "#15181e",
    sixteen: [
        "#2b303b", "#e5646e", "#7fbf6a", "#d9a94e", "#6c9ef8", "#c184e6", "#4fb8c4", "#c3c8d1",
        "#7a8290", "#ff7b85", "#98d982", "#f2c566", "#8db6ff", "#d8a1f5", "#6fd3de", "#f2f4f8",
    ],
};
pub const LIGHT: Ground = Ground {
    front: "#1f2328",
    back: "#ffffff",
    sixteen: [
        "#24292f", "#cf222e", "#116329", "#7d4e00", "#0550ae", "#8250df", "#1b7c83", "#6e7781",
        "#57606a", "#a40e26", "#1a7f37", "#633c01", "#0969da", "#a475f9", "#3192aa", "#8c959f",
    ],
};

/// How a cell looks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look {
    front: String,
    back: Option<String>,
    /// More of CSS: weight, slant.
    more: &'static str,
    dim: bool,
    underlined: bool,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub letter: char,
    pub look: Look,
}

/// The screen as it is drawn: masked, on this ground.
pub fn svg(screen: &Screen, ground: &Ground) -> String {
    let mut rows = cells(screen, ground);
    masks::apply(&mut rows);
    for row in &mut rows {
        blanks_as_before(row);
    }
    let (height, width) = screen.size();
    let (across, down) = (
        f32::from(width.get()) * WIDE + 2.0 * MARGIN,
        f32::from(height.get()) * HIGH + 2.0 * MARGIN,
    );
    let mut classes = BTreeMap::new();
    let body: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(y, row)| draw_row(y, row, &mut classes))
        .collect();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{across:.0}\" height=\"{down:.0}\" \
         viewBox=\"0 0 {across:.0} {down:.0}\">\n<style>text{{font:14px ui-monospace,Menlo,Consolas,\
         'DejaVu Sans Mono',monospace}}"
    );
    for (look, class) in &classes {
        let _ = write!(out, ".{class}{{{}}}", css(look));
    }
    let _ = writeln!(
        out,
        "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>",
        ground.back
    );
    let _ = writeln!(out, "<g transform=\"translate({MARGIN} {MARGIN})\">");
    for row in body {
        out.push_str(&row);
        out.push('\n');
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// The text of a picture's row, to tell what differs.
pub fn text_of(row: &str) -> String {
    let mut text = String::new();
    let mut rest = row;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        let tag = &rest[at..end];
        if tag.starts_with("<text") {
            text.push_str("  ");
        }
        if let Some((_, drawn)) = tag.split_once("data-t=\"") {
            text.push_str("  ");
            text.push_str(drawn.split('"').next().unwrap_or_default());
        }
        rest = &rest[end..];
    }
    text
}

fn cells(screen: &Screen, ground: &Ground) -> Vec<Vec<Cell>> {
    let (height, width) = screen.size();
    let row = |y| {
        (0..width.get())
            .filter_map(|x| screen.cell(y, x))
            .map(|cell| Cell {
                letter: cell.contents().chars().next().unwrap_or(' '),
                look: look(cell, ground),
            })
            .collect()
    };
    (0..height.get()).map(row).collect()
}

/// A blank has no colour of its own but its ground: it takes that of the letter before it.
fn blanks_as_before(row: &mut [Cell]) {
    for at in 1..row.len() {
        if row[at].letter == ' ' && !row[at].look.underlined {
            row[at].look = Look {
                back: row[at].look.back.clone(),
                underlined: false,
                ..row[at - 1].look.clone()
            };
        }
    }
}

fn look(cell: &vt100::Cell, ground: &Ground) -> Look {
    let mut front = colour(cell.fgcolor(), ground);
    let mut back = colour(cell.bgcolor(), ground);
    if cell.inverse() {
        let was = front.take().unwrap_or_else(|| ground.front.to_owned());
        front = Some(back.take().unwrap_or_else(|| ground.back.to_owned()));
        back = Some(was);
    }
    Look {
        front: front.unwrap_or_else(|| ground.front.to_owned()),
        back,
        more: match (cell.bold(), cell.italic()) {
            (false, false) => "",
            (true, false) => ";font-weight:bold",
            (false, true) => ";font-style:italic",
            (true, true) => ";font-weight:bold;font-style:italic",
        },
        dim: cell.dim(),
        underlined: cell.underline(),
    }
}

fn colour(wanted: Color, ground: &Ground) -> Option<String> {
    let hex = |red: u8, green: u8, blue: u8| format!("#{red:02x}{green:02x}{blue:02x}");
    match wanted {
        Color::Default => None,
        Color::Rgb(red, green, blue) => Some(hex(red, green, blue)),
        Color::Idx(at @ 0..16) => Some(ground.sixteen[usize::from(at)].to_owned()),
        Color::Idx(at @ 16..232) => {
            let step = |value: u8| if value == 0 { 0 } else { 55 + 40 * value };
            let at = at - 16;
            Some(hex(step(at / 36), step(at / 6 % 6), step(at % 6)))
        }
        Color::Idx(at) => {
            let gray = 8 + 10 * (at - 232);
            Some(hex(gray, gray, gray))
        }
    }
}

fn css(look: &Look) -> String {
    let mut css = format!("fill:{}", look.front);
    for (set, words) in [
        (true, look.more),
        (look.dim, ";fill-opacity:.65"),
        (look.underlined, ";text-decoration:underline"),
    ] {
        if set {
            css.push_str(words);
        }
    }
    css
}

/// One line of the file for a row of the screen.
fn draw_row(y: usize, row: &[Cell], classes: &mut BTreeMap<Look, String>) -> String {
    let mut out = format!("<g id=\"r{y}\">");
    draw_grounds(y, row, &mut out);
    let mut x = 0;
    while x < row.len() {
        let Cell { letter, look } = &row[x];
        let front = Look {
            back: None,
            ..look.clone()
        };
        let same = |cell: &Cell| {
            let ours = &cell.look;
            Look {
                back: None,
                ..ours.clone()
            } == front
        };
        let drawn = is_drawn(*letter);
        let mut end = x;
        while end < row.len() && same(&row[end]) && is_drawn(row[end].letter) == drawn {
            let blank = |at: usize| row.get(at).is_none_or(|cell| cell.letter == ' ');
            if blank(end) && (blank(end + 1) || end == x) && !look.underlined {
                break;
            }
            end += 1;
        }
        if end == x {
            x += 1;
            continue;
        }
        let text: String = row[x..end].iter().map(|cell| cell.letter).collect();
        let text = text.trim_end();
        let next = format!("c{}", classes.len());
        let class = classes.entry(front).or_insert(next);
        if drawn {
            draw_shapes(x, y, text, class, &mut out);
        } else {
            draw_text(x, y, text, class, &mut out);
        }
        x = end;
    }
    out.push_str("</g>");
    out
}

fn draw_grounds(y: usize, row: &[Cell], out: &mut String) {
    let mut x = 0;
    while x < row.len() {
        let back = &row[x].look.back;
        let many = row[x..]
            .iter()
            .take_while(|cell| cell.look.back == *back)
            .count();
        if let Some(back) = back {
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{HIGH}\" fill=\"{back}\"/>",
                at_column(x),
                y as f32 * HIGH,
                at_column(many)
            );
        }
        x += many;
    }
}

fn draw_text(x: usize, y: usize, text: &str, class: &str, out: &mut String) {
    let letters = text.chars().count();
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" class=\"{class}\" textLength=\"{}\">{escaped}</text>",
        at_column(x),
        y as f32 * HIGH + 13.5,
        at_column(letters)
    );
}

/// Lines and blocks that join with their neighbours.
fn is_drawn(letter: char) -> bool {
    matches!(letter, '─' | '━' | '│' | '▪' | '▁'..='█')
}

fn draw_shapes(x: usize, y: usize, text: &str, class: &str, out: &mut String) {
    let mut path = String::new();
    let letters: Vec<char> = text.chars().collect();
    let top = y as f32 * HIGH;
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        let same = letters[at..].iter().take_while(|next| **next == letter);
        let joined = matches!(letter, '─' | '━' | '█');
        let many = if joined { same.count() } else { 1 };
        let left = (x + at) as f32 * WIDE;
        let width = many as f32 * WIDE;
        let (left, top, width, height) = match letter {
            '─' => (left, top + 8.5, width, 1.0),
            '━' => (left, top + 6.0, width, 6.0),
            '│' => (left + 3.7, top, 1.0, HIGH),
            '▪' => (left + 1.2, top + 6.0, 6.0, 6.0),
            _ => {
                let eighths = letter as u32 - '▁' as u32 + 1;
                let height = eighths as f32 / 8.0 * HIGH;
                (left, top + HIGH - height, width, height)
            }
        };
        let _ = write!(
            path,
            "M{left:.1} {top:.1}h{width:.1}v{height:.1}h-{width:.1}z"
        );
        at += many;
    }
    let _ = write!(
        out,
        "<path class=\"{class}\" data-t=\"{text}\" d=\"{path}\"/>"
    );
}

/// The left edge of a column, without an empty end.
fn at_column(x: usize) -> String {
    format!("{:.1}", x as f32 * WIDE)
        .trim_end_matches(".0")
        .to_owned()
}
