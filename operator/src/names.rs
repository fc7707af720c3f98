//! What things are called in the cluster: what others look for too, and what only the operator does.

use std::hash::Hasher as _;

pub use tidemill_crds::names::{
    INSTANCE, MANAGED, MANAGER, POD_NAME, labels, selector, selector_text, worker,
};
use twox_hash::XxHash64;

/// Keeps a deleted Pipeline until its internal topics are gone.
pub const FINALIZER: &str = "tidemill.io/cleanup";
/// On what is built: the streams' state as it was last accepted.
pub const STATE: &str = tidemill_plan::compat::ANNOTATION;
/// On pods: a hash of all whose change needs new ones.
pub const HASH: &str = "tidemill.io/hash";
/// On pods: a hash of the manifests that they were told to take up while they run.
pub const MANIFESTS: &str = "tidemill.io/manifests";

/// A hash of some bytes, as an annotation has it.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = XxHash64::with_seed(0);
    for part in parts {
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}
