//! Where a run's output holds a text: looked for in everything stored, counted in full.

use std::collections::BinaryHeap;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::Session;
use super::lines::no_such_host;
use crate::engine::Parts;
use crate::run::ids::{HostIx, RunId};
use crate::run::lines::{Piece, Splitter};
use crate::run::output::Chunk;
use crate::run::search::{Needle, Seeker};
use crate::run::state::Run;
use crate::store::{OutputCursor, OutputPage};
use crate::wire::console::{Hit, SearchPage, SearchQuery};
use crate::wire::reply::{Fault, Reply};

/// Lines in one answer.
const MOST_HITS: u32 = 10_000;
/// Bytes of a line in an answer.
const MOST_LINE: usize = 400;
/// Bytes before what was found that are shown of a long line.
const LEAD: usize = 100;
/// Bytes that are looked through before the asker is thought of.
const PAGE: usize = 1 << 20;

/// The search that a client waits for: a new one takes its place.
#[derive(Default)]
pub(super) struct Searching(Mutex<Option<Arc<AtomicBool>>>);

impl Searching {
    /// Ends the search before; what is given says when this one is to end.
    fn begin(&self) -> Given {
        let given_up = Arc::new(AtomicBool::new(false));
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = current.replace(given_up.clone()) {
            before.store(true, Ordering::Relaxed);
        }
        Given(given_up)
    }
}

/// Gives the search up when the asker is gone.
struct Given(Arc<AtomicBool>);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Session {
    pub(super) async fn search(&self, query: SearchQuery) -> Result<Reply, Fault> {
        let needle = Needle::parse(&query.text).map_err(Fault::usage)?;
        let standing = self.stands(query.run).await?;
        self.wait_durable(standing.lsn).await?;
        let run = standing.run;
        let host = query.host.map(HostIx);
        if let Some(ix) = host.filter(|ix| run.host(*ix).is_none()) {
            return Err(no_such_host(&run, ix));
        }
        let given = self.searching.begin();
        let given_up = given.0.clone();
        let most = query.limit.min(MOST_HITS) as usize;
        let page = self
            .blocking(move |parts| {
                let mut search = Search::new(&needle, most);
                search.through(parts, run.id, host, &given_up)?;
                Ok(search.told(&run))
            })
            .await?;
        drop(given);
        Ok(Reply::Found(Box::new(page)))
    }
}

struct Search<'n> {
    needle: &'n Needle,
    hosts: HashMap<u32, Lines>,
    most: usize,
    tally: Tally,
}

/// The lines of one host so far.
#[derive(Default)]
struct Lines {
    splitter: Splitter,
    seekers: [Seeker; 2],
    found: bool,
}

/// What was found so far; the first of them by host and line, the last of these on top.
#[derive(Default)]
struct Tally {
    lines: u64,
    hosts: u32,
    first: BinaryHeap<(u32, u64, Bytes)>,
}

impl<'n> Search<'n> {
    fn new(needle: &'n Needle, most: usize) -> Self {
        Self {
            needle,
            hosts: HashMap::new(),
            most,
            tally: Tally::default(),
        }
    }

    /// Output as it arrived: the numbers of a host's lines depend on nothing else.
    fn through(
        &mut self,
        parts: &Parts,
        run: RunId,
        host: Option<HostIx>,
        given_up: &AtomicBool,
    ) -> Result<(), Fault> {
        let mut cursor = OutputCursor(0);
        while !given_up.load(Ordering::Relaxed) {
            let page: OutputPage = match host {
                Some(host) => parts.store.read_host_output(run.0, host.0, cursor, PAGE),
                None => parts.store.read_output(run.0, cursor, PAGE),
            }
            .map_err(|error| Fault::engine(error.to_string()))?;
            page.chunks.iter().for_each(|chunk| self.look(chunk));
            if page.end {
                self.finish();
                return Ok(());
            }
            cursor = page.next;
        }
        Err(Fault::usage("another search took the place of this one"))
    }

    fn look(&mut self, chunk: &Chunk) {
        let lines = match self.hosts.entry(chunk.host) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Lines::default()),
        };
        let Lines {
            splitter,
            seekers,
            found,
        } = lines;
        let (needle, most, tally) = (self.needle, self.most, &mut self.tally);
        splitter.feed(chunk, &mut |piece| {
            tally.look(needle, most, chunk.host, piece, seekers, found);
        });
    }

    /// Unfinished lines count as well.
    fn finish(&mut self) {
        let (needle, most, tally) = (self.needle, self.most, &mut self.tally);
        for (host, lines) in &mut self.hosts {
            let (seekers, found) = (&mut lines.seekers, &mut lines.found);
            for piece in lines.splitter.unfinished() {
                tally.look(needle, most, *host, piece, seekers, found);
            }
        }
    }

    fn told(self, run: &Run) -> SearchPage {
        let name = |host: u32| run.spec.targets.get(host as usize);
        let first = self.tally.first.into_sorted_vec();
        SearchPage {
            lines: self.tally.lines,
            hosts: self.tally.hosts,
            hits: first
                .into_iter()
                .map(|(host, line, bytes)| Hit {
                    host,
                    name: name(host).map_or_else(String::new, |target| target.name.to_string()),
                    line,
                    bytes,
                })
                .collect(),
        }
    }
}

impl Tally {
    fn look(
        &mut self,
        needle: &Needle,
        most: usize,
        host: u32,
        piece: Piece<'_>,
        seekers: &mut [Seeker; 2],
        found_before: &mut bool,
    ) {
        if piece.gap.is_some() {
            return;
        }
        let seeker = &mut seekers[piece.stream as usize];
        let found = seeker.look(needle, piece.bytes, piece.goes_on);
        let Some(found) = found.filter(|found| found.is_new) else {
            return;
        };
        self.lines += 1;
        self.hosts += u32::from(!std::mem::replace(found_before, true));
        let place = (host, piece.number);
        let is_later = |last: &(u32, u64, Bytes)| (last.0, last.1) < place;
        if self.first.len() >= most && self.first.peek().is_none_or(is_later) {
            return;
        }
        let bytes = Bytes::copy_from_slice(shown(piece.bytes, found.at));
        self.first.push((host, piece.number, bytes));
        if self.first.len() > most {
            self.first.pop();
        }
    }
}

/// The part of a line that what was found stands in.
fn shown(line: &[u8], at: usize) -> &[u8] {
    if line.len() <= MOST_LINE {
        return line;
    }
    let from = at.saturating_sub(LEAD).min(line.len() - MOST_LINE);
    &line[from..from + MOST_LINE]
}
