//! The lines that are read: whose they are and what they say.

use std::collections::HashMap;
use std::rc::Rc;

use crate::cli::io::CommandError;
use crate::inventory::hostset::{GroupError, Groups, HostSet, HostSetError};
use crate::run::gather::Gather;

/// All lines, gathered, and the hosts they came from.
pub(super) struct Input<'a> {
    pub gather: Gather,
    /// Hosts by number.
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The hosts each key stands for: keys repeat on every line.
    keys: HashMap<Vec<u8>, Rc<[u32]>>,
    separator: &'a [u8],
    /// Whether keys are host sets; `None` as long as all of them could be.
    interpret: Option<bool>,
    groups: &'a dyn Groups,
}

impl<'a> Input<'a> {
    pub(super) fn new(
        separator: &'a [u8],
        interpret: Option<bool>,
        groups: &'a dyn Groups,
    ) -> Self {
        Self {
            gather: Gather::new(usize::MAX),
            names: Vec::new(),
            numbers: HashMap::new(),
            keys: HashMap::new(),
            separator,
            interpret,
            groups,
        }
    }

    /// Whether keys have been read as host sets, all of them.
    pub(super) fn is_interpreted(&self) -> bool {
        self.interpret != Some(false)
    }

    pub(super) fn name(&self, host: u32) -> &str {
        &self.names[host as usize]
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Takes in one line.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<(), CommandError> {
        let wrong = |what: &str| {
            CommandError::Failed(format!("{what}: \"{}\"", String::from_utf8_lossy(line)))
        };
        let width = self.separator.len();
        let at = line
            .windows(width)
            .position(|window| window == self.separator);
        let at = at.ok_or_else(|| {
            wrong(&format!(
                "this line has no \"{}\" after a host name",
                String::from_utf8_lossy(self.separator)
            ))
        })?;
        let key = line[..at].trim_ascii();
        if key.is_empty() {
            return Err(wrong("this line names no host"));
        }
        let hosts = if let Some(hosts) = self.keys.get(key) {
            Rc::clone(hosts)
        } else {
            let text = std::str::from_utf8(key)
                .map_err(|_| wrong("this line's host name is not UTF-8"))?;
            let hosts = self.hosts(text)?;
            self.keys.insert(key.to_vec(), Rc::clone(&hosts));
            hosts
        };
        for &host in &*hosts {
            self.gather.add(host, &line[at + width..]);
        }
        Ok(())
    }

    fn hosts(&mut self, key: &str) -> Result<Rc<[u32]>, CommandError> {
        if self.is_interpreted() {
            match HostSet::parse(key, self.groups) {
                Ok(set) => return Ok(set.iter().map(|name| self.host(name)).collect()),
                Err(error) if self.interpret.is_some() || !is_plain_text(&error) => {
                    return Err(error.into());
                }
                Err(_) => {
                    self.interpret = Some(false);
                    self.keys.clear();
                }
            }
        }
        Ok([self.host(key.to_string())].into())
    }

    fn host(&mut self, name: String) -> u32 {
        if let Some(&number) = self.numbers.get(&name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// Makes each host's output one single line, as `clubak -F` does.
    pub(super) fn join_lines(&mut self) {
        let mut joined = Gather::new(usize::MAX);
        for &host in self.gather.hosts() {
            let lines = self
                .gather
                .place(host)
                .map(|place| self.gather.lines(place))
                .unwrap_or_default();
            joined.add(host, &lines.join(&b'\n'));
        }
        self.gather = joined;
    }
}

/// Whether the key may just be no host set; a group that cannot be looked up is something else.
fn is_plain_text(error: &HostSetError) -> bool {
    !matches!(error, HostSetError::Group(error) if !matches!(error, GroupError::Failed { .. }))
}
