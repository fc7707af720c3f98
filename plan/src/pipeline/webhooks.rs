//! What a webhook asks of the output that is written to it.

use tidemill_crds::Pipeline;
use tidemill_crds::pipeline as manifest;
use tidemill_crds::webhook::{WebhookFormat, WebhookSink};

use super::full_name;
use super::problem::Problems;
use crate::model::OutputOf;
use crate::names::outbox;

/// The longest name of a topic.
const LONGEST_TOPIC: usize = 249;

/// Checks an output to a webhook: which it is of its pipeline, and what it writes.
pub(super) fn check(
    (pipeline, index, output): (&Pipeline, usize, &manifest::Output),
    from: OutputOf,
    webhook: &WebhookSink,
    problems: &mut Problems,
) {
    let path = format!("spec.outputs[{index}].sink");
    let sink = &output.sink;
    let mut refuse = |message: String, hint: &str| {
        problems.add(path.as_str(), message, Some(hint.to_owned()));
    };
    if let Some(fault) = webhook.fault() {
        let message = format!("the Sink `{sink}`: spec.{}: {}", fault.field, fault.message);
        refuse(message, fault.hint);
    }
    if from == OutputOf::DeadLetter {
        let message = format!(
            "the Sink `{sink}` is a webhook, and what that does not take is a dead letter itself"
        );
        refuse(message, "write dead letters to a topic");
    } else if webhook.format == WebhookFormat::Alertmanager && from != OutputOf::Alerts {
        let from = &output.from;
        let message = format!(
            "the Sink `{sink}` is for Alertmanager, and the rows of `{from}` are no alerts"
        );
        let hint = "write `from: alerts`, or leave webhook.format out of the Sink";
        refuse(message, hint);
    }
    let mut before = pipeline.spec.outputs.iter().take(index);
    if let Some(other) = before.find(|it| it.sink == *sink) {
        let message = format!(
            "the webhook `{sink}` gets the rows of `{}` already",
            other.from
        );
        refuse(
            message,
            "write them to a Sink of their own, which may have the same url",
        );
    }
    let topic = outbox(&full_name(pipeline), sink);
    if topic.len() > LONGEST_TOPIC {
        let message = format!(
            "its rows wait in the topic `{topic}`, whose name is longer than {LONGEST_TOPIC} bytes"
        );
        refuse(message, "give the Sink a shorter name");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tidemill_crds::Sink;

    use crate::model::{Plan, Written};
    use crate::pipeline::{PlanProblem, plan};

    const SOURCE: &str =
        "sources: [{name: t, kafka: {topic: t}, columns: [{name: id, type: Int64}]}]";

    fn planned(outputs: &str, webhook: &str) -> Result<Plan, Vec<PlanProblem>> {
        let pipeline =
            format!("{{metadata: {{name: p}}, spec: {{{SOURCE}, outputs: [{outputs}]}}}}");
        let sink = |name: &str| {
            let spec = format!("{{webhook: {{url: 'http://hooks/a', {webhook}}}}}");
            let text = format!("{{metadata: {{name: {name}}}, spec: {spec}}}");
            serde_saphyr::from_str::<Sink>(&text).unwrap()
        };
        let sinks = [sink("hook"), sink(&"h".repeat(250))];
        plan(&serde_saphyr::from_str(&pipeline).unwrap(), &sinks, &[])
    }

    fn said(outputs: &str, webhook: &str) -> Vec<String> {
        let problems = planned(outputs, webhook).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_and_alerts_are_written_as_json() {
        for outputs in [
            "{from: t, sink: hook, key: [id]}",
            "{from: alerts, sink: hook}",
        ] {
            let plan = planned(outputs, "format: CloudEvents").unwrap();
            let written = plan.outputs.iter().map(|it| &it.written);
            assert!(
                written
                    .into_iter()
                    .all(|it| matches!(it, Written::Json { .. }))
            );
        }
        assert_eq!(
            said("{from: alerts, sink: hook}", "format: Alertmanager"),
            [""; 0]
        );
    }

    #[test]
    fn what_cannot_be_posted_is_refused() {
        let long = format!("{{from: t, sink: {}}}", "h".repeat(250));
        for (outputs, webhook, wanted) in [
            (
                "{from: t, sink: hook}",
                "format: Alertmanager",
                "spec.outputs[0].sink: the Sink `hook` is for Alertmanager, and the rows of `t` are no alerts \
                 (write `from: alerts`, or leave webhook.format out of the Sink)",
            ),
            (
                "{from: deadLetter, sink: hook}",
                "",
                "spec.outputs[0].sink: the Sink `hook` is a webhook, and what that does not take is a dead letter itself \
                 (write dead letters to a topic)",
            ),
            (
                "{from: t, sink: hook}, {from: alerts, sink: hook}",
                "",
                "spec.outputs[1].sink: the webhook `hook` gets the rows of `t` already \
                 (write them to a Sink of their own, which may have the same url)",
            ),
            (
                "{from: t, sink: hook}",
                "timeout: 0s",
                "spec.outputs[0].sink: the Sink `hook`: spec.webhook.timeout: 0s is no time \
                 (write how long an answer may take, such as 10s)",
            ),
        ] {
            assert_eq!(said(outputs, webhook), [wanted]);
        }
        let said = said(&long, "");
        assert!(
            said[0].contains("whose name is longer than 249 bytes"),
            "{said:?}"
        );
    }
}
