//! Definitions beside each other: what each refers to must be there, and must take what it is given.

mod uses;

use std::collections::BTreeMap;

use super::definition::{Body, Definition, Kind};
use super::give;
use super::graph::topological;
use super::param::{Param, ParamKind, Params};
use super::read::{Mark, Source};
use super::rollout::OnExceeded;
use super::stage::{Action, ForEach, Stage, Work};
use super::step::{Act, Given, Step};
use crate::run::complaint::{Complaint, Complaints, nearest, quote};

/// Definitions that were checked together.
#[derive(Debug, Clone, Default)]
pub struct Book {
    sources: Vec<Source>,
    by_name: BTreeMap<(Kind, String), usize>,
}

impl Book {
    /// Puts definitions together.
    ///
    /// # Errors
    /// All that is wrong between them: names that stand twice, references to nothing, parameters
    /// that do not match, definitions that contain themselves.
    pub fn new(sources: Vec<Source>) -> Result<Self, Complaints> {
        let mut complaints = Vec::new();
        let mut by_name = BTreeMap::new();
        for (index, source) in sources.iter().enumerate() {
            let definition = &source.definition;
            let name = (definition.kind(), definition.name.clone());
            match by_name.get(&name) {
                None => {
                    by_name.insert(name, index);
                }
                Some(before) => complaints.push(twin(source, &sources[*before])),
            }
        }
        let book = Self { sources, by_name };
        for source in &book.sources {
            complaints.extend(book.complaints_of(source));
        }
        complaints.extend(book.cycle());
        if complaints.is_empty() {
            Ok(book)
        } else {
            Err(Complaints(complaints))
        }
    }

    /// The definition of this name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Definition> {
        let index = self.by_name.get(&(kind, name.to_owned()))?;
        self.sources.get(*index).map(|source| &source.definition)
    }

    /// All definitions, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    fn complaints_of(&self, source: &Source) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (index, (_, work)) in source.definition.works().into_iter().enumerate() {
            match self.referent(work) {
                None => {}
                Some(Ok(callee)) => complaints.extend(mismatches(source, index, work, callee)),
                Some(Err((kind, name))) => {
                    complaints.push(self.unknown(source, index, kind, name));
                }
            }
        }
        complaints.extend(items_without_hosts(source));
        complaints.extend(self.said_in_vain(source));
        complaints.extend(self.uses_of_stages(source));
        complaints
    }

    /// What a stage or branch refers to, if to anything.
    fn referent<'w>(&self, work: &'w Work) -> Option<Result<&Definition, (Kind, &'w str)>> {
        let kind = match &work.action {
            Action::Flow(_) => Kind::Flow,
            Action::Fanout(_) => Kind::Action,
            Action::Exec { .. } => return None,
        };
        let name = work.action.refers_to()?;
        Some(self.get(kind, name).ok_or((kind, name)))
    }

    /// What a stage says that what it starts cannot do.
    fn said_in_vain(&self, source: &Source) -> Vec<Complaint> {
        let stages: &[Stage] = match &source.definition.body {
            Body::Multi { stages } => stages,
            Body::Simple { .. } | Body::Fanout(_) => &[],
        };
        let works = source.definition.works().into_iter().enumerate();
        let told = |(index, (_, work)): (usize, (&str, &Work))| {
            let callee = self.referent(work)?.ok()?;
            let (key, wrong) = misfit(stages.get(index), callee)?;
            let mark = key.map_or(Mark::Reference(index), |key| Mark::Said(index, key));
            let complaint = source.complaint(&mark, wrong.message);
            Some(complaint.hint(wrong.hint))
        };
        works.filter_map(told).collect()
    }

    fn unknown(&self, source: &Source, index: usize, kind: Kind, name: &str) -> Complaint {
        // Its own name would be a cycle.
        let own = &source.definition.name;
        let names = || {
            let all = self.by_name.keys();
            all.filter(|(of, other)| *of == kind && other != own)
                .map(|(_, name)| name.as_str())
        };
        let hint = match nearest(name, names()) {
            Some(near) => format!("did you mean {}?", quote(near)),
            None => "check it together with the file that defines it".to_owned(),
        };
        let message = format!("there is no {} {}", kind.word(), quote(name));
        source
            .complaint(&Mark::Reference(index), message)
            .hint(hint)
    }

    /// A definition that contains itself.
    fn cycle(&self) -> Option<Complaint> {
        let edges: Vec<Vec<usize>> = self
            .sources
            .iter()
            .map(|source| self.edges(source).map(|(_, to)| to).collect())
            .collect();
        let cycle = topological(&edges).err()?;
        let name = |index: &usize| self.sources[*index].definition.name.as_str();
        let (&first, next) = (cycle.first()?, cycle.get(1).or(cycle.first())?);
        let source = &self.sources[first];
        let (stage, _) = self.edges(source).find(|(_, to)| to == next)?;
        let round: Vec<&str> = cycle.iter().chain([&first]).map(name).collect();
        let message = format!("it would start itself without end: {}", round.join(" > "));
        let complaint = source.complaint(&Mark::Reference(stage), message);
        Some(complaint.hint("take one of these references away"))
    }

    /// The stages or branches that refer to definitions, with the index of each.
    fn edges<'a>(&'a self, source: &'a Source) -> impl Iterator<Item = (usize, usize)> + 'a {
        let works = source.definition.works().into_iter().enumerate();
        works.filter_map(|(stage, (_, work))| {
            let callee = self.referent(work)?.ok()?;
            let name = (callee.kind(), callee.name.clone());
            Some((stage, *self.by_name.get(&name)?))
        })
    }
}

/// A sentence, and the way out.
pub struct Misfit {
    /// The sentence, without its full stop.
    pub message: String,
    /// The way out.
    pub hint: String,
}

/// What of a stage, or of a branch, does not go with the definition that it starts, and the key
/// that says so.
pub fn misfit(
    stage: Option<&Stage>,
    callee: &Definition,
) -> Option<(Option<&'static str>, Misfit)> {
    let name = quote(&callee.name);
    let told = |key, message, hint: &str| {
        let hint = hint.to_owned();
        Some((key, Misfit { message, hint }))
    };
    if let Body::Simple { steps, .. } = &callee.body {
        let by_number = |step: &&Step| matches!(&step.act, Act::Push(push) if push.source.uses_part("run", "id"));
        let step = steps.iter().find(by_number)?;
        let message = format!(
            "{name} pushes a file named by run.id, and files are read before its run has a number"
        );
        let hint = format!(
            "name the file of its step {} by a parameter",
            quote(&step.name)
        );
        return told(None, message, &hint);
    }
    let stage = stage?;
    if stage.max_failures.is_some() {
        return told(
            Some("max_failures"),
            format!("{name} is made of runs, which have limits of their own"),
            "take \"max_failures\" away, and say it in the flows that it starts",
        );
    }
    if stage.on_exceeded == OnExceeded::Rollback {
        return told(
            Some("on_exceeded"),
            format!("{name} is made of runs, and none of them is undone by this"),
            "write \"pause\" or \"abort\", and \"rollback\" in the flows that it starts",
        );
    }
    None
}

fn twin(source: &Source, before: &Source) -> Complaint {
    let definition = &source.definition;
    let message = format!(
        "there is another {} {} in {}",
        definition.kind().word(),
        quote(&definition.name),
        before.file.escape_debug()
    );
    source
        .complaint(&Mark::Name, message)
        .hint("give each its own name")
}

/// A stage for each host of a parameter needs one that holds hosts.
fn items_without_hosts(source: &Source) -> Vec<Complaint> {
    let Body::Multi { stages } = &source.definition.body else {
        return Vec::new();
    };
    let wrong = |(index, stage): (usize, &Stage)| {
        let Some(ForEach::Param(name)) = &stage.for_each else {
            return None;
        };
        let param = source.definition.params.get(name)?;
        (param.kind != ParamKind::Hosts).then(|| {
            let message = format!(
                "the parameter {} is of type {}, and a stage can be done for each of hosts only",
                quote(name),
                quote(param.kind.word())
            );
            source.complaint(&Mark::Work(index), message)
        })
    };
    stages.iter().enumerate().filter_map(wrong).collect()
}

/// What of a stage or branch does not match the definition it starts.
fn mismatches(source: &Source, index: usize, work: &Work, callee: &Definition) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let own_hosts = !matches!(callee.body, Body::Simple { .. });
    let name = quote(&callee.name);
    if own_hosts && work.targets.is_some() {
        let message = format!("{name} has its own hosts, so it takes no targets");
        let complaint = source.complaint(&Mark::Work(index), message);
        complaints.push(complaint.hint("take \"targets\" away"));
    }
    if !own_hosts && work.targets.is_none() {
        let message = format!("{name} needs hosts");
        let complaint = source.complaint(&Mark::Work(index), message);
        complaints.push(complaint.hint("write targets = \"@group\""));
    }
    for (param, given) in &work.set {
        let mark = Mark::Set(index, param.clone());
        let wrong = match callee.params.get(param) {
            Some(declared) => value_mismatch(declared, given).map(|why| (why, None)),
            None => Some(unknown_param(param, callee)),
        };
        complaints.extend(wrong.map(|(message, hint)| {
            let mut complaint = source.complaint(&mark, message);
            complaint.hint = hint;
            complaint
        }));
    }
    complaints.extend(missing(source, index, work, &callee.params));
    complaints
}

fn unknown_param(param: &str, callee: &Definition) -> (String, Option<String>) {
    let message = format!("{} has no parameter {}", quote(&callee.name), quote(param));
    let near = nearest(param, callee.params.keys().map(String::as_str));
    (
        message,
        near.map(|near| format!("did you mean {}?", quote(near))),
    )
}

fn missing(source: &Source, index: usize, work: &Work, params: &Params) -> Vec<Complaint> {
    let lacks = |(name, param): &(&String, &Param)| param.required && !work.set.contains_key(*name);
    params
        .iter()
        .filter(lacks)
        .map(|(name, _)| {
            let message = format!("the parameter {} is not given", quote(name));
            let hint = format!("write set = {{ {name} = \"…\" }}");
            source.complaint(&Mark::Work(index), message).hint(hint)
        })
        .collect()
}

/// Whether a value can be what the parameter takes, as far as that is known before the run.
fn value_mismatch(param: &Param, given: &Given) -> Option<String> {
    match given {
        Given::Secret(name) if !param.secret => Some(format!(
            "the secret {} is given to a parameter that is none",
            quote(name)
        )),
        Given::Text(text) if text.is_fixed() => {
            let error = give::check(param, text.source(), None).err();
            error.map(|rule| format!("{} {rule}", quote(text.source())))
        }
        Given::Text(_) if param.secret => {
            Some("a secret is given by name only; write \"secret:NAME\", or a secret parameter alone: \"{{ token }}\"".to_owned())
        }
        Given::Secret(_) | Given::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::read;

    const LEAF: &str = "kind = 'simple'\nname = 'Leaf'\nparams.version = { type = 'string', pattern = '\\d+' }\nparams.key = { type = 'string', secret = true, required = false }\n[[steps]]\nname = 'x'\nexec = { command = 'x' }\n";

    fn book(texts: &[&str]) -> Result<Book, Vec<String>> {
        let source = |(index, text): (usize, &&str)| {
            read::definition(&format!("{index}.toml"), text)
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let sources = texts.iter().enumerate().map(source).collect();
        Book::new(sources).map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
    }

    fn multi(name: &str, stage: &str) -> String {
        format!(
            "kind = 'multi'\nname = '{name}'\nparams.v = {{ type = 'string' }}\nparams.s = {{ type = 'string', secret = true }}\n[[stages]]\nname = 'a'\n{stage}\n"
        )
    }

    #[test]
    fn references_that_fit_are_found() {
        let top = multi(
            "Top",
            "flow = 'Leaf'\ntargets = 'a'\nset = { version = '{{ v }}', key = '{{ s }}' }",
        );
        let book = book(&[&top, LEAF]).unwrap();
        assert!(book.get(Kind::Flow, "Leaf").is_some());
        assert!(book.get(Kind::Action, "Leaf").is_none());
        assert_eq!(book.iter().count(), 2);
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_place() {
        let told = |stage: &str| book(&[&multi("Top", stage), LEAF]).unwrap_err();
        assert_eq!(
            told("flow = 'Lead'\ntargets = 'a'"),
            ["0.toml:7:8: there is no flow \"Lead\"; did you mean \"Leaf\"?"]
        );
        assert_eq!(
            told("fanout = 'Leaf'"),
            [
                "0.toml:7:10: there is no action \"Leaf\"; check it together with the file that defines it"
            ]
        );
        assert_eq!(
            told("flow = 'Leaf'\nset = { version = 'x', vresion = '1', key = 'a' }"),
            [
                "0.toml:5:1: \"Leaf\" needs hosts; write targets = \"@group\"",
                "0.toml:8:39: \"a\" is not the name of a secret; write secret:NAME, never the secret itself",
                "0.toml:8:9: \"x\" does not match \"\\d+\"",
                "0.toml:8:24: \"Leaf\" has no parameter \"vresion\"; did you mean \"version\"?",
            ]
        );
        assert_eq!(
            told("flow = 'Leaf'\ntargets = 'a'"),
            ["0.toml:5:1: the parameter \"version\" is not given; write set = { version = \"…\" }"]
        );
        assert_eq!(
            told("flow = 'Leaf'\ntargets = 'a'\nset = { version = '{{ s }}' }"),
            ["0.toml:9:9: the secret \"s\" is given to a parameter that is none"]
        );
        assert_eq!(
            told(
                "flow = 'Leaf'\ntargets = '{{ item }}'\nset = { version = 1 }\nfor_each = { param = 'v' }"
            ),
            [
                "0.toml:5:1: the parameter \"v\" is of type \"string\", and a stage can be done for each of hosts only"
            ]
        );
        assert_eq!(
            book(&[LEAF, LEAF]).unwrap_err(),
            ["1.toml:2:8: there is another flow \"Leaf\" in 0.toml; give each its own name"]
        );
    }

    #[test]
    fn what_a_stage_says_in_vain_is_refused() {
        let inner = multi(
            "Inner",
            "flow = 'Leaf'\ntargets = 'a'\nset = { version = '1' }\nmax_failures = 2\non_exceeded = 'rollback'",
        );
        let told = |said: &str| {
            let stage = format!("flow = 'Inner'\nset = {{ v = 'x', s = 'secret:a' }}\n{said}");
            book(&[&multi("Top", &stage), &inner, LEAF]).map(|_| ())
        };
        assert_eq!(told("on_exceeded = 'abort'"), Ok(()));
        assert_eq!(
            told("max_failures = 2").unwrap_err(),
            [
                "0.toml:9:16: \"Inner\" is made of runs, which have limits of their own; take \"max_failures\" away, and say it in the flows that it starts"
            ]
        );
        assert_eq!(
            told("on_exceeded = 'rollback'").unwrap_err(),
            [
                "0.toml:9:15: \"Inner\" is made of runs, and none of them is undone by this; write \"pause\" or \"abort\", and \"rollback\" in the flows that it starts"
            ]
        );
    }

    #[test]
    fn a_stage_starts_nothing_that_pushes_files_named_by_its_number() {
        let push = "kind = 'simple'\nname = 'Push'\n[[steps]]\nname = 'put'\npush = { source = 'x-{{ run.id }}', dest = '/x' }\n";
        let top = multi("Top", "flow = 'Push'\ntargets = 'a'");
        assert_eq!(
            book(&[&top, push]).unwrap_err(),
            [
                "0.toml:7:8: \"Push\" pushes a file named by run.id, and files are read before its run has a number; name the file of its step \"put\" by a parameter"
            ]
        );
        let both = "kind = 'fanout'\nname = 'Both'\n[[actions]]\nname = 'b'\nflow = 'Push'\ntargets = 'a'\n";
        assert!(book(&[both, push]).is_err());
        assert!(book(&[&top, &push.replace("run.id", "run.name")]).is_ok());
    }

    #[test]
    fn definitions_that_start_themselves_are_refused() {
        let set = "\nset = { v = 'x', s = 'secret:a' }";
        let one = multi("One", &format!("flow = 'Two'{set}"));
        let two = "kind = 'fanout'\nname = 'Two'\n[[actions]]\nname = 'b'\nflow = 'One'\nset = { v = 'x', s = 'secret:a' }\n".to_owned();
        let one = one
            .replace("flow = 'Two'", "fanout = 'Two'")
            .replace(set, "");
        assert_eq!(
            book(&[&one, &two]).unwrap_err(),
            [
                "0.toml:7:10: it would start itself without end: One > Two > One; take one of these references away"
            ]
        );
        let own = multi("Own", &format!("flow = 'Own'{set}"));
        assert_eq!(
            book(&[&own]).unwrap_err(),
            [
                "0.toml:7:8: it would start itself without end: Own > Own; take one of these references away"
            ]
        );
    }
}
