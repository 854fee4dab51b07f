//! The inventory: groups, hosts, and what became of each host last.

use crate::run::phases::Phases;
use crate::run::sign::Sign;
use crate::tui::canvas::{Canvas, cells};
use crate::tui::keys::Act;
use crate::tui::list::List;
use crate::tui::overlay::StartForm;
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, Want, role_of};
use crate::tui::theme::Role;
use crate::tui::words::{ago, count, counted, plain};
use crate::wire::console::{HostLine, InventoryPage, InventoryQuery};
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// Hosts asked for beyond those in sight.
const MARGIN: u32 = 40;

/// What the keys act on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Groups,
    Hosts,
}

/// The screen.
#[derive(Default)]
pub(in crate::tui) struct Hosts {
    groups: List,
    rows: List,
    focus: Focus,
    /// The group whose hosts are shown; all hosts when empty.
    group: String,
    text: String,
    names: Vec<(String, u32)>,
    page: Option<InventoryPage>,
    wrong: Option<String>,
}

impl Hosts {
    /// The host under the cursor.
    fn host(&self) -> Option<&HostLine> {
        let page = self.page.as_ref()?;
        page.hosts
            .get(self.rows.at.checked_sub(page.from)? as usize)
    }

    fn choose(&mut self) {
        let name = match self.groups.at {
            0 => String::new(),
            at => self
                .names
                .get(at as usize - 1)
                .map(|(name, _)| name.clone())
                .unwrap_or_default(),
        };
        if name != self.group {
            self.group = name;
            self.rows.go(0);
        }
    }

    fn targets(&self) -> String {
        match (self.focus, self.host()) {
            (Focus::Hosts, Some(host)) => host.name.clone(),
            _ => self.group.clone(),
        }
    }
}

impl Pane for Hosts {
    fn tab(&self) -> Tab {
        Tab::Hosts
    }

    fn crumb(&self) -> String {
        self.group.clone()
    }

    fn place(&self) -> Place {
        Place::Hosts
    }

    fn wants(&self, body: (u16, u16)) -> Vec<Want> {
        let request = Request::Inventory(InventoryQuery {
            targets: self.group.clone(),
            filter: self.text.clone(),
            from: self.rows.top.saturating_sub(MARGIN),
            count: u32::from(body.1) + 2 * MARGIN,
        });
        vec![Want::once("inventory", request)]
    }

    fn take(&mut self, _: &str, _: u64, reply: Reply) {
        if let Reply::Inventory(page) = reply {
            if self.group.is_empty() && self.text.is_empty() {
                self.names = page
                    .groups
                    .iter()
                    .map(|group| (group.name.clone(), group.count))
                    .collect();
                self.groups.total = u32::try_from(self.names.len() + 1).unwrap_or(u32::MAX);
            }
            self.rows.total = page.total;
            self.wrong = page.warnings.first().cloned();
            self.page = Some(*page);
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
            Act::NextPane | Act::Left | Act::Right => {
                self.focus = match (self.focus, act) {
                    (Focus::Groups, Act::NextPane | Act::Right) => Focus::Hosts,
                    _ => Focus::Groups,
                };
            }
            Act::Open if self.focus == Focus::Groups => self.focus = Focus::Hosts,
            Act::Open => {
                let host = self.host();
                match host.and_then(|host| Some((host.name.clone(), host.last.as_ref()?.run))) {
                    Some((name, run)) => {
                        let place = super::run::RunPane::with_filter(run, &name);
                        effects.push(Effect::Show(Box::new(place)));
                    }
                    None => effects.push(Effect::Say(
                        "No run of this engine has worked on it yet.".to_owned(),
                    )),
                }
            }
            Act::Start => {
                let form = StartForm::new(&self.targets(), "");
                effects.push(Effect::Over(Box::new(form)));
            }
            Act::Copy => effects.extend(self.host().map(|host| {
                Effect::Copy(host.name.clone(), format!("the name {}", plain(&host.name)))
            })),
            Act::CopyHosts => effects.extend(
                self.page
                    .as_ref()
                    .map(|page| Effect::Copy(page.folded.clone(), counted(page.total, "host"))),
            ),
            _ if self.focus == Focus::Groups && self.groups.act(act) => self.choose(),
            _ if self.focus == Focus::Hosts && self.rows.act(act) => {}
            _ => return false,
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        let (width, height) = (canvas.width(), canvas.height());
        let left = (width / 4).clamp(18, 34);
        self.draw_groups(&mut canvas.part(0, 0, left, height));
        canvas.part(left, 0, 1, height).divider(0);
        let mut part = canvas.part(left + 1, 0, width - left - 1, height);
        self.draw_hosts(&mut part, context);
    }

    fn hints(&self) -> Vec<Act> {
        vec![
            Act::Open,
            Act::NextPane,
            Act::Start,
            Act::Search,
            Act::CopyHosts,
        ]
    }

    fn status(&self) -> String {
        if let Some(wrong) = &self.wrong {
            return wrong.clone();
        }
        let filter = if self.text.is_empty() {
            String::new()
        } else {
            format!("   filter: {}", self.text)
        };
        self.page.as_ref().map_or_else(String::new, |page| {
            format!("{}{filter}   {}", counted(page.total, "host"), page.folded)
        })
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("names", self.text.clone()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.text);
        self.rows.go(0);
        Ok(())
    }

    fn text(&self) -> String {
        self.page
            .as_ref()
            .map(|page| format!("{}\n", page.folded))
            .unwrap_or_default()
    }
}

impl Hosts {
    fn draw_groups(&mut self, canvas: &mut Canvas) {
        canvas.rule(0, "groups", "");
        let rows = canvas.height().saturating_sub(1);
        self.groups.fit(
            u32::try_from(self.names.len() + 1).unwrap_or(u32::MAX),
            u32::from(rows),
        );
        let (from, until) = self.groups.seen();
        for (y, place) in (1..).zip(from..until) {
            let (name, number) = match place {
                0 => ("all hosts", None),
                place => match self.names.get(place as usize - 1) {
                    Some((name, number)) => (name.as_str(), Some(*number)),
                    None => break,
                },
            };
            let number = number.map(count).unwrap_or_default();
            let at = canvas.right(1, y, Role::Dim, &number);
            canvas.clipped(2, y, at.saturating_sub(3), Role::Text, &plain(name));
            if place == self.groups.at {
                canvas.text(0, y, Role::Key, ">");
                if self.focus == Focus::Groups {
                    canvas.paint_row(y, Role::Cursor);
                }
            }
        }
    }

    fn draw_hosts(&mut self, canvas: &mut Canvas, context: &Context) {
        let width = canvas.width();
        let below = if canvas.height() >= 16 { 4 } else { 0 };
        let rows = canvas.height().saturating_sub(1 + below);
        self.rows.fit(self.rows.total, u32::from(rows));
        let title = if self.group.is_empty() {
            "all hosts"
        } else {
            &self.group
        };
        canvas.rule(0, &plain(title), &counted(self.rows.total, "host"));
        let Some(page) = self.page.clone() else {
            canvas.text(1, 1, Role::Dim, "Asking the engine…");
            return;
        };
        if page.total == 0 {
            let words = if self.text.is_empty() {
                "No host is known yet: write an inventory (conn hosts --help)."
            } else {
                "No host matches the filter."
            };
            canvas.text(1, 1, Role::Dim, words);
            return;
        }
        let (from, until) = self.rows.seen();
        let name_room = (width / 3).clamp(14, 40);
        for (y, place) in (1..).zip(from..until) {
            let host = place
                .checked_sub(page.from)
                .and_then(|at| page.hosts.get(at as usize));
            let Some(host) = host else {
                canvas.text(2, y, Role::Stale, "#");
                continue;
            };
            let sign = host.last.as_ref().map(|last| match &last.outcome {
                Some(outcome) => Sign::of_outcome(outcome),
                None => Sign::Running,
            });
            let letter = sign.map_or(" ", Sign::letter);
            canvas.text(1, y, sign.map_or(Role::Dim, role_of), letter);
            canvas.clipped(3, y, name_room - 3, Role::Text, &plain(&host.name));
            let seen = host.last.as_ref().map_or_else(
                || "not worked on yet".to_owned(),
                |last| format!("{} ago in run {}", ago(last.at, context.now), last.run),
            );
            let at = canvas.right(1, y, Role::Dim, &seen);
            let where_ = format!("{}@{}  {}", host.user, host.address, host.labels.join(" "));
            canvas.clipped(
                name_room,
                y,
                at.saturating_sub(name_room + 1),
                Role::Dim,
                &plain(&where_),
            );
            if place == self.rows.at && self.focus == Focus::Hosts {
                canvas.text(0, y, Role::Key, ">");
                canvas.paint_row(y, Role::Cursor);
            }
        }
        if below > 0 {
            self.draw_phases(canvas, rows + 1);
        }
    }

    /// Where the time of connecting went, the last time.
    fn draw_phases(&self, canvas: &mut Canvas, y: u16) {
        let Some(host) = self.host() else {
            canvas.rule(y, "", "");
            return;
        };
        canvas.rule(y, &plain(&host.name), "the last connection");
        let Some(last) = &host.last else {
            canvas.text(1, y + 1, Role::Dim, "No connection yet.");
            return;
        };
        draw_bar(canvas, y + 1, &last.phases);
    }
}

/// The phases of connecting as one bar, each with its share, and their names below.
fn draw_bar(canvas: &mut Canvas, y: u16, phases: &Phases) {
    let named = [
        ("resolve", phases.resolve, Role::Dim),
        ("tcp", phases.tcp, Role::Accent),
        ("key exchange", phases.kex, Role::Running),
        ("auth", phases.auth, Role::Mark),
        ("open", phases.open, Role::Ok),
        ("first byte", phases.first_byte, Role::Stderr),
    ];
    let present: Vec<(&str, f64, Role)> = named
        .into_iter()
        .filter_map(|(word, time, role)| Some((word, time?, role)))
        .collect();
    let whole: f64 = present.iter().map(|(_, time, _)| time).sum();
    if whole <= 0.0 {
        canvas.text(1, y, Role::Dim, "It used a connection that was open.");
        return;
    }
    let room = f64::from(canvas.width().saturating_sub(12));
    let block = canvas.form("=", "━").to_owned();
    let (mut bar, mut below) = (1, 1);
    for (word, time, role) in present {
        let wide = cells(time / whole * room).max(1);
        bar = canvas.text(bar, y, role, &block.repeat(wide));
        let words = format!("{word} {:.0}ms", time * 1e3);
        let room = canvas.width().saturating_sub(below);
        below = canvas.clipped(below, y + 1, room, role, &words) + 2;
    }
    canvas.text(bar + 1, y, Role::Text, &format!("{:.0}ms", whole * 1e3));
}
