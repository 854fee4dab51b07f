//! What the next shift must know.

use crate::run::ids::{At, RunId};
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want, run_sign};
use crate::tui::theme::Role;
use crate::tui::words::{ago, count, counted, plain};
use crate::tui::zone::Zone;
use crate::wire::handover::{Handover, HandoverRun};
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// A shift, in milliseconds.
const SHIFT_MS: i64 = 12 * 3_600_000;

/// The screen.
#[derive(Default)]
pub(in crate::tui) struct HandoverPane {
    list: List,
    rows: Vec<(Role, String, Option<RunId>)>,
    came: Option<Handover>,
    since: Option<i64>,
    wrong: Option<String>,
}

impl HandoverPane {
    fn rebuild(&mut self, now: At, zone: &Zone) {
        let Some(handover) = &self.came else {
            return;
        };
        let mut rows = Vec::new();
        head(&mut rows, "OPEN, OR IN DOUBT", handover.open.len() as u64);
        handover
            .open
            .iter()
            .for_each(|run| run_rows(&mut rows, run, now));
        let failed = handover.failed.len() as u64 + u64::from(handover.failed_more);
        head(&mut rows, "ENDED BADLY IN THE LAST 12 HOURS", failed);
        handover
            .failed
            .iter()
            .for_each(|run| run_rows(&mut rows, run, now));
        if handover.failed_more > 0 {
            rows.push((
                Role::Dim,
                format!("  and {} more", count(handover.failed_more)),
                None,
            ));
        }
        let well = format!("  {} ended well", counted(handover.succeeded, "run"));
        rows.push((Role::Ok, well, None));
        head(&mut rows, "NOTES", handover.notes.len() as u64);
        for note in &handover.notes {
            let run = note
                .run
                .map(|run| format!("run {run}: "))
                .unwrap_or_default();
            let words = format!(
                "  {}  {}  {run}{}",
                zone.moment(note.at, now),
                note.by,
                note.text
            );
            rows.push((Role::Text, plain(&words), note.run));
        }
        head(&mut rows, "HERE NOW", handover.people.len() as u64);
        rows.push((
            Role::Text,
            format!("  {}", plain(&handover.people.join("  "))),
            None,
        ));
        self.rows = rows;
        self.list.total = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
    }
}

type Rows = Vec<(Role, String, Option<RunId>)>;

fn head(rows: &mut Rows, word: &str, number: u64) {
    if !rows.is_empty() {
        rows.push((Role::Text, String::new(), None));
    }
    rows.push((Role::Title, format!("{word}  {}", count(number)), None));
}

fn run_rows(rows: &mut Rows, run: &HandoverRun, now: At) {
    let line = &run.line;
    let (sign, role) = run_sign(&line.state);
    let began = ago(line.created, now);
    let holder = line
        .holder
        .as_deref()
        .map(|who| format!("   conn {who}"))
        .unwrap_or_default();
    let words = format!(
        "{sign} run {} {} on {}   {began} ago by {}{holder}",
        line.run, line.title, line.targets, line.starter
    );
    rows.push((role, format!("  {}", plain(&words)), Some(line.run)));
    if let Some(why) = &run.because {
        rows.push((Role::Dim, format!("      {}", plain(why)), Some(line.run)));
    }
    for standing in &run.hosts {
        let detail = standing
            .detail
            .as_deref()
            .map(|detail| format!("   {detail}"))
            .unwrap_or_default();
        let hosts = standing.hosts.join(",");
        let words = format!(
            "      {} {}: {hosts}{detail}",
            count(standing.hosts.len() as u64),
            standing.standing
        );
        rows.push((Role::Dim, plain(&words), Some(line.run)));
    }
}

impl Pane for HandoverPane {
    fn tab(&self) -> Tab {
        Tab::Now
    }

    fn crumb(&self) -> String {
        "handover".to_owned()
    }

    fn place(&self) -> Place {
        Place::Handover
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        let since_ms = self.since.unwrap_or_default();
        vec![Want::once("handover", Request::Handover { since_ms })]
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        if let Reply::Handover(handover) = reply {
            self.came = Some(*handover);
        }
    }

    fn refused(&mut self, _: &str, fault: &Fault) {
        self.wrong = Some(fault.message.clone());
    }

    fn anew(&mut self) {
        self.wrong = None;
    }

    fn act(&mut self, act: Act, _: &Context, effects: &mut Vec<Effect>) -> bool {
        match act {
            Act::Open => {
                let here = self.rows.iter().skip(self.list.at as usize);
                let run = here.take(2).find_map(|(.., run)| *run);
                effects.push(match run {
                    Some(run) => Effect::Open(Place::Run(run)),
                    None => Effect::Say("There is no run on this line to open.".to_owned()),
                });
                true
            }
            _ => self.list.act(act),
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        let (width, height) = (canvas.width(), canvas.height());
        if let Some(wrong) = &self.wrong {
            canvas.clipped(1, 0, width - 2, Role::Failed, &plain(wrong));
            return;
        }
        if self.since.is_none() {
            self.since = Some(context.now.0 - SHIFT_MS);
        }
        self.rebuild(context.now, &context.look.zone);
        self.list.fit(self.list.total, u32::from(height));
        let (from, until) = self.list.seen();
        for (y, place) in (0..).zip(from..until) {
            if let Some((role, words, _)) = self.rows.get(place as usize) {
                canvas.clipped(1, y, width - 2, *role, words);
                if place == self.list.at {
                    canvas.text(0, y, Role::Key, ">");
                    canvas.paint_row(y, Role::Cursor);
                }
            }
        }
    }

    fn hints(&self) -> Vec<Act> {
        vec![Act::Open]
    }

    fn text(&self) -> String {
        self.rows
            .iter()
            .fold(String::new(), |all, (_, words, _)| all + words + "\n")
    }
}
