//! What a query becomes.

use super::{bound, describe, planned};

#[track_caller]
fn shape(sql: &str, expected: &[&str]) {
    let got = describe(sql);
    assert_eq!(got.lines().collect::<Vec<_>>(), expected, "{sql}\n{got}");
}

#[test]
fn probe() {
    for sql in [
        "SELECT customer_id, amount FROM transactions WHERE amount > 100.5",
        "SELECT customer_id, sum(amount) AS total_spend, count(*) AS transactions, window_start, window_end FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) GROUP BY customer_id, window_start, window_end",
        "SELECT customer_id, sum(amount) AS s FROM TABLE(TUMBLE(TABLE transactions, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) WHERE category = 'food' GROUP BY customer_id, window_end HAVING sum(amount) > 5000",
        "SELECT category, sum(amount) AS total_sales FROM transactions GROUP BY category",
        "SELECT extract(year from ts) AS year_num, extract(month from ts) AS month_num, sum(amount) AS total FROM transactions GROUP BY year_num, month_num",
        "SELECT cast(ts AS DATE) AS sale_day, sum(amount) FROM transactions GROUP BY 1",
        "WITH big AS (SELECT customer_id AS c, amount * 2 AS a, ts FROM transactions WHERE amount > 10) SELECT c, count(*) AS n, window_start FROM TUMBLE(big, ts, INTERVAL '1' DAY) b GROUP BY c, window_start",
        "SELECT a, a2 FROM (SELECT amount + 1 AS a, amount * amount AS a2, tx_id FROM transactions) x WHERE a2 > 4",
        "SELECT count(*) FROM transactions",
        "SELECT DISTINCT category FROM transactions WHERE is_fraud",
        "SELECT md5(tx_id) AS h, count(distinct customer_id) FILTER (WHERE score > 0.5) AS n, avg(amount) AS a, stddev(score) AS sd FROM transactions GROUP BY md5(tx_id)",
        "SELECT *, window_start FROM TUMBLE(transactions, ts, INTERVAL '1' HOUR)",
        "SELECT 9999 AS account, 'Account ' || account || ' has $' || amount AS message, 5000.0 AS threshold FROM transactions",
        "SELECT category, total FROM sales WHERE total > 5",
        "SELECT customer_id, max(window_end) AS m, date_trunc('day', window_start) AS d FROM TUMBLE(transactions, ts, INTERVAL '1' HOUR) GROUP BY customer_id, window_start",
        "SELECT * FROM transactions",
        "SELECT t.* FROM transactions t WHERE ts > TIMESTAMP '2024-01-01 00:00:00'",
    ] {
        eprintln!(
            "--- {sql}\n{}",
            match std::panic::catch_unwind(|| describe(sql)) {
                Ok(s) => s,
                Err(_) => "PANIC".into(),
            }
        );
    }
    let _ = (bound, planned);
}
