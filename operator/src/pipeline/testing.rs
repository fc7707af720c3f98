//! What tests of this folder share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use tidemill_plan::compat::States;
use tidemill_plan::manifest::{ResourceKind, load};

use super::build::Defaults;
use super::validate::{Found, SecretVersion};

/// A pipeline that generates 100 records a second.
pub(crate) const GENERATED: &str = "\
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: payments, namespace: bank}
spec:
  kafka: {bootstrapServers: 'kafka:9092'}
  commitInterval: 200ms
  sources:
  - name: payments
    generator: {kind: Transactions, rate: 100, fraudRatio: 0.1, accounts: 50, seed: 3}
  outputs:
  - {from: payments, sink: payments}
---
apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: payments, namespace: bank}
spec:
  kafka: {topic: payments}
";

/// What is the same for all Pipelines.
pub(crate) fn defaults() -> Defaults {
    Defaults {
        image: "tidemill:test".to_owned(),
        pull_policy: Some("IfNotPresent".to_owned()),
        pull_secrets: Vec::new(),
        otlp_endpoint: Some("http://collector:4318".to_owned()),
    }
}

/// What would be found in a cluster with these manifests: the first Pipeline, and its Sinks.
pub(crate) fn found(text: &str) -> Found {
    let loaded = load("test.yaml", text);
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    let mut pipeline = None;
    let mut sinks = BTreeMap::new();
    for resource in loaded.resources {
        match resource.kind {
            ResourceKind::Pipeline(it) => pipeline = pipeline.or(Some(*it)),
            ResourceKind::Sink(it) => {
                sinks.insert(it.metadata.name.clone().unwrap(), *it);
            }
            _ => {}
        }
    }
    let mut pipeline = pipeline.expect("a Pipeline");
    pipeline.metadata.uid = Some("6f5bd3c4-0000-4000-8000-000000000001".to_owned());
    pipeline.metadata.generation = Some(3);
    let auth = pipeline
        .spec
        .kafka
        .as_ref()
        .and_then(|kafka| kafka.auth.as_ref());
    Found {
        secret: auth.map(|auth| SecretVersion {
            name: auth.secret_ref.name.clone(),
            version: "7".to_owned(),
        }),
        other_secrets: BTreeSet::new(),
        rules: BTreeMap::new(),
        missing: Vec::new(),
        states: States::new(),
        given: None,
        sinks,
        pipeline,
    }
}
