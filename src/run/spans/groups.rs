//! Batches that are too many are taken together, in their order.

use crate::run::event::Cut;
use crate::run::ids::HostIx;

/// Batches, or groups of batches, that are told apart.
const MOST: u32 = 40;

/// The batches of a run in groups of one size.
pub(super) struct Groups {
    /// The place behind the last host of each batch.
    ends: Vec<u32>,
    /// Batches in a group.
    size: u32,
}

impl Groups {
    /// Of these batches: as a run that was cut anew has them in the end, which are those its hosts
    /// were worked on in.
    pub fn of(cuts: &[Cut]) -> Self {
        let ends = cuts.iter().scan(0_u32, |end, cut| {
            *end = end.saturating_add(cut.hosts);
            Some(*end)
        });
        let ends: Vec<u32> = ends.collect();
        let size = number(ends.len()).div_ceil(MOST).max(1);
        Self { ends, size }
    }

    /// The group of a host; one behind the last batch is in the last.
    pub fn of_host(&self, host: HostIx) -> u32 {
        let batch = number(self.ends.partition_point(|end| *end <= host.0));
        batch.min(number(self.ends.len()).saturating_sub(1)) / self.size
    }

    /// The group of a batch that is counted from 1.
    pub fn of_batch(&self, batch: u32) -> u32 {
        batch.saturating_sub(1) / self.size
    }

    /// The first and the last batch of a group, from 1.
    pub fn batches(&self, group: u32) -> (u32, u32) {
        let first = group.saturating_mul(self.size);
        let last = first.saturating_add(self.size).min(number(self.ends.len()));
        (first.saturating_add(1), last.max(first.saturating_add(1)))
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
