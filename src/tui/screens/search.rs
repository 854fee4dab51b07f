//! Looking for something in a run's output: the engine looks through everything stored, the keys
//! step through what it found.

use regex::Regex;

use crate::run::filter::pattern_of;
use crate::run::ids::RunId;
use crate::tui::list::turned;
use crate::tui::pane::Want;
use crate::tui::words::{count, counted};
use crate::wire::Request;
use crate::wire::console::{Hit, SearchPage, SearchQuery};

/// Lines found that can be stepped through.
const HITS: u32 = 10_000;

/// A search and what it found.
#[derive(Default)]
pub(super) struct Search {
    text: String,
    found: Option<SearchPage>,
    at: usize,
}

impl Search {
    /// The text that was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Another text: the pattern to paint what it finds with, none for an empty one.
    pub fn set(&mut self, text: &str) -> Result<Option<Regex>, String> {
        let pattern = match text.strip_prefix('~') {
            Some(pattern) => pattern.to_owned(),
            None => regex::escape(text),
        };
        let pattern = pattern_of(&pattern)?;
        text.clone_into(&mut self.text);
        self.found = None;
        Ok((!text.is_empty()).then_some(pattern))
    }

    /// What to ask for; nothing while nothing is looked for.
    pub fn want(&self, run: RunId, host: Option<u32>) -> Option<Want> {
        let query = SearchQuery {
            run,
            text: self.text.clone(),
            host,
            limit: HITS,
        };
        (!self.text.is_empty()).then(|| Want::once("search", Request::Search(query)))
    }

    /// What was found. The first hit of this host comes first, if it has one.
    pub fn take(&mut self, page: SearchPage, host: u32) {
        let here = page.hits.iter().position(|hit| hit.host == host);
        self.at = here.unwrap_or(0);
        self.found = Some(page);
    }

    /// The hit so many further on, around the end.
    pub fn step(&mut self, by: i64) -> Option<&Hit> {
        let hits = &self.found.as_ref()?.hits;
        self.at = turned(self.at, by, hits.len());
        hits.get(self.at)
    }

    /// The hit that is shown.
    pub fn here(&self) -> Option<&Hit> {
        self.found.as_ref()?.hits.get(self.at)
    }

    /// What was found, in words; nothing while nothing is looked for.
    pub fn words(&self) -> String {
        if self.text.is_empty() {
            return String::new();
        }
        let words = match &self.found {
            None => "looking…".to_owned(),
            Some(found) if found.lines == 0 => "nothing found".to_owned(),
            Some(found) => {
                let lines = counted(found.lines, "line");
                let hosts = counted(found.hosts, "host");
                format!("{} of {lines} on {hosts}", count(self.at as u64 + 1))
            }
        };
        format!("/{}   {words}", self.text)
    }
}
