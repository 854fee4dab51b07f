//! Where the streams of a command go.

use std::sync::Arc;

use super::ast::{Redirect, Target};
use super::io::{Input, Io, Sink, Upstream, share};
use super::{Flow, SYNTAX, Shell};
use crate::demo::vfs::{FsError, Kind, Write};

impl Shell {
    /// Opens what the redirections name, left to right.
    pub(super) async fn redirect(
        &mut self,
        redirects: &[Redirect],
        mut io: Io,
    ) -> Result<Io, Flow> {
        for redirect in redirects {
            let sink = match &redirect.to {
                Target::Text(word) => {
                    let text = self.expand_one(word, &io).await;
                    io.input = share(Input::bytes(text));
                    continue;
                }
                Target::Stream(1) => io.out.clone(),
                Target::Stream(_) => io.err.clone(),
                Target::Read(word) => {
                    let path = self.expand_one(word, &io).await;
                    match self.open(&path) {
                        Ok(input) => io.input = share(input),
                        Err(why) => return Err(self.cannot(&io, "open", &path, why).await),
                    }
                    continue;
                }
                Target::Replace(word) | Target::Append(word) | Target::Update(word) => {
                    let path = self.expand_one(word, &io).await;
                    let created = match redirect.to {
                        Target::Update(_) => self.update(&path),
                        Target::Append(_) => self.create(&path, true, &io),
                        _ => self.create(&path, false, &io),
                    };
                    match created {
                        Ok(sink) => sink,
                        Err(why) => return Err(self.cannot(&io, "create", &path, why).await),
                    }
                }
            };
            match redirect.stream {
                2 => io.err = sink,
                _ => io.out = sink,
            }
        }
        Ok(io)
    }

    /// Opens a file to read.
    pub fn open(&self, path: &str) -> Result<Input, FsError> {
        match path {
            "/dev/null" => Ok(Input::null()),
            "/dev/zero" => Ok(Input::new(Upstream::Zeros)),
            _ => {
                let path = self.path(path);
                if let Some(fifo) = self.fifo(&path) {
                    return Ok(self.host.fifos().read(&fifo));
                }
                Ok(Input::bytes(self.host.files().read(&path)?))
            }
        }
    }

    /// The full path of a pipe with this name, if it is one.
    fn fifo(&self, path: &str) -> Option<String> {
        let files = self.host.files();
        let path = files.resolve(path).ok()?;
        let is_fifo = files.stat(&path).is_ok_and(|node| node.kind == Kind::Fifo);
        is_fifo.then_some(path)
    }

    /// Opens a file to write.
    pub fn create(&self, path: &str, append: bool, io: &Io) -> Result<Sink, FsError> {
        match path {
            "/dev/null" => return Ok(Sink::Null),
            "/dev/full" => return Ok(Sink::Full),
            "/dev/stdout" => return Ok(io.out.clone()),
            "/dev/stderr" => return Ok(io.err.clone()),
            _ => {}
        }
        let path = self.path(path);
        if let Some(fifo) = self.fifo(&path) {
            return Ok(self.host.fifos().write(&fifo));
        }
        let how = if append {
            Write::Append
        } else {
            Write::Replace
        };
        self.host.files().write(&path, b"", how, &self.author())?;
        Ok(Sink::File {
            host: Arc::clone(&self.host),
            path,
            user: self.user.clone(),
            at: None,
        })
    }

    /// Opens a file to write from its beginning, without cutting it.
    fn update(&self, path: &str) -> Result<Sink, FsError> {
        let path = self.path(path);
        self.host
            .files()
            .write(&path, b"", Write::Append, &self.author())?;
        Ok(Sink::File {
            host: Arc::clone(&self.host),
            path,
            user: self.user.clone(),
            at: Some(Arc::default()),
        })
    }

    async fn cannot(&mut self, io: &Io, what: &str, path: &str, why: FsError) -> Flow {
        self.fail(io, SYNTAX, &format!("cannot {what} {path}: {why}"))
            .await
    }
}
