//! What stands around the workers: who they are, who may reach them, how many may go at once.

use k8s_openapi::api::core::v1::{Service, ServiceAccount, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{PORT, metadata, selector};
use crate::names;
use crate::pipeline::validate::Valid;

pub(super) fn account(valid: &Valid) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(valid),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

pub(super) fn service(valid: &Valid) -> Service {
    Service {
        metadata: metadata(valid),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(names::selector(&valid.name)),
            // What a worker that does not get ready says is of interest, too.
            publish_not_ready_addresses: Some(true),
            ports: Some(vec![ServicePort {
                name: Some("metrics".to_owned()),
                port: PORT,
                target_port: Some(IntOrString::String("metrics".to_owned())),
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

pub(super) fn budget(valid: &Valid) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(valid),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(valid)),
            // A worker that cannot run keeps no node from being drained.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

pub(super) fn policy(valid: &Valid) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(valid),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(valid)),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                ports: Some(vec![NetworkPolicyPort {
                    port: Some(IntOrString::Int(PORT)),
                    protocol: Some("TCP".to_owned()),
                    end_port: None,
                }]),
                from: None,
            }]),
            egress: None,
        }),
    }
}
