//! Bringing objects into the cluster: server-side, by one field manager, and only where something differs.

use std::collections::BTreeMap;
use std::fmt::Debug;

use kube::api::{Patch, PatchParams};
use kube::core::{NamespaceResourceScope, Status};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::names;

/// Why an object could not be brought into the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server says no, or nothing.
    #[error("{kind} {name}: {}", words(.kind, .error))]
    Api {
        /// Of which kind.
        kind: String,
        /// Of which name.
        name: String,
        /// Why.
        #[source]
        error: Box<kube::Error>,
    },
    /// There is one of that name that somebody else has made.
    #[error(
        "there is a {kind} {name} already that is not the pipeline's: delete it, or give the pipeline another name"
    )]
    Taken {
        /// Of which kind.
        kind: String,
        /// Of which name.
        name: String,
    },
}

/// What the API server says, without what it says for programs. All that can be wrong with a
/// Deployment comes from `spec.worker`.
fn words(kind: &str, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if kind == "Deployment" && is_about_object(status) => {
            format!("{}; correct spec.worker", status.message)
        }
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Whether the API server refuses an object for what is in it.
pub(crate) fn is_about_object(status: &Status) -> bool {
    matches!(status.code, 400 | 422 | 500)
}

/// How objects are applied.
#[must_use]
pub fn params() -> PatchParams {
    PatchParams::apply(names::MANAGER).force()
}

/// How objects are changed that cannot be applied.
#[must_use]
pub fn merge_params() -> PatchParams {
    PatchParams {
        field_manager: Some(names::MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// Makes an object what it should be, unless `there` says that it is.
///
/// # Errors
/// The API server's, and if the object is somebody else's.
pub async fn apply<K>(client: &Client, desired: K, there: Option<&K>) -> Result<K, ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    if let Some(there) = there.filter(|there| is_covered(*there, &desired)) {
        return Ok(there.clone());
    }
    let (kind, name) = (K::kind(&()).into_owned(), desired.name_any());
    let api: Api<K> = Api::namespaced(client.clone(), &desired.namespace().unwrap_or_default());
    let failed = |error| ApplyError::Api {
        kind: kind.clone(),
        name: name.clone(),
        error: Box::new(error),
    };
    if there.is_none() {
        let other = api.get_metadata_opt(&name).await.map_err(failed)?;
        if other.is_some_and(|other| !is_of_same(other.labels(), desired.labels())) {
            return Err(ApplyError::Taken { kind, name });
        }
    }
    tracing::info!(kind, name, "applying");
    api.patch(&name, &params(), &Patch::Apply(&desired))
        .await
        .map_err(failed)
}

/// Whether what is there was made here for a Pipeline of this name, be it one that was deleted a moment ago.
fn is_of_same(there: &BTreeMap<String, String>, desired: &BTreeMap<String, String>) -> bool {
    desired
        .iter()
        .all(|(label, value)| there.get(label) == Some(value))
}

fn is_covered(there: &impl Serialize, desired: &impl Serialize) -> bool {
    match (serde_json::to_value(there), serde_json::to_value(desired)) {
        (Ok(there), Ok(desired)) => covers(&there, &desired),
        _ => false,
    }
}

/// Whether everything that is wanted is there; what the API server has added does not matter.
fn covers(there: &Value, desired: &Value) -> bool {
    match (there, desired) {
        (Value::Object(there), Value::Object(desired)) => desired
            .iter()
            .all(|(key, value)| there.get(key).is_some_and(|it| covers(it, value))),
        (Value::Array(there), Value::Array(desired)) => {
            there.len() == desired.len()
                && there
                    .iter()
                    .zip(desired)
                    .all(|(it, value)| covers(it, value))
        }
        (there, desired) => there == desired,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_have_made_is_told_from_our_own() {
        let ours = names::labels("payments");
        let mut there = ours.clone();
        there.insert("more".to_owned(), "x".to_owned());
        assert!(is_of_same(&there, &ours));
        assert!(!is_of_same(&names::labels("other"), &ours));
        assert!(!is_of_same(&BTreeMap::new(), &ours));
    }

    #[test]
    fn what_the_server_says_is_said_without_what_is_for_programs() {
        let refusal = |kind: &str| {
            let status =
                kube::core::Status::failure("memory is too much", "Invalid").with_code(422);
            ApplyError::Api {
                kind: kind.to_owned(),
                name: "a".to_owned(),
                error: Box::new(kube::Error::Api(status.boxed())),
            }
            .to_string()
        };
        assert_eq!(
            refusal("Deployment"),
            "Deployment a: memory is too much; correct spec.worker"
        );
        assert_eq!(refusal("ConfigMap"), "ConfigMap a: memory is too much");
    }

    #[test]
    fn what_the_server_adds_does_not_matter_and_what_a_person_changes_does() {
        let desired = json!({"spec": {"replicas": 2, "containers": [{"name": "a", "env": []}]}});
        let there = json!({"status": {}, "spec": {"replicas": 2, "containers": [{"name": "a", "env": [], "x": 1}]}});
        assert!(covers(&there, &desired));
        for (pointer, value) in [
            ("/spec/replicas", json!(3)),
            ("/spec/containers/0/name", json!("b")),
            ("/spec/containers", json!([])),
            ("/spec/containers/0/env", json!([{"name": "E"}])),
        ] {
            let mut edited = there.clone();
            if let Some(place) = edited.pointer_mut(pointer) {
                *place = value;
            }
            assert!(!covers(&edited, &desired), "{pointer}");
        }
    }
}
