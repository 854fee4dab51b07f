//! The form of `groups.conf`: sections, options, comments and continued lines, as Python's
//! `configparser` reads them.

use super::GroupsConfigError;

/// The section whose options stand in for missing ones of all others.
const FALLBACK: &str = "DEFAULT";

/// How often a value may refer to others in turn.
const DEEPEST: usize = 10;

/// Sections of options, in the order they were first seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ini {
    sections: Vec<(String, Vec<(String, String)>)>,
}

/// What has been seen of the file that is being read.
struct Reader<'f> {
    path: &'f str,
    line: usize,
    section: Option<String>,
    option: Option<String>,
    /// Lines indented deeper than this continue the option's value.
    indent: usize,
    seen: Vec<(String, Option<String>)>,
}

impl Ini {
    /// Adds a file; what it says replaces what was said before.
    pub(super) fn read(&mut self, path: &str, text: &str) -> Result<(), GroupsConfigError> {
        let mut reader = Reader {
            path,
            line: 0,
            section: None,
            option: None,
            indent: 0,
            seen: Vec::new(),
        };
        for line in text.lines() {
            reader.line += 1;
            self.read_line(line, &mut reader)?;
        }
        for (_, options) in &mut self.sections {
            for (_, value) in options {
                value.truncate(value.trim_end().len());
            }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &str, reader: &mut Reader) -> Result<(), GroupsConfigError> {
        let value = line.trim();
        if value.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|char| char.is_whitespace()).count();
        if let Some(option) = reader
            .option
            .clone()
            .filter(|_| value.is_empty() || indent > reader.indent)
        {
            let text = self.value_mut(reader.section.as_deref().unwrap_or_default(), &option);
            text.push('\n');
            text.push_str(value);
            return Ok(());
        }
        if value.is_empty() {
            return Ok(());
        }
        reader.indent = indent;
        if let Some(section) = section_name(value) {
            reader.enter(section)?;
            self.options_mut(section);
            return Ok(());
        }
        let (section, option, text) = reader.option(value)?;
        *self.value_mut(&section, &option) = text;
        Ok(())
    }

    fn options_mut(&mut self, section: &str) -> &mut Vec<(String, String)> {
        entry(&mut self.sections, section)
    }

    fn value_mut(&mut self, section: &str, option: &str) -> &mut String {
        entry(self.options_mut(section), option)
    }

    /// The names of all sections.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|&name| name != FALLBACK)
    }

    /// An option's text as it stands in the file.
    pub(super) fn get(&self, section: &str, option: &str) -> Option<&str> {
        let find = |wanted: &str| {
            let (_, options) = self.sections.iter().find(|(name, _)| name == wanted)?;
            options
                .iter()
                .find(|(name, _)| name == option)
                .map(|(_, value)| value.as_str())
        };
        self.sections.iter().find(|(name, _)| name == section)?;
        find(section).or_else(|| find(FALLBACK))
    }

    /// An option's text with `%(other)s` replaced by the other option and `%%` by `%`.
    pub(super) fn interpolated(
        &self,
        section: &str,
        option: &str,
    ) -> Result<Option<String>, String> {
        self.get(section, option)
            .map(|text| self.expand(section, option, text, DEEPEST))
            .transpose()
    }

    fn expand(
        &self,
        section: &str,
        option: &str,
        text: &str,
        depth: usize,
    ) -> Result<String, String> {
        let wrong = |what: &str| format!("option {option}: {what}");
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            let (name, after) = after
                .strip_prefix('(')
                .and_then(|after| after.split_once(")s"))
                .ok_or_else(|| wrong("write %% for a percent sign"))?;
            let other = name.to_lowercase();
            let value = self
                .get(section, &other)
                .ok_or_else(|| wrong(&format!("there is no option {name}")))?;
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| wrong("options refer to each other too deeply"))?;
            out.push_str(&self.expand(section, option, value, depth)?);
            if out.len() > 65_536 {
                return Err(wrong("the value is too long"));
            }
            rest = after;
        }
        Ok(out + rest)
    }
}

impl Reader<'_> {
    fn wrong(&self, what: impl Into<String>) -> GroupsConfigError {
        GroupsConfigError::Line {
            path: self.path.to_string(),
            line: self.line,
            what: what.into(),
        }
    }

    fn note(&mut self, section: &str, option: Option<&str>) -> bool {
        let place = (section.to_string(), option.map(String::from));
        let new = !self.seen.contains(&place);
        self.seen.push(place);
        new
    }

    fn enter(&mut self, section: &str) -> Result<(), GroupsConfigError> {
        if !self.note(section, None) && section != FALLBACK {
            return Err(self.wrong(format!(
                "section [{section}] stands here a second time: join the two"
            )));
        }
        self.section = Some(section.to_string());
        self.option = None;
        Ok(())
    }

    /// Section, option and value of an option line.
    fn option(&mut self, line: &str) -> Result<(String, String, String), GroupsConfigError> {
        let Some(section) = self.section.clone() else {
            return Err(self.wrong(
                "an option stands before any section: write a line such as [Main] above it",
            ));
        };
        let parts = line
            .split_once([':', '='])
            .filter(|(name, _)| !name.trim().is_empty());
        let Some((name, value)) = parts else {
            return Err(
                self.wrong("this is neither a section nor an option: write \"name: value\"")
            );
        };
        let name = name.trim_end().to_lowercase();
        if !self.note(&section, Some(&name)) {
            return Err(self.wrong(format!(
                "option {name} stands in [{section}] a second time: remove one"
            )));
        }
        self.option = Some(name.clone());
        Ok((section, name, value.trim().to_string()))
    }
}

/// `[name]`, whatever follows it.
fn section_name(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('[')?;
    inside
        .rsplit_once(']')
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty())
}

/// The value under a name, made if it is new.
fn entry<'v, T: Default>(entries: &'v mut Vec<(String, T)>, name: &str) -> &'v mut T {
    let at = entries
        .iter()
        .position(|(known, _)| known == name)
        .unwrap_or_else(|| {
            entries.push((name.to_string(), T::default()));
            entries.len() - 1
        });
    &mut entries[at].1
}
