//! Digit strings as integers: the index inside a host name.
//!
//! `7`, `07` and `007` are three different hosts, so an index is a string of digits and not a
//! number. Strings of digits ordered by length, then by value, can be counted: `0`..`9` are 0 to 9,
//! `00`..`99` are 10 to 109, `000` is 110. That count is the [`Code`] of an index. A set of indexes
//! then is a set of integers, its order is the order of printing, and a zero-padded range is one
//! interval. Negative numbers stand for themselves.

/// A digit string's place among all digit strings (shortest first), or a negative number.
pub(super) type Code = i128;

/// The longest digit string that has a code: sums and differences of codes then fit in 128 bits.
pub(super) const MAX_WIDTH: usize = 37;

/// `FIRST[w]` is the code of the `w` digits `00…0`.
const FIRST: [Code; MAX_WIDTH + 2] = first_codes();

const fn first_codes() -> [Code; MAX_WIDTH + 2] {
    let mut first = [0; MAX_WIDTH + 2];
    let mut width = 1;
    while width <= MAX_WIDTH {
        first[width + 1] = first[width] + power(width);
        width += 1;
    }
    first
}

/// Ten to the power of `exponent` (at most [`MAX_WIDTH`]).
pub(super) const fn power(exponent: usize) -> i128 {
    10i128.pow(exponent as u32)
}

/// The code of `value` written with exactly `width` digits; negative values have no width.
pub(super) const fn encode(width: usize, value: i128) -> Code {
    if value < 0 {
        value
    } else {
        FIRST[width] + value
    }
}

/// The code of a string of ASCII digits, or `None` when it is empty, too long or no digits.
pub(super) fn parse(text: &str) -> Option<Code> {
    if text.is_empty() || text.len() > MAX_WIDTH || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(|value| encode(text.len(), value))
}

/// How many digits the code's string has; 0 for a negative number.
pub(super) fn width(code: Code) -> usize {
    if code < 0 {
        return 0;
    }
    let mut width = 1;
    while code >= FIRST[width + 1] {
        width += 1;
    }
    width
}

/// The numeric value, zero-padding forgotten.
pub(super) fn value(code: Code) -> i128 {
    if code < 0 {
        code
    } else {
        code - FIRST[width(code)]
    }
}

/// How many digits a number that is not negative has without padding.
pub(super) fn natural_width(value: i128) -> usize {
    let mut width = 1;
    while width < MAX_WIDTH && value >= power(width) {
        width += 1;
    }
    width
}

/// Whether the code's string begins with a zero that is not its only digit.
pub(super) fn is_padded(code: Code) -> bool {
    let width = width(code);
    width > 1 && code - FIRST[width] < power(width - 1)
}

/// The last code that has as many digits as `code`; -1 for a negative one.
pub(super) fn last_of_width(code: Code) -> Code {
    if code < 0 {
        -1
    } else {
        FIRST[width(code) + 1] - 1
    }
}

/// Appends the string a code stands for.
pub(super) fn write(code: Code, out: &mut String) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = match width(code) {
        0 => write!(out, "{code}"),
        width => write!(out, "{:0width$}", code - FIRST[width]),
    };
}

/// The string a code stands for.
pub(super) fn text(code: Code) -> String {
    let mut out = String::new();
    write(code, &mut out);
    out
}

/// A key that orders codes as their strings are ordered character by character (`10` before `9`).
pub(super) fn text_order(code: Code) -> (bool, i128, usize) {
    let digits = natural_width(code.unsigned_abs().cast_signed());
    match width(code) {
        0 => (
            false,
            code.saturating_abs() * power(MAX_WIDTH - digits),
            digits,
        ),
        width => (
            true,
            (code - FIRST[width]) * power(MAX_WIDTH - width),
            width,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_string_comes_back_as_it_was() {
        for string in [
            "0",
            "9",
            "00",
            "09",
            "10",
            "99",
            "000",
            "0000000001",
            "18446744073709551616",
        ] {
            assert_eq!(text(parse(string).unwrap()), string);
        }
        assert_eq!(text(parse(&"9".repeat(37)).unwrap()), "9".repeat(37));
        assert_eq!(parse(&"9".repeat(38)), None);
        assert_eq!(text(-12), "-12");
    }

    #[test]
    fn codes_order_by_length_then_value() {
        let order = ["0", "9", "00", "09", "10", "99", "000", "100"];
        assert!(order.windows(2).all(|w| parse(w[0]) < parse(w[1])));
    }

    #[test]
    fn text_order_is_the_order_of_strings() {
        let strings = ["0", "00", "01", "1", "10", "100", "11", "2", "9", "99"];
        assert!(
            strings
                .windows(2)
                .all(|w| { text_order(parse(w[0]).unwrap()) < text_order(parse(w[1]).unwrap()) })
        );
        assert!(text_order(-12) < text_order(-5) && text_order(-5) < text_order(0));
    }
}
