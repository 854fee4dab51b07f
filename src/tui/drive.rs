//! The loop: keys first, then the engine, then the clock; everything queued is taken, then one
//! frame is drawn, and none before the terminal has taken the last one.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use crossterm::event::{Event, KeyEvent};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::app::{App, Outside, Setup};
use super::keys::Keymap;
use super::link::{Connector, Link, News};
use super::pace::Pace;
use super::present::Screen;
use super::terminal::{Output, Taken, input};
use super::theme::Level;
use crate::run::ids::At;
use crate::wire::Client;

/// So many different keys at once are no person's.
const BURST: usize = 8;
/// While a question is open, keys that come so soon after one another came at once: a terminal may
/// hand over what was pasted piece by piece.
const AT_ONCE: Duration = Duration::from_millis(25);
/// Nobody has read a question sooner.
const UNREAD: Duration = Duration::from_millis(200);
/// The longest text for a clipboard, in bytes: terminals drop longer ones without a word.
const MOST_COPIED: usize = 56_000;

/// Why the console ended otherwise than by a person's key.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The terminal could not be used.
    #[error("the terminal cannot be used: {0}. `conn runs` and `conn run` work without one")]
    Terminal(#[from] std::io::Error),
}

/// How the console is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The environment's name, on every screen.
    pub environment: String,
    /// The name of the machine the engine is on.
    pub bastion: String,
    /// The theme's name; chosen by what the terminal can do when there is none.
    pub theme: Option<String>,
    /// Themes of the user's: name and text.
    pub themes: Vec<(String, String)>,
    /// The text of the user's `keys.toml`.
    pub keys: Option<String>,
    /// Only ASCII.
    pub ascii: bool,
    /// The time zone that times can be turned to.
    pub zone: Option<String>,
    /// Fewer frames, for a slow link.
    pub slow: bool,
    /// Where it is noted that the first look was dismissed; no first look without.
    pub tour: Option<PathBuf>,
}

/// Opens the console on this terminal until the person leaves. What runs goes on.
///
/// # Errors
/// When there is no terminal, or it cannot be set.
pub async fn open(
    client: Client,
    connector: Connector,
    options: Options,
) -> Result<(), ConsoleError> {
    let setup = setup(&client, &options);
    let taken = Taken::take()?;
    let (width, height) = crossterm::terminal::size()?;
    let pace = Pace::new(options.slow, Instant::now());
    let (link, news) = Link::new(client, connector, pace.frame());
    let console = Console {
        app: App::new(setup, now(), (width, height)),
        screen: Screen::new(width, height),
        output: Output::start(std::io::stdout())?,
        link,
        aside: Vec::new(),
        pace,
        dirty: true,
        keyed: false,
        asked: Instant::now(),
    };
    let ended = console.run(news).await;
    drop(taken);
    ended
}

fn setup(client: &Client, options: &Options) -> Setup {
    let level = Level::of(|name| std::env::var(name).ok());
    let (keys, complaint) = match options.keys.as_deref().map(Keymap::parse) {
        None => (Keymap::default(), None),
        Some(Ok(keys)) => (keys, None),
        Some(Err(why)) => (
            Keymap::default(),
            Some(format!("{why}. The keys are as they come.")),
        ),
    };
    let by_terminal = if level == Level::Mono {
        "mono"
    } else {
        "terminal"
    };
    let tour = options.tour.as_ref().filter(|seen| !seen.exists());
    Setup {
        you: client.welcome().user.clone(),
        environment: options.environment.clone(),
        bastion: options.bastion.clone(),
        level,
        theme: options
            .theme
            .clone()
            .unwrap_or_else(|| by_terminal.to_owned()),
        themes: options.themes.clone(),
        ascii: options.ascii,
        zone: options.zone.clone(),
        keys,
        tour: tour.map(|seen| seen.display().to_string()),
        complaint,
    }
}

fn now() -> At {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    At(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A console that is open.
struct Console {
    app: App,
    screen: Screen,
    output: Output,
    link: Link,
    /// Bytes for the terminal that are no picture: a clipboard's text.
    aside: Vec<u8>,
    pace: Pace,
    dirty: bool,
    /// A key was pressed since the last frame.
    keyed: bool,
    /// When the last question was asked.
    asked: Instant,
}

impl Console {
    async fn run(mut self, mut news: mpsc::Receiver<News>) -> Result<(), ConsoleError> {
        let mut events = input::start()?;
        let mut ends = Ends::listen()?;
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.link.want(&self.app.wants());
            self.draw();
            let due = self.pace.due(self.keyed);
            let ready = self.output.is_ready();
            tokio::select! {
                biased;
                event = events.recv() => {
                    let Some(event) = event else {
                        // The terminal is gone.
                        return Ok(());
                    };
                    let mut all = vec![event];
                    while let Ok(event) = events.try_recv() {
                        all.push(event);
                    }
                    while self.app.is_asking()
                        && let Ok(Some(event)) = timeout(AT_ONCE, events.recv()).await
                    {
                        all.push(event);
                    }
                    if self.take_events(all) {
                        return Ok(());
                    }
                }
                told = news.recv() => {
                    if let Some(told) = told {
                        self.take_news(told);
                        while let Ok(told) = news.try_recv() {
                            self.take_news(told);
                        }
                    }
                }
                () = ends.recv() => return Ok(()),
                () = self.output.ready(), if self.dirty && !ready => {}
                () = tokio::time::sleep_until(due), if self.dirty && ready => {}
                _ = clock.tick() => {
                    self.app.tick(now());
                    self.dirty = true;
                }
            }
            if self.output.is_broken() {
                return Ok(());
            }
        }
    }

    fn draw(&mut self) {
        let now = Instant::now();
        if !self.dirty || !self.output.is_ready() || now < self.pace.due(self.keyed) {
            return;
        }
        let app = &mut self.app;
        let mut bytes = std::mem::take(&mut self.aside);
        bytes.extend(self.screen.frame(|buffer| app.draw(buffer)));
        self.pace.drew(now, bytes.len(), self.keyed);
        self.output.send(bytes);
        (self.dirty, self.keyed) = (false, false);
    }

    /// True when the person leaves.
    fn take_events(&mut self, events: Vec<Event>) -> bool {
        self.dirty = true;
        self.app.tick(now());
        let ignored = if self.app.is_asking() {
            self.is_no_answer(&events)
        } else {
            !self.app.is_typing() && self.is_burst(&events)
        };
        if ignored {
            self.ignore(events);
            return false;
        }
        let mut events = events.into_iter();
        while let Some(event) = events.next() {
            let asked = self.app.is_asking();
            if self.take_event(event) {
                return true;
            }
            // Keys that were on their way already are nobody's answer to a question just asked.
            if !asked && self.app.is_asking() {
                self.asked = Instant::now();
                self.ignore(events);
                return false;
            }
        }
        false
    }

    /// Drops keys and says so; a new size counts whatever comes with it.
    fn ignore(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut dropped = 0;
        for event in events {
            if matches!(event, Event::Resize(..)) {
                self.take_event(event);
            } else {
                dropped += 1;
            }
        }
        if dropped > 0 {
            self.app.burst(dropped);
        }
    }

    /// A question is answered by one key of somebody who has read it.
    fn is_no_answer(&self, events: &[Event]) -> bool {
        let keys: std::collections::HashSet<&KeyEvent> = keys(events).collect();
        !keys.is_empty() && (keys.len() > 1 || self.asked.elapsed() < UNREAD)
    }

    /// Whether more different keys came at once than a person presses. Those after a key that opens
    /// a field were typed ahead, over a link that was slow for a moment.
    fn is_burst(&self, events: &[Event]) -> bool {
        let before: std::collections::HashSet<&KeyEvent> = keys(events)
            .take_while(|key| !self.app.opens_field(key))
            .collect();
        before.len() >= BURST
    }

    fn take_event(&mut self, event: Event) -> bool {
        match event {
            Event::Key(key) => return self.key(&key),
            Event::Paste(text) => self.app.paste(&text),
            Event::Resize(width, height) => {
                self.app.resize(width, height);
                self.screen.resize(width, height);
            }
            _ => {}
        }
        false
    }

    fn key(&mut self, key: &KeyEvent) -> bool {
        self.keyed = true;
        let outside = self.app.key(key);
        outside.into_iter().any(|outside| self.outside(outside))
    }

    fn outside(&mut self, outside: Outside) -> bool {
        match outside {
            Outside::Quit => return true,
            Outside::Redraw => self.screen.forget(),
            Outside::Act(request) => {
                let number = self.link.act(request);
                self.app.was_sent(number);
            }
            Outside::Copy(text) if text.len() > MOST_COPIED => {
                let why = "it is too long for a clipboard: `: save FILE` writes it";
                self.app.saved("the clipboard", Err(why.to_owned()));
            }
            Outside::Copy(text) => {
                let text = base64::engine::general_purpose::STANDARD.encode(text);
                self.aside.extend(format!("\x1b]52;c;{text}\x07").bytes());
            }
            Outside::Save { path, text } => {
                let result = save(&path, &text);
                self.app.saved(&path, result);
            }
        }
        false
    }

    fn take_news(&mut self, news: News) {
        self.dirty = true;
        self.app.tick(now());
        match news {
            News::View(asker, slot, (number, mark), reply) => {
                if self.link.answered(asker, slot, number) {
                    let open = self.app.is_asking();
                    for outside in self.app.take(asker, slot, mark, reply) {
                        self.outside(outside);
                    }
                    if !open && self.app.is_asking() {
                        self.asked = Instant::now();
                    }
                }
            }
            News::Act(number, reply) => self.app.acted(number, reply),
            News::Lost(why, retry) => {
                self.link.lost();
                let retry = i64::try_from(retry.as_millis()).unwrap_or(0);
                self.app.lost(why, retry);
            }
            News::Found(client) => {
                self.link.found(client);
                self.app.found();
            }
        }
    }
}

fn keys(events: &[Event]) -> impl Iterator<Item = &KeyEvent> {
    events.iter().filter_map(|event| match event {
        Event::Key(key) => Some(key),
        _ => None,
    })
}

/// The signals that end a console as `q` does. Whoever listened to one goes on to be deaf to it: a
/// Ctrl-C that reaches the terminal while it is given back does not end the process half-way.
struct Ends([Signal; 4]);

impl Ends {
    fn listen() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::quit())?,
        ]))
    }

    /// Waits for the first of them.
    async fn recv(&mut self) {
        let any = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(any).await;
    }
}

/// Writes a file that is not there yet, for its owner alone.
fn save(path: &str, text: &str) -> Result<usize, String> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let path = match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| error.to_string())?;
    file.write_all(text.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(text.len())
}
