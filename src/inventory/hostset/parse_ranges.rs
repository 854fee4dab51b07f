//! From the text inside brackets (`1-5,08-10,0-20/5`) to a set of indexes.

use std::ops::Range;

use super::digits::{self, MAX_WIDTH};
use super::error::{Fault, HostSetError, MAX_HOSTS, Problem};
use super::fold_ranges::push_range;
use super::rangeset::{RangeSet, Span};

/// The most separate pieces one set may have: each costs memory, unlike the length of a range.
const MAX_PIECES: usize = 1_000_000;

impl RangeSet {
    /// Reads `ClusterShell`'s range notation: `1-5,08-10,0-20/5`, negative numbers included.
    pub fn parse(text: &str) -> Result<Self, HostSetError> {
        parse(text).map_err(|fault| fault.in_text(text))
    }

    /// Each index with `lead` written before its digits and `trail` after them.
    pub(super) fn with_digits(&self, lead: &str, trail: &str) -> Result<Self, Problem> {
        if lead.is_empty() && trail.is_empty() {
            return Ok(self.clone());
        }
        let mut spans = Vec::new();
        for segment in self.segments() {
            push_wrapped(segment, lead, trail, &mut spans)?;
        }
        Ok(Self::from_spans(spans))
    }
}

/// The set a range text names, or the place of its fault in it.
pub(super) fn parse(text: &str) -> Result<RangeSet, Fault> {
    let mut spans = Vec::new();
    let mut start = 0;
    for part in text.split(',') {
        let at = start..start + part.len();
        start = at.end + 1;
        let part = Part::parse(part.trim()).map_err(|problem| fault(problem, text, at.clone()))?;
        part.push(&mut spans)
            .map_err(|problem| fault(problem, text, at))?;
    }
    let set = RangeSet::from_spans(spans);
    if set.len() > MAX_HOSTS {
        return Err(Fault::new(Problem::TooLarge, 0..text.len()));
    }
    Ok(set)
}

/// An empty part has no text to show: its surroundings are shown then.
fn fault(problem: Problem, text: &str, at: Range<usize>) -> Fault {
    Fault::new(problem, if at.is_empty() { 0..text.len() } else { at })
}

/// One comma-separated part: `first-last/step`, all numbers at least `pad` digits long.
struct Part {
    first: i128,
    last: i128,
    step: i128,
    pad: usize,
}

impl Part {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::EmptyRange);
        }
        let (base, step) = match text.split_once('/') {
            Some((base, step)) => (
                base.trim(),
                number(step.trim()).map_err(|_| Problem::BadStep)?,
            ),
            None => (text, 1),
        };
        // The separating dash is the first one that is not a sign.
        let dash = base
            .bytes()
            .skip(1)
            .position(|b| b == b'-')
            .map(|at| at + 1);
        let Some(dash) = dash else {
            let one = Self::bounds(base, base)?;
            return if step == 1 {
                Ok(one)
            } else {
                Err(Problem::BadStep)
            };
        };
        let range = Self::bounds(base[..dash].trim(), base[dash + 1..].trim())?;
        if step < 1 {
            return Err(Problem::BadStep);
        }
        Ok(Self { step, ..range })
    }

    fn bounds(first: &str, last: &str) -> Result<Self, Problem> {
        let (low, high) = (signed(first)?, signed(last)?);
        let pad = if is_padded(first) || is_padded(last) {
            first.len()
        } else {
            0
        };
        if pad > 0 && (low < 0 || first.len() != last.len()) {
            return Err(Problem::PaddingMismatch);
        }
        if low > high {
            return Err(Problem::Backwards);
        }
        Ok(Self {
            first: low,
            last: high,
            step: 1,
            pad,
        })
    }

    fn push(&self, spans: &mut Vec<Span>) -> Result<(), Problem> {
        let count = (self.last - self.first) / self.step + 1;
        let pieces = if self.step == 1 { 1 } else { count };
        let room = MAX_PIECES.saturating_sub(spans.len());
        if count > MAX_HOSTS as i128 || pieces > room as i128 {
            return Err(Problem::TooLarge);
        }
        if self.step == 1 {
            push_range(self.first, self.last, self.pad, spans);
            return Ok(());
        }
        for nth in 0..count {
            let value = self.first + nth * self.step;
            push_range(value, value, self.pad, spans);
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<i128, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::NotANumber);
    }
    if text.len() > MAX_WIDTH {
        return Err(Problem::TooLong);
    }
    text.parse().map_err(|_| Problem::TooLong)
}

fn signed(text: &str) -> Result<i128, Problem> {
    match text.strip_prefix('-') {
        Some(digits) if is_padded(digits) => Err(Problem::PaddingMismatch),
        Some(digits) => number(digits).map(|value| -value),
        None => number(text),
    }
}

fn is_padded(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

/// Appends the codes of `lead + index + trail` for each index of a segment.
fn push_wrapped(
    segment: Span,
    lead: &str,
    trail: &str,
    spans: &mut Vec<Span>,
) -> Result<(), Problem> {
    let width = digits::width(segment.first);
    if width == 0 {
        return Err(Problem::NegativeWithDigits);
    }
    let total = lead.len() + width + trail.len();
    if total > MAX_WIDTH {
        return Err(Problem::TooLong);
    }
    let base = if lead.is_empty() {
        0
    } else {
        number(lead)? * digits::power(width + trail.len())
    };
    let end = if trail.is_empty() { 0 } else { number(trail)? };
    let code = |code| {
        let value = digits::value(code) * digits::power(trail.len());
        digits::encode(total, base + value + end)
    };
    if trail.is_empty() {
        spans.push(Span {
            first: code(segment.first),
            last: code(segment.last),
        });
        return Ok(());
    }
    if segment.last - segment.first >= MAX_PIECES as i128 {
        return Err(Problem::TooLarge);
    }
    spans.extend((segment.first..=segment.last).map(|at| Span {
        first: code(at),
        last: code(at),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(set: &RangeSet) -> Vec<String> {
        set.iter().collect()
    }

    #[test]
    fn padding_steps_and_signs_are_read() {
        assert_eq!(texts(&parse("08-11/2, 3").unwrap()), ["3", "08", "10"]);
        assert_eq!(texts(&parse("-2-1").unwrap()), ["-2", "-1", "0", "1"]);
        assert_eq!(texts(&parse("-3--2").unwrap()), ["-3", "-2"]);
        assert_eq!(texts(&parse(" 1 - 2 ").unwrap()), ["1", "2"]);
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        let fault = |text: &str| parse(text).unwrap_err();
        assert_eq!(fault("1,x-2"), Fault::new(Problem::NotANumber, 2..5));
        assert_eq!(fault("5-3").problem, Problem::Backwards);
        assert_eq!(fault("01-100").problem, Problem::PaddingMismatch);
        assert_eq!(fault("1-010").problem, Problem::PaddingMismatch);
        assert_eq!(fault("1-3/0").problem, Problem::BadStep);
        assert_eq!(fault("3/2").problem, Problem::BadStep);
        assert_eq!(fault("").problem, Problem::EmptyRange);
        assert_eq!(fault("1,,2").problem, Problem::EmptyRange);
        assert_eq!(fault("1-").problem, Problem::NotANumber);
        assert_eq!(fault("1-2-3").problem, Problem::NotANumber);
        assert_eq!(fault("1-99999999999").problem, Problem::TooLarge);
        assert_eq!(fault("0-9000000/2").problem, Problem::TooLarge);
        assert_eq!(fault(&"9".repeat(38)).problem, Problem::TooLong);
    }

    #[test]
    fn digits_around_a_bracket_join_its_indexes() {
        let around =
            |lead, inner, trail| texts(&parse(inner).unwrap().with_digits(lead, trail).unwrap());
        assert_eq!(around("1", "8-11", ""), ["18", "19", "110", "111"]);
        assert_eq!(around("", "0-2", "5"), ["05", "15", "25"]);
        assert_eq!(around("0", "08-09", "1"), ["0081", "0091"]);
        assert_eq!(
            parse("-1").unwrap().with_digits("1", ""),
            Err(Problem::NegativeWithDigits)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_or_grows_without_bound(text in "[-0-9,/ x]{0,40}") {
            if let Ok(set) = parse(&text) {
                prop_assert!(set.len() <= MAX_HOSTS && set.spans().len() <= 2 * MAX_PIECES);
                if set.len() < 1000 {
                    prop_assert_eq!(parse(&set.fold(None)).unwrap(), set);
                }
            }
        }
    }
}
