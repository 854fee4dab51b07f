//! Following a run until it ends, whatever happens to the engine meanwhile.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Args, Command};
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::{self, Printer, notice};
use super::progress::{self, Progress};
use super::seen::Seen;
use super::stages::Told;
use super::summary::Summary;
use super::terminal::Terminal;
use super::typed::Typed;
use super::{checks, gather, json};
use crate::run::ids::RunId;
use crate::run::output::{Chunk, ChunkBody, OutStream};
use crate::wire::follow::{FollowFrom, FollowPage};
use crate::wire::request::Steer;
use crate::wire::view::{RunView, TaskView};
use crate::wire::{CallError, Client, FaultKind, Reply, Request};

/// Output asked for at once.
const PAGE_BYTES: u32 = 512 << 10;
/// A second ^C within this time cancels the run.
const AGAIN_WITHIN: Duration = Duration::from_secs(2);
/// How long an engine that went away is looked for.
const RECONNECT_LIMIT: Duration = Duration::from_mins(1);

/// What to print of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `host: line`, as it comes.
    Lines,
    /// Identical output once, at the end.
    Gather,
    /// One JSON document a host, as it ends.
    Json,
    /// What a preflight found, at the end.
    Checks {
        /// One JSON document a host instead of a table.
        json: bool,
    },
}

impl Style {
    /// The style that the options `--json` and `--gather` ask for.
    pub fn of(json: bool, gather: bool) -> Self {
        match (json, gather) {
            (true, _) => Self::Json,
            (false, true) => Self::Gather,
            (false, false) => Self::Lines,
        }
    }

    /// Whether only JSON goes to standard output.
    fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Checks { json: true })
    }

    /// Whether output is of no use before the end.
    fn is_told_at_end(self) -> bool {
        matches!(self, Self::Gather | Self::Checks { .. })
    }
}

/// Output of one host that has not ended, for [`Style::Json`].
#[derive(Default)]
struct Held {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A run that is being followed.
pub struct Follow<'a> {
    args: &'a Args,
    client: Client,
    from: FollowFrom,
    style: Style,
    terminal: Terminal,
    printer: Printer,
    progress: Progress,
    summary: Summary,
    names: HashMap<u32, String>,
    held: HashMap<u32, Held>,
    seen: Seen,
    last_view: RunView,
    told: Option<String>,
    stages: Told,
    interrupts: Signal,
    interrupted: Option<Instant>,
    typed: Typed,
    /// Whether a person was asked if the rest may go, and has not answered.
    asking: bool,
}

impl<'a> Follow<'a> {
    /// Follows this run from its start.
    pub fn new(args: &'a Args, client: Client, run: RunId, style: Style) -> Result<Self, CliError> {
        let terminal = Terminal::detect(args.color);
        let live = terminal.stderr && !args.quiet && !style.is_json();
        let interrupts = signal(SignalKind::interrupt())
            .map_err(|error| CliError::io("listening for ^C", error))?;
        Ok(Self {
            args,
            client,
            from: FollowFrom {
                run,
                max_bytes: if style.is_told_at_end() {
                    0
                } else {
                    PAGE_BYTES
                },
                wait_ms: if live { 250 } else { 10_000 },
                ..FollowFrom::default()
            },
            style,
            terminal,
            printer: Printer::new(terminal),
            progress: Progress::new(live),
            summary: Summary::default(),
            names: HashMap::new(),
            held: HashMap::new(),
            seen: Seen::default(),
            last_view: RunView::default(),
            told: None,
            stages: Told::default(),
            interrupts,
            interrupted: None,
            typed: Typed::new(),
            asking: false,
        })
    }

    /// Follows to the end; the exit code says how it was.
    pub async fn until_end(mut self) -> Result<Exit, CliError> {
        self.learn_names().await?;
        loop {
            let page = tokio::select! {
                page = self.client.call(Request::Follow(self.from.clone())) => page,
                line = self.typed.line(), if self.asking => {
                    self.answered(line?.as_deref()).await?;
                    continue;
                }
                _ = self.interrupts.recv() => {
                    self.on_interrupt().await?;
                    continue;
                }
            };
            match page {
                Ok(Reply::Page(page)) => {
                    let over = page.caught_up && page.view.ended.is_some();
                    self.take(*page)?;
                    if over {
                        return self.finish().await;
                    }
                    self.ask_when_paused()?;
                }
                Ok(_) => return Err(CliError::Unexpected),
                Err(error) if is_leaving(&error) => self.reconnect().await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Chunks name hosts by their place; the list of tasks says which they are.
    async fn learn_names(&mut self) -> Result<(), CliError> {
        let request = Request::Show { run: self.from.run };
        let Reply::Detail(detail) = self.client.call(request).await? else {
            return Err(CliError::Unexpected);
        };
        self.names = detail
            .tasks
            .into_iter()
            .map(|task| (task.ix, task.host))
            .collect();
        Ok(())
    }

    fn take(&mut self, page: FollowPage) -> Result<(), CliError> {
        if !page.chunks.is_empty() || !page.ended.is_empty() {
            self.progress.wipe();
        }
        for chunk in page.chunks {
            if let Some(chunk) = self.seen.fresh(chunk) {
                self.chunk(&chunk)?;
            }
        }
        for task in &page.ended {
            self.ended(task)?;
        }
        self.from.output = page.output;
        self.from.ended = page.ended_seen;
        self.from.revision = page.view.revision;
        if !page.view.stages.is_empty() {
            self.progress.wipe();
        }
        let (json, quiet) = (self.style.is_json(), self.args.quiet);
        self.stages.tell(&page.view.stages, json, quiet)?;
        self.tell(&page.view)?;
        // Not over what a person types.
        if page.view.ended.is_none() && !self.asking {
            self.progress.draw(&page.view);
        }
        self.last_view = page.view;
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<(), CliError> {
        let host = self.names.get(&chunk.host).map_or("?", String::as_str);
        match self.style {
            Style::Lines => self.printer.chunk(host, chunk),
            Style::Json => {
                self.hold(chunk);
                Ok(())
            }
            Style::Gather | Style::Checks { .. } => Ok(()),
        }
    }

    fn hold(&mut self, chunk: &Chunk) {
        if let ChunkBody::Data(bytes) = &chunk.body {
            let held = self.held.entry(chunk.host).or_default();
            match chunk.stream {
                OutStream::Stdout => held.stdout.extend_from_slice(bytes),
                OutStream::Stderr => held.stderr.extend_from_slice(bytes),
            }
        }
    }

    fn ended(&mut self, task: &TaskView) -> Result<(), CliError> {
        self.summary.add(task);
        match self.style {
            Style::Lines => self.printer.flush(&task.host, task.ix),
            Style::Json => {
                let held = self.held.remove(&task.ix).unwrap_or_default();
                print::say_json(&json::host(task, &held.stdout, &held.stderr))
            }
            Style::Gather | Style::Checks { .. } => Ok(()),
        }
    }

    /// Says once why a run stands still, and which hosts have been silent for long.
    fn tell(&mut self, view: &RunView) -> Result<(), CliError> {
        let silent: Vec<&str> = view.silent.iter().map(|host| host.host.as_str()).collect();
        let words = match (&view.because, silent.is_empty()) {
            (Some(because), _) if view.ended.is_none() => Some(because.clone()),
            (_, false) => Some(format!(
                "no output for long from {}; still running",
                crate::inventory::fold(silent.iter().copied())
            )),
            _ => None,
        };
        if words != self.told {
            if let Some(words) = &words
                && !self.args.quiet
            {
                self.progress.wipe();
                notice(&format!("run {}: {words}", view.run))?;
            }
            self.told = words;
        }
        Ok(())
    }

    /// After `--first`: a person at a terminal says whether the rest may go. Somebody else may have
    /// said it meanwhile.
    fn ask_when_paused(&mut self) -> Result<(), CliError> {
        let paused = self.last_view.state == "paused";
        let at_terminal = self.terminal.stdin && self.terminal.stderr && !self.style.is_json();
        if self.asking && !paused {
            self.asking = false;
            if self.last_view.ended.is_none() {
                notice(&format!("run {} goes on", self.from.run))?;
            }
        } else if paused && at_terminal && !self.asking {
            self.ask()?;
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), CliError> {
        self.progress.wipe();
        self.asking = true;
        notice(
            "c and Enter goes on with the rest; q and Enter, or ^C, leaves it paused and detaches",
        )
    }

    async fn answered(&mut self, line: Option<&str>) -> Result<(), CliError> {
        match line.map(str::trim) {
            Some("c") => {
                self.asking = false;
                self.steer(Steer::Resume).await
            }
            Some("q") | None => Err(CliError::Detached(self.from.run)),
            Some(_) => self.ask(),
        }
    }

    async fn on_interrupt(&mut self) -> Result<(), CliError> {
        if self.asking {
            return Err(CliError::Detached(self.from.run));
        }
        self.progress.wipe();
        let again = self
            .interrupted
            .is_some_and(|before| before.elapsed() < AGAIN_WITHIN);
        if again {
            notice(&format!("cancelling run {}", self.from.run))?;
            return self
                .steer(Steer::Abort {
                    reason: "^C twice".to_owned(),
                })
                .await;
        }
        self.interrupted = Some(Instant::now());
        notice(&progress::line(&self.last_view))?;
        notice(&format!(
            "^C again within 2 s cancels run {}; it goes on otherwise, also without this terminal",
            self.from.run
        ))
    }

    async fn steer(&mut self, act: Steer) -> Result<(), CliError> {
        let run = self.from.run;
        match self.client.call(Request::Steer { run, act }).await {
            Ok(_) => Ok(()),
            Err(CallError::Fault(fault)) => notice(&fault.message),
            Err(error) => Err(error.into()),
        }
    }

    /// The engine is gone: wait for it, or start it; the run is in its journal.
    async fn reconnect(&mut self) -> Result<(), CliError> {
        self.progress.wipe();
        if matches!(&self.args.command, Some(Command::Run(run)) if run.ephemeral) {
            return Err(CliError::NoEngine(
                "the engine in this process failed. What runs on the hosts is not known; look there"
                    .to_owned(),
            ));
        }
        notice("the engine went away; looking for it")?;
        let until = Instant::now() + RECONNECT_LIMIT;
        loop {
            match connect(self.args, true).await {
                Ok(client) => {
                    self.client = client;
                    // Places in the run's output are an engine's own; another begins anew.
                    self.from.output = 0;
                    return notice(&format!("back; run {} is followed again", self.from.run));
                }
                Err(error) if Instant::now() >= until => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
            }
        }
    }

    /// The end of a preflight: what was found, and whether work may begin.
    async fn checks(&self, as_json: bool, view: &RunView) -> Result<Exit, CliError> {
        let hosts = checks::read(&self.client, self.from.run).await?;
        if as_json {
            checks::print_lines(&hosts)?;
            print::say_json(&json::run_end(view))?;
        } else {
            checks::print_table(&hosts, self.terminal)?;
            notice(&progress::line(view))?;
        }
        Ok(if is_well(view) && !checks::any_bad(&hosts) {
            Exit::Ok
        } else {
            Exit::NotOk
        })
    }

    async fn finish(mut self) -> Result<Exit, CliError> {
        self.progress.wipe();
        let view = self.last_view.clone();
        match self.style {
            Style::Json => print::say_json(&json::run_end(&view))?,
            Style::Checks { json } => return self.checks(json, &view).await,
            Style::Gather => gather::print(&self.client, self.terminal, self.from.run).await?,
            Style::Lines => {}
        }
        if !self.style.is_json() {
            for line in self.summary.lines(&view, self.args.quiet) {
                notice(&line)?;
            }
        }
        Ok(if is_well(&view) {
            Exit::Ok
        } else {
            Exit::NotOk
        })
    }
}

/// Whether it ended well. Its hosts do not say so: one that was rolled back ends in what undid it,
/// and a fanout may want only some of the runs that it is made of.
fn is_well(view: &RunView) -> bool {
    view.state == "succeeded"
}

/// Whether the engine has gone or is about to; another may go on in its place.
fn is_leaving(error: &CallError) -> bool {
    match error {
        CallError::Gone | CallError::Frame(_) => true,
        CallError::Fault(fault) => fault.kind == FaultKind::Ending,
        CallError::Handshake(_) => false,
    }
}
