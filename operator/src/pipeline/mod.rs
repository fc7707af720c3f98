//! Pipelines: workers that run them.

pub mod build;
pub mod cleanup;
pub mod controller;
mod decide;
pub mod dereference;
pub mod manifests;
pub mod memo;
pub mod nudge;
mod observation;
pub mod observe;
pub mod poll;
pub mod raised;
pub mod resize;
pub mod rules;
pub mod scale;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod validate;
