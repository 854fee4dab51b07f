//! Secrets of flows: taken when one starts, found to be readable, and asked for again.

use std::collections::BTreeSet;

use super::Session;
use super::refusals::Tried;
use super::work_out::{Whole, Worked};
use crate::engine::Parts;
use crate::run::ids::RunId;
use crate::run::roles::{Authority, Deed, Scope};
use crate::run::secret::{Secret, SecretRef, Typed};
use crate::run::spec::FlowRef;
use crate::wire::definitions::PlanFlow;
use crate::wire::hidden::Hidden;
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::Steer;

impl Session {
    /// Takes a secret that a run waits for. Only the one that was typed when it started is taken.
    pub(super) async fn secret(
        &self,
        run: RunId,
        name: String,
        secret: Hidden,
        authority: &Authority,
    ) -> Result<Reply, Fault> {
        let found = self
            .server
            .inbox
            .look(move |core| {
                let root = core.root(run);
                core.live_run(root).map(|live| live.run.clone())
            })
            .await?;
        let Some(root) = found.filter(|run| run.ended.is_none()) else {
            return Err(Fault::refused(format!(
                "run {run} is over, or there is none of this number; nothing waits for a secret"
            )));
        };
        authority.may(Deed::Steer, &Scope::Run(&root.spec))?;
        self.check_steer(root.id, &Steer::Resume).await?;
        let kept = asked_for(root.spec.flow.as_ref(), &name)
            .ok_or_else(|| none_of(root.id, root.spec.flow.as_ref(), &name))?;
        let (typed, secret) = self.server.parts.secrets.taken(&name, secret.take())?;
        if typed.mac != kept.mac {
            // A shared engine puts every refusal on record.
            if !self.server.parts.settings.shared {
                let wrong = format!("not the secret that was typed for {name}");
                self.record_refusal(&Tried::secret(root.id), &wrong).await;
            }
            return Err(Fault::refused(format!(
                "that is not the secret that was typed for {name} when run {} started; nothing was \
                 done. Type that one, or abort the run and start it again",
                root.id
            )));
        }
        let by = self.person.name.clone();
        self.server.inbox.secret_given(root.id, secret, by).await?;
        Ok(Reply::Done)
    }
}

fn asked_for<'f>(flow: Option<&'f FlowRef>, name: &str) -> Option<&'f Typed> {
    typed_of(flow).find(|typed| typed.name == name)
}

fn typed_of(flow: Option<&FlowRef>) -> impl Iterator<Item = &Typed> {
    let secrets = flow.into_iter().flat_map(|flow| &flow.secrets);
    secrets.filter_map(|secret| match secret {
        SecretRef::Typed(typed) => Some(typed),
        SecretRef::Named(_) => None,
    })
}

fn none_of(run: RunId, flow: Option<&FlowRef>, name: &str) -> Fault {
    let names: Vec<&str> = typed_of(flow).map(|typed| typed.name.as_str()).collect();
    let known = if names.is_empty() {
        "none was".to_owned()
    } else {
        format!("there is {}", names.join(", "))
    };
    Fault::usage(format!("no secret {name} was typed for run {run}; {known}"))
}

/// Secrets that were typed for a start, and what stands for each.
pub(super) fn taken(
    parts: &Parts,
    secrets: Vec<(String, Hidden)>,
) -> Result<(Vec<Typed>, Vec<Secret>), Fault> {
    let taken = secrets
        .into_iter()
        .map(|(name, text)| parts.secrets.taken(&name, text.take()));
    let taken: Vec<(Typed, Secret)> = taken.collect::<Result<_, _>>()?;
    Ok(taken.into_iter().unzip())
}

/// What stands for secrets that will be typed.
pub(super) fn to_type(asked: &PlanFlow) -> Vec<Typed> {
    let typed = asked.typed.iter().map(|name| Typed {
        name: name.clone(),
        mac: String::new(),
    });
    typed.collect()
}

/// Refuses a start whose secrets cannot be read: what is mistyped starts nothing.
pub(super) fn readable(parts: &Parts, secrets: &[SecretRef]) -> Result<(), Fault> {
    for secret in secrets {
        if let SecretRef::Named(name) = secret {
            parts.secrets.read(name).map_err(Fault::usage)?;
        }
    }
    Ok(())
}

/// The secrets of everything that a whole is made of.
pub(super) fn of_whole(whole: &Whole) -> Vec<SecretRef> {
    let mut found = BTreeSet::new();
    collect(whole, &mut found);
    found.into_iter().collect()
}

fn collect(whole: &Whole, found: &mut BTreeSet<SecretRef>) {
    found.extend(whole.values.secrets());
    for node in whole.stages.iter().flat_map(|stage| &stage.nodes) {
        match &node.work {
            Worked::Simple(simple) => found.extend(simple.plan.values().secrets()),
            Worked::Whole(whole) => collect(whole, found),
        }
    }
}
