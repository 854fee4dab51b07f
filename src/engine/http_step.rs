//! Requests to web servers, from the engine's machine.
//!
//! A request is sent when the intent is durable, once. What changes something and was sent without
//! a whole answer is in doubt: nobody knows whether the server did it. What only asks, and what was
//! said to do no harm twice, is no doubt; it is sent once more when the server closed the
//! connection before it answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::http_rules::{Admitted, admitted};
use super::secrets::Known;
use super::sink::TaskSink;
use super::task::{NO_TEXT, Report, Task};
use crate::http::{Broken, Connection, Reply, Request};
use crate::run::http::Http;
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;
use crate::run::phases::Phases;
use crate::run::secret::{Filled, SecretRef};
use crate::run::spec::Step;
use crate::ssh::{AttemptEnd, Sink as _, Stage};

/// The time from sending to a whole answer, when a step says nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The time to connect in, when the run says nothing.
pub(super) const CONNECTING: Duration = Duration::from_secs(10);
/// The code of a request that was answered, and not as its step wants it.
const NOT_AS_WANTED: u32 = 1;

/// How far an attempt came.
#[derive(Default)]
struct Progress {
    sent: AtomicBool,
    offset: u64,
    phases: Phases,
}

/// How it ended.
enum End {
    /// With a whole answer.
    Whole { status: u16, line: String },
    /// Nothing was sent.
    Unsent(Outcome, Option<String>),
    /// Something was sent, and no whole answer came.
    Broken(Broken),
    /// Its time was up.
    Late,
    /// Nobody wants it any more.
    Cancelled,
}

impl Task {
    pub(super) async fn http(&self, step: &Step, http: &Http) -> Report {
        let values = http.headers.values().chain(&http.body);
        let secrets: Vec<SecretRef> = values.filter_map(Filled::secret).cloned().collect();
        let known = match self.known(&secrets).await {
            Ok(known) => known,
            Err(report) => return report,
        };
        let redact = &known.redact;
        let (request, inward) = match self.request(http, &known) {
            Ok(ready) => ready,
            Err(why) => {
                let why = redact.text(&why);
                return self.unbegun(Outcome::Failed(NO_TEXT), Some(why));
            }
        };
        let sink = self.sink((0, 0)).without(redact);
        let mut progress = Progress::default();
        let end = self
            .exchanged(step, &request, inward, &sink, &mut progress)
            .await;
        let (outcome, detail) = told(step, http, &request, end, &progress);
        sink.show_rest().await;
        let output = sink.finish(0).await;
        let end = AttemptEnd::ended(outcome, detail, progress.phases);
        let sent = progress.sent.load(Ordering::Relaxed);
        let mut report = self.report(end, output, sent);
        if let Report::Finished(finished) = &mut report {
            finished.unbegun = !sent;
        }
        let report = self.registered(report).await;
        report.without(redact)
    }

    /// The request as it will be sent. Whether its server may be asked is looked at again: who owns
    /// the engine may have thought better of it since the run started.
    fn request(&self, http: &Http, known: &Known) -> Result<(Request, bool), String> {
        let Admitted { url, inward } = admitted(&self.parts.settings, &http.url)?;
        let headers = http.headers.iter().map(|(name, value)| {
            let value = as_sent(value, known)?;
            Ok((name.as_str(), value))
        });
        let headers = headers.collect::<Result<Vec<_>, String>>()?;
        let headers = headers.iter().map(|(name, value)| (*name, &**value));
        let body = http.body.as_ref().map(|body| as_sent(body, known));
        let body = body.transpose()?;
        Ok((Request::new(http.method, url, headers, body)?, inward))
    }

    async fn exchanged(
        &self,
        step: &Step,
        request: &Request,
        inward: bool,
        sink: &TaskSink,
        progress: &mut Progress,
    ) -> End {
        let mut before = None;
        loop {
            sink.stage(Stage::Connecting);
            let connection = match self.connected(request, inward).await {
                Ok(connection) => connection,
                Err(end) => return later(before, end),
            };
            progress.phases = connection.phases;
            progress.sent.store(true, Ordering::Relaxed);
            sink.stage(Stage::Running);
            sink.started(None);
            let limit = step.timeout.unwrap_or(PATIENCE);
            let end = tokio::select! {
                biased;
                end = answered(connection, request, sink, progress) => end,
                () = self.cancel.cancelled() => Err(End::Cancelled),
                () = tokio::time::sleep(limit) => Err(End::Late),
            };
            match end {
                // Nothing of an answer came.
                Err(End::Broken(broken))
                    if step.idempotent
                        && before.is_none()
                        && progress.phases.first_byte.is_none() =>
                {
                    before = Some(broken);
                }
                Ok(end) | Err(end) => return end,
            }
        }
    }

    /// A connection, and the leave to use it.
    async fn connected(&self, request: &Request, inward: bool) -> Result<Connection, End> {
        let limit = self.spec.access.connect_timeout.unwrap_or(CONNECTING);
        let connecting = self.parts.http.connect(request.url(), inward, limit);
        let connection = tokio::select! {
            connection = connecting => connection,
            () = self.cancel.cancelled() => return Err(End::Unsent(Outcome::Cancelled, None)),
        };
        let connection = connection
            .map_err(|error| End::Unsent(Outcome::Unreachable, Some(error.to_string())))?;
        let permit = tokio::select! {
            permit = self.permit() => permit,
            () = self.cancel.cancelled() => return Err(End::Unsent(Outcome::Cancelled, None)),
        };
        permit.map_err(|why| End::Unsent(Outcome::NotStarted, Some(why)))?;
        Ok(connection)
    }
}

/// How it ended when there was no connection any more to send it once more: it was sent before.
fn later(before: Option<Broken>, end: End) -> End {
    match (before, end) {
        (Some(_), End::Unsent(Outcome::Cancelled, _)) => End::Cancelled,
        (Some(broken), End::Unsent(..)) => End::Broken(broken),
        (_, end) => end,
    }
}

/// The bytes that a value stands for: the one place where a request learns a secret.
fn as_sent(value: &Filled, known: &Known) -> Result<Bytes, String> {
    match value {
        Filled::Text(text) => Ok(Bytes::from(text.clone())),
        Filled::Secret(secret) => known
            .get(secret)
            .map(|secret| Bytes::from_owner(secret.clone()))
            .ok_or_else(|| format!("the secret {} was not read", secret.name())),
    }
}

/// Sends, and passes the whole body on.
async fn answered(
    connection: Connection,
    request: &Request,
    sink: &TaskSink,
    progress: &mut Progress,
) -> Result<End, End> {
    let began = Instant::now();
    let mut reply: Reply = connection.send(request).await.map_err(End::Broken)?;
    progress.phases.first_byte = Some(began.elapsed().as_secs_f64());
    while let Some(bytes) = reply.next().await.map_err(End::Broken)? {
        let offset = progress.offset;
        progress.offset += bytes.len() as u64;
        sink.output(OutStream::Stdout, offset, bytes).await;
    }
    progress.phases.run = Some(began.elapsed().as_secs_f64());
    Ok(End::Whole {
        status: reply.status,
        line: reply.line(),
    })
}

/// The outcome, and what is said of it.
fn told(
    step: &Step,
    http: &Http,
    request: &Request,
    end: End,
    progress: &Progress,
) -> (Outcome, Option<String>) {
    let server = request.url().server();
    let (harmless, why) = match end {
        End::Whole { status, line } if http.is_success(status) => {
            return (Outcome::Ok, Some(format!("HTTP {line}")));
        }
        End::Whole { line, .. } => {
            let said = format!("HTTP {line} from {server}");
            return (Outcome::Failed(NOT_AS_WANTED), Some(said));
        }
        End::Unsent(outcome, why) => return (outcome, why),
        End::Cancelled if http.method.only_asks() => return (Outcome::Cancelled, None),
        End::Cancelled => (None, "it was cancelled".to_owned()),
        End::Late => {
            let limit = step.timeout.unwrap_or(PATIENCE).as_secs_f64();
            let why = format!("{server} gave no whole answer within {limit} s");
            (Some(Outcome::TimedOut), why)
        }
        End::Broken(broken) => {
            let why = format!("{server}, after {} bytes: {broken}", progress.offset);
            (Some(Outcome::Failed(NOT_AS_WANTED)), why)
        }
    };
    if let Some(outcome) = harmless.filter(|_| step.idempotent) {
        return (outcome, Some(why));
    }
    let word = http.method.word();
    let said = format!(
        "the {word} was sent to {server}, and then {why}: the server may have done it. Look there, \
         then settle it"
    );
    (Outcome::InDoubt, Some(said))
}
