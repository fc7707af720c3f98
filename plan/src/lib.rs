//! Manifests and SQL to a checked plan, or to errors that point at the line. Pure: no I/O.

mod generator_columns;
pub mod manifest;
pub mod model;
mod names;
mod pipeline;
pub mod sql;

pub use generator_columns::generator_columns;
pub use pipeline::{PlanProblem, Position, plan};
