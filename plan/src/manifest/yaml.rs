//! YAML to a tree whose nodes know where they stand.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::path::{FieldPath, Segment};
use super::problem::Position;
use super::text::{Part, Style};

/// Aliases may not blow a document up beyond this many nodes, nor nest deeper than `MAX_DEPTH`.
const MAX_NODES: usize = 200_000;
const MAX_DEPTH: usize = 100;

/// A node of a document.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) data: Data,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A text, number, boolean or null.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    /// What was written, escapes resolved.
    pub(super) text: String,
    /// What it means.
    pub(super) value: Value,
    pub(super) style: Style,
    /// The byte of the file where it starts.
    pub(super) byte: usize,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Node,
}

/// Why YAML cannot be read on.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) position: Position,
    pub(super) message: String,
}

impl Node {
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(Scalar {
                value: Value::String(text),
                ..
            }) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(
            &self.data,
            Data::Scalar(Scalar {
                value: Value::Null,
                ..
            })
        )
    }

    /// The node that a path leads to.
    pub(super) fn get(&self, path: &FieldPath) -> Option<&Self> {
        path.segments()
            .iter()
            .try_fold(self, |node, segment| node.step(segment))
    }

    pub(super) fn step(&self, segment: &Segment) -> Option<&Self> {
        match (segment, &self.data) {
            (Segment::Field(name), _) => self.entry(name).map(|entry| &entry.value),
            (Segment::Index(i), Data::Sequence(items)) => items.get(*i),
            _ => None,
        }
    }

    /// As JSON. Where a key is given twice, the first counts.
    pub(super) fn to_json(&self) -> Value {
        match &self.data {
            Data::Scalar(scalar) => scalar.value.clone(),
            Data::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Data::Mapping(entries) => {
                let mut fields = Map::new();
                for entry in entries {
                    fields
                        .entry(&entry.key)
                        .or_insert_with(|| entry.value.to_json());
                }
                Value::Object(fields)
            }
        }
    }
}

/// The documents of a piece of text, up to what cannot be read.
pub(super) fn parse(part: &Part<'_>) -> (Vec<Node>, Option<SyntaxError>) {
    let mut builder = Builder::new(part);
    for event in Parser::new_from_str(part.text) {
        let outcome = match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => Err(SyntaxError {
                position: builder.position(error.marker().line(), error.marker().col()),
                message: format!("this is not YAML: {}", error.info()),
            }),
        };
        if let Err(error) = outcome {
            return (builder.documents, Some(error));
        }
    }
    (builder.documents, None)
}

/// A collection that is being read.
enum Open {
    Sequence(Vec<Node>),
    /// The entries so far, and the key whose value comes next.
    Mapping(Vec<Entry>, Option<(String, Position)>),
}

struct Builder<'a> {
    part: &'a Part<'a>,
    documents: Vec<Node>,
    open: Vec<(Open, Position, usize)>,
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn new(part: &'a Part<'a>) -> Self {
        Self {
            part,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
        }
    }

    fn position(&self, line: usize, column: usize) -> Position {
        Position {
            line: line + self.part.lines,
            column: column + 1,
        }
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), SyntaxError> {
        let at = self.position(span.start.line(), span.start.col());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let byte = self.part.bytes + span.start.byte_offset().unwrap_or_default();
                let scalar = scalar(&text, style, tag.as_deref(), byte);
                self.add(
                    Node {
                        at,
                        data: Data::Scalar(scalar),
                    },
                    anchor,
                )
            }
            Event::SequenceStart(_, anchor, _) => {
                self.enter(Open::Sequence(Vec::new()), at, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                self.enter(Open::Mapping(Vec::new(), None), at, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(),
            Event::Alias(id) => self.alias(id, at),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, open: Open, at: Position, anchor: usize) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(SyntaxError {
                position: at,
                message: format!("nested more than {MAX_DEPTH} deep"),
            });
        }
        self.open.push((open, at, anchor));
        Ok(())
    }

    fn leave(&mut self) -> Result<(), SyntaxError> {
        let Some((open, at, anchor)) = self.open.pop() else {
            return Ok(());
        };
        let data = match open {
            Open::Sequence(items) => Data::Sequence(items),
            Open::Mapping(entries, _) => Data::Mapping(merge(entries)),
        };
        self.add(Node { at, data }, anchor)
    }

    fn alias(&mut self, id: usize, at: Position) -> Result<(), SyntaxError> {
        let Some((node, size, depth)) = self.anchors.get(&id) else {
            return Err(SyntaxError {
                position: at,
                message: "this alias stands within its own anchor".to_owned(),
            });
        };
        self.nodes += size;
        if self.nodes > MAX_NODES || self.open.len() + depth > MAX_DEPTH {
            return Err(SyntaxError {
                position: at,
                message: "aliases make this document too large".to_owned(),
            });
        }
        let node = node.clone();
        self.add(node, 0)
    }

    /// A node is whole: it goes to where it belongs.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        self.nodes += 1;
        if anchor != 0 {
            let (size, depth) = extent(&node);
            self.anchors.insert(anchor, (node.clone(), size, depth));
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some((Open::Sequence(items), ..)) => items.push(node),
            Some((Open::Mapping(entries, key), ..)) => match (key.take(), node.data) {
                (Some((key, at)), data) => entries.push(Entry {
                    key,
                    at,
                    value: Node { at: node.at, data },
                }),
                (None, Data::Scalar(scalar)) => *key = Some((scalar.text, node.at)),
                (None, _) => {
                    let message =
                        "the name of a field is a text, not a list or a mapping".to_owned();
                    return Err(SyntaxError {
                        position: node.at,
                        message,
                    });
                }
            },
        }
        Ok(())
    }
}

/// How many nodes there are in a node, and how deep they nest.
fn extent(node: &Node) -> (usize, usize) {
    let extents = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes
            .map(extent)
            .fold((1, 1), |(size, depth), (s, d)| (size + s, depth.max(d + 1)))
    };
    match &node.data {
        Data::Scalar(_) => (1, 0),
        Data::Sequence(items) => extents(&mut items.iter()),
        Data::Mapping(entries) => extents(&mut entries.iter().map(|entry| &entry.value)),
    }
}

/// `<<: *base` takes the fields of `base` that are not given.
fn merge(mut entries: Vec<Entry>) -> Vec<Entry> {
    while let Some(i) = entries
        .iter()
        .position(|entry| entry.key == "<<" && is_mergeable(&entry.value))
    {
        let base = entries.remove(i);
        let bases = match base.value.data {
            Data::Sequence(items) => items,
            data => vec![Node {
                at: base.value.at,
                data,
            }],
        };
        for entry in bases.iter().flat_map(Node::entries) {
            if entries.iter().all(|given| given.key != entry.key) {
                entries.push(entry.clone());
            }
        }
    }
    entries
}

fn is_mergeable(node: &Node) -> bool {
    match &node.data {
        Data::Mapping(_) => true,
        Data::Sequence(items) => items
            .iter()
            .all(|item| matches!(item.data, Data::Mapping(_))),
        Data::Scalar(_) => false,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, byte: usize) -> Scalar {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
    let value = if style == ScalarStyle::Plain && !is_text {
        resolve(text)
    } else {
        Value::String(text.to_owned())
    };
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    Scalar {
        text: text.to_owned(),
        value,
        style,
        byte,
    }
}

/// What a plain scalar means to kubectl: by the core schema of YAML 1.2, and with the booleans of YAML 1.1, so that a
/// manifest is the same here and in a cluster.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    let written_as_float = unsigned
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    Number::from_f64(
        written_as_float
            .then(|| text.parse::<f64>().ok())
            .flatten()?,
    )
}
