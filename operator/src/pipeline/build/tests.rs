//! YAML in, YAML out: `golden/NAME.yaml` is what a user applies, `golden/NAME.built.yaml` what becomes of it. Run with
//! `UPDATE_GOLDEN=1` to write the latter anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use k8s_openapi::api::apps::v1::DeploymentStatus;
use serde::Serialize;
use tidemill_crds::Pipeline;

use super::*;
use crate::pipeline::testing::{GENERATED, defaults, found};
use crate::pipeline::validate::{SecretVersion, Valid, validate};

fn built(text: &str, replicas: u32) -> Resources {
    build(
        &validate(&found(text)).unwrap(),
        replicas,
        &defaults(),
        None,
    )
}

fn rendered(resources: &Resources) -> String {
    fn document(resource: &impl Serialize) -> String {
        format!(
            "---\n{}\n",
            serde_saphyr::to_string(resource).unwrap().trim_end()
        )
    }
    [
        document(&resources.config),
        document(&resources.account),
        document(&resources.deployment),
        document(&resources.service),
        document(&resources.budget),
        document(&resources.policy),
    ]
    .concat()
}

fn golden(name: &str, replicas: u32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pipeline/build/golden");
    let text = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
    let is = rendered(&built(&text, replicas));
    let file = folder.join(format!("{name}.built.yaml"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &is).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        is == expected,
        "{} is not what is built now:\n{is}",
        file.display()
    );
}

#[test]
fn the_least_that_a_pipeline_can_be() {
    golden("least", 1);
}

#[test]
fn a_pipeline_with_everything() {
    golden("everything", 3);
}

fn least() -> String {
    std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pipeline/build/golden/least.yaml"),
    )
    .unwrap()
}

fn pod_hash(resources: &Resources) -> String {
    let template = &resources.deployment.spec.as_ref().unwrap().template;
    template
        .metadata
        .as_ref()
        .unwrap()
        .annotations
        .as_ref()
        .unwrap()[names::HASH]
        .clone()
}

#[test]
fn pods_name_the_secrets_that_the_image_is_pulled_with() {
    let named = |names: &[&str]| {
        let defaults = Defaults {
            pull_secrets: names.iter().map(|name| (*name).to_owned()).collect(),
            ..defaults()
        };
        let valid = validate(&found(&least())).unwrap();
        let pod = build(&valid, 1, &defaults, None).deployment.spec.unwrap();
        serde_json::to_value(pod.template.spec.unwrap().image_pull_secrets).unwrap()
    };
    assert_eq!(
        named(&["registry", "mirror"]),
        serde_json::json!([{"name": "registry"}, {"name": "mirror"}])
    );
    assert!(named(&[]).is_null());
}

#[test]
fn scaling_suspending_and_policies_restart_no_pod() {
    let before = built(&least(), 1);
    for spec in [
        "workers: 5",
        "autoscale: {min: 1, max: 8}",
        "suspend: true",
        "deletionPolicy: Retain",
        "onIncompatibleChange: Reset",
    ] {
        let after = built(
            &least().replacen("spec:\n  kafka:", &format!("spec:\n  {spec}\n  kafka:"), 1),
            5,
        );
        assert_eq!(before.config, after.config, "{spec}");
        let template = |r: &Resources| r.deployment.spec.as_ref().unwrap().template.clone();
        assert_eq!(template(&before), template(&after), "{spec}");
    }
}

#[test]
fn a_change_of_the_query_or_of_the_secret_starts_new_pods() {
    let before = pod_hash(&built(&least(), 1));
    let other = pod_hash(&built(&least().replace("amount > 10", "amount > 20"), 1));
    assert_ne!(before, other);
    let mut found = found(&least());
    let mut hashes = ["1", "2"].map(|version| {
        found.secret = Some(SecretVersion {
            name: "kafka-user".to_owned(),
            version: version.to_owned(),
        });
        pod_hash(&build(&validate(&found).unwrap(), 1, &defaults(), None))
    });
    hashes.sort_unstable();
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn other_secrets_are_files_by_their_names() {
    let mut found = found(&least());
    let mut with = |version: &str| {
        found.other_secrets = [SecretVersion {
            name: "registry.user".to_owned(),
            version: version.to_owned(),
        }]
        .into();
        build(&validate(&found).unwrap(), 1, &defaults(), None)
    };
    let (before, after) = (with("1"), with("2"));
    assert_ne!(pod_hash(&before), pod_hash(&after));
    let pod = before.deployment.spec.unwrap().template.spec.unwrap();
    let container = &pod.containers[0];
    let args = container.args.as_ref().unwrap().join(" ");
    assert!(args.contains("--secrets /etc/tidemill/secrets"), "{args}");
    let mounts = container.volume_mounts.as_ref().unwrap().iter();
    let at = |path: &str| {
        mounts
            .clone()
            .find(|mount| mount.mount_path == path)
            .unwrap()
    };
    let mount = at("/etc/tidemill/secrets/registry.user");
    assert_eq!(mount.read_only, Some(true));
    let volumes = pod.volumes.unwrap();
    let volume = volumes
        .iter()
        .find(|volume| volume.name == mount.name)
        .unwrap();
    let secret = volume.secret.as_ref().unwrap();
    assert_eq!(secret.secret_name.as_deref(), Some("registry.user"));
}

#[test]
fn what_takes_effect_live_changes_the_manifests_and_no_pod() {
    let before = built(GENERATED, 1);
    for (value, other) in [
        ("rate: 100", "rate: 0"),
        ("fraudRatio: 0.1", "fraudRatio: 0.9"),
        ("accounts: 50", "accounts: 51"),
        ("commitInterval: 200ms", "commitInterval: 1s"),
    ] {
        let after = built(&GENERATED.replace(value, other), 1);
        assert_ne!(before.config.data, after.config.data, "{other}");
        assert_eq!(before.deployment, after.deployment, "{other}");
    }
    let after = built(&GENERATED.replace("seed: 3", "seed: 4"), 1);
    assert_ne!(pod_hash(&before), pod_hash(&after));
}

/// A table as it was accepted, and the same edited with leave to reset it.
fn reset() -> (Valid, Valid) {
    let table = |function: &str| {
        let sql = format!("SELECT id, {function}(amount) AS total FROM payments GROUP BY id");
        least()
            .replace("SELECT id, amount FROM payments WHERE amount > 10", &sql)
            .replacen(
                "spec:\n  kafka:",
                "spec:\n  onIncompatibleChange: Reset\n  kafka:",
                1,
            )
    };
    let before = validate(&found(&table("sum"))).unwrap();
    let mut edited = found(&table("max"));
    edited.states = before.states.clone();
    (before, validate(&edited).unwrap())
}

fn strategy(deployment: &Deployment) -> String {
    let strategy = deployment.spec.as_ref().unwrap().strategy.as_ref().unwrap();
    let type_ = strategy.type_.clone().unwrap();
    assert_eq!(strategy.rolling_update.is_some(), type_ == "RollingUpdate");
    type_
}

/// As Kubernetes says it of a Deployment: so many of two pods are new, so many ready.
fn rolled(mut deployment: Deployment, updated: i32, ready: i32) -> Deployment {
    deployment.metadata.generation = Some(2);
    deployment.status = Some(DeploymentStatus {
        observed_generation: Some(2),
        replicas: Some(updated.max(ready)),
        updated_replicas: Some(updated),
        ready_replicas: Some(ready),
        ..DeploymentStatus::default()
    });
    deployment
}

#[test]
fn a_reset_ends_all_old_pods_before_there_are_new_ones() {
    let (before, after) = reset();
    let build =
        |valid: &Valid, there: Option<&Deployment>| build(valid, 2, &defaults(), there).deployment;
    let old = rolled(build(&before, None), 2, 2);
    assert_eq!(strategy(&build(&before, Some(&old))), "RollingUpdate");

    let reset = build(&after, Some(&old));
    assert_eq!(strategy(&reset), "Recreate");
    let template = reset.spec.as_ref().unwrap().template.metadata.as_ref();
    let annotations = template.unwrap().annotations.as_ref().unwrap();
    assert_eq!(annotations["tidemill.io/state-epochs"], "large=1");

    for (there, expected) in [
        (rolled(reset.clone(), 0, 0), "Recreate"),
        (rolled(reset.clone(), 2, 1), "Recreate"),
        (rolled(reset.clone(), 2, 2), "RollingUpdate"),
    ] {
        assert_eq!(strategy(&build(&after, Some(&there))), expected);
    }
    let done = rolled(build(&after, Some(&rolled(reset, 2, 2))), 0, 2);
    assert_eq!(strategy(&build(&after, Some(&done))), "RollingUpdate");
    assert_eq!(strategy(&build(&after, None)), "RollingUpdate");
}

#[test]
fn no_credential_and_no_name_of_one_is_in_the_config_map() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pipeline/build/golden/everything.yaml");
    let resources = built(&std::fs::read_to_string(folder).unwrap(), 1);
    let config = serde_json::to_string(&resources.config).unwrap();
    assert!(
        !config.contains("kafka-user") && !config.contains("secret"),
        "{config}"
    );
}

#[test]
fn workers_can_read_the_manifests_that_they_get_and_plan_the_same() {
    let resources = built(&least(), 1);
    let text = &resources.config.data.as_ref().unwrap()[config::MANIFESTS];
    let loaded = tidemill_plan::manifest::load("manifests.yaml", text);
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    let reduced = found(text);
    let plan = |pipeline: &Pipeline| {
        let sinks: Vec<_> = reduced.sinks.values().cloned().collect();
        format!("{:?}", tidemill_plan::plan(pipeline, &sinks, &[]).unwrap())
    };
    assert_eq!(plan(&found(&least()).pipeline), plan(&reduced.pipeline));
}

#[test]
fn the_state_is_read_back_from_where_it_is_kept() {
    let text = least().replace(
        "SELECT id, amount FROM payments WHERE amount > 10",
        "SELECT id, sum(amount) AS total FROM payments GROUP BY id",
    );
    let valid = validate(&found(&text)).unwrap();
    let resources = build(&valid, 1, &defaults(), None);
    for annotations in [
        &resources.config.metadata.annotations,
        &resources.deployment.metadata.annotations,
    ] {
        let kept = &annotations.as_ref().unwrap()[names::STATE];
        assert_eq!(config::read_state(kept).unwrap(), valid.states);
    }
    assert_eq!(valid.states.len(), 1);
    assert_eq!(config::read_state("{"), None);
}
