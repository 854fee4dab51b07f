//! What a plan of a flow is.

use std::collections::BTreeMap;

use super::*;
use crate::flow::give::offers;
use crate::flow::read;
use crate::flow::value::Tainted;
use crate::run::secret::{Filled, SecretRef};

const FLOW: &str = r#"
kind = "simple"
name = "Up"
params.version = { type = "string" }
params.token = { type = "string", secret = true, required = false }

[rollout]
batches = [1, "50%"]
max_failures = "30%"
max_failures_per_batch = 2
canary = { max_failures = 0, soak = "5m" }
soak = "1m"

[[steps]]
name = "look"
exec = { command = "look {{ host.name }} {{ host.labels.rack | default('?') }}", env = { TOKEN = "{{ token }}", V = "v{{ version }}" } }
register.found = { whole = true }

[[steps]]
name = "set"
exec = { command = "set {{ version }} {{ registered.found }}", run_as = "svc" }
when = "registered.found != ''"
rollback = { command = "unset {{ registered.found }}" }

[[steps]]
name = "only"
exec = { command = "only" }
when = "batch > 1 and host.vars.port == 80"
"#;

fn hosts(count: usize) -> Arc<[Host]> {
    let host = |index: usize| Host {
        name: format!("web{index}.example").into(),
        labels: [("rack".to_owned(), format!("r{index}"))].into(),
        vars: [("port".to_owned(), 80.into())].into(),
    };
    (1..=count).map(host).collect()
}

fn plan_of(text: &str, hosts: Arc<[Host]>, words: &[&str]) -> Result<Plan, PlanError> {
    let definition = read::definition("x.toml", text).unwrap().definition;
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let values = Values::check(&definition.params, &offers(&words).unwrap(), &|_| {
        Ok(Vec::new())
    })
    .unwrap();
    let run = RunFacts {
        id: Some(7),
        starter: "kim".into(),
    };
    Plan::new(Arc::new(definition), hosts, values, run)
}

fn plan() -> Plan {
    plan_of(FLOW, hosts(6), &["version=it's", "token=secret:ops"]).unwrap()
}

fn turn(step: usize, host: usize, batch: usize) -> Turn {
    Turn { step, host, batch }
}

#[test]
fn batches_and_numbers_are_worked_out() {
    let plan = plan();
    assert_eq!(plan.batches(), [vec![0], vec![1, 2, 3], vec![4, 5]]);
    assert_eq!(
        plan.limits(),
        &Limits {
            run: Some(1),
            batches: vec![Some(0), Some(2), Some(2)]
        }
    );
    assert_eq!(plan.batch_of(4), Some(2));
    plan.verify().unwrap();
}

#[test]
fn a_command_is_shown_as_it_will_run() {
    let task = plan().task(turn(0, 2, 1), &Found::NotYet).unwrap();
    assert_eq!(task.does.command(), Some("look web3.example r3"));
    let Does::Exec { env, durable, .. } = task.does else {
        panic!()
    };
    assert_eq!(env["TOKEN"], Filled::Secret(SecretRef::Named("ops".into())));
    assert_eq!(env["V"], Filled::Text("vit's".into()));
    assert!(durable);
}

#[test]
fn what_only_the_run_can_tell_stands_open_until_it_does() {
    let plan = plan();
    let before = plan.task(turn(1, 0, 0), &Found::NotYet).unwrap();
    assert_eq!(before.does.command(), Some(r"set 'it'\''s' '<found>'"));
    assert_eq!(before.applies, None);
    let found =
        |value: &str| Found::Values(BTreeMap::from([("found".to_owned(), Tainted::new(value))]));
    let during = plan.task(turn(1, 0, 0), &found("$(reboot)")).unwrap();
    assert_eq!(during.does.command(), Some(r"set 'it'\''s' '$(reboot)'"));
    assert_eq!(
        during.rollback.unwrap().command(),
        Some("unset '$(reboot)'")
    );
    assert_eq!(during.applies, Some(true));
    assert_eq!(
        plan.task(turn(1, 0, 0), &found("")).unwrap().applies,
        Some(false)
    );
    let applies = |batch| {
        plan.task(turn(2, 1, batch), &Found::NotYet)
            .unwrap()
            .applies
    };
    assert_eq!((applies(0), applies(1)), (Some(false), Some(true)));
    assert!(plan.task(turn(9, 0, 0), &Found::NotYet).is_err());
}

#[test]
fn the_view_has_the_shape_of_the_contracts() {
    let view = plan().view().unwrap();
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(
        json["batches"],
        serde_json::json!([
            ["web1.example"],
            ["web2.example", "web3.example", "web4.example"],
            ["web5.example", "web6.example"]
        ])
    );
    assert_eq!(json["steps"][0]["name"], "look");
    assert_eq!(json["steps"][0]["command"], "look web1.example r1");
    assert_eq!(json["soak"], serde_json::json!([300.0, 60.0]));
    assert!(!json.to_string().contains("hunter"));
    let again: PlanView = serde_json::from_value(json).unwrap();
    assert_eq!(again, view);
}

fn digest_of(text: &str, count: usize, words: &[&str]) -> String {
    plan_of(text, hosts(count), words).unwrap().digest()
}

#[test]
fn a_digest_is_that_of_definition_hosts_and_values_together() {
    let one = digest_of(FLOW, 6, &["version=1"]);
    assert_eq!(
        one,
        digest_of(&FLOW.replace("\n\n", "\n# a comment\n"), 6, &["version=1"])
    );
    assert_ne!(one, digest_of(FLOW, 5, &["version=1"]));
    assert_ne!(one, digest_of(FLOW, 6, &["version=2"]));
    assert_ne!(
        one,
        digest_of(&FLOW.replace("only\" }", "other\" }"), 6, &["version=1"])
    );
}

#[test]
fn what_cannot_be_rolled_out_is_refused_before_anything_starts() {
    let none = plan_of(FLOW, hosts(0), &["version=1"]).unwrap_err();
    assert!(none.to_string().contains("on no host at all"), "{none}");
    let host = hosts(1)[0].clone();
    let twice = plan_of(FLOW, vec![host.clone(), host].into(), &["version=1"]).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "the host \"web1.example\" stands twice among the targets; name it once"
    );
    let lacking = FLOW.replace("| default('?') ", "| upper ");
    let mut some = hosts(4).to_vec();
    some[1].labels.clear();
    some[3].labels.clear();
    let errors = plan_of(&lacking, some.into(), &["version=1"])
        .unwrap()
        .verify()
        .unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]
            .to_string()
            .starts_with("the step \"look\" on \"web2.example\" and one more host: "),
        "{}",
        errors[0]
    );
    let racks = FLOW.replace("soak = \"1m\"", "spread = \"dc\"\nsoak = \"1m\"");
    let mut one_dc = hosts(6).to_vec();
    for host in &mut one_dc {
        host.labels.insert("dc".into(), "ams".into());
    }
    assert!(matches!(
        plan_of(&racks, one_dc.into(), &["version=1"]),
        Err(PlanError::Spread(_))
    ));
}

#[test]
fn a_stage_is_worked_out_for_each_item() {
    let text = "kind = 'multi'\nname = 'M'\nparams.v = { type = 'string' }\nparams.s = { type = 'string', secret = true }\n[[stages]]\nname = 'a'\nflow = 'F'\ntargets = '@{{ item }}!{{ run.starter }}'\nset = { version = '{{ v }}', key = '{{ s }}' }\nfor_each = ['x', 'y-{{ v }}']\nwhen = \"v != 'no'\"\n";
    let definition = read::definition("x.toml", text).unwrap().definition;
    let run = RunFacts {
        id: None,
        starter: "kim".into(),
    };
    let of = |v: &str| {
        let words = [format!("v={v}"), "s=secret:k".to_owned()];
        let values = Values::check(&definition.params, &offers(&words).unwrap(), &|_| {
            Ok(Vec::new())
        })
        .unwrap();
        let Body::Multi { stages } = &definition.body else {
            panic!()
        };
        instances("M", &stages[0], &values, &run).unwrap()
    };
    let two = of("2");
    let targets: Vec<&str> = two
        .iter()
        .filter_map(|one| one.targets.as_deref())
        .collect();
    assert_eq!(targets, ["@x!kim", "@y-2!kim"]);
    assert_eq!(
        two[1].set["key"],
        crate::flow::give::Offer::Trusted("secret:k".into())
    );
    assert_eq!(of("no"), []);
}
