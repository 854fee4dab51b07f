//! How a run stands, in the words of every list: what a run of stages has done, and what a run
//! waits for that nobody is at work on.

use serde::{Deserialize, Serialize};

use super::flows::HeldBy;
use super::view::StageView;
use crate::run::ids::{At, RunId};
use crate::run::neutral::{Policy, neutral};
use crate::run::tally::Tally;

/// What a run that is made of runs has done. A host may be in several stages, so hosts are counted
/// in the stages that are at work, and once in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Whole {
    /// Stages that are over, each item of one for itself.
    pub over: u32,
    /// All of them.
    pub stages: u32,
    /// Those that did not end well, or hold up what comes behind them.
    pub bad: u32,
    /// Hosts of the stages at work that ended.
    pub done: u32,
    /// All hosts of those.
    pub at_work: u32,
    /// Hosts of the whole, each once.
    pub hosts: u32,
}

/// What a run waits for while no host of it is at work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stand {
    /// `soak`, `wait`, `approval`, `lease` or `credentials`.
    pub what: String,
    /// The stage that waits, when the run is made of runs.
    pub stage: Option<String>,
    /// When that is over by itself, as far as anybody knows.
    pub until: Option<At>,
    /// Whose yes is asked for: a role.
    pub who: Option<String>,
    /// The run whose hosts it waits for.
    pub held: Option<HeldBy>,
}

/// A question to a person, told apart from every other: what is frozen in a run names the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The run that asks it.
    pub run: RunId,
    /// The place of the step that asks, or of the stage.
    pub place: u32,
    /// The batch that it is asked for, from 1; 0 for a stage.
    pub batch: u32,
}

impl Whole {
    /// What the stages come to.
    pub fn of(stages: &[StageView], hosts: u32) -> Self {
        let mut whole = Self {
            hosts,
            ..Self::default()
        };
        for stage in stages {
            whole.count(&stage.state, stage.marred, &stage.tally);
        }
        whole
    }

    /// Puts one more to it.
    pub fn count(&mut self, state: &str, marred: bool, tally: &Tally) {
        self.stages += 1;
        let over = ["succeeded", "failed", "aborted", "skipped", "not_started"];
        self.over += u32::from(over.contains(&state));
        let bad = ["failed", "aborted", "inconclusive"];
        self.bad += u32::from(marred || bad.contains(&state));
        if matches!(state, "running" | "gate") {
            self.done += tally.ended_all();
            self.at_work += tally.total();
        }
    }

    /// `2/5 stages`.
    pub fn words(&self) -> String {
        let word = if self.stages == 1 { "stage" } else { "stages" };
        format!("{}/{} {word}", self.over, self.stages)
    }
}

impl Stand {
    /// What is waited for, in few words: `soaking`, `waiting for approval (lead)`.
    pub fn words(&self) -> String {
        let what = match self.what.as_str() {
            "soak" => "soaking".to_owned(),
            "wait" => "waiting".to_owned(),
            "approval" => match &self.who {
                Some(who) => format!("waiting for approval ({who})"),
                None => "waiting for approval".to_owned(),
            },
            "lease" => "waiting for a lease".to_owned(),
            "credentials" => "waiting for a credential".to_owned(),
            other => format!("waiting for {}", clean(other)),
        };
        match &self.stage {
            Some(stage) => format!("{}: {what}", clean(stage)),
            None => what,
        }
    }

    /// The same, with whose lease it is: `waiting for the lease of rs[01-02], held by run 6 (kim)`.
    pub fn full_words(&self) -> String {
        let Some(held) = &self.held else {
            return self.words();
        };
        let who = held.holder.as_deref();
        let who = who.map_or_else(String::new, |who| format!(" ({})", clean(who)));
        let stage = self.stage.as_deref();
        let stage = stage.map_or_else(String::new, |stage| format!("{}: ", clean(stage)));
        let hosts = clean(&held.hosts);
        let run = held.run;
        format!("{stage}waiting for the lease of {hosts}, held by run {run}{who}")
    }

    /// Whether its end is a guess, made of what steps took before.
    pub fn is_guess(&self) -> bool {
        self.what == "lease"
    }
}

fn clean(text: &str) -> String {
    neutral(text.as_bytes(), Policy::ONE_LINE)
}
