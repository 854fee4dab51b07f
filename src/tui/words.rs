//! Times, amounts and names in as few letters as they need.

use chrono::{DateTime, Utc};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::run::ids::At;
use crate::run::neutral::{Policy, neutral};

/// Text that is no wider than `room`; what was cut off leaves a sign.
pub(super) fn clip(text: &str, room: usize, ascii: bool) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let sign = if ascii { "~" } else { "…" };
    let mut width = 0;
    let mut kept = String::new();
    for letter in text.graphemes(true) {
        width += letter.width();
        if width + 1 > room {
            break;
        }
        kept.push_str(letter);
    }
    if room > 0 {
        kept.push_str(sign);
    }
    kept
}

/// A name or a sentence that came from outside, on one line.
pub(super) fn plain(text: &str) -> String {
    neutral(text.as_bytes(), Policy::ONE_LINE)
}

/// A time of day in UTC: `14:02:11Z`.
pub(super) fn clock(at: At) -> String {
    stamp(at, "%H:%M:%SZ")
}

/// A day and a time in UTC, without the day when it is today's.
pub(super) fn moment(at: At, now: At) -> String {
    const DAY: i64 = 86_400_000;
    if at.0.div_euclid(DAY) == now.0.div_euclid(DAY) {
        stamp(at, "%H:%M:%SZ")
    } else {
        stamp(at, "%d %b %H:%MZ")
    }
}

/// The same to the minute.
pub(super) fn short(at: At, now: At) -> String {
    const DAY: i64 = 86_400_000;
    let today = at.0.div_euclid(DAY) == now.0.div_euclid(DAY);
    stamp(at, if today { "%H:%MZ" } else { "%d %b %H:%MZ" })
}

fn stamp(at: At, format: &str) -> String {
    DateTime::<Utc>::from_timestamp_millis(at.0)
        .map(|time| time.format(format).to_string())
        .unwrap_or_default()
}

/// A length of time in at most six letters: `0.4s`, `41s`, `18m09s`, `3h04m`, `12d`.
pub(super) fn span(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    let (seconds, whole) = (whole.as_secs_f64(), whole.as_secs());
    match whole {
        0..10 => format!("{seconds:.1}s"),
        10..60 => format!("{whole}s"),
        60..3_600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h{:02}m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{}d", whole / 86_400),
    }
}

/// How long ago, in one unit: `41m`.
pub(super) fn ago(at: At, now: At) -> String {
    let seconds = (now.0 - at.0).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Seconds between two moments.
pub(super) fn seconds(from: At, until: At) -> f64 {
    (until.0 - from.0).max(0) as f64 / 1e3
}

/// A number with its thousands apart: `9,412`.
pub(super) fn count(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 host`, `12 hosts`.
pub(super) fn counted(number: impl Into<u64>, thing: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Bytes: `1.2M`.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["", "k", "M", "G", "T"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0}{}", UNITS[unit])
    } else {
        format!("{value:.1}{}", UNITS[unit])
    }
}

/// Words on lines that are no wider than this.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    // A word that is wider than the line goes on the next one.
    lines
        .into_iter()
        .flat_map(|line| {
            let letters: Vec<char> = line.chars().collect();
            let pieces: Vec<String> = letters
                .chunks(width.max(1))
                .map(|piece| piece.iter().collect())
                .collect();
            if pieces.is_empty() {
                vec![String::new()]
            } else {
                pieces
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_stay_short() {
        for (given, wanted) in [
            (0.04, "0.0s"),
            (9.94, "9.9s"),
            (59.9, "59s"),
            (60.0, "1m00s"),
            (1089.0, "18m09s"),
            (11_040.0, "3h04m"),
            (1_100_000.0, "12d"),
            (-3.0, "0.0s"),
        ] {
            assert_eq!(span(given), wanted);
        }
    }

    #[test]
    fn numbers_are_grouped_and_things_counted() {
        assert_eq!(count(0u32), "0");
        assert_eq!(count(999u32), "999");
        assert_eq!(count(10_000u32), "10,000");
        assert_eq!(count(1_234_567u32), "1,234,567");
        assert_eq!(counted(1u32, "host"), "1 host");
        assert_eq!(counted(2_000u32, "host"), "2,000 hosts");
        assert_eq!(bytes(999), "999");
        assert_eq!(bytes(1_234), "1.2k");
        assert_eq!(bytes(123_456_789), "123M");
    }

    #[test]
    fn text_is_cut_between_letters_and_says_so() {
        assert_eq!(clip("abcdef", 6, false), "abcdef");
        assert_eq!(clip("abcdef", 5, false), "abcd…");
        assert_eq!(clip("abcdef", 5, true), "abcd~");
        assert_eq!(clip("漢字漢字", 5, false), "漢字…");
        assert_eq!(clip("abc", 0, false), "");
    }

    #[test]
    fn a_day_is_told_when_it_is_not_today() {
        let now = At(1_767_225_600_000 + 50_400_000);
        assert_eq!(moment(At(now.0 - 1000), now), "13:59:59Z");
        assert_eq!(moment(At(now.0 - 86_400_000), now), "31 Dec 14:00Z");
    }
}
