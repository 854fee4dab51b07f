//! A simple flow made of an ad-hoc run: a text for a person to look at before it is stored.

use std::fmt::Write as _;

use super::read::definition;
use crate::run::complaint::Complaints;
use crate::run::duration::HumanDuration;
use crate::run::spec::{Act, Exec, Lease, Push, RunKind, RunSpec, Step};

/// What a template begins with.
const MARKERS: [&str; 3] = ["{{", "{%", "{#"];

/// A definition that was made, and what of the run is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// A sentence each.
    pub notes: Vec<String>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The run is no command on hosts.
    #[error(
        "only a run of a command becomes a flow, and this is a {0}; a flow is copied by: conn show flow/NAME"
    )]
    NotExec(&'static str),
    /// The name is none, above all.
    #[error("{0}")]
    Wrong(Complaints),
}

/// Makes a simple flow of this name of an ad-hoc run; `about` says of which.
///
/// # Errors
/// The run is no command, or the name is no name.
pub fn draft(name: &str, about: &str, spec: &RunSpec) -> Result<Draft, DraftError> {
    if spec.kind != RunKind::Exec {
        return Err(DraftError::NotExec(spec.kind.word()));
    }
    let mut text = format!(
        "kind  = \"simple\"\nname  = {}\nabout = {}\n\n",
        quoted(name),
        quoted(about)
    );
    rollout(&mut text, spec);
    for step in &spec.steps {
        one(&mut text, step);
    }
    definition("draft", &text).map_err(DraftError::Wrong)?;
    Ok(Draft {
        text,
        notes: notes(spec),
    })
}

fn rollout(text: &mut String, spec: &RunSpec) {
    let rollout = &spec.rollout;
    text.push_str("[rollout]\n");
    let _ = match rollout
        .batches
        .first()
        .filter(|_| rollout.batches.len() > 1)
    {
        Some(first) => writeln!(
            text,
            "batches     = [{first}, \"100%\"]   # the last repeats; a percentage is of all hosts"
        ),
        None => writeln!(
            text,
            "batches     = [\"100%\"]   # as in the run; [1, \"20%\"] goes step by step"
        ),
    };
    let _ = writeln!(text, "concurrency = {}", rollout.concurrency);
    let lease = match spec.lease {
        Lease::Shared => "\"shared\"     # exclusive: no other flow works on its hosts meanwhile",
        Lease::Exclusive => "\"exclusive\"",
    };
    let _ = writeln!(text, "lease       = {lease}");
}

fn one(text: &mut String, step: &Step) {
    match &step.act {
        Act::Exec(exec) => command(text, step, exec),
        Act::Push(push) => pushed(text, step, push),
        _ => {}
    }
}

fn head(text: &mut String, name: &str, step: &Step) {
    let _ = writeln!(text, "\n[[steps]]\nname    = {}", quoted(name));
    if let Some(limit) = step.timeout {
        let limit = HumanDuration::from(limit).to_string();
        let _ = writeln!(text, "timeout = {}", quoted(&limit));
    }
}

fn command(text: &mut String, step: &Step, exec: &Exec) {
    head(text, "run", step);
    if step.idempotent {
        text.push_str("idempotent = true\n");
    }
    if !exec.durable {
        text.push_str("durable = false   # true: outlives its connection\n");
    }
    let command = quoted(&literal(exec.command.trim_end_matches('\n')));
    let _ = writeln!(text, "\n[steps.exec]\ncommand = {command}");
    if let Some(user) = &exec.run_as {
        let _ = writeln!(text, "run_as  = {}", quoted(&literal(user)));
    }
    if !exec.env.is_empty() {
        text.push_str("\n[steps.exec.env]\n");
    }
    for (name, value) in &exec.env {
        let value = literal(&value.to_string());
        let _ = writeln!(text, "{} = {}", quoted(name), quoted(&value));
    }
}

fn pushed(text: &mut String, step: &Step, push: &Push) {
    head(text, &step.name, step);
    let file = push.source.rsplit('/').next().unwrap_or(&push.source);
    let source = literal(&format!("files/{file}"));
    let _ = writeln!(
        text,
        "\n[steps.push]\nsource = {}\ndest   = {}",
        quoted(&source),
        quoted(&literal(&push.dest))
    );
    if let Some(owner) = &push.owner {
        let _ = writeln!(text, "owner  = {}", quoted(&literal(owner)));
    }
    if let Some(mode) = push.mode {
        let _ = writeln!(text, "mode   = \"{mode:04o}\"");
    }
}

/// What a flow has no words for, or has elsewhere.
fn notes(spec: &RunSpec) -> Vec<String> {
    let mut notes = Vec::new();
    for step in &spec.steps {
        match &step.act {
            Act::Push(push) => notes.push(format!(
                "the file {} is not in it: a flow takes files from files/ beside its definition",
                push.source
            )),
            Act::Exec(exec) if exec.stdin => {
                notes.push("its standard input was kept nowhere: a flow has none".to_owned());
            }
            _ => {}
        }
    }
    let access = &spec.access;
    if let Some(user) = &access.user {
        notes.push(format!(
            "it logged in as {user}: a flow logs in as the inventory says"
        ));
    }
    if let Some(identity) = &access.identity {
        notes.push(format!(
            "it used the key {identity}: a flow uses the default one"
        ));
    }
    if access.connect_timeout.is_some() || access.hold {
        notes.push("how it connected (--connect-timeout, --hold) is not in it".to_owned());
    }
    notes
}

/// Text that a template gives back as it is.
fn literal(text: &str) -> String {
    if !MARKERS.iter().any(|marker| text.contains(marker)) {
        return text.to_owned();
    }
    if !text.contains("endraw") {
        return format!("{{% raw %}}{text}{{% endraw %}}");
    }
    // Each brace by itself, so that nothing in the text ends what keeps it as it is.
    let mut kept = String::new();
    for (at, letter) in text.char_indices() {
        let marker = MARKERS.iter().any(|marker| text[at..].starts_with(marker));
        kept.push_str(if marker { "{% raw %}{{% endraw %}" } else { "" });
        if !marker {
            kept.push(letter);
        }
    }
    kept
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    let plain = |c: char| !c.is_control() && c != '\'';
    if text.contains(['"', '\\']) && text.chars().all(plain) {
        return format!("'{text}'");
    }
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::flow::definition::Body;
    use crate::flow::give::Values;
    use crate::flow::order::Host;
    use crate::flow::plan::{Does, Found, Plan, RunFacts, Turn};
    use crate::run::spec::{Access, Rollout, StepRules};

    fn spec(command: &str) -> RunSpec {
        RunSpec {
            kind: RunKind::Exec,
            title: command.to_owned(),
            targets_text: "h[0-2]".to_owned(),
            targets: Vec::new(),
            steps: vec![Step {
                name: "exec".to_owned(),
                act: Act::Exec(Exec {
                    command: command.to_owned(),
                    ..Exec::default()
                }),
                timeout: None,
                idempotent: false,
                rules: StepRules::default(),
                part: None,
            }],
            rollout: Rollout {
                concurrency: 3,
                batches: vec![3],
                ..Rollout::default()
            },
            lease: Lease::Shared,
            access: Access::default(),
            flow: None,
            stages: None,
        }
    }

    /// What the flow that was made would run on a host.
    fn runs(draft: &Draft) -> Does {
        let read = definition("draft", &draft.text).unwrap().definition;
        let host = Host {
            name: "h0".into(),
            labels: std::collections::BTreeMap::default(),
            vars: std::collections::BTreeMap::default(),
        };
        let run = RunFacts {
            id: None,
            starter: "kim".into(),
        };
        let plan = Plan::new(Arc::new(read), vec![host].into(), Values::default(), run).unwrap();
        let turn = Turn {
            step: 0,
            host: 0,
            batch: 0,
        };
        plan.task(turn, &Found::NotYet).unwrap().does
    }

    proptest! {
        #[test]
        fn the_flow_runs_the_very_command_whatever_is_in_it(
            command in "([ -~é\t]|\\{\\{|\\{%|\\{#|\\}\\}|%\\}|raw|endraw|'|\"\"\"|\\\\|\n|\\$\\(){1,24}[a-z]"
        ) {
            let made = draft("Again", "Made of run 1.", &spec(&command)).unwrap();
            match runs(&made) {
                Does::Exec { command: found, .. } => prop_assert_eq!(found, command),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn user_limits_and_batches_are_those_of_the_run() {
        let mut spec = spec("systemctl restart web");
        spec.rollout.batches = vec![1, 2];
        spec.rollout.concurrency = 7;
        spec.steps[0].timeout = Some(Duration::from_secs(90));
        if let Act::Exec(exec) = &mut spec.steps[0].act {
            exec.run_as = Some("web".into());
            exec.env.insert("A".into(), "{{ b }}".into());
        }
        let made = draft("RestartWeb", "Made of run 1.", &spec).unwrap();
        insta::assert_snapshot!(made.text);
        assert!(made.notes.is_empty());
        let Body::Simple { rollout, steps } = definition("x", &made.text).unwrap().definition.body
        else {
            panic!("it is a simple flow");
        };
        assert_eq!((rollout.concurrency, rollout.lease), (7, Lease::Shared));
        assert_eq!(steps[0].timeout, Some(Duration::from_secs(90)));
        match runs(&made) {
            Does::Exec {
                run_as, durable, ..
            } => {
                assert_eq!(run_as.as_deref(), Some("web"));
                assert!(!durable);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_flow_has_no_words_for_is_said() {
        let mut spec = spec("true");
        spec.access.user = Some("ops".into());
        if let Act::Exec(exec) = &mut spec.steps[0].act {
            exec.stdin = true;
        }
        let notes = draft("A", "", &spec).unwrap().notes;
        assert_eq!(notes.len(), 2, "{notes:?}");
    }

    #[test]
    fn a_name_that_is_none_and_a_run_that_is_no_command_are_refused() {
        let wrong = draft("no name", "", &spec("true")).unwrap_err().to_string();
        assert!(wrong.contains("letters, digits"), "{wrong}");
        let mut flow = spec("true");
        flow.kind = RunKind::Flow;
        assert!(draft("A", "", &flow).is_err());
    }
}
