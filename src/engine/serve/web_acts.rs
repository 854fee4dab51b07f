//! Requests to web servers in a flow that is to start: whether each may be sent, before anything is.

use crate::engine::Settings;
use crate::engine::http_rules::admitted;
use crate::engine::metrics_gate::metrics_url;
use crate::flow::plan::{Does, Found, Plan, Turn};
use crate::flow::rollout::{Gate, Inconclusive, Metrics};
use crate::flow::step;
use crate::http::Request;
use crate::run::http::{self, Http, METRICS_NEITHER};
use crate::run::secret::Filled;
use crate::run::spec::{self, Act, FlowPart, StepRules};

/// The request as it stands in the definition, for people; each host has its own. Its headers and its
/// body may be secrets.
pub(super) fn as_written(http: &step::Http) -> Act {
    Act::Http(Http {
        method: http.method,
        url: http.url.source().to_owned(),
        headers: std::collections::BTreeMap::new(),
        body: None,
        success: http.success.clone(),
    })
}

/// A gate that one host asks for its batch.
pub(super) fn gate(gate: &Gate, metrics: &Metrics) -> spec::Step {
    spec::Step {
        name: "gate".to_owned(),
        act: Act::Metrics(http::Metrics {
            url: metrics.url.source().to_owned(),
            query: metrics.query.source().to_owned(),
        }),
        timeout: gate.timeout,
        idempotent: true,
        rules: StepRules {
            retry: gate.retry.clone(),
            together: true,
            once: true,
            gate: Some(match gate.inconclusive {
                Inconclusive::Pause => vec![METRICS_NEITHER],
                Inconclusive::Fail => Vec::new(),
            }),
            ..StepRules::default()
        },
        part: Some(FlowPart::Gate),
    }
}

/// Whether every request of the steps may be sent, on every host; `Err` is a sentence.
pub(super) fn may_ask(plan: &Plan, settings: &Settings) -> Result<(), String> {
    for (step, about) in plan.steps().iter().enumerate() {
        if !matches!(about.act, step::Act::Http(_)) {
            continue;
        }
        for host in 0..plan.hosts().len() {
            let batch = plan.batch_of(host).unwrap_or_default();
            let turn = Turn { step, host, batch };
            let task = plan.task(turn, &Found::NotYet);
            let task = task.map_err(|error| error.message)?;
            if task.applies != Some(false) {
                let name = &plan.hosts()[host].name;
                may_send(&task.does, settings)
                    .map_err(|why| format!("the step \"{}\" on {name}: {why}", about.name))?;
            }
        }
    }
    Ok(())
}

fn may_send(does: &Does, settings: &Settings) -> Result<(), String> {
    let Does::Http {
        method,
        url,
        headers,
        ..
    } = does
    else {
        return Ok(());
    };
    let url = admitted(settings, url)?.url;
    let texts = headers.iter().filter_map(|(name, value)| match value {
        Filled::Text(text) => Some((name.as_str(), text.as_bytes())),
        // Looked at when it is read.
        Filled::Secret(_) => None,
    });
    Request::new(*method, url, texts, None).map(|_| ())
}

/// Whether the metrics server of the gate may be asked, for every batch; `Err` is a sentence.
pub(super) fn may_ask_gate(plan: &Plan, settings: &Settings) -> Result<(), String> {
    for (batch, hosts) in plan.batches().iter().enumerate() {
        let Some(&host) = hosts.first() else { continue };
        let turn = Turn {
            step: 0,
            host,
            batch,
        };
        let does = plan.gate(turn, &Found::NotYet);
        let does = does.map_err(|error| format!("its gate: {}", error.message))?;
        if let Some(Does::Metrics { url, query }) = does {
            let url = metrics_url(&http::Metrics { url, query });
            admitted(settings, &url).map_err(|why| format!("its gate: {why}"))?;
        }
    }
    Ok(())
}
