//! Manifests to a [`Plan`], or everything that is wrong with them.

mod deduplication;
mod formats;
mod in_cluster;
mod outputs;
mod problem;
mod raise;
mod rules;
mod sources;
mod streams;
mod unsupported;
mod webhooks;

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;

use tidemill_crds::pipeline::OnIncompatibleChange;
use tidemill_crds::{AlertRule, Duration, Pipeline, Sink};

pub use in_cluster::plan_in_cluster;
pub use problem::{PlanProblem, Position};

use crate::model::{Editions, Misfit, Plan};
use crate::resets;
use crate::sql::is_of_rules;
use problem::Problems;
use rules::Judging;
use sources::SourceDraft;
use streams::Streams;

/// A version of an alert rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// As its manifest has it.
    pub rule: AlertRule,
    /// The editions of the pipeline's rules that have it.
    pub editions: Editions,
}

impl Version {
    /// The only one of a rule.
    fn only(rule: &AlertRule) -> Self {
        Self {
            rule: rule.clone(),
            editions: Editions::ALL,
        }
    }
}

/// Plans a pipeline with the sinks that it may name and the alert rules that may name it.
///
/// # Errors
/// Everything that is wrong with the manifests, each with the field that it is about.
pub fn plan(
    pipeline: &Pipeline,
    sinks: &[Sink],
    rules: &[AlertRule],
) -> Result<Plan, Vec<PlanProblem>> {
    let rules: Vec<Version> = rules.iter().map(Version::only).collect();
    plan_editions(pipeline, sinks, &rules)
}

/// The same with former versions of the rules, which judge the rows of their editions as far as these are kept together as the
/// present ones want it.
///
/// # Errors
/// Everything that is wrong with the manifests and the present versions.
pub fn plan_editions(
    pipeline: &Pipeline,
    sinks: &[Sink],
    rules: &[Version],
) -> Result<Plan, Vec<PlanProblem>> {
    crate::sql::with_room(|| checked(pipeline, sinks, rules))
}

fn checked(
    pipeline: &Pipeline,
    sinks: &[Sink],
    rules: &[Version],
) -> Result<Plan, Vec<PlanProblem>> {
    let mut problems = Problems::default();
    unsupported::check(pipeline, &mut problems);
    check_names(pipeline, &mut problems);
    check_topics(pipeline, &mut problems);
    check_durations(pipeline, &mut problems);
    let sources: Vec<Option<SourceDraft>> = pipeline
        .spec
        .sources
        .iter()
        .enumerate()
        .map(|(i, source)| sources::draft(source, i, &mut problems))
        .collect();
    let mut streams = streams::draft(&pipeline.spec, &sources, &mut problems);
    let outputs = outputs::resolve(pipeline, sinks, &sources, &streams, &mut problems);
    let judging = rules::plan(pipeline, rules, &sources, &mut streams, &mut problems);
    problems.into_result()?;

    let sources: Vec<SourceDraft> = sources.into_iter().flatten().collect();
    let columns = sources::columns_read(&sources, &streams.drafts, &outputs);
    build(pipeline, &sources, streams, outputs, judging, &columns)
}

/// Puts the parts together, with each source's columns narrowed to those that are read.
fn build(
    pipeline: &Pipeline,
    sources: &[SourceDraft],
    streams: Streams,
    outputs: Vec<crate::model::Output>,
    judging: Judging,
    columns: &[Vec<usize>],
) -> Result<Plan, Vec<PlanProblem>> {
    let mut problems = Problems::default();
    let mut plan = Plan {
        name: full_name(pipeline),
        sources: Vec::with_capacity(sources.len()),
        streams: Vec::with_capacity(streams.drafts.len()),
        outputs,
        rules: judging.rules,
        comparisons: judging.comparisons,
        made: streams.made,
    };
    for (i, (draft, columns)) in sources.iter().zip(columns).enumerate() {
        let timed = sources::is_timed(draft, i, &streams.drafts);
        plan.sources
            .extend(draft.narrowed(columns, timed, &mut problems));
    }
    for draft in &streams.drafts {
        plan.streams
            .extend(draft.bound(&plan, columns, &mut problems));
    }
    deduplication::insert(&mut plan, sources);
    raise::tell(&mut plan);
    set_resets(pipeline, &mut plan, &mut problems);
    problems.into_result()?;
    Ok(plan)
}

/// Which stored state is the streams' own.
fn set_resets(pipeline: &Pipeline, plan: &mut Plan, problems: &mut Problems) {
    let epochs = resets::read(pipeline).unwrap_or_else(|message| {
        let hint = "write STREAM=NUMBER, separated by commas";
        problems.add("metadata.annotations", message, Some(hint.into()));
        resets::Epochs::new()
    });
    for stream in &mut plan.streams {
        let epoch = epochs.get(crate::sql::stream_of(&stream.name));
        stream.epoch = epoch.copied().unwrap_or_default();
        stream.misfit = match pipeline.spec.on_incompatible_change {
            _ if is_of_rules(&stream.name) => Misfit::Drop,
            OnIncompatibleChange::Block => Misfit::Refuse,
            OnIncompatibleChange::Reset => Misfit::Drop,
        };
    }
}

/// `namespace.name`, or the name alone.
fn full_name(pipeline: &Pipeline) -> String {
    let name = pipeline.metadata.name.as_deref().unwrap_or_default();
    match pipeline.metadata.namespace.as_deref() {
        Some(namespace) => format!("{namespace}.{name}"),
        None => name.to_owned(),
    }
}

/// A topic is read once: its offsets are committed for the pipeline, not for each source.
fn check_topics(pipeline: &Pipeline, problems: &mut Problems) {
    let mut seen = std::collections::BTreeMap::new();
    for (i, source) in pipeline.spec.sources.iter().enumerate() {
        let Some(kafka) = &source.kafka else { continue };
        if let Some(first) = seen.insert(kafka.topic.as_str(), &source.name) {
            let message = format!(
                "the source `{first}` reads the topic `{}` already",
                kafka.topic
            );
            let hint =
                format!("put the columns of both into `{first}`, and let all streams read that");
            problems.add(
                format!("spec.sources[{i}].kafka.topic"),
                message,
                Some(hint),
            );
        }
    }
}

/// Durations that must be longer than nothing.
fn check_durations(pipeline: &Pipeline, problems: &mut Problems) {
    let spec = &pipeline.spec;
    let mut refuse = |duration: Option<Duration>, path: String, hint: &str| {
        if duration.is_some_and(Duration::is_zero) {
            problems.add(path, "0s is no time", Some(hint.to_owned()));
        }
    };
    refuse(
        Some(spec.commit_interval),
        "spec.commitInterval".to_owned(),
        "write how often results are committed, such as 200ms",
    );
    refuse(
        spec.autoscale.as_ref().map(|it| it.target_lag),
        "spec.autoscale.targetLag".to_owned(),
        "write how far behind workers may be, such as 10s",
    );
    for (i, source) in spec.sources.iter().enumerate() {
        refuse(
            source.deduplicate.as_ref().map(|it| it.within),
            format!("spec.sources[{i}].deduplicate.within"),
            "write how far apart in time duplicates may be, such as 10m",
        );
        refuse(
            source.event_time.as_ref().and_then(|it| it.idle_timeout),
            format!("spec.sources[{i}].eventTime.idleTimeout"),
            "write after how long a partition without records is idle, such as 30s",
        );
    }
}

/// Sources and streams share their names, as both stand in FROM.
fn check_names(pipeline: &Pipeline, problems: &mut Problems) {
    let sources = pipeline.spec.sources.iter().map(|s| s.name.as_str());
    let sources = sources
        .enumerate()
        .map(|(i, name)| (format!("spec.sources[{i}].name"), name));
    let streams = pipeline.spec.streams.iter().map(|s| s.name.as_str());
    let streams = streams
        .enumerate()
        .map(|(i, name)| (format!("spec.streams[{i}].name"), name));
    let mut seen = std::collections::BTreeMap::new();
    for (path, name) in sources.chain(streams) {
        if let Some(first) = seen.get(name) {
            let message = format!("`{name}` is the name of {first} already");
            problems.add(path, message, Some("choose another name".into()));
        } else {
            seen.insert(name, path.trim_end_matches(".name").to_owned());
        }
    }
}
