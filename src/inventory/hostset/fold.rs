//! From a host set to its text.

use super::nd::{NdSet, Vector};
use super::pattern::Pieces;
use super::rangeset::RangeSet;
use super::{HostSet, Numbers};

/// How to fold; the default is as short as can be, without steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoldStyle {
    /// The least number of hosts at one distance that is written with a step (`n[0-8/2]`).
    pub autostep: Option<i64>,
    /// The dimensions that may be written in brackets, from 0, or from -1 backwards; `None` is all.
    pub axes: Option<Vec<i64>>,
}

impl HostSet {
    /// The shortest text that names these hosts.
    pub fn fold(&self) -> String {
        self.fold_as(&FoldStyle::default())
    }

    /// The text that names these hosts, in a given style.
    pub fn fold_as(&self, style: &FoldStyle) -> String {
        let mut texts = Vec::new();
        for (pattern, numbers) in &self.patterns {
            let pieces = pattern.pieces();
            match numbers {
                Numbers::None => texts.push(pieces.name(&[])),
                Numbers::One(set) => {
                    let shown = style.show(set, 0, 1);
                    texts.extend(shown.iter().map(|text| pieces.fill(&[text])));
                }
                Numbers::Many(set) => style.push_many(set, &pieces, &mut texts),
            }
        }
        texts.join(",")
    }
}

impl FoldStyle {
    fn may_fold(&self, axis: usize, dimensions: usize) -> bool {
        let Some(wanted) = &self.axes else {
            return true;
        };
        let is_this = |at: &i64| match usize::try_from(*at) {
            Ok(from_start) => from_start == axis,
            Err(_) => at.checked_add_unsigned(dimensions as u64) == i64::try_from(axis).ok(),
        };
        wanted.iter().any(is_this)
    }

    /// The texts that stand for a set of numbers: one in brackets, or each number for itself.
    fn show(&self, set: &RangeSet, axis: usize, dimensions: usize) -> Vec<String> {
        if set.len() == 1 {
            return set.iter().collect();
        }
        if self.may_fold(axis, dimensions) {
            return vec![format!("[{}]", set.fold(self.autostep))];
        }
        set.iter().collect()
    }

    fn push_many(&self, set: &NdSet, pieces: &Pieces, texts: &mut Vec<String>) {
        for vector in set.vectors() {
            texts.extend(
                self.combinations(vector)
                    .iter()
                    .map(|shown| pieces.fill(shown)),
            );
        }
    }

    /// All combinations of the texts of each dimension, the first dimension fastest.
    fn combinations(&self, vector: &Vector) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = vec![Vec::new()];
        for (axis, set) in vector.iter().enumerate() {
            let shown = self.show(set, axis, vector.len());
            let extended = |text: &String| -> Vec<Vec<String>> {
                let with = |row: &Vec<String>| row.iter().chain([text]).cloned().collect();
                rows.iter().map(with).collect()
            };
            rows = shown.iter().flat_map(extended).collect();
        }
        rows
    }
}
