//! What is seen of a Pipeline at work: its Deployment, its pods, what they say, and its Kafka.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;

use super::observe::{Figures, PodSeen};
use super::poll;
use super::validate::Found;
use crate::controller::Context;
use crate::kafka::Seen;
use crate::kafka::clusters::{Access, Key};
use crate::names;
use crate::world::{find, key};

/// What is seen of a Pipeline at work.
pub(super) struct Observation {
    /// The workers' Deployment, if it is this Pipeline's.
    pub(super) deployment: Option<Arc<Deployment>>,
    pub(super) pods: Vec<PodSeen>,
    pub(super) figures: Figures,
    pub(super) kafka: Seen,
}

impl Observation {
    pub(super) fn of(context: &Context, found: &Found) -> Self {
        let world = &context.world;
        let of = key(&found.pipeline);
        let uid = found.pipeline.metadata.uid.as_ref();
        let ours = |deployment: &Arc<Deployment>| {
            deployment
                .owner_references()
                .iter()
                .any(|owner| Some(&owner.uid) == uid)
        };
        Self {
            deployment: find(&world.made.deployments, &worker(&of)).filter(ours),
            pods: poll::pods(world, &of),
            figures: world.workers(&of, |workers| workers.figures.clone()),
            kafka: kafka(context, found, &of),
        }
    }

    /// The workers that there are to be as it is.
    pub(super) fn replicas(&self) -> Option<u32> {
        let spec = self.deployment.as_ref()?.spec.as_ref()?;
        u32::try_from(spec.replicas?).ok()
    }
}

fn kafka(context: &Context, found: &Found, of: &Key) -> Seen {
    let Some(kafka) = &found.pipeline.spec.kafka else {
        return Seen::Unknown;
    };
    if kafka.auth.is_some() && found.secret.is_none() {
        return Seen::Unknown;
    }
    let access = Access::new(kafka, &of.0, found.secret.clone());
    context.world.clusters.seen(of, &access)
}

fn worker((namespace, name): &Key) -> Key {
    (namespace.clone(), names::worker(name))
}
