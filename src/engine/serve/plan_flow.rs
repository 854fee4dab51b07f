//! What a flow would do, worked out without doing any of it.

use std::sync::Arc;

use super::Session;
use super::definitions::{none, removed};
use super::queries::identity;
use super::start_flow::access;
use crate::engine::Parts;
use crate::engine::definitions::{DefinitionError, Shelf, Stored};
use crate::engine::people::Person;
use crate::flow::definition::{Body, Kind};
use crate::flow::give::{Values, offers};
use crate::flow::order::Host;
use crate::flow::param::Params;
use crate::flow::plan::{Plan, PlanError, RunFacts};
use crate::inventory::ResolvedHost;
use crate::run::spec::{Access, Target};
use crate::wire::definitions::{PlanFlow, Planned};
use crate::wire::reply::{Fault, Reply};
use crate::wire::request::HostsQuery;

impl Session {
    pub(super) async fn plan_flow(&self, asked: PlanFlow) -> Result<Reply, Fault> {
        let name = asked.name.clone();
        let stored = self.look(move |shelf| flow(shelf, &name)).await??;
        let person = self.person.clone();
        let planned = self
            .blocking(move |parts| plan(parts, &asked, stored, &person))
            .await?;
        Ok(Reply::Planned(Box::new(planned)))
    }
}

pub(super) fn flow(
    shelf: &Shelf<'_>,
    name: &str,
) -> Result<Result<Stored, Fault>, DefinitionError> {
    Ok(match shelf.current(Kind::Flow, name)? {
        Some(stored) => Ok(stored),
        None => Err(match shelf.standing(Kind::Flow, name)? {
            Some(standing) => removed(&standing),
            None => none(shelf, Kind::Flow, name)?,
        }),
    })
}

/// A flow, its hosts and its values, worked out and found to be possible on every host.
pub(super) struct Worked {
    pub plan: Plan,
    pub version: u32,
    /// In the order of the plan's hosts.
    pub targets: Vec<Target>,
    pub access: Access,
    pub warnings: Vec<String>,
}

fn plan(
    parts: &Parts,
    asked: &PlanFlow,
    stored: Stored,
    person: &Person,
) -> Result<Planned, Fault> {
    let worked = worked_out(parts, asked, stored, person, None)?;
    let view = worked.plan.view();
    Ok(Planned {
        version: worked.version,
        plan: view.map_err(|error| Fault::usage(error.message))?,
        warnings: worked.warnings,
    })
}

/// Works a flow out for these hosts; `number` is that of the run, when one is to start.
pub(super) fn worked_out(
    parts: &Parts,
    asked: &PlanFlow,
    stored: Stored,
    person: &Person,
    number: Option<u64>,
) -> Result<Worked, Fault> {
    let usage = |error: PlanError| Fault::usage(error.to_string());
    if !matches!(stored.definition.body, Body::Simple { .. }) {
        return Err(usage(PlanError::NotSimple(asked.name.clone())));
    }
    let mut query = HostsQuery {
        targets: asked.targets.clone(),
        ssh_config: asked.ssh_config.clone(),
        ..HostsQuery::default()
    };
    query.identity = identity(parts, &query, person)?;
    let values = values(parts, &query, &stored.definition.params, &asked.set)?;
    let found = parts.directory.resolve(&query)?;
    let access = access(asked, query.identity);
    let (targets, hosts): (Vec<Target>, Vec<Host>) = found
        .hosts
        .into_iter()
        .map(|host| (host.target, of(host.resolved)))
        .unzip();
    let hosts: Arc<[Host]> = hosts.into();
    let run = RunFacts {
        id: number,
        starter: person.name.clone(),
    };
    let plan = Plan::new(Arc::new(stored.definition), hosts, values, run).map_err(usage)?;
    plan.verify().map_err(|errors| all_of(&errors))?;
    Ok(Worked {
        plan,
        version: stored.version,
        targets,
        access,
        warnings: found.warnings,
    })
}

/// The values that were given, checked. Host sets among them mean what the inventory says.
fn values(
    parts: &Parts,
    query: &HostsQuery,
    params: &Params,
    words: &[String],
) -> Result<Values, Fault> {
    let offers = offers(words).map_err(|errors| all_of(&errors))?;
    let expand = |text: &str| {
        let query = HostsQuery {
            targets: text.to_owned(),
            ..query.clone()
        };
        let found = parts.directory.resolve(&query);
        let found = found.map_err(|fault| fault.message)?;
        Ok(found
            .hosts
            .into_iter()
            .map(|host| host.resolved.host)
            .collect())
    };
    Values::check(params, &offers, &expand).map_err(|errors| all_of(&errors))
}

fn of(host: ResolvedHost) -> Host {
    Host {
        name: host.host.into(),
        labels: host.labels,
        vars: host.vars,
    }
}

/// Everything that is wrong, a line each.
fn all_of<E: ToString>(errors: &[E]) -> Fault {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Fault::usage(lines.join("\n"))
}
