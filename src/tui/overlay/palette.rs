//! Everything that can be done, by name: acts, runs, hosts, screens, themes.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Overlay;
use super::edit::Field;
use crate::flow::definition::Kind;
use crate::tui::canvas::Canvas;
use crate::tui::fuzzy::ranked;
use crate::tui::keys::{Act, TABLE};
use crate::tui::list::List;
use crate::tui::pane::{Context, Effect, Place, Want};
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain};
use crate::wire::flows::{FlowLine, FlowsQuery};
use crate::wire::{Reply, Request};

/// What a row does.
#[derive(Clone)]
enum Does {
    Act(Act),
    Go(Place),
    Theme(String),
    Ascii(bool),
    Save(String),
    Zone(String),
    StartFlow(Kind, String),
    /// Goes on typing from here.
    Type(&'static str),
}

/// One row.
#[derive(Clone)]
struct Row {
    key: String,
    label: String,
    about: String,
    kind: &'static str,
    does: Does,
}

/// The palette.
pub(in crate::tui) struct Palette {
    field: Field,
    list: List,
    rows: Vec<Row>,
    all: usize,
    fresh: bool,
    run: Option<crate::run::ids::RunId>,
    /// What is stored, when the engine has said so.
    flows: Vec<FlowLine>,
}

impl Palette {
    /// Over a screen that is about this run.
    pub fn new(run: Option<crate::run::ids::RunId>) -> Self {
        Self {
            field: Field::line(""),
            list: List::default(),
            rows: Vec::new(),
            all: 0,
            fresh: true,
            run,
            flows: Vec::new(),
        }
    }

    fn search(&mut self, context: &Context) {
        let rows = self.everything(context);
        self.all = rows.len();
        let text = self.field.text();
        self.rows = match command(&text) {
            Some(row) => vec![row],
            None => ranked(rows, text.trim(), |row| {
                format!("{} {}", row.label, row.kind)
            }),
        };
        self.list.go(0);
    }

    fn everything(&self, context: &Context) -> Vec<Row> {
        let mut rows: Vec<Row> = TABLE
            .iter()
            .filter(|entry| !entry.label.is_empty() && !is_move(entry.act))
            .filter(|entry| self.run.is_some() || !is_about_run(entry.act))
            .map(|entry| Row {
                key: context.keys.key(entry.act).to_owned(),
                label: entry.label.to_owned(),
                about: entry.about.to_owned(),
                kind: "act",
                does: Does::Act(entry.act),
            })
            .collect();
        rows.extend(self.of_flows());
        let places = [
            (
                "all runs",
                "Runs of commands and of flows, newest first.",
                Place::Runs,
            ),
            (
                "hosts and groups",
                "Every host that is known, and what became of it last.",
                Place::Hosts,
            ),
            ("audit", "Who did what, with search.", Place::Audit),
            (
                "handover",
                "What the next shift must know.",
                Place::Handover,
            ),
        ];
        rows.extend(places.map(|(label, about, place)| go(label, about, "screen", place)));
        if let Some(overview) = context.overview {
            let open = overview
                .open
                .iter()
                .map(|run| (run.run, &run.title, &run.targets, &run.state));
            let ended = overview
                .ended
                .iter()
                .map(|run| (run.run, &run.title, &run.targets, &run.state));
            for (run, title, targets, state) in open.chain(ended) {
                let label = format!("run {run} {} on {}", plain(title), plain(targets));
                rows.push(go(&label, state, "run", Place::Run(run)));
                let label = format!("output of run {run} {}", plain(title));
                rows.push(go(&label, state, "output", Place::Output(run)));
            }
        }
        rows.extend(context.themes.iter().map(|name| Row {
            key: String::new(),
            label: format!("theme {name}"),
            about: "Draws everything in these colours.".to_owned(),
            kind: "look",
            does: Does::Theme(name.clone()),
        }));
        let typed = [
            (
                "save FILE",
                "Writes what this screen shows to a file of yours.",
                "save ",
            ),
            (
                "zone NAME",
                "Shows times as they are there, as in Europe/Amsterdam.",
                "zone ",
            ),
        ];
        rows.extend(typed.map(|(label, about, text)| Row {
            key: String::new(),
            label: label.to_owned(),
            about: about.to_owned(),
            kind: "type on",
            does: Does::Type(text),
        }));
        let ascii = !context.look.ascii;
        rows.push(Row {
            key: String::new(),
            label: if ascii { "ascii on" } else { "ascii off" }.to_owned(),
            about: "Lines and signs in plain ASCII, or not.".to_owned(),
            kind: "look",
            does: Does::Ascii(ascii),
        });
        rows
    }

    /// Starting flows, and looking at definitions.
    fn of_flows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for flow in &self.flows {
            let line = &flow.definition;
            let (name, about) = (
                plain(&line.name),
                plain(line.about.as_deref().unwrap_or("")),
            );
            let start = Does::StartFlow(line.kind, line.name.clone());
            rows.push(Row {
                does: start,
                ..go(&format!("start {name}…"), &about, "flow", Place::Flows)
            });
            let place = Place::Flow(line.kind, line.name.clone());
            rows.push(go(
                &format!("{} {name}", line.kind.word()),
                &about,
                "definition",
                place,
            ));
        }
        rows
    }

    fn chosen(&mut self, context: &Context, effects: &mut Vec<Effect>) {
        let Some(row) = self.rows.get(self.list.at as usize) else {
            return;
        };
        let effect = match row.does.clone() {
            Does::Type(text) => {
                self.field.set(text);
                self.search(context);
                return;
            }
            Does::Act(act) => Effect::Do(act),
            Does::Go(place) => Effect::Open(place),
            Does::Theme(name) => Effect::Theme(name),
            Does::Ascii(on) => Effect::Ascii(on),
            Does::Zone(name) => Effect::Zone(name),
            Does::StartFlow(kind, name) => Effect::StartFlow {
                kind,
                name,
                hosts: String::new(),
                values: Vec::new(),
            },
            Does::Save(path) => Effect::Save {
                path,
                text: String::new(),
            },
        };
        effects.extend([Effect::Close, effect]);
    }
}

/// `save FILE`: what can be seen, in a file. `zone NAME`: times as they are there.
fn command(text: &str) -> Option<Row> {
    let (word, rest) = text.trim_start().split_once(' ')?;
    let rest = rest.trim();
    let (kind, about, does) = match word {
        "save" => (
            "file",
            "Writes what this screen shows to a file of yours.",
            Does::Save(rest.to_owned()),
        ),
        "zone" => (
            "look",
            "Shows times as they are there, as in Europe/Amsterdam.",
            Does::Zone(rest.to_owned()),
        ),
        _ => return None,
    };
    (!rest.is_empty()).then(|| Row {
        key: String::new(),
        label: format!("{word} {rest}"),
        about: about.to_owned(),
        kind,
        does,
    })
}

fn go(label: &str, about: &str, kind: &'static str, place: Place) -> Row {
    Row {
        key: String::new(),
        label: label.to_owned(),
        about: about.to_owned(),
        kind,
        does: Does::Go(place),
    }
}

fn is_move(act: Act) -> bool {
    use Act::{Bottom, Down, Left, Open, PageDown, PageUp, Palette, Right, Top, Up};
    [
        Down, Up, Left, Right, Top, Bottom, PageDown, PageUp, Open, Palette,
    ]
    .contains(&act)
}

fn is_about_run(act: Act) -> bool {
    use Act::{Abort, Approve, Compare, Note, Pause, Reject, Resume, Retry, RollBack, Skip, Take};
    [
        Abort, Approve, Reject, Compare, Note, Pause, Resume, Retry, RollBack, Skip, Take,
    ]
    .contains(&act)
}

impl Overlay for Palette {
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>) {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Esc => effects.push(Effect::Close),
            KeyCode::Enter => self.chosen(context, effects),
            KeyCode::Down => drop(self.list.step(1)),
            KeyCode::Up => drop(self.list.step(-1)),
            KeyCode::Char('n') if ctrl => drop(self.list.step(1)),
            KeyCode::Char('p') if ctrl => drop(self.list.step(-1)),
            _ => {
                if self.field.key(event) {
                    self.search(context);
                }
            }
        }
    }

    fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.fresh = true;
    }

    fn wants(&self) -> Vec<Want> {
        vec![Want::once("flows", Request::Flows(FlowsQuery::default()))]
    }

    fn take(&mut self, _: &str, reply: Reply) {
        if let Reply::Flows(page) = reply {
            self.flows = page.flows;
            // What the cursor is on stays there while somebody chooses.
            self.fresh = self.list.at == 0;
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        if std::mem::take(&mut self.fresh) {
            self.search(context);
        }
        // On a narrow screen all of it: what would be left of the screen says nothing.
        let width = if canvas.width() < 100 {
            canvas.width()
        } else {
            96
        };
        let height = canvas.height().saturating_sub(2).min(20);
        let left = (canvas.width() - width) / 2;
        let mut part = canvas.part(left, 0, width, height);
        part.clear();
        let right = format!("{} of {}", self.rows.len(), self.all);
        part.rule(0, ":", &right);
        let (x, _) = self
            .field
            .draw(&mut part.part(2, 1, width.saturating_sub(4), 1), Role::Text);
        part.rule(2, "", "");
        // On a very small screen the rows go before what is said of them.
        let foot = if height < 10 { 1 } else { 3 };
        let rows = height.saturating_sub(3 + foot);
        let total = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.list.fit(total, u32::from(rows));
        let (from, until) = self.list.seen();
        for (y, place) in (3..).zip(from..until) {
            let Some(row) = self.rows.get(place as usize) else {
                break;
            };
            if place == self.list.at {
                part.paint_row(y, Role::Cursor);
            }
            let role = if place == self.list.at {
                Role::Cursor
            } else {
                Role::Text
            };
            part.text(
                1,
                y,
                if place == self.list.at {
                    role
                } else {
                    Role::Key
                },
                &row.key,
            );
            part.clipped(8, y, width.saturating_sub(18), role, &row.label);
            part.right(
                1,
                y,
                if place == self.list.at {
                    role
                } else {
                    Role::Dim
                },
                row.kind,
            );
        }
        if self.rows.is_empty() {
            part.text(3, 3, Role::Dim, "Nothing of that name. Esc closes.");
        }
        let line = height.saturating_sub(3);
        if foot == 3 {
            part.rule(line, "", "");
        }
        if let Some(row) = self.rows.get(self.list.at as usize)
            && foot == 3
        {
            part.clipped(2, line + 1, width.saturating_sub(4), Role::Text, &row.about);
        }
        let count = self.rows.len() as u64;
        part.rule(
            line + 2,
            "",
            &counted(count, "match").replace("matchs", "matches"),
        );
        Some((left + 2 + x, 1))
    }

    fn hint(&self) -> String {
        "Enter do it   Up Down choose   Esc close   or type: save FILE, zone NAME".to_owned()
    }
}
