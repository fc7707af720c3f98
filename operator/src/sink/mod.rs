//! Sinks: whether they can be written to, as far as that is known without a Pipeline.

pub mod controller;
pub mod status;
