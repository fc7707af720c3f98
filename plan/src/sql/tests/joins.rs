//! Streams joined with tables, and with streams.

use super::{all, describe, plan_query, relations};
use crate::model::Micros;
use crate::sql::{BoundJoin, Query};

fn refusal(sql: &str) -> String {
    all(&plan_query(sql, &relations()).unwrap_err())
}

#[test]
fn a_lookup_reads_the_columns_that_are_needed() {
    let sql = "SELECT t.tx_id, c.name FROM transactions t LEFT JOIN customers c ON t.customer_id = c.id \
               WHERE t.amount > 5 AND t.score > 1";
    let got = describe(sql);
    let lines: Vec<&str> = got.lines().collect();
    assert_eq!(
        lines[0],
        "read transactions: tx_id Utf8, customer_id Utf8, amount Decimal128(12, 2), score Float64"
    );
    assert!(lines[1].starts_with("filter"), "below the lookup: {got}");
    assert_eq!(
        lines[2],
        "left join table 0 by [customer_id@1] [0]: tx_id customer_id amount score name"
    );
    assert_eq!(lines[3], "project tx_id@0, name@4");
}

#[test]
fn several_tables_keys_of_several_columns_and_conditions_are_taken() {
    let sql = "SELECT t.tx_id, r.rate * 2 AS twice FROM transactions AS t \
               JOIN rates r ON r.account = t.account AND t.category = r.category AND r.rate > t.score \
               JOIN customers c ON c.id = t.customer_id WHERE c.age > 18";
    let got = describe(sql);
    assert!(got.contains("join table 0 by [category@"), "{got}");
    assert!(got.contains("] if rate@"), "{got}");
    assert!(got.contains("join table 1 by [customer_id@"), "{got}");
    let filter = got.lines().position(|l| l.starts_with("filter age@"));
    let lookup = got.lines().position(|l| l.starts_with("join table 1"));
    assert!(filter > lookup, "{got}");
    let using =
        describe("SELECT rate, tx_id FROM transactions JOIN rates USING (category, account)");
    assert!(using.contains("join table 0 by [category@"), "{using}");
}

#[test]
fn rows_are_found_by_any_columns_that_are_equal_and_the_condition_stays() {
    let sql = "SELECT t.tx_id, r.rate FROM transactions t \
               LEFT JOIN rates r ON t.category = r.category AND r.rate > t.score";
    let got = describe(sql);
    let wanted = "left join table 0 by [0] [category@1] [0, 2] if ";
    let place = got.find(wanted);
    let condition = &got[place.unwrap() + wanted.len()..];
    assert!(condition.contains("category@1 = category@3"), "{got}");
    assert!(condition.contains("rate@4 > score@2"), "{got}");
    // A part of the primary key, and a column that is none of it, by any value of the row.
    let sql = "SELECT r.account FROM transactions t JOIN rates r ON t.account + 1 = r.account AND r.rate = t.score";
    let got = describe(sql);
    assert!(got.contains("join table 0 by [1, 2] [account@"), "{got}");
}

#[test]
fn what_is_joined_can_be_grouped_in_windows() {
    let sql = "SELECT c.name, sum(t.amount) AS total, window_start FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) t \
               JOIN customers c ON t.customer_id = c.id GROUP BY c.name, window_start";
    let got = describe(sql);
    assert!(got.contains("tumble 10000000 over @"), "{got}");
    assert!(got.contains("join table 0 by [customer_id@"), "{got}");
}

#[test]
fn joins_that_are_no_lookups_are_refused() {
    let join = |rest: &str| refusal(&format!("SELECT t.tx_id FROM transactions t {rest}"));
    let cases = [
        (
            "JOIN customers c ON t.account = c.id",
            "a number is compared with a text",
        ),
        (
            "JOIN customers c ON c.id > t.customer_id",
            "no column of `customers` is equal to a value of the row",
        ),
        (
            "JOIN sales s ON t.category = s.category",
            "the rows of `sales` replace each other",
        ),
        (
            "JOIN transactions u ON t.tx_id = u.tx_id",
            "how far apart in time two rows may be",
        ),
        (
            "RIGHT JOIN customers c ON t.customer_id = c.id",
            "tables are joined by JOIN or LEFT JOIN",
        ),
        ("CROSS JOIN customers c", "a join is written with JOIN"),
        (
            "JOIN (SELECT * FROM customers) c ON t.customer_id = c.id",
            "a table is joined as it is",
        ),
    ];
    for (rest, wanted) in cases {
        let got = join(rest);
        assert!(got.contains(wanted), "{rest}: {got}");
    }
    let table = refusal("SELECT s.category FROM sales s JOIN customers c ON s.category = c.id");
    assert!(
        table.contains("the rows of `sales` replace each other"),
        "{table}"
    );
    let grouped = refusal(
        "SELECT g.n FROM (SELECT customer_id, count(*) AS n FROM transactions GROUP BY customer_id) g \
         JOIN customers c ON g.customer_id = c.id",
    );
    assert!(grouped.contains("replace each other"), "{grouped}");
}

const MINUTE: Micros = 60_000_000;

fn parts(sql: &str) -> Vec<Query> {
    let planned = plan_query(sql, &relations());
    planned.unwrap_or_else(|errors| panic!("{sql}: {}", all(&errors)))
}

/// The join that a query ends with.
fn joined(sql: &str) -> BoundJoin {
    let query = parts(sql).pop().unwrap();
    let input = std::sync::Arc::new(arrow::datatypes::Schema::empty());
    query.bind(&[], &input).unwrap().join.unwrap()
}

fn bounds(condition: &str) -> (Micros, Micros) {
    let sql = format!(
        "SELECT a.tx_id FROM transactions a JOIN transactions b ON a.account = b.account AND {condition}"
    );
    let join = joined(&sql);
    (join.earliest, join.latest)
}

#[test]
fn bounds_of_time_are_read_however_they_are_written() {
    let minute = "INTERVAL '1' MINUTE";
    let cases = [
        (
            format!("b.ts BETWEEN a.ts - {minute} AND a.ts"),
            (-MINUTE, 0),
        ),
        (
            format!("a.ts BETWEEN b.ts AND b.ts + {minute}"),
            (-MINUTE, 0),
        ),
        (
            format!("b.ts > a.ts - {minute} AND b.ts < a.ts"),
            (1 - MINUTE, -1),
        ),
        (
            format!("a.ts <= b.ts AND a.ts + {minute} >= b.ts"),
            (0, MINUTE),
        ),
        (
            format!("b.ts - a.ts BETWEEN {minute} AND INTERVAL '3' MINUTE"),
            (MINUTE, 3 * MINUTE),
        ),
        ("a.ts = b.ts".to_owned(), (0, 0)),
        (format!("b.ts = a.ts + {minute}"), (MINUTE, MINUTE)),
        (
            format!(
                "b.ts >= a.ts - INTERVAL '1' HOUR AND b.ts >= a.ts - {minute} AND b.ts <= a.ts + INTERVAL '2' DAY AND b.ts <= a.ts"
            ),
            (-MINUTE, 0),
        ),
    ];
    for (condition, wanted) in cases {
        assert_eq!(bounds(&condition), wanted, "{condition}");
    }
}

#[test]
fn only_columns_that_are_needed_are_joined() {
    let join = joined(
        "SELECT a.tx_id, b.amount FROM transactions a JOIN transactions b ON a.account = b.account \
         AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts AND a.score > b.score AND a.category = 'x' WHERE b.is_fraud",
    );
    let names: Vec<&str> = join
        .schema
        .fields()
        .iter()
        .map(|f| f.name().as_str())
        .collect();
    assert_eq!(names, ["tx_id", "score", "amount", "score"]);
    assert_eq!((join.left.columns.len(), join.right.columns.len()), (2, 2));
    assert_eq!(join.condition.unwrap().to_string(), "score@1 > score@3");
    assert_eq!((join.left.time.as_str(), join.keys.len()), ("ts", 1));
}

#[test]
fn each_side_is_a_part_that_reads_what_it_needs() {
    let parts = parts(
        "SELECT a.tx_id, b.amount FROM transactions a JOIN transactions b ON a.account = b.account \
         AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts AND a.category = 'x'",
    );
    let reads: Vec<_> = parts
        .iter()
        .map(|p| p.needs().iter().copied().collect::<Vec<_>>())
        .collect();
    assert_eq!(reads[..2], [vec![0, 2, 4, 5], vec![2, 3, 5]]);
    assert_eq!(parts[2].reads(), ["-branch1", "-branch2"]);
}
