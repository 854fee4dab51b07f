//! Durations as people write them: `90s`, `10m`, `2h`.
//!
//! A number always carries its unit: a bare `10` would be minutes to one reader and seconds to the
//! next. Parts may follow each other, as in `1h30m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::run::complaint::quote;

/// Units and their length in milliseconds, longest first.
const UNITS: [(&str, u64); 6] = [
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time in whole milliseconds, with one way to write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration {
    millis: u64,
}

impl HumanDuration {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self {
            millis: seconds.saturating_mul(1_000),
        }
    }

    /// The value for timers.
    pub const fn get(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

impl From<Duration> for HumanDuration {
    /// Anything under a millisecond is cut off.
    fn from(value: Duration) -> Self {
        Self {
            millis: u64::try_from(value.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for HumanDuration {
    /// The longest unit that needs no fraction: `90s`, `10m`, `1d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let exact = UNITS
            .iter()
            .find(|(_, length)| self.millis.is_multiple_of(*length));
        let (unit, length) = exact.copied().unwrap_or(("ms", 1));
        write!(f, "{}{unit}", self.millis / length)
    }
}

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("a duration is missing; write a number and a unit, as in 90s, 10m or 2h")]
    Empty,
    /// A number stands without its unit.
    #[error("the duration {} has no unit; write one behind it, as in 90s, 10m or 2h", quote(.0))]
    NoUnit(String),
    /// A unit is none of those known, or a number is missing.
    #[error("{} is no duration; write numbers with the units ms, s, m, h, d or w, as in 90s or 1h30m", quote(.0))]
    Malformed(String),
    /// It is longer than can be counted.
    #[error("the duration {} is too long; it must stay under 584 million years", quote(.0))]
    TooLong(String),
}

impl FromStr for HumanDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(DurationError::Empty);
        }
        if rest.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DurationError::NoUnit(rest.to_owned()));
        }
        let mut millis = 0_u64;
        while !rest.is_empty() {
            let (part, after) =
                split_part(rest).ok_or_else(|| DurationError::Malformed(text.to_owned()))?;
            millis = part
                .and_then(|part| millis.checked_add(part))
                .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
            rest = after;
        }
        Ok(Self { millis })
    }
}

/// The milliseconds of the first `number unit` of `text` (`None` inside: too many) and the rest.
fn split_part(text: &str) -> Option<(Option<u64>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, after) = rest.split_at(letters);
    if number.is_empty() {
        return None;
    }
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let part = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*length));
    Some((part, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_written_forms_mean_what_they_say() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("1d", 86_400),
            (" 1w ", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(
                text.parse(),
                Ok(HumanDuration::from_secs(seconds)),
                "{text}"
            );
        }
        assert_eq!(
            "1500ms".parse::<HumanDuration>().unwrap().get(),
            Duration::from_millis(1500)
        );
    }

    #[test]
    fn the_shortest_exact_form_is_shown() {
        for (seconds, text) in [
            (90, "90s"),
            (600, "10m"),
            (7_200, "2h"),
            (5_400, "90m"),
            (0, "0s"),
            (86_400, "1d"),
        ] {
            assert_eq!(HumanDuration::from_secs(seconds).to_string(), text);
        }
    }

    #[test]
    fn a_number_without_unit_is_refused_with_the_units_it_may_have() {
        let error = "90".parse::<HumanDuration>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the duration \"90\" has no unit; write one behind it, as in 90s, 10m or 2h"
        );
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", " ", "s", "-1s", "1.5h", "1 s", "10x", "5s5", "１s", "1S",
        ] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
        assert!(matches!(
            "99999999999999999999w".parse::<HumanDuration>(),
            Err(DurationError::TooLong(_))
        ));
        assert!(matches!(
            "18446744073709551615ms1ms".parse::<HumanDuration>(),
            Err(DurationError::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn any_duration_reads_back_as_written(millis: u64) {
            let value = HumanDuration::from(Duration::from_millis(millis));
            prop_assert_eq!(value.to_string().parse(), Ok(value));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,12}|[0-9smhdw ]{0,20}") {
            let _ = text.parse::<HumanDuration>();
        }
    }
}
