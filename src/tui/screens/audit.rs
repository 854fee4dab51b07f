//! Who did what, newest first, with search.

use crate::run::filter::Filter;
use crate::run::ids::At;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want};
use crate::tui::theme::Role;
use crate::tui::words::{count, plain};
use crate::wire::reply::Fault;
use crate::wire::view::AuditView;
use crate::wire::{Reply, Request};

/// Records in one answer.
const PAGE: u32 = 2_000;
/// Records that are kept here: the newest.
const MOST: usize = 50_000;

/// The screen.
#[derive(Default)]
pub(in crate::tui) struct Audit {
    list: List,
    records: Vec<AuditView>,
    /// From where to read on.
    next: u64,
    whole: bool,
    text: String,
    filter: Filter,
    shown: Vec<usize>,
    wrong: Option<String>,
}

impl Audit {
    fn sift(&mut self) {
        let passes = |record: &AuditView| {
            let run = record
                .run
                .map(|run| format!(" run {run}"))
                .unwrap_or_default();
            let text = format!("{} {} {}{run}", record.by, record.act, record.text);
            self.filter.passes_words(&text, &[&record.act])
        };
        let places = self.records.iter().enumerate().rev();
        self.shown = places
            .filter(|(_, record)| passes(record))
            .map(|(place, _)| place)
            .collect();
        self.list.total = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
        self.list.go(self.list.at);
    }

    fn record(&self) -> Option<&AuditView> {
        self.records.get(*self.shown.get(self.list.at as usize)?)
    }
}

impl Pane for Audit {
    fn tab(&self) -> Tab {
        Tab::Audit
    }

    fn crumb(&self) -> String {
        String::new()
    }

    fn place(&self) -> Place {
        Place::Audit
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        let request = Request::Audit {
            since_ms: None,
            from_seq: self.next,
            limit: PAGE,
        };
        vec![Want::once("audit", request)]
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        if let Reply::Audit { records, next } = reply {
            self.whole = next.is_none();
            let last = records.last().map(|record| record.seq + 1);
            // The end is read again when the screen comes back.
            let known = self.records.last().map(|record| record.seq);
            let fresh = records
                .into_iter()
                .filter(|record| known.is_none_or(|known| record.seq > known));
            self.records.extend(fresh);
            let over = self.records.len().saturating_sub(MOST);
            self.records.drain(..over);
            // The end is asked for again only when the screen is opened again.
            if let Some(next) = next.or(last.filter(|_| !self.whole)) {
                self.next = next;
            }
            self.sift();
        }
    }

    fn refused(&mut self, _: &str, fault: &Fault) {
        self.wrong = Some(fault.message.clone());
    }

    fn anew(&mut self) {
        *self = Self {
            text: std::mem::take(&mut self.text),
            filter: std::mem::take(&mut self.filter),
            ..Self::default()
        };
    }

    fn act(&mut self, act: Act, _: &Context, effects: &mut Vec<Effect>) -> bool {
        match act {
            Act::Open => match self.record().and_then(|record| record.run) {
                Some(run) => effects.push(Effect::Open(Place::Run(run))),
                None => effects.push(Effect::Say("This is about no run.".to_owned())),
            },
            Act::Copy => effects.extend(
                self.record()
                    .map(|record| Effect::Copy(words(record), "the record".to_owned())),
            ),
            _ => return self.list.act(act),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        let (width, height) = (canvas.width(), canvas.height());
        if let Some(wrong) = &self.wrong {
            canvas.clipped(1, 0, width - 2, Role::Failed, &plain(wrong));
            return;
        }
        if self.shown.is_empty() {
            let words = match (self.whole, self.records.is_empty()) {
                (false, _) => "Asking the engine…",
                (true, true) => "Nothing was done yet.",
                (true, false) => "No record matches the filter.",
            };
            canvas.text(1, 0, Role::Dim, words);
            return;
        }
        self.list
            .fit(self.list.total, u32::from(height.saturating_sub(3)));
        let (from, until) = self.list.seen();
        for (y, place) in (0..).zip(from..until) {
            let Some(record) = self
                .shown
                .get(place as usize)
                .and_then(|at| self.records.get(*at))
            else {
                break;
            };
            let when = match record.at {
                At(0) => String::new(),
                at => context.look.zone.moment(at, context.now),
            };
            canvas.text(1, y, Role::Dim, &format!("{when:>13}"));
            canvas.clipped(16, y, 11, Role::Accent, &plain(&record.by));
            canvas.clipped(28, y, 11, Role::Title, &plain(&record.act));
            let run = record.run.map(|run| run.to_string()).unwrap_or_default();
            canvas.text(40, y, Role::Dim, &format!("{run:>6}"));
            canvas.clipped(
                48,
                y,
                width.saturating_sub(49),
                Role::Text,
                &plain(&record.text),
            );
            if place == self.list.at {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
        canvas.rule(height - 3, "", "");
        if let Some(record) = self.record() {
            let room = usize::from(width.saturating_sub(2));
            let text: Vec<char> = words(record).chars().collect();
            for (y, line) in (height - 2..height).zip(text.chunks(room.max(1))) {
                let line: String = line.iter().collect();
                canvas.text(1, y, Role::Text, &line);
            }
        }
    }

    fn hints(&self) -> Vec<Act> {
        vec![Act::Open, Act::Search, Act::Copy]
    }

    fn status(&self) -> String {
        let filter = if self.text.is_empty() {
            String::new()
        } else {
            format!("   filter: {}", self.text)
        };
        format!(
            "{} of {} records{filter}   `conn audit verify` proves that none is missing",
            count(self.shown.len() as u64),
            count(self.records.len() as u64)
        )
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("filter", self.text.clone()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        self.filter = Filter::parse(text)?;
        text.clone_into(&mut self.text);
        self.sift();
        Ok(())
    }

    fn text(&self) -> String {
        let records = self.shown.iter().filter_map(|at| self.records.get(*at));
        records.fold(String::new(), |all, record| all + &words(record) + "\n")
    }
}

fn words(record: &AuditView) -> String {
    let run = record
        .run
        .map(|run| format!(" run {run}"))
        .unwrap_or_default();
    plain(&format!(
        "#{} {} {}{run}: {}",
        record.seq, record.by, record.act, record.text
    ))
}
