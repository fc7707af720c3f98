//! Edits that take effect live: a kubelet hands a ConfigMap that has changed to its pods within about a minute, and at
//! once where a pod has changed too.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::build::Resources;
use super::observe::PodSeen;
use crate::names;

/// What there was before something was applied.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The workers' manifests.
    pub config: Option<&'a ConfigMap>,
    /// The workers.
    pub deployment: Option<&'a Deployment>,
}

/// What changes the pods, if there are other manifests for them and they are not replaced for it.
#[must_use]
pub fn needed(before: Before<'_>, resources: &Resources) -> Option<Value> {
    let data = before.config.map(|config| &config.data);
    let hash = before.deployment.and_then(hash);
    let stays = hash.is_some() && hash == self::hash(&resources.deployment);
    (stays && data.is_some_and(|data| *data != resources.config.data))
        .then(|| patch(&resources.config))
}

/// Changes pods. Where that fails they get their manifests later.
pub async fn nudge(client: &Client, namespace: &str, pods: &[PodSeen], patch: Value) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    for pod in pods.iter().filter(|pod| !pod.leaving) {
        // By way of the status, which asks for no right to change what a pod runs.
        let patched = api.patch_status(&pod.name, &params, &patch);
        if let Err(error) = patched.await {
            tracing::warn!(pod = pod.name, %error, "an edit reaches the worker only in about a minute");
        }
    }
}

fn hash(deployment: &Deployment) -> Option<&String> {
    let template = &deployment.spec.as_ref()?.template;
    template
        .metadata
        .as_ref()?
        .annotations
        .as_ref()?
        .get(names::HASH)
}

fn patch(config: &ConfigMap) -> Value {
    let text = config.data.iter().flatten().map(|(_, text)| text.as_str());
    let version = names::hash(text.map(str::as_bytes));
    json!({"metadata": {"annotations": {names::MANIFESTS: version}}})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::pipeline::build::build;
    use crate::pipeline::testing::{GENERATED, defaults, found};
    use crate::pipeline::validate::validate;

    fn built(text: &str) -> Resources {
        build(&validate(&found(text)).unwrap(), 1, &defaults(), None)
    }

    fn is_needed_from(before: &Resources, after: &Resources) -> bool {
        let before = Before {
            config: Some(&before.config),
            deployment: Some(&before.deployment),
        };
        needed(before, after).is_some()
    }

    #[test]
    fn pods_that_stay_are_nudged_when_their_manifests_change_and_only_then() {
        let before = built(GENERATED);
        let faster = built(&GENERATED.replace("rate: 100", "rate: 200"));
        let other = built(&GENERATED.replace("seed: 3", "seed: 7"));
        assert!(is_needed_from(&before, &faster));
        assert!(!is_needed_from(&before, &before), "nothing has changed");
        assert!(!is_needed_from(&before, &other), "there will be new pods");
        let none = Before {
            config: None,
            deployment: None,
        };
        assert!(needed(none, &faster).is_none(), "there are no pods yet");
    }

    #[test]
    fn a_nudge_changes_one_annotation_with_the_manifests() {
        let patches = [100, 200, 100].map(|rate| {
            let text = GENERATED.replace("rate: 100", &format!("rate: {rate}"));
            patch(&built(&text).config)
        });
        assert_ne!(patches[0], patches[1]);
        assert_eq!(patches[0], patches[2]);
        let annotations = &patches[0]["metadata"]["annotations"];
        assert!(annotations["tidemill.io/manifests"].is_string());
        assert_eq!(patches[0].as_object().unwrap().len(), 1);
        assert_eq!(patches[0]["metadata"].as_object().unwrap().len(), 1);
        assert_eq!(annotations.as_object().unwrap().len(), 1);
    }
}
