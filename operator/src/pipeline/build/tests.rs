//! YAML in, YAML out: `golden/NAME.yaml` is what a user applies, `golden/NAME.built.yaml` what becomes of it. Run with
//! `UPDATE_GOLDEN=1` to write the latter anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use serde::Serialize;
use tidemill_crds::Pipeline;

use super::*;
use crate::pipeline::testing::found;
use crate::pipeline::validate::{SecretVersion, validate};

fn defaults() -> Defaults {
    Defaults {
        image: "tidemill:test".to_owned(),
        pull_policy: Some("IfNotPresent".to_owned()),
        otlp_endpoint: Some("http://collector:4318".to_owned()),
    }
}

fn built(text: &str, replicas: u32) -> Resources {
    build(&validate(&found(text)).unwrap(), replicas, &defaults())
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
        pod_hash(&build(&validate(&found).unwrap(), 1, &defaults()))
    });
    hashes.sort_unstable();
    assert_ne!(hashes[0], hashes[1]);
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
    let resources = build(&valid, 1, &defaults());
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
