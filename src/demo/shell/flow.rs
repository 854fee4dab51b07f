//! Commands made of commands: which of them run, how often, and where.

use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use super::ast::{Node, Word};
use super::io::{Input, Io, share};
use super::{Flow, SYNTAX, Shell, glob};
use crate::demo::host::signal_number;

/// Processes that one host may have; a loop that forks without end stops here.
const MAX_PROCESSES: usize = 512;

impl Shell {
    pub(super) async fn branch(
        &mut self,
        branches: &[(Node, Node)],
        otherwise: Option<&Node>,
        io: Io,
    ) -> Flow {
        for (condition, body) in branches {
            match self.run(condition, io.clone()).await {
                Flow::Next if self.last == 0 => return self.run(body, io).await,
                Flow::Next => {}
                flow => return flow,
            }
        }
        self.last = 0;
        match otherwise {
            Some(body) => self.run(body, io).await,
            None => Flow::Next,
        }
    }

    pub(super) async fn repeat(
        &mut self,
        condition: &Node,
        body: &Node,
        until: bool,
        io: Io,
    ) -> Flow {
        let mut status = 0;
        loop {
            // A loop that does nothing must still let others run.
            tokio::task::yield_now().await;
            match self.run(condition, io.clone()).await {
                Flow::Next => {}
                flow => return flow,
            }
            if (self.last == 0) == until {
                break;
            }
            match self.run(body, io.clone()).await {
                flow @ (Flow::Exit | Flow::Return) => return flow,
                Flow::Break => break,
                Flow::Next | Flow::Continue => status = self.last,
            }
        }
        self.last = status;
        Flow::Next
    }

    pub(super) async fn each(&mut self, name: &str, words: &[Word], body: &Node, io: Io) -> Flow {
        let values = self.expand_all(words, &io).await;
        self.last = 0;
        for value in values {
            tokio::task::yield_now().await;
            self.vars.insert(name.to_owned(), value);
            match self.run(body, io.clone()).await {
                flow @ (Flow::Exit | Flow::Return) => return flow,
                Flow::Break => break,
                Flow::Next | Flow::Continue => {}
            }
        }
        Flow::Next
    }

    /// `case`
    pub(super) async fn choose(&mut self, word: &Word, arms: &[(Vec<Word>, Node)], io: Io) -> Flow {
        let text = self.expand_one(word, &io).await;
        for (patterns, body) in arms {
            for pattern in patterns {
                let pattern = self.expand_pattern(pattern, &io).await;
                if glob::matches(&pattern, &text) {
                    self.last = 0;
                    return self.run(body, io).await;
                }
            }
        }
        self.last = 0;
        Flow::Next
    }

    /// Calls a function: it has arguments of its own, and everything else of the shell.
    pub(super) async fn call_function(&mut self, body: &Node, args: &[String], io: Io) -> Flow {
        let outer = std::mem::replace(&mut self.args, args.to_vec());
        let flow = self.run(body, io).await;
        self.args = outer;
        match flow {
            Flow::Exit => Flow::Exit,
            _ => Flow::Next,
        }
    }

    /// Runs a command in the background, as a process of its own that outlives this shell.
    pub(super) async fn fork(&mut self, node: Arc<Node>, io: Io) -> Flow {
        if self.host.processes().len() >= MAX_PROCESSES {
            return self.fail(&io, SYNTAX, "Cannot fork").await;
        }
        let mut process = self.host.fork(self.own, "sh", &self.user);
        let mut shell = self.subshell();
        shell.own = process.pid();
        self.background = Some(process.pid());
        self.last = 0;
        let (tell, status) = watch::channel(None);
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|_, status| status.borrow().is_none());
        jobs.insert(process.pid(), status);
        drop(jobs);
        let io = Io {
            input: share(Input::null()),
            ..io
        };
        tokio::spawn(async move {
            let status = tokio::select! {
                _ = shell.run(&node, io) => shell.last,
                signal = process.killed() => 128 + signal_number(&signal),
            };
            tell.send_replace(Some(status));
        });
        Flow::Next
    }

    /// Waits for a background command, or for all; gives the status of the last.
    pub async fn wait(&mut self, pid: Option<u32>) -> u32 {
        let mut waited: Vec<watch::Receiver<Option<u32>>> = {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.iter()
                .filter(|(job, _)| pid.is_none_or(|pid| pid == **job))
                .map(|(_, status)| status.clone())
                .collect()
        };
        if pid.is_some() && waited.is_empty() {
            return 127;
        }
        let mut last = 0;
        for status in &mut waited {
            let ended = status.wait_for(Option::is_some).await;
            last = ended.ok().and_then(|status| *status).unwrap_or(127);
        }
        if pid.is_some() { last } else { 0 }
    }
}
