//! From what a person asked for to a frozen specification.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::engine::Parts;
use crate::engine::audit::encode;
use crate::engine::core::NewRun;
use crate::engine::people::Person;
use crate::run::preflight;
use crate::run::roles::Authority;
use crate::run::secret::Filled;
use crate::run::spec::{
    Access, Act, Exec, Lease, Push, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::{HostsQuery, StartRun};

/// Time a preflight may take on a host that does not say otherwise.
const PREFLIGHT_LIMIT: Duration = Duration::from_secs(30);

impl Session {
    pub(super) async fn start(
        &self,
        start: StartRun,
        authority: Arc<Authority>,
    ) -> Result<Reply, Fault> {
        let person = self.person.clone();
        let by = person.name.clone();
        let no_wait = start.no_wait;
        let stdin = start.stdin.clone();
        let origin = self.origin.clone();
        let (spec, digest, warnings) = self
            .blocking(move |parts| {
                let (spec, warnings) = freeze(parts, &start, &person)?;
                let digest = parts
                    .store
                    .put_blob(&encode(&spec))
                    .map_err(|error| Fault::engine(error.to_string()))?;
                Ok((spec, digest, warnings))
            })
            .await?;
        let run = self
            .server
            .inbox
            .create(NewRun {
                spec: Arc::new(spec),
                digest: digest.to_string(),
                stdin,
                typed: Vec::new(),
                by,
                authority,
                origin,
                no_wait,
                parent: None,
                handed: None,
            })
            .await?;
        Ok(Reply::Started { run, warnings })
    }
}

/// Resolves the targets and checks that each can be reached by the configuration; nothing starts
/// when one cannot.
fn freeze(
    parts: &Parts,
    start: &StartRun,
    person: &Person,
) -> Result<(RunSpec, Vec<String>), Fault> {
    let identity = parts.identities.choose(start.identity.as_deref(), person)?;
    let found = parts.directory.resolve(&HostsQuery {
        targets: start.targets.clone(),
        ssh_config: start.ssh_config.clone(),
        user: start.user.clone(),
        ..HostsQuery::default()
    })?;
    let access = Access {
        user: start.user.clone(),
        ssh_config: start.ssh_config.clone(),
        identity,
        connect_timeout: start.connect_timeout,
        hold: start.hold,
    };
    let targets: Vec<Target> = found.hosts.into_iter().map(|host| host.target).collect();
    for target in &targets {
        parts
            .directory
            .route(&access, target)
            .map_err(Fault::usage)?;
    }
    let count = u32::try_from(targets.len())
        .map_err(|_| Fault::usage("more hosts than one run can hold"))?;
    if let Some(shown) = start.shown.filter(|shown| count > *shown) {
        return Err(Fault::refused(format!(
            "{} meant {shown} hosts when you looked and means {count} now: nothing was started. \
             Look again",
            start.targets
        )));
    }
    let spec = RunSpec {
        kind: kind(start),
        title: title(start),
        targets_text: start.targets.clone(),
        targets,
        steps: steps(start),
        rollout: rollout(parts, start, count),
        lease: if start.exclusive {
            Lease::Exclusive
        } else {
            Lease::Shared
        },
        access,
        flow: None,
        stages: None,
    };
    let mut warnings = warnings(start);
    warnings.extend(found.warnings);
    Ok((spec, warnings))
}

fn kind(start: &StartRun) -> RunKind {
    if start.preflight {
        RunKind::Preflight
    } else {
        RunKind::Exec
    }
}

fn title(start: &StartRun) -> String {
    if start.preflight {
        let checks = "reach, host key, auth, run-as, disk, inodes, read-only, clock";
        return match &start.run_as {
            Some(user) => format!("{checks}; as {user}"),
            None => checks.to_owned(),
        };
    }
    let pushed: Vec<&str> = start.push.iter().map(|push| push.dest.as_str()).collect();
    match (pushed.is_empty(), start.command.is_empty()) {
        (true, _) => start.command.clone(),
        (false, true) => format!("push {}", pushed.join(", ")),
        (false, false) => format!("push {}; {}", pushed.join(", "), start.command),
    }
}

fn steps(start: &StartRun) -> Vec<Step> {
    let mut steps: Vec<Step> = start.hold.then(connect_step).into_iter().collect();
    steps.extend(start.push.iter().enumerate().map(|(place, file)| Step {
        name: if start.push.len() == 1 {
            "push".to_owned()
        } else {
            format!("push-{}", place + 1)
        },
        act: Act::Push(Push {
            blob: file.blob.clone(),
            size: file.size,
            source: file.source.clone(),
            dest: file.dest.clone(),
            owner: file.owner.clone(),
            mode: file.mode,
        }),
        timeout: start.timeout,
        idempotent: true,
        rules: StepRules::default(),
        part: None,
    }));
    if start.preflight {
        steps.extend(preflight_steps(start));
    } else if !start.command.is_empty() {
        steps.push(exec_step("exec", &start.command, start, start.timeout));
    }
    steps
}

/// The first step of `--hold`.
fn connect_step() -> Step {
    Step {
        name: "connect".to_owned(),
        act: Act::Connect,
        timeout: None,
        idempotent: true,
        rules: StepRules::default(),
        part: None,
    }
}

/// The host's facts as whom we log in, then whether it lets us become another.
fn preflight_steps(start: &StartRun) -> Vec<Step> {
    let plain = StartRun {
        run_as: None,
        ..start.clone()
    };
    let limit = Some(PREFLIGHT_LIMIT);
    let mut steps = vec![exec_step(
        preflight::FACTS_STEP,
        preflight::SCRIPT,
        &plain,
        limit,
    )];
    if start.run_as.is_some() {
        let (name, script) = (preflight::RUN_AS_STEP, preflight::RUN_AS_SCRIPT);
        steps.push(exec_step(name, script, start, limit));
    }
    steps
}

fn exec_step(name: &str, command: &str, start: &StartRun, limit: Option<Duration>) -> Step {
    Step {
        name: name.to_owned(),
        act: Act::Exec(Exec {
            command: command.to_owned(),
            env: start
                .env
                .iter()
                .map(|(name, value)| (name.clone(), Filled::from(value.as_str())))
                .collect(),
            run_as: start.run_as.clone(),
            durable: start.durable,
            stdin: start.stdin.is_some(),
        }),
        timeout: start.timeout.or(limit),
        idempotent: start.preflight,
        rules: StepRules::default(),
        part: None,
    }
}

fn rollout(parts: &Parts, start: &StartRun, hosts: u32) -> Rollout {
    let first = start.first.filter(|first| *first < hosts);
    Rollout {
        concurrency: if start.fanout == 0 {
            parts.settings.fanout
        } else {
            start.fanout
        },
        batches: match first {
            Some(first) => vec![first, hosts - first],
            None => vec![hosts],
        },
        look_after_first: first.is_some(),
        max_failures: None,
        ..Rollout::default()
    }
}

fn warnings(start: &StartRun) -> Vec<String> {
    let mut warnings = Vec::new();
    if start.stdin.is_some() && start.durable {
        warnings.push(
            "the input of --stdin lives in the engine's memory only: hosts that have not started \
             when the engine ends will not be started"
                .to_owned(),
        );
    }
    warnings
}
