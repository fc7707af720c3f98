//! How topics are read and written: what the formats ask of columns, and of each other.

use arrow::datatypes::{DataType, Schema, TimeUnit};
use tidemill_crds::ColumnType;
use tidemill_crds::SinkSpec;
use tidemill_crds::pipeline::{self as manifest, DebeziumPayload, SourceFormat, SourceFormatType};
use tidemill_crds::sink::{SchemaRegistry, SinkFormat, SinkFormatType, SinkKind};

use super::problem::Problems;
use crate::model::{Csv, Format, OutputOf, Registry, Schemas, Written};

/// The format of a topic that is read, over all its columns.
pub(super) fn read(
    source: &manifest::Source,
    path: &str,
    problems: &mut Problems,
) -> Option<Format> {
    let json = SourceFormat::default();
    let format = source.format.as_ref().unwrap_or(&json);
    match format.format {
        SourceFormatType::Json => Some(Format::Json),
        SourceFormatType::Csv => {
            without_from(source, path, problems);
            let quote = match format.quote.as_deref() {
                Some("") => None,
                quote => Some(character(quote, b'"')),
            };
            Some(Format::Csv {
                dialect: csv(
                    format.delimiter.as_deref(),
                    quote,
                    format.null_text.as_ref(),
                    &format!("{path}.format"),
                    problems,
                )?,
                fields: (0..source.columns.len()).collect(),
            })
        }
        SourceFormatType::Raw => {
            without_from(source, path, problems);
            let is_text = |c: &manifest::SourceColumn| c.column_type == ColumnType::String;
            if !matches!(source.columns.as_slice(), [column] if is_text(column)) {
                let message = "a raw record is one column of type String";
                let hint = "write such as columns: [{name: line, type: String}]";
                problems.add(format!("{path}.columns"), message, Some(hint.into()));
                return None;
            }
            Some(Format::Raw)
        }
        SourceFormatType::Avro => Some(Format::Avro {
            schemas: avro(format, path, problems)?,
            changes: false,
        }),
        SourceFormatType::Debezium => match format.payload.unwrap_or_default() {
            DebeziumPayload::Json => Some(Format::Debezium),
            DebeziumPayload::Avro => Some(Format::Avro {
                schemas: avro(format, path, problems)?,
                changes: true,
            }),
        },
        SourceFormatType::Protobuf => Some(Format::Protobuf {
            schemas: schemas(format, path, problems)?,
            message: format.message.clone(),
        }),
    }
}

/// Where the schemas of Avro records are known.
fn avro(format: &SourceFormat, path: &str, problems: &mut Problems) -> Option<Schemas> {
    let schemas = schemas(format, path, problems)?;
    if let Some(text) = schemas.text()
        && let Err(error) = serde_json::from_str::<serde_json::Value>(text)
    {
        let message = format!("an Avro schema is JSON: {error}");
        problems.add(format!("{path}.format.schema"), message, None);
        return None;
    }
    Some(schemas)
}

fn schemas(format: &SourceFormat, path: &str, problems: &mut Problems) -> Option<Schemas> {
    match (&format.schema_registry, &format.schema) {
        (Some(its), None) => Some(Schemas::Registry(registry(its, format.subject.clone()))),
        (None, Some(text)) => Some(Schemas::Text(text.clone())),
        _ => {
            let message = "such records cannot be read without their schema";
            let hint = "write one of schemaRegistry and schema";
            problems.add(format!("{path}.format"), message, Some(hint.into()));
            None
        }
    }
}

fn registry(its: &SchemaRegistry, subject: Option<String>) -> Registry {
    Registry {
        url: its.url.trim_end_matches('/').to_owned(),
        secret: its.auth.as_ref().map(|auth| auth.secret_ref.name.clone()),
        subject,
    }
}

/// The format where only these columns are read.
pub(super) fn narrowed(format: &Format, read: &[usize]) -> Format {
    let mut format = format.clone();
    if let Format::Csv { fields, .. } = &mut format {
        *fields = read.to_vec();
    }
    format
}

/// The records of some formats have no names for their fields.
fn without_from(source: &manifest::Source, path: &str, problems: &mut Problems) {
    for (i, column) in source.columns.iter().enumerate() {
        if column.from.is_some() {
            let message = "the fields of such records have no names: they are taken in the order of the columns";
            problems.add(
                format!("{path}.columns[{i}].from"),
                message,
                Some("leave it out".into()),
            );
        }
    }
}

fn csv(
    delimiter: Option<&str>,
    quote: Option<u8>,
    null: Option<&String>,
    path: &str,
    problems: &mut Problems,
) -> Option<Csv> {
    let delimiter = character(delimiter, b',');
    if quote == Some(delimiter) {
        let hint = "choose another character";
        let message = "the delimiter is the quote, too";
        problems.add(format!("{path}.delimiter"), message, Some(hint.into()));
        return None;
    }
    Some(Csv {
        delimiter,
        quote,
        null: null.cloned().unwrap_or_default(),
    })
}

/// The one character of a field that has been checked, or what it is by default.
fn character(text: Option<&str>, otherwise: u8) -> u8 {
    text.and_then(|text| text.as_bytes().first().copied())
        .unwrap_or(otherwise)
}

/// How an output's rows are written to their sink.
pub(super) fn written(
    output: &manifest::Output,
    to: &SinkSpec,
    from: OutputOf,
    schema: &Schema,
    path: &str,
    problems: &mut Problems,
) -> Option<Written> {
    let json = SinkFormat::default();
    let format = match to.kind() {
        Some(SinkKind::Kafka(kafka)) => kafka.format.as_ref().unwrap_or(&json),
        _ => &json,
    };
    let path = format!("{path}.sink");
    let mut refuse = |message: String, hint: &str| {
        let message = format!("the Sink `{}` {message}", output.sink);
        problems.add(path.as_str(), message, Some(hint.to_owned()));
        None
    };
    let timestamps = format.timestamps;
    if from == OutputOf::DeadLetter && format.format != SinkFormatType::Json {
        let message = "has a kafka.format, and dead letters are written as they came".to_owned();
        return refuse(message, "leave kafka.format out of the Sink");
    }
    match format.format {
        SinkFormatType::Json => Some(Written::Json { timestamps }),
        SinkFormatType::Csv => Some(Written::Csv {
            dialect: csv(
                format.delimiter.as_deref(),
                Some(character(format.quote.as_deref(), b'"')),
                format.null_text.as_ref(),
                &format!("Sink {}: spec.kafka.format", output.sink),
                problems,
            )?,
            timestamps,
        }),
        SinkFormatType::Raw => match schema.fields().len() {
            1 => Some(Written::Raw { timestamps }),
            columns => refuse(
                format!(
                    "writes one column as it is, and `{}` has {columns}",
                    output.from
                ),
                "write one column to it, or give it another kafka.format",
            ),
        },
        SinkFormatType::Avro | SinkFormatType::Protobuf => {
            let (Some(SinkKind::Kafka(kafka)), Some(its)) = (to.kind(), &format.schema_registry)
            else {
                let message = "has a kafka.format whose records nobody could read";
                return refuse(message.to_owned(), "add schemaRegistry to it");
            };
            if let Some((message, hint)) = unfit(schema) {
                return refuse(message, hint);
            }
            let subject = format.subject.clone();
            let subject = subject.unwrap_or_else(|| format!("{}-value", kafka.topic));
            let registry = registry(its, Some(subject));
            let name = output.from.clone();
            Some(match format.format {
                SinkFormatType::Protobuf => Written::Protobuf { registry, name },
                _ => Written::Avro { registry, name },
            })
        }
    }
}

/// What of columns cannot be in a record with a schema, and what to do about it.
fn unfit(schema: &Schema) -> Option<(String, &'static str)> {
    schema.fields().iter().find_map(|field| {
        let name = field.name();
        if !is_field_name(name) {
            let message =
                format!("has records with a schema, in which no field can be named `{name}`");
            return Some((message, "name the column with AS, in letters, digits and _"));
        }
        let is_known = match field.data_type() {
            DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Float32
            | DataType::Float64
            | DataType::Utf8
            | DataType::Date32 => true,
            DataType::Decimal128(_, scale) => *scale >= 0,
            DataType::Timestamp(unit, _) => *unit != TimeUnit::Second,
            _ => false,
        };
        (!is_known).then(|| {
            let message = format!(
                "has records with a schema, which has no type for `{name}` ({})",
                field.data_type()
            );
            (
                message,
                "cast the column to another type, such as CAST(… AS VARCHAR)",
            )
        })
    })
}

fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
#[path = "formats_tests.rs"]
mod tests;
