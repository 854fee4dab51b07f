//! The link to the engine: what screens want is asked, again when it changes; answers come back as
//! events. When the engine is gone it is looked for until it is back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::pane::Want;
use crate::wire::codec::encode;
use crate::wire::reply::Fault;
use crate::wire::{CallError, Client, Reply, Request};

/// Makes a connection to the engine; `Err` is a sentence.
pub type Connector = Arc<dyn Fn() -> BoxFuture<'static, Result<Client, String>> + Send + Sync>;

/// Answers that may wait to be taken.
const QUEUED: usize = 64;
/// How long to wait before the engine is looked for again: first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Who types is let go on for so long before the engine is asked what it makes of it.
const CALM: Duration = Duration::from_millis(150);

/// Whose view an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    /// The console itself.
    Console,
    /// The screen with this number.
    Pane(u64),
    /// The layer on top.
    Overlay,
}

/// What comes from the engine.
pub(super) enum News {
    /// An answer to a want, with the number of the question and the want's mark.
    View(Asker, &'static str, (u64, u64), Result<Reply, Fault>),
    /// An answer to an act, with the act's number.
    Act(u64, Result<Reply, Fault>),
    /// There is no engine; why, and when it is tried again.
    Lost(String, Duration),
    /// There is an engine again.
    Found(Client),
}

type Key = (Asker, &'static str);

/// A want that is being answered, or was.
struct Asked {
    request: Bytes,
    /// Until it is answered.
    task: Option<AbortHandle>,
    number: u64,
    since: Instant,
}

/// The link.
pub(super) struct Link {
    client: Option<Client>,
    connector: Connector,
    news: mpsc::Sender<News>,
    asked: HashMap<Key, Asked>,
    numbers: u64,
    /// Two answers to one want are at least as far apart.
    pause: Duration,
}

impl Link {
    /// A link over a connection that is there.
    pub fn new(
        client: Client,
        connector: Connector,
        pause: Duration,
    ) -> (Self, mpsc::Receiver<News>) {
        let (news, taken) = mpsc::channel(QUEUED);
        let link = Self {
            client: Some(client),
            connector,
            news,
            asked: HashMap::new(),
            numbers: 0,
            pause,
        };
        (link, taken)
    }

    /// Asks what is wanted and not asked yet; lets go of what is not wanted any more.
    pub fn want(&mut self, wants: &[(Asker, Want)]) {
        self.asked.retain(|key, asked| {
            let wanted = wants
                .iter()
                .any(|(asker, want)| (*asker, want.slot) == *key);
            if !wanted && let Some(task) = asked.task.take() {
                task.abort();
            }
            wanted
        });
        for (asker, want) in wants {
            self.ask(*asker, want);
        }
    }

    fn ask(&mut self, asker: Asker, want: &Want) {
        let (Some(client), Ok(frame)) = (self.client.clone(), encode(&want.request)) else {
            return;
        };
        let key = (asker, want.slot);
        let mut delay = if want.calm { CALM } else { Duration::ZERO };
        if let Some(before) = self.asked.get_mut(&key) {
            let same = before.request == frame;
            if same && (before.task.is_some() || !want.follow) {
                return;
            }
            if let Some(task) = before.task.take() {
                task.abort();
            }
            if want.follow {
                delay = self.pause.saturating_sub(before.since.elapsed());
            }
        }
        self.numbers += 1;
        let number = self.numbers;
        let (news, request) = (self.news.clone(), want.request.clone());
        let (slot, mark) = (want.slot, want.mark);
        let task = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            answer(&news, client.view(request).await, |reply| {
                News::View(asker, slot, (number, mark), reply)
            })
            .await;
        });
        let sent = Asked {
            request: frame,
            task: Some(task.abort_handle()),
            number,
            since: Instant::now() + delay,
        };
        self.asked.insert(key, sent);
    }

    /// An answer came: the want may be asked again. False when something else was asked meanwhile.
    pub fn answered(&mut self, asker: Asker, slot: &'static str, number: u64) -> bool {
        match self.asked.get_mut(&(asker, slot)) {
            Some(question) if question.number == number => {
                question.task = None;
                true
            }
            _ => false,
        }
    }

    /// Asks the engine to act; the number comes back with the answer. `None` without an engine:
    /// nothing was sent.
    pub fn act(&mut self, request: Request) -> Option<u64> {
        let client = self.client.clone()?;
        self.numbers += 1;
        let (number, news) = (self.numbers, self.news.clone());
        tokio::spawn(async move {
            answer(&news, client.call(request).await, |reply| {
                News::Act(number, reply)
            })
            .await;
        });
        Some(number)
    }

    /// The engine is gone: looks for it.
    pub fn lost(&mut self) {
        if self.client.take().is_none() {
            return;
        }
        for (_, asked) in self.asked.drain() {
            if let Some(task) = asked.task {
                task.abort();
            }
        }
        let (connector, news) = (Arc::clone(&self.connector), self.news.clone());
        tokio::spawn(async move { look_for(&connector, &news).await });
    }

    /// There is an engine again.
    pub fn found(&mut self, client: Client) {
        self.client = Some(client);
    }
}

async fn look_for(connector: &Connector, news: &mpsc::Sender<News>) {
    let mut pause = RETRY.0;
    loop {
        let said = match connector().await {
            Ok(client) => News::Found(client),
            Err(why) => News::Lost(why, pause),
        };
        let found = matches!(said, News::Found(_));
        if news.send(said).await.is_err() || found {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
    }
}

async fn answer(
    news: &mpsc::Sender<News>,
    reply: Result<Reply, CallError>,
    form: impl FnOnce(Result<Reply, Fault>) -> News,
) {
    let told = match reply {
        Ok(reply) => form(Ok(reply)),
        Err(CallError::Fault(fault)) => form(Err(fault)),
        Err(gone) => News::Lost(gone.to_string(), Duration::ZERO),
    };
    // The console may be gone.
    let _ = news.send(told).await;
}
