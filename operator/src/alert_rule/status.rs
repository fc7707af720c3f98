//! The status of an AlertRule: pure, from its manifest and the Pipeline that it watches.

use tidemill_crds::alert_rule::Mode;
use tidemill_crds::reasons::{self, condition};
use tidemill_crds::{AlertRule, Pipeline};

use crate::condition::Verdict;

/// What is to be said of a rule, given its Pipeline if that is there.
#[must_use]
pub fn verdicts(rule: &AlertRule, pipeline: Option<&Pipeline>) -> Vec<Verdict> {
    let accepted = accepted(rule);
    let resolved = resolved(rule, pipeline);
    let off = "it is switched off, as the manifest says";
    let ready = Verdict::ready(&accepted, &resolved, reasons::DISABLED, off);
    vec![accepted, resolved, ready]
}

fn accepted(rule: &AlertRule) -> Verdict {
    if rule.spec.mode == Mode::Disabled {
        return Verdict::accepted();
    }
    let message = "spec.mode: alert rules are not supported yet (set mode: Disabled); its pipeline runs without it";
    Verdict::no(condition::ACCEPTED, reasons::UNSUPPORTED, message)
}

fn resolved(rule: &AlertRule, pipeline: Option<&Pipeline>) -> Verdict {
    let about = condition::RESOLVED_REFS;
    let name = &rule.spec.pipeline_ref.name;
    let Some(pipeline) = pipeline else {
        let message = format!(
            "spec.pipelineRef: there is no Pipeline `{name}` in the rule's namespace (create it, or correct the name)"
        );
        return Verdict::no(about, reasons::PIPELINE_NOT_FOUND, message);
    };
    let streams = pipeline.spec.streams.iter().map(|stream| &stream.name);
    let mut known = pipeline
        .spec
        .sources
        .iter()
        .map(|source| &source.name)
        .chain(streams);
    if known.clone().any(|stream| *stream == rule.spec.stream) {
        return Verdict::resolved();
    }
    let first: Vec<String> = known
        .by_ref()
        .take(12)
        .map(|stream| format!("`{stream}`"))
        .collect();
    let message = format!(
        "spec.stream: the Pipeline `{name}` has no source or stream `{}`; there is {}",
        rule.spec.stream,
        first.join(", ")
    );
    Verdict::no(about, reasons::STREAM_NOT_FOUND, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn said(spec: &str, there: bool) -> Vec<Verdict> {
        let head = "apiVersion: tidemill.io/v1alpha1\nkind: AlertRule\nmetadata: {name: r}\nspec: {when: 'amount > 5', pipelineRef: {name: payments}";
        let rule: AlertRule = serde_saphyr::from_str(&format!("{head}, {spec}}}")).unwrap();
        let pipeline =
            crate::pipeline::testing::found(include_str!("../pipeline/build/golden/least.yaml"))
                .pipeline;
        verdicts(&rule, there.then_some(&pipeline))
    }

    #[test]
    fn a_rule_is_refused_by_name_and_says_what_to_do() {
        let said = said("stream: large", true);
        assert_eq!(
            (said[0].holds, said[0].reason),
            (Some(false), reasons::UNSUPPORTED)
        );
        assert!(said[0].message.contains("set mode: Disabled"));
        assert_eq!(said[1].holds, Some(true));
        assert_eq!(
            (said[2].holds, said[2].reason),
            (Some(false), reasons::NOT_ACCEPTED)
        );
    }

    #[test]
    fn a_rule_that_rests_is_ready() {
        let said = said("stream: payments, mode: Disabled", true);
        assert_eq!(
            (said[2].holds, said[2].reason),
            (Some(true), reasons::DISABLED)
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert_eq!(
            said("stream: large", false)[1].reason,
            reasons::PIPELINE_NOT_FOUND
        );
        let said = said("stream: lrage, mode: Disabled", true);
        assert_eq!(said[1].reason, reasons::STREAM_NOT_FOUND);
        assert!(
            said[1].message.ends_with("there is `payments`, `large`"),
            "{}",
            said[1].message
        );
        assert_eq!(said[2].reason, reasons::STREAM_NOT_FOUND);
    }
}
