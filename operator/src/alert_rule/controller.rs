//! What is done about an AlertRule: it is looked at, and its status says what was found. Its Pipeline's workers get it from
//! the Pipeline's controller.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use tidemill_crds::{AlertRule, AlertRuleStatus};
use tracing::Instrument as _;

use super::status::{Seen, status, without_figures};
use crate::condition::stamp;
use crate::controller::{AT_LEAST, Context, StatusError, now};
use crate::malformed;
use crate::pipeline::dereference::dereference;
use crate::world::{Guarded, find, key};

/// Counts that move all the time are written no more often than this.
const COUNTS: Duration = Duration::from_secs(10);

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
    let (next, previous) = match &object.0 {
        Ok(rule) => {
            let previous = context.rules.latest(object, rule.status.as_ref());
            let previous = previous.unwrap_or_default();
            (judge(rule, &previous, context), previous)
        }
        Err(error) => {
            let previous = context.rules.last(object).unwrap_or_default();
            let generation = object.meta().generation;
            let verdicts = malformed::verdicts(&context.world.client, object, &error.error).await;
            let next = AlertRuleStatus {
                observed_generation: generation,
                conditions: stamp(verdicts, &previous.conditions, generation, &now()),
                ..previous.clone()
            };
            (next, previous)
        }
    };
    if next == previous {
        return Ok(Action::requeue(AT_LEAST));
    }
    let age = context.rules.age(object);
    let wait = age.and_then(|age| COUNTS.checked_sub(age));
    if let Some(wait) = wait.filter(|_| without_figures(&next) == without_figures(&previous)) {
        return Ok(Action::requeue(wait.max(Duration::from_secs(1))));
    }
    let conditions = (&previous.conditions[..], &next.conditions[..]);
    context
        .write_status(object, &context.rules, &next, conditions)
        .await?;
    Ok(Action::requeue(AT_LEAST))
}

fn judge(rule: &AlertRule, previous: &AlertRuleStatus, context: &Context) -> AlertRuleStatus {
    let of = (
        rule.namespace().unwrap_or_default(),
        rule.spec.pipeline_ref.name.clone(),
    );
    let pipeline = find(&context.world.pipelines, &of);
    let readable = pipeline.as_ref().and_then(|it| it.0.as_ref().ok());
    let checked = readable.map(|pipeline| {
        let found = dereference(&context.world, pipeline.clone());
        context.checked.check(&found)
    });
    let figures = context
        .world
        .workers(&of, |workers| workers.figures.clone());
    let seen = Seen {
        pipeline: readable,
        checked: checked.as_ref().map(|checked| checked.outcome.as_ref()),
        figures: &figures,
    };
    status(rule, &seen, previous, &now())
}
