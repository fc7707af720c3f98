//! Streams joined with tables.

use super::{all, describe, plan_query, relations};

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
            "`sales` is not a table",
        ),
        (
            "JOIN transactions u ON t.tx_id = u.tx_id",
            "`transactions` is not a table",
        ),
        (
            "RIGHT JOIN customers c ON t.customer_id = c.id",
            "only JOIN and LEFT JOIN",
        ),
        ("CROSS JOIN customers c", "only JOIN and LEFT JOIN"),
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
