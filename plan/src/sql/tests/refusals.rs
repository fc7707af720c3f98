//! What is refused, where, and what to write instead.

use super::{all, relations};
use crate::sql::plan_query;

#[test]
fn probe() {
    for sql in [
        "SELECT custmer_id, Amount FROM transactions",
        "SELECT customer_id FROM transactons",
        "SELECT customer_id FROM transactions ORDER BY amount LIMIT 5",
        "SELECT customer_id,\n  amuont + 1 AS a,\n  nosuch(amount)\nFROM transactions\nORDER BY 1\nLIMIT 3",
        "SELECT customer_id FROM transactions OFFSET 3",
        "SELECT customer_id FROM transactions FETCH FIRST 3 ROWS ONLY",
        "SELECT * FROM transactions t JOIN sales s ON t.category = s.category",
        "SELECT * FROM transactions, sales",
        "SELECT category FROM transactions UNION ALL SELECT category FROM sales",
        "SELECT sum(amount) OVER (PARTITION BY customer_id) FROM transactions",
        "SELECT category, sum(amount) FROM transactions GROUP BY ROLLUP(category)",
        "SELECT category, sum(amount) FROM transactions GROUP BY GROUPING SETS ((category), ())",
        "SELECT (SELECT 1) FROM transactions",
        "SELECT * FROM transactions WHERE category IN (SELECT category FROM sales)",
        "SELECT now(), current_timestamp, random(), uuid() FROM transactions",
        "CREATE TABLE x (a INT)",
        "INSERT INTO x VALUES (1)",
        "SELECT 1 FROM transactions; SELECT 2 FROM transactions",
        "SELECT DISTINCT ON (category) category FROM transactions",
        "SELECT array_agg(category), first_value(amount) FROM transactions",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) GROUP BY customer_id",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, seen, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, tss, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, amount, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts, INTERVAL '1' MONTH) GROUP BY customer_id, window_start",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts, 10) GROUP BY customer_id, window_start",
        "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts) GROUP BY customer_id, window_start",
        "SELECT customer_id, count(*) FROM HOP(transactions, ts, INTERVAL '1' SECOND, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
        "SELECT category, count(*) FROM sales GROUP BY category",
        "SELECT category, count(*) FROM (SELECT category, sum(amount) FROM transactions GROUP BY category) GROUP BY category",
        "SELECT customer_id, amount FROM transactions GROUP BY customer_id",
        "SELECT amount, customer_id AS amount FROM transactions",
        "SELECT *, amount FROM transactions",
        "SELECT amount + tx_id AS x FROM transactions",
        "SELECT customer_id FROM transactions WHERE amount + is_fraud > 3",
        "SELECT substr(amount) FROM transactions",
        "SELECT tx_id, FROM transactions WHERE",
        "SELECT 'abc FROM transactions",
        "",
        "SELECT sha256(tx_id) AS h FROM transactions",
        "SELECT ts - seen AS d FROM transactions",
        "SELECT count(*) FROM transactions GROUP BY TUMBLE(ts, INTERVAL '10' SECOND)",
        "SELECT x.amount FROM transactions t",
        "SELECT customer_id FROM transactions WHERE sum(amount) > 3",
        "SELECT string_agg(tx_id, ',' ORDER BY tx_id) FROM transactions",
        "SELECT unnest(make_array(1,2)) FROM transactions",
        "SELECT 1",
        "VALUES (1)",
        "SELECT customer_id, count(*) FROM (SELECT customer_id, window_end FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND)) GROUP BY customer_id, window_end",
        "SELECT customer_id, count(*) FROM transactions WHERE amount > 'abc' GROUP BY customer_id",
    ] {
        let got = match plan_query(sql, &relations()) {
            Ok(_) => "PLANNED".to_owned(),
            Err(e) => all(&e),
        };
        eprintln!("--- {sql}\n{got}");
    }
}
