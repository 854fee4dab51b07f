//! What a flow's run was started with: for who starts it once more.

use std::collections::BTreeMap;

use super::Session;
use crate::engine::flows;
use crate::flow::definition::{Body, Definition};
use crate::flow::give::Values;
use crate::flow::param::ParamValue;
use crate::run::ids::RunId;
use crate::run::spec::RunSpec;
use crate::wire::flows::Given;
use crate::wire::reply::{Fault, Reply};

impl Session {
    pub(super) async fn given(&self, run: RunId) -> Result<Reply, Fault> {
        let standing = self.standing(run, 0, 0).await?;
        let spec = &standing.run.spec;
        let flow = spec.flow.as_ref();
        let flow = flow.ok_or_else(|| Fault::usage(format!("run {run} is of no flow")))?;
        let started = flows::started(flow).map_err(|why| {
            Fault::engine(format!(
                "what run {run} was started with cannot be read: {why}"
            ))
        });
        let (definition, values) = started?;
        Ok(Reply::Given(Box::new(Given {
            kind: definition.kind(),
            targets: targets(spec, &definition),
            values: given(&definition, &values),
            name: flow.name.clone(),
        })))
    }
}

/// The host set that a person gave. A run of stages keeps all hosts of those that name their own
/// as well: where there are such, nobody knows from it what was given.
fn targets(spec: &RunSpec, definition: &Definition) -> String {
    let simple = matches!(definition.body, Body::Simple { .. });
    let all = || {
        let mut works = definition.works().into_iter();
        works.all(|(_, work)| work.targets.is_none())
    };
    if simple || all() {
        spec.targets_text.clone()
    } else {
        String::new()
    }
}

/// What can be given once more: what nobody gave is left out, and so is what stands for a secret
/// that was typed.
fn given(definition: &Definition, values: &Values) -> BTreeMap<String, String> {
    let values = values.iter().filter(|(name, value)| {
        let again = !matches!(value, ParamValue::None | ParamValue::Typed(_));
        again && definition.params.contains_key(*name)
    });
    values
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::give::Offer;
    use crate::flow::read::definition;
    use crate::run::secret::Typed;

    const TEXT: &str = r#"
kind = "simple"
name = "Deploy"

[params.args]
type = "string"
required = false

[params.note]
type = "string"
required = false

[params.token]
type = "string"
required = false
secret = true

[params.key]
type = "string"
required = false
secret = true

[[steps]]
name = "go"
exec = { command = "true" }
"#;

    #[test]
    fn what_nobody_gave_and_what_was_typed_is_not_given_once_more() {
        let definition = definition("Deploy.toml", TEXT).unwrap().definition;
        let typed = Offer::Typed(Typed {
            name: "token".into(),
            mac: "5f".into(),
        });
        let text = |text: &str| Offer::Trusted(text.to_owned());
        let offers = [
            ("args", text("-Xmx=4g -Dfoo=bar")),
            ("token", typed),
            ("key", text("secret:deploy")),
        ];
        let offers = offers.map(|(name, offer)| (name.to_owned(), offer)).into();
        let values = Values::check(&definition.params, &offers, &|_| Ok(Vec::new())).unwrap();
        let given: Vec<String> = given(&definition, &values)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(given, ["args=-Xmx=4g -Dfoo=bar", "key=secret:deploy"]);
    }
}
