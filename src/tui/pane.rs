//! What a screen is to the console: what it asks for, what it shows, what keys do there.

use super::canvas::{Canvas, Look};
use super::keys::Act;
use super::overlay::Overlay;
use super::theme::Role;
use crate::flow::definition::Kind;
use crate::run::ids::{At, RunId};
use crate::run::sign::Sign;
use crate::wire::console::Overview;
use crate::wire::reply::Fault;
use crate::wire::view::RunView;
use crate::wire::{Reply, Request};

/// Something a screen shows and the engine has: asked again when the request changes, and, if it
/// is followed, after each answer.
#[derive(Debug, Clone)]
pub(super) struct Want {
    /// Which of a screen's views this is.
    pub slot: &'static str,
    /// The question.
    pub request: Request,
    /// Whether to ask again after the answer.
    pub follow: bool,
    /// Comes back with the answer: which part of the view was asked for.
    pub mark: u64,
    /// Whether to ask only when nothing else was wanted for a moment: while somebody types.
    pub calm: bool,
}

impl Want {
    pub fn once(slot: &'static str, request: Request) -> Self {
        Self {
            slot,
            request,
            follow: false,
            mark: 0,
            calm: false,
        }
    }

    /// The same, asked when the typing pauses.
    pub fn calm(self) -> Self {
        Self { calm: true, ..self }
    }

    pub fn follow(slot: &'static str, request: Request) -> Self {
        Self {
            slot,
            request,
            follow: true,
            mark: 0,
            calm: false,
        }
    }
}

/// How long a followed view may stay unanswered when nothing changes, in milliseconds.
pub(super) const WAIT_MS: u32 = 15_000;

/// The tab a screen belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// What needs a person.
    Now,
    /// Runs.
    Runs,
    /// Hosts.
    Hosts,
    /// Audit.
    Audit,
}

/// A screen that can be found again: for marks and for the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Now,
    /// The flows that are stored.
    Flows,
    /// One of them.
    Flow(Kind, String),
    Runs,
    Run(RunId),
    /// The folded output of a run.
    Output(RunId),
    /// One host's output: its place in the run's targets, and its name.
    Host(RunId, u32, String),
    Hosts,
    Audit,
    Handover,
}

/// What the console is to do after a key.
pub(super) enum Effect {
    /// Open a screen over this one.
    Open(Place),
    /// Open a screen that is ready.
    Show(Box<dyn Pane>),
    /// Show a layer over the screen.
    Over(Box<dyn Overlay>),
    /// Take the topmost layer away.
    Close,
    /// Ask the engine to act; the words say what was done.
    Ask {
        request: Box<Request>,
        said: String,
        /// What undoes it, for ten seconds.
        undo: Option<Box<Request>>,
    },
    /// The form that starts a flow: with these hosts and values, or with the draft of it if there
    /// is one and no hosts are given.
    StartFlow {
        kind: Kind,
        name: String,
        hosts: String,
        values: Vec<(String, String)>,
    },
    /// A definition in a text area, with the draft of it if there is one.
    Edit { kind: Kind, name: String },
    /// A word in the status line.
    Say(String),
    /// To the user's clipboard, through the terminal: the text, and what it is.
    Copy(String, String),
    /// Into a file of the user's.
    Save { path: String, text: String },
    /// Do as if this act's key was pressed.
    Do(Act),
    /// Another theme.
    Theme(String),
    /// Only ASCII, or not.
    Ascii(bool),
    /// Times in this zone.
    Zone(String),
    /// Everything is drawn anew: something else wrote to the terminal.
    Redraw,
    /// Leave.
    Quit,
}

/// What screens may know of the console around them.
pub(super) struct Context<'a> {
    /// The engine's time, as well as we know.
    pub now: At,
    /// Who the engine takes us for.
    pub you: &'a str,
    /// The environment's name: on every sheet.
    pub environment: &'a str,
    /// What stands on the first screen, if it came already.
    pub overview: Option<&'a Overview>,
    /// How it is drawn.
    pub look: &'a Look,
    /// Rows and columns of a screen's body.
    pub body: (u16, u16),
    /// The names of the themes there are.
    pub themes: &'a [String],
    /// Commands and host sets typed before, newest first.
    pub recent: &'a [(String, String)],
    /// The keys as they are now.
    pub keys: &'a super::keys::Keymap,
}

/// A screen.
pub(super) trait Pane {
    /// Its tab.
    fn tab(&self) -> Tab;
    /// Its name behind the tab's.
    fn crumb(&self) -> String;
    /// How to find it again.
    fn place(&self) -> Place;
    /// What it shows of the engine, on a body of this size.
    fn wants(&self, body: (u16, u16)) -> Vec<Want>;
    /// An answer to one of its wants, with the want's mark.
    fn take(&mut self, slot: &str, mark: u64, reply: Reply);
    /// What was to be done as soon as the engine says with what: a key was quicker than it.
    fn due(&mut self) -> Option<Effect> {
        None
    }
    /// One of its wants was refused.
    fn refused(&mut self, slot: &str, fault: &Fault);
    /// The engine is another one now: what was seen of it counts for nothing.
    fn anew(&mut self);
    /// Does what a key stands for; false when it means nothing here.
    fn act(&mut self, act: Act, context: &Context, effects: &mut Vec<Effect>) -> bool;
    /// Draws itself.
    fn draw(&mut self, canvas: &mut Canvas, context: &Context);
    /// The keys that matter most here, for the hint line.
    fn hints(&self) -> Vec<Act>;
    /// The run it is about.
    fn run(&self) -> Option<RunId> {
        None
    }
    /// The run that acts are about: its own, or the one under the cursor.
    fn meant(&self) -> Option<RunId> {
        self.run()
    }
    /// How that run stands, when the screen knows.
    fn view(&self) -> Option<&RunView> {
        None
    }
    /// Who steers what is shown: a word at the top right.
    fn conn(&self) -> Option<&str> {
        None
    }
    /// A line about what is shown: filter, place, matches.
    fn status(&self) -> String {
        String::new()
    }
    /// The text of its filter or search, to go on from.
    fn query(&self) -> Option<(&'static str, String)> {
        None
    }
    /// A filter or search was typed: `Err` says what is wrong with it.
    fn set_query(&mut self, _text: &str) -> Result<(), String> {
        Ok(())
    }
    /// The text that `:save` writes: all that can be seen here.
    fn text(&self) -> String {
        String::new()
    }
}

/// Whether runs of this kind are of a definition, and no command that was typed.
pub(super) fn is_of_flow(kind: &str) -> bool {
    matches!(kind, "flow" | "fanout")
}

/// Runs of flows that have not ended, without those that are part of one of them.
pub(super) fn flows_at_work(overview: &Overview) -> Vec<&RunView> {
    let open = &overview.open;
    let is_open = |run: RunId| open.iter().any(|other| other.run == run);
    let alone = |run: &&RunView| {
        let whole = run.part_of.as_ref();
        is_of_flow(&run.kind) && !whole.is_some_and(|part| is_open(part.run))
    };
    open.iter().filter(alone).collect()
}

/// The role of a sign.
pub(super) fn role_of(sign: Sign) -> Role {
    match sign {
        Sign::InDoubt => Role::InDoubt,
        Sign::HostKey | Sign::Auth => Role::Refused,
        Sign::Unreachable => Role::Unreachable,
        Sign::Failed | Sign::Signaled | Sign::TimedOut => Role::Failed,
        Sign::Blocked => Role::Accent,
        Sign::Running => Role::Running,
        Sign::Waiting => Role::Waiting,
        Sign::NotStarted | Sign::Cancelled | Sign::Skipped => Role::Skipped,
        Sign::Ok => Role::Ok,
    }
}

/// A run's sign and role by the word of its state.
pub(super) fn run_sign(state: &str) -> (&'static str, Role) {
    match state {
        "succeeded" => ("+", Role::Ok),
        "failed" => ("X", Role::Failed),
        "aborted" | "aborting" => ("/", Role::Skipped),
        "paused" | "waiting" => ("@", Role::Accent),
        "reattaching" => ("}", Role::Running),
        _ => (">", Role::Running),
    }
}
