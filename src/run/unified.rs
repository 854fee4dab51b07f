//! What differs between two outputs, in the unified form of `diff -u`.
//!
//! The matching is that of Python's `difflib` (longest common run first, then on both sides of it;
//! in long outputs, lines that are on every page start no run), so that `conn fold --diff` prints
//! what `clubak --diff` prints.

use std::collections::HashMap;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Comparisons of lines, at most; what is not matched by then counts as changed.
const MOST_STEPS: usize = 20_000_000;

/// A stretch of lines: `a[a_start..a_end]` became `b[b_start..b_end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    same: bool,
    a: (usize, usize),
    b: (usize, usize),
}

/// The lines of a unified diff without its two header lines; none when the outputs are equal.
pub fn unified(a: &[String], b: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for hunk in hunks(changes(a, b)) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
            continue;
        };
        lines.push(format!(
            "@@ -{} +{} @@",
            range(first.a.0, last.a.1),
            range(first.b.0, last.b.1)
        ));
        for change in hunk {
            let (old, new) = (&a[change.a.0..change.a.1], &b[change.b.0..change.b.1]);
            if change.same {
                lines.extend(old.iter().map(|line| format!(" {line}")));
            } else {
                lines.extend(old.iter().map(|line| format!("-{line}")));
                lines.extend(new.iter().map(|line| format!("+{line}")));
            }
        }
    }
    lines
}

fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}

/// A common run: `length` lines from `a` and `b` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    a: usize,
    b: usize,
    length: usize,
}

struct Matcher<'l> {
    a: &'l [String],
    b: &'l [String],
    /// Where each line stands in `b`.
    places: HashMap<&'l str, Vec<usize>>,
    steps: usize,
}

impl<'l> Matcher<'l> {
    fn new(a: &'l [String], b: &'l [String]) -> Self {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, line) in b.iter().enumerate() {
            places.entry(line).or_default().push(place);
        }
        if b.len() >= 200 {
            places.retain(|_, at| at.len() <= b.len() / 100 + 1);
        }
        Self {
            a,
            b,
            places,
            steps: 0,
        }
    }

    /// The longest common run in two stretches, the earliest one of several.
    fn longest(&mut self, a: (usize, usize), b: (usize, usize)) -> Run {
        let mut best = Run {
            a: a.0,
            b: b.0,
            length: 0,
        };
        // Lengths of the runs that end at the line before, by their end in `b`.
        let mut lengths: HashMap<usize, usize> = HashMap::new();
        for at in a.0..a.1 {
            let mut next = HashMap::new();
            let places = self
                .places
                .get(self.a[at].as_str())
                .map(Vec::as_slice)
                .unwrap_or_default();
            let start = places.partition_point(|&place| place < b.0);
            for &place in places[start..].iter().take_while(|&&place| place < b.1) {
                let before = place.checked_sub(1).and_then(|before| lengths.get(&before));
                let length = before.copied().unwrap_or(0) + 1;
                next.insert(place, length);
                if length > best.length {
                    best = Run {
                        a: at + 1 - length,
                        b: place + 1 - length,
                        length,
                    };
                }
                self.steps += 1;
            }
            if self.steps > MOST_STEPS {
                break;
            }
            lengths = next;
        }
        self.extended(best, a, b)
    }

    /// The run with equal lines on both sides that start no run themselves.
    fn extended(&self, mut run: Run, a: (usize, usize), b: (usize, usize)) -> Run {
        while run.a > a.0 && run.b > b.0 && self.a[run.a - 1] == self.b[run.b - 1] {
            run = Run {
                a: run.a - 1,
                b: run.b - 1,
                length: run.length + 1,
            };
        }
        let end = |run: Run| (run.a + run.length, run.b + run.length);
        while end(run).0 < a.1 && end(run).1 < b.1 && self.a[end(run).0] == self.b[end(run).1] {
            run.length += 1;
        }
        run
    }

    /// All common runs, in order, neighbours joined.
    fn runs(&mut self) -> Vec<Run> {
        let mut open = vec![((0, self.a.len()), (0, self.b.len()))];
        let mut runs = Vec::new();
        while let Some((a, b)) = open.pop() {
            let run = self.longest(a, b);
            if run.length == 0 || self.steps > MOST_STEPS {
                continue;
            }
            runs.push(run);
            if a.0 < run.a && b.0 < run.b {
                open.push(((a.0, run.a), (b.0, run.b)));
            }
            let (a_end, b_end) = (run.a + run.length, run.b + run.length);
            if a_end < a.1 && b_end < b.1 {
                open.push(((a_end, a.1), (b_end, b.1)));
            }
        }
        runs.sort_unstable();
        runs.dedup_by(|next, kept| {
            let joins = kept.a + kept.length == next.a && kept.b + kept.length == next.b;
            if joins {
                kept.length += next.length;
            }
            joins
        });
        runs
    }
}

/// The way from `a` to `b`: same and changed stretches in turn.
fn changes(a: &[String], b: &[String]) -> Vec<Change> {
    let mut runs = Matcher::new(a, b).runs();
    runs.push(Run {
        a: a.len(),
        b: b.len(),
        length: 0,
    });
    let (mut in_a, mut in_b) = (0, 0);
    let mut changes = Vec::new();
    for run in runs {
        if in_a < run.a || in_b < run.b {
            changes.push(Change {
                same: false,
                a: (in_a, run.a),
                b: (in_b, run.b),
            });
        }
        (in_a, in_b) = (run.a + run.length, run.b + run.length);
        if run.length > 0 {
            changes.push(Change {
                same: true,
                a: (run.a, in_a),
                b: (run.b, in_b),
            });
        }
    }
    changes
}

/// Changes with a few lines around them; those close to each other in one hunk.
fn hunks(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut hunks = Vec::new();
    let mut hunk: Vec<Change> = Vec::new();
    let count = changes.len();
    for (position, change) in changes.into_iter().enumerate() {
        if !change.same {
            hunk.push(change);
            continue;
        }
        let head = Change {
            a: (change.a.0, change.a.1.min(change.a.0 + CONTEXT)),
            b: (change.b.0, change.b.1.min(change.b.0 + CONTEXT)),
            ..change
        };
        let tail = Change {
            a: (
                change.a.0.max(change.a.1.saturating_sub(CONTEXT)),
                change.a.1,
            ),
            b: (
                change.b.0.max(change.b.1.saturating_sub(CONTEXT)),
                change.b.1,
            ),
            ..change
        };
        if position == 0 {
            hunk.push(tail);
        } else if position + 1 == count {
            hunk.push(head);
        } else if change.a.1 - change.a.0 > 2 * CONTEXT {
            hunk.push(head);
            hunks.push(std::mem::take(&mut hunk));
            hunk.push(tail);
        } else {
            hunk.push(change);
        }
    }
    if hunk.iter().any(|change| !change.same) {
        hunks.push(hunk);
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn changes_are_shown_with_three_lines_around_them() {
        let diff = unified(&lines("1 2 3 4 5 6 7 8 9"), &lines("1 2 3 4 x 6 7 8 9"));
        assert_eq!(
            diff,
            [
                "@@ -2,7 +2,7 @@",
                " 2",
                " 3",
                " 4",
                "-5",
                "+x",
                " 6",
                " 7",
                " 8"
            ]
        );
        assert_eq!(unified(&lines("a b"), &lines("a b")), [] as [&str; 0]);
        assert_eq!(unified(&lines(""), &lines("a")), ["@@ -0,0 +1 @@", "+a"]);
    }

    #[test]
    fn outputs_that_are_too_different_to_compare_still_end() {
        let a: Vec<String> = (0..3_000).map(|n| format!("{}", n % 199)).collect();
        let b: Vec<String> = (0..3_000).map(|n| format!("{}", n * 7 % 199)).collect();
        assert!(!unified(&a, &b).is_empty());
    }
}
