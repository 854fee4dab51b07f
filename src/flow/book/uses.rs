//! What stages use of what earlier ones registered.

use std::collections::BTreeSet;

use super::Book;
use crate::flow::definition::{Body, Definition};
use crate::flow::read::{Mark, Source};
use crate::flow::rollout::Gate;
use crate::flow::stage::{Action, Needs, Stage, Work};
use crate::flow::template::{Condition, StageUse, Text};
use crate::run::complaint::{Complaint, nearest, quote};
use crate::run::stages::DEEPEST;

/// What there is of a stage.
const PARTS: [&str; 4] = ["registered", "values", "by_host", "by_item"];

/// A sentence, and the way out.
type Wrong = (String, String);

impl Book {
    /// What is wrong with the uses of earlier stages' values in a flow of stages.
    pub(super) fn uses_of_stages(&self, source: &Source) -> Vec<Complaint> {
        let Body::Multi { stages } = &source.definition.body else {
            return Vec::new();
        };
        let mut complaints = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            for (mark, used) in uses(index, stage) {
                let wrong = self.wrong(stages, stage, &used);
                complaints.extend(
                    wrong.map(|(message, hint)| source.complaint(&mark, message).hint(hint)),
                );
            }
        }
        complaints
    }

    fn wrong(&self, stages: &[Stage], by: &Stage, used: &StageUse) -> Option<Wrong> {
        let path: Vec<&str> = used.path.iter().map(String::as_str).collect();
        let Some((name, rest)) = path.split_first() else {
            return Some((
                "a stage is named where its values are used".to_owned(),
                "write stages.NAME.registered.VALUE".to_owned(),
            ));
        };
        let Some(of) = stages.iter().find(|stage| stage.name == **name) else {
            let names = || stages.iter().map(|stage| stage.name.as_str());
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean {}?", quote(near)),
                None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Some((format!("there is no stage {}", quote(name)), hint));
        };
        if !surely_before(stages, &by.name).contains(*name) {
            let message = format!(
                "{} does not need {}, which may not have run when it begins",
                quote(&by.name),
                quote(name)
            );
            return Some((message, format!("write needs = [{}]", quote(name))));
        }
        self.wrong_part(of, rest)
    }

    /// `rest` stands behind the name of the stage.
    fn wrong_part(&self, of: &Stage, rest: &[&str]) -> Option<Wrong> {
        let name = quote(&of.name);
        match rest {
            ["registered" | "values"] => Some((
                format!("it is not said what {name} registered"),
                "write the name of the value behind it".to_owned(),
            )),
            ["by_item", ..] if of.for_each.is_none() => Some((
                format!("{name} is done once, so it has no items"),
                "leave by_item out".to_owned(),
            )),
            ["by_item", _, rest @ ..] if !rest.is_empty() => self.wrong_part(of, rest),
            ["registered" | "values", value, ..] | ["by_host", _, value, ..] => {
                self.unregistered(of, value)
            }
            ["by_host" | "by_item", ..] => None,
            [] => Some((
                format!("it is not said what of {name} is meant"),
                format!("there are {}", PARTS.join(", ")),
            )),
            [other, ..] => Some((
                format!("a stage has no {}", quote(other)),
                format!("there are {}", PARTS.join(", ")),
            )),
        }
    }

    fn unregistered(&self, of: &Stage, value: &str) -> Option<Wrong> {
        let known = self.registers(&of.work, 0)?;
        if known.contains(value) {
            return None;
        }
        let name = quote(&of.name);
        let message = format!("{name} registers no {}", quote(value));
        let hint = match nearest(value, known.iter().copied()) {
            Some(near) => format!("did you mean {}?", quote(near)),
            None if known.is_empty() => {
                "write register.NAME = { … } in a step of the flow that it starts".to_owned()
            }
            None => format!(
                "it registers {}",
                known.into_iter().collect::<Vec<_>>().join(", ")
            ),
        };
        Some((message, hint))
    }

    /// What is registered by what a stage or branch does; nothing, when that is not known.
    fn registers<'b>(&'b self, work: &'b Work, depth: usize) -> Option<BTreeSet<&'b str>> {
        // What is deeper cannot be started, and that is said then.
        if depth > DEEPEST {
            return None;
        }
        if let Action::Exec { .. } = work.action {
            return Some(BTreeSet::new());
        }
        let callee: &Definition = self.referent(work)?.ok()?;
        if let Body::Simple { steps, .. } = &callee.body {
            let names = steps.iter().flat_map(|step| step.register.keys());
            return Some(names.map(String::as_str).collect());
        }
        let mut all = BTreeSet::new();
        for (_, work) in callee.works() {
            all.extend(self.registers(work, depth + 1)?);
        }
        Some(all)
    }
}

/// Where a stage uses values of others, and where that stands.
fn uses(index: usize, stage: &Stage) -> Vec<(Mark, StageUse)> {
    let mut found = Vec::new();
    let mut add = |mark: Mark, uses: Vec<StageUse>| {
        found.extend(uses.into_iter().map(|used| (mark.clone(), used)));
    };
    if let Action::Exec { exec, .. } = &stage.work.action {
        add(Mark::Reference(index), exec.command.stages());
    }
    let gate = stage.gate.as_ref().map(Gate::stages);
    add(Mark::Said(index, "gate"), gate.unwrap_or_default());
    let when = stage.when.as_ref().map(Condition::stages);
    add(Mark::Said(index, "when"), when.unwrap_or_default());
    let text = stage
        .approve
        .as_ref()
        .and_then(|approve| approve.text.as_ref());
    let asked = text.map(Text::stages).unwrap_or_default();
    add(Mark::Said(index, "approve"), asked);
    found
}

/// The stages that have succeeded, or were left out, whenever this one begins.
fn surely_before<'s>(stages: &'s [Stage], name: &str) -> BTreeSet<&'s str> {
    let mut before = BTreeSet::new();
    let mut left = vec![name];
    while let Some(name) = left.pop() {
        let Some(stage) = stages.iter().find(|stage| stage.name == name) else {
            continue;
        };
        let all = match &stage.needs {
            Needs::All(names) => names.as_slice(),
            Needs::AtLeast { count, of } if *count >= of.len() => of.as_slice(),
            Needs::AtLeast { .. } => &[],
        };
        for name in all {
            if before.insert(name.as_str()) {
                left.push(name);
            }
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::read;

    const LEAF: &str = "kind = 'simple'\nname = 'Leaf'\n[[steps]]\nname = 'x'\nexec = { command = 'x' }\nregister.revision = { whole = true }\n";

    /// A canary, an aside that nothing needs, and what the last stage says.
    fn told(last: &str) -> Vec<String> {
        let stages = "[[stages]]\nname = 'canary'\nflow = 'Leaf'\ntargets = 'a'\n[[stages]]\nname = 'aside'\nflow = 'Leaf'\ntargets = 'a'\n";
        let top = format!(
            "kind = 'multi'\nname = 'Top'\n{stages}[[stages]]\nname = 'middle'\nneeds = ['canary']\nflow = 'Leaf'\ntargets = 'a'\nfor_each = ['x']\n[[stages]]\nname = 'last'\nneeds = ['middle']\n{last}\n"
        );
        let source =
            |text: &str| read::definition("t.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let book = Book::new(vec![source(&top), source(LEAF)]);
        let complaints = book.map_or_else(|errors| errors.0, |_| Vec::new());
        complaints.iter().map(ToString::to_string).collect()
    }

    fn exec(value: &str) -> Vec<String> {
        told(&format!(
            "targets = 'a'\nexec = {{ command = 'x {{{{ {value} }}}}' }}"
        ))
    }

    #[test]
    fn values_of_stages_that_have_run_are_used_everywhere_a_host_may_speak() {
        for value in [
            "stages.canary.registered.revision",
            "stages[\"canary\"].values.revision",
            "stages.canary.by_host[host.name].revision",
            "stages.middle.by_item[\"x\"].registered.revision",
        ] {
            assert_eq!(exec(value), Vec::<String>::new(), "{value}");
        }
        let said = "flow = 'Leaf'\ntargets = 'a'\nwhen = \"'1' in stages.canary.values.revision\"\napprove = { role = 'lead', text = 'on {{ stages.canary.registered.revision }}' }\ngate = { exec = { command = 'x {{ stages.canary.registered.revision }}' } }";
        assert_eq!(told(said), Vec::<String>::new());
    }

    #[test]
    fn values_that_will_not_be_there_are_refused_with_their_place() {
        let one = |value: &str| {
            let mut told = exec(value);
            assert_eq!(told.len(), 1, "{told:?}");
            told.remove(0)
        };
        assert_eq!(
            one("stages.aside.registered.revision"),
            "t.toml:21:8: \"last\" does not need \"aside\", which may not have run when it begins; write needs = [\"aside\"]"
        );
        assert!(one("stages.canray.registered.revision").contains("did you mean \"canary\"?"));
        assert!(one("stages.canary.registered.revison").contains("did you mean \"revision\"?"));
        assert!(one("stages.canary.by_item[\"x\"].values.revision").contains("has no items"));
        assert!(one("stages.canary.revision").contains("a stage has no \"revision\""));
        assert!(one("stages[host.name].values").contains("a stage is named"));
        let last = "flow = 'Leaf'\ntargets = 'a'\nwhen = \"'1' in stages.aside.values.revision\"";
        assert!(told(last)[0].starts_with("t.toml:22:8: \"last\" does not need"));
    }

    #[test]
    fn no_path_target_or_setting_takes_a_value_of_a_stage() {
        for last in [
            "flow = 'Leaf'\ntargets = '{{ stages.canary.registered.revision }}'",
            "flow = 'Leaf'\ntargets = 'a'\nset = { v = '{{ stages.canary.registered.revision }}' }",
            "targets = 'a'\nexec = { command = 'x', run_as = '{{ stages.canary.registered.revision }}' }",
        ] {
            let top = format!(
                "kind = 'multi'\nname = 'Top'\n[[stages]]\nname = 'canary'\nflow = 'Leaf'\ntargets = 'a'\n[[stages]]\nname = 'last'\nneeds = ['canary']\n{last}\n"
            );
            let errors = read::definition("t.toml", &top).unwrap_err();
            assert!(errors.to_string().contains("came from outside"), "{errors}");
        }
    }
}
