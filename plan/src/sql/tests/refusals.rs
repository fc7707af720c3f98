//! What is refused, where, and what to write instead.

use super::{all, relations};
use crate::sql::plan_query;

#[track_caller]
fn refused(cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        let got = match plan_query(sql, &relations()) {
            Ok(_) => "planned".to_owned(),
            Err(errors) => all(&errors),
        };
        assert_eq!(got.lines().collect::<Vec<_>>(), *expected, "{sql}\n{got}");
    }
}

#[test]
fn clauses_that_a_stream_cannot_have() {
    refused(&[
        (
            "SELECT customer_id FROM transactions ORDER BY amount LIMIT 5",
            &[
                "line 1, column 38: ORDER BY cannot be done: a stream has no last row (leave it out, and order the rows where they are read)",
                "line 1, column 54: LIMIT cannot be done: a stream has no last row (leave it out, or filter with WHERE or HAVING)",
            ],
        ),
        (
            "SELECT customer_id,\n  amuont + 1 AS a,\n  nosuch(amount)\nFROM transactions\nORDER BY 1\nLIMIT 3",
            &[
                "line 3, column 3: there is no function `nosuch` (write it with the functions of SQL, such as coalesce, upper, round or date_trunc)",
                "line 5, column 1: ORDER BY cannot be done: a stream has no last row (leave it out, and order the rows where they are read)",
                "line 6, column 1: LIMIT cannot be done: a stream has no last row (leave it out, or filter with WHERE or HAVING)",
            ],
        ),
        (
            "SELECT customer_id FROM transactions OFFSET 3",
            &[
                "line 1, column 38: OFFSET cannot be done: a stream has no last row (leave it out, or filter with WHERE or HAVING)",
            ],
        ),
        (
            "SELECT customer_id FROM transactions FETCH FIRST 3 ROWS ONLY",
            &[
                "line 1, column 38: FETCH cannot be done: a stream has no last row (leave it out, or filter with WHERE or HAVING)",
            ],
        ),
        (
            "SELECT * FROM transactions t JOIN sales s ON t.category = s.category",
            &[
                "line 1, column 35: the rows of `sales` replace each other, and it is no source that is a table: it cannot be joined (JOIN sources that have a `table` with its primaryKey, or streams that only add rows)",
            ],
        ),
        (
            "SELECT * FROM transactions, sales",
            &[
                "line 1, column 29: a join is written with JOIN, LEFT, RIGHT or FULL JOIN, and has a condition (write FROM stream LEFT JOIN table ON stream.column = table.key)",
            ],
        ),
        (
            "SELECT category FROM transactions UNION ALL SELECT category FROM sales",
            &[
                "line 1, column 66: the rows of `sales` replace each other, and cannot be put together with others (read a source that is a stream, or a stream that only adds rows)",
            ],
        ),
        (
            "SELECT category, sum(amount) FROM transactions GROUP BY ROLLUP(category)",
            &[
                "line 1, column 54: ROLLUP, CUBE and GROUPING SETS are not supported (write a stream for each grouping)",
            ],
        ),
        (
            "SELECT category, sum(amount) FROM transactions GROUP BY GROUPING SETS ((category), ())",
            &[
                "line 1, column 54: ROLLUP, CUBE and GROUPING SETS are not supported (write a stream for each grouping)",
            ],
        ),
        (
            "CREATE TABLE x (a INT)",
            &[
                "line 1, column 1: CREATE is not a query (a stream's sql starts with SELECT or WITH)",
            ],
        ),
        (
            "INSERT INTO x VALUES (1)",
            &[
                "line 1, column 1: INSERT is not a query (a stream's sql starts with SELECT or WITH)",
            ],
        ),
        (
            "SELECT 1 FROM transactions; SELECT 2 FROM transactions",
            &[
                "line 1, column 29: a stream has one query, and here it goes on (give each query a stream of its own)",
            ],
        ),
        (
            "SELECT DISTINCT ON (category) category FROM transactions",
            &[
                "line 1, column 1: DISTINCT ON cannot be done: which row stays depends on their order (use GROUP BY with max or min)",
            ],
        ),
        (
            "SELECT string_agg(tx_id, ',' ORDER BY tx_id) FROM transactions",
            &[
                "line 1, column 8: the result of string_agg depends on the order of rows, which a stream does not fix (use min, max, count or another aggregate that does not)",
            ],
        ),
        (
            "VALUES (1)",
            &[
                "line 1, column 9: a stream's query is a SELECT (write SELECT … FROM a source or a stream)",
            ],
        ),
    ]);
}

#[test]
fn functions_that_a_stream_cannot_call() {
    refused(&[
        (
            "SELECT sum(amount) OVER (PARTITION BY customer_id) FROM transactions",
            &[
                "line 1, column 8: sum(…) OVER all rows cannot be done: a stream has no last row (write ORDER BY and the event time: a row has those up to it)",
            ],
        ),
        (
            "SELECT now(), current_timestamp, random(), uuid() FROM transactions",
            &[
                "line 1, column 8: now gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)",
                "line 1, column 15: current_timestamp gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)",
                "line 1, column 34: random gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)",
                "line 1, column 44: uuid gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)",
            ],
        ),
        (
            "SELECT proctime() FROM transactions",
            &[
                "line 1, column 8: proctime gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)",
            ],
        ),
        (
            "SELECT array_agg(category), first_value(amount) FROM transactions",
            &[
                "line 1, column 8: the result of array_agg depends on the order of rows, which a stream does not fix (use min, max, count or another aggregate that does not)",
                "line 1, column 29: the result of first_value depends on the order of rows, which a stream does not fix (use min, max, count or another aggregate that does not)",
            ],
        ),
        (
            "SELECT substr(amount) FROM transactions",
            &["line 1, column 15: substring without for/from is not valid"],
        ),
        (
            "SELECT count(*) FROM transactions GROUP BY TUMBLE(ts, INTERVAL '10' SECOND)",
            &[
                "line 1, column 44: TUMBLE is not a function of rows (write it in FROM: FROM TUMBLE(table, time column, INTERVAL '…'))",
            ],
        ),
        (
            "SELECT unnest(make_array(1,2)) FROM transactions",
            &[
                "line 1, column 8: there is no function `unnest` (write it with the functions of SQL, such as coalesce, upper, round or date_trunc)",
                "line 1, column 15: there is no function `make_array` (write it with the functions of SQL, such as coalesce, upper, round or date_trunc)",
            ],
        ),
    ]);
}

#[test]
fn subqueries_and_queries_that_read_nothing() {
    refused(&[
        (
            "SELECT (SELECT 1) FROM transactions",
            &[
                "line 1, column 9: a subquery in an expression is not supported (a subquery may stand in FROM; for a lookup, JOIN a table)",
                "line 1, column 9: the query reads nothing (add FROM with the name of a source or a stream)",
            ],
        ),
        (
            "SELECT * FROM transactions WHERE category IN (SELECT category FROM sales)",
            &[
                "line 1, column 34: a subquery in an expression is not supported (a subquery may stand in FROM; for a lookup, JOIN a table)",
            ],
        ),
        (
            "SELECT 1",
            &[
                "line 1, column 1: the query reads nothing (add FROM with the name of a source or a stream)",
            ],
        ),
    ]);
}

#[test]
fn windows_that_cannot_be() {
    refused(&[
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) GROUP BY customer_id",
            &[
                "line 1, column 82: the rows of a window are grouped by it (add window_start, window_end to GROUP BY)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, seen, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
            &["line 1, column 56: `seen` is not the event time of `transactions` (write `ts`)"],
        ),
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, tss, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
            &["line 1, column 56: there is no column `tss` (did you mean `ts`?)"],
        ),
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, amount, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
            &[
                "line 1, column 56: `amount` is not a Timestamp (a window is over the source's event time)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts, INTERVAL '1' MONTH) GROUP BY customer_id, window_start",
            &[
                "line 1, column 69: months and years differ in length, so no window is so long (write INTERVAL '10' SECOND, or MINUTE, HOUR, DAY)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts, 10) GROUP BY customer_id, window_start",
            &[
                "line 1, column 60: the window's length is not an interval (write INTERVAL '10' SECOND, or MINUTE, HOUR, DAY)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM TUMBLE(transactions, ts) GROUP BY customer_id, window_start",
            &[
                "line 1, column 35: TUMBLE takes a table, its time column and a length (write TUMBLE(transactions, ts, INTERVAL '10' SECOND))",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM COUNT_WINDOW(transactions, ts) GROUP BY customer_id, window_start",
            &[
                "line 1, column 35: COUNT_WINDOW takes a table, and how many of its rows are a window (write COUNT_WINDOW(transactions, 10))",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM COUNT_WINDOW(transactions, 0) GROUP BY customer_id, window_start",
            &[
                "line 1, column 35: COUNT_WINDOW takes a table, and how many of its rows are a window (write COUNT_WINDOW(transactions, 10))",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM SESSION(transactions, ts) GROUP BY customer_id, window_start",
            &[
                "line 1, column 35: SESSION takes a table, its time column and a gap (write SESSION(transactions, ts, INTERVAL '30' MINUTE))",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM SESSION(transactions, ts, INTERVAL '0' SECOND) GROUP BY customer_id, window_start",
            &[
                "line 1, column 70: a window is longer than nothing (write INTERVAL '10' SECOND, or MINUTE, HOUR, DAY)",
            ],
        ),
        (
            "SELECT customer_id, window_start FROM SESSION(transactions, ts, INTERVAL '10' SECOND)",
            &[
                "line 1, column 61: the rows of HOP, CUMULATE, SESSION and COUNT_WINDOW are grouped by their windows (add GROUP BY window_start, window_end)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM SESSION(transactions, ts, INTERVAL '10' SECOND) WHERE window_start > TIMESTAMP '2024-01-01' GROUP BY customer_id, window_start",
            &[
                "line 1, column 57: the windows of HOP, CUMULATE, SESSION and COUNT_WINDOW are not known before rows are grouped (use window_start and window_end in GROUP BY as they are, and in SELECT and HAVING)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM (SELECT customer_id, window_end FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND)) GROUP BY customer_id, window_end",
            &[
                "line 1, column 120: the window's time is gone where the rows are grouped (select the time column, or window_start, in the subquery, of one TUMBLE; of HOP, CUMULATE and SESSION, the time column)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM HOP(transactions, ts, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
            &[
                "line 1, column 35: HOP takes a table, its time column and a slide and a length (write HOP(transactions, ts, INTERVAL '10' SECOND, INTERVAL '1' MINUTE))",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM HOP(transactions, ts, INTERVAL '10' SECOND, INTERVAL '15' SECOND) GROUP BY customer_id, window_start",
            &[
                "line 1, column 35: the length is not a whole number of slides (such as INTERVAL '10' SECOND, INTERVAL '1' MINUTE)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM CUMULATE(transactions, ts, INTERVAL '1' HOUR, INTERVAL '1' MINUTE) GROUP BY customer_id, window_end",
            &[
                "line 1, column 35: the length is not a whole number of steps (such as INTERVAL '10' SECOND, INTERVAL '1' MINUTE)",
            ],
        ),
        (
            "SELECT customer_id FROM HOP(transactions, ts, INTERVAL '10' SECOND, INTERVAL '1' MINUTE)",
            &[
                "line 1, column 43: the rows of HOP, CUMULATE, SESSION and COUNT_WINDOW are grouped by their windows (add GROUP BY window_start, window_end)",
            ],
        ),
        (
            "SELECT customer_id, window_start FROM HOP(transactions, ts, INTERVAL '10' SECOND, INTERVAL '1' MINUTE)",
            &[
                "line 1, column 57: the rows of HOP, CUMULATE, SESSION and COUNT_WINDOW are grouped by their windows (add GROUP BY window_start, window_end)",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM HOP(transactions, ts, INTERVAL '10' SECOND, INTERVAL '1' MINUTE) WHERE window_end > TIMESTAMP '2024-01-01' GROUP BY customer_id, window_end",
            &[
                "line 1, column 53: the windows of HOP, CUMULATE, SESSION and COUNT_WINDOW are not known before rows are grouped (use window_start and window_end in GROUP BY as they are, and in SELECT and HAVING)",
            ],
        ),
    ]);
}

#[test]
fn groupings_that_cannot_be() {
    refused(&[
        (
            "SELECT category, count(*) FROM sales GROUP BY category",
            &[
                "line 1, column 38: `sales` is a table kept up to date, and its rows cannot be grouped again (group the rows of the source, or of a stream that only adds rows)",
            ],
        ),
        (
            "SELECT category, count(*) FROM (SELECT category, sum(amount) FROM transactions GROUP BY category) GROUP BY category",
            &[
                "line 1, column 80: the rows of a grouping without a window replace each other: they are not grouped, joined or put together again (group the inner query by a window; for count over DISTINCT, write count(DISTINCT …))",
            ],
        ),
        (
            "SELECT customer_id, amount FROM transactions GROUP BY customer_id",
            &[
                "line 1, column 21: `amount` is neither grouped by nor aggregated (add it to GROUP BY, or use an aggregate such as max)",
            ],
        ),
        (
            "SELECT customer_id FROM transactions WHERE sum(amount) > 3",
            &[
                "line 1, column 44: aggregate functions are not allowed in the WHERE clause. Consider using HAVING instead",
            ],
        ),
        (
            "SELECT customer_id, count(*) FROM transactions WHERE amount > 'abc' GROUP BY customer_id",
            &[
                "line 1, column 54: a number is compared with a text (write a number without quotes, or CAST the text to a number)",
            ],
        ),
    ]);
}

#[test]
fn names_and_types() {
    refused(&[
        (
            "SELECT custmer_id, Amount FROM transactions",
            &[
                "line 1, column 8: there is no column `custmer_id` (did you mean `customer_id`?)",
                "line 1, column 20: there is no column `Amount` (names are taken as written: write `amount`)",
            ],
        ),
        (
            "SELECT customer_id FROM transactons",
            &[
                "line 1, column 25: there is no source or stream `transactons` (did you mean `transactions`?)",
            ],
        ),
        (
            "SELECT amount, customer_id AS amount FROM transactions",
            &[
                "line 1, column 31: two columns are named `amount` (give one of them another name with AS)",
            ],
        ),
        (
            "SELECT *, amount FROM transactions",
            &[
                "line 1, column 11: two columns are named `amount` (give one of them another name with AS)",
            ],
        ),
        (
            "SELECT amount + tx_id AS x FROM transactions",
            &[
                "line 1, column 8: there is no `Decimal(12, 2) + String` (CAST one side to the type of the other)",
            ],
        ),
        (
            "SELECT customer_id FROM transactions WHERE amount + is_fraud > 3",
            &[
                "line 1, column 44: there is no `Decimal(12, 2) + Boolean` (CAST one side to the type of the other)",
            ],
        ),
        (
            "SELECT tx_id, FROM transactions WHERE",
            &["line 1, column 38: expected: an expression, found: the end of the text"],
        ),
        (
            "SELECT 'abc FROM transactions",
            &["line 1, column 8: unterminated string literal (close the string literal)"],
        ),
        (
            "",
            &["line 1, column 1: there is no SQL (write SELECT … FROM …)"],
        ),
        (
            "SELECT sha256(tx_id) AS h FROM transactions",
            &["line 1, column 8: `h` is binary, which no sink can hold (write encode(…, 'hex'))"],
        ),
        (
            "SELECT ts - seen AS d FROM transactions",
            &[
                "line 1, column 8: `d` is an interval, which no sink can hold (write EXTRACT(EPOCH FROM …) for the seconds)",
            ],
        ),
        (
            "SELECT x.amount FROM transactions t",
            &[
                "line 1, column 8: there is no table `x` in this query (write `amount` without it, or name the table so)",
            ],
        ),
        (
            "SELECT amount / 0 AS x FROM transactions",
            &["line 1, column 8: a division by zero (write another divisor)"],
        ),
        (
            "SELECT sum(customer_id) AS s FROM transactions GROUP BY category",
            &[
                "line 1, column 8: sum does not take a String (give it others, or CAST them to the types that it takes)",
            ],
        ),
        (
            "SELECT upper() AS u FROM transactions",
            &[
                "line 1, column 8: there is no `upper()`: it takes other arguments (give it others, or CAST them to the types that it takes)",
            ],
        ),
        (
            "SELECT customer_id FROM transactions WHERE amount",
            &[
                "line 1, column 44: the condition is none: it gives Decimal(12, 2) (write a comparison, such as amount > 0)",
            ],
        ),
        (
            "SELECT customer_id\nFORM transactions",
            &[
                "line 2, column 6: nothing goes on with `transactions` here (look at the words before it: one may be missing, or misspelled)",
            ],
        ),
        (
            "SELECT 1 / 0 AS x FROM transactions",
            &["line 1, column 8: a division by zero (write another divisor)"],
        ),
    ]);
}

#[test]
fn a_query_that_doubles_what_it_reads_is_refused_before_it_is_planned() {
    let doubled = |times: usize| {
        let mut sql = String::from("WITH w0 AS (SELECT category FROM transactions)");
        for i in 1..=times {
            let before = i - 1;
            sql += &format!(
                ", w{i} AS (SELECT category FROM w{before} UNION ALL SELECT category FROM w{before})"
            );
        }
        plan_query(
            &format!("{sql} SELECT category FROM w{times}"),
            &relations(),
        )
    };
    assert!(doubled(3).is_ok());
    let refused = doubled(40).unwrap_err();
    assert!(
        refused[0]
            .to_string()
            .contains("reads more than 100 tables"),
        "{refused:?}"
    );
}
