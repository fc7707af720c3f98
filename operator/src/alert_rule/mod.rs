//! AlertRules: whether they make sense for the Pipeline that they watch. A rule that does not holds up nobody else.

pub mod controller;
pub mod status;
