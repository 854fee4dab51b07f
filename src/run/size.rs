//! Sizes as people write them: `256KiB`, `64MiB`, `20GiB`.
//!
//! Only binary units: `MB` would be 1,000,000 to one reader and 1,048,576 to the next.

use std::fmt;
use std::str::FromStr;

use crate::run::complaint::quote;

/// Units and their length in bytes, largest first.
const UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// A number of bytes, with one way to write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many KiB.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// So many MiB.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// The largest unit that needs no fraction: `64MiB`, `1536KiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0B");
        }
        let exact = UNITS
            .iter()
            .find(|(_, length)| self.0.is_multiple_of(*length));
        let (unit, length) = exact.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / length)
    }
}

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// The unit is missing, or one that people read in two ways.
    #[error("the size {} has no clear unit; write B, KiB, MiB, GiB or TiB, as in 64MiB", quote(.0))]
    Unit(String),
    /// No number, or something else around it.
    #[error("{} is no size; write a whole number and a unit, as in 64MiB", quote(.0))]
    Malformed(String),
    /// More than 64 bits can count.
    #[error("the size {} is too large; it must stay under 16,777,216TiB", quote(.0))]
    TooLarge(String),
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        if number.is_empty() || unit.bytes().any(|b| !b.is_ascii_alphabetic()) {
            return Err(SizeError::Malformed(text.to_owned()));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, length) = known.ok_or_else(|| SizeError::Unit(text.to_owned()))?;
        let bytes = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*length));
        bytes
            .map(Self)
            .ok_or_else(|| SizeError::TooLarge(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_written_forms_mean_what_they_say() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("256KiB", 256 << 10),
            ("1GiB", 1 << 30),
            ("2TiB", 2 << 40),
            ("7B", 7),
            (" 0B ", 0),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::from_bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn the_largest_exact_unit_is_shown() {
        assert_eq!(ByteSize::from_mib(64).to_string(), "64MiB");
        assert_eq!(ByteSize::from_kib(1536).to_string(), "1536KiB");
        assert_eq!(ByteSize::from_bytes(1025).to_string(), "1025B");
        assert_eq!(ByteSize::from_bytes(0).to_string(), "0B");
    }

    #[test]
    fn a_unit_with_two_meanings_is_refused() {
        for text in ["64MB", "64M", "64", "64k", "64mib"] {
            assert!(
                matches!(text.parse::<ByteSize>(), Err(SizeError::Unit(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "-1B", "1.5GiB", "1 MiB", "6４B"] {
            assert!(
                matches!(text.parse::<ByteSize>(), Err(SizeError::Malformed(_))),
                "{text}"
            );
        }
        assert!(matches!(
            "99999999TiB".parse::<ByteSize>(),
            Err(SizeError::TooLarge(_))
        ));
    }

    proptest! {
        #[test]
        fn any_size_reads_back_as_written(bytes: u64) {
            let value = ByteSize::from_bytes(bytes);
            prop_assert_eq!(value.to_string().parse(), Ok(value));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,12}|[0-9KMGTiB ]{0,20}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
