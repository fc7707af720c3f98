//! The controllers that turn manifests into running workers.

pub mod condition;
pub mod kafka;
pub mod names;
pub mod pipeline;
mod steady;
