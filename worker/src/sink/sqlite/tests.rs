//! The sink as its users see it, on files in temporary folders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use tempfile::TempDir;

use super::*;

fn schema(nullable_key: bool) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("category", DataType::Utf8, nullable_key),
        Field::new("total", DataType::Decimal128(22, 2), true),
    ]))
}

fn target(folder: &TempDir, schema: SchemaRef, mode: Mode) -> Target {
    Target {
        path: folder.path().join("tables.db"),
        table: "public.sales".to_owned(),
        writer: "payments/sales".to_owned(),
        schema,
        mode,
        create: true,
    }
}

fn upsert() -> Mode {
    Mode::Upsert { key: vec![0] }
}

fn rows(schema: &SchemaRef, rows: &[(Option<&str>, i128)], deleted: Option<Vec<bool>>) -> Rows {
    let keys: StringArray = rows.iter().map(|r| r.0).collect();
    let totals = Decimal128Array::from_iter_values(rows.iter().map(|r| r.1));
    let totals = totals.with_precision_and_scale(22, 2).unwrap();
    let columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(totals)];
    Rows {
        batch: RecordBatch::try_new(Arc::clone(schema), columns).unwrap(),
        deleted: deleted.map(BooleanArray::from),
    }
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition {
        topic: "in".into(),
        partition,
    }
}

fn position(offset: i64) -> Position {
    Position {
        offset,
        clock: format!("clock {offset}"),
    }
}

fn execute(path: &Path, sql: &str) {
    block_on(async {
        let mut connection = sqlite::connect(path).await.unwrap();
        connection.execute(sql).await.unwrap();
    });
}

/// What a query gives, as text.
fn query(path: &Path, sql: &str) -> Vec<String> {
    block_on(async {
        let mut connection = sqlite::connect(path).await.unwrap();
        sqlx::query_scalar(sql)
            .fetch_all(&mut connection)
            .await
            .unwrap()
    })
}

fn sales(target: &Target) -> Vec<String> {
    query(
        &target.path,
        "SELECT coalesce(category, 'null') || ' ' || total FROM \"public.sales\" ORDER BY category, total",
    )
}

#[test]
fn rows_replace_each_other_by_key_even_where_it_is_null() {
    for nullable in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let schema = schema(nullable);
        let target = target(&folder, Arc::clone(&schema), upsert());
        let mut sink = SqliteSink::open(target.clone()).unwrap();
        assert_eq!(sink.claim(&[at(0)]).unwrap(), [None]);
        let null = if nullable { None } else { Some("null") };
        let first = [
            (Some("a"), 100),
            (null, 250),
            (Some("b"), 300),
            (Some("a"), 110),
        ];
        sink.write(&[rows(&schema, &first, None)], &[(at(0), position(4))])
            .unwrap();
        assert_eq!(sales(&target).len(), 3);
        let second = [(null, 260), (Some("b"), 0), (Some("c"), 1), (Some("no"), 0)];
        let deleted = Some(vec![false, true, false, true]);
        sink.write(&[rows(&schema, &second, deleted)], &[(at(0), position(8))])
            .unwrap();
        let mut found = sales(&target);
        found.sort();
        assert_eq!(
            found,
            ["a 1.1", "c 0.01", "null 2.6"],
            "nullable {nullable}"
        );
        let gone = Some(vec![true]);
        sink.write(
            &[rows(&schema, &[(null, 0)], gone)],
            &[(at(0), position(9))],
        )
        .unwrap();
        assert_eq!(sales(&target), ["a 1.1", "c 0.01"]);
    }
}

#[test]
fn rows_are_added_in_one_statement_or_many() {
    let folder = tempfile::tempdir().unwrap();
    let schema = schema(true);
    let target = target(&folder, Arc::clone(&schema), Mode::Append);
    let mut sink = SqliteSink::open(target.clone()).unwrap();
    sink.claim(&[at(0)]).unwrap();
    let many: Vec<_> = (0..MAX_ROWS as i128 * 2 + 7)
        .map(|i| (Some("k"), i))
        .collect();
    sink.write(&[rows(&schema, &many, None)], &[(at(0), position(1))])
        .unwrap();
    let count = query(
        &target.path,
        "SELECT count(*) || ' ' || count(DISTINCT total) FROM \"public.sales\"",
    );
    assert_eq!(count, ["407 407"]);
    let deletion = rows(&schema, &[(Some("k"), 0)], Some(vec![true]));
    let refused = sink
        .write(&[deletion], &[(at(0), position(2))])
        .unwrap_err();
    assert!(matches!(&refused, SinkError::Refused(m) if m.contains("mode: Upsert")));
    assert_eq!(sink.claim(&[at(0)]).unwrap(), [Some(position(1))]);
}

#[test]
fn progress_goes_with_the_rows_and_never_back() {
    let folder = tempfile::tempdir().unwrap();
    let schema = schema(false);
    let target = target(&folder, Arc::clone(&schema), upsert());
    let mut sink = SqliteSink::open(target.clone()).unwrap();
    sink.claim(&[at(0), at(1)]).unwrap();
    let row = |total| rows(&schema, &[(Some("a"), total)], None);
    sink.write(&[row(1)], &[(at(0), position(10)), (at(1), position(20))])
        .unwrap();
    sink.write(&[], &[(at(0), position(5)), (at(1), position(21))])
        .unwrap();
    drop(sink);

    let mut sink = SqliteSink::open(target.clone()).unwrap();
    let found = sink.claim(&[at(1), at(0), at(2)]).unwrap();
    assert_eq!(found, [Some(position(21)), Some(position(10)), None]);
    // Another output that writes to the same file has a progress of its own.
    let other = Target {
        writer: "payments/other".to_owned(),
        ..target.clone()
    };
    let mut other = SqliteSink::open(other).unwrap();
    assert_eq!(other.claim(&[at(0)]).unwrap(), [None]);

    // A write that fails takes its progress with it.
    execute(
        &target.path,
        "CREATE TRIGGER stop BEFORE INSERT ON \"public.sales\" BEGIN SELECT raise(ABORT, 'no'); END",
    );
    assert!(sink.write(&[row(2)], &[(at(0), position(11))]).is_err());
    assert_eq!(sink.claim(&[at(0)]).unwrap(), [Some(position(10))]);
    assert_eq!(sales(&target), ["a 0.01"]);
}

#[test]
fn whoever_claimed_earlier_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let schema = schema(false);
    let target = target(&folder, Arc::clone(&schema), upsert());
    let row = |total| rows(&schema, &[(Some("a"), total)], None);
    let mut zombie = SqliteSink::open(target.clone()).unwrap();
    let unclaimed = zombie.write(&[row(1)], &[(at(0), position(1))]);
    assert!(matches!(unclaimed, Err(SinkError::Fenced(_))));
    zombie.claim(&[at(0), at(1)]).unwrap();
    let mut heir = SqliteSink::open(target.clone()).unwrap();
    heir.claim(&[at(1)]).unwrap();
    heir.write(&[row(2)], &[(at(1), position(2))]).unwrap();
    let late = zombie.write(&[row(3)], &[(at(0), position(3)), (at(1), position(3))]);
    assert!(matches!(late, Err(SinkError::Fenced(m)) if m.contains("partition 1")));
    assert_eq!(sales(&target), ["a 0.02"]);
    assert_eq!(
        heir.claim(&[at(0), at(1)]).unwrap(),
        [None, Some(position(2))]
    );
}

#[test]
fn every_type_is_stored_for_people_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("s", Arc::new(StringArray::from(vec!["it's"]))),
        ("b", Arc::new(BooleanArray::from(vec![true]))),
        ("i", Arc::new(Int32Array::from(vec![-1]))),
        ("l", Arc::new(Int64Array::from(vec![i64::MAX]))),
        ("f", Arc::new(Float64Array::from(vec![0.5]))),
        (
            "d",
            Arc::new(
                Decimal128Array::from(vec![12_345])
                    .with_precision_and_scale(30, 2)
                    .unwrap(),
            ),
        ),
        (
            "big",
            Arc::new(
                Decimal128Array::from(vec![12_345_678_901_234_567_890])
                    .with_precision_and_scale(30, 2)
                    .unwrap(),
            ),
        ),
        (
            "t",
            Arc::new(TimestampMicrosecondArray::from(vec![1_763_632_800_500_000])),
        ),
        ("day", Arc::new(Date32Array::from(vec![20_000]))),
        ("none", Arc::new(StringArray::from(vec![None::<&str>]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let target = target(&folder, batch.schema(), Mode::Append);
    let mut sink = SqliteSink::open(target.clone()).unwrap();
    sink.claim(&[at(0)]).unwrap();
    let deleted = None;
    sink.write(&[Rows { batch, deleted }], &[(at(0), position(1))])
        .unwrap();
    let found = query(
        &target.path,
        "SELECT s || '|' || b || '|' || i || '|' || l || '|' || f || '|' || d || '|' || big || '|' || t || '|' || day
                || '|' || typeof(d) || '|' || typeof(big) || '|' || typeof(none) FROM \"public.sales\"",
    );
    assert_eq!(
        found,
        [
            "it's|1|-1|9223372036854775807|0.5|123.45|123456789012345678.90|2025-11-20 10:00:00.500|2024-10-04|real|text|null"
        ]
    );
    let filtered = query(
        &target.path,
        "SELECT s FROM \"public.sales\" WHERE d > 99 AND t >= '2025-11-20'",
    );
    assert_eq!(filtered, ["it's"]);

    let list = Field::new("x", DataType::Binary, true);
    let unfit = Target {
        schema: Arc::new(Schema::new(vec![list])),
        table: "other".to_owned(),
        ..target
    };
    let refused = SqliteSink::open(unfit).unwrap_err().to_string();
    assert!(refused.contains("\"x\" has type Binary"), "{refused}");
}

#[test]
fn a_table_that_is_there_is_checked_column_by_column() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Arc::new(Schema::new(vec![
        Field::new("category", DataType::Utf8, false),
        Field::new("total", DataType::Decimal128(22, 2), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("new", DataType::Int64, true),
    ]));
    let mut target = target(&folder, schema, upsert());
    target.create = false;
    let missing = SqliteSink::open(target.clone()).unwrap_err().to_string();
    assert_eq!(
        missing,
        "there is no table \"public.sales\": make it, or set `create: true`"
    );

    execute(
        &target.path,
        "CREATE TABLE \"public.sales\" (Category TEXT, total NUMERIC, at INTEGER, mine TEXT NOT NULL, opt TEXT)",
    );
    let Err(SinkError::Mismatch { table, mismatches }) = SqliteSink::open(target.clone()) else {
        panic!("it fits");
    };
    assert_eq!(table, "public.sales");
    assert_eq!(mismatches.len(), 4, "{mismatches:?}");
    assert!(mismatches[0].contains("\"total\" is NUMERIC"));
    assert!(mismatches[1].contains("\"at\" is INTEGER"));
    assert!(mismatches[2].contains("no column \"new\""));
    assert!(mismatches[3].contains("\"mine\" must not be null"));

    execute(
        &target.path,
        "DROP TABLE \"public.sales\"; CREATE TABLE \"public.sales\" (category TEXT, total TEXT, at TEXT, new INT)",
    );
    let unkeyed = SqliteSink::open(target.clone()).unwrap_err().to_string();
    assert!(unkeyed.contains("CREATE UNIQUE INDEX"), "{unkeyed}");
    execute(
        &target.path,
        "CREATE UNIQUE INDEX k ON \"public.sales\" (category)",
    );
    SqliteSink::open(target).unwrap();
}

#[test]
fn new_columns_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let old = schema(false);
    let target = target(&folder, Arc::clone(&old), upsert());
    let mut sink = SqliteSink::open(target.clone()).unwrap();
    sink.claim(&[at(0)]).unwrap();
    sink.write(
        &[rows(&old, &[(Some("a"), 1)], None)],
        &[(at(0), position(1))],
    )
    .unwrap();
    let mut fields: Vec<_> = old.fields().iter().cloned().collect();
    fields.insert(0, Arc::new(Field::new("count", DataType::Int64, false)));
    let newer = Target {
        schema: Arc::new(Schema::new(fields)),
        mode: Mode::Upsert { key: vec![1] },
        ..target.clone()
    };
    SqliteSink::open(newer).unwrap();
    let sql = "SELECT group_concat(name) FROM pragma_table_info('public.sales')";
    assert_eq!(query(&target.path, sql), ["category,total,count"]);
    assert_eq!(sales(&target), ["a 0.01"]);
}
