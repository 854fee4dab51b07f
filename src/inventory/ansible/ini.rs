//! The INI form: sections of hosts, `:children` and `:vars`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::gather::Gather;
use super::{empty_name, literal, shlex};
use crate::inventory::source::GroupIx;
use crate::run::complaint::{Complaint, Place, quote};

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// Reads one file.
pub(super) fn read(gather: &mut Gather, file: &Arc<str>, text: &str) -> Result<(), Complaint> {
    let mut reader = Reader {
        group: gather.ungrouped(),
        section: Section::Hosts,
        declared: gather
            .builder
            .so_far()
            .groups()
            .iter()
            .map(|group| Arc::clone(&group.name))
            .collect(),
        undeclared: HashMap::new(),
        gather,
    };
    for (number, line) in lines(text).enumerate() {
        let trimmed = line.trim_matches(is_blank);
        if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
            continue;
        }
        let indent = line.chars().take_while(|c| is_blank(*c)).count();
        let place = Place::new(file, number as u32 + 1, indent as u32 + 1);
        reader
            .line(trimmed, &place)
            .map_err(|message| Complaint::new(place, message))?;
    }
    reader.finish()
}

struct Reader<'g> {
    gather: &'g mut Gather,
    group: GroupIx,
    section: Section,
    /// Groups that have a section of hosts or children somewhere above.
    declared: HashSet<Arc<str>>,
    /// Groups that were only used so far.
    undeclared: HashMap<Arc<str>, Undeclared>,
}

/// A group that was used before any section declared it.
struct Undeclared {
    place: Place,
    why: String,
    /// Groups that have it as a child; linked when it is declared, which gives Ansible's order.
    parents: Vec<GroupIx>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, place: &Place) -> Result<(), String> {
        if let Some((name, kind)) = section_header(line) {
            return self.enter(name, kind, place);
        }
        if line.starts_with('[') && line.ends_with(']') {
            return Err(format!(
                "the section {} is wrong: write [NAME], [NAME:children] or [NAME:vars], without blanks",
                quote(line)
            ));
        }
        match self.section {
            Section::Hosts => self.hosts(line, place),
            Section::Children => self.child(line, place),
            Section::Vars => self.variable(line, place),
        }
    }

    fn enter(&mut self, name: &str, kind: Option<&str>, place: &Place) -> Result<(), String> {
        self.section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("children") => Section::Children,
            Some("vars") => Section::Vars,
            Some(other) => {
                return Err(format!(
                    "a section of the kind {} is not known; write children or vars",
                    quote(other)
                ));
            }
        };
        self.group = self.gather.group(name, place);
        let name: Arc<str> = Arc::from(name);
        if self.section != Section::Vars {
            let used = self.undeclared.remove(&name);
            for parent in used.into_iter().flat_map(|used| used.parents) {
                self.gather.builder.add_child(parent, self.group);
            }
            self.declared.insert(name);
        } else if !self.declared.contains(&name) {
            let why = format!(
                "variables are given to the group {}, which is not declared",
                quote(&name)
            );
            self.use_undeclared(name, place, why);
        }
        Ok(())
    }

    fn use_undeclared(&mut self, name: Arc<str>, place: &Place, why: String) -> &mut Undeclared {
        let fresh = || Undeclared {
            place: place.clone(),
            why,
            parents: Vec::new(),
        };
        self.undeclared.entry(name).or_insert_with(fresh)
    }

    fn hosts(&mut self, line: &str, place: &Place) -> Result<(), String> {
        let words = shlex::split(line).map_err(str::to_owned)?;
        let Some((pattern, assignments)) = words.split_first() else {
            return Ok(());
        };
        if pattern.is_empty() {
            return Err(empty_name("host", pattern));
        }
        if pattern == "---" {
            return Err("--- starts a YAML file; give the file the ending .yml".to_owned());
        }
        let hosts = self.gather.pattern(pattern, self.group, place)?;
        if pattern.ends_with(':') {
            return Err(format!(
                "the host pattern {} ends in a colon without a port",
                quote(pattern)
            ));
        }
        for assignment in assignments {
            let (key, text) = assignment
                .split_once('=')
                .ok_or_else(|| format!("{} is no variable; write key=value", quote(assignment)))?;
            let value = value_of(text);
            for host in &hosts {
                self.gather
                    .builder
                    .set_host_var(*host, key, value.clone(), place);
            }
        }
        Ok(())
    }

    fn child(&mut self, line: &str, place: &Place) -> Result<(), String> {
        let name = group_name(line).ok_or_else(|| format!("{} is no group name", quote(line)))?;
        if let Some(child) = self.gather.builder.so_far().group_ix(name) {
            self.gather.builder.add_child(self.group, child);
        } else {
            let why = format!("the group {} is a child, but is not declared", quote(name));
            let parent = self.group;
            self.use_undeclared(Arc::from(name), place, why)
                .parents
                .push(parent);
        }
        Ok(())
    }

    fn variable(&mut self, line: &str, place: &Place) -> Result<(), String> {
        let (key, text) = line
            .split_once('=')
            .ok_or_else(|| format!("{} is no variable; write key=value", quote(line)))?;
        let (key, text) = (key.trim_matches(is_blank), text.trim_matches(is_blank));
        self.gather
            .group_var(self.group, key, value_of(text), place)
    }

    fn finish(self) -> Result<(), Complaint> {
        let first = self
            .undeclared
            .into_iter()
            .min_by(|(_, a), (_, b)| a.place.cmp(&b.place));
        first.map_or(Ok(()), |(name, used)| {
            let hint = format!("declare it with a section [{}]", name.escape_debug());
            Err(Complaint::new(used.place, used.why).hint(hint))
        })
    }
}

/// A Python literal, or the text itself.
fn value_of(text: &str) -> Value {
    literal::parse(text).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// `[name]` or `[name:kind]`, with nothing behind but blanks and a comment.
fn section_header(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, after) = line.strip_prefix('[')?.split_once(']')?;
    if !nothing_but_comment(after) {
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let name_ok = !name.is_empty() && !name.contains(is_blank);
    let word =
        |kind: &str| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_');
    (name_ok && kind.is_none_or(word)).then_some((name, kind))
}

/// A group's name, with nothing behind but blanks and a comment.
fn group_name(line: &str) -> Option<&str> {
    let end = line
        .find(|c: char| c == ':' || c == ']' || is_blank(c))
        .unwrap_or(line.len());
    let (name, after) = line.split_at(end);
    // A comment needs no blank before it; what is left of the name must not be empty.
    if nothing_but_comment(after) {
        return (!name.is_empty()).then_some(name);
    }
    let at = name.find('#').filter(|at| *at > 0)?;
    Some(&name[..at])
}

fn nothing_but_comment(text: &str) -> bool {
    let rest = text.trim_start_matches(is_blank);
    rest.is_empty() || rest.starts_with('#')
}

/// Python's idea of a blank.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Python's idea of lines.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take().filter(|text| !text.is_empty())?;
        let Some(at) = text.find(ends) else {
            return Some(text);
        };
        let after = &text[at..];
        let length = if after.starts_with("\r\n") {
            2
        } else {
            after.chars().next().map_or(0, char::len_utf8)
        };
        rest = Some(&after[length..]);
        Some(&text[..at])
    })
}
