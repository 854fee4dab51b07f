//! The hosts of what was worked out.

use super::{Whole, Worked};
use crate::inventory::fold;

/// The hosts of what is done, folded.
pub(super) fn hosts_text(work: &Worked) -> String {
    match work {
        Worked::Simple(simple) => {
            let names = simple.plan.hosts().iter().map(|host| &*host.name);
            fold(names)
        }
        Worked::Whole(whole) => whole.targets_text.clone(),
    }
}

/// The hosts of all that runs are made of, each once.
pub(super) fn hosts_of(whole: &Whole) -> String {
    let mut names: Vec<String> = Vec::new();
    collect(whole, &mut names);
    names.sort();
    names.dedup();
    fold(names.iter().map(String::as_str))
}

fn collect(whole: &Whole, names: &mut Vec<String>) {
    for node in whole.stages.iter().flat_map(|stage| &stage.nodes) {
        match &node.work {
            Worked::Simple(simple) => {
                let hosts = simple.plan.hosts().iter();
                names.extend(hosts.map(|host| host.name.to_string()));
            }
            Worked::Whole(whole) => collect(whole, names),
        }
    }
}

/// The host that stands for all of what is done.
pub(super) fn first_host(work: &Worked) -> String {
    match work {
        Worked::Simple(simple) => {
            let first = simple.plan.hosts().first();
            first.map_or_else(String::new, |host| host.name.to_string())
        }
        Worked::Whole(whole) => {
            let mut nodes = whole.stages.iter().flat_map(|stage| &stage.nodes);
            nodes
                .next()
                .map_or_else(String::new, |node| first_host(&node.work))
        }
    }
}
