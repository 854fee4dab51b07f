//! Hosts gathered under identical output, while it comes in.
//!
//! Outputs form a tree: each node is a line after the lines above it, each host stands at the line
//! it said last. A line that hosts have in common, after common lines, is stored once; hosts at one
//! node have said the same. Adding a line costs its length, however many hosts and lines there are.
//! Lines are compared byte by byte: hosts decide what they print, so a hash alone proves nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use sha2::{Digest as _, Sha256};

/// A line after the lines above it; equal for hosts with identical output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(u32);

/// The place before the first line.
const START: Place = Place(0);

/// Hosts that said the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The hosts, by number.
    pub hosts: Vec<u32>,
    /// Where their common output ends, as far as it is kept.
    pub place: Place,
    /// Lines that followed and are not kept: too much was said in all.
    pub lines_lost: u64,
}

struct Node {
    parent: Place,
    /// Where the line is in the text.
    start: usize,
    end: usize,
    last_child: Option<Place>,
    /// The child of the same parent that came before this one.
    previous: Option<Place>,
    children: u32,
    /// Another child of the same parent whose line has the same hash.
    same_hash: Option<Place>,
}

/// Where a host stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stand {
    Kept(Place),
    /// Past what is kept: the digest of the lines since then tells outputs apart.
    Lost {
        place: Place,
        lines: u64,
        digest: [u8; 32],
    },
}

/// Gathers the output lines of many hosts.
pub struct Gather {
    nodes: Vec<Node>,
    text: Vec<u8>,
    children: HashMap<(Place, u64), Place>,
    stands: HashMap<u32, Stand>,
    /// Hosts in the order of their first line.
    order: Vec<u32>,
    hasher: RandomState,
    limit: usize,
}

impl Gather {
    /// Keeps `limit` bytes of different lines at most, 64 more for each of them counted in. What is
    /// said after that is told apart still, but its text is not kept.
    pub fn new(limit: usize) -> Self {
        let start = Node {
            parent: START,
            start: 0,
            end: 0,
            last_child: None,
            previous: None,
            children: 0,
            same_hash: None,
        };
        Self {
            nodes: vec![start],
            text: Vec::new(),
            children: HashMap::new(),
            stands: HashMap::new(),
            order: Vec::new(),
            hasher: RandomState::new(),
            limit,
        }
    }

    /// Adds a line, without its line end, that a host has said.
    pub fn add(&mut self, host: u32, line: &[u8]) {
        let stand = if let Some(stand) = self.stands.get(&host) {
            stand.clone()
        } else {
            self.order.push(host);
            Stand::Kept(START)
        };
        let stand = match stand {
            Stand::Kept(place) => match self.step(place, line) {
                Some(next) => Stand::Kept(next),
                None => Stand::Lost {
                    place,
                    lines: 1,
                    digest: chain(&[0; 32], line),
                },
            },
            Stand::Lost {
                place,
                lines,
                digest,
            } => Stand::Lost {
                place,
                lines: lines + 1,
                digest: chain(&digest, line),
            },
        };
        self.stands.insert(host, stand);
    }

    /// The place after one more line; `None` when it is new and there is no room for it.
    fn step(&mut self, place: Place, line: &[u8]) -> Option<Place> {
        let key = (place, self.hasher.hash_one(line));
        let first = self.children.get(&key).copied();
        let mut known = first;
        while let Some(child) = known {
            if self.line(child) == line {
                return Some(child);
            }
            known = self.node(child).same_hash;
        }
        let room = self.text.len() + line.len() + self.nodes.len() * size_of::<Node>();
        if room > self.limit || u32::try_from(self.nodes.len()).is_err() {
            return None;
        }
        let child = Place(self.nodes.len() as u32);
        let start = self.text.len();
        self.text.extend_from_slice(line);
        let parent = &mut self.nodes[place.0 as usize];
        let previous = parent.last_child.replace(child);
        parent.children += 1;
        self.nodes.push(Node {
            parent: place,
            start,
            end: self.text.len(),
            last_child: None,
            previous,
            children: 0,
            same_hash: first,
        });
        self.children.insert(key, child);
        Some(child)
    }

    fn node(&self, place: Place) -> &Node {
        &self.nodes[place.0 as usize]
    }

    /// The last line of a place.
    pub fn line(&self, place: Place) -> &[u8] {
        let node = self.node(place);
        &self.text[node.start..node.end]
    }

    /// All lines up to a place, the first one first.
    pub fn lines(&self, place: Place) -> Vec<&[u8]> {
        let up = std::iter::successors(Some(place), |&place| Some(self.node(place).parent));
        let mut lines: Vec<&[u8]> = up
            .take_while(|&place| place != START)
            .map(|place| self.line(place))
            .collect();
        lines.reverse();
        lines
    }

    /// How many different lines follow a place.
    pub fn children(&self, place: Place) -> usize {
        self.node(place).children as usize
    }

    /// The hosts that have said anything, in the order of their first lines.
    pub fn hosts(&self) -> &[u32] {
        &self.order
    }

    /// Where a host's output ends, as far as it is kept.
    pub fn place(&self, host: u32) -> Option<Place> {
        self.stands.get(&host).map(|stand| match stand {
            Stand::Kept(place) | Stand::Lost { place, .. } => *place,
        })
    }

    /// Every group of hosts with identical output, the largest first, then by first host.
    pub fn groups(&self) -> Vec<Group> {
        let mut by_stand: HashMap<&Stand, Vec<u32>> = HashMap::new();
        for host in &self.order {
            if let Some(stand) = self.stands.get(host) {
                by_stand.entry(stand).or_default().push(*host);
            }
        }
        let group = |(stand, hosts): (&Stand, Vec<u32>)| match *stand {
            Stand::Kept(place) => Group {
                hosts,
                place,
                lines_lost: 0,
            },
            Stand::Lost { place, lines, .. } => Group {
                hosts,
                place,
                lines_lost: lines,
            },
        };
        let mut groups: Vec<Group> = by_stand.into_iter().map(group).collect();
        groups.sort_by_key(|group| {
            (
                std::cmp::Reverse(group.hosts.len()),
                group.hosts.iter().min().copied(),
            )
        });
        groups
    }

    /// All places with their depth, from the first line on, what came last first; each before the
    /// places that follow it.
    pub fn walk(&self) -> impl Iterator<Item = (Place, usize)> + '_ {
        let mut next = self.node(START).last_child.map(|place| (place, 1));
        std::iter::from_fn(move || {
            let (place, depth) = next?;
            next = self
                .node(place)
                .last_child
                .map(|child| (child, depth + 1))
                .or_else(|| {
                    let up = |&(place, depth): &(Place, usize)| {
                        (place != START).then(|| (self.node(place).parent, depth - 1))
                    };
                    std::iter::successors(Some((place, depth)), up)
                        .take_while(|&(place, _)| place != START)
                        .find_map(|(place, depth)| {
                            self.node(place).previous.map(|sibling| (sibling, depth))
                        })
                });
            Some((place, depth))
        })
    }

    /// For each place, the hosts that have been there: in the order of their first lines.
    pub fn hosts_through(&self) -> HashMap<Place, Vec<u32>> {
        let mut through: HashMap<Place, Vec<u32>> = HashMap::new();
        for &host in &self.order {
            let mut place = self.place(host).unwrap_or(START);
            while place != START {
                through.entry(place).or_default().push(host);
                place = self.node(place).parent;
            }
        }
        through
    }
}

/// The digest of all lines since the text was lost, one more line added.
fn chain(digest: &[u8; 32], line: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(digest)
        .chain_update(line)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn gather(lines: &[(u32, &str)], limit: usize) -> Gather {
        let mut gather = Gather::new(limit);
        for (host, line) in lines {
            gather.add(*host, line.as_bytes());
        }
        gather
    }

    #[test]
    fn hosts_that_say_the_same_are_one_group_whatever_the_order() {
        let lines = [(1, "a"), (2, "a"), (3, "b"), (2, "b"), (1, "b"), (3, "a")];
        let gather = gather(&lines, usize::MAX);
        let groups = gather.groups();
        assert_eq!(
            groups
                .iter()
                .map(|group| group.hosts.clone())
                .collect::<Vec<_>>(),
            [vec![1, 2], vec![3]]
        );
        assert_eq!(gather.lines(groups[0].place), [b"a", b"b"]);
    }

    #[test]
    fn past_the_limit_outputs_are_told_apart_without_their_text() {
        let lines: Vec<(u32, &str)> = (0..6)
            .flat_map(|host| {
                [
                    (host, "x"),
                    (host, ["y", "z"][host as usize % 2]),
                    (host, "w"),
                ]
            })
            .collect();
        let gather = gather(&lines, 100);
        let groups = gather.groups();
        assert_eq!(
            groups
                .iter()
                .map(|group| group.hosts.clone())
                .collect::<Vec<_>>(),
            [vec![0, 2, 4], vec![1, 3, 5]]
        );
        assert!(groups.iter().all(|group| group.lines_lost > 0));
    }

    #[test]
    fn the_walk_goes_down_first_and_to_what_came_last() {
        let gather = gather(
            &[(1, "a"), (1, "b"), (2, "a"), (2, "c"), (3, "d")],
            usize::MAX,
        );
        let walk: Vec<_> = gather
            .walk()
            .map(|(place, depth)| (gather.line(place), depth))
            .collect();
        assert_eq!(
            walk,
            [(b"d".as_slice(), 1), (b"a", 1), (b"c", 2), (b"b", 2)]
        );
        let through = gather.hosts_through();
        let (a, _) = gather.walk().nth(1).unwrap();
        assert_eq!(through[&a], [1, 2]);
    }

    proptest! {
        #[test]
        fn groups_are_those_of_whole_outputs(
            lines in proptest::collection::vec((0u32..6, "[ab]{0,2}"), 0..40),
            limit in prop_oneof![Just(usize::MAX), 0usize..2000],
        ) {
            let mut gather = Gather::new(limit);
            let mut whole: BTreeMap<u32, Vec<String>> = BTreeMap::new();
            for (host, line) in &lines {
                gather.add(*host, line.as_bytes());
                whole.entry(*host).or_default().push(line.clone());
            }
            let mut expected: BTreeMap<Vec<String>, Vec<u32>> = BTreeMap::new();
            for (host, output) in whole {
                expected.entry(output).or_default().push(host);
            }
            let mut expected: Vec<Vec<u32>> = expected.into_values().collect();
            let mut groups: Vec<Vec<u32>> = gather.groups().into_iter().map(|mut group| {
                group.hosts.sort_unstable();
                group.hosts
            }).collect();
            expected.sort();
            groups.sort();
            prop_assert_eq!(groups, expected);
        }
    }
}
