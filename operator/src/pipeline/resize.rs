//! Another number of workers for what runs, where a new manifest is not applied: to suspend, to resume and to scale
//! needs nothing of it.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Patch;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::apply::{ApplyError, merge_params};

/// Gives a Deployment that is there this number of workers, and leaves it as it is otherwise.
///
/// # Errors
/// The API server's.
pub async fn resize(
    client: &Client,
    there: &Deployment,
    replicas: u32,
) -> Result<Deployment, ApplyError> {
    let Some(patch) = needed(there, replicas) else {
        return Ok(there.clone());
    };
    let (namespace, name) = (there.namespace().unwrap_or_default(), there.name_any());
    tracing::info!(name, replicas, "changing the number of workers");
    let api: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    api.patch(&name, &merge_params(), &Patch::Merge(patch))
        .await
        .map_err(|error| ApplyError::Api {
            kind: "Deployment".to_owned(),
            name,
            error: Box::new(error),
        })
}

/// What changes the number of workers, if it is another.
fn needed(there: &Deployment, replicas: u32) -> Option<Value> {
    let is = there.spec.as_ref().and_then(|spec| spec.replicas);
    (is.and_then(|is| u32::try_from(is).ok()) != Some(replicas))
        // With the uid, one that was made anew under the same name is left alone.
        .then(|| json!({"metadata": {"uid": there.uid()}, "spec": {"replicas": replicas}}))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::pipeline::build::build;
    use crate::pipeline::testing::{GENERATED, defaults, found};
    use crate::pipeline::validate::validate;

    #[test]
    fn only_the_number_is_changed_and_only_if_it_differs() {
        let valid = validate(&found(GENERATED)).unwrap();
        let mut there = build(&valid, 2, &defaults(), None).deployment;
        there.metadata.uid = Some("u".to_owned());
        assert_eq!(needed(&there, 2), None);
        for replicas in [0, 4] {
            assert_eq!(
                needed(&there, replicas),
                Some(json!({"metadata": {"uid": "u"}, "spec": {"replicas": replicas}}))
            );
        }
    }
}
