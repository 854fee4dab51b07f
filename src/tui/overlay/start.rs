//! Starting a command: the hosts with their number as they are typed, the command, what it will do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::choose::{self, Choosing, Pressed, once};
use super::edit::Field;
use super::sheet::Sheet;
use super::{Draft, Overlay};
use crate::run::duration::HumanDuration;
use crate::tui::canvas::Canvas;
use crate::tui::fuzzy::ranked;
use crate::tui::list::turned;
use crate::tui::pane::{Context, Effect, Want};
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain};
use crate::wire::console::{GroupLine, InventoryPage, InventoryQuery};
use crate::wire::reply::Fault;
use crate::wire::request::StartRun;
use crate::wire::{Reply, Request};

/// The parts of the form, in the order `Tab` visits them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Hosts,
    Command,
    RunAs,
    Fanout,
    Timeout,
    First,
    Durable,
}

const PARTS: [Part; 7] = [
    Part::Hosts,
    Part::Command,
    Part::RunAs,
    Part::Fanout,
    Part::Timeout,
    Part::First,
    Part::Durable,
];

/// The form.
pub(in crate::tui) struct StartForm {
    at: Part,
    hosts: Field,
    command: Field,
    run_as: Field,
    fanout: Field,
    timeout: Field,
    first: Field,
    durable: bool,
    /// What the host set typed comes to: the set, and what the engine says.
    found: Option<(String, Result<InventoryPage, String>)>,
    groups: Vec<GroupLine>,
    choosing: Choosing,
    wrong: Option<String>,
}

impl StartForm {
    /// With a host set and a command to begin with.
    pub fn new(hosts: &str, command: &str) -> Self {
        let at = if hosts.is_empty() {
            Part::Hosts
        } else {
            Part::Command
        };
        Self {
            at,
            hosts: Field::line(hosts),
            command: Field::several(command),
            run_as: Field::line(""),
            fanout: Field::line(""),
            timeout: Field::line(""),
            first: Field::line(""),
            durable: false,
            found: None,
            groups: Vec::new(),
            choosing: Choosing::default(),
            wrong: None,
        }
    }

    /// With a host set and a command as a proposal: typing replaces them.
    pub fn again(hosts: &str, command: &str) -> Self {
        let form = Self::new(hosts, command);
        Self {
            hosts: form.hosts.proposed(),
            command: form.command.proposed(),
            ..form
        }
    }

    fn field(&mut self, part: Part) -> Option<&mut Field> {
        Some(match part {
            Part::Hosts => &mut self.hosts,
            Part::Command => &mut self.command,
            Part::RunAs => &mut self.run_as,
            Part::Fanout => &mut self.fanout,
            Part::Timeout => &mut self.timeout,
            Part::First => &mut self.first,
            Part::Durable => return None,
        })
    }

    fn targets(&self) -> String {
        self.hosts.text().trim().to_owned()
    }

    /// The hosts that the text means now, when the engine has said so.
    fn known(&self) -> Option<&Result<InventoryPage, String>> {
        self.found
            .as_ref()
            .filter(|(text, _)| *text == self.targets())
            .map(|(_, found)| found)
    }

    fn go(&mut self, by: i64) {
        let here = PARTS.iter().position(|part| *part == self.at);
        self.at = PARTS[turned(here.unwrap_or(0), by, PARTS.len())];
        self.choosing.close();
    }

    /// What could be meant: for hosts groups and sets used before, for commands those used before.
    fn suggestions(&self, context: &Context) -> Vec<(String, String)> {
        match self.at {
            Part::Hosts => choose::hosts(&self.hosts.text(), &self.groups, context),
            Part::Command => {
                let before = context
                    .recent
                    .iter()
                    .map(|(hosts, command)| (command.clone(), format!("on {hosts}")));
                once(ranked(
                    before.collect(),
                    self.command.text().trim(),
                    |(name, _)| name.clone(),
                ))
            }
            _ => Vec::new(),
        }
    }

    fn take_suggestion(&mut self, place: usize, context: &Context) {
        let chosen = self.suggestions(context).into_iter().nth(place);
        if let Some((text, _)) = chosen {
            if self.at == Part::Hosts {
                let typed = self.hosts.text();
                self.hosts.set(&choose::with_last(&typed, &text));
            } else {
                self.command.set(&text);
            }
        }
    }

    /// The request, or what is wrong with the form and where.
    fn request(&self) -> Result<StartRun, (Part, String)> {
        if self.targets().is_empty() {
            return Err((
                Part::Hosts,
                "Say which hosts: names, ranges, @groups.".to_owned(),
            ));
        }
        if self.command.text().trim().is_empty() {
            return Err((Part::Command, "Say what to run there.".to_owned()));
        }
        let number = |field: &Field, part: Part| match field.text().trim() {
            "" => Ok(None),
            text => match text.parse::<u32>() {
                Ok(number) if number > 0 => Ok(Some(number)),
                _ => Err((part, format!("{text:?} is no number above 0."))),
            },
        };
        let timeout = match self.timeout.text().trim() {
            "" => None,
            text => Some(
                text.parse::<HumanDuration>()
                    .map_err(|why| (Part::Timeout, why.to_string()))?
                    .get(),
            ),
        };
        let run_as = self.run_as.text().trim().to_owned();
        Ok(StartRun {
            targets: self.targets(),
            command: self.command.text(),
            run_as: (!run_as.is_empty()).then_some(run_as),
            fanout: number(&self.fanout, Part::Fanout)?.unwrap_or(0),
            first: number(&self.first, Part::First)?,
            timeout,
            durable: self.durable,
            ..StartRun::default()
        })
    }

    /// Shows what it will do, and asks.
    fn review(&mut self, effects: &mut Vec<Effect>) {
        let start = match self.request() {
            Ok(start) => start,
            Err((part, why)) => {
                (self.at, self.wrong) = (part, Some(why));
                return;
            }
        };
        match self.known() {
            Some(Ok(page)) => {
                let sheet = sheet(&start, page);
                effects.push(Effect::Over(Box::new(sheet)));
            }
            Some(Err(why)) => (self.wrong, self.at) = (Some(why.clone()), Part::Hosts),
            None => self.wrong = Some("The engine is still looking up these hosts.".to_owned()),
        }
    }
}

fn sheet(start: &StartRun, page: &InventoryPage) -> Sheet {
    let hosts = page.total;
    let start = &StartRun {
        shown: Some(hosts),
        ..start.clone()
    };
    let first = start.first.map_or_else(String::new, |first| {
        format!("first on {first}, then it waits for your look; ")
    });
    let at_once = match start.fanout {
        0 => "as many hosts at a time as the site says".to_owned(),
        many => format!("{many} hosts at a time"),
    };
    let how = format!("{first}{at_once}");
    let ends = if start.durable {
        "goes on there when the connection is lost; the output is fetched afterwards"
    } else {
        "ends in doubt where the connection is lost"
    };
    let limit = start.timeout.map_or_else(
        || "none".to_owned(),
        |limit| crate::tui::words::span(limit.as_secs_f64()),
    );
    Sheet::new(
        format!("RUN A COMMAND ON {}", counted(hosts, "host").to_uppercase()),
        Request::Start(Box::new(start.clone())),
        "started",
    )
    .row(
        "hosts",
        format!("{}{}  {}", count(hosts), strange(page), page.folded),
    )
    .row("command", start.command.replace('\n', " ⏎ "))
    .row("as", start.run_as.as_deref().unwrap_or("the login user"))
    .row("how", how)
    .row("time limit", limit)
    .row("the command", ends)
    .wide(hosts)
}

/// How many of the hosts nobody knows: `, 5 not in the inventory`.
fn strange(page: &InventoryPage) -> String {
    match page.unknown {
        0 => String::new(),
        many => format!(", {} not in the inventory", count(many)),
    }
}

impl Overlay for StartForm {
    fn key(&mut self, event: &KeyEvent, context: &Context, effects: &mut Vec<Effect>) {
        self.wrong = None;
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let found = self.suggestions(context).len();
        match self.choosing.key(event.code, found) {
            Some(Pressed::Done) => return,
            Some(Pressed::Leave) => {
                effects.push(Effect::Close);
                return;
            }
            Some(Pressed::Go(by)) => {
                self.go(by);
                return;
            }
            Some(Pressed::Take(place)) => {
                self.take_suggestion(place, context);
                return;
            }
            None => {}
        }
        match event.code {
            KeyCode::Enter if self.at == Part::Hosts => self.go(1),
            KeyCode::Enter => self.review(effects),
            KeyCode::Char('j') if ctrl && self.at == Part::Command => {
                self.command.paste("\n ");
                self.command
                    .key(&KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
            }
            KeyCode::Char(' ') if self.at == Part::Durable => self.durable = !self.durable,
            _ => {
                self.choosing.close();
                let at = self.at;
                if let Some(field) = self.field(at) {
                    field.key(event);
                }
            }
        }
    }

    fn paste(&mut self, text: &str) {
        let at = self.at;
        if let Some(field) = self.field(at) {
            field.paste(text);
        }
    }

    fn wants(&self) -> Vec<Want> {
        let ask = |targets: String| {
            Request::Inventory(InventoryQuery {
                targets,
                count: 0,
                ..InventoryQuery::default()
            })
        };
        let mut wants = vec![Want::once("groups", ask(String::new()))];
        if !self.targets().is_empty() {
            wants.push(Want::once("hosts", ask(self.targets())));
        }
        wants
    }

    fn take(&mut self, slot: &str, reply: Reply) {
        if let Reply::Inventory(page) = reply {
            if slot == "groups" {
                self.groups = page.groups;
            } else {
                self.found = Some((self.targets(), Ok(*page)));
            }
        }
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        if slot == "hosts" {
            self.found = Some((self.targets(), Err(fault.message.clone())));
        }
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) -> Option<(u16, u16)> {
        canvas.clear();
        let width = canvas.width();
        canvas.text(2, 0, Role::Title, "RUN A COMMAND");
        if !context.environment.is_empty() {
            let word = format!(" {} ", context.environment.to_uppercase());
            canvas.right(2, 0, Role::Alarm, &word);
        }
        let line = canvas
            .form("-", "─")
            .repeat(usize::from(width.saturating_sub(4)));
        canvas.text(2, 1, Role::Line, &line);
        let mut cursor = None;
        let mut y = 2;
        y = self.draw_hosts(canvas, y, &mut cursor);
        y = self.draw_command(canvas, y, &mut cursor);
        y = self.draw_options(canvas, y, &mut cursor);
        if let Some(why) = &self.wrong {
            canvas.clipped(2, y, width.saturating_sub(3), Role::Failed, &plain(why));
        }
        let found = self.suggestions(context);
        self.choosing.draw(canvas, y + 1, &found);
        cursor
    }

    fn draft(&self) -> Option<Draft> {
        let (hosts, command) = (self.targets(), self.command.text());
        let typed = !hosts.is_empty() || !command.trim().is_empty();
        typed.then_some(Draft::Command { hosts, command })
    }

    fn hint(&self) -> String {
        let act = match self.at {
            _ if self.choosing.is_on() => "Enter take it   Esc keep what is typed",
            Part::Hosts => "Enter to the command   Down choose   names, web[01-20], @group, !not",
            Part::Command => "Enter look at what it does   ^j new line   Down choose",
            Part::Durable => "Space yes or no   Enter look at what it does",
            _ => "Enter look at what it does",
        };
        format!("{act}   Tab next   Esc close, kept")
    }
}

impl StartForm {
    fn label(&self, canvas: &mut Canvas, y: u16, part: Part, word: &str) {
        let here = self.at == part;
        canvas.text(1, y, Role::Key, if here { ">" } else { " " });
        canvas.text(2, y, if here { Role::Title } else { Role::Dim }, word);
    }

    fn draw_hosts(&self, canvas: &mut Canvas, y: u16, cursor: &mut Option<(u16, u16)>) -> u16 {
        self.label(canvas, y, Part::Hosts, "hosts");
        let room = canvas.width().saturating_sub(15);
        let (x, _) = self
            .hosts
            .draw(&mut canvas.part(14, y, room, 1), Role::Text);
        if self.at == Part::Hosts {
            *cursor = Some((14 + x, y));
        }
        let (role, words) = match self.known() {
            None if self.targets().is_empty() => (Role::Dim, "no hosts yet".to_owned()),
            None => (Role::Dim, "looking…".to_owned()),
            Some(Ok(page)) => {
                let number = counted(page.total, "host");
                let words = format!("{number}{}   {}", strange(page), plain(&page.folded));
                let role = if page.unknown > 0 {
                    Role::Stderr
                } else {
                    Role::Ok
                };
                (role, words)
            }
            Some(Err(why)) => (Role::Failed, plain(why)),
        };
        canvas.clipped(14, y + 1, room, role, &words);
        y + 3
    }

    fn draw_command(&self, canvas: &mut Canvas, y: u16, cursor: &mut Option<(u16, u16)>) -> u16 {
        self.label(canvas, y, Part::Command, "command");
        let rows = if canvas.height() > 24 { 5 } else { 3 };
        let room = canvas.width().saturating_sub(15);
        let (x, row) = self
            .command
            .draw(&mut canvas.part(14, y, room, rows), Role::Text);
        if self.at == Part::Command {
            *cursor = Some((14 + x, y + row));
        }
        if self.command.is_empty() {
            canvas.text(
                14,
                y,
                Role::Dim,
                if self.at == Part::Command {
                    ""
                } else {
                    "what to run there"
                },
            );
        }
        y + rows + 1
    }

    fn draw_options(&self, canvas: &mut Canvas, y: u16, cursor: &mut Option<(u16, u16)>) -> u16 {
        let options: [(Part, &str, &Field, &str); 4] = [
            (Part::RunAs, "run as", &self.run_as, "the login user"),
            (Part::Fanout, "at a time", &self.fanout, "as the site says"),
            (
                Part::Timeout,
                "time limit",
                &self.timeout,
                "none; 90s, 10m, 2h",
            ),
            (
                Part::First,
                "first",
                &self.first,
                "all; or this many, then wait for your look",
            ),
        ];
        let mut y = y;
        for (part, word, field, empty) in options {
            self.label(canvas, y, part, word);
            let room = canvas.width().saturating_sub(15);
            let (x, _) = field.draw(&mut canvas.part(14, y, room, 1), Role::Text);
            if field.is_empty() {
                canvas.text(if self.at == part { 15 } else { 14 }, y, Role::Dim, empty);
            }
            if self.at == part {
                *cursor = Some((14 + x, y));
            }
            y += 1;
        }
        self.label(canvas, y, Part::Durable, "durable");
        let words = if self.durable {
            "yes: goes on there when the connection is lost"
        } else {
            "no"
        };
        canvas.text(
            14,
            y,
            if self.durable { Role::Text } else { Role::Dim },
            words,
        );
        y + 1
    }
}
