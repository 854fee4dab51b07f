//! What a run is made of, frozen when it starts: stored once as a blob, named by its digest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::digest;
use super::event::Cut;
use super::http::{Http, Metrics};
use super::ids::StepIx;
use super::retry::Retry;
use super::roles::Role;
use super::secret::{Filled, SecretRef};
use super::stages::StagesSpec;

/// Everything that was decided before the run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// What sort of action this is.
    pub kind: RunKind,
    /// One line for lists: the command, or the name of the definition.
    pub title: String,
    /// The host set as the person wrote it.
    pub targets_text: String,
    /// The frozen hosts, in the order of work.
    pub targets: Vec<Target>,
    /// What happens on each host, in order.
    pub steps: Vec<Step>,
    /// How the hosts take their turns.
    pub rollout: Rollout,
    /// The claim on each host while the run works there.
    pub lease: Lease,
    /// How hosts are reached and who we are there.
    pub access: Access,
    /// The flow that this is a run of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowRef>,
    /// The runs that it is made of, when it is made of runs: then it has no hosts and steps itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<StagesSpec>,
}

/// The flow that a run executes, as it was when the run started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The digest of definition, hosts and values together, hex.
    pub digest: String,
    /// Definition, hosts and values, for the engine: the texts of steps are worked out from them.
    pub frozen: String,
    /// The secrets that it, or what it is made of, uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretRef>,
}

/// Which part of its flow a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowPart {
    /// The step at this place.
    Step(u16),
    /// What looks whether that step did its work.
    Verify(u16),
    /// What must hold after each batch.
    Gate,
    /// What undoes that step.
    Undo(u16),
}

impl RunSpec {
    /// Whether every host is connected to before the first of them does anything.
    pub fn holds(&self) -> bool {
        self.connects_only(StepIx(0))
    }

    /// Whether this step does nothing on the host but to connect.
    pub fn connects_only(&self, step: StepIx) -> bool {
        self.step(step)
            .is_some_and(|step| matches!(step.act, Act::Connect))
    }

    /// Whether this step asks nothing of the host itself, and so needs no lease there.
    pub fn needs_no_lease(&self, step: StepIx) -> bool {
        let act = self.step(step).map(|step| &step.act);
        matches!(act, Some(Act::Connect | Act::Metrics(_)))
    }

    /// Every host that it works on, or that the runs it is made of do.
    pub fn reaches(&self) -> impl Iterator<Item = &str> {
        let own = self.targets.iter().map(|target| &target.name);
        let parts = self.stages.iter().flat_map(|stages| &stages.reach);
        own.chain(parts).map(|name| &**name)
    }

    /// What names all of it: definition, hosts, values and files. A yes is said to that.
    pub fn digest(&self) -> String {
        digest::of(self)
    }

    /// How many steps go forward. Those behind them undo.
    pub fn forward(&self) -> u16 {
        let undo = self
            .steps
            .iter()
            .position(|step| step.rules.undoes.is_some());
        u16::try_from(undo.unwrap_or(self.steps.len())).unwrap_or(u16::MAX)
    }

    /// The step at this place.
    pub fn step(&self, ix: StepIx) -> Option<&Step> {
        self.steps.get(usize::from(ix.0))
    }
}

/// What sort of action a run executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// An ad-hoc command on a host set.
    Exec,
    /// The checks before a maintenance window.
    Preflight,
    /// A flow.
    Flow,
    /// Several actions at once.
    Fanout,
    /// The look at what must hold after a stage.
    Gate,
}

impl RunKind {
    /// The word of the contracts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Preflight => "preflight",
            Self::Flow => "flow",
            Self::Fanout => "fanout",
            Self::Gate => "gate",
        }
    }
}

/// One frozen target: a name, and what the inventory said of it when the run started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The name people and the journal use.
    pub name: Arc<str>,
    /// Where to connect, when the inventory knows better than the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Arc<str>>,
    /// The port, when the inventory gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The login user, when the inventory gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
}

/// One step on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The name in lists and in `--step`.
    pub name: String,
    /// What is done.
    pub act: Act,
    /// Time the act may take after it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether doing it twice does no harm, said by a person.
    #[serde(default)]
    pub idempotent: bool,
    /// What follows from how it went.
    #[serde(default, skip_serializing_if = "StepRules::is_default")]
    pub rules: StepRules,
    /// What it does in a flow: then its act is worked out for each host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<FlowPart>,
}

/// What follows from how a step went on a host. By default nothing is tried again, and a host where
/// it failed is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepRules {
    /// Tried again by itself.
    pub retry: Option<Retry>,
    /// What becomes of a host where it failed.
    pub on_failure: OnFailure,
    /// It has a condition, which the engine judges for each host.
    pub conditional: bool,
    /// It begins when every host of the batch has come to it.
    pub together: bool,
    /// The first host that has come to it does it for its batch, and the others pass with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// It is a gate: a host where it fails stops the rollout. These codes say neither yes nor no.
    pub gate: Option<Vec<u32>>,
    /// It undoes the step at this place, when the run is rolled back. Such steps come last.
    pub undoes: Option<StepIx>,
}

impl StepRules {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a host where a step failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Its later steps are left out.
    #[default]
    SkipHost,
    /// It goes on with its next step; the failure counts all the same.
    Continue,
}

impl Step {
    /// Whether it is done once a batch, when all of its hosts have come to it.
    pub fn is_barrier(&self) -> bool {
        matches!(self.act, Act::Wait(_) | Act::Approve(_))
    }

    /// Whether it asks something elsewhere and changes nothing.
    pub fn only_asks(&self) -> bool {
        match &self.act {
            Act::Metrics(_) => true,
            Act::Http(http) => http.method.only_asks(),
            _ => false,
        }
    }

    /// Whether what it does on a host can be followed again after its connection is gone.
    pub fn is_durable(&self) -> bool {
        matches!(&self.act, Act::Exec(exec) if exec.durable)
    }
}

/// What a step does. A step that only connects comes first, and is a barrier: no host goes on to
/// its next step before every host's connection was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Run a command.
    Exec(Exec),
    /// Bring a file to the host.
    Push(Push),
    /// Fetch a file from the host.
    Pull(Pull),
    /// Run a command where the engine is.
    Local(Local),
    /// Ask a web server, from the engine.
    Http(Http),
    /// Ask a metrics server, from the engine.
    Metrics(Metrics),
    /// Connect and authenticate, nothing else (`--hold`).
    Connect,
    /// Once a batch: let time pass.
    Wait(Duration),
    /// Once a batch: a person says that it goes on.
    Approve(Approval),
}

/// A person's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Approval {
    /// The least role that may say it.
    pub role: Role,
    /// Whether who started the run may not say it.
    pub not_starter: bool,
    /// So long it is asked for; then the run pauses.
    pub expires: Option<Duration>,
    /// The yes holds so long, should the run stand still meanwhile; then it is asked anew.
    pub use_within: Option<Duration>,
    /// What to look at, for the one who is asked.
    pub text: String,
}

impl Default for Approval {
    fn default() -> Self {
        Self {
            role: Role::Lead,
            not_starter: false,
            expires: None,
            use_within: None,
            text: String::new(),
        }
    }
}

/// A command on a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exec {
    /// Shell text, run by the login shell of the user (of `run_as` where given).
    pub command: String,
    /// Variables set for the command.
    #[serde(default)]
    pub env: BTreeMap<String, Filled>,
    /// The user the command runs as, when it is not the login user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    /// Whether the command outlives its connection and can be followed again.
    #[serde(default)]
    pub durable: bool,
    /// Whether the client gave input. It lives in the engine's memory only, as it may hold a
    /// secret, and is lost with the engine.
    #[serde(default)]
    pub stdin: bool,
}

/// A file that goes to each host whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The name of the blob that holds its bytes.
    pub blob: String,
    /// Its size in bytes.
    pub size: u64,
    /// The path it was read from, for people.
    pub source: String,
    /// The absolute path on the host.
    pub dest: String,
    /// Owner, `user` or `user:group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// A file that is fetched from each host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The absolute path on the host.
    pub source: String,
    /// The path here, below the host's directory in those of the run.
    pub dest: String,
}

/// A command on the engine's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Shell text for `/bin/sh`.
    pub command: String,
    /// Variables set for it.
    #[serde(default)]
    pub env: BTreeMap<String, Filled>,
}

/// How hosts take their turns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Hosts that may be at work at once.
    pub concurrency: u32,
    /// Sizes of the batches; their sum is the number of targets.
    pub batches: Vec<u32>,
    /// Pause when the first batch has ended, for a person to look (`--first`).
    #[serde(default)]
    pub look_after_first: bool,
    /// More failures than this stop the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// More failures than this in a batch stop the rollout: by batch, no limit where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batch_failures: Vec<Option<u32>>,
    /// Time between the end of a batch and the next: by batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub soaks: Vec<Duration>,
    /// What stopping is.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
    /// Whether each step is done by the whole batch before the next begins.
    #[serde(default)]
    pub lockstep: bool,
}

impl Rollout {
    /// The batches, with the failures that are borne in each.
    pub fn cuts(&self) -> Vec<Cut> {
        let failures = self.batch_failures.iter().copied();
        let failures = failures.chain(std::iter::repeat(None));
        let cuts = self.batches.iter().zip(failures);
        cuts.map(|(&hosts, failures)| Cut { hosts, failures })
            .collect()
    }

    /// The time that passes after this batch: there may be more than there were at first.
    pub fn soak_of(&self, batch: u32) -> Duration {
        let soak = self.soaks.get(batch as usize).or(self.soaks.last());
        soak.copied().unwrap_or_default()
    }
}

/// What happens when a rollout has more failures than are borne.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceeded {
    /// It pauses for a person.
    #[default]
    Pause,
    /// What runs is cancelled, what waits never starts.
    Abort,
    /// What runs finishes, what waits never starts, and what was done is undone.
    Rollback,
}

/// A run's claim on a host while it works there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lease {
    /// Never waits and makes nobody wait.
    Shared,
    /// One such run a host; others wait.
    Exclusive,
}

/// How hosts are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The login user given with the run; wins over inventory and `ssh_config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The `ssh_config` to use instead of the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_config: Option<String>,
    /// The named key that hosts are logged in to with; without one, what the person has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Time for each phase of connecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    /// Authenticate all targets before the first command (`--hold`).
    #[serde(default)]
    pub hold: bool,
}
