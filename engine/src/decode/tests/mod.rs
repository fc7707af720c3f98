#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout)] // Seeds.

mod changes;
mod differential;
mod lines;
mod numbers;
mod reading;
mod rejecting;
mod rows;
mod times;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tidemill_plan::model::Column;

use super::{Decoded, JsonDecoder, Limits};
use crate::record::{RawRecord, Rejection};

const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
const MONEY: DataType = DataType::Decimal128(12, 2);

/// A column `name` of the field at `path`, not required.
fn column(name: &str, path: &str, data_type: DataType) -> (Column, DataType) {
    let column = Column {
        name: name.to_owned(),
        path: path.split('.').map(str::to_owned).collect(),
        required: false,
    };
    (column, data_type)
}

fn required(name: &str, path: &str, data_type: DataType) -> (Column, DataType) {
    let (column, data_type) = column(name, path, data_type);
    let column = Column {
        required: true,
        ..column
    };
    (column, data_type)
}

fn decoder(columns: &[(Column, DataType)]) -> JsonDecoder {
    decoder_within(columns, Limits::default())
}

fn decoder_within(columns: &[(Column, DataType)], limits: Limits) -> JsonDecoder {
    let field = |(column, data_type): &(Column, DataType)| {
        Field::new(&column.name, data_type.clone(), !column.required)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns: Vec<_> = columns.iter().map(|(column, _)| column.clone()).collect();
    JsonDecoder::new(&columns, Arc::new(schema), limits).unwrap()
}

fn record(value: &[u8]) -> RawRecord<'_> {
    RawRecord {
        offset: 0,
        timestamp: -1,
        key: None,
        value: Some(value),
    }
}

fn decode<T: AsRef<[u8]>>(decoder: &mut JsonDecoder, values: &[T]) -> (Decoded, Vec<Rejection>) {
    let records: Vec<_> = values.iter().map(|value| record(value.as_ref())).collect();
    let mut rejected = Vec::new();
    let decoded = decoder.decode(&records, &mut rejected).unwrap();
    (decoded, rejected)
}

/// What a column of this type makes of the JSON value: an array of one row, or the rejection.
fn read(data_type: DataType, value: &str) -> Result<ArrayRef, Rejection> {
    let mut decoder = decoder(&[column("c", "c", data_type)]);
    let (decoded, mut rejected) = decode(&mut decoder, &[format!("{{\"c\":{value}}}")]);
    match rejected.pop() {
        Some(rejection) => Err(rejection),
        None => {
            assert_eq!(decoded.batch.num_rows(), 1);
            Ok(decoded.batch.column(0).clone())
        }
    }
}

/// The rejection of a JSON value in a column of this type: reason and message.
fn refused(data_type: DataType, value: &str) -> (&'static str, String) {
    let rejection = read(data_type, value).map(|array| format!("{array:?}"));
    let rejection = rejection.expect_err(value);
    assert_eq!(rejection.column.as_deref(), Some("c"));
    (rejection.reason.as_str(), rejection.message)
}

/// Whether it is an array of one null.
fn is_null(array: &ArrayRef) -> bool {
    array.len() == 1 && array.is_null(0)
}

/// Rows as text: values with a bar between them, `-` for null.
pub(super) fn shown(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let row = |row| {
        let values = columns.iter().map(|column| column.value(row).to_string());
        values.collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(row).collect()
}
