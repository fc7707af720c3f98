//! The parts of a planned query give the values that the query means.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    RecordBatchOptions, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{filter, filter_record_batch, take};
use arrow::util::display::array_value_to_string;
use datafusion_common::ScalarValue;
use datafusion_common::cast::as_boolean_array;

use super::{bound, planned, relations, schema};
use crate::model::{ExprRef, ResultColumn, Step, Window, WindowKind};
use crate::sql::{BoundGrouping, plan_check};

/// Five payments within 25 seconds.
fn transactions() -> RecordBatch {
    let second = |s: i64| 1_704_110_400_000_000 + s * 1_000_000;
    let text = |values: [&str; 5]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let amounts = vec![Some(10_000), Some(25_050), None, Some(4_950), Some(470_000)];
    let amounts = Decimal128Array::from(amounts)
        .with_precision_and_scale(12, 2)
        .unwrap();
    let times: Vec<i64> = [0, 9, 10, 12, 25].map(second).to_vec();
    let columns: Vec<ArrayRef> = vec![
        text(["t1", "t2", "t3", "t4", "t5"]),
        text(["a", "b", "a", "a", "b"]),
        Arc::new(Int64Array::from(vec![1, 2, 1, 1, 9999])),
        Arc::new(amounts),
        text(["food", "fuel", "food", "fuel", "food"]),
        Arc::new(TimestampMicrosecondArray::from(times.clone())),
        Arc::new(TimestampMicrosecondArray::from(times)),
        Arc::new(Float64Array::from(vec![0.1, 1e20, 0.9, f64::NAN, 0.5])),
        Arc::new(BooleanArray::from(vec![
            Some(false),
            Some(true),
            None,
            Some(false),
            Some(true),
        ])),
    ];
    RecordBatch::try_new(relations()[0].schema.clone(), columns).unwrap()
}

/// Runs a query over the payments; rows as text, sorted.
fn run(sql: &str) -> Vec<String> {
    let query = planned(sql);
    let (columns, _, bound) = bound(&query);
    let batch = transactions().project(&columns).unwrap();
    let mut rows = steps(&bound.before, batch);
    if let Some(grouping) = &bound.grouping {
        rows = group(grouping, bound.window, &rows);
    }
    rows = steps(&bound.after, rows);
    assert_eq!(rows.schema().as_ref(), query.schema().as_ref(), "{sql}");
    let mut lines: Vec<String> = (0..rows.num_rows())
        .map(|i| {
            let cells = rows
                .columns()
                .iter()
                .map(|c| array_value_to_string(c, i).unwrap());
            cells.collect::<Vec<_>>().join("|")
        })
        .collect();
    lines.sort();
    lines
}

fn steps(steps: &[Step], mut rows: RecordBatch) -> RecordBatch {
    for step in steps {
        rows = match step {
            Step::Lookup(_) | Step::Changes { .. } => panic!("there are no tables here"),
            Step::Filter(expr) => {
                let keep = value(expr, &rows);
                filter_record_batch(&rows, as_boolean_array(&keep).unwrap()).unwrap()
            }
            Step::Project { exprs, schema } => {
                let columns = exprs.iter().map(|e| value(e, &rows)).collect();
                let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
                RecordBatch::try_new_with_options(schema.clone(), columns, &options).unwrap()
            }
        };
    }
    rows
}

fn value(expr: &ExprRef, rows: &RecordBatch) -> ArrayRef {
    expr.evaluate(rows)
        .unwrap()
        .into_array(rows.num_rows())
        .unwrap()
}

/// Keys, and start and end of the window.
type Group = (Vec<ScalarValue>, Option<(i64, i64)>);

/// Start and end of each window that a row falls into.
fn windows_of(window: Window, rows: &RecordBatch, row: usize) -> impl Iterator<Item = (i64, i64)> {
    let ScalarValue::TimestampMicrosecond(Some(t), None) =
        ScalarValue::try_from_array(rows.column(window.time), row).unwrap()
    else {
        panic!("the window's time is a timestamp")
    };
    let (pane, size) = (window.kind.pane(), window.kind.size());
    let first = t - t.rem_euclid(pane) + pane;
    (0..size / pane)
        .map(move |i| first + i * pane)
        .map(move |end| match window.kind {
            WindowKind::Tumble { .. } | WindowKind::Hop { .. } => (end - size, end),
            WindowKind::Cumulate { .. } => ((end - 1) - (end - 1).rem_euclid(size), end),
            WindowKind::Session { .. } => panic!("other rows decide about sessions"),
        })
        .filter(move |&(start, end)| start <= t && t < end)
}

fn group(grouping: &BoundGrouping, window: Option<Window>, rows: &RecordBatch) -> RecordBatch {
    let keys: Vec<ArrayRef> = grouping.keys.iter().map(|e| value(e, rows)).collect();
    let mut groups: BTreeMap<String, (Group, Vec<u32>)> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let key: Vec<ScalarValue> = keys
            .iter()
            .map(|k| ScalarValue::try_from_array(k, row).unwrap())
            .collect();
        let windows = match window {
            None => vec![None],
            Some(window) => windows_of(window, rows, row).map(Some).collect(),
        };
        for bounds in windows {
            let entry = groups
                .entry(format!("{key:?} {bounds:?}"))
                .or_insert(((key.clone(), bounds), Vec::new()));
            entry.1.push(row as u32);
        }
    }
    let results: Vec<Vec<ScalarValue>> = groups
        .into_values()
        .map(|(group, members)| result(grouping, rows, group, members))
        .collect();
    let columns = (0..grouping.layout.len())
        .map(|c| ScalarValue::iter_to_array(results.iter().map(|r| r[c].clone())).unwrap())
        .collect();
    RecordBatch::try_new(grouping.schema.clone(), columns).unwrap()
}

fn result(
    grouping: &BoundGrouping,
    rows: &RecordBatch,
    (key, bounds): Group,
    members: Vec<u32>,
) -> Vec<ScalarValue> {
    let members = UInt32Array::from(members);
    let bound = |time: Option<i64>| ScalarValue::TimestampMicrosecond(time, None);
    let function = |i: usize| {
        let function = &grouping.functions[i];
        let mut accumulator = function.expr.create_accumulator().unwrap();
        let arguments: Vec<ArrayRef> = function
            .expr
            .expressions()
            .iter()
            .map(|e| take(&value(e, rows), &members, None).unwrap())
            .collect();
        let arguments: Vec<ArrayRef> = match &function.filter {
            Some(expr) => {
                let keep = take(&value(expr, rows), &members, None).unwrap();
                arguments
                    .iter()
                    .map(|a| filter(a, as_boolean_array(&keep).unwrap()).unwrap())
                    .collect()
            }
            None => arguments,
        };
        accumulator.update_batch(&arguments).unwrap();
        accumulator.evaluate().unwrap()
    };
    let column = |c: &ResultColumn| match c {
        ResultColumn::Key(i) => key[*i].clone(),
        ResultColumn::WindowStart => bound(bounds.map(|b| b.0)),
        ResultColumn::WindowEnd => bound(bounds.map(|b| b.1)),
        ResultColumn::Function(i) => function(*i),
    };
    grouping.layout.iter().map(column).collect()
}

#[test]
fn windows_sum_what_falls_into_them() {
    assert_eq!(
        run("SELECT customer_id, sum(amount) AS s, count(*) AS n, count(amount) AS m, window_start, window_end
             FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) GROUP BY customer_id, window_start, window_end"),
        [
            "a|100.00|1|1|2024-01-01T12:00:00|2024-01-01T12:00:10",
            "a|49.50|2|1|2024-01-01T12:00:10|2024-01-01T12:00:20",
            "b|250.50|1|1|2024-01-01T12:00:00|2024-01-01T12:00:10",
            "b|4700.00|1|1|2024-01-01T12:00:20|2024-01-01T12:00:30",
        ]
    );
}

#[test]
fn a_window_in_a_row_is_the_window_of_a_group() {
    assert_eq!(
        run(
            "SELECT tx_id, window_start AS s FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) WHERE account <> 1"
        ),
        ["t2|2024-01-01T12:00:00", "t5|2024-01-01T12:00:20"]
    );
    assert_eq!(
        run("SELECT count(*) AS n, c FROM
               (SELECT window_start AS w, category AS c FROM TUMBLE(transactions, ts, INTERVAL '1' MINUTE)) x
             GROUP BY w, c"),
        ["2|fuel", "3|food"]
    );
}

#[test]
fn an_alert_is_worded_with_its_numbers() {
    assert_eq!(
        run("SELECT account, sum(abs(amount)) AS total_activity, 5000.0 AS threshold, 'HIGH_ACTIVITY' AS alert_type,
                    'Account ' || account || ' has $' || sum(abs(amount)) || ' activity in 1 minute' AS message
             FROM TUMBLE(transactions, ts, INTERVAL '1' MINUTE)
             GROUP BY account, window_start HAVING sum(abs(amount)) > 4000"),
        ["9999|4700.00|5000.0|HIGH_ACTIVITY|Account 9999 has $4700.00 activity in 1 minute"]
    );
}

#[test]
fn a_table_groups_by_expressions() {
    assert_eq!(
        run("SELECT CAST(ts AS DATE) AS sale_day, extract(month FROM ts) AS month_num, sum(amount) AS total
             FROM transactions GROUP BY sale_day, month_num"),
        ["2024-01-01|1|5100.00"]
    );
    assert_eq!(
        run(
            "SELECT upper(category) AS c, avg(amount) AS a, min(amount) AS lo, max(tx_id) AS hi
             FROM transactions GROUP BY upper(category)"
        ),
        ["FOOD|2400.000000|100.00|t5", "FUEL|150.000000|49.50|t4"]
    );
    assert_eq!(
        run("SELECT DISTINCT customer_id AS c FROM transactions"),
        ["a", "b"]
    );
    assert_eq!(run("SELECT count(*) AS n FROM transactions"), ["5"]);
}

#[test]
fn floats_are_compared_as_floats_however_large() {
    assert_eq!(
        run("SELECT tx_id FROM transactions WHERE score >= 0.5 AND score <= 1e30"),
        ["t2", "t3", "t5"]
    );
    assert_eq!(
        run("SELECT tx_id FROM transactions WHERE score BETWEEN 0.5 AND 0.95"),
        ["t3", "t5"]
    );
    assert_eq!(
        run("SELECT tx_id FROM transactions WHERE score IN (0.1, 0.9)"),
        ["t1", "t3"]
    );
    assert_eq!(
        run("SELECT score * 0.5 AS h FROM transactions WHERE tx_id = 't5'"),
        ["0.25"]
    );
}

#[test]
fn functions_distinct_filtered_and_of_several_kinds() {
    assert_eq!(
        run(
            "SELECT count(DISTINCT customer_id) AS d, count(*) FILTER (WHERE is_fraud) AS f,
                    sum(amount) FILTER (WHERE category = 'fuel') AS fuel, bool_or(is_fraud) AS any,
                    round(stddev(account), 3) AS sd
             FROM transactions"
        ),
        ["2|2|300.00|true|4471.13"]
    );
    assert_eq!(
        run(
            "SELECT left(md5(category), 4) AS h, md5(category) = md5('food') AS same, count(*) AS n
             FROM transactions GROUP BY md5(category)"
        )
        .iter()
        .map(|row| row.split_once('|').unwrap().1.to_owned())
        .collect::<std::collections::BTreeSet<_>>(),
        ["false|2".to_owned(), "true|3".to_owned()].into()
    );
}

#[test]
fn scalar_functions_of_all_kinds() {
    assert_eq!(
        run(
            "SELECT concat(upper(category), '-', substr(tx_id, 2)) AS a, coalesce(amount, 0) AS b,
                    CASE WHEN amount > 1000 THEN 'big' ELSE 'small' END AS c,
                    date_trunc('minute', ts) AS d, EXTRACT(second FROM ts) AS e,
                    regexp_like(tx_id, '^t[0-9]$') AS f, position('u' IN category) AS g
             FROM transactions WHERE tx_id IN ('t3', 't4')"
        ),
        [
            "FOOD-3|0.00|small|2024-01-01T12:00:00|10|true|0",
            "FUEL-4|49.50|small|2024-01-01T12:00:00|12|true|2",
        ]
    );
}

#[test]
fn a_check_is_a_condition() {
    let schema = &relations()[0].schema;
    let check = plan_check("amount >= 0 AND category <> 'fuel'", schema).unwrap();
    let got = value(&check, &transactions());
    let got: Vec<Option<bool>> = as_boolean_array(&got).unwrap().iter().collect();
    // Unknown where the amount is missing, unless the rest decides.
    assert_eq!(
        got,
        [Some(true), Some(false), None, Some(false), Some(true)]
    );
}

#[test]
fn a_check_that_is_none_is_refused() {
    let schema = schema(&[("amount", arrow::datatypes::DataType::Decimal128(12, 2))]);
    let refused = |text: &str| plan_check(text, &schema).unwrap_err()[0].to_string();
    assert_eq!(
        refused("amount + 1"),
        "line 1, column 1: the check is not a condition: it gives Decimal(23, 2) \
         (write a comparison, such as amount >= 0)"
    );
    assert_eq!(
        refused("amuont > 0"),
        "line 1, column 1: there is no column `amuont` (did you mean `amount`?)"
    );
    assert_eq!(
        refused("amount > 0 amount"),
        "line 1, column 12: the condition ends here, and the text goes on (join conditions with AND or OR)"
    );
    assert_eq!(
        refused("sum(amount) > 0"),
        "line 1, column 1: sum needs a group, and here is one row (use a stream with GROUP BY)"
    );
    assert_eq!(
        refused(" "),
        "line 1, column 1: there is no SQL (write SELECT … FROM …)"
    );
}

#[test]
fn whole_numbers_that_do_not_fit_fail() {
    let most = "9223372036854775807";
    for term in [
        format!("account + {most}"),
        format!("-2 - account - {most}"),
        format!("account * {most}"),
        format!("-(account - 2 - {most})"),
    ] {
        let query = planned(&format!("SELECT {term} AS n FROM transactions"));
        let (columns, _, bound) = bound(&query);
        let Some(Step::Project { exprs, .. }) = bound.before.last() else {
            panic!("{term} is projected")
        };
        let fails = exprs[0].evaluate(&transactions().project(&columns).unwrap());
        let message = fails.map(drop).unwrap_err().to_string();
        assert!(message.contains("overflow"), "{term}: {message}");
    }
}
