//! Measures decoding: nanoseconds a record for three of eight columns, in batches of 4,000 records.
//!
//! `cargo run --release -p tidemill-engine --example decode_bench [rounds]`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use tidemill_engine::decode::{JsonDecoder, Limits};
use tidemill_engine::record::RawRecord;
use tidemill_plan::model::Column;

const RECORDS: usize = 4_000;
const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 300,
    };
    let account = ("account", DataType::Utf8);
    let time = ("timestamp", TIMESTAMP);
    let decimal = ("amount", DataType::Decimal128(12, 2));
    let float = ("amount", DataType::Float64);
    let compact: Vec<_> = (0..RECORDS).map(|i| transaction(i, "")).collect();
    let spaced: Vec<_> = (0..RECORDS).map(|i| transaction(i, " ")).collect();
    let all = [
        "tx_id",
        "account",
        "amount",
        "currency",
        "merchant",
        "category",
        "timestamp",
        "type",
    ];
    let all = all.map(|name| (name, DataType::Utf8));
    let three = [account.clone(), decimal, time.clone()];
    measure("checked only", &[], &compact, rounds)?;
    measure("account, amount, timestamp", &three, &compact, rounds)?;
    measure(
        "the same, amount a Float64",
        &[account, float, time],
        &compact,
        rounds,
    )?;
    measure(
        "the same, with spaces after : and ,",
        &three,
        &spaced,
        rounds,
    )?;
    measure("all eight as String", &all, &compact, rounds)
}

fn transaction(i: usize, space: &str) -> String {
    let fields = [
        format!(
            r#""tx_id":{space}"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}""#,
            i * 2_654_435_761 % (1 << 32),
            i % 65_521,
            i % 4_093,
            i % 4_091,
            i * 7_919
        ),
        format!(r#""account":{space}"ACC{:06}""#, i * 7 % 1_000_000),
        format!(r#""amount":{space}{}.{:02}"#, i * 31 % 500, i % 100),
        format!(r#""currency":{space}"USD""#),
        format!(r#""merchant":{space}"Merchant {:04}""#, i % 5_000),
        format!(r#""category":{space}"groceries""#),
        format!(
            r#""timestamp":{space}"2026-01-01T00:{:02}:{:02}.{:03}Z""#,
            i / 60 % 60,
            i % 60,
            i % 1_000
        ),
        format!(r#""type":{space}"{}""#, ["debit", "credit"][i % 2]),
    ];
    format!("{{{}}}", fields.join(&format!(",{space}")))
}

fn measure(
    name: &str,
    columns: &[(&str, DataType)],
    values: &[String],
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), false);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let columns: Vec<_> = columns.iter().map(|(name, _)| column(name)).collect();
    let mut decoder = JsonDecoder::new(&columns, schema, Limits::default())?;
    let records: Vec<_> = values.iter().map(|value| record(value)).collect();
    let mut rejected = Vec::new();
    let mut best = f64::INFINITY;
    let start = Instant::now();
    for _ in 0..rounds {
        let round = Instant::now();
        black_box(decoder.decode(black_box(&records), &mut rejected)?);
        best = best.min(round.elapsed().as_secs_f64());
    }
    let mean = start.elapsed().as_secs_f64() / rounds as f64;
    if let Some(rejection) = rejected.first() {
        return Err(rejection.message.clone().into());
    }
    let bytes = values.iter().map(String::len).sum::<usize>() / values.len();
    let nanoseconds = |seconds: f64| seconds * 1e9 / values.len() as f64;
    println!(
        "{name}: {:.1} ns a record of {bytes} bytes (best round {:.1})",
        nanoseconds(mean),
        nanoseconds(best)
    );
    Ok(())
}

fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        path: vec![name.to_owned()],
        required: true,
    }
}

fn record(value: &str) -> RawRecord<'_> {
    RawRecord {
        offset: 0,
        timestamp: -1,
        key: None,
        value: Some(value.as_bytes()),
    }
}
