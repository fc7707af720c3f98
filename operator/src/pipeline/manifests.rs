//! What a worker gets to read: the Pipeline without what is none of its business, and the Sinks it writes to.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use serde::Serialize;
use tidemill_crds::pipeline::{DeletionPolicy, KafkaCluster, OnIncompatibleChange, PipelineSpec};
use tidemill_crds::{Pipeline, Sink};

use crate::names;

/// Several documents of YAML, the same bytes for the same meaning: what only the operator cares for is left out.
///
/// # Errors
/// When a resource cannot be written as YAML.
pub fn render<'a>(
    pipeline: &Pipeline,
    sinks: impl Iterator<Item = &'a Sink>,
    epochs: &BTreeMap<String, u32>,
) -> Result<String, serde_saphyr::SerializeError> {
    let mut text = document(&reduced(pipeline, epochs))?;
    for sink in sinks {
        text.push_str("---\n");
        text.push_str(&document(&Sink {
            metadata: identity(&sink.metadata),
            status: None,
            spec: sink.spec.clone(),
        })?);
    }
    Ok(text)
}

fn document(resource: &impl Serialize) -> Result<String, serde_saphyr::SerializeError> {
    let mut text = serde_saphyr::to_string(resource)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn reduced(pipeline: &Pipeline, epochs: &BTreeMap<String, u32>) -> Pipeline {
    let spec = &pipeline.spec;
    let mut metadata = identity(&pipeline.metadata);
    if !epochs.is_empty() {
        let reset: Vec<String> = epochs.iter().map(|(s, n)| format!("{s}={n}")).collect();
        metadata.annotations = Some([(names::EPOCHS.to_owned(), reset.join(","))].into());
    }
    Pipeline {
        metadata,
        status: None,
        spec: PipelineSpec {
            // Credentials come as files.
            kafka: spec.kafka.as_ref().map(|kafka| KafkaCluster {
                bootstrap_servers: kafka.bootstrap_servers.clone(),
                auth: None,
            }),
            sources: spec.sources.clone(),
            streams: spec.streams.clone(),
            outputs: spec.outputs.clone(),
            delivery: spec.delivery,
            commit_interval: spec.commit_interval,
            workers: None,
            autoscale: None,
            on_incompatible_change: OnIncompatibleChange::default(),
            suspend: false,
            deletion_policy: DeletionPolicy::default(),
            worker: None,
        },
    }
}

fn identity(metadata: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        ..ObjectMeta::default()
    }
}
