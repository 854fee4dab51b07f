//! A run's hosts by what they wrote, live: groups change as hosts end.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::folded::folded;
use super::lines::HostOutput;
use super::masks::Masked;
use super::standing::{Standing, deadline};
use super::{Kept, Session};
use crate::engine::core::{Core, Live};
use crate::engine::{Parts, view};
use crate::run::fold_groups::{Alike, Key, alike, sort};
use crate::run::ids::{HostIx, RunId};
use crate::run::outcome::OutcomeKind;
use crate::run::state::Run;
use crate::store::StoreError;
use crate::wire::console::{FoldGroup, FoldPage, FoldQuery, GroupLines};
use crate::wire::reply::{Fault, Reply};

/// Groups in one answer.
const MOST_GROUPS: usize = 200;
/// Groups of which lines are told in one answer, and lines of each.
const MOST_UNFOLDED: usize = 24;
const MOST_LINES: u32 = 100;
/// Bytes of such a line.
const LONGEST: usize = 512;
/// Hosts at work that are told of in one answer.
const MOST_NEWEST: u32 = 50;
/// Between two looks at what hosts at work wrote last.
const GLANCE: Duration = Duration::from_millis(500);
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
        let until = deadline(if behind { 0 } else { query.wait_ms });
        let (standing, newest) = loop {
            let mut left = until.saturating_duration_since(Instant::now());
            if query.newest > 0 {
                left = left.min(GLANCE);
            }
            let left_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
            let standing = self.standing(id, query.revision, left_ms).await?;
            let newest = self.newest(id, query.newest).await?;
            let other = standing.view.revision != query.revision || newest.1 != query.newest_mark;
            if other || standing.view.ended.is_some() || Instant::now() >= until {
                break (standing, newest);
            }
        };
        let page = self
            .with_kept(move |parts, kept| page(parts, kept, &query, standing, newest))
            .await?;
        Ok(Reply::Fold(Box::new(page)))
    }

    /// What hosts at work wrote last, with a mark that changes when that does.
    async fn newest(&self, id: RunId, wanted: u32) -> Result<Newest, Fault> {
        if wanted == 0 {
            return Ok(Newest::default());
        }
        let wanted = wanted.min(MOST_NEWEST) as usize;
        let look = move |core: &Core| core.live_run(id).map(|live| newest(core, live, wanted));
        Ok(self.server.inbox.look(look).await?.unwrap_or_default())
    }
}

/// Hosts with the end of what they wrote, and a mark.
type Newest = (Vec<(String, Bytes)>, u64);

fn newest(core: &Core, live: &Live, wanted: usize) -> Newest {
    let run = &live.run;
    let mut at_work: Vec<_> = core
        .signs(run.id)
        .map(|(ix, signs)| (Reverse(signs.last_output_ms()), ix, signs))
        .collect();
    at_work.sort_unstable_by_key(|(at, ix, _)| (*at, *ix));
    let mut lines: Vec<(HostIx, Bytes)> = at_work
        .into_iter()
        .map(|(_, ix, signs)| (ix, signs.last_line()))
        .filter(|(_, line)| !line.is_empty())
        .take(wanted)
        .collect();
    // In the order of the run, so that lines change and their hosts stay where they are.
    lines.sort_unstable_by_key(|(ix, _)| *ix);
    let mut hasher = DefaultHasher::new();
    let lines = lines
        .into_iter()
        .filter_map(|(ix, line)| {
            (ix, &line).hash(&mut hasher);
            let target = run.spec.targets.get(ix.index())?;
            Some((target.name.to_string(), line))
        })
        .collect();
    (lines, hasher.finish())
}

fn page(
    parts: &Parts,
    kept: &Kept,
    query: &FoldQuery,
    standing: Standing,
    (newest, newest_mark): Newest,
) -> Result<FoldPage, Fault> {
    let run = standing.run.as_ref();
    let mut groups = alike(run);
    let mut masked = Masked::default();
    if query.mask {
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
        .max_by_key(|(place, group)| (group.hosts.len(), Reverse(*place)));
    let main = main.map(|(place, _)| place);
    Ok(FoldPage {
        groups: groups
            .iter()
            .map(|group| told(kept, run, group, &masked))
            .collect(),
        more: (count(more.len()), count(hosts_more)),
        main,
        lines: last_lines(parts, kept, run, &groups, query.lines)
            .map_err(|error| Fault::engine(error.to_string()))?,
        newest,
        newest_mark,
        view: standing.view,
    })
}

/// The last lines of the first groups.
fn last_lines(
    parts: &Parts,
    kept: &Kept,
    run: &Run,
    groups: &[Alike<'_>],
    wanted: u32,
) -> Result<Vec<GroupLines>, StoreError> {
    let unfolded = groups
        .iter()
        .take(if wanted == 0 { 0 } else { MOST_UNFOLDED });
    unfolded
        .map(|group| {
            let output = HostOutput {
                store: parts.store.as_ref(),
                run: run.id,
                host: group.hosts.first().copied().unwrap_or_default(),
            };
            kept.lines.with(&output, |index| {
                let (_, mut lines) = output.last_lines(index, u64::from(wanted.min(MOST_LINES)))?;
                for line in &mut lines {
                    line.bytes.truncate(LONGEST);
                }
                Ok(GroupLines {
                    total: index.total(),
                    lines,
                })
            })
        })
        .collect()
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
