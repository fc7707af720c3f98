//! The workers' manifests, and the state that they imply.

use k8s_openapi::api::core::v1::ConfigMap;
use tidemill_plan::compat::States;

use super::metadata;
use crate::names;
use crate::pipeline::validate::Valid;

/// The key of the workers' manifests.
pub(super) const MANIFESTS: &str = "manifests.yaml";

/// The ConfigMap that workers read.
pub(super) fn config_map(valid: &Valid) -> ConfigMap {
    let mut metadata = metadata(valid);
    metadata.annotations = Some([(names::STATE.to_owned(), state(valid))].into());
    ConfigMap {
        metadata,
        data: Some([(MANIFESTS.to_owned(), valid.manifests.clone())].into()),
        ..ConfigMap::default()
    }
}

/// What workers are given to read.
#[must_use]
pub fn given(config: &ConfigMap) -> Option<&String> {
    config.data.as_ref()?.get(MANIFESTS)
}

/// The streams' state as text: it is kept on the ConfigMap and on the Deployment, so that one may be lost.
pub(super) fn state(valid: &Valid) -> String {
    // Maps of texts and numbers: this does not fail.
    serde_json::to_string(&valid.states).unwrap_or_default()
}

/// Reads it back; what cannot be read is as good as none.
#[must_use]
pub fn read_state(text: &str) -> Option<States> {
    serde_json::from_str(text).ok()
}

/// Changes when workers must be started anew: with their manifests, but for what takes effect live, and with their
/// credentials.
pub(super) fn hash(valid: &Valid) -> String {
    let secrets = valid.secret.iter().chain(&valid.other_secrets);
    let secret = secrets.flat_map(|it| [&it.name, &it.version]);
    let texts = [&valid.lasting].into_iter().chain(secret);
    names::hash(texts.map(|text| text.as_bytes()))
}
