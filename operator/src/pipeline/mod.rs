//! Pipelines: workers that run them.

pub mod build;
pub mod compat;
pub mod manifests;
pub mod observe;
pub mod scale;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod validate;
