//! One agent: which keys it holds, and signatures by them.
//!
//! Agents hang, lie across slow links and vanish: every question has a deadline, answers to "which
//! keys" are shared for a moment, and at most 32 signatures are asked for at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::{HashAlg, PublicKey};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, Semaphore};

use super::super::settings::Timeouts;

/// Signatures asked of one agent at once: it may be at the other end of a slow link.
const SIGNATURES: usize = 32;

/// How long an answer, or its absence, stands for all who ask.
const FRESH: Duration = Duration::from_secs(3);

type Listed = Result<Arc<Vec<AgentIdentity>>, String>;

/// An agent behind a socket.
#[derive(Debug)]
pub(crate) struct Agent {
    socket: PathBuf,
    signing: Semaphore,
    listed: Mutex<Option<(Instant, Listed)>>,
}

impl Agent {
    pub fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            signing: Semaphore::new(SIGNATURES),
            listed: Mutex::default(),
        }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The keys and certificates it holds.
    pub async fn identities(&self, limits: &Timeouts) -> Listed {
        let mut listed = self.listed.lock().await;
        if let Some((when, answer)) = &*listed
            && when.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = within(limits.agent, self.ask()).await.map(Arc::new);
        *listed = Some((Instant::now(), answer.clone()));
        answer
    }

    async fn ask(&self) -> Result<Vec<AgentIdentity>, String> {
        let mut client = self.connect().await?;
        client
            .request_identities()
            .await
            .map_err(|why| self.complain(&why))
    }

    /// The next question is asked anew: what it held was not enough.
    pub async fn ask_again(&self) {
        *self.listed.lock().await = None;
    }

    async fn connect(&self) -> Result<AgentClient<UnixStream>, String> {
        AgentClient::connect_uds(&self.socket)
            .await
            .map_err(|why| self.complain(&why))
    }

    fn complain(&self, why: &russh::keys::Error) -> String {
        use russh::keys::Error;
        let why = match why {
            Error::AgentFailure => "it refused".to_owned(),
            Error::IO(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => {
                "it hung up".to_owned()
            }
            other => other.to_string(),
        };
        format!(
            "the agent at {} gives nothing: {why}",
            self.socket.display()
        )
    }

    async fn sign(
        &self,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
        binding: Option<&AgentSessionBinding>,
    ) -> Result<Vec<u8>, String> {
        let mut client = self.connect().await?;
        let first = client.sign_request(identity, hash, data.clone()).await;
        let (Err(russh::keys::Error::AgentFailure), Some(binding)) = (&first, binding) else {
            return first.map_err(|why| self.complain(&why));
        };
        // A key that is restricted to destinations signs only for a session it was told of.
        let mut client = self.connect().await?;
        client
            .bind_session(binding, false)
            .await
            .map_err(|why| self.complain(&why))?;
        client
            .sign_request(identity, hash, data)
            .await
            .map_err(|why| self.complain(&why))
    }
}

async fn within<T>(
    limit: Duration,
    question: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let answer = tokio::time::timeout(limit, question).await;
    answer.unwrap_or_else(|_| {
        Err(format!(
            "an agent did not answer within {:.0} s",
            limit.as_secs_f64()
        ))
    })
}

/// Signs for one connection with a key of an agent.
pub(super) struct AgentSigner<'a> {
    pub agent: &'a Agent,
    /// The key as the agent holds it: a certificate from a file is signed for by its plain key.
    pub held: AgentIdentity,
    pub binding: Option<AgentSessionBinding>,
    pub limits: &'a Timeouts,
}

/// Why there was no signature.
#[derive(Debug)]
pub(super) enum SignError {
    /// The connection ended before the question.
    Lost,
    /// Whoever has the key gave none.
    NotSigned(String),
}

impl From<russh::SendError> for SignError {
    fn from(_: russh::SendError) -> Self {
        Self::Lost
    }
}

impl russh::Signer for AgentSigner<'_> {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let _turn = self
            .agent
            .signing
            .acquire()
            .await
            .map_err(|_| SignError::Lost)?;
        let sign = self
            .agent
            .sign(&self.held, hash, data, self.binding.as_ref());
        within(self.limits.agent_sign, sign)
            .await
            .map_err(SignError::NotSigned)
    }
}

/// The plain key of whatever the agent holds.
pub(super) fn plain_key(identity: &AgentIdentity) -> PublicKey {
    identity.public_key().into_owned()
}
