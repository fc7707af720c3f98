//! Manifests and SQL to a checked plan, or to errors that point at the line. Pure: no I/O.

pub mod manifest;
pub mod model;
