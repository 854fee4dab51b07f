//! The order in which hosts are taken, and which of them share a batch.

use std::collections::BTreeMap;

use super::rollout::HostOrder;

/// A host as a plan sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Host {
    /// Its name.
    pub name: std::sync::Arc<str>,
    /// What the inventory says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The values of its groups and its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, serde_json::Value>,
}

/// Why hosts cannot be spread.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "batch {batch} is to have {size} hosts, no two with one {label}, but only {values} values of {label} \
     have hosts left; make its batches smaller, or take spread = {label:?} away"
)]
pub struct SpreadError {
    /// The batch, from 1.
    pub batch: usize,
    /// Its size.
    pub size: u32,
    /// The values that had hosts left.
    pub values: usize,
    /// The label.
    pub label: String,
}

/// Indices of `hosts` hosts in the order of work. The same seed gives the same order, today and
/// with any later version.
pub fn order(order: HostOrder, hosts: usize, seed: u64) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..hosts).collect();
    if order == HostOrder::Shuffled {
        shuffle(&mut indices, seed);
    }
    indices
}

/// Fisher and Yates, from the end, with numbers of splitmix64.
fn shuffle(indices: &mut [usize], seed: u64) {
    let mut state = seed;
    for last in (1..indices.len()).rev() {
        let below = last as u128 + 1;
        let chosen = (u128::from(splitmix64(&mut state)) * below) >> 64;
        // Less than `below`, which came from a usize.
        indices.swap(last, usize::try_from(chosen).unwrap_or(last));
    }
}

/// The next number of Steele, Lea and Flood's splitmix64.
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut number = *state;
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Cuts an order into batches of these sizes.
pub fn cut(order: &[usize], sizes: &[u32]) -> Vec<Vec<usize>> {
    let mut rest = order.iter().copied();
    let batch = |size: &u32| rest.by_ref().take(*size as usize).collect();
    sizes.iter().map(batch).collect()
}

/// Batches of these sizes in which no two hosts have one value of `label`. Hosts without the label
/// are each on their own.
///
/// Each batch takes the values with the most hosts left, and of those with equally many the one
/// whose host comes first; so a way is found whenever there is one (Gale and Ryser).
///
/// # Errors
/// The batch for which there is none.
pub fn spread(
    order: &[usize],
    sizes: &[u32],
    hosts: &[Host],
    label: &str,
) -> Result<Vec<Vec<usize>>, SpreadError> {
    let mut left = Values::new(order, hosts, label);
    let mut batches = Vec::with_capacity(sizes.len());
    for (index, size) in sizes.iter().enumerate() {
        let batch = left.take(*size as usize).map_err(|values| SpreadError {
            batch: index + 1,
            size: *size,
            values,
            label: label.to_owned(),
        })?;
        batches.push(batch);
    }
    Ok(batches)
}

/// The hosts that are left, by value of the label.
struct Values {
    /// For each value, the places of its hosts in the order, the last first.
    places: Vec<Vec<usize>>,
    /// Values by how many hosts they have left (most first), then by the place of the next.
    queue: std::collections::BTreeSet<(std::cmp::Reverse<usize>, usize, usize)>,
    order: Vec<usize>,
}

impl Values {
    fn new(order: &[usize], hosts: &[Host], label: &str) -> Self {
        let mut by_value: BTreeMap<&str, usize> = BTreeMap::new();
        let mut places: Vec<Vec<usize>> = Vec::new();
        for (place, host) in order.iter().enumerate().rev() {
            let value = hosts.get(*host).and_then(|host| host.labels.get(label));
            let fresh = places.len();
            let at = value.map_or(fresh, |value| *by_value.entry(value).or_insert(fresh));
            if at == fresh {
                places.push(Vec::new());
            }
            places[at].push(place);
        }
        let mut values = Self {
            places,
            queue: std::collections::BTreeSet::new(),
            order: order.to_vec(),
        };
        for value in 0..values.places.len() {
            values.enqueue(value);
        }
        values
    }

    fn enqueue(&mut self, value: usize) {
        let places = &self.places[value];
        if let Some(next) = places.last() {
            self.queue
                .insert((std::cmp::Reverse(places.len()), *next, value));
        }
    }

    /// One host of each of `size` values, in the order of work; else how many values there are.
    fn take(&mut self, size: usize) -> Result<Vec<usize>, usize> {
        if self.queue.len() < size {
            return Err(self.queue.len());
        }
        let values: Vec<usize> = (0..size)
            .filter_map(|_| self.queue.pop_first())
            .map(|(.., value)| value)
            .collect();
        let mut batch: Vec<usize> = values
            .iter()
            .filter_map(|value| self.places[*value].pop())
            .collect();
        for value in values {
            self.enqueue(value);
        }
        batch.sort_unstable();
        Ok(batch.into_iter().map(|place| self.order[place]).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn host(index: usize, rack: Option<u8>) -> Host {
        Host {
            name: format!("h{index}").into(),
            labels: rack
                .map(|rack| ("rack".to_owned(), rack.to_string()))
                .into_iter()
                .collect(),
            vars: BTreeMap::new(),
        }
    }

    fn hosts(racks: &[Option<u8>]) -> Vec<Host> {
        racks
            .iter()
            .enumerate()
            .map(|(index, rack)| host(index, *rack))
            .collect()
    }

    /// These orders are a promise: an engine of another version must make the same.
    #[test]
    fn a_seed_gives_the_same_order_for_ever() {
        let mut state = 1_234_567;
        let numbers = [splitmix64(&mut state), splitmix64(&mut state)];
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
        assert_eq!(order(HostOrder::Inventory, 3, 9), [0, 1, 2]);
        assert_eq!(
            order(HostOrder::Shuffled, 10, 42),
            [8, 3, 6, 5, 4, 0, 9, 2, 1, 7]
        );
        assert_eq!(
            order(HostOrder::Shuffled, 10, 43),
            [4, 9, 2, 1, 6, 0, 8, 3, 5, 7]
        );
    }

    #[test]
    fn hosts_of_one_rack_are_kept_apart() {
        let hosts = hosts(&[Some(1), Some(1), Some(1), Some(2), Some(2), None]);
        let batches = spread(&[0, 1, 2, 3, 4, 5], &[2, 2, 2], &hosts, "rack").unwrap();
        assert_eq!(batches, [[0, 3], [1, 4], [2, 5]]);
        let error = spread(&[0, 1, 2, 3, 4, 5], &[1, 5], &hosts, "rack").unwrap_err();
        assert_eq!(
            error.to_string(),
            "batch 2 is to have 5 hosts, no two with one rack, but only 3 values of rack have hosts left; \
             make its batches smaller, or take spread = \"rack\" away"
        );
    }

    /// Whether hosts can be spread at all, by trying every way.
    fn feasible(counts: &mut [u32], sizes: &[u32]) -> bool {
        let Some((size, rest)) = sizes.split_first() else {
            return counts.iter().all(|count| *count == 0);
        };
        (0_u32..1 << counts.len())
            .filter(|set| set.count_ones() == *size)
            .any(|set| {
                let chosen = |at: usize| set & (1 << at) != 0;
                if (0..counts.len()).any(|at| chosen(at) && counts[at] == 0) {
                    return false;
                }
                let mut left: Vec<u32> = counts
                    .iter()
                    .enumerate()
                    .map(|(at, count)| count - u32::from(chosen(at)))
                    .collect();
                feasible(&mut left, rest)
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn hosts_are_spread_exactly_when_they_can_be(
            racks in prop::collection::vec(0_u8..5, 1..10), first in 1_u32..4, next in 1_u32..5, seed: u64,
        ) {
            let total = u32::try_from(racks.len()).unwrap();
            let sizes = crate::flow::batches::batches(&[crate::flow::rollout::BatchSize::Hosts(first), crate::flow::rollout::BatchSize::Hosts(next)], total);
            let hosts = hosts(&racks.iter().map(|rack| Some(*rack)).collect::<Vec<_>>());
            let order = order(HostOrder::Shuffled, hosts.len(), seed);
            let mut counts = vec![0_u32; 5];
            for rack in &racks {
                counts[usize::from(*rack)] += 1;
            }
            match spread(&order, &sizes, &hosts, "rack") {
                Err(_) => prop_assert!(!feasible(&mut counts, &sizes)),
                Ok(batches) => {
                    let lengths: Vec<u32> = batches.iter().map(|batch| u32::try_from(batch.len()).unwrap()).collect();
                    prop_assert_eq!(lengths, sizes);
                    let all: BTreeSet<usize> = batches.iter().flatten().copied().collect();
                    prop_assert_eq!(all.len(), hosts.len());
                    for batch in &batches {
                        let values: BTreeSet<_> = batch.iter().map(|host| &hosts[*host].labels["rack"]).collect();
                        prop_assert_eq!(values.len(), batch.len());
                    }
                }
            }
        }

        #[test]
        fn a_shuffle_keeps_every_host(count in 0_usize..300, seed: u64) {
            let mut shuffled = order(HostOrder::Shuffled, count, seed);
            prop_assert_eq!(&shuffled, &order(HostOrder::Shuffled, count, seed));
            shuffled.sort_unstable();
            prop_assert_eq!(shuffled, (0..count).collect::<Vec<_>>());
        }
    }
}
