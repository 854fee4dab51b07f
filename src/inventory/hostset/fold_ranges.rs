//! From a set of indexes to its shortest text: `1-5,08-10`, with steps when asked for.
//!
//! The rules are `ClusterShell`'s, down to where a run may end, so that both print the same text:
//! zero-padded indexes of different lengths never share a range; unpadded ones may (`8-12`); and a
//! step is used from `autostep` indexes at one distance on.

use std::fmt::Write as _;

use super::digits;
use super::rangeset::{RangeSet, Span};

/// One piece of folded text: `first-last/step`, every number at least `pad` digits long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    first: i128,
    last: i128,
    step: i128,
    pad: usize,
}

/// Walks indexes in order and cuts them into slices.
///
/// `padded` belongs to the run being walked, not to the index at hand: a run that began with a
/// padded index stays strict about length even while its later indexes need no zero.
struct Slicer {
    /// Distances, at least, that a run needs before it is written with a step; `None`: never.
    least_steps: Option<i128>,
    slices: Vec<Slice>,
    run: Option<Run>,
}

#[derive(Clone, Copy)]
struct Run {
    first: i128,
    last: i128,
    step: Option<i128>,
    padded: bool,
    width: usize,
}

impl Run {
    fn start(value: i128, width: usize, padded: bool) -> Self {
        Self {
            first: value,
            last: value,
            step: None,
            padded,
            width,
        }
    }

    fn pad(&self) -> usize {
        if self.padded { self.width } else { 0 }
    }
}

impl Slicer {
    /// Whether the run may be written as one slice.
    fn is_whole(&self, run: &Run) -> bool {
        match (run.step, self.least_steps) {
            (None | Some(1), _) => true,
            (Some(_), None) => false,
            (Some(step), Some(least)) => run.last - run.first >= least.saturating_mul(step),
        }
    }

    /// Writes the run's indexes below `end`: as one slice or each for itself.
    fn flush(&mut self, run: &Run, end: i128) {
        let step = run.step.unwrap_or(1);
        if self.is_whole(run) {
            self.slices.push(Slice {
                first: run.first,
                last: run.last,
                step,
                pad: run.pad(),
            });
            return;
        }
        let mut at = run.first;
        while at < end {
            self.slices.push(Slice {
                first: at,
                last: at,
                step: 1,
                pad: run.pad(),
            });
            at += step;
        }
    }

    fn feed(&mut self, value: i128, width: usize, padded: bool) {
        let Some(mut run) = self.run.take() else {
            self.run = Some(Run::start(value, width, padded));
            return;
        };
        let gap = value - run.last;
        let other_padding = if run.padded {
            width != run.width
        } else {
            padded
        };
        if other_padding {
            self.flush(&run, run.last + 1);
            self.run = Some(Run::start(value, width, padded));
            return;
        }
        if let Some(step) = run.step.filter(|&step| step != gap) {
            let whole = self.is_whole(&run);
            // What is not written as a whole keeps its last index, which may begin the next run.
            self.flush(&run, run.last - step + 1);
            run = if whole {
                Run::start(value, width, padded)
            } else {
                Run {
                    first: run.last,
                    ..run
                }
            };
        }
        self.run = Some(Run {
            last: value,
            step: Some(gap),
            ..run
        });
    }

    fn feed_segment(&mut self, segment: Span) {
        let width = digits::width(segment.first);
        let first = digits::value(segment.first);
        let last = first + (segment.last - segment.first);
        self.feed(first, width, digits::is_padded(segment.first));
        if first < last {
            self.feed(first + 1, width, digits::is_padded(segment.first + 1));
            // From here on the run goes by ones: its end can be set at once.
            if let Some(run) = &mut self.run {
                run.last = last;
            }
        }
    }

    fn finish(mut self) -> Vec<Slice> {
        if let Some(run) = self.run.take() {
            self.flush(&run, run.last + 1);
        }
        self.slices
    }
}

impl RangeSet {
    fn slices(&self, autostep: Option<i64>) -> Vec<Slice> {
        let least_steps = autostep.map(|count| i128::from(count) - 1);
        let mut slicer = Slicer {
            least_steps,
            slices: Vec::new(),
            run: None,
        };
        for segment in self.segments() {
            slicer.feed_segment(segment);
        }
        slicer.finish()
    }

    /// The folded text; `autostep` is the least number of indexes for `a-b/step`.
    pub fn fold(&self, autostep: Option<i64>) -> String {
        let mut out = String::new();
        for (position, slice) in self.slices(autostep).iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            slice.write(&mut out);
        }
        out
    }

    /// One set for each unbroken range.
    pub fn contiguous(&self) -> Vec<Self> {
        self.slices(None)
            .iter()
            .map(|slice| Self::from_spans(slice.spans()))
            .collect()
    }

    /// The ranges as numbers, `(first, last)`, padding forgotten: positions for slicing a set.
    pub fn positions(&self) -> Vec<(i128, i128)> {
        self.slices(None)
            .iter()
            .map(|slice| (slice.first, slice.last))
            .collect()
    }
}

impl Slice {
    fn write(&self, out: &mut String) {
        let Self {
            first,
            last,
            step,
            pad,
        } = *self;
        // Writing to a String cannot fail.
        let _ = if first == last {
            write!(out, "{first:0pad$}")
        } else if step == 1 {
            write!(out, "{first:0pad$}-{last:0pad$}")
        } else {
            write!(out, "{first:0pad$}-{last:0pad$}/{step}")
        };
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        push_range(self.first, self.last, self.pad, &mut spans);
        spans
    }
}

/// Appends the spans of all numbers `first..=last` written with at least `pad` digits.
pub(super) fn push_range(first: i128, last: i128, pad: usize, spans: &mut Vec<Span>) {
    if first < 0 {
        spans.push(Span {
            first,
            last: last.min(-1),
        });
    }
    let mut from = first.max(0);
    while from <= last {
        let width = digits::natural_width(from).max(pad);
        let to = last.min(digits::power(width) - 1);
        spans.push(Span {
            first: digits::encode(width, from),
            last: digits::encode(width, to),
        });
        from = to + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str, autostep: Option<i64>) -> String {
        RangeSet::parse(text).unwrap().fold(autostep)
    }

    #[test]
    fn ranges_fold_back_to_their_text() {
        for text in [
            "1",
            "0-9",
            "1-100000",
            "08-12",
            "-5-3",
            "1-5,10,20-30",
            "5-9,05-10,100-200,00100",
        ] {
            assert_eq!(fold(text, None), text);
        }
    }

    #[test]
    fn indexes_of_different_padding_never_share_a_range() {
        assert_eq!(fold("09,10,11,100", None), "09-11,100");
        assert_eq!(fold("99,100,08", None), "08,99,100");
        assert_eq!(fold("08-09,99,100", None), "08-09,99-100");
    }

    #[test]
    fn steps_appear_from_the_threshold_on() {
        assert_eq!(fold("1,3,5", None), "1,3,5");
        assert_eq!(fold("1,3,5", Some(3)), "1-5/2");
        assert_eq!(fold("1,3,5", Some(4)), "1,3,5");
        assert_eq!(fold("1-3,5,7,9", Some(3)), "1-3,5-9/2");
    }

    #[test]
    fn unbroken_ranges_come_apart() {
        let sets = RangeSet::parse("1-3,5,08-10").unwrap().contiguous();
        let texts: Vec<_> = sets.iter().map(|set| set.fold(None)).collect();
        assert_eq!(texts, ["1-3", "5", "08-10"]);
    }
}
