//! What is done about an AlertRule: it is looked at, and its status says what was found.

use std::sync::Arc;

use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use tidemill_crds::{AlertRule, AlertRuleStatus};
use tracing::Instrument as _;

use super::status::verdicts;
use crate::condition::{Verdict, stamp};
use crate::controller::{AT_LEAST, Context, StatusError, now};
use crate::malformed;
use crate::world::{Guarded, find, key};

/// Looks at an AlertRule.
///
/// # Errors
/// If its status cannot be written.
pub async fn reconcile(
    object: Arc<Guarded<AlertRule>>,
    context: Arc<Context>,
) -> Result<Action, StatusError> {
    let (namespace, name) = key(&*object);
    let span = tracing::info_span!("reconcile", kind = "AlertRule", namespace, name);
    look_at(&object, &context).instrument(span).await
}

async fn look_at(object: &Guarded<AlertRule>, context: &Context) -> Result<Action, StatusError> {
    let (verdicts, previous) = match &object.0 {
        Ok(rule) => (
            judge(rule, context),
            context.rules.latest(object, rule.status.as_ref()),
        ),
        Err(error) => (
            malformed::verdicts(&context.world.client, object, &error.error).await,
            context.rules.last(object),
        ),
    };
    let previous = previous.unwrap_or_default();
    let generation = object.meta().generation;
    let next = AlertRuleStatus {
        observed_generation: generation,
        conditions: stamp(verdicts, &previous.conditions, generation, &now()),
        ..AlertRuleStatus::default()
    };
    if next != previous {
        let conditions = (&previous.conditions[..], &next.conditions[..]);
        context
            .write_status(object, &context.rules, &next, conditions)
            .await?;
    }
    Ok(Action::requeue(AT_LEAST))
}

fn judge(rule: &AlertRule, context: &Context) -> Vec<Verdict> {
    let at = (
        rule.namespace().unwrap_or_default(),
        rule.spec.pipeline_ref.name.clone(),
    );
    let pipeline = find(&context.world.pipelines, &at);
    let readable = pipeline
        .as_ref()
        .and_then(|pipeline| pipeline.0.as_ref().ok());
    verdicts(rule, readable)
}
