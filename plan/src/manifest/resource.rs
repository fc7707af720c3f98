//! A resource, and where its fields stand.

use std::sync::Arc;

use serde_json::Value;
use tidemill_crds::{AlertRule, Pipeline, Sink};

use super::path::FieldPath;
use super::problem::{Position, Problem};
use super::text::{self, Source};
use super::yaml::{Data, Node};

/// A resource that was read from a file.
#[derive(Debug)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    source: Arc<Source>,
    root: Node,
}

/// What a resource is.
#[derive(Debug)]
pub enum ResourceKind {
    /// A Pipeline.
    Pipeline(Box<Pipeline>),
    /// An AlertRule.
    AlertRule(Box<AlertRule>),
    /// A Sink.
    Sink(Box<Sink>),
    /// A resource of another group, such as a ConfigMap or a Secret, as it was written.
    Other(Value),
}

impl Resource {
    pub(super) fn new(kind: ResourceKind, source: Arc<Source>, root: Node) -> Self {
        Self { kind, source, root }
    }

    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// Its kind, as written.
    #[must_use]
    pub fn kind_name(&self) -> &str {
        self.text("kind")
    }

    /// Its `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata("name")
    }

    /// Its `metadata.namespace`, if it is given.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        Some(self.metadata("namespace")).filter(|namespace| !namespace.is_empty())
    }

    /// What no two resources may have in common.
    pub(super) fn identity(&self) -> (&str, &str, &str, &str) {
        let group = self
            .text("apiVersion")
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        (
            group,
            self.kind_name(),
            self.metadata("namespace"),
            self.name(),
        )
    }

    fn text(&self, field: &str) -> &str {
        self.root
            .entry(field)
            .and_then(|entry| entry.value.text())
            .unwrap_or_default()
    }

    fn metadata(&self, field: &str) -> &str {
        let metadata = self.root.entry("metadata").map(|entry| &entry.value);
        metadata
            .and_then(|node| node.entry(field))
            .and_then(|entry| entry.value.text())
            .unwrap_or_default()
    }

    /// Where the value of a field stands; `None` if the manifest does not have it.
    #[must_use]
    pub fn locate(&self, path: &FieldPath) -> Option<Position> {
        self.root.get(path).map(|node| node.at)
    }

    /// Where the value of a field stands, or of the nearest field around it that there is.
    #[must_use]
    pub fn nearest(&self, path: &FieldPath) -> Position {
        let mut node = &self.root;
        for segment in path.segments() {
            match node.step(segment) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.at
    }

    /// Where a place within the text of a field stands in the file: both are counted from 1. `None` if the field is not
    /// there, or not a text.
    #[must_use]
    pub fn locate_in(&self, path: &FieldPath, within: Position) -> Option<Position> {
        let node = self.root.get(path)?;
        let Data::Scalar(scalar) = &node.data else {
            return None;
        };
        let written = self.source.text.get(scalar.byte..)?;
        Some(text::locate(
            written,
            node.at,
            scalar.style,
            &scalar.text,
            within,
        ))
    }

    /// A problem with a field.
    #[must_use]
    pub fn problem(&self, path: &FieldPath, message: impl Into<String>) -> Problem {
        self.source
            .problem(self.nearest(path), path.to_string(), message.into(), None)
    }

    /// A problem at a place within the text of a field, such as a query: lines and columns counted from 1.
    #[must_use]
    pub fn problem_in(
        &self,
        path: &FieldPath,
        within: Position,
        message: impl Into<String>,
    ) -> Problem {
        let at = self
            .locate_in(path, within)
            .unwrap_or_else(|| self.nearest(path));
        self.source
            .problem(at, path.to_string(), message.into(), None)
    }
}
