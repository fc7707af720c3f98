//! What is made for a Pipeline in a cluster, what it is called and by which labels it is found.

use std::collections::BTreeMap;

/// The field manager of all that is applied, and the reporter of events.
pub const MANAGER: &str = "tidemill-operator";

/// The environment variable by which a worker knows its pod.
pub const POD_NAME: &str = "POD_NAME";

/// The label that names the Pipeline.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Selects all that the operator has made.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=tidemill-operator";

const SUFFIX: &str = "-worker";
/// The longest name of a Pipeline, in bytes: names of what is made for it are labels of DNS.
pub const LONGEST: usize = 63 - SUFFIX.len();

/// What is made for a Pipeline is called so.
#[must_use]
pub fn worker(pipeline: &str) -> String {
    format!("{pipeline}{SUFFIX}")
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
    fn what_is_made_is_selected_by_its_labels() {
        let labels = labels("payments");
        let selected = |selector: &str| {
            selector.split(',').all(|term| {
                let (label, value) = term.split_once('=').unwrap_or_default();
                labels.get(label).is_some_and(|it| it == value)
            })
        };
        assert!(selected(MANAGED) && selected(&selector_text("payments")));
        assert!(!selected(&selector_text("others")));
        assert_eq!(labels.get(INSTANCE).map(String::as_str), Some("payments"));
        assert_eq!(worker(&"a".repeat(LONGEST)).len(), 63);
    }
}
