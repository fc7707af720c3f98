//! The workers.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar,
    EnvVarSource, HTTPGetAction, KeyToPath, LocalObjectReference, ObjectFieldSelector,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile,
    SecretVolumeSource, SecurityContext, TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use tidemill_plan::resets;

use super::{Defaults, PORT, config, metadata, selector};
use crate::names;
use crate::pipeline::status::is_rolling;
use crate::pipeline::validate::{SecretVersion, Valid};

const RECREATE: &str = "Recreate";
const CONFIG: &str = "/etc/tidemill";
const CREDENTIALS: &str = "/etc/tidemill/kafka";
const SECRETS: &str = "/etc/tidemill/secrets";
const STATE: &str = "/var/lib/tidemill";
/// The image's user.
const USER: i64 = 65_532;
/// To commit and leave the group; a worker needs two seconds.
const GRACE: i64 = 30;

pub(super) fn deployment(
    valid: &Valid,
    replicas: u32,
    defaults: &Defaults,
    there: Option<&Deployment>,
) -> Deployment {
    let mut metadata = metadata(valid);
    metadata.annotations = Some([(names::STATE.to_owned(), config::state(valid))].into());
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(i32::try_from(replicas).unwrap_or(i32::MAX)),
            selector: selector(valid),
            revision_history_limit: Some(2),
            strategy: Some(strategy(valid, there)),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(names::labels(&valid.name)),
                    annotations: Some(annotations(valid)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(valid, defaults)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn annotations(valid: &Valid) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([(names::HASH.to_owned(), config::hash(valid))]);
    if !valid.epochs.is_empty() {
        annotations.insert(resets::ANNOTATION.to_owned(), resets::write(&valid.epochs));
    }
    annotations
}

/// New workers join the old ones, which then leave. Not so when a stream was reset: its old workers would go on with
/// what the new ones have thrown away, so all of them end first, until the new ones are there.
fn strategy(valid: &Valid, there: Option<&Deployment>) -> DeploymentStrategy {
    let recreates = there.is_some_and(|there| {
        let is_recreating = || was_recreated(there) && is_rolling(Some(there));
        epochs(there) != resets::write(&valid.epochs) || is_recreating()
    });
    if recreates {
        return DeploymentStrategy {
            type_: Some(RECREATE.to_owned()),
            rolling_update: None,
        };
    }
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::String("25%".to_owned())),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn was_recreated(there: &Deployment) -> bool {
    let strategy = there.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some(RECREATE))
}

/// The resets that workers know of.
fn epochs(there: &Deployment) -> &str {
    let template = there.spec.as_ref().map(|spec| &spec.template);
    template
        .and_then(|template| template.metadata.as_ref()?.annotations.as_ref())
        .and_then(|annotations| annotations.get(resets::ANNOTATION))
        .map_or("", String::as_str)
}

fn pod(valid: &Valid, defaults: &Defaults) -> PodSpec {
    let template = &valid.template;
    PodSpec {
        service_account_name: Some(names::worker(&valid.name)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        image_pull_secrets: pull_secrets(defaults),
        containers: vec![worker(valid, defaults)],
        volumes: Some(volumes(valid)),
        node_selector: (!template.node_selector.is_empty()).then(|| template.node_selector.clone()),
        tolerations: (!template.tolerations.is_empty()).then(|| template.tolerations.clone()),
        topology_spread_constraints: Some(vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            label_selector: Some(selector(valid)),
            ..TopologySpreadConstraint::default()
        }]),
        ..PodSpec::default()
    }
}

fn pull_secrets(defaults: &Defaults) -> Option<Vec<LocalObjectReference>> {
    let named = defaults.pull_secrets.iter();
    let named = named.map(|name| LocalObjectReference { name: name.clone() });
    (!defaults.pull_secrets.is_empty()).then(|| named.collect())
}

fn worker(valid: &Valid, defaults: &Defaults) -> Container {
    let template = &valid.template;
    Container {
        name: "worker".to_owned(),
        image: Some(
            template
                .image
                .clone()
                .unwrap_or_else(|| defaults.image.clone()),
        ),
        image_pull_policy: defaults.pull_policy.clone(),
        command: Some(vec!["tidemill-worker".to_owned()]),
        args: Some(args(valid)),
        env: Some(env(valid, defaults)),
        ports: Some(vec![ContainerPort {
            name: Some("metrics".to_owned()),
            container_port: PORT,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        liveness_probe: Some(probe("/livez", 10, 3)),
        resources: Some(template.resources.clone().unwrap_or_else(resources)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(valid)),
        ..Container::default()
    }
}

fn args(valid: &Valid) -> Vec<String> {
    let mut args = vec![
        "--manifests".to_owned(),
        format!("{CONFIG}/{}", config::MANIFESTS),
    ];
    if valid.secret.is_some() {
        args.extend(["--kafka-auth".to_owned(), CREDENTIALS.to_owned()]);
    }
    if !valid.other_secrets.is_empty() {
        args.extend(["--secrets".to_owned(), SECRETS.to_owned()]);
    }
    args.extend(["--listen".to_owned(), format!("0.0.0.0:{PORT}")]);
    args
}

/// The user's variables win; the pod's name, which a worker is known by, is none that a user may give.
fn env(valid: &Valid, defaults: &Defaults) -> Vec<EnvVar> {
    let pod_name = EnvVar {
        name: names::POD_NAME.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: "metadata.name".to_owned(),
            }),
            ..EnvVarSource::default()
        }),
    };
    let otlp = defaults.otlp_endpoint.as_ref().map(|endpoint| EnvVar {
        name: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
        value: Some(endpoint.clone()),
        value_from: None,
    });
    let mut env = vec![pod_name];
    for variable in valid.template.env.iter().cloned().chain(otlp) {
        if env.iter().all(|there| there.name != variable.name) {
            env.push(variable);
        }
    }
    env
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("metrics".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// No limit of CPU: a worker uses what is free.
fn resources() -> ResourceRequirements {
    let quantity = |name: &str, value: &str| (name.to_owned(), Quantity(value.to_owned()));
    ResourceRequirements {
        requests: Some([quantity("cpu", "100m"), quantity("memory", "64Mi")].into()),
        limits: Some([quantity("memory", "512Mi")].into()),
        claims: None,
    }
}

fn mounts(valid: &Valid) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let mut mounts = vec![
        mount("manifests", CONFIG, true),
        mount("state", STATE, false),
    ];
    if valid.secret.is_some() {
        mounts.push(mount("kafka", CREDENTIALS, true));
    }
    for (i, secret) in valid.other_secrets.iter().enumerate() {
        let path = format!("{SECRETS}/{}", secret.name);
        mounts.push(mount(&secret_volume_name(i), &path, true));
    }
    mounts
}

fn volumes(valid: &Valid) -> Vec<Volume> {
    let mut volumes = vec![
        Volume {
            name: "manifests".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: names::worker(&valid.name),
                items: Some(vec![KeyToPath {
                    key: config::MANIFESTS.to_owned(),
                    path: config::MANIFESTS.to_owned(),
                    mode: None,
                }]),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
        Volume {
            name: "state".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        },
    ];
    if let Some(secret) = &valid.secret {
        volumes.push(secret_volume("kafka".to_owned(), secret));
    }
    let others = valid.other_secrets.iter().enumerate();
    volumes.extend(others.map(|(i, secret)| secret_volume(secret_volume_name(i), secret)));
    volumes
}

/// A Secret's name may be longer than a volume's.
fn secret_volume_name(index: usize) -> String {
    format!("secret-{index}")
}

fn secret_volume(name: String, secret: &SecretVersion) -> Volume {
    Volume {
        name,
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.name.clone()),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}
