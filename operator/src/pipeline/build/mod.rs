//! What a Pipeline becomes in the cluster. Pure, and it cannot fail.

mod config;
mod deployment;
mod guards;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

pub use config::{given, read_state};

use super::validate::Valid;
use crate::names;

/// Where a worker serves its status and metrics.
pub const PORT: i32 = 8080;

/// What is the same for all Pipelines.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The workers' image.
    pub image: String,
    /// When it is pulled; `None` leaves it to Kubernetes.
    pub pull_policy: Option<String>,
    /// The Secrets that it is pulled with, by name, in the Pipelines' namespaces.
    pub pull_secrets: Vec<String>,
    /// Where workers send traces.
    pub otlp_endpoint: Option<String>,
}

/// All that is made for a Pipeline.
#[derive(Debug, Clone)]
pub struct Resources {
    /// The workers' manifests.
    pub config: ConfigMap,
    /// The workers' identity, which may do nothing.
    pub account: ServiceAccount,
    /// The workers.
    pub deployment: Deployment,
    /// Their metrics.
    pub service: Service,
    /// Keeps a drain from taking more than one at a time.
    pub budget: PodDisruptionBudget,
    /// Keeps everything else away from them.
    pub policy: NetworkPolicy,
}

/// Builds everything for so many workers; `there` are those that run.
#[must_use]
pub fn build(
    valid: &Valid,
    replicas: u32,
    defaults: &Defaults,
    there: Option<&Deployment>,
) -> Resources {
    Resources {
        config: config::config_map(valid),
        account: guards::account(valid),
        deployment: deployment::deployment(valid, replicas, defaults, there),
        service: guards::service(valid),
        budget: guards::budget(valid),
        policy: guards::policy(valid),
    }
}

fn metadata(valid: &Valid) -> ObjectMeta {
    ObjectMeta {
        name: Some(names::worker(&valid.name)),
        namespace: Some(valid.namespace.clone()),
        labels: Some(names::labels(&valid.name)),
        owner_references: Some(vec![valid.owner.clone()]),
        ..ObjectMeta::default()
    }
}

fn selector(valid: &Valid) -> LabelSelector {
    LabelSelector {
        match_labels: Some(names::selector(&valid.name)),
        ..LabelSelector::default()
    }
}

#[cfg(test)]
mod tests;
