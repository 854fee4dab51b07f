//! A run's hosts by what they wrote, live: groups change as hosts end.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::folded::folded;
use super::masks::Masked;
use super::standing::Standing;
use super::{Kept, Session};
use crate::engine::{Parts, view};
use crate::run::fold_groups::{Alike, Key, alike, sort};
use crate::run::ids::{HostIx, RunId};
use crate::run::outcome::OutcomeKind;
use crate::run::state::Run;
use crate::wire::console::{FoldGroup, FoldPage, FoldQuery};
use crate::wire::reply::{Fault, Reply};

/// Groups in one answer.
const MOST_GROUPS: usize = 200;
/// Folded sets of hosts that are kept.
const KEPT: usize = 2048;

/// Sets of hosts that were folded lately, and runs of which masks are still to be made.
#[derive(Default)]
pub(super) struct Folds {
    texts: Mutex<HashMap<(RunId, u64), String>>,
    behind: Mutex<HashSet<RunId>>,
}

impl Session {
    pub(super) async fn fold(&self, query: FoldQuery) -> Result<Reply, Fault> {
        let id = query.run;
        // An answer without all of its masks is followed by a better one at once.
        let behind = query.mask && self.server.kept.folds.is_behind(id);
        let wait_ms = if behind { 0 } else { query.wait_ms };
        let standing = self.standing(id, query.revision, wait_ms).await?;
        let page = self
            .with_kept(move |parts, kept| page(parts, kept, query.mask, standing))
            .await?;
        Ok(Reply::Fold(Box::new(page)))
    }
}

fn page(parts: &Parts, kept: &Kept, mask: bool, standing: Standing) -> Result<FoldPage, Fault> {
    let run = standing.run.as_ref();
    let mut groups = alike(run);
    let mut masked = Masked::default();
    if mask {
        masked = kept
            .masks
            .of(parts, run, &groups)
            .map_err(|error| Fault::engine(error.to_string()))?;
        kept.folds.note(run.id, masked.is_behind);
        groups = masked.merge(groups);
    }
    sort(&mut groups);
    let more = groups.split_off(groups.len().min(MOST_GROUPS));
    let hosts_more = more.iter().map(|group| group.hosts.len()).sum();
    let is_ok = |group: &Alike<'_>| {
        matches!(
            group.key,
            Key::Ended {
                kind: OutcomeKind::Ok,
                ..
            }
        )
    };
    let main = (0..)
        .zip(&groups)
        .filter(|(_, group)| is_ok(group))
        .max_by_key(|(place, group)| (group.hosts.len(), std::cmp::Reverse(*place)));
    let main = main.map(|(place, _)| place);
    Ok(FoldPage {
        groups: groups
            .iter()
            .map(|group| told(kept, run, group, &masked))
            .collect(),
        more: (count(more.len()), count(hosts_more)),
        main,
        view: standing.view,
    })
}

fn told(kept: &Kept, run: &Run, group: &Alike<'_>, masked: &Masked) -> FoldGroup {
    let first = group.hosts.first().copied().unwrap_or_default();
    let task = view::task_view(run, first);
    FoldGroup {
        key: name(group, masked),
        outcome: run.outcome(first),
        standing: task.map(|task| task.standing).unwrap_or_default(),
        count: count(group.hosts.len()),
        hosts: kept.folds.text(run, &group.hosts),
        first: first.0,
        detail: group.last.and_then(|last| last.detail.clone()),
        output: group
            .last
            .map(|last| last.output.clone())
            .unwrap_or_default(),
        seconds: seconds(run, &group.hosts),
    }
}

/// The same for the same group, wherever it stands.
fn name(group: &Alike<'_>, masked: &Masked) -> String {
    match group.key {
        Key::Open(_) => group.sign.word().to_owned(),
        Key::Ended {
            alone: Some(ix), ..
        } => format!("host {ix}"),
        Key::Ended {
            kind,
            outcome,
            step,
            digest,
            ..
        } => {
            let how = outcome.map_or_else(|| kind.word().to_owned(), ToString::to_string);
            let digest = masked.name(digest).unwrap_or_else(|| digest.to_owned());
            format!("{how} {step} {digest}")
        }
    }
}

fn seconds(run: &Run, hosts: &[HostIx]) -> (f64, f64) {
    let took = hosts.iter().filter_map(|ix| {
        let state = run.host(*ix)?;
        Some(state.ended?.since(state.began?))
    });
    let (least, most) = took.fold((u64::MAX, 0), |(least, most), ms| {
        (ms.min(least), ms.max(most))
    });
    (least.min(most) as f64 / 1e3, most as f64 / 1e3)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Folds {
    fn is_behind(&self, run: RunId) -> bool {
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.contains(&run)
    }

    fn note(&self, run: RunId, is_behind: bool) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        if is_behind {
            behind.insert(run);
        } else {
            behind.remove(&run);
        }
    }

    /// These hosts as a host set; folded only when they are others than before.
    fn text(&self, run: &Run, hosts: &[HostIx]) -> String {
        let mut hasher = DefaultHasher::new();
        (hosts, run.ended.is_none()).hash(&mut hasher);
        let key = (run.id, hasher.finish());
        let known = {
            let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            texts.get(&key).cloned()
        };
        if let Some(known) = known {
            return known;
        }
        let text = folded(run, hosts);
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= KEPT {
            texts.clear();
        }
        texts.insert(key, text.clone());
        text
    }
}
