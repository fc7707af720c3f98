//! The three resources of Tidemill as types: [`Pipeline`], [`AlertRule`] and [`Sink`].
//!
//! The types are the one source: the definitions that a cluster installs (`crds/yaml`, by [`definitions`]), what
//! `kubectl explain` says, and what manifests are read into without a cluster all come from them.

// Each printer column repeats the names of its attributes.
#![allow(clippy::duplicated_attributes)]

pub mod alert_rule;
pub mod column_type;
mod definitions;
pub mod duration;
mod format;
pub mod names;
pub mod patterns;
pub mod pipeline;
pub mod reasons;
pub mod rules;
mod schema;
pub mod sink;
pub mod size;
pub mod status;
pub mod webhook;

pub use alert_rule::{AlertRule, AlertRuleSpec, AlertRuleStatus};
pub use column_type::ColumnType;
pub use definitions::{
    DEFINITION_FOLDERS, Schema, SchemaOfItems, SchemaOfValues, definition_files, definitions,
    schema_of,
};
pub use duration::Duration;
pub use pipeline::{Pipeline, PipelineSpec, PipelineStatus};
pub use sink::{Sink, SinkSpec, SinkStatus};
pub use size::Size;

/// The API group of the resources.
pub const GROUP: &str = "tidemill.io";
/// The version of the resources.
pub const VERSION: &str = "v1alpha1";
/// What a manifest gives as `apiVersion`.
pub const API_VERSION: &str = "tidemill.io/v1alpha1";
