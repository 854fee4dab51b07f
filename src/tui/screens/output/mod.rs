//! What a run's hosts wrote, folded: one group for each output, its lines beside it, and where it
//! differs from the group that most hosts are in.

mod difference;
mod draw;
mod unfolded;

use difference::{Difference, settle};
use unfolded::{LINES, Unfolded};

use super::lines::Lines;
use super::search::Search;
use crate::run::ids::RunId;
use crate::run::sign::Sign;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Act;
use crate::tui::list::{List, nearest};
use crate::tui::pane::{Context, Effect, Pane, Place, Tab, WAIT_MS, Want};
use crate::tui::theme::Role;
use crate::tui::words::{counted, plain};
use crate::wire::console::{FoldGroup, FoldPage, FoldQuery, LinesQuery};
use crate::wire::reply::Fault;
use crate::wire::view::RunView;
use crate::wire::{Reply, Request};

/// From this width on groups and lines stand side by side.
const WIDE: u16 = 120;
/// Hosts at work whose newest line is told.
const NEWEST: u32 = 40;
/// Lines of each side that are compared.
const COMPARED: u32 = 2_000;

/// What the keys act on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Groups,
    Lines,
}

/// The screen.
pub(in crate::tui) struct Output {
    run: RunId,
    page: Option<FoldPage>,
    list: List,
    /// The group under the cursor, by its key: it is kept when groups change places.
    on: Option<String>,
    /// The host whose group is to be found first.
    wanted: Option<u32>,
    selected: Option<String>,
    mask: bool,
    focus: Focus,
    lines: Lines,
    difference: Option<Difference>,
    /// Every group with the end of its output, when that is shown.
    unfolded: Option<Unfolded>,
    search: Search,
    gone: Option<String>,
}

impl Output {
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            page: None,
            list: List::default(),
            on: None,
            wanted: None,
            selected: None,
            mask: false,
            focus: Focus::Groups,
            lines: Lines::new(run, 0),
            difference: None,
            unfolded: None,
            search: Search::default(),
            gone: None,
        }
    }

    /// Beginning with the group of this host.
    pub fn with_host(run: RunId, host: u32) -> Self {
        Self {
            wanted: Some(host),
            lines: Lines::new(run, host),
            ..Self::new(run)
        }
    }

    fn groups(&self) -> &[FoldGroup] {
        self.page.as_ref().map_or(&[], |page| &page.groups)
    }

    fn group(&self) -> Option<&FoldGroup> {
        self.groups().get(self.list.at as usize)
    }

    fn main(&self) -> Option<&FoldGroup> {
        let page = self.page.as_ref()?;
        page.groups.get(page.main? as usize)
    }

    fn turned(&mut self) {
        self.on = self.group().map(|group| group.key.clone());
        if let Some(first) = self.group().map(|group| group.first) {
            self.lines.turn_to(first);
        }
    }

    /// The cursor where it was, by key, in groups that changed places.
    fn settle(&mut self) {
        let total = u32::try_from(self.groups().len()).unwrap_or(u32::MAX);
        self.list.total = total;
        let by_host = self
            .wanted
            .and_then(|host| self.groups().iter().position(|group| group.first == host));
        let by_key = || {
            let on = self.on.as_ref()?;
            self.groups().iter().position(|group| group.key == *on)
        };
        let place = by_host.or_else(by_key);
        if by_host.is_some() {
            self.wanted = None;
        }
        let at = place.map_or(self.list.at, |place| u32::try_from(place).unwrap_or(0));
        self.list.go(at);
        self.turned();
    }

    fn compare(&mut self, with: Option<&FoldGroup>, words: &str, effects: &mut Vec<Effect>) {
        if self.difference.take().is_some() {
            return;
        }
        let (Some(with), Some(group)) = (with, self.group()) else {
            effects.push(Effect::Say(format!("There is {words} to compare with.")));
            return;
        };
        if with.key == group.key {
            effects.push(Effect::Say("That is this group itself.".to_owned()));
            return;
        }
        self.difference = Some(Difference {
            hosts: (with.first, group.first),
            words: format!("{} against {}", plain(&group.hosts), plain(&with.hosts)),
            sides: [None, None],
            shown: Vec::new(),
            list: List::default(),
        });
        self.focus = Focus::Lines;
    }

    /// To the next thing found, or the one before.
    fn step_hit(&mut self, by: i64, effects: &mut Vec<Effect>) {
        let Some(hit) = self.search.step(by).cloned() else {
            effects.push(Effect::Say(
                "Nothing was looked for, or nothing found: / searches.".to_owned(),
            ));
            return;
        };
        // A host that is not the first of its group has lines all the same.
        if self.lines.host != hit.host {
            let groups = self.groups();
            let place = groups.iter().position(|group| group.first == hit.host);
            if let Some(place) = place {
                self.list.go(u32::try_from(place).unwrap_or(0));
                self.on = self.group().map(|group| group.key.clone());
            }
            self.lines.turn_to(hit.host);
        }
        self.lines.show(hit.line);
    }

    /// Every group with its lines, or only its name; the group under the cursor stays there.
    fn unfold(&mut self) {
        if let Some(unfolded) = self.unfolded.take() {
            if let Some(group) = unfolded.group() {
                self.list.go(u32::try_from(group).unwrap_or(0));
                self.turned();
            }
            return;
        }
        let mut unfolded = Unfolded::default();
        if let Some(page) = &mut self.page {
            unfolded.settle(page);
            unfolded.go(self.list.at as usize);
            page.view.revision = 0;
        }
        self.unfolded = Some(unfolded);
    }

    fn act_unfolded(&mut self, act: Act, effects: &mut Vec<Effect>) -> bool {
        let (Some(unfolded), Some(page)) = (&mut self.unfolded, &self.page) else {
            return false;
        };
        let group = unfolded.group().and_then(|place| page.groups.get(place));
        match act {
            Act::Back => self.unfold(),
            Act::NextFailure => unfolded.failure(1, page),
            Act::PreviousFailure => unfolded.failure(-1, page),
            Act::Open => effects.extend(group.map(|group| {
                let name = first_name(&group.hosts);
                Effect::Open(Place::Host(self.run, group.first, name))
            })),
            Act::CopyHosts => effects.extend(
                group.map(|group| Effect::Copy(group.hosts.clone(), counted(group.count, "host"))),
            ),
            act => return unfolded.act(act),
        }
        true
    }

    fn failure(&mut self, by: i64) {
        let bad = |at: usize| {
            self.groups()
                .get(at)
                .is_some_and(|group| sign_of(group).is_bad())
        };
        if let Some(at) = nearest(self.list.at as usize, by, self.groups().len(), bad) {
            self.list.go(u32::try_from(at).unwrap_or(0));
            self.turned();
        }
    }
}

/// How a group stands.
pub(super) fn sign_of(group: &FoldGroup) -> Sign {
    Sign::of_task(&group.standing, group.outcome.as_ref())
}

impl Pane for Output {
    fn tab(&self) -> Tab {
        Tab::Runs
    }

    fn crumb(&self) -> String {
        format!("{} > output", self.run)
    }

    fn place(&self) -> Place {
        Place::Output(self.run)
    }

    fn wants(&self, _: (u16, u16)) -> Vec<Want> {
        if self.gone.is_some() {
            return Vec::new();
        }
        let fold = Request::Fold(FoldQuery {
            run: self.run,
            revision: self.page.as_ref().map_or(0, |page| page.view.revision),
            wait_ms: WAIT_MS,
            mask: self.mask,
            lines: if self.unfolded.is_some() { LINES } else { 0 },
            newest: NEWEST,
            newest_mark: self.page.as_ref().map_or(0, |page| page.newest_mark),
        });
        let over = self
            .page
            .as_ref()
            .is_some_and(|page| page.view.ended.is_some());
        let mut wants = vec![if over {
            Want::once("fold", fold)
        } else {
            Want::follow("fold", fold)
        }];
        if self.page.is_some() || self.wanted.is_some() {
            wants.push(self.lines.want());
        }
        wants.extend(self.search.want(self.run, None));
        if let Some(difference) = &self.difference {
            let lines = |host| {
                Request::Lines(LinesQuery {
                    run: self.run,
                    host,
                    step: None,
                    from: Some(0),
                    count: COMPARED,
                    ..LinesQuery::default()
                })
            };
            wants.push(Want::once("one", lines(difference.hosts.0)));
            wants.push(Want::once("other", lines(difference.hosts.1)));
        }
        wants
    }

    fn take(&mut self, slot: &str, _: u64, reply: Reply) {
        match (slot, reply) {
            (_, Reply::Fold(page)) => {
                if let Some(unfolded) = &mut self.unfolded {
                    unfolded.settle(&page);
                }
                self.page = Some(*page);
                self.settle();
            }
            ("lines", Reply::Lines(page)) => self.lines.take(*page),
            ("one" | "other", Reply::Lines(page)) => {
                if let Some(difference) = &mut self.difference {
                    let lines = page
                        .lines
                        .iter()
                        .map(|line| super::spans::plain_line(&line.bytes))
                        .collect();
                    difference.sides[usize::from(slot == "other")] = Some(lines);
                    settle(difference);
                }
            }
            (_, Reply::Found(page)) => {
                let host = self.lines.host;
                self.search.take(*page, host);
                let here = self.search.here().is_some_and(|hit| hit.host == host);
                if here || self.focus == Focus::Lines {
                    self.step_hit(0, &mut Vec::new());
                }
            }
            _ => {}
        }
    }

    fn refused(&mut self, slot: &str, fault: &Fault) {
        if slot == "fold" {
            self.gone = Some(fault.message.clone());
        }
    }

    fn anew(&mut self) {
        if let Some(page) = &mut self.page {
            page.view.revision = 0;
        }
        self.lines.anew();
        self.gone = None;
    }

    fn act(&mut self, act: Act, _: &Context, effects: &mut Vec<Effect>) -> bool {
        if let Some(difference) = &mut self.difference {
            if act == Act::Back {
                self.difference = None;
                return true;
            }
            if self.focus == Focus::Lines && difference.list.act(act) {
                return true;
            }
        }
        if act == Act::Unfold {
            self.unfold();
            return true;
        }
        if self.unfolded.is_some() && self.act_unfolded(act, effects) {
            return true;
        }
        match act {
            Act::NextPane => {
                self.focus = match self.focus {
                    Focus::Groups => Focus::Lines,
                    Focus::Lines => Focus::Groups,
                };
            }
            Act::Open if self.focus == Focus::Groups => {
                if let Some(group) = self.group() {
                    let name = first_name(&group.hosts);
                    effects.push(Effect::Open(Place::Host(self.run, group.first, name)));
                }
            }
            Act::Open => {}
            Act::NextFailure => self.failure(1),
            Act::PreviousFailure => self.failure(-1),
            Act::Next => self.step_hit(1, effects),
            Act::Previous => self.step_hit(-1, effects),
            Act::Mask => {
                self.mask = !self.mask;
                self.difference = None;
                if let Some(page) = &mut self.page {
                    page.view.revision = 0;
                }
                let words = if self.mask {
                    "Numbers, addresses and host names count as the same."
                } else {
                    "Outputs are the same when every byte is."
                };
                effects.push(Effect::Say(words.to_owned()));
            }
            Act::Diff => {
                let main = self.main().cloned();
                self.compare(main.as_ref(), "no main group yet", effects);
            }
            Act::Select => {
                let on = self.on.clone();
                self.selected = if self.selected == on { None } else { on };
            }
            Act::DiffTwo => {
                let selected = self.selected.as_ref();
                let with = selected
                    .and_then(|key| self.groups().iter().find(|group| group.key == *key))
                    .cloned();
                let words = "no selected group (Space selects)";
                self.compare(with.as_ref(), words, effects);
            }
            Act::Copy => match self.lines.current() {
                Some(line) => effects.push(Effect::Copy(line, "the line".to_owned())),
                None => effects.push(Effect::Say("There is no line to copy.".to_owned())),
            },
            Act::CopyHosts => effects.extend(
                self.group()
                    .map(|group| Effect::Copy(group.hosts.clone(), counted(group.count, "host"))),
            ),
            Act::Wrap | Act::Times | Act::Follow => return self.lines.act(act),
            _ if self.focus == Focus::Groups && self.list.act(act) => self.turned(),
            _ => return self.lines.act(act),
        }
        true
    }

    fn draw(&mut self, canvas: &mut Canvas, context: &Context) {
        let (width, height) = (canvas.width(), canvas.height());
        if let Some(gone) = &self.gone {
            canvas.clipped(1, 0, width - 2, Role::Failed, &plain(gone));
            return;
        }
        if self.page.is_none() {
            canvas.text(1, 0, Role::Dim, "Asking the engine…");
            return;
        }
        if let (Some(unfolded), Some(page)) = (&mut self.unfolded, &self.page) {
            unfolded.draw(canvas, page);
            return;
        }
        if width >= WIDE {
            let left = (width * 2 / 5).min(64);
            self.draw_groups(&mut canvas.part(0, 0, left - 1, height));
            canvas.part(left - 1, 0, 1, height).divider(0);
            self.draw_lines(&mut canvas.part(left, 0, width - left, height), context);
            return;
        }
        let groups = u16::try_from(self.groups().len()).unwrap_or(u16::MAX);
        let above = (groups + 1).clamp(3, height / 2);
        self.draw_groups(&mut canvas.part(0, 0, width, above));
        self.draw_lines(&mut canvas.part(0, above, width, height - above), context);
    }

    fn hints(&self) -> Vec<Act> {
        vec![
            Act::Open,
            Act::NextFailure,
            Act::Diff,
            Act::Search,
            Act::NextPane,
            Act::Unfold,
            Act::Mask,
            Act::Wrap,
            Act::Times,
            Act::CopyHosts,
        ]
    }

    fn view(&self) -> Option<&RunView> {
        Some(&self.page.as_ref()?.view)
    }

    fn run(&self) -> Option<RunId> {
        Some(self.run)
    }

    fn conn(&self) -> Option<&str> {
        let view = &self.page.as_ref()?.view;
        view.ended
            .is_none()
            .then(|| view.holder.as_deref().unwrap_or("-"))
    }

    fn status(&self) -> String {
        let place = match &self.unfolded {
            Some(_) => String::new(),
            None => self.lines.place(),
        };
        let mut words = vec![self.search.words(), place];
        if self.mask {
            words.push("masked".to_owned());
        }
        words.retain(|word| !word.is_empty());
        words.join("   ")
    }

    fn query(&self) -> Option<(&'static str, String)> {
        Some(("search", self.search.text().to_owned()))
    }

    fn set_query(&mut self, text: &str) -> Result<(), String> {
        self.lines.found = self.search.set(text)?;
        Ok(())
    }

    fn text(&self) -> String {
        match &self.difference {
            Some(difference) => difference.shown.join("\n") + "\n",
            None => self.lines.text(),
        }
    }
}

/// The first host of a folded set that names hosts one by one, for a title.
fn first_name(folded: &str) -> String {
    let end = folded.find(',').filter(|end| !folded[..*end].contains('['));
    plain(&folded[..end.unwrap_or(folded.len())])
}
