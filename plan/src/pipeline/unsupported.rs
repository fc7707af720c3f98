//! Fields whose work comes later are refused by name: nothing in a manifest is ignored.

use tidemill_crds::alert_rule::Mode;
use tidemill_crds::pipeline::{OnMissing, Origin, Source, Stream};
use tidemill_crds::{AlertRule, Pipeline};

use super::problem::Problems;

pub(super) fn check(pipeline: &Pipeline, rules: &[AlertRule], problems: &mut Problems) {
    for (i, source) in pipeline.spec.sources.iter().enumerate() {
        check_source(source, &format!("spec.sources[{i}]"), problems);
    }
    for (i, stream) in pipeline.spec.streams.iter().enumerate() {
        check_stream(stream, &format!("spec.streams[{i}]"), problems);
    }
    for rule in rules.iter().filter(|rule| is_on(rule, pipeline)) {
        let name = rule.metadata.name.as_deref().unwrap_or_default();
        let hint = "set its mode to Disabled";
        problems.not_yet(format!("AlertRule {name}: spec"), "alert rules are", hint);
    }
}

fn check_source(source: &Source, path: &str, problems: &mut Problems) {
    if source.table.is_some() && source.generator.is_some() {
        let hint =
            "write the rows to a topic, in a pipeline of its own, and read that as the table";
        problems.not_yet(
            format!("{path}.table"),
            "tables that are generated are",
            hint,
        );
    }
    if let Some(Origin::Generator(generator)) = source.origin()
        && generator.customers_from.is_some()
    {
        let path = format!("{path}.generator.customersFrom");
        problems.not_yet(path, "customers from a ConfigMap are", "leave it out");
    }
}

fn check_stream(stream: &Stream, path: &str, problems: &mut Problems) {
    if let Some(OnMissing::WaitFor(_)) = stream.on_missing {
        let hint = "write Emit or DeadLetter";
        problems.not_yet(format!("{path}.onMissing"), "waiting for a row is", hint);
    }
}

/// Whether a rule is about this pipeline, and at work.
fn is_on(rule: &AlertRule, pipeline: &Pipeline) -> bool {
    Some(&rule.spec.pipeline_ref.name) == pipeline.metadata.name.as_ref()
        && rule.metadata.namespace == pipeline.metadata.namespace
        && rule.spec.mode != Mode::Disabled
}
