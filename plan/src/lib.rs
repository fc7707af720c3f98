//! Manifests and SQL to a checked plan, or to errors that point at the line. Pure: no I/O.

pub mod compat;
mod explain;
mod generator_columns;
pub mod live;
pub mod manifest;
pub mod model;
pub mod names;
mod pipeline;
pub mod resets;
pub mod sql;

pub use explain::explain;
pub use generator_columns::generator_columns;
pub use pipeline::{PlanProblem, Position, Version, plan, plan_editions, plan_in_cluster};
pub use sql::stream_of;
