//! Hosts of a run as one short text.

use crate::engine::view::clip;
use crate::inventory;
use crate::run::ids::HostIx;
use crate::run::state::Run;

/// The longest text, in bytes; a longer one is cut.
pub(super) const LONGEST: usize = 4096;

/// Hosts of a run that goes on that are named at most: with names of several numbers a fold of
/// 10,000 takes some 12 ms, and there is another one each time a host ends.
const WHILE_OPEN: usize = 1000;

/// These hosts as a host set, cut where it is long.
pub(super) fn folded(run: &Run, hosts: &[HostIx]) -> String {
    let named = if run.ended.is_none() {
        hosts.len().min(WHILE_OPEN)
    } else {
        hosts.len()
    };
    let text = fold_all(run, &hosts[..named]);
    if named < hosts.len() {
        return format!("{},…", text.trim_end_matches('…'));
    }
    text
}

fn fold_all(run: &Run, hosts: &[HostIx]) -> String {
    clip(&whole(run, hosts), LONGEST)
}

/// All of these hosts as a host set, however long.
pub(super) fn whole(run: &Run, hosts: &[HostIx]) -> String {
    let names = hosts.iter().filter_map(|ix| {
        let target = run.spec.targets.get(ix.index())?;
        Some(target.name.as_ref())
    });
    inventory::fold(names)
}
