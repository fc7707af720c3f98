//! What a query becomes.

use super::describe;

#[track_caller]
fn shape(sql: &str, expected: &[&str]) {
    let got = describe(sql);
    assert_eq!(got.lines().collect::<Vec<_>>(), expected, "{sql}\n{got}");
}

#[test]
fn a_filter_and_a_choice_of_columns_read_no_more_than_they_need() {
    shape(
        "SELECT customer_id, amount FROM transactions WHERE amount > 100.5",
        &[
            "read transactions: customer_id Utf8, amount Decimal128(12, 2)",
            "filter amount@1 > Some(10050),12,2",
            "give customer_id Utf8, amount Decimal128(12, 2)",
        ],
    );
}

#[test]
fn all_columns_pass_without_a_step() {
    let all = "tx_id Utf8, customer_id Utf8, account Int64, amount Decimal128(12, 2), category Utf8, \
               ts Timestamp(µs), seen Timestamp(µs), score Float64, is_fraud Boolean";
    shape(
        "SELECT t.* FROM transactions t WHERE ts > TIMESTAMP '2024-01-01 00:00:00'",
        &[
            &format!("read transactions: {all}"),
            "filter ts@5 > 1704067200000000",
            &format!("give {all}"),
        ],
    );
}

#[test]
fn a_tumbling_sum_groups_by_the_window() {
    shape(
        "SELECT customer_id, sum(amount) AS total_spend, count(*) AS transactions, window_start, window_end
         FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND)
         GROUP BY customer_id, window_start, window_end",
        &[
            "read transactions: customer_id Utf8, amount Decimal128(12, 2), ts Timestamp(µs)",
            "tumble 10000000 over @2",
            "group by [customer_id@0]: [sum(transactions.amount), count(Int64(1))]",
            "project customer_id@0, sum(transactions.amount)@3, count(Int64(1))@4, window_start@1, window_end@2",
            "give customer_id Utf8, total_spend Decimal128(22, 2), transactions Int64, \
             window_start Timestamp(µs), window_end Timestamp(µs)",
        ],
    );
}

#[test]
fn windows_that_overlap_are_opened_by_the_grouping() {
    shape(
        "SELECT count(*) AS n, window_start
         FROM HOP(transactions, ts, INTERVAL '10' SECOND, INTERVAL '1' MINUTE) WHERE amount > 10 GROUP BY window_start",
        &[
            "read transactions: amount Decimal128(12, 2), ts Timestamp(µs)",
            "filter amount@0 > Some(1000),12,2",
            "hop 60000000 every 10000000 over @1",
            "group by []: [count(Int64(1))]",
            "project count(Int64(1))@1, window_start@0",
            "give n Int64, window_start Timestamp(µs)",
        ],
    );
    shape(
        "SELECT count(*) AS n, window_start, window_end
         FROM TABLE(CUMULATE(TABLE transactions, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '1' HOUR))
         GROUP BY window_start, window_end",
        &[
            "read transactions: ts Timestamp(µs)",
            "cumulate 3600000000 by 60000000 over @0",
            "group by []: [count(Int64(1))]",
            "project count(Int64(1))@2, window_start@0, window_end@1",
            "give n Int64, window_start Timestamp(µs), window_end Timestamp(µs)",
        ],
    );
}

#[test]
fn flinks_spelling_filters_below_the_window_and_having_above_the_grouping() {
    shape(
        "SELECT customer_id, sum(amount) AS s
         FROM TABLE(TUMBLE(TABLE transactions, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
         WHERE category = 'food' GROUP BY customer_id, window_end HAVING sum(amount) > 5000",
        &[
            "read transactions: customer_id Utf8, amount Decimal128(12, 2), category Utf8, ts Timestamp(µs)",
            "filter category@2 = food",
            "tumble 60000000 over @3",
            "group by [customer_id@0]: [sum(transactions.amount)]",
            "filter sum(transactions.amount)@2 > Some(500000),22,2",
            "project customer_id@0, sum(transactions.amount)@2",
            "give customer_id Utf8, s Decimal128(22, 2)",
        ],
    );
}

#[test]
fn a_cte_under_a_window_is_flattened() {
    shape(
        "WITH big AS (SELECT customer_id AS c, amount * 2 AS a, ts FROM transactions WHERE amount > 10)
         SELECT c, count(*) AS n, window_start FROM TUMBLE(big, ts, INTERVAL '1' DAY) b GROUP BY c, window_start",
        &[
            "read transactions: customer_id Utf8, amount Decimal128(12, 2), ts Timestamp(µs)",
            "filter amount@1 > Some(1000),12,2",
            "tumble 86400000000 over @2",
            "group by [customer_id@0]: [count(Int64(1))]",
            "project c@0, count(Int64(1))@2, window_start@1",
            "give c Utf8, n Int64, window_start Timestamp(µs)",
        ],
    );
}

#[test]
fn parts_of_a_date_are_integers() {
    shape(
        "SELECT extract(year from ts) AS year_num, extract(month from ts) AS month_num, sum(amount) AS total
         FROM transactions GROUP BY year_num, month_num",
        &[
            "read transactions: amount Decimal128(12, 2), ts Timestamp(µs)",
            "group by [date_part(YEAR, ts@1), date_part(MONTH, ts@1)]: [sum(transactions.amount)]",
            "project date_part(Utf8(\"YEAR\"),transactions.ts)@0, date_part(Utf8(\"MONTH\"),transactions.ts)@1, \
             sum(transactions.amount)@2",
            "give year_num Int32, month_num Int32, total Decimal128(22, 2)",
        ],
    );
}

#[test]
fn a_window_that_is_used_is_computed_and_one_that_is_not_is_gone() {
    shape(
        "SELECT customer_id, max(window_end) AS m, date_trunc('day', window_start) AS d
         FROM TUMBLE(transactions, ts, INTERVAL '1' HOUR) GROUP BY customer_id, window_start",
        &[
            "read transactions: customer_id Utf8, ts Timestamp(µs)",
            "project customer_id@0, ts@1, window_end(ts@1)",
            "tumble 3600000000 over @1",
            "group by [customer_id@0]: [max(transactions.window_end)]",
            "project customer_id@0, max(transactions.window_end)@2, date_trunc(day, window_start@1)",
            "give customer_id Utf8, m Timestamp(µs), d Timestamp(µs)",
        ],
    );
}

#[test]
fn work_is_not_done_twice_for_the_sake_of_one_projection() {
    shape(
        "SELECT a, a * 2 AS b, t FROM (SELECT amount * amount AS a, upper(tx_id) AS t FROM transactions) x",
        &[
            "read transactions: tx_id Utf8, amount Decimal128(12, 2)",
            "project amount@1 * amount@1, upper(tx_id@0)",
            "project a@0, a@0 * Some(2),20,0, t@1",
            "give a Decimal128(25, 4), b Decimal128(38, 4), t Utf8",
        ],
    );
    shape(
        "SELECT a + 1 AS b FROM (SELECT amount * amount AS a, upper(tx_id) AS t FROM transactions) x",
        &[
            "read transactions: amount Decimal128(12, 2)",
            "project amount@0 * amount@0 + Some(1),20,0",
            "give b Decimal128(26, 4)",
        ],
    );
}

#[test]
fn groups_without_a_key_or_without_a_function() {
    shape(
        "SELECT count(*) FROM transactions",
        &[
            "read transactions: ",
            "group by []: [count(Int64(1))]",
            "project count(Int64(1))@0",
            "give count(*) Int64",
        ],
    );
    shape(
        "SELECT DISTINCT category FROM transactions WHERE is_fraud",
        &[
            "read transactions: category Utf8, is_fraud Boolean",
            "filter is_fraud@1",
            "group by [category@0]: []",
            "give category Utf8",
        ],
    );
}

#[test]
fn texts_are_utf8_and_floats_stay_floats() {
    shape(
        "SELECT md5(tx_id) AS h, count(distinct customer_id) FILTER (WHERE score > 0.5) AS n,
                avg(amount) AS a, stddev(score) AS sd
         FROM transactions GROUP BY md5(tx_id)",
        &[
            "read transactions: tx_id Utf8, customer_id Utf8, amount Decimal128(12, 2), score Float64",
            "group by [CAST(md5(tx_id@0) AS Utf8)]: \
             [count(DISTINCT transactions.customer_id) FILTER (WHERE transactions.score > Decimal128(Some(5),1,1)) \
             where score@3 > 0.5, avg(transactions.amount), stddev(transactions.score)]",
            "project CAST(CAST(md5(transactions.tx_id)@0 AS Utf8View) AS Utf8), \
             count(DISTINCT transactions.customer_id) FILTER (WHERE transactions.score > Decimal128(Some(5),1,1))@1, \
             avg(transactions.amount)@2, stddev(transactions.score)@3",
            "give h Utf8, n Int64, a Decimal128(16, 6), sd Float64",
        ],
    );
}

#[test]
fn planning_twice_gives_the_same() {
    let sql = "SELECT category, count(*), sum(amount) AS s FROM transactions GROUP BY category";
    assert_eq!(describe(sql), describe(sql));
}

fn is_refused(sql: &str) -> bool {
    super::plan_query(sql, &super::relations()).is_err()
}

#[test]
fn long_texts_are_refused() {
    let text = "x".repeat(2_000_000);
    assert!(is_refused(&format!(
        "SELECT '{text}' AS x FROM transactions"
    )));
}

#[test]
fn long_chains_are_refused_and_do_not_exhaust_the_stack() {
    for length in [200, 1_500, 30_000] {
        let sum = vec!["1"; length].join("+");
        assert!(
            is_refused(&format!("SELECT {sum} AS x FROM transactions")),
            "{length}"
        );
    }
    let sum = vec!["account"; 90].join(" + ");
    assert!(!is_refused(&format!("SELECT {sum} AS x FROM transactions")));
}

#[test]
fn deep_parentheses_are_refused_and_do_not_exhaust_the_stack() {
    // As deep as is allowed, and deeper.
    for depth in [39, 60, 5_000] {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        let refused = is_refused(&format!(
            "SELECT {open}amount{close} AS x FROM transactions"
        ));
        assert_eq!(refused, depth > 40, "{depth}");
        let select = "(SELECT * FROM ".repeat(depth);
        is_refused(&format!("SELECT * FROM {select}transactions{close}"));
    }
}
