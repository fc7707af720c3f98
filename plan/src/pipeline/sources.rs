//! Sources: their columns, check and event time.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion_physical_expr::utils::collect_columns;
use tidemill_crds::ColumnType;
use tidemill_crds::pipeline::{self as manifest, Distribution, GeneratorSource};

use super::deduplication::{self, Deduplication};
use super::formats;
use super::problem::Problems;
use super::streams::StreamDraft;
use crate::generator_columns::generator_columns;
use crate::model::{
    Check, Column, EventTime, Format, Generator, GeneratorKind, Input, Origin, Output, OutputOf,
    Source, StartFrom,
};
use crate::names;
use crate::sql::{Relation, plan_check};

/// A source with all its columns.
#[derive(Debug)]
pub(super) struct SourceDraft {
    pub(super) relation: Relation,
    path: String,
    origin: Origin,
    format: Format,
    columns: Vec<Column>,
    check: Option<String>,
    check_reads: BTreeSet<usize>,
    event_time: Option<EventTime>,
    pub(super) partitioned_by: Vec<usize>,
    pub(super) deduplication: Option<Deduplication>,
    pub(super) distribution: Distribution,
}

/// Reads a source; `None` if it is too wrong for anything to be planned over it.
pub(super) fn draft(
    source: &manifest::Source,
    i: usize,
    problems: &mut Problems,
) -> Option<SourceDraft> {
    let path = format!("spec.sources[{i}]");
    let Some(from) = source.origin() else {
        let hint = "write either kafka or generator";
        problems.add(path, "a source reads one thing", Some(hint.into()));
        return None;
    };
    let (origin, format, typed) = match from {
        manifest::Origin::Kafka(kafka) => {
            let format = formats::read(source, &path, problems);
            let columns = topic_columns(source, &path, problems)?;
            (topic(kafka), format?, columns)
        }
        manifest::Origin::Generator(generator) => {
            let generator = generated(generator);
            let columns = generated_columns(source, generator.kind, &path, problems)?;
            (Origin::Generator(generator), Format::Json, columns)
        }
    };
    let fields = typed
        .iter()
        .map(|(column, t)| Field::new(&column.name, data_type(*t), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let key = primary_key(source, &schema, &path, problems);
    let mut typed = typed;
    for (i, (column, _)) in typed.iter_mut().enumerate() {
        column.required |= key.as_ref().is_some_and(|key| key.contains(&i));
    }
    let event_time = event_time(source, &schema, &path, problems);
    let check_reads = check_reads(source, &schema, &path, problems);
    let mut partitioned_by = partitioned_by(source, &schema, &path, problems);
    let deduplication = deduplication::read(source, &schema, &path, problems);
    if let Some(it) = &deduplication {
        partitioned_by = it.partitioned_by(&partitioned_by);
    }
    Some(SourceDraft {
        relation: Relation {
            name: source.name.clone(),
            schema,
            event_time: event_time.map(|t| t.column),
            window: None,
            times: Vec::new(),
            is_table: key.is_some(),
            key,
        },
        path,
        origin,
        format,
        columns: typed.into_iter().map(|(column, _)| column).collect(),
        check: source.check.clone(),
        check_reads,
        event_time,
        partitioned_by,
        deduplication,
        distribution: source
            .table
            .as_ref()
            .and_then(|t| t.distribution)
            .unwrap_or_default(),
    })
}

fn topic(kafka: &manifest::KafkaSource) -> Origin {
    Origin::Topic {
        topic: kafka.topic.clone(),
        start_from: match kafka.start_from {
            manifest::StartFrom::Earliest => StartFrom::Earliest,
            manifest::StartFrom::Latest => StartFrom::Latest,
            manifest::StartFrom::Timestamp(at) => StartFrom::Timestamp(at.as_millisecond()),
        },
    }
}

fn generated(source: &GeneratorSource) -> Generator {
    Generator {
        kind: match source.kind {
            manifest::GeneratorKind::Transactions => GeneratorKind::Transactions,
            manifest::GeneratorKind::Customers => GeneratorKind::Customers,
            manifest::GeneratorKind::NexmarkPeople => GeneratorKind::NexmarkPeople,
            manifest::GeneratorKind::NexmarkAuctions => GeneratorKind::NexmarkAuctions,
            manifest::GeneratorKind::NexmarkBids => GeneratorKind::NexmarkBids,
        },
        rate: source.rate,
        fraud_ratio: source.fraud_ratio,
        accounts: source.accounts,
        seed: source.seed,
        records: source.records,
        partitions: source.partitions,
    }
}

type Typed = Vec<(Column, ColumnType)>;

fn topic_columns(source: &manifest::Source, path: &str, problems: &mut Problems) -> Option<Typed> {
    if source.columns.is_empty() {
        let hint = "list the columns to read: columns: [{name: …, type: …}]";
        problems.add(
            format!("{path}.columns"),
            "a topic's columns are not known",
            Some(hint.into()),
        );
        return None;
    }
    unique(source, path, problems)?;
    let columns = source.columns.iter().map(|column| {
        let from = column.from.as_deref().unwrap_or(&column.name);
        let path = match &column.from {
            Some(from) => from.split('.').map(str::to_owned).collect(),
            None => vec![from.to_owned()],
        };
        let required = column.required;
        (
            Column {
                name: column.name.clone(),
                path,
                required,
            },
            column.column_type,
        )
    });
    Some(columns.collect())
}

fn unique(source: &manifest::Source, path: &str, problems: &mut Problems) -> Option<()> {
    let mut seen = BTreeSet::new();
    let mut all = Some(());
    for (i, column) in source.columns.iter().enumerate() {
        if !seen.insert(&column.name) {
            let path = format!("{path}.columns[{i}].name");
            problems.add(
                path,
                format!("two columns are named `{}`", column.name),
                Some("give each a name of its own".into()),
            );
            all = None;
        }
    }
    all
}

fn generated_columns(
    source: &manifest::Source,
    kind: GeneratorKind,
    path: &str,
    problems: &mut Problems,
) -> Option<Typed> {
    let known = generator_columns(kind);
    let typed = |name: &str, column_type: ColumnType| {
        let column = Column {
            name: name.to_owned(),
            path: vec![name.to_owned()],
            required: false,
        };
        (column, column_type)
    };
    if source.columns.is_empty() {
        return Some(known.iter().map(|(name, t)| typed(name, *t)).collect());
    }
    unique(source, path, problems)?;
    let mut columns = Some(Vec::with_capacity(source.columns.len()));
    for (i, column) in source.columns.iter().enumerate() {
        let path = format!("{path}.columns[{i}]");
        match known.iter().find(|(name, _)| *name == column.name) {
            Some((_, t)) if *t == column.column_type && column.from.is_none() => {
                if let Some(columns) = &mut columns {
                    columns.push(typed(&column.name, *t));
                }
                continue;
            }
            Some(_) if column.from.is_some() => {
                let hint = "leave it out";
                problems.add(
                    format!("{path}.from"),
                    "a generated column has no field",
                    Some(hint.into()),
                );
            }
            Some((name, t)) => {
                let message = format!("the generated column `{name}` is of type {t}");
                problems.add(format!("{path}.type"), message, Some(format!("write {t}")));
            }
            None => {
                let hint = names::hint(&column.name, known.iter().map(|(name, _)| *name));
                let message = format!("no column `{}` is generated", column.name);
                problems.add(format!("{path}.name"), message, hint);
            }
        }
        columns = None;
    }
    columns
}

/// The Arrow type of a column.
fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::String => DataType::Utf8,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        // A scale is at most 38.
        ColumnType::Decimal { precision, scale } => {
            DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(i8::MAX))
        }
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

fn event_time(
    source: &manifest::Source,
    schema: &Schema,
    path: &str,
    problems: &mut Problems,
) -> Option<EventTime> {
    let time = source.event_time.as_ref()?;
    let path = format!("{path}.eventTime.column");
    let column = column(&time.column, schema, &path, problems)?;
    if schema.field(column).data_type() != &DataType::Timestamp(TimeUnit::Microsecond, None) {
        let message = format!("`{}` is not a Timestamp", time.column);
        problems.add(
            path,
            message,
            Some("give the column `type: Timestamp`".into()),
        );
        return None;
    }
    Some(EventTime {
        column,
        out_of_orderness: time.out_of_orderness.as_micros(),
        idle_timeout: time.idle_timeout.map(|t| t.as_micros()),
    })
}

/// The index of a column by its name.
pub(super) fn column(
    name: &str,
    schema: &Schema,
    path: &str,
    problems: &mut Problems,
) -> Option<usize> {
    let found = schema.fields().iter().position(|f| f.name() == name);
    if found.is_none() {
        let known = schema.fields().iter().map(|f| f.name().as_str());
        problems.add(
            path,
            format!("there is no column `{name}`"),
            names::hint(name, known),
        );
    }
    found
}

fn check_reads(
    source: &manifest::Source,
    schema: &SchemaRef,
    path: &str,
    problems: &mut Problems,
) -> BTreeSet<usize> {
    match source.check.as_deref().map(|text| plan_check(text, schema)) {
        Some(Ok(expr)) => collect_columns(&expr).iter().map(|c| c.index()).collect(),
        Some(Err(errors)) => {
            problems.add_sql(&format!("{path}.check"), errors);
            BTreeSet::new()
        }
        None => BTreeSet::new(),
    }
}

/// The columns that identify a row of a table. A record without them is invalid.
fn primary_key(
    source: &manifest::Source,
    schema: &Schema,
    path: &str,
    problems: &mut Problems,
) -> Option<Vec<usize>> {
    let names = &source.table.as_ref()?.primary_key;
    let from = source.kafka.as_ref().map(|kafka| kafka.start_from);
    if from.is_some_and(|from| from != manifest::StartFrom::Earliest) {
        problems.add(
            format!("{path}.kafka.startFrom"),
            "a table is all that its topic holds",
            Some("leave it out: a table is read from the first record".into()),
        );
    }
    let mut key = Vec::with_capacity(names.len());
    let mut right = true;
    for (i, name) in names.iter().enumerate() {
        let path = format!("{path}.table.primaryKey[{i}]");
        let Some(column) = column(name, schema, &path, problems) else {
            right = false;
            continue;
        };
        if key.contains(&column) {
            let hint = Some("name each column once".into());
            problems.add(path, format!("`{name}` is named already"), hint);
        } else {
            key.push(column);
        }
    }
    right.then_some(key)
}

fn partitioned_by(
    source: &manifest::Source,
    schema: &Schema,
    path: &str,
    problems: &mut Problems,
) -> Vec<usize> {
    let columns = source.partitioned_by.iter().enumerate();
    columns
        .filter_map(|(i, name)| {
            column(
                name,
                schema,
                &format!("{path}.partitionedBy[{i}]"),
                problems,
            )
        })
        .collect()
}

/// For each source, the columns that are read: those that are required or checked, that streams and outputs need, and
/// the event time where a window needs it.
pub(super) fn columns_read(
    sources: &[SourceDraft],
    streams: &[StreamDraft],
    outputs: &[Output],
) -> Vec<Vec<usize>> {
    let read = sources.iter().enumerate().map(|(i, source)| {
        let mut read = source.check_reads.clone();
        let columns = source.columns.iter().enumerate();
        read.extend(columns.filter(|(_, c)| c.required).map(|(c, _)| c));
        let timed = is_timed(source, i, streams);
        read.extend(source.event_time.filter(|_| timed).map(|t| t.column));
        for stream in streams
            .iter()
            .filter(|s| s.inputs.contains(&Input::Source(i)))
        {
            read.extend(stream.query.needs());
        }
        let tables = streams.iter().flat_map(|s| s.query.tables());
        let joined = tables.filter(|(name, _)| *name == source.relation.name);
        read.extend(joined.flat_map(|(_, columns)| columns));
        let written = outputs
            .iter()
            .any(|o| o.from == OutputOf::Rows(Input::Source(i)));
        let alerts = outputs.iter().any(|o| o.from == OutputOf::Alerts);
        // What is kept of rows that are deduplicated must not change with what reads them. Alerts show whole rows, and a
        // rule that comes while the pipeline runs may ask of any column.
        if written || source.deduplication.is_some() || alerts {
            read.extend(0..source.columns.len());
        }
        read.into_iter().collect()
    });
    read.collect()
}

/// Whether anything needs the event time of a source.
pub(super) fn is_timed(source: &SourceDraft, i: usize, streams: &[StreamDraft]) -> bool {
    source.deduplication.is_some() || streams.iter().any(|s| s.needs_time_of(i))
}

impl SourceDraft {
    /// The source with only these columns.
    pub(super) fn narrowed(
        &self,
        read: &[usize],
        timed: bool,
        problems: &mut Problems,
    ) -> Option<Source> {
        let fields: Vec<_> = read
            .iter()
            .filter_map(|&i| self.relation.schema.fields().get(i).cloned())
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let check = match self
            .check
            .as_deref()
            .map(|text| (text, plan_check(text, &schema)))
        {
            Some((text, Ok(expr))) => Some(Check {
                text: text.to_owned(),
                expr,
            }),
            Some((_, Err(errors))) => {
                problems.add_sql(&format!("{}.check", self.path), errors);
                return None;
            }
            None => None,
        };
        let event_time = self.event_time.filter(|_| timed).and_then(|t| {
            let column = read.iter().position(|&i| i == t.column)?;
            Some(EventTime { column, ..t })
        });
        let name = |i: &usize| self.columns.get(*i).map(|c| c.name.clone());
        Some(Source {
            name: self.relation.name.clone(),
            origin: self.origin.clone(),
            format: formats::narrowed(&self.format, read),
            columns: read.iter().filter_map(|&i| self.column(i, timed)).collect(),
            schema,
            check,
            event_time,
            partitioned_by: self.partitioned_by.iter().filter_map(name).collect(),
            key: self.relation.key.as_ref().map(|key| {
                let place = |column: &usize| read.iter().position(|i| i == column);
                key.iter().filter_map(place).collect()
            }),
            distribution: self.distribution,
        })
    }
    /// A record without its time belongs to no window and moves no watermark: where there are windows it is invalid.
    fn column(&self, i: usize, timed: bool) -> Option<Column> {
        let column = self.columns.get(i)?;
        let is_time = self.event_time.is_some_and(|t| t.column == i);
        Some(Column {
            required: column.required || (timed && is_time),
            ..column.clone()
        })
    }
}
