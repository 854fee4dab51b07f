//! The console as one value: keys, answers and the clock in; a picture and effects out. It knows no
//! terminal and no engine.

mod acts;
mod bars;
mod effects;
mod input;
mod rights;

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;

use super::canvas::{Canvas, Look};
use super::keys::{Act, Chord, Keymap};
use super::link::Asker;
use super::overlay::{Draft, Overlay, Tour, Typed, command_key};
use super::pane::{Context, Effect, Pane, Place, Want};
use super::screens;
use super::theme::{BUILT_IN, Level, Role, Theme};
use super::zone::Zone;
use crate::run::ids::At;
use crate::wire::console::{Overview, OverviewQuery};
use crate::wire::reply::Fault;
use crate::wire::{Reply, Request};

/// Ended runs on the first screen and in the list of runs.
const ENDED: u32 = 200;
/// The engine answers at least this often; longer without an answer, and it does not answer, ms.
const SILENCE_MS: i64 = 5_000;
/// How long an act can be taken back, in milliseconds.
const UNDO_MS: i64 = 10_000;
/// How long a word stands in the status line, in milliseconds.
const WORD_MS: i64 = 8_000;

/// What the console is told when it opens.
pub(super) struct Setup {
    /// Who the engine takes us for.
    pub you: String,
    /// The environment's name.
    pub environment: String,
    /// This machine's name.
    pub bastion: String,
    /// How many colours there are.
    pub level: Level,
    /// The theme's name.
    pub theme: String,
    /// Themes of the user's, by name; they win over ours.
    pub themes: Vec<(String, String)>,
    /// Only ASCII.
    pub ascii: bool,
    /// The time zone that times can be turned to.
    pub zone: Option<String>,
    /// The keys.
    pub keys: Keymap,
    /// Where it is noted that the first look is not wanted; none when there is to be no first look.
    pub tour: Option<String>,
    /// What is wrong with the user's files: said at once.
    pub complaint: Option<String>,
}

/// Whether the engine answers.
enum LinkState {
    Up,
    /// Since when not, why, and when it is tried again.
    Down {
        since: At,
        why: String,
        retry_ms: i64,
    },
}

/// What the console must do outside of itself.
pub(super) enum Outside {
    /// Ask the engine to act.
    Act(Request),
    /// To the clipboard.
    Copy(String),
    /// Into a file.
    Save { path: String, text: String },
    /// Draw everything anew.
    Redraw,
    /// Leave.
    Quit,
}

/// An act that was sent and not answered yet.
struct Sent {
    said: String,
    undo: Option<Request>,
    started: bool,
    /// The draft that is of no more use when it is done.
    draft: Option<String>,
}

/// The console.
pub(super) struct App {
    setup: Setup,
    look: Look,
    names: Vec<String>,
    /// The screens one came through, the last one on top.
    stack: Vec<(u64, Box<dyn Pane>)>,
    /// The screens one went back from.
    ahead: Vec<(u64, Box<dyn Pane>)>,
    panes: u64,
    layers: Vec<Box<dyn Overlay>>,
    /// The line at the bottom that is typed in.
    line: Option<Typed>,
    overview: Option<Overview>,
    link: LinkState,
    /// Our clock.
    now: At,
    /// The engine's clock less ours, in milliseconds.
    skew: i64,
    answered: At,
    pressed: Vec<Chord>,
    /// `m` or `'` was pressed: the next letter is a mark's.
    marking: Option<bool>,
    marks: BTreeMap<char, Place>,
    word: Option<(String, Role, At)>,
    undo: Option<(String, Request, At)>,
    sent: BTreeMap<u64, Sent>,
    waiting: Option<Sent>,
    recent: Vec<(String, String)>,
    /// What was typed and not sent, by what it is of.
    drafts: BTreeMap<String, Draft>,
    size: (u16, u16),
}

impl App {
    /// A console that has just opened.
    pub fn new(setup: Setup, now: At, size: (u16, u16)) -> Self {
        let mut names: Vec<String> = BUILT_IN
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        names.extend(setup.themes.iter().map(|(name, _)| name.clone()));
        names.dedup();
        let look = Look {
            theme: Theme::fallback(setup.level),
            ascii: setup.ascii,
            zone: Zone::default(),
        };
        let mut app = Self {
            look,
            names,
            stack: vec![(0, screens::open(&Place::Now))],
            ahead: Vec::new(),
            panes: 0,
            layers: Vec::new(),
            line: None,
            overview: None,
            link: LinkState::Up,
            now,
            skew: 0,
            answered: now,
            pressed: Vec::new(),
            marking: None,
            marks: BTreeMap::new(),
            word: None,
            undo: None,
            sent: BTreeMap::new(),
            waiting: None,
            recent: Vec::new(),
            drafts: BTreeMap::new(),
            size,
            setup,
        };
        let theme = app.setup.theme.clone();
        app.use_theme(&theme);
        if let Some(seen) = app.setup.tour.clone() {
            app.layers.push(Box::new(Tour::new(seen)));
        }
        match app.setup.zone.as_deref().map(Zone::named) {
            Some(Ok(zone)) => app.look.zone = zone,
            Some(Err(why)) => app.warn(why),
            None => {}
        }
        if let Some(complaint) = app.setup.complaint.take() {
            app.warn(complaint);
        }
        app
    }

    /// What is to be asked of the engine now.
    pub fn wants(&self) -> Vec<(Asker, Want)> {
        let overview = Request::Overview(OverviewQuery {
            revision: self
                .overview
                .as_ref()
                .map_or(0, |overview| overview.revision),
            wait_ms: 4_000,
            ended: ENDED,
            looking: self.pane().run(),
        });
        let mut wants = vec![(Asker::Console, Want::follow("overview", overview))];
        let (number, pane) = self.top();
        let body = self.body();
        wants.extend(
            pane.wants(body)
                .into_iter()
                .map(|want| (Asker::Pane(*number), want)),
        );
        if let Some(layer) = self.layers.last() {
            wants.extend(layer.wants().into_iter().map(|want| (Asker::Overlay, want)));
        }
        wants
    }

    /// An answer to a want; what must be done outside is returned.
    pub fn take(
        &mut self,
        asker: Asker,
        slot: &'static str,
        mark: u64,
        reply: Result<Reply, Fault>,
    ) -> Vec<Outside> {
        self.answered = self.now;
        self.link = LinkState::Up;
        match (asker, reply) {
            (Asker::Console, Ok(Reply::Overview(overview))) => self.take_overview(*overview),
            (Asker::Console, Ok(_)) => {}
            (Asker::Console, Err(fault)) => self.warn(fault.message),
            (Asker::Overlay, reply) => {
                if let Some(layer) = self.layers.last_mut() {
                    match reply {
                        Ok(reply) => layer.take(slot, reply),
                        Err(fault) => layer.refused(slot, &fault),
                    }
                }
            }
            (Asker::Pane(number), reply) => {
                let pane = self.stack.iter_mut().find(|(known, _)| *known == number);
                let due = match (pane, reply) {
                    (Some((_, pane)), Ok(reply)) => {
                        pane.take(slot, mark, reply);
                        pane.due()
                    }
                    (Some((_, pane)), Err(fault)) => {
                        pane.refused(slot, &fault);
                        None
                    }
                    (None, _) => None,
                };
                if let Some(effect) = due.filter(|_| self.top().0 == number) {
                    return self.carry_out(vec![effect]);
                }
            }
        }
        Vec::new()
    }

    fn take_overview(&mut self, overview: Overview) {
        self.skew = overview.at.0 - self.now.0;
        let mut seen = std::collections::BTreeSet::new();
        let open = overview
            .open
            .iter()
            .map(|run| (&run.kind, &run.targets, &run.title));
        let ended = overview
            .ended
            .iter()
            .map(|run| (&run.kind, &run.targets, &run.title));
        self.recent = open
            .chain(ended)
            .filter(|(kind, ..)| *kind == "exec")
            .map(|(_, targets, title)| (targets.clone(), title.clone()))
            .filter(|pair| seen.insert(pair.clone()))
            .take(50)
            .collect();
        self.overview = Some(overview);
    }

    /// The engine answered an act.
    pub fn acted(&mut self, number: u64, reply: Result<Reply, Fault>) {
        self.answered = self.now;
        let Some(sent) = self.sent.remove(&number) else {
            return;
        };
        match reply {
            Ok(Reply::Started { run, warnings }) => {
                if let Some(key) = &sent.draft {
                    self.drafts.remove(key);
                }
                let warning = warnings
                    .first()
                    .map(|w| format!(" {w}"))
                    .unwrap_or_default();
                self.say(format!("Run {run} started.{warning}"));
                self.open(&Place::Run(run));
            }
            Ok(Reply::Applied(applied)) => self.applied(&sent, &applied),
            Ok(reply) => {
                let stay = match reply {
                    Reply::Steered(view) => stays(&view.stay),
                    _ => String::new(),
                };
                self.undo = sent
                    .undo
                    .map(|request| (sent.said.clone(), request, At(self.now.0 + UNDO_MS)));
                let key = self.setup.keys.key(Act::Undo).to_owned();
                let undo = if self.undo.is_some() {
                    format!(" {key} takes it back.")
                } else {
                    String::new()
                };
                self.say(format!("Done: {}.{stay}{undo}", sent.said));
            }
            Err(fault) => {
                let words = if sent.started {
                    let of_command = sent.draft == Some(command_key());
                    let act = if of_command {
                        Act::Start
                    } else {
                        Act::StartFlow
                    };
                    let key = self.setup.keys.key(act);
                    format!("Not started ({key} has your draft): {}", fault.message)
                } else {
                    format!("Not done ({}): {}", sent.said, fault.message)
                };
                self.warn(words);
            }
        }
    }

    /// An act went out under this number; `None`: there is no engine.
    pub fn was_sent(&mut self, number: Option<u64>) {
        match (number, self.waiting.take()) {
            (Some(number), Some(sent)) => drop(self.sent.insert(number, sent)),
            (None, Some(_)) => {
                self.warn("Nothing was sent: the engine does not answer.".to_owned());
            }
            _ => {}
        }
    }

    /// The engine is gone.
    pub fn lost(&mut self, why: String, retry_ms: i64) {
        let since = match &self.link {
            LinkState::Down { since, .. } => *since,
            LinkState::Up => self.answered,
        };
        for sent in std::mem::take(&mut self.sent).into_values() {
            self.warn(format!(
                "Nobody knows whether it was done: {}. Look at the run.",
                sent.said
            ));
        }
        self.link = LinkState::Down {
            since,
            why,
            retry_ms,
        };
    }

    /// There is an engine again.
    pub fn found(&mut self) {
        self.link = LinkState::Up;
        self.answered = self.now;
        if let Some(overview) = &mut self.overview {
            overview.revision = 0;
        }
        for (_, pane) in self.stack.iter_mut().chain(&mut self.ahead) {
            pane.anew();
        }
        self.say("The engine answers again.".to_owned());
    }

    /// The clock went on.
    pub fn tick(&mut self, now: At) {
        self.now = now;
        let until = |at: &At| at.0 > now.0;
        self.word.take_if(|(_, _, at)| !until(at));
        self.undo.take_if(|(_, _, at)| !until(at));
        if matches!(self.link, LinkState::Up) && now.0 - self.answered.0 > SILENCE_MS {
            self.link = LinkState::Down {
                since: self.answered,
                why: "it is silent".to_owned(),
                retry_ms: 0,
            };
        }
    }

    /// The terminal has another size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
    }

    /// Whether the engine answers.
    fn is_up(&self) -> bool {
        matches!(self.link, LinkState::Up)
    }

    fn top(&self) -> &(u64, Box<dyn Pane>) {
        // The first screen is never taken off.
        &self.stack[self.stack.len() - 1]
    }

    fn pane(&self) -> &dyn Pane {
        self.top().1.as_ref()
    }

    fn pane_mut(&mut self) -> &mut dyn Pane {
        let last = self.stack.len() - 1;
        self.stack[last].1.as_mut()
    }

    /// Opens a screen over the one that is open, unless it is that one.
    fn open(&mut self, place: &Place) {
        if self.pane().place() != *place {
            self.push(screens::open(place));
        }
    }

    fn push(&mut self, pane: Box<dyn Pane>) {
        /// Screens that can be gone back to.
        const MOST: usize = 50;
        self.panes += 1;
        self.stack.push((self.panes, pane));
        self.ahead.clear();
        if self.stack.len() > MOST {
            self.stack.remove(1);
        }
    }

    fn back(&mut self) -> bool {
        let can = self.stack.len() > 1;
        if can && let Some(pane) = self.stack.pop() {
            self.ahead.push(pane);
        }
        can
    }

    fn forward(&mut self) -> bool {
        let pane = self.ahead.pop();
        let can = pane.is_some();
        self.stack.extend(pane);
        can
    }

    fn say(&mut self, words: String) {
        self.word = Some((words, Role::Text, At(self.now.0 + WORD_MS)));
    }

    fn warn(&mut self, words: String) {
        self.word = Some((words, Role::Failed, At(self.now.0 + 2 * WORD_MS)));
    }

    fn use_theme(&mut self, name: &str) {
        let ours = BUILT_IN.iter().map(|(name, text)| (*name, *text));
        let theirs = self
            .setup
            .themes
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let Some((_, text)) = theirs.chain(ours).find(|(known, _)| *known == name) else {
            self.warn(format!("There is no theme {name:?}."));
            return;
        };
        match Theme::parse(text, self.setup.level) {
            Ok(theme) => self.look.theme = theme,
            Err(why) => self.warn(format!("Theme {name}: {why}")),
        }
    }

    fn with_context<T>(&mut self, work: impl FnOnce(&mut Parts, &Context) -> T) -> T {
        let body = self.body();
        let context = Context {
            now: At(self.now.0 + self.skew),
            you: &self.setup.you,
            environment: &self.setup.environment,
            overview: self.overview.as_ref(),
            look: &self.look,
            body,
            themes: &self.names,
            recent: &self.recent,
            keys: &self.setup.keys,
        };
        let mut parts = Parts {
            stack: &mut self.stack,
            layers: &mut self.layers,
            line: &mut self.line,
        };
        work(&mut parts, &context)
    }

    /// Draws the whole screen; where the cursor is to be seen.
    pub fn draw(&mut self, buffer: &mut Buffer) -> Option<(u16, u16)> {
        buffer.set_style(buffer.area, self.look.theme.base());
        let look = self.look.clone();
        let area = buffer.area;
        let mut canvas = Canvas::new(buffer, area, &look);
        if area.width < 40 || area.height < 10 {
            canvas.text(0, 0, Role::Text, "conn needs 40 columns and 10 rows.");
            canvas.text(0, 1, Role::Dim, "q leaves; what runs goes on.");
            return None;
        }
        let frame = self.bars();
        frame.draw(&mut canvas);
        let body = frame.body;
        let mut cursor = self.with_context(|parts, context| {
            let mut part = canvas.part(0, body.0, area.width, body.1);
            let cover = parts.layers.last_mut();
            let Some(layer) = cover else {
                if let Some((_, pane)) = parts.stack.last_mut() {
                    pane.draw(&mut part, context);
                }
                return None;
            };
            if let Some((_, pane)) = parts.stack.last_mut() {
                pane.draw(&mut part, context);
            }
            layer.draw(&mut part, context).map(|(x, y)| (x, y + body.0))
        });
        let status = area.height - 2;
        if self.line.is_some() {
            cursor = self.with_context(|parts, context| {
                let mut part = canvas.part(0, status, area.width, 1);
                part.clear();
                let line = parts.line.as_mut()?;
                line.draw(&mut part, context).map(|(x, _)| (x, status))
            });
        }
        cursor
    }
}

/// The parts of the console that change while its surroundings are looked at.
struct Parts<'a> {
    stack: &'a mut Vec<(u64, Box<dyn Pane>)>,
    layers: &'a mut Vec<Box<dyn Overlay>>,
    line: &'a mut Option<Typed>,
}

/// What does not go on with the others, in a line: the first, and how many more.
fn stays(stay: &[String]) -> String {
    match stay {
        [] => String::new(),
        [one] => format!(" But {one}."),
        [first, more @ ..] => format!(" But {first}, and {} more.", more.len()),
    }
}
