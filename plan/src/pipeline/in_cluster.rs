//! What a Pipeline must be to run in a cluster, besides what is asked of it everywhere.

use tidemill_crds::names::{LONGEST, POD_NAME};
use tidemill_crds::sink::SinkKind;
use tidemill_crds::{AlertRule, Pipeline, Sink};

use super::problem::Problems;
use super::{PlanProblem, plan};
use crate::model::Plan;

/// Plans a pipeline that is to run in a cluster: as [`plan`] does for one that runs anywhere, and what only a pod needs, or
/// what would be lost with it, counts too.
///
/// # Errors
/// Everything that is wrong with the manifests, each with the field that it is about.
pub fn plan_in_cluster(
    pipeline: &Pipeline,
    sinks: &[Sink],
    rules: &[AlertRule],
) -> Result<Plan, Vec<PlanProblem>> {
    match (check(pipeline, sinks), plan(pipeline, sinks, rules)) {
        (Ok(()), planned) => planned,
        (Err(problems), Ok(_)) => Err(problems),
        (Err(mut problems), Err(more)) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

fn check(pipeline: &Pipeline, sinks: &[Sink]) -> Result<(), Vec<PlanProblem>> {
    let mut problems = Problems::default();
    check_name(pipeline, &mut problems);
    check_outputs(pipeline, sinks, &mut problems);
    check_variables(pipeline, &mut problems);
    if pipeline.spec.kafka.is_none() {
        let hint = "in a cluster workers need one: write kafka: {bootstrapServers: \"kafka:9092\"}";
        problems.add("spec.kafka", "is missing", Some(hint.to_owned()));
    }
    problems.into_result()
}

/// The workers' Service is called after the Pipeline.
fn check_name(pipeline: &Pipeline, problems: &mut Problems) {
    let name = pipeline.metadata.name.as_deref().unwrap_or_default();
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(inner);
    if !fits {
        let message = format!("`{name}` cannot be the name of a Service");
        let hint = format!("use at most {LONGEST} small letters, digits and -, a letter first");
        problems.add("metadata.name", message, Some(hint));
    }
}

/// Outputs that would be lost with a pod.
fn check_outputs(pipeline: &Pipeline, sinks: &[Sink], problems: &mut Problems) {
    for (i, output) in pipeline.spec.outputs.iter().enumerate() {
        let named = |sink: &&Sink| sink.metadata.name.as_ref() == Some(&output.sink);
        let what = match sinks.iter().find(named).and_then(|sink| sink.spec.kind()) {
            Some(SinkKind::Postgres(_)) => {
                "is a PostgreSQL table, which is not supported in a cluster yet"
            }
            Some(SinkKind::Sqlite(_)) => {
                "is a SQLite file, which would be lost with the worker's pod"
            }
            _ => continue,
        };
        let hint = "write to a topic of the pipeline's Kafka, or to standard output";
        problems.add(
            format!("spec.outputs[{i}].sink"),
            format!("the Sink `{}` {what}", output.sink),
            Some(hint.to_owned()),
        );
    }
}

/// Environment variables that the workers get from the operator.
fn check_variables(pipeline: &Pipeline, problems: &mut Problems) {
    let template = pipeline.spec.worker.iter();
    let named = template.flat_map(|template| template.env.iter().enumerate());
    for (i, variable) in named.filter(|(_, variable)| variable.name == POD_NAME) {
        problems.add(
            format!("spec.worker.env[{i}].name"),
            format!("`{}` is set by the operator", variable.name),
            Some("leave it out".to_owned()),
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const PIPELINE: &str = r#"
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: payments, namespace: bank}
spec:
  kafka: {bootstrapServers: "kafka:9092"}
  sources:
  - {name: made, generator: {kind: Transactions}}
  outputs:
  - {from: made, sink: out}
  worker:
    env:
    - {name: RUST_LOG, value: debug}
"#;

    fn said(pipeline: &str, sink: &str) -> Vec<String> {
        let pipeline: Pipeline = serde_saphyr::from_str(pipeline).unwrap();
        let sink = format!("metadata: {{name: out, namespace: bank}}\nspec: {sink}");
        let sinks: [Sink; 1] = [serde_saphyr::from_str(&sink).unwrap()];
        let anywhere = plan(&pipeline, &sinks, &[]).err().unwrap_or_default();
        let problems = plan_in_cluster(&pipeline, &sinks, &[]).err();
        let problems = problems.unwrap_or_default().into_iter();
        let only_here = problems.filter(|problem| !anywhere.contains(problem));
        only_here.map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn what_runs_in_a_cluster_is_taken() {
        for sink in ["{stdout: {}}", "{kafka: {topic: out}}"] {
            assert_eq!(said(PIPELINE, sink), [""; 0]);
        }
    }

    #[test]
    fn names_that_cannot_be_a_service_are_refused() {
        for name in ["a.b", "9lives", &"a".repeat(57)] {
            let text = PIPELINE.replace("name: payments,", &format!("name: {name},"));
            assert_eq!(
                said(&text, "{stdout: {}}"),
                [format!(
                    "metadata.name: `{name}` cannot be the name of a Service (use at most 56 small letters, digits and -, a letter first)"
                )]
            );
        }
    }

    #[test]
    fn what_only_a_machine_of_ones_own_has_is_refused() {
        let without = PIPELINE.replace("  kafka: {bootstrapServers: \"kafka:9092\"}\n", "");
        assert_eq!(
            said(&without, "{stdout: {}}"),
            [
                "spec.kafka: is missing (in a cluster workers need one: write kafka: {bootstrapServers: \"kafka:9092\"})"
            ]
        );
        for (sink, what) in [
            ("{sqlite: {path: out.db, table: t}}", "SQLite file"),
            (
                "{postgres: {secretRef: {name: db}, table: t}}",
                "PostgreSQL table",
            ),
        ] {
            let said = said(PIPELINE, sink);
            assert_eq!(said.len(), 1, "{said:?}");
            let place = format!("spec.outputs[0].sink: the Sink `out` is a {what}");
            assert!(said[0].starts_with(&place), "{said:?}");
        }
    }

    #[test]
    fn a_variable_that_the_operator_sets_is_refused() {
        assert_eq!(
            said(&PIPELINE.replace("RUST_LOG", "POD_NAME"), "{stdout: {}}"),
            ["spec.worker.env[0].name: `POD_NAME` is set by the operator (leave it out)"]
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = PIPELINE
            .replace("name: payments,", "name: pay.ments,")
            .replace("from: made", "from: nothing");
        let pipeline: Pipeline = serde_saphyr::from_str(&text).unwrap();
        let problems = plan_in_cluster(&pipeline, &[], &[]).unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
        assert!(paths.contains(&"metadata.name") && paths.contains(&"spec.outputs[0].from"));
    }
}
