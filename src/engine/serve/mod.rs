//! One client: handshake, then its requests, each answered on its own.

mod acknowledge;
mod again;
mod by_step;
mod causes;
mod checks;
mod definitions;
mod draft;
mod flow_list;
mod fold;
mod folded;
mod follow;
mod freeze_stages;
mod grid;
mod groups;
mod handover;
mod inventory;
mod lines;
mod masks;
mod overview;
mod pick;
mod plan_flow;
mod policy;
mod preview;
mod queries;
mod refusals;
mod run_list;
mod search;
mod secrets;
mod standing;
mod start;
mod start_flow;
mod status;
mod story;
mod uploads;
mod web_acts;
mod work_out;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use super::Parts;
use super::clients::{ClientInfo, Clients};
use super::definitions::Appliers;
use super::inbox::Inbox;
use super::now;
use super::people::Person;
use crate::run::cause::Origin;
use crate::run::roles::Authority;
use crate::wire::codec::{FrameError, FrameReader, FrameWriter, encode};
use crate::wire::reply::{Fault, FaultKind, Reply};
use crate::wire::request::Request;
use crate::wire::{Answer, Ask, Hello, OLDEST_PROTOCOL, PROTOCOL, Welcome};

pub use uploads::Uploads;

use by_step::BySteps;
use causes::LastLines;
use flow_list::Results;
use fold::Folds;
use grid::Grids;
use lines::LineIndexes;
use masks::Masks;
use refusals::Refusals;
use run_list::RunList;
use search::Searching;
use standing::Replays;
use story::Stories;

/// Requests of one client that may be worked on at once; the next one is read when one is done.
const REQUESTS_AT_ONCE: usize = 32;
/// People looked up in the system's database at once.
const LOOKUPS_AT_ONCE: usize = 32;
/// Replies that may wait for a slow client before its requests do.
const REPLIES_QUEUED: usize = 4;

/// What every client is served from.
pub struct Server {
    /// What the engine works with.
    pub parts: Parts,
    /// The way to the core.
    pub inbox: Inbox,
    /// Who is connected.
    pub clients: Arc<Clients>,
    /// The engine as a process.
    pub process: ProcessInfo,
    /// How the process is told to end or to be replaced.
    pub control: mpsc::Sender<Control>,
    /// What answers are made of, kept between them.
    kept: Arc<Kept>,
    /// Bounds the threads that a slow system database can hold.
    lookups: Semaphore,
}

/// What is kept between the answers: all of it could be made again.
struct Kept {
    runs: RunList,
    replays: Replays,
    lines: LineIndexes,
    grids: Grids,
    last_lines: LastLines,
    folds: Folds,
    masks: Masks,
    appliers: Appliers,
    refusals: Refusals,
    results: Results,
    by_steps: BySteps,
    stories: Stories,
}

/// Facts about the process that do not change.
#[derive(Debug, Clone)]
pub struct ProcessInfo {
    /// When it started.
    pub started: Instant,
    /// Where its state is.
    pub state_dir: String,
}

/// What a client may do to the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// End.
    Stop,
    /// Run this program instead, keeping the socket.
    Upgrade(Option<String>),
}

/// One client's side of the engine.
struct Session {
    server: Arc<Server>,
    /// Its number among the clients.
    client: u64,
    /// From the peer credentials.
    person: Person,
    origin: Option<Origin>,
    uploads: Uploads,
    searching: Searching,
    /// What the person may do, and when that was asked.
    known: tokio::sync::Mutex<Option<(Arc<Authority>, Instant)>>,
}

impl Server {
    /// A server over these.
    pub fn new(
        parts: Parts,
        inbox: Inbox,
        clients: Arc<Clients>,
        process: ProcessInfo,
        control: mpsc::Sender<Control>,
    ) -> Self {
        let kept = Kept {
            runs: RunList::new(parts.store.as_ref()),
            replays: Replays::default(),
            lines: LineIndexes::default(),
            grids: Grids::default(),
            stories: Stories::default(),
            last_lines: LastLines::default(),
            folds: Folds::default(),
            masks: Masks::default(),
            appliers: Appliers::default(),
            refusals: Refusals::default(),
            results: Results::default(),
            by_steps: BySteps::default(),
        };
        Self {
            parts,
            inbox,
            clients,
            process,
            control,
            kept: Arc::new(kept),
            lookups: Semaphore::new(LOOKUPS_AT_ONCE),
        }
    }

    /// Serves one client until it leaves. The number of its user comes from the peer credentials.
    pub async fn serve<S>(self: Arc<Self>, stream: S, uid: u32)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Some(person) = self.person(uid).await else {
            return;
        };
        let (read, write) = tokio::io::split(stream);
        let mut reader = FrameReader::new(read);
        let mut writer = FrameWriter::new(write);
        let hello = match self
            .shake_hands(&mut reader, &mut writer, &person.name)
            .await
        {
            Ok(hello) => hello,
            Err(error) => {
                tracing::debug!(%error, "a client left during the handshake");
                return;
            }
        };
        if let Some(agent) = &hello.agent
            && !self.parts.settings.shared
        {
            self.clients
                .remember_agent(self.parts.ssh.agents(), agent.into());
            self.inbox.credentials_arrived().await;
        }
        let id = self.clients.enter(ClientInfo {
            user: person.name.clone(),
            attached: hello.attached,
            origin: hello.origin.as_ref().map(Origin::words).unwrap_or_default(),
            since: now(),
            looking: None,
        });
        if hello.attached {
            self.parts.news.tell();
        }
        let session = Arc::new(Session {
            server: self.clone(),
            client: id,
            person,
            origin: hello.origin,
            uploads: Uploads::default(),
            searching: Searching::default(),
            known: tokio::sync::Mutex::default(),
        });
        if let Err(error) = session.requests(reader, writer).await {
            tracing::debug!(%error, "a client's connection broke");
        }
        if self.clients.leave(id).is_some_and(|client| client.attached) {
            self.parts.news.tell();
        }
    }

    /// Who that is, asked where a slow answer holds up nobody else.
    async fn person(&self, uid: u32) -> Option<Person> {
        let _place = self.lookups.acquire().await.ok()?;
        let person = tokio::task::spawn_blocking(move || Person::of_uid(uid)).await;
        person
            .inspect_err(|error| tracing::error!(%error, uid, "a client could not be looked up"))
            .ok()
    }

    async fn shake_hands<R, W>(
        &self,
        reader: &mut FrameReader<R>,
        writer: &mut FrameWriter<W>,
        user: &str,
    ) -> Result<Hello, FrameError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let limit = std::time::Duration::from_secs(10);
        let hello: Hello = tokio::time::timeout(limit, reader.next())
            .await
            .map_err(|_| FrameError::Closed)??;
        let refused = (hello.protocol < OLDEST_PROTOCOL).then(|| {
            format!(
                "this engine is version {} and the client {}: too far apart to talk. \
                 Use a newer conn, or stop this engine with its own version",
                env!("CARGO_PKG_VERSION"),
                hello.version
            )
        });
        let welcome = Welcome {
            protocol: hello.protocol.min(PROTOCOL),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            user: user.to_owned(),
            refused,
        };
        writer.send(&welcome).await?;
        if welcome.refused.is_some() {
            return Err(FrameError::Closed);
        }
        Ok(hello)
    }
}

impl Session {
    /// Reads requests until the client leaves. Requests in flight when it does are given up, save
    /// for what they had already asked of the core.
    async fn requests<R, W>(
        self: Arc<Self>,
        mut reader: FrameReader<R>,
        writer: FrameWriter<W>,
    ) -> Result<(), FrameError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (replies, queue) = mpsc::channel(REPLIES_QUEUED);
        let writing = tokio::spawn(write_replies(writer, queue));
        let slots = Arc::new(Semaphore::new(REQUESTS_AT_ONCE));
        let mut working = tokio::task::JoinSet::new();
        let mut views = HashMap::new();
        while let Some(frame) = reader.next_raw().await? {
            let Ask { id, request } = crate::wire::codec::decode(&frame)?;
            if let Request::TakeBack { ask } = request {
                if let Some(view) = views.remove(&ask) {
                    AbortHandle::abort(&view);
                }
                continue;
            }
            let is_view = request.is_view();
            let Ok(slot) = slots.clone().acquire_owned().await else {
                break;
            };
            let (session, replies) = (self.clone(), replies.clone());
            let work = working.spawn(async move {
                let reply = session.answer(request).await;
                if let Some(frame) = answer_frame(id, reply) {
                    // A client that left needs no answer.
                    let _ = replies.send(frame).await;
                }
                drop(slot);
            });
            while working.try_join_next().is_some() {}
            // Only what looks may be taken back: an act that was begun is carried out.
            views.retain(|_, view: &mut AbortHandle| !view.is_finished());
            if is_view {
                views.insert(id, work);
            }
        }
        working.abort_all();
        writing.abort();
        Ok(())
    }

    /// Answers, and puts on record what a shared engine refused to do.
    async fn answer(&self, request: Request) -> Result<Reply, Fault> {
        let tried = refusals::Tried::of(&request).filter(|_| self.server.parts.settings.shared);
        let answer = self.answer_to(request).await;
        if let (Err(fault), Some(tried)) = (&answer, tried)
            && fault.kind == FaultKind::Refused
        {
            self.record_refusal(&tried, &fault.message).await;
        }
        answer
    }

    async fn answer_to(&self, request: Request) -> Result<Reply, Fault> {
        let authority = self.admit(&request).await?;
        match request {
            Request::Status => self.status(&authority).await,
            Request::Stop { now } => self.stop(now).await,
            Request::Upgrade { program } => self.upgrade(program).await,
            Request::Hosts(query) => self.hosts(query).await,
            Request::Upload {
                upload,
                bytes,
                last,
            } => self.upload(upload, bytes, last).await,
            Request::Start(start) => self.start(*start, authority).await,
            Request::Follow(from) => self.follow(from).await,
            Request::Runs(query) => self.runs(query).await,
            Request::Show { run } => self.show(run).await,
            Request::Why { run } => self.why(run).await,
            Request::Handover { since_ms } => self.handover(since_ms).await,
            Request::Checks { run, from } => self.checks(run, from).await,
            Request::Groups { run, step } => self.groups(run, step).await,
            Request::HostOutput {
                run,
                host,
                cursor,
                max_bytes,
            } => self.host_output(run, host, cursor, max_bytes).await,
            Request::Steer { run, act } => {
                self.check_steer(run, &act).await?;
                let view = self.server.inbox.steer(run, authority, act).await?;
                Ok(Reply::Steered(Box::new(view)))
            }
            Request::Audit {
                since_ms,
                from_seq,
                limit,
            } => self.audit(since_ms, from_seq, limit).await,
            Request::AuditVerify => self.audit_verify().await,
            Request::AuditHash { seq } => self.audit_hash(seq).await,
            Request::Doctor => self.doctor().await,
            Request::Overview(query) => self.overview(query, &authority).await,
            Request::Grid(query) => self.grid(query).await,
            Request::Lines(query) => self.lines(query).await,
            Request::Fold(query) => self.fold(query).await,
            Request::Search(query) => self.search(query).await,
            Request::Pick(query) => self.pick(query).await,
            Request::Inventory(query) => self.inventory(query).await,
            Request::Passphrase { key, secret } => self.passphrase(key, secret).await,
            Request::Secret { run, name, secret } => {
                self.secret(run, name, secret, &authority).await
            }
            Request::Acknowledge { run, known } => self.acknowledge(run, known, &authority).await,
            Request::Apply(wanted) => self.apply(*wanted, authority).await,
            Request::Definitions { kind } => self.definitions(kind).await,
            Request::Definition {
                kind,
                name,
                version,
            } => self.definition(kind, name, version).await,
            Request::StartFlow(asked) => self.start_flow(*asked, authority).await,
            Request::PlanFlow(asked) => self.plan_flow(*asked).await,
            Request::Flows(query) => self.flows(query).await,
            Request::Preview(asked) => self.preview(*asked).await,
            Request::Draft { run, name } => self.draft(run, name).await,
            Request::Given { run } => self.given(run).await,
            // Taken care of where requests are read.
            Request::TakeBack { .. } => Err(Fault::usage("this has no answer")),
        }
    }

    /// [`Self::blocking`], with what is kept between answers.
    async fn with_kept<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts, &Kept) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let kept = self.server.kept.clone();
        self.blocking(move |parts| work(parts, &kept)).await
    }

    /// Runs something that may wait for the disk on a thread that may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let parts = self.server.parts.clone();
        tokio::task::spawn_blocking(move || work(&parts))
            .await
            .map_err(|error| Fault::engine(format!("the engine failed inside: {error}")))?
    }
}

async fn write_replies<W: AsyncWrite + Unpin>(
    mut writer: FrameWriter<W>,
    mut queue: mpsc::Receiver<Bytes>,
) {
    while let Some(frame) = queue.recv().await {
        if writer.send_raw(frame).await.is_err() {
            return;
        }
    }
}

fn answer_frame(id: u64, reply: Result<Reply, Fault>) -> Option<Bytes> {
    match encode(&Answer { id, reply }) {
        Ok(frame) => Some(frame),
        Err(error) => {
            tracing::error!(%error, "a reply could not be encoded");
            let reply = Err(Fault::engine("the reply could not be encoded"));
            encode(&Answer { id, reply }).ok()
        }
    }
}
