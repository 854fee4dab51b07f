//! From parser events to nodes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use serde_json::Value;

use super::scalar;
use super::{Kind, Node};
use crate::run::complaint::{Complaint, Place, quote};

/// Deeper nesting is no configuration.
const MAX_DEPTH: usize = 64;
/// Nodes that aliases may copy, all together.
const MAX_COPIES: usize = 1_000_000;

/// Reads the one document of `text`; `None` if there is nothing in it.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse(file: &Arc<str>, text: &str) -> Result<Option<Node>, Complaint> {
    let mut composer = Composer {
        file,
        stack: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        copies: 0,
        documents: 0,
    };
    let mut parser = Parser::<StrInput<'_>>::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => composer.event(event, composer.place(&span.start)),
            Err(error) => {
                let message = format!("this is not YAML: {}", error.info());
                Err(Complaint::new(composer.place(error.marker()), message))
            }
        };
        step.map_err(|complaint| complaint.excerpt_of(text))?;
    }
    Ok(composer.root)
}

struct Composer<'f> {
    file: &'f Arc<str>,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, usize)>,
    copies: usize,
    documents: usize,
}

/// A list or map that is not closed yet.
struct Frame {
    items: Vec<Node>,
    /// Which of the items are an unquoted `<<`: a quoted one is ordinary text.
    merges: HashSet<usize>,
    is_map: bool,
    anchor: usize,
    place: Place,
}

impl Composer<'_> {
    fn place(&self, marker: &Marker) -> Place {
        Place::new(self.file, marker.line() as u32, marker.col() as u32 + 1)
    }

    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Complaint> {
        match event {
            Event::DocumentStart(_) => self.document(place),
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::Plain && tag.is_none() && text == "<<" {
                    self.mark_merge();
                }
                let value = scalar_value(&text, style, tag.as_deref())
                    .map_err(|message| Complaint::new(place.clone(), message))?;
                self.finished(
                    Node {
                        kind: Kind::Scalar(value),
                        place,
                    },
                    anchor,
                    1,
                );
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => self.open(false, anchor, tag.as_deref(), place),
            Event::MappingStart(anchor, tag) => self.open(true, anchor, tag.as_deref(), place),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn mark_merge(&mut self) {
        if let Some(frame) = self.stack.last_mut() {
            frame.merges.insert(frame.items.len());
        }
    }

    fn document(&mut self, place: Place) -> Result<(), Complaint> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Complaint::new(
                place,
                "a second document starts here, and only one can be read",
            ));
        }
        Ok(())
    }

    fn open(
        &mut self,
        is_map: bool,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Complaint> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Complaint::new(
                place,
                format!("lists and maps are nested more than {MAX_DEPTH} deep"),
            ));
        }
        let expected = if is_map { "map" } else { "seq" };
        if let Some(tag) = tag.filter(|tag| !is_plain_tag(tag, expected)) {
            return Err(Complaint::new(place, unknown_tag(tag)));
        }
        self.stack.push(Frame {
            items: Vec::new(),
            merges: HashSet::new(),
            is_map,
            anchor,
            place,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Complaint> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let kind = if frame.is_map {
            Kind::Map(map_of(frame.items, &frame.merges)?)
        } else {
            Kind::List(frame.items)
        };
        let node = Node {
            kind,
            place: frame.place,
        };
        let size = if frame.anchor > 0 { size_of(&node) } else { 0 };
        self.finished(node, frame.anchor, size);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Complaint> {
        let known = self.anchors.get(&anchor);
        let (node, size) = known.ok_or_else(|| {
            Complaint::new(place.clone(), "this alias stands inside the value it means")
        })?;
        self.copies += size;
        if self.copies > MAX_COPIES {
            return Err(Complaint::new(
                place,
                format!("aliases make more than {MAX_COPIES} values of this file"),
            ));
        }
        let (copy, size) = (node.clone(), *size);
        self.finished(copy, 0, size);
        Ok(())
    }

    fn finished(&mut self, node: Node, anchor: usize, size: usize) {
        if anchor > 0 {
            self.copies += size;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            Some(frame) => frame.items.push(node),
            None => self.root = Some(node),
        }
    }
}

/// Keys and values from their flat sequence: merges first, then what is written, the last of two
/// equal keys wins and keeps the first one's position.
fn map_of(items: Vec<Node>, merge_at: &HashSet<usize>) -> Result<Vec<(Node, Node)>, Complaint> {
    let mut written = Vec::new();
    let mut merged = Vec::new();
    let mut items = items.into_iter().enumerate();
    while let (Some((at, key)), Some((_, value))) = (items.next(), items.next()) {
        if merge_at.contains(&at) {
            merge(value, &mut merged)?;
        } else {
            written.push((key, value));
        }
    }
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut entries: Vec<(Node, Node)> = Vec::new();
    for (key, value) in merged.into_iter().chain(written) {
        if !matches!(key.kind, Kind::Scalar(_)) {
            return Err(key.complaint("a list or map cannot be a key"));
        }
        if let Some(at) = positions.get(&key.to_json().to_string()) {
            entries[*at].1 = value;
        } else {
            positions.insert(key.to_json().to_string(), entries.len());
            entries.push((key, value));
        }
    }
    Ok(entries)
}

/// What `<<` brings in: a map, or a list of maps of which the first wins.
fn merge(value: Node, merged: &mut Vec<(Node, Node)>) -> Result<(), Complaint> {
    match value.kind {
        Kind::Map(entries) => merged.extend(entries),
        Kind::List(items) => {
            for item in items.into_iter().rev() {
                let place = item.place.clone();
                let Kind::Map(entries) = item.kind else {
                    return Err(Complaint::new(place, "only maps can be merged with <<"));
                };
                merged.extend(entries);
            }
        }
        Kind::Scalar(_) => {
            return Err(Complaint::new(
                value.place,
                "only maps can be merged with <<",
            ));
        }
    }
    Ok(())
}

/// Number of nodes in a tree; the nesting is bounded, so the recursion is too.
fn size_of(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(size_of).sum(),
        Kind::Map(entries) => entries
            .iter()
            .map(|(key, value)| size_of(key) + size_of(value))
            .sum(),
    }
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        let plain = style == ScalarStyle::Plain;
        return Ok(if plain {
            scalar::resolve(text)
        } else {
            Value::String(text.to_owned())
        });
    };
    let core = tag.is_yaml_core_schema();
    match tag.suffix.as_str() {
        "str" if core => Ok(Value::String(text.to_owned())),
        "int" | "float" | "bool" | "null" if core => scalar::tagged(&tag.suffix, text),
        "unsafe" | "" if !core => Ok(Value::String(text.to_owned())),
        "vault" | "vault-encrypted" if !core => Ok(serde_json::json!({ "__ansible_vault": text })),
        _ => Err(unknown_tag(tag)),
    }
}

fn is_plain_tag(tag: &Tag, expected: &str) -> bool {
    if tag.is_yaml_core_schema() {
        tag.suffix == expected
    } else {
        tag.suffix == "unsafe" || tag.suffix.is_empty()
    }
}

fn unknown_tag(tag: &Tag) -> String {
    format!("the tag {} is not known", quote(&tag.to_string()))
}
