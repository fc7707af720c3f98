//! What a worker gets to read: the Pipeline without what is none of its business, the Sinks it writes to, and the AlertRules
//! that watch it.

use kube::api::ObjectMeta;
use serde::Serialize;
use tidemill_crds::pipeline::{DeletionPolicy, KafkaCluster, OnIncompatibleChange, PipelineSpec};
use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::resets::{self, Epochs};

/// Several documents of YAML, the same bytes for the same meaning: what only the operator cares for is left out.
///
/// # Errors
/// When a resource cannot be written as YAML.
pub fn render<'a>(
    metadata: &ObjectMeta,
    spec: &PipelineSpec,
    sinks: impl Iterator<Item = &'a Sink>,
    rules: &[AlertRule],
    epochs: &Epochs,
) -> Result<String, serde_saphyr::SerializeError> {
    let mut text = document(&reduced(metadata, spec, epochs))?;
    for sink in sinks {
        text.push_str("---\n");
        text.push_str(&document(&Sink {
            metadata: identity(&sink.metadata),
            status: None,
            spec: sink.spec.clone(),
        })?);
    }
    for rule in rules {
        text.push_str("---\n");
        text.push_str(&document(rule)?);
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

fn reduced(metadata: &ObjectMeta, spec: &PipelineSpec, epochs: &Epochs) -> Pipeline {
    let mut metadata = identity(metadata);
    if !epochs.is_empty() {
        let reset = (resets::ANNOTATION.to_owned(), resets::write(epochs));
        metadata.annotations = Some([reset].into());
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
