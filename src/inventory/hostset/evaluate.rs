//! From the notation to the hosts it means: operators, groups and wildcards resolved.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use super::HostSet;
use super::build::Builder;
use super::error::HostSetError;
use super::groups::{GroupError, Groups};
use super::regroup;
use super::scan::{Names, Operands, Operator};
use crate::run::wildcard;

/// How deep groups may be defined by way of others.
const DEEPEST: usize = 100;

/// Steps, at most, for all operators of one text and its groups: seconds.
const MOST_WORK: usize = 100_000_000;

/// A group's source, its name, and whether wildcards count in its definition.
type Key = (Option<String>, String, bool);

/// Reads one text in the default source.
pub(super) fn parse(text: &str, groups: &dyn Groups) -> Result<HostSet, HostSetError> {
    Evaluation::of(groups).text(
        text,
        Scope {
            source: None,
            wildcards: true,
        },
    )
}

/// All hosts of a source, through its groups if it cannot say at once.
pub fn all_hosts(groups: &dyn Groups, source: Option<&str>) -> Result<HostSet, HostSetError> {
    Evaluation::of(groups).all(Scope {
        source,
        wildcards: true,
    })
}

/// Where a text stands: what a group without a source belongs to, and whether `*` is a wildcard.
#[derive(Clone, Copy)]
struct Scope<'s> {
    source: Option<&'s str>,
    wildcards: bool,
}

/// One evaluation: remembers each group, so that nested definitions cost what they hold.
pub(super) struct Evaluation<'g> {
    groups: &'g dyn Groups,
    /// `None` while the group is being resolved: meeting it again is a circle.
    known: RefCell<HashMap<Key, Option<Arc<HostSet>>>>,
    depth: Cell<usize>,
    /// Steps taken so far.
    work: Cell<usize>,
}

impl<'g> Evaluation<'g> {
    pub(super) fn of(groups: &'g dyn Groups) -> Self {
        Self {
            groups,
            known: RefCell::default(),
            depth: Cell::new(0),
            work: Cell::new(0),
        }
    }

    /// The hosts of one group of a source.
    pub(super) fn group(
        &self,
        source: Option<&str>,
        group: &str,
    ) -> Result<Arc<HostSet>, HostSetError> {
        self.resolved(
            group,
            Scope {
                source,
                wildcards: true,
            },
        )
    }

    fn text(&self, text: &str, scope: Scope) -> Result<HostSet, HostSetError> {
        let mut result = HostSet::new();
        let mut pending = Pending::default();
        let mut all = None;
        let mut names = Names::default();
        for operand in Operands::of(text) {
            let operand = operand.map_err(|fault| fault.in_text(text))?;
            pending.expect(operand.operator, &mut result, &self.work)?;
            let start = operand.at.start;
            names
                .read(&text[operand.at])
                .map_err(|fault| fault.moved(start).in_text(text))?;
            let key = names.pattern.key();
            if key.starts_with('@') {
                pending.set.extend(&self.named(&mut names, scope)?);
            } else if scope.wildcards && key.contains(['*', '?']) {
                let all = match &all {
                    Some(all) => all,
                    None => all.insert(self.all(Scope {
                        wildcards: false,
                        ..scope
                    })?),
                };
                pending.set.extend(&matching(all, &mut names)?);
            } else {
                pending.builder.add(&mut names);
            }
        }
        pending.apply(&mut result, &self.work)?;
        Ok(result)
    }

    /// The hosts of all groups that an operand such as `@rack[1-2]` names.
    fn named(&self, names: &mut Names, scope: Scope) -> Result<HostSet, HostSetError> {
        let mut builder = Builder::default();
        builder.add(names);
        let mut hosts = HostSet::new();
        for name in builder.finish()?.iter() {
            hosts.extend(&*self.spelled(&name, scope)?);
        }
        hosts.checked()
    }

    /// The hosts of `@group`, `@source:group`, `@*`, `@source:*`, or the group names `@@source`.
    fn spelled(&self, name: &str, scope: Scope) -> Result<Arc<HostSet>, HostSetError> {
        let bare = name.strip_prefix('@').unwrap_or(name);
        if let Some(source) = bare.strip_prefix('@') {
            let source = (!source.is_empty()).then_some(source);
            return Ok(Arc::new(regroup::group_names(self.groups, source)?));
        }
        match bare.split_once(':') {
            Some((source, group)) => {
                let source = (!source.is_empty()).then_some(source);
                self.resolved(group, Scope { source, ..scope })
            }
            None => self.resolved(bare, scope),
        }
    }

    fn resolved(&self, group: &str, scope: Scope) -> Result<Arc<HostSet>, HostSetError> {
        let name = || match scope.source {
            Some(source) => format!("@{source}:{group}"),
            None => format!("@{group}"),
        };
        let key = (
            scope.source.map(String::from),
            group.to_string(),
            scope.wildcards,
        );
        let seen = self.known.borrow().get(&key).cloned();
        match seen {
            Some(Some(hosts)) => return Ok(hosts),
            Some(None) => return Err(HostSetError::GroupCircle(name())),
            None if self.depth.get() == DEEPEST => return Err(HostSetError::GroupDepth(name())),
            None => {}
        }
        self.known.borrow_mut().insert(key.clone(), None);
        self.depth.update(|depth| depth + 1);
        let hosts = Arc::new(
            self.definition(group, scope)
                .map_err(|error| in_group(name(), error))?,
        );
        self.depth.update(|depth| depth - 1);
        self.known
            .borrow_mut()
            .insert(key, Some(Arc::clone(&hosts)));
        Ok(hosts)
    }

    fn definition(&self, group: &str, scope: Scope) -> Result<HostSet, HostSetError> {
        if group == "*" {
            return self.all(scope);
        }
        self.text(&self.groups.hosts(scope.source, group)?.join(","), scope)
    }

    fn all(&self, scope: Scope) -> Result<HostSet, HostSetError> {
        let texts = match self.groups.all_hosts(scope.source) {
            Err(GroupError::NoUpcall { .. }) => self.all_by_groups(scope)?,
            texts => texts?,
        };
        // Each text stands for itself, but plain names are many and are read together.
        let (plain, other): (Vec<&String>, Vec<&String>) = texts
            .iter()
            .partition(|text| !text.contains(['!', '&', '^']));
        let plain: Vec<&str> = plain.into_iter().map(String::as_str).collect();
        let mut hosts = self.text(&plain.join(","), scope)?;
        for text in other {
            hosts.extend(&self.text(text, scope)?);
        }
        hosts.checked()
    }

    fn all_by_groups(&self, scope: Scope) -> Result<Vec<String>, HostSetError> {
        let mut texts = Vec::new();
        for group in regroup::group_names(self.groups, scope.source)?.iter() {
            texts.extend(self.groups.hosts(scope.source, &group)?);
        }
        Ok(texts)
    }
}

fn in_group(group: String, error: HostSetError) -> HostSetError {
    match error {
        HostSetError::Notation { .. }
        | HostSetError::TooMany(_)
        | HostSetError::TooManyToCombine { .. } => HostSetError::InGroup {
            group,
            source: Box::new(error),
        },
        other => other,
    }
}

/// Operands of one operator, gathered before it is applied, as far as that makes no difference:
/// `a!b!c` is `a` without `b,c`.
#[derive(Default)]
struct Pending {
    operator: Option<Operator>,
    builder: Builder,
    set: HostSet,
}

impl Pending {
    /// Makes way for an operand of `operator`.
    fn expect(
        &mut self,
        operator: Operator,
        left: &mut HostSet,
        work: &Cell<usize>,
    ) -> Result<(), HostSetError> {
        let gathers = matches!(operator, Operator::Union | Operator::Difference);
        if self.operator != Some(operator) || !gathers {
            self.apply(left, work)?;
        }
        self.operator = Some(operator);
        Ok(())
    }

    /// Applies the operator to the set on its left; afterwards nothing is pending.
    fn apply(&mut self, left: &mut HostSet, work: &Cell<usize>) -> Result<(), HostSetError> {
        let mut right = std::mem::take(&mut self.set);
        if !self.builder.is_empty() {
            let built = std::mem::take(&mut self.builder).finish()?;
            built.check_with(&right)?;
            right.extend(&built);
        }
        left.check_with(&right)?;
        work.update(|work| work.saturating_add(left.weight()));
        if work.get() > MOST_WORK {
            return Err(HostSetError::TooMuchWork);
        }
        match self.operator.take() {
            None => {}
            Some(Operator::Union) if left.is_empty() => *left = right,
            Some(Operator::Union) => left.extend(&right),
            Some(Operator::Difference) => *left = left.difference(&right),
            Some(Operator::Intersection) => *left = left.intersection(&right),
            Some(Operator::Xor) => *left = left.symmetric_difference(&right),
        }
        left.check()
    }
}

/// The hosts among `all` that match a wildcard operand.
fn matching(all: &HostSet, names: &mut Names) -> Result<HostSet, HostSetError> {
    let mut builder = Builder::default();
    builder.add(names);
    let masks: Vec<String> = builder.finish()?.iter().collect();
    let found = all
        .iter()
        .filter(|name| masks.iter().any(|mask| wildcard::matches(mask, name)));
    HostSet::from_names(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::hostset::NoGroups;

    #[test]
    fn operators_upon_operators_on_large_sets_end_with_an_error() {
        let scope = Scope {
            source: None,
            wildcards: true,
        };
        let evaluation = Evaluation::of(&NoGroups);
        assert_eq!(
            evaluation.text("a[1-9/2]^a1^a2", scope).unwrap().fold(),
            "a[2-3,5,7,9]"
        );
        assert!(evaluation.work.get() > 0);
        evaluation.work.set(MOST_WORK);
        assert_eq!(
            evaluation.text("a[1-9/2]^a1", scope),
            Err(HostSetError::TooMuchWork)
        );
    }
}
