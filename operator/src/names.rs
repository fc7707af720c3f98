//! What things are called in the cluster.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use twox_hash::XxHash64;

/// The field manager of all that is applied, and the reporter of events.
pub const MANAGER: &str = "tidemill-operator";
/// Keeps a deleted Pipeline until its internal topics are gone.
pub const FINALIZER: &str = "tidemill.io/cleanup";
/// On what is built: the streams' state as it was last accepted.
pub const STATE: &str = tidemill_plan::compat::ANNOTATION;
/// On pods: a hash of all whose change needs new ones.
pub const HASH: &str = "tidemill.io/hash";
/// On pods: a hash of the manifests that they were told to take up while they run.
pub const MANIFESTS: &str = "tidemill.io/manifests";

/// The environment variable by which a worker knows its pod.
pub const POD_NAME: &str = "POD_NAME";

/// The label that names the Pipeline.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Selects all that the operator has made.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=tidemill-operator";

/// The longest name of a Pipeline: names of what is made from it are labels of DNS.
const LONGEST: usize = 63 - "-worker".len();

/// What is made for a Pipeline is called so.
#[must_use]
pub fn worker(pipeline: &str) -> String {
    format!("{pipeline}-worker")
}

/// What is wrong with a Pipeline's name, if it cannot be that of a Service.
#[must_use]
pub fn objection(pipeline: &str) -> Option<String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = pipeline.len() <= LONGEST
        && pipeline.starts_with(|c: char| c.is_ascii_lowercase())
        && pipeline.chars().all(inner);
    (!fits).then(|| {
        format!(
            "`{pipeline}` cannot be the name of a Service: use at most {LONGEST} small letters, digits and -, a letter first"
        )
    })
}

/// A hash of some bytes, as an annotation has it.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = XxHash64::with_seed(0);
    for part in parts {
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}

/// The labels by which workers of a Pipeline are found.
#[must_use]
pub fn selector(pipeline: &str) -> BTreeMap<String, String> {
    [
        (COMPONENT, "worker"),
        (INSTANCE, pipeline),
        (NAME, "tidemill"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The same as text, as the scale subresource wants it.
#[must_use]
pub fn selector_text(pipeline: &str) -> String {
    let terms: Vec<String> = selector(pipeline)
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    terms.join(",")
}

/// The labels of all that is made for a Pipeline.
#[must_use]
pub fn labels(pipeline: &str) -> BTreeMap<String, String> {
    let mut labels = selector(pipeline);
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_a_service_are_refused() {
        assert_eq!(objection("account-activity"), None);
        for name in ["a.b", "9lives", &"a".repeat(57)] {
            assert!(objection(name).is_some_and(|text| text.contains("56 small letters")));
        }
    }
}
