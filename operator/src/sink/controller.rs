//! What is done about a Sink: it is looked at, and its status says what was found.

use std::sync::Arc;

use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use tidemill_crds::{Sink, SinkStatus};
use tracing::Instrument as _;

use super::status::verdicts;
use crate::condition::stamp;
use crate::controller::{AT_LEAST, Context, StatusError, now};
use crate::malformed;
use crate::world::{Guarded, find, key};

/// Looks at a Sink.
///
/// # Errors
/// If its status cannot be written.
pub async fn reconcile(
    object: Arc<Guarded<Sink>>,
    context: Arc<Context>,
) -> Result<Action, StatusError> {
    let (namespace, name) = key(&*object);
    let span = tracing::info_span!("reconcile", kind = "Sink", namespace, name);
    look_at(&object, &context).instrument(span).await
}

async fn look_at(object: &Guarded<Sink>, context: &Context) -> Result<Action, StatusError> {
    let namespace = object.namespace().unwrap_or_default();
    let is_there = |name: &str| {
        find(
            &context.world.secrets,
            &(namespace.clone(), name.to_owned()),
        )
        .is_some()
    };
    let (verdicts, previous) = match &object.0 {
        Ok(sink) => (
            verdicts(sink, is_there),
            context.sinks.latest(object, sink.status.as_ref()),
        ),
        Err(error) => (
            malformed::verdicts(&context.world.client, object, &error.error).await,
            context.sinks.last(object),
        ),
    };
    let previous = previous.unwrap_or_default();
    let generation = object.meta().generation;
    let next = SinkStatus {
        observed_generation: generation,
        conditions: stamp(verdicts, &previous.conditions, generation, &now()),
    };
    if next != previous {
        let conditions = (&previous.conditions[..], &next.conditions[..]);
        context
            .write_status(object, &context.sinks, &next, conditions)
            .await?;
    }
    Ok(Action::requeue(AT_LEAST))
}
