#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};

use super::*;

const MINUTE: Micros = 60_000_000;
const HOUR: Micros = 60 * MINUTE;
const NEW_YEAR: Micros = 1_704_067_200_000_000;
const SYNTHETIC: TimeSource = TimeSource::Synthetic {
    start: NEW_YEAR,
    step: 50_000,
};

const KINDS: [GeneratorKind; 5] = [
    GeneratorKind::Transactions,
    GeneratorKind::Customers,
    GeneratorKind::NexmarkPeople,
    GeneratorKind::NexmarkAuctions,
    GeneratorKind::NexmarkBids,
];

fn spec(kind: GeneratorKind) -> model::Generator {
    model::Generator {
        kind,
        rate: 0,
        fraud_ratio: 0.02,
        accounts: 1_000,
        seed: 42,
        records: None,
        partitions: 1,
    }
}

fn generator(spec: &model::Generator, partition: u32) -> Generator {
    Generator::new(spec, schema(spec.kind), partition).unwrap()
}

fn transactions() -> Generator {
    generator(&spec(GeneratorKind::Transactions), 0)
}

/// A transaction as it reads in the batch.
struct Read {
    account: i64,
    cents: i128,
    kind: String,
    ts: Micros,
    fraud: Option<String>,
}

fn read(batch: &RecordBatch) -> Vec<Read> {
    let column = |name| batch.column_by_name(name).unwrap();
    let (kinds, frauds) = (
        column("type").as_string::<i32>(),
        column("fraud_kind").as_string::<i32>(),
    );
    let flags = column("is_fraud").as_boolean();
    let row = |i: usize| {
        assert_eq!(
            flags.value(i),
            frauds.is_valid(i),
            "row {i} has a kind if and only if it is fraud"
        );
        Read {
            account: column("account").as_primitive::<Int64Type>().value(i),
            cents: column("amount").as_primitive::<Decimal128Type>().value(i),
            kind: kinds.value(i).to_owned(),
            ts: column("ts")
                .as_primitive::<TimestampMicrosecondType>()
                .value(i),
            fraud: frauds.is_valid(i).then(|| frauds.value(i).to_owned()),
        }
    };
    (0..batch.num_rows()).map(row).collect()
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let hash = |kind| {
        let mut lines = Vec::new();
        assert_eq!(
            generator(&spec(kind), 0)
                .json_lines(0, 1000, SYNTHETIC, &mut lines)
                .unwrap(),
            1000
        );
        assert_eq!(lines.iter().filter(|&&byte| byte == b'\n').count(), 1000);
        fnv(&lines)
    };
    let hashes = [GeneratorKind::Transactions, GeneratorKind::Customers].map(hash);
    assert_eq!(
        hashes,
        [12_448_621_067_484_365_213, 17_772_883_065_515_658_317]
    );
}

#[test]
fn what_records_look_like() {
    let first = |kind| {
        let mut line = Vec::new();
        generator(&spec(kind), 0)
            .json_lines(0, 1, SYNTHETIC, &mut line)
            .unwrap();
        String::from_utf8(line).unwrap()
    };
    assert_eq!(
        first(GeneratorKind::Transactions),
        "{\"tx_id\":\"b29ed950-786f-4ae3-aa82-9aa58cbb5be2\",\"customer_id\":\"C000223\",\"account\":1223,\"amount\":11.21,\
         \"currency\":\"EUR\",\"category\":\"entertainment\",\"merchant\":\"Grand Cinema\",\"type\":\"payment\",\
         \"ts\":\"2023-12-31T23:59:59.994396Z\",\"is_fraud\":false,\"fraud_kind\":null}\n"
    );
    assert_eq!(
        first(GeneratorKind::Customers),
        "{\"customer_id\":\"C000000\",\"account\":1000,\"name\":\"Dana Larkspur\",\"email\":\"dana.larkspur.0@example.com\",\
         \"birthdate\":\"1999-11-13\",\"country\":\"ES\",\"ts\":\"2023-12-31T23:59:59.994396Z\"}\n"
    );
}

#[test]
fn another_seed_gives_other_records() {
    let other = model::Generator {
        seed: 43,
        ..spec(GeneratorKind::Transactions)
    };
    let (a, b) = (
        transactions().batch(0, 100, SYNTHETIC).unwrap(),
        generator(&other, 0).batch(0, 100, SYNTHETIC).unwrap(),
    );
    for column in ["tx_id", "customer_id", "amount", "ts"] {
        assert_ne!(
            a.column_by_name(column),
            b.column_by_name(column),
            "{column}"
        );
    }
}

#[test]
fn batches_do_not_matter() {
    for kind in KINDS {
        let generator = generator(&spec(kind), 0);
        let whole = generator.batch(0, 1_000, SYNTHETIC).unwrap();
        let parts = [(0, 1), (1, 6), (7, 0), (7, 500), (507, 493)];
        let parts = parts.map(|(from, count)| generator.batch(from, count, SYNTHETIC).unwrap());
        assert_eq!(concat_batches(&whole.schema(), &parts).unwrap(), whole);
    }
}

#[test]
fn partitions_together_are_the_whole() {
    for kind in KINDS {
        let one = model::Generator {
            records: Some(1_000),
            ..spec(kind)
        };
        let three = model::Generator {
            partitions: 3,
            ..one.clone()
        };
        let whole = generator(&one, 0).batch(0, usize::MAX, SYNTHETIC).unwrap();
        let parts: Vec<_> = (0..3)
            .map(|p| {
                generator(&three, p)
                    .batch(0, usize::MAX, SYNTHETIC)
                    .unwrap()
            })
            .collect();
        assert_eq!(
            parts.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
            [334, 333, 333]
        );
        for (p, part) in parts.iter().enumerate() {
            let indices = arrow::array::UInt64Array::from_iter_values(
                (0..part.num_rows() as u64).map(|i| i * 3 + p as u64),
            );
            assert_eq!(
                &take_record_batch(&whole, &indices).unwrap(),
                part,
                "partition {p}"
            );
        }
    }
}

#[test]
fn a_partition_ends_where_its_records_do() {
    let spec = model::Generator {
        records: Some(10),
        partitions: 4,
        ..spec(GeneratorKind::Transactions)
    };
    let records = |p| generator(&spec, p).records().unwrap();
    assert_eq!([0, 1, 2, 3].map(records), [3, 3, 2, 2]);
    assert_eq!(
        generator(&spec, 2)
            .batch(1, 100, SYNTHETIC)
            .unwrap()
            .num_rows(),
        1
    );
    assert_eq!(
        generator(&spec, 2)
            .batch(7, 100, SYNTHETIC)
            .unwrap()
            .num_rows(),
        0
    );
    let fewer = model::Generator {
        records: Some(2),
        ..spec
    };
    assert_eq!(generator(&fewer, 3).records(), Some(0));
    assert_eq!(transactions().records(), None);
    assert_eq!(
        transactions()
            .batch(u64::MAX, 100, SYNTHETIC)
            .unwrap()
            .num_rows(),
        0
    );
}

#[test]
fn only_the_columns_asked_for() {
    let spec = spec(GeneratorKind::Transactions);
    let whole = generator(&spec, 0).batch(5, 10, SYNTHETIC).unwrap();
    let columns = ["ts", "fraud_kind", "account"]
        .map(|name| whole.schema().field_with_name(name).unwrap().clone());
    let some = Generator::new(&spec, Arc::new(Schema::new(columns.to_vec())), 0)
        .unwrap()
        .batch(5, 10, SYNTHETIC)
        .unwrap();
    assert_eq!(some.num_columns(), 3);
    for column in columns {
        assert_eq!(
            some.column_by_name(column.name()),
            whole.column_by_name(column.name())
        );
    }
    let none = Generator::new(&spec, Arc::new(Schema::empty()), 0).unwrap();
    assert_eq!(none.batch(0, 7, SYNTHETIC).unwrap().num_rows(), 7);
}

#[test]
fn a_wrong_column_or_partition_is_refused_by_name() {
    let spec = spec(GeneratorKind::Customers);
    let error = |name: &str, data_type, kind| {
        let schema = Schema::new(vec![Field::new(name, data_type, false)]);
        Generator::new(
            &model::Generator {
                kind,
                ..spec.clone()
            },
            Arc::new(schema),
            0,
        )
        .unwrap_err()
        .to_string()
    };
    let unknown = error("amount", DataType::Utf8, GeneratorKind::Customers);
    assert!(
        unknown.contains("customers have no column \"amount\"") && unknown.contains("birthdate"),
        "{unknown}"
    );
    let other = error("account", DataType::Utf8, GeneratorKind::Customers);
    assert_eq!(
        other,
        "generated column \"account\" is of type Int64, not Utf8"
    );
    let null = error("fraud_kind", DataType::Utf8, GeneratorKind::Transactions);
    assert!(
        null.contains("\"fraud_kind\" is null in some records"),
        "{null}"
    );
    let partition = Generator::new(&spec, schema(spec.kind), 1)
        .unwrap_err()
        .to_string();
    assert_eq!(
        partition,
        "there is no partition 1: the records are spread over 1"
    );
}

#[test]
fn the_share_of_fraud_is_as_asked() {
    let share = |ratio, records, time| {
        let spec = model::Generator {
            fraud_ratio: ratio,
            ..spec(GeneratorKind::Transactions)
        };
        let flag = Arc::new(schema(spec.kind).project(&[9]).unwrap());
        let batch = Generator::new(&spec, flag, 0)
            .unwrap()
            .batch(0, records, time)
            .unwrap();
        batch
            .column_by_name("is_fraud")
            .unwrap()
            .as_boolean()
            .true_count() as f64
            / records as f64
    };
    let usual = share(0.02, 200_000, SYNTHETIC);
    assert!((0.019..0.021).contains(&usual), "{usual}");
    for time in [
        SYNTHETIC,
        TimeSource::At(NEW_YEAR),
        TimeSource::Synthetic {
            start: 0,
            step: MINUTE,
        },
    ] {
        let some = share(0.3, 20_000, time);
        assert!((0.285..0.315).contains(&some), "{some} {time:?}");
        assert_eq!(
            (share(0.0, 2_000, time), share(1.0, 2_000, time)),
            (0.0, 1.0),
            "{time:?}"
        );
    }
}

#[test]
fn labels_are_true() {
    let spec = model::Generator {
        fraud_ratio: 0.1,
        ..spec(GeneratorKind::Transactions)
    };
    let slow = TimeSource::Synthetic {
        start: NEW_YEAR,
        step: 1_000_000,
    };
    let rows = read(&generator(&spec, 0).batch(0, 20_000, slow).unwrap());
    let labelled = |kind: &'static str| {
        rows.iter()
            .enumerate()
            .filter(move |(_, row)| row.fraud.as_deref() == Some(kind))
    };
    for kind in ["LargeAmount", "RapidActivity", "NightTime"] {
        assert!(
            labelled(kind).count() > 100,
            "{kind}: {}",
            labelled(kind).count()
        );
    }
    assert!(labelled("LargeAmount").all(|(_, row)| row.cents > 1_000_000));
    let at_night = |row: &Read| (HOUR..5 * HOUR).contains(&row.ts.rem_euclid(24 * HOUR));
    assert!(
        labelled("NightTime")
            .all(|(_, row)| at_night(row) && row.kind == "withdrawal" && row.cents >= 100_000)
    );
    for (i, row) in labelled("RapidActivity") {
        let same = |other: &&Read| {
            other.account == row.account
                && other.fraud == row.fraud
                && (other.ts - row.ts).abs() < MINUTE
        };
        let burst = rows[i.saturating_sub(8)..rows.len().min(i + 9)]
            .iter()
            .filter(same)
            .count();
        assert!(burst >= 5, "row {i} is one of {burst}");
    }
    let honest = rows.iter().filter(|row| row.fraud.is_none());
    assert!(
        honest
            .clone()
            .all(|row| row.cents > 0 && row.cents <= 1_000_000)
    );
    assert!(
        honest
            .filter(|row| row.kind == "withdrawal")
            .all(|row| row.cents < 100_000)
    );
}

#[test]
fn records_far_apart_are_no_burst() {
    let spec = model::Generator {
        fraud_ratio: 1.0,
        ..spec(GeneratorKind::Transactions)
    };
    let step = |step| {
        read(
            &generator(&spec, 0)
                .batch(0, 800, TimeSource::Synthetic { start: 0, step })
                .unwrap(),
        )
    };
    let bursts = |rows: Vec<Read>| {
        rows.iter()
            .filter(|row| row.fraud.as_deref() == Some("RapidActivity"))
            .count()
    };
    assert!(bursts(step(7_250_000)) > 0);
    assert_eq!(bursts(step(7_250_001)), 0);
}

#[test]
fn a_burst_is_whole_or_not_at_all() {
    let spec = model::Generator {
        fraud_ratio: 1.0,
        records: Some(804),
        ..spec(GeneratorKind::Transactions)
    };
    let rows = read(&generator(&spec, 0).batch(0, 1_000, SYNTHETIC).unwrap());
    assert_eq!(rows.len(), 804);
    assert!(
        rows[800..]
            .iter()
            .all(|row| row.fraud.as_deref() != Some("RapidActivity"))
    );
}

#[test]
fn every_transaction_is_a_customers() {
    let customers = generator(&spec(GeneratorKind::Customers), 0)
        .batch(0, 1_000, SYNTHETIC)
        .unwrap();
    let person = |batch: &RecordBatch, i: usize| {
        let id = batch
            .column_by_name("customer_id")
            .unwrap()
            .as_string::<i32>()
            .value(i)
            .to_owned();
        (
            id,
            batch
                .column_by_name("account")
                .unwrap()
                .as_primitive::<Int64Type>()
                .value(i),
        )
    };
    let known: HashMap<_, _> = (0..1_000).map(|i| person(&customers, i)).collect();
    assert_eq!(known.len(), 1_000);
    let transactions = transactions().batch(0, 20_000, SYNTHETIC).unwrap();
    for i in 0..20_000 {
        let (id, account) = person(&transactions, i);
        assert_eq!(known.get(&id), Some(&account), "{id}");
    }
}

#[test]
fn customers_come_round_again_as_they_were() {
    let generator = generator(&spec(GeneratorKind::Customers), 0);
    let (first, again) = (
        generator.batch(3, 1, SYNTHETIC).unwrap(),
        generator.batch(1_003, 1, SYNTHETIC).unwrap(),
    );
    for column in first
        .schema()
        .fields()
        .iter()
        .filter(|field| field.name() != "ts")
    {
        assert_eq!(
            first.column_by_name(column.name()),
            again.column_by_name(column.name()),
            "{column}"
        );
    }
    assert_ne!(first.column_by_name("ts"), again.column_by_name("ts"));
}

#[test]
fn ids_and_emails_are_each_their_own() {
    let batch = transactions().batch(0, 10_000, SYNTHETIC).unwrap();
    let ids: HashSet<_> = batch
        .column_by_name("tx_id")
        .unwrap()
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(ids.len(), 10_000);
    assert!(
        ids.iter()
            .all(|id| id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]))
    );
    let batch = generator(&spec(GeneratorKind::Customers), 0)
        .batch(0, 1_000, SYNTHETIC)
        .unwrap();
    let emails: HashSet<_> = batch
        .column_by_name("email")
        .unwrap()
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(emails.len(), 1_000);
    assert!(
        emails
            .iter()
            .all(|email| email.ends_with("@example.com") && !email.contains(char::is_uppercase))
    );
}

#[test]
fn some_accounts_are_busier_than_others_and_all_are_used() {
    let mut counts = HashMap::new();
    for row in read(&transactions().batch(0, 50_000, SYNTHETIC).unwrap()) {
        assert!((1_000..2_000).contains(&row.account), "{}", row.account);
        *counts.entry(row.account).or_insert(0) += 1;
    }
    let mut counts: Vec<i32> = counts.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts.len(), 1_000);
    let busiest: i32 = counts.iter().rev().take(100).sum();
    assert!(
        (13_000..19_000).contains(&busiest),
        "the busiest tenth has {busiest} of 50,000"
    );
}

#[test]
fn synthetic_times_are_out_of_order_by_less_than_two_seconds() {
    let rows = read(&transactions().batch(0, 50_000, SYNTHETIC).unwrap());
    let (mut latest, mut behind) = (Micros::MIN, 0);
    for (i, row) in rows.iter().enumerate() {
        let early = NEW_YEAR + 50_000 * i as Micros - row.ts;
        assert!(
            (0..2_000_000).contains(&early),
            "row {i} is early by {early}"
        );
        behind += i32::from(row.ts < latest);
        latest = latest.max(row.ts);
    }
    assert!(behind > 1_000, "{behind}");
}

#[test]
fn a_paced_record_is_now() {
    let rows = read(
        &transactions()
            .batch(0, 100, TimeSource::At(NEW_YEAR + 7))
            .unwrap(),
    );
    assert!(rows.iter().all(|row| row.ts == NEW_YEAR + 7));
}

#[test]
fn extremes_are_no_panic() {
    for accounts in [0, 1, u64::MAX] {
        for (start, step) in [(Micros::MAX, Micros::MAX), (Micros::MIN, Micros::MIN)] {
            for kind in KINDS {
                let spec = model::Generator {
                    accounts,
                    fraud_ratio: f64::NAN,
                    partitions: u32::MAX,
                    seed: u64::MAX,
                    ..spec(kind)
                };
                let generator = generator(&spec, u32::MAX - 1);
                let last = u64::MAX / u64::from(u32::MAX) - 2;
                assert_eq!(
                    generator
                        .batch(last, 10, TimeSource::Synthetic { start, step })
                        .unwrap()
                        .num_rows(),
                    1
                );
                let none = model::Generator {
                    partitions: 0,
                    ..spec
                };
                assert!(Generator::new(&none, schema(kind), 0).is_err());
            }
        }
    }
}

#[test]
fn columns_are_those_that_the_planner_knows() {
    for kind in KINDS {
        let made = schema(kind);
        let made = made.fields().iter();
        let made: Vec<_> = made.map(|f| (f.name().as_str(), f.data_type())).collect();
        let known = tidemill_plan::generator_columns(kind).iter();
        let known: Vec<_> = known.map(|(name, of)| (*name, of.to_string())).collect();
        assert_eq!(made.len(), known.len(), "{kind:?}");
        for ((name, data_type), (known, of)) in made.into_iter().zip(known) {
            let of_type = match data_type {
                DataType::Utf8 => "String".to_owned(),
                DataType::Date32 => "Date".to_owned(),
                DataType::Timestamp(..) => "Timestamp".to_owned(),
                DataType::Decimal128(p, s) => format!("Decimal({p},{s})"),
                other => other.to_string(),
            };
            assert_eq!((name, of_type), (known, of), "{kind:?}");
        }
    }
}
