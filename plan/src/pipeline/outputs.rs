//! Outputs: what is written, where to, and by which key.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use tidemill_crds::pipeline as manifest;
use tidemill_crds::sink::{KafkaSink, SinkKind, SinkSpec};
use tidemill_crds::{Pipeline, Sink};

use super::formats;
use super::problem::Problems;
use super::sources::{self, SourceDraft};
use super::streams::Streams;
use super::webhooks;
use crate::model::{ALERTS, Input, Output, OutputOf, empty_schema};
use crate::names;

/// Resolves all outputs.
pub(super) fn resolve(
    pipeline: &Pipeline,
    sinks: &[Sink],
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    problems: &mut Problems,
) -> Vec<Output> {
    let mut outputs = Vec::with_capacity(pipeline.spec.outputs.len());
    for (i, output) in pipeline.spec.outputs.iter().enumerate() {
        let path = format!("spec.outputs[{i}]");
        let to = sink(output, pipeline, sinks, &path, problems);
        let rows = rows(output, pipeline, sources, streams, &path, problems);
        if let (Some(to), Some(rows)) = (to, rows) {
            check_waiting(&rows, &to, streams, &path, problems);
            if let Some(SinkKind::Webhook(webhook)) = to.kind() {
                let of = (pipeline, i, output);
                webhooks::check(of, rows.from, webhook, problems);
            }
            outputs.extend(rows.written(output, to, &path, problems));
        }
    }
    outputs
}

/// When a row that has waited goes on is told by when its table was read: only what is committed together with it is
/// exactly once.
fn check_waiting(
    rows: &Rows,
    to: &SinkSpec,
    streams: &Streams,
    path: &str,
    problems: &mut Problems,
) {
    let waiting = match rows.from {
        OutputOf::Rows(input) => streams.waiting(input),
        OutputOf::DeadLetter | OutputOf::Alerts => {
            let all = 0..streams.drafts.len();
            let mut all = all.map(Input::Stream);
            all.find_map(|stream| streams.waiting(stream))
        }
    };
    if let Some(stream) = waiting
        && !matches!(to.kind(), Some(SinkKind::Kafka(_) | SinkKind::Webhook(_)))
    {
        let stream = crate::sql::stream_of(stream);
        let what = format!("rows that have waited in `{stream}` are written to topics alone");
        let hint = "write them to a topic, and from there on in a pipeline of its own";
        problems.add(format!("{path}.sink"), what, Some(hint.into()));
    }
}

/// What an output writes.
struct Rows {
    from: OutputOf,
    schema: SchemaRef,
    /// The columns that identify a row, where rows replace each other.
    key: Vec<usize>,
    /// Whether the record key must be those columns, for a deletion to be one.
    is_table: bool,
}

fn rows(
    output: &manifest::Output,
    pipeline: &Pipeline,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    path: &str,
    problems: &mut Problems,
) -> Option<Rows> {
    let from = output.from.as_str();
    let plain = |from, schema| Rows {
        from,
        schema,
        key: Vec::new(),
        is_table: false,
    };
    if from == manifest::Output::ALERTS {
        return Some(plain(OutputOf::Alerts, Arc::clone(&ALERTS)));
    }
    if from == manifest::Output::DEAD_LETTER {
        return Some(plain(OutputOf::DeadLetter, empty_schema()));
    }
    if let Some(i) = pipeline.spec.sources.iter().position(|s| s.name == from) {
        let source = sources.get(i)?.as_ref()?;
        return Some(Rows {
            from: OutputOf::Rows(Input::Source(i)),
            schema: source.relation.schema.clone(),
            key: source.relation.key.clone().unwrap_or_default(),
            is_table: source.relation.key.is_some(),
        });
    }
    if let Some((i, stream)) = streams.get(from) {
        return Some(Rows {
            from: OutputOf::Rows(Input::Stream(i)),
            schema: stream.relation.schema.clone(),
            key: stream.key().unwrap_or_default().to_vec(),
            is_table: stream.is_table(),
        });
    }
    // A stream that could not be planned has its own problem.
    if pipeline.spec.streams.iter().all(|s| s.name != from) {
        let streams = pipeline.spec.streams.iter().map(|s| s.name.as_str());
        let sources = pipeline.spec.sources.iter().map(|s| s.name.as_str());
        let known = streams
            .chain(sources)
            .chain([manifest::Output::DEAD_LETTER, manifest::Output::ALERTS]);
        let message = format!("there is no source or stream `{from}`");
        problems.add(format!("{path}.from"), message, names::hint(from, known));
    }
    None
}

fn sink(
    output: &manifest::Output,
    pipeline: &Pipeline,
    sinks: &[Sink],
    path: &str,
    problems: &mut Problems,
) -> Option<SinkSpec> {
    let path = format!("{path}.sink");
    let near = sinks
        .iter()
        .filter(|s| s.metadata.namespace == pipeline.metadata.namespace);
    let known = near.clone().filter_map(|s| s.metadata.name.as_deref());
    let Some(sink) = near
        .clone()
        .find(|s| s.metadata.name.as_ref() == Some(&output.sink))
    else {
        let hint = names::hint(&output.sink, known);
        problems.add(path, format!("there is no Sink `{}`", output.sink), hint);
        return None;
    };
    let elsewhere = "write to a topic of the pipeline's Kafka, or to standard output";
    let (refused, hint) = match sink.spec.kind() {
        Some(SinkKind::Kafka(kafka)) if is_elsewhere(kafka, pipeline) => (
            "is on another Kafka cluster than the pipeline, which is not supported yet",
            "leave kafka.bootstrapServers out of the Sink: the pipeline's are used",
        ),
        Some(SinkKind::Kafka(kafka)) if kafka.auth.is_some() => (
            "has credentials of its own, which are not supported yet",
            "leave kafka.auth out of the Sink: the pipeline's credentials are used",
        ),
        Some(
            SinkKind::Kafka(_)
            | SinkKind::Webhook(_)
            | SinkKind::Sqlite(_)
            | SinkKind::Stdout(_)
            | SinkKind::Postgres(_),
        ) => {
            return Some(sink.spec.clone());
        }
        Some(SinkKind::Iceberg(_)) => {
            ("is an Iceberg table, which is not supported yet", elsewhere)
        }
        None => (
            "is of no kind, or of several",
            "write one of kafka, webhook, postgres, sqlite and stdout in the Sink",
        ),
    };
    problems.add(
        path,
        format!("the Sink `{}` {refused}", output.sink),
        Some(hint.into()),
    );
    None
}

/// Whether a topic is on another cluster, where no transaction of the pipeline reaches.
fn is_elsewhere(kafka: &KafkaSink, pipeline: &Pipeline) -> bool {
    let ours = pipeline.spec.kafka.as_ref().map(|k| &k.bootstrap_servers);
    kafka
        .bootstrap_servers
        .as_ref()
        .is_some_and(|theirs| Some(theirs) != ours)
}

impl Rows {
    fn written(
        self,
        output: &manifest::Output,
        to: SinkSpec,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Output> {
        if self.from == OutputOf::DeadLetter && !output.key.is_empty() {
            let hint = "leave it out";
            let message = "dead letters keep the key that they had";
            problems.add(format!("{path}.key"), message, Some(hint.into()));
            return None;
        }
        let key = if output.key.is_empty() {
            self.key
        } else {
            self.chosen_key(output, path, problems)?
        };
        if self.from != OutputOf::Alerts && !output.severities.is_empty() {
            let message = "alerts alone have a severity";
            let hint = "leave it out, or filter in a stream";
            problems.add(format!("{path}.severities"), message, Some(hint.into()));
            return None;
        }
        let written = formats::written(output, &to, self.from, &self.schema, path, problems)?;
        Some(Output {
            from: self.from,
            sink: output.sink.clone(),
            to,
            written,
            key,
            schema: self.schema,
            severities: output.severities.clone(),
        })
    }

    fn chosen_key(
        &self,
        output: &manifest::Output,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Vec<usize>> {
        let names = output.key.iter().enumerate();
        let columns: Vec<Option<usize>> = names
            .map(|(i, name)| {
                sources::column(name, &self.schema, &format!("{path}.key[{i}]"), problems)
            })
            .collect();
        let columns: Vec<usize> = columns.into_iter().collect::<Option<_>>()?;
        let same = self.key.iter().all(|c| columns.contains(c))
            && columns.iter().all(|c| self.key.contains(c));
        if self.is_table && !same {
            let name = |c: &usize| self.schema.fields().get(*c).map(|f| f.name().as_str());
            let key: Vec<&str> = self.key.iter().filter_map(name).collect();
            let message = format!(
                "the rows of the table `{}` are identified by other columns",
                output.from
            );
            let hint = format!("leave the key out, or write key: [{}]", key.join(", "));
            problems.add(format!("{path}.key"), message, Some(hint));
            return None;
        }
        Some(columns)
    }
}
