//! How many hosts each batch has: the arithmetic of Ansible's `serial`.
//!
//! A number is so many hosts. A percentage is of all hosts, cut off behind the point, but at least
//! one. When the list is used up, its last entry repeats; the last batch takes what is left.

use super::rollout::BatchSize;

impl BatchSize {
    /// The number of hosts it stands for among `hosts`.
    pub fn of(self, hosts: u32) -> u32 {
        match self {
            Self::Hosts(count) => count.max(1),
            Self::Percent(percent) => {
                // As Ansible computes it, floating point and all: 29 % of 100 are 28.
                let part = f64::from(percent) / 100.0 * f64::from(hosts);
                // Below 2^32, as the percentage is at most 100; cutting off is what is wanted.
                #[allow(clippy::cast_sign_loss)]
                let whole = part as u32;
                whole.max(1)
            }
        }
    }
}

/// Sizes as a person types them: `1,5,20%`.
///
/// # Errors
/// A sentence about the first that is none.
pub fn parse(text: &str) -> Result<Vec<BatchSize>, String> {
    text.split(',').map(|size| parse_one(size.trim())).collect()
}

fn parse_one(text: &str) -> Result<BatchSize, String> {
    let (number, size): (_, fn(u32) -> BatchSize) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim(), BatchSize::Percent),
        None => (text, BatchSize::Hosts),
    };
    match number.parse() {
        Ok(number @ 1..=100) => Ok(size(number)),
        Ok(number @ 101..) if !text.ends_with('%') => Ok(size(number)),
        _ => Err(format!(
            "{text:?} is no size of a batch; give a number of hosts, or a percentage like 20%"
        )),
    }
}

/// The sizes of all batches of `hosts` hosts; their sum is `hosts`.
pub fn batches(sizes: &[BatchSize], hosts: u32) -> Vec<u32> {
    batches_of_rest(sizes, hosts, hosts)
}

/// The sizes of the batches that are to come, when so many of all hosts are left.
pub fn batches_of_rest(sizes: &[BatchSize], hosts: u32, mut left: u32) -> Vec<u32> {
    let mut batches = Vec::new();
    let mut sizes = sizes.iter();
    let mut last = hosts.max(1);
    while left > 0 {
        last = sizes.next().map_or(last, |size| size.of(hosts));
        let batch = last.min(left);
        batches.push(batch);
        left -= batch;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use BatchSize::{Hosts, Percent};
    use proptest::prelude::*;

    #[test]
    fn the_last_size_repeats_and_the_last_batch_takes_the_rest() {
        let sizes = [Hosts(1), Hosts(5), Percent(20)];
        assert_eq!(batches(&sizes, 1929), [1, 5, 385, 385, 385, 385, 383]);
        assert_eq!(batches(&sizes, 4), [1, 3]);
        assert_eq!(batches(&[], 7), [7]);
        assert_eq!(batches(&sizes, 0), Vec::<u32>::new());
        assert_eq!(batches(&[Percent(100)], 7), [7]);
    }

    #[test]
    fn sizes_are_read_as_typed_and_what_is_left_is_cut_by_shares_of_the_whole() {
        let sizes = parse("1, 250,10%").unwrap();
        assert_eq!(sizes, [Hosts(1), Hosts(250), Percent(10)]);
        assert_eq!(batches_of_rest(&sizes, 2000, 600), [1, 250, 200, 149]);
        for bad in ["", "0", "101%", "-1", "1,,2", "x", "5 %%"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    /// What Ansible's `pct_to_int` gives: `int((percent / 100.0) * hosts) or 1`.
    #[test]
    fn percentages_round_as_those_of_ansible() {
        for (percent, hosts, expected) in [
            (30, 10, 3),
            (1, 10, 1),
            (33, 10, 3),
            (10, 9, 1),
            (29, 100, 28),
            (57, 100, 56),
            (58, 100, 57),
            (7, 100, 7),
            (50, 3, 1),
            (99, 3, 2),
            (100, 3, 3),
            (35, 20, 7),
        ] {
            assert_eq!(
                Percent(percent).of(hosts),
                expected,
                "{percent}% of {hosts}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_host_is_in_one_batch_and_sizes_are_as_written(
            sizes in prop::collection::vec(prop_oneof![(1_u32..50).prop_map(Hosts), (1_u32..=100).prop_map(Percent)], 0..5),
            hosts in 0_u32..2000,
        ) {
            let batches = batches(&sizes, hosts);
            prop_assert_eq!(batches.iter().sum::<u32>(), hosts);
            prop_assert!(batches.iter().all(|batch| *batch > 0));
            for (index, batch) in batches.iter().enumerate().take(batches.len().saturating_sub(1)) {
                let size = sizes.get(index).or(sizes.last());
                prop_assert_eq!(Some(*batch), size.map(|size| size.of(hosts)));
            }
        }
    }
}
