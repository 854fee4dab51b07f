//! The small shell that demo hosts run commands with.
//!
//! It plays a POSIX shell over the state of one virtual host: nothing here starts a process,
//! opens a file or reads the environment of the machine that the demo runs on. Pipelines stream,
//! so that `seq 100000000 | head` ends at once, and a command without end costs no memory.

mod arith;
pub mod ast;
mod expand;
mod flow;
mod glob;
pub mod io;
mod parse;
mod redirect;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all, ready};
use tokio::sync::watch;

use super::commands;
use super::host::Host;
use super::vfs::{Author, join};
use ast::{Node, Redirect, Simple};
use io::{Input, Io, share};

/// How deep commands, blocks and `sh -c` may stand in each other while they run.
const MAX_LEVEL: usize = 100;
/// Room for scripts as deeply nested as the shell allows, also in a debug build: the threads that
/// run a shell need this much stack.
pub const STACK: usize = 16 << 20;
/// The longest group of commands on standard input.
const MAX_INPUT: usize = 4 << 20;
/// Status of a command that could not be parsed, as in dash.
const SYNTAX: u32 = 2;

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Status(u32),
    /// Killed by this signal, named without `SIG`.
    Signal(String),
}

/// Where control goes after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Exit,
    Break,
    Continue,
    Return,
}

/// Commands in the background: pid, and the status once there is one.
type Jobs = Arc<Mutex<BTreeMap<u32, watch::Receiver<Option<u32>>>>>;

/// A running shell: variables, directory and status. A clone is a subshell.
#[derive(Clone)]
pub struct Shell {
    /// The host it runs on.
    pub host: Arc<Host>,
    /// Who runs it.
    pub user: String,
    /// Its working directory.
    pub cwd: String,
    /// Variables, all of them exported.
    pub vars: BTreeMap<String, String>,
    /// `$1` and so on.
    pub args: Vec<String>,
    /// `$$`
    pub pid: u32,
    /// The process that really runs this: another than `$$` in a background subshell.
    pub own: u32,
    /// `$!`
    pub background: Option<u32>,
    /// The permission bits that new files do not get.
    pub umask: u32,
    /// Set while `exec` runs its command, which then is no child.
    pub replacing: bool,
    /// `$?`
    pub last: u32,
    /// The signal that ended the last command, when one did.
    pub killed: Option<&'static str>,
    /// Set by `exit`.
    pub exiting: bool,
    functions: BTreeMap<String, Arc<Node>>,
    jobs: Jobs,
    /// The streams that the last `exec` without a command left, and how many there were of those.
    lasting: Option<(u64, Io)>,
    /// A command substitution ran since the last simple command began.
    substituted: bool,
    level: usize,
}

impl Shell {
    /// A login shell of `user` on `host`, running as process `pid`.
    pub fn new(host: Arc<Host>, user: &str, pid: u32) -> Self {
        let mut shell = Self {
            host,
            user: String::new(),
            cwd: "/".into(),
            vars: BTreeMap::new(),
            args: Vec::new(),
            pid,
            own: pid,
            background: None,
            umask: 0o022,
            replacing: false,
            last: 0,
            killed: None,
            exiting: false,
            functions: BTreeMap::new(),
            jobs: Jobs::default(),
            lasting: None,
            substituted: false,
            level: 0,
        };
        for (name, value) in [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("SHELL", "/bin/sh"),
            ("HOSTNAME", shell.host.name()),
        ] {
            shell.vars.insert(name.into(), value.into());
        }
        shell.become_user(user);
        shell.cwd = shell.vars.get("HOME").cloned().unwrap_or_default();
        shell
    }

    /// A copy that knows the same, and has no background commands of its own yet.
    pub fn subshell(&self) -> Self {
        Self {
            jobs: Jobs::default(),
            lasting: None,
            ..self.clone()
        }
    }

    /// Goes on as another user, as `sudo` does.
    pub fn become_user(&mut self, user: &str) {
        user.clone_into(&mut self.user);
        let home = match user {
            "root" => "/root".to_owned(),
            user => format!("/home/{user}"),
        };
        let by = self.author();
        // A full disk leaves the user without a home, as it does elsewhere.
        let _ = self.host.files().make_directories(&home, &by);
        for name in ["USER", "LOGNAME"] {
            self.vars.insert(name.into(), user.into());
        }
        self.vars.insert("HOME".into(), home);
    }

    /// Whose name files get, and the time.
    pub fn author(&self) -> Author {
        Author {
            umask: self.umask,
            ..Author::new(&self.user, self.host.now().timestamp())
        }
    }

    /// `path` seen from the working directory.
    pub fn path(&self, path: &str) -> String {
        if path.is_empty() {
            return String::new();
        }
        match path.strip_prefix("/proc/self") {
            Some(rest) => format!("/proc/{}{rest}", self.own),
            None => join(&self.cwd, path),
        }
    }

    /// Runs a whole script; tells of the signal when its last command was killed, since a shell
    /// becomes its last command.
    pub async fn run_script(&mut self, script: &str, io: Io) -> End {
        let status = self.run_nested(script, io).await;
        match self.killed.take() {
            Some(signal) => End::Signal(signal.to_owned()),
            None => End::Status(status),
        }
    }

    /// Runs a script inside the one that runs, as `sh -c` does; gives its status.
    pub async fn run_nested(&mut self, script: &str, io: Io) -> u32 {
        match parse::parse(script) {
            Ok(node) => {
                self.run(&node, io).await;
                self.last
            }
            Err(error) => {
                let _ = io.err.write(format!("sh: 1: {error}\n")).await;
                self.last = SYNTAX;
                SYNTAX
            }
        }
    }

    /// Runs a script that comes line by line on standard input, each command as soon as it is
    /// whole; what the commands read comes from the same input.
    pub async fn run_input(&mut self, mut io: Io) -> u32 {
        let mut text = String::new();
        let count = self.lasting_count();
        loop {
            let line = io.input.lock().await.line().await;
            let Some(line) = line else {
                return self.run_nested(&text, io).await;
            };
            let line = String::from_utf8_lossy(&line);
            text.push_str(&line);
            text.push('\n');
            // In a group of commands nothing is whole before its last line.
            if text.len() > MAX_INPUT {
                return self.run_nested("(", io).await;
            }
            if text.starts_with("{\n") && line != "}" {
                continue;
            }
            if let Some(node) = parse::parse_so_far(&text) {
                text.clear();
                if self.run(&node, io.clone()).await != Flow::Next {
                    return self.last;
                }
                io = self.lasting_since(count).unwrap_or(io);
            }
        }
    }

    /// Runs a node and sets `$?`.
    fn run<'a>(&'a mut self, node: &'a Node, io: Io) -> BoxFuture<'a, Flow> {
        async move {
            if self.level == MAX_LEVEL {
                return self
                    .fail(&io, SYNTAX, "nested too deep for a demo host")
                    .await;
            }
            self.level += 1;
            let flow = self.run_here(node, io).await;
            self.level -= 1;
            flow
        }
        .boxed()
    }

    /// Each kind is boxed by itself, to keep the stack small at every level.
    fn run_here<'a>(&'a mut self, node: &'a Node, io: Io) -> BoxFuture<'a, Flow> {
        match node {
            Node::Simple(simple) => self.simple(simple, io).boxed(),
            Node::Pipeline { commands, negated } => self.pipeline(commands, *negated, io).boxed(),
            Node::AndOr(first, rest) => self.and_or(first, rest, io).boxed(),
            Node::List(nodes) => self.list(nodes, io).boxed(),
            Node::If {
                branches,
                otherwise,
            } => self.branch(branches, otherwise.as_deref(), io).boxed(),
            Node::While {
                condition,
                body,
                until,
            } => self.repeat(condition, body, *until, io).boxed(),
            Node::For { name, words, body } => self.each(name, words, body, io).boxed(),
            Node::Case { word, arms } => self.choose(word, arms, io).boxed(),
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), Arc::clone(body));
                self.last = 0;
                ready(Flow::Next).boxed()
            }
            Node::Background(node) => self.fork(Arc::clone(node), io).boxed(),
            Node::Group {
                body,
                redirects,
                subshell,
            } => self.group(body, redirects, *subshell, io).boxed(),
        }
    }

    async fn list(&mut self, nodes: &[Node], mut io: Io) -> Flow {
        let count = self.lasting_count();
        for node in nodes {
            match self.run(node, io.clone()).await {
                Flow::Next => {}
                flow => return flow,
            }
            io = self.lasting_since(count).unwrap_or(io);
        }
        Flow::Next
    }

    async fn and_or(&mut self, first: &Node, rest: &[(bool, Node)], io: Io) -> Flow {
        let mut flow = self.run(first, io.clone()).await;
        for (after_success, node) in rest {
            if flow != Flow::Next {
                return flow;
            }
            self.killed = None;
            if (self.last == 0) == *after_success {
                flow = self.run(node, io.clone()).await;
            }
        }
        flow
    }

    async fn pipeline(&mut self, commands: &[Node], negated: bool, io: Io) -> Flow {
        if let [command] = commands {
            let flow = self.run(command, io).await;
            if negated {
                self.last = u32::from(self.last == 0);
            }
            return flow;
        }
        let mut stages = Vec::with_capacity(commands.len());
        let mut input = Arc::clone(&io.input);
        for (place, command) in commands.iter().enumerate() {
            let mut stage = Io {
                input,
                ..io.clone()
            };
            if place + 1 < commands.len() {
                let (sink, next) = io::pipe();
                stage.out = sink;
                input = share(next);
            } else {
                input = share(Input::null());
            }
            let mut shell = self.subshell();
            stages.push(async move {
                shell.run(command, stage).await;
                shell.last
            });
        }
        let statuses = join_all(stages).await;
        let status = statuses.last().copied().unwrap_or(0);
        self.last = if negated {
            u32::from(status == 0)
        } else {
            status
        };
        Flow::Next
    }

    async fn group(&mut self, body: &Node, redirects: &[Redirect], subshell: bool, io: Io) -> Flow {
        let io = match self.redirect(redirects, io).await {
            Ok(io) => io,
            Err(flow) => return flow,
        };
        if !subshell {
            return self.run(body, io).await;
        }
        let mut inner = self.subshell();
        inner.run(body, io).await;
        self.last = inner.last;
        Flow::Next
    }

    async fn simple(&mut self, simple: &Simple, io: Io) -> Flow {
        self.substituted = false;
        let words = self.expand_all(&simple.words, &io).await;
        let mut before = Vec::new();
        for (name, word) in &simple.assignments {
            let value = self.expand_one(word, &io).await;
            before.push((name, self.vars.insert(name.clone(), value)));
        }
        let io = match self.redirect(&simple.redirects, io).await {
            Ok(io) => io,
            Err(flow) => return flow,
        };
        let Some((name, args)) = words.split_first() else {
            if !self.substituted {
                self.last = 0;
            }
            return Flow::Next;
        };
        if name == "exec" && args.is_empty() {
            self.last = 0;
            self.lasting = Some((self.lasting_count() + 1, io));
            return Flow::Next;
        }
        let flow = self.call(name, args, io).await;
        for (name, value) in before.into_iter().rev() {
            match value {
                Some(value) => self.vars.insert(name.clone(), value),
                None => self.vars.remove(name),
            };
        }
        flow
    }

    fn lasting_count(&self) -> u64 {
        self.lasting.as_ref().map_or(0, |(count, _)| *count)
    }

    /// The streams after an `exec` that only redirects, when one has run since `count`.
    fn lasting_since(&self, count: u64) -> Option<Io> {
        let (now, io) = self.lasting.as_ref()?;
        (*now > count).then(|| io.clone())
    }

    async fn call(&mut self, name: &str, args: &[String], io: Io) -> Flow {
        match name {
            "break" => return Flow::Break,
            "continue" => return Flow::Continue,
            "return" => {
                let status = args.first().and_then(|text| text.parse().ok());
                self.last = status.unwrap_or(self.last);
                return Flow::Return;
            }
            _ => {}
        }
        self.killed = None;
        if let Some(body) = self.functions.get(name) {
            let body = Arc::clone(body);
            return self.call_function(&body, args, io).await;
        }
        self.last = commands::run(self, name, args, io).await;
        if self.exiting { Flow::Exit } else { Flow::Next }
    }

    async fn fail(&mut self, io: &Io, status: u32, why: &str) -> Flow {
        let _ = io.err.write(format!("sh: 1: {why}\n")).await;
        self.last = status;
        Flow::Next
    }
}

#[cfg(test)]
mod tests;
