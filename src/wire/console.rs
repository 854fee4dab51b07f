//! Viewports: a console asks for what it shows, and for no more than that.
//!
//! A query carries the revision that is on screen and how long to wait for another one; the answer
//! comes when there is one, or when the time is up. Two answers are never closer than the console
//! asks for them, so a slow console gets fewer and nothing piles up.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::view::{EngineStatus, RunLine, RunView, TaskView};
use crate::run::event::OutputSum;
use crate::run::ids::{At, RunId};
use crate::run::outcome::Outcome;
use crate::run::output::{GapReason, OutStream};

pub use crate::run::lines::LONGEST_LINE;
pub use crate::run::order::{Sort, Times};

/// What is on the first screen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OverviewQuery {
    /// The revision that is on screen; 0 for none.
    pub revision: u64,
    /// Wait as long for another one, in milliseconds.
    pub wait_ms: u32,
    /// At most as many ended runs.
    pub ended: u32,
    /// The run this console looks at, told to the others.
    pub looking: Option<RunId>,
}

/// What stands on the first screen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overview {
    /// Changes with any run and with who is here.
    pub revision: u64,
    /// The engine's clock.
    pub at: At,
    /// Runs that have not ended, newest first.
    pub open: Vec<RunView>,
    /// How many more there are.
    pub open_more: u32,
    /// Ended runs, newest first.
    pub ended: Vec<RunLine>,
    /// Ended runs that are stored, in all.
    pub ended_total: u64,
    /// Who is here.
    pub people: Vec<Presence>,
    /// How the engine is.
    pub engine: EngineStatus,
}

/// Somebody who is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Presence {
    /// The Unix user.
    pub user: String,
    /// From where: a terminal, and the address of the login.
    pub origin: String,
    /// The run they look at.
    pub looking: Option<RunId>,
    /// Since when.
    pub since: At,
    /// Whether this is the asking console itself.
    pub you: bool,
}

/// A part of a run's hosts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GridQuery {
    /// The run.
    pub run: RunId,
    /// The revision that is on screen; 0 for none.
    pub revision: u64,
    /// Wait as long for another one, in milliseconds.
    pub wait_ms: u32,
    /// The order.
    pub sort: Sort,
    /// Only hosts that match: see `run::filter`.
    pub filter: String,
    /// The places whose signs are shown: the first, and how many.
    pub signs: (u32, u32),
    /// The places that are shown in full: the first, and how many.
    pub rows: (u32, u32),
    /// Tell the place of this host (its place in the run's targets), and the host itself in full.
    pub at: Option<u32>,
    /// Tell which host each sign is of.
    pub name_signs: bool,
    /// Tell how the hosts of `rows` stand to each step.
    pub steps: bool,
    /// The stretches of time that are shown: the first, and how many.
    pub spans: (u32, u32),
}

/// A part of a run's hosts, as they stand.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GridPage {
    /// Where the run stands, with its revision.
    pub view: RunView,
    /// The names of its steps.
    pub steps: Vec<String>,
    /// Hosts that match the filter.
    pub matched: u32,
    /// The first place `signs` tells of, which may be less than asked when there are fewer.
    pub signs_from: u32,
    /// A sign for each host: see `run::sign`.
    pub signs: String,
    /// The nearest host that did not end well before and behind those of `signs`, by its place in
    /// this order and around its ends.
    pub bad: (Option<u32>, Option<u32>),
    /// The hosts of `signs`, by their places in the run's targets; empty unless asked for.
    pub signed: Vec<u32>,
    /// The first place of `rows`.
    pub rows_from: u32,
    /// Hosts in full.
    pub rows: Vec<TaskView>,
    /// Where the host that was asked for stands in this order; none when the filter hides it.
    pub place: Option<u32>,
    /// That host.
    pub host: Option<TaskView>,
    /// Why hosts did not end well, most hosts first.
    pub causes: Vec<CauseGroup>,
    /// How many different outputs hosts that ended well wrote.
    pub outputs: u32,
    /// How long hosts took.
    pub times: Times,
    /// Hosts at work the longest, longest first.
    pub slow: Vec<super::view::Laggard>,
    /// What happened lately, newest last.
    pub timeline: Vec<super::view::TimelineEntry>,
    /// How the steps stand, when they were asked for.
    pub by_step: Option<Box<super::flows::StepsPage>>,
}

/// Which hosts of a run are meant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PickQuery {
    /// The run.
    pub run: RunId,
    /// These hosts, by their places in the run's targets.
    pub hosts: Vec<u32>,
    /// And all that stand as this one does: for the same reason, when it did not end well.
    pub like: Option<u32>,
    /// And those of this host set within the run, if it is not empty.
    pub named: String,
}

/// Hosts of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Picked {
    /// Their places in the run's targets, in order; among all its hosts, if it is made of runs.
    pub hosts: Vec<u32>,
    /// All of them as a host set, folded.
    pub folded: String,
}

/// Hosts that did not end well for one and the same reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CauseGroup {
    /// How they ended.
    pub outcome: Outcome,
    /// The step they ended in.
    pub step: String,
    /// How many.
    pub count: u32,
    /// The hosts, folded, cut where it is long.
    pub hosts: String,
    /// The place of the first of them in the run's targets.
    pub first: u32,
    /// The last thing the first of them wrote, or what the engine says of it.
    pub line: String,
}

/// A run's hosts by what they wrote.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoldQuery {
    /// The run.
    pub run: RunId,
    /// The revision that is on screen; 0 for none.
    pub revision: u64,
    /// Wait as long for another one, in milliseconds.
    pub wait_ms: u32,
    /// Whether numbers, addresses and the host's own name count as the same everywhere.
    pub mask: bool,
    /// Tell the last lines of the first groups, at most as many of each.
    pub lines: u32,
    /// Tell the newest line of so many hosts at work, of those that wrote last.
    pub newest: u32,
    /// The mark of the newest lines that are on screen.
    pub newest_mark: u64,
}

/// A run's hosts by what they wrote, as it stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoldPage {
    /// Where the run stands, with its revision.
    pub view: RunView,
    /// Failures first, then most hosts first; hosts that have not ended at the end.
    pub groups: Vec<FoldGroup>,
    /// Groups that are not listed, and the hosts in them.
    pub more: (u32, u32),
    /// The group that most of the hosts that ended well are in: its place in `groups`.
    pub main: Option<u32>,
    /// The last lines of the first groups, in the order of `groups`.
    pub lines: Vec<GroupLines>,
    /// Hosts at work that wrote last, with the end of what they wrote, by their place in the run.
    pub newest: Vec<(String, Bytes)>,
    /// Another one when `newest` changed.
    pub newest_mark: u64,
}

/// The end of what the first host of a group wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupLines {
    /// Its lines in all.
    pub total: u64,
    /// The last of them.
    pub lines: Vec<Line>,
}

/// Hosts with one and the same output and outcome, or that have not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldGroup {
    /// Names the group while it lasts, whatever its place.
    pub key: String,
    /// How they ended; none while they have not.
    pub outcome: Option<Outcome>,
    /// Where they stand: the word of a task.
    pub standing: String,
    /// How many.
    pub count: u32,
    /// The hosts, folded, cut where it is long; of a run that goes on at most the first thousand.
    pub hosts: String,
    /// The place of the first of them in the run's targets: its output stands for all.
    pub first: u32,
    /// What the engine says of the first of them.
    pub detail: Option<String>,
    /// What they wrote.
    pub output: OutputSum,
    /// Seconds the quickest and the slowest of them took.
    pub seconds: (f64, f64),
}

/// A part of one host's output.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LinesQuery {
    /// The run.
    pub run: RunId,
    /// The host's place in the run's targets.
    pub host: u32,
    /// Only what this step wrote: lines are counted from its first one.
    pub step: Option<u16>,
    /// The first line wanted, from 0; the last `count` lines when there is none.
    pub from: Option<u64>,
    /// How many lines.
    pub count: u32,
    /// Lines there were when last asked: the answer waits until there are others.
    pub seen: Option<u64>,
    /// The revision that is on screen: with it the answer also comes when an unfinished line grew,
    /// or when the host began or ended. 0 for none.
    pub revision: u64,
    /// Wait as long, in milliseconds.
    pub wait_ms: u32,
}

/// A part of one host's output.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LinesPage {
    /// The host as it stands.
    pub task: Option<TaskView>,
    /// Lines there are by now.
    pub total: u64,
    /// Changes with the lines, with an unfinished one too, and with where the host stands.
    pub revision: u64,
    /// Whether the host has ended and these are its last lines.
    pub whole: bool,
    /// The place of the first line here.
    pub from: u64,
    /// The lines; fewer than asked for where they are very long.
    pub lines: Vec<Line>,
}

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When its first byte arrived: Unix milliseconds.
    pub at_ms: i64,
    /// Which stream.
    pub stream: OutStream,
    /// The step it is from.
    pub step: u16,
    /// The attempt.
    pub attempt: u32,
    /// Its bytes as the host sent them, without the line feed; at most [`LONGEST_LINE`].
    pub bytes: Bytes,
    /// Whether the line before goes on here.
    #[serde(default)]
    pub goes_on: bool,
    /// Bytes that are not stored stood here, and why.
    #[serde(default)]
    pub gap: Option<(u64, GapReason)>,
}

/// What to look for in a run's output. A client's next search ends the one before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchQuery {
    /// The run.
    pub run: RunId,
    /// What: plain text, or a regular expression after `~`. Small letters match capitals as well.
    pub text: String,
    /// Only in this host's output: its place in the run's targets.
    pub host: Option<u32>,
    /// At most as many of the lines found are told.
    pub limit: u32,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchPage {
    /// Lines that hold it, in everything stored; a long line counts once.
    pub lines: u64,
    /// Hosts that have such a line.
    pub hosts: u32,
    /// The first of them, in the order of the run's targets, then of their lines.
    pub hits: Vec<Hit>,
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The host's place in the run's targets.
    pub host: u32,
    /// The host's name.
    pub name: String,
    /// The line's place in the host's output.
    pub line: u64,
    /// The line, cut where it is long.
    pub bytes: Bytes,
}

/// Groups and hosts that are known.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryQuery {
    /// A host set to look at; every host of the inventory when empty.
    pub targets: String,
    /// Only hosts and groups with this in their name.
    pub filter: String,
    /// The first host shown.
    pub from: u32,
    /// How many.
    pub count: u32,
}

/// Groups and hosts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryPage {
    /// Groups by name.
    pub groups: Vec<GroupLine>,
    /// Hosts that match, in all.
    pub total: u32,
    /// The hosts that match, folded, cut where it is long.
    pub folded: String,
    /// Hosts of the set that no inventory knows.
    pub unknown: u32,
    /// The place of the first host here.
    pub from: u32,
    /// Hosts.
    pub hosts: Vec<HostLine>,
    /// What is wrong with the host set or the inventory, a sentence each.
    pub warnings: Vec<String>,
}

/// A group of the inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupLine {
    /// How a host set names it: `@web`.
    pub name: String,
    /// Hosts in it.
    pub count: u32,
    /// The hosts, folded, cut where it is long.
    pub hosts: String,
}

/// A host of the inventory, and what became of it last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostLine {
    /// Its name.
    pub name: String,
    /// Where it is reached: address and port.
    pub address: String,
    /// The login user.
    pub user: String,
    /// Its labels, `name=value`.
    pub labels: Vec<String>,
    /// The last run that worked on it, of those in memory.
    pub last: Option<LastSeen>,
}

/// What became of a host last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastSeen {
    /// In which run.
    pub run: RunId,
    /// How it ended; none while it has not.
    pub outcome: Option<Outcome>,
    /// When it ended, or began.
    pub at: At,
    /// Time in each phase of connecting.
    pub phases: crate::run::phases::Phases,
}
