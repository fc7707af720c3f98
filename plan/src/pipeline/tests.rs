#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tidemill_crds::{AlertRule, Pipeline, Sink};

use crate::model::{
    Changes, Emit, EventTime, Exchange, Input, Late, Missing, Operator, OutputOf, Plan, Step,
};
use crate::plan;

fn problems(spec: &str) -> Vec<String> {
    let (pipeline, sinks, rules) = manifests(spec);
    match plan(&pipeline, &sinks, &rules) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn planned(spec: &str) -> Plan {
    let (pipeline, sinks, rules) = manifests(spec);
    match plan(&pipeline, &sinks, &rules) {
        Ok(plan) => plan,
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn manifests(spec: &str) -> (Pipeline, Vec<Sink>, Vec<AlertRule>) {
    let head = "apiVersion: tidemill.io/v1alpha1\nkind: Pipeline\nmetadata: {name: payments, namespace: bank}\nspec:\n";
    let pipeline = serde_saphyr::from_str(&format!("{head}{spec}")).unwrap();
    let sink = |name: &str, spec: &str| {
        let head = "apiVersion: tidemill.io/v1alpha1\nkind: Sink";
        let text = format!("{head}\nmetadata: {{name: {name}, namespace: bank}}\nspec: {spec}\n");
        serde_saphyr::from_str::<Sink>(&text).unwrap()
    };
    let sinks = vec![
        sink("out", "{stdout: {}}"),
        sink("topic", "{kafka: {topic: results}}"),
        sink(
            "lake",
            "{iceberg: {catalog: {rest: {uri: 'http://x', warehouse: w}}, table: bank.transactions}}",
        ),
    ];
    let rule = "apiVersion: tidemill.io/v1alpha1\nkind: AlertRule\nmetadata: {name: rapid, namespace: bank}\n\
                spec: {pipelineRef: {name: other}, stream: transactions, when: 'amount > 5'}\n";
    (pipeline, sinks, vec![serde_saphyr::from_str(rule).unwrap()])
}

const SOURCE: &str = r#"
  sources:
  - name: transactions
    kafka: {topic: transactions}
    columns:
    - {name: tx_id, type: String, required: true}
    - {name: customer_id, type: String}
    - {name: amount, type: "Decimal(12,2)"}
    - {name: category, type: String, from: details.category}
    - {name: ts, type: Timestamp, from: timestamp}
    - {name: unused, type: Float64}
    check: "amount >= 0"
    eventTime: {column: ts, outOfOrderness: 2s, idleTimeout: 30s}
    partitionedBy: [customer_id]
"#;

fn over_source(rest: &str) -> String {
    format!("{SOURCE}{rest}")
}

fn names(schema: &arrow::datatypes::Schema) -> Vec<&str> {
    schema.fields().iter().map(|f| f.name().as_str()).collect()
}

#[test]
fn a_pipeline_reads_each_source_once_with_what_is_needed() {
    let plan = planned(&over_source(
        r"
  streams:
  - name: spend
    sql: |
      SELECT customer_id, sum(amount) AS total, window_start
      FROM TUMBLE(big, ts, INTERVAL '10' SECOND) GROUP BY customer_id, window_start
    allowedLateness: 0s
    lateRecords: Drop
  - name: sales
    sql: SELECT category, sum(amount) AS total FROM transactions GROUP BY category
    emit: {when: OnUpdate, every: 1s}
  - name: large_sales
    sql: SELECT category AS c, total FROM sales WHERE total > 1000
  - name: big
    sql: SELECT customer_id, amount, ts FROM transactions WHERE amount > 10
  outputs:
  - {from: spend, sink: topic, key: [customer_id]}
  - {from: large_sales, sink: out}
  - {from: deadLetter, sink: topic}
",
    ));
    assert_eq!(plan.name, "bank.payments");
    let source = &plan.sources[0];
    assert_eq!(
        names(&source.schema),
        ["tx_id", "customer_id", "amount", "category", "ts"]
    );
    let columns: Vec<(String, bool)> = source
        .columns
        .iter()
        .map(|c| (c.path.join("/"), c.required))
        .collect();
    let expected = [
        ("tx_id", true),
        ("customer_id", false),
        ("amount", false),
        ("details/category", false),
        ("timestamp", true),
    ];
    assert_eq!(
        columns,
        expected.map(|(path, required)| (path.to_owned(), required))
    );
    assert_eq!(
        source.check.as_ref().unwrap().expr.to_string(),
        "amount@2 >= Some(0),12,2"
    );
    let time = EventTime {
        column: 4,
        out_of_orderness: 2_000_000,
        idle_timeout: Some(30_000_000),
    };
    assert_eq!(source.event_time, Some(time));
    assert_eq!(source.partitioned_by, ["customer_id"]);

    let streams: Vec<&str> = plan.streams.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(streams, ["sales", "large_sales", "big", "spend"]);
    let [sales, large, big, spend] = plan.streams.as_slice() else {
        panic!("four streams")
    };

    let table = sales.aggregate().unwrap();
    assert_eq!(table.keys[0].to_string(), "category@3");
    assert_eq!(table.exchange, Exchange::Shuffle { shards: 8 });
    assert_eq!(table.emit, Emit::OnUpdate { every: 1_000_000 });
    assert_eq!(sales.changes, Changes::Upsert { key: vec![0] });
    assert_eq!(
        (large.inputs.clone(), large.changes.clone()),
        (vec![Input::Stream(0)], Changes::Upsert { key: vec![0] })
    );

    assert_eq!(names(&big.schema), ["customer_id", "amount", "ts"]);
    assert_eq!(spend.inputs, [Input::Stream(2)]);
    let windowed = spend.aggregate().unwrap();
    assert_eq!(windowed.window.unwrap().time, 2);
    assert_eq!(
        (windowed.exchange.clone(), windowed.emit, windowed.late),
        (Exchange::Local, Emit::OnClose, Late::Drop)
    );
    assert_eq!(spend.changes, Changes::Append);

    let outputs: Vec<_> = plan
        .outputs
        .iter()
        .map(|o| (o.from, o.sink.as_str(), o.key.clone()))
        .collect();
    let expected = [
        (OutputOf::Rows(Input::Stream(3)), "topic", vec![0]),
        (OutputOf::Rows(Input::Stream(1)), "out", vec![0]),
        (OutputOf::DeadLetter, "topic", vec![]),
    ];
    assert_eq!(outputs, expected);
    assert!(plan.outputs[0].to.kafka.is_some());
}

#[test]
fn a_source_that_is_written_is_read_whole_and_has_no_event_time_without_windows() {
    let plan = planned(&over_source(
        "  outputs: [{from: transactions, sink: out}]\n",
    ));
    assert_eq!(plan.sources[0].columns.len(), 6);
    assert_eq!(plan.sources[0].event_time, None);
    assert!(!plan.sources[0].columns[4].required);
}

#[test]
fn results_that_may_change_need_their_key() {
    let spend = |select: &str, rest: &str| {
        over_source(&format!(
            "  streams:\n  - name: spend\n    sql: SELECT {select} FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) \
             GROUP BY customer_id, window_start\n    {rest}\n"
        ))
    };
    let on_update = "emit: {when: OnUpdate}";
    let plan = planned(&spend(
        "window_start, customer_id, count(*) AS n",
        on_update,
    ));
    assert_eq!(plan.streams[0].changes, Changes::Upsert { key: vec![1, 0] });
    let late = planned(&spend(
        "window_start, customer_id, count(*) AS n",
        "allowedLateness: 5s",
    ));
    assert_eq!(late.streams[0].changes, Changes::Upsert { key: vec![1, 0] });
    assert_eq!(
        problems(&spend("count(*) AS n", on_update)),
        [
            "spec.streams[0].sql, line 1, column 1: the rows replace each other by `customer_id`, `window_start`, \
          which is not selected (add `customer_id`, `window_start` to the SELECT list)"
        ]
    );
    assert!(problems(&spend("count(*) AS n", "")).is_empty());
}

#[test]
fn a_session_is_known_by_its_end() {
    let spend = |select: &str| {
        over_source(&format!(
            "  streams:\n  - name: spend\n    sql: SELECT {select} FROM SESSION(transactions, ts, INTERVAL '30' MINUTE) \
             GROUP BY customer_id, window_start, window_end\n    emit: {{when: OnUpdate}}\n"
        ))
    };
    let plan = planned(&spend(
        "window_start, customer_id, window_end, count(*) AS n",
    ));
    assert_eq!(plan.streams[0].changes, Changes::Upsert { key: vec![1, 2] });
    assert_eq!(
        problems(&spend("customer_id, window_start, count(*) AS n")),
        [
            "spec.streams[0].sql, line 1, column 1: the rows replace each other by `window_end`, which is not selected \
             (add `window_end` to the SELECT list)"
        ]
    );
}

#[test]
fn generated_columns_are_known() {
    let generated = |columns: &str| {
        format!(
            "  sources:\n  - name: t\n    generator: {{kind: Transactions}}\n    {columns}\n  outputs: [{{from: t, sink: out}}]\n"
        )
    };
    let all = planned(&generated(""));
    assert_eq!(all.sources[0].columns.len(), 11);
    let some = planned(&generated(
        "columns: [{name: ts, type: Timestamp}, {name: amount, type: 'Decimal(12,2)'}]",
    ));
    assert_eq!(names(&some.sources[0].schema), ["ts", "amount"]);
    assert_eq!(
        problems(&generated(
            "columns: [{name: amuont, type: Float64}, {name: amount, type: Float64}]"
        )),
        [
            "spec.sources[0].columns[0].name: no column `amuont` is generated (did you mean `amount`?)",
            "spec.sources[0].columns[1].type: the generated column `amount` is of type Decimal(12,2) \
             (write Decimal(12,2))",
        ]
    );
}

#[test]
fn all_problems_come_at_once() {
    let spec = r"
  sources:
  - name: transactions
    kafka: {topic: transactions}
    columns: [{name: amount, type: Int64}, {name: ts, type: String}, {name: customer_id, type: String}]
    check: amount +
    eventTime: {column: ts, idleTimeout: 0s}
    deduplicate: {key: [amount], within: 10m}
    partitionedBy: [custmer_id]
  - name: customers
    kafka: {topic: customers, startFrom: Latest}
    table: {primaryKey: [Id]}
    columns: [{name: id, type: Int64}]
  streams:
  - name: transactions
    sql: SELECT Amount, nosuch(1) FROM customer
  - name: a
    sql: |
      SELECT Amount,
             amount + is_there
      FROM transactions
    onMissing: {waitFor: 0s}
  - name: after_a
    sql: SELECT nothing FROM a
  - name: plain
    sql: SELECT amount FROM transactions
    emit: {when: OnClose}
    allowedLateness: 5s
  - name: table
    sql: SELECT customer_id, count(*) AS n FROM transactions GROUP BY customer_id
  outputs:
  - {from: alerts, sink: out}
  - {from: tabel, sink: outt}
  - {from: table, sink: lake}
  - {from: table, sink: out, key: [n]}
  - {from: table, sink: topic, key: [N]}
  - {from: deadLetter, sink: topic, key: [a]}
  - {from: a, sink: out}
";
    let got = problems(spec);
    let expected = [
        "spec.sources[1].kafka.startFrom: a table is all that its topic holds (leave it out: a table is read from the first record)",
        "spec.sources[1].table.primaryKey[0]: there is no column `Id` (names are taken as written: write `id`)",
        "spec.streams[0].name: `transactions` is the name of spec.sources[0] already (choose another name)",
        "spec.sources[0].eventTime.idleTimeout: 0s is no time (write after how long a partition without records is idle, such as 30s)",
        "spec.sources[0].eventTime.column: `ts` is not a Timestamp (give the column `type: Timestamp`)",
        "spec.sources[0].check, line 1, column 9: expected: an expression, found: the end of the text",
        "spec.sources[0].partitionedBy[0]: there is no column `custmer_id` (did you mean `customer_id`?)",
        "spec.streams[0].sql, line 1, column 16: there is no function `nosuch` (write it with the functions of SQL, such as coalesce, upper, round or date_trunc)",
        "spec.streams[1].sql, line 1, column 8: there is no column `Amount` (names are taken as written: write `amount`)",
        "spec.streams[1].sql, line 2, column 17: there is no column `is_there` (there is `amount`, `ts`, `customer_id`)",
        "spec.streams[3].emit: without GROUP BY each row is handed on by itself (leave it out)",
        "spec.streams[3].allowedLateness: without a window no record is late (leave it out)",
        "spec.outputs[1].sink: there is no Sink `outt` (did you mean `out`?)",
        "spec.outputs[1].from: there is no source or stream `tabel` (did you mean `table`?)",
        "spec.outputs[2].sink: the Sink `lake` is an Iceberg table, which is not supported yet \
         (write to a topic of the pipeline's Kafka, or to standard output)",
        "spec.outputs[3].key: the rows of the table `table` are identified by other columns \
         (leave the key out, or write key: [customer_id])",
        "spec.outputs[4].key[0]: there is no column `N` (names are taken as written: write `n`)",
        "spec.outputs[5].key: dead letters keep the key that they had (leave it out)",
    ];
    for line in &expected {
        assert!(
            got.iter().any(|g| g == line),
            "missing: {line}\ngot: {got:#?}"
        );
    }
    assert_eq!(got.len(), expected.len(), "{got:#?}");
}

#[test]
fn streams_in_a_circle_are_named() {
    let spec = over_source(
        "  streams:\n  - {name: first, sql: SELECT * FROM a}\n  - {name: a, sql: SELECT * FROM b}\n  \
         - {name: b, sql: SELECT * FROM a}\n",
    );
    assert_eq!(
        problems(&spec),
        [
            "spec.streams[1].sql: streams read each other in a circle: a reads b reads a (let one of them read a source)"
        ]
    );
}

#[test]
fn a_window_without_an_event_time_says_what_to_add() {
    let spec = "  sources: [{name: t, kafka: {topic: t}, columns: [{name: ts, type: Timestamp}]}]\n  streams:\n  \
                - {name: n, sql: \"SELECT count(*) AS n FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY window_start\"}\n";
    assert_eq!(
        problems(spec),
        [
            "spec.streams[0].sql, line 1, column 37: `ts` is not the event time of `t` (give the source of `t` an eventTime)"
        ]
    );
}

#[test]
fn rules_of_others_are_not_its_business() {
    let (pipeline, sinks, mut rules) = manifests(&over_source(""));
    assert!(plan(&pipeline, &sinks, &rules).is_ok());
    rules[0].spec.pipeline_ref.name = "payments".into();
    let problems = plan(&pipeline, &sinks, &rules).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "AlertRule rapid: spec.pipelineRef: no output of the pipeline takes alerts \
         (add {from: alerts, sink: …} to its outputs, or set the rule's mode to Disabled)"
    );
}

#[test]
fn a_table_of_another_key_than_the_partitions_is_shuffled() {
    let exchange = |group: &str| {
        let plan = planned(&over_source(&format!(
            "  streams:\n  - {{name: s, sql: \"SELECT {group}, count(*) AS n FROM transactions GROUP BY {group}\"}}\n"
        )));
        plan.streams[0].exchange().unwrap().clone()
    };
    assert_eq!(exchange("customer_id"), Exchange::Local);
    assert_eq!(exchange("category, customer_id"), Exchange::Local);
    assert_eq!(exchange("category"), Exchange::Shuffle { shards: 8 });
    assert_eq!(
        exchange("upper(customer_id)"),
        Exchange::Shuffle { shards: 8 }
    );
}

/// Of each stream: its name, what it reads, and where its rows meet.
fn outline(plan: &Plan) -> Vec<String> {
    let line = |stream: &crate::model::Stream| {
        let reads: Vec<&str> = stream
            .inputs
            .iter()
            .map(|i| plan.name_of_input(*i))
            .collect();
        let meet = match stream.exchange() {
            Some(Exchange::Local) => ", in place",
            Some(Exchange::Shuffle { .. }) => ", in shards",
            None => "",
        };
        format!("{} of {}{meet}", stream.name, reads.join(" and "))
    };
    plan.streams.iter().map(line).collect()
}

#[test]
fn a_query_that_groups_what_it_has_grouped_becomes_several_streams() {
    let plan = planned(&over_source(
        "  streams:\n  - {name: most, sql: \"SELECT max(n) AS most, window_end FROM \
         (SELECT category, customer_id, count(*) AS n, window_start, window_end FROM TUMBLE(transactions, ts, INTERVAL '1' MINUTE) \
         GROUP BY category, customer_id, window_start, window_end) GROUP BY window_start, window_end\"}\n",
    ));
    assert_eq!(
        outline(&plan),
        [
            "most-1 of transactions, in place",
            "most of most-1, in shards"
        ]
    );
    let last = plan.streams[1].aggregate().unwrap();
    assert_eq!(plan.streams[1].changes, Changes::Append);
    assert_eq!(last.key_schema.fields().len(), 1, "the start is a key");
    assert_eq!(plan.roots_of(&plan.streams[1].inputs), [0].into());
    assert_eq!(crate::stream_of("most-1"), "most");
}

#[test]
fn what_is_in_shards_by_its_key_is_grouped_there_again() {
    let by = |keys: &str| {
        let plan = planned(&over_source(&format!(
            r"
  streams:
  - name: tens
    sql: |
      SELECT category, upper(customer_id) AS who, count(*) AS n, window_start AS begin
      FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND) GROUP BY category, upper(customer_id), window_start, window_end
  - name: minutes
    sql: |
      SELECT {keys}, sum(n) AS n, window_start
      FROM TUMBLE(tens, begin, INTERVAL '1' MINUTE) GROUP BY {keys}, window_start, window_end
"
        )));
        outline(&plan)[1].clone()
    };
    assert_eq!(by("who, category"), "minutes of tens, in place");
    assert_eq!(by("category"), "minutes of tens, in shards");
}

#[test]
fn sides_of_a_union_are_read_together() {
    let spec = r"
  sources:
  - {name: a, kafka: {topic: a}, columns: [{name: k, type: String}, {name: n, type: Int64}, {name: ts, type: Timestamp}], eventTime: {column: ts}, partitionedBy: [k]}
  - {name: b, kafka: {topic: b}, columns: [{name: k, type: String}, {name: n, type: Int64}, {name: ts, type: Timestamp}], eventTime: {column: ts}, partitionedBy: [k]}
  streams:
  - {name: both, sql: 'SELECT k, n, ts FROM a UNION ALL SELECT k, n, ts FROM b'}
  - {name: one, sql: 'SELECT k, ts FROM a WHERE n > 1 UNION ALL SELECT k, ts FROM a WHERE n < 1'}
  - {name: of_both, sql: 'SELECT k, count(*) AS n, window_start FROM TUMBLE(both, ts, INTERVAL ''1'' HOUR) GROUP BY k, window_start, window_end'}
  - {name: of_one, sql: 'SELECT k, count(*) AS n, window_start FROM TUMBLE(one, ts, INTERVAL ''1'' HOUR) GROUP BY k, window_start, window_end'}
";
    let plan = planned(spec);
    assert_eq!(
        outline(&plan),
        [
            "both-branch1 of a",
            "both-branch2 of b",
            "both of both-branch1 and both-branch2",
            "one-branch1 of a",
            "one-branch2 of a",
            "one of one-branch1 and one-branch2",
            "of_both of both, in shards",
            "of_one of one, in place",
        ]
    );
    let sources = [Input::Source(0), Input::Source(1)];
    assert_eq!(plan.places_of(&plan.streams[6].inputs), sources.into());
    assert_eq!(
        plan.places_of(&[Input::Stream(6)]),
        [Input::Stream(6)].into()
    );
    let timed = plan
        .sources
        .iter()
        .all(|source| source.event_time.is_some());
    assert!(timed, "the windows are over both");
}

#[test]
fn lateness_is_that_of_the_windows_that_rows_come_to_first() {
    let plan = planned(&over_source(
        r"
  streams:
  - name: most
    allowedLateness: 5s
    sql: |
      WITH tens AS (
        SELECT count(*) AS n, window_start AS begin FROM TUMBLE(transactions, ts, INTERVAL '10' SECOND)
        GROUP BY window_start, window_end
      )
      SELECT max(n) AS most, window_start FROM TUMBLE(tens, begin, INTERVAL '1' HOUR) GROUP BY window_start, window_end
",
    ));
    let lateness: Vec<i64> = plan
        .streams
        .iter()
        .map(|s| s.aggregate().unwrap().allowed_lateness)
        .collect();
    assert_eq!(
        lateness,
        [5_000_000, 9_999_999],
        "the start of a window is as far behind its last microsecond"
    );
    assert_eq!(plan.streams[1].changes, Changes::Append);
}

#[test]
fn a_topic_is_read_by_one_source() {
    let spec = r"
  sources:
  - {name: a, kafka: {topic: tx}, columns: [{name: amount, type: Int64}]}
  - {name: b, kafka: {topic: tx}, columns: [{name: customer_id, type: String}]}
  streams:
  - {name: s, sql: SELECT amount FROM a}
  outputs:
  - {from: s, sink: out}
";
    let expected = "spec.sources[1].kafka.topic: the source `a` reads the topic `tx` already \
         (put the columns of both into `a`, and let all streams read that)";
    assert_eq!(problems(spec), [expected]);
}

const CUSTOMERS: &str = r"
  - name: customers
    kafka: {topic: customers}
    table: {primaryKey: [id]}
    columns: [{name: name, type: String}, {name: id, type: Int64}, {name: mail, type: String}]
";

#[test]
fn a_table_is_read_with_its_key_and_written_by_it() {
    let spec = format!(
        "{SOURCE}{CUSTOMERS}  streams:\n  - {{name: named, sql: 'SELECT id, name FROM customers WHERE name IS NOT NULL'}}\n  \
         outputs:\n  - {{from: customers, sink: topic}}\n  - {{from: named, sink: out}}\n"
    );
    let plan = planned(&spec);
    let customers = &plan.sources[1];
    assert_eq!(customers.key, Some(vec![1]));
    let required: Vec<bool> = customers.columns.iter().map(|c| c.required).collect();
    assert_eq!(required, [false, true, false], "the key and no more");
    assert_eq!(plan.outputs[0].key, [1]);
    assert_eq!(plan.streams[0].changes, Changes::Upsert { key: vec![0] });

    let keyed = spec.replace("sink: topic}", "sink: topic, key: [mail]}");
    let wanted = "spec.outputs[0].key: the rows of the table `customers` are identified by other columns \
                  (leave the key out, or write key: [id])";
    assert_eq!(problems(&keyed), [wanted]);
    let grouped = spec.replace("SELECT id, name FROM", "SELECT id, count(*) AS n FROM");
    let grouped = grouped.replace("IS NOT NULL", "IS NOT NULL GROUP BY id");
    assert!(problems(&grouped)[0].contains("rows cannot be grouped again"));
}

#[test]
fn a_stream_is_joined_with_a_table_that_is_read_as_far_as_needed() {
    let spec = format!(
        "{SOURCE}{CUSTOMERS}  streams:\n  - name: enriched\n    sql: SELECT t.tx_id, c.mail FROM transactions t \
         JOIN customers c ON c.id = CAST(t.customer_id AS BIGINT)\n    onMissing: DeadLetter\n  \
         outputs:\n  - {{from: enriched, sink: topic}}\n"
    );
    let plan = planned(&spec);
    let customers: Vec<&str> = plan.sources[1]
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(customers, ["id", "mail"]);
    assert_eq!(plan.sources[1].key, Some(vec![0]));
    let stream = &plan.streams[0];
    assert_eq!(
        (stream.inputs.as_slice(), &stream.changes),
        ([Input::Source(0)].as_slice(), &Changes::Append)
    );
    let lookup = stream.before.iter().find_map(|step| match step {
        Step::Lookup(lookup) => Some(lookup),
        _ => None,
    });
    let lookup = lookup.unwrap();
    assert_eq!(
        (lookup.table, lookup.columns.as_slice()),
        (1, [1].as_slice())
    );
    assert_eq!((lookup.inner, lookup.missing), (true, Missing::DeadLetter));

    let waiting = spec.replace("onMissing: DeadLetter", "onMissing: {waitFor: 5s}");
    let plan = planned(&waiting);
    assert!(
        plan.streams[0].before.is_empty(),
        "what waits is what comes in"
    );
    let Some(Operator::Await(wait)) = &plan.streams[0].operator else {
        panic!("{:?}", plan.streams[0].operator);
    };
    assert_eq!(wait.span, 5_000_000);
    assert_eq!(wait.schema.field(wait.time).name(), "ts");
    assert!(plan.sources[0].event_time.is_some());
    let outside = waiting.replace("sink: topic", "sink: out");
    let wanted = "spec.outputs[0].sink: rows that have waited in `enriched` are written to topics alone \
                  (write them to a topic, and from there on in a pipeline of its own)";
    assert_eq!(problems(&outside), [wanted]);

    let alone = spec.replace("c.mail", "t.amount").replace(
        "JOIN customers c ON c.id = CAST(t.customer_id AS BIGINT)",
        "",
    );
    assert_eq!(
        problems(&alone),
        ["spec.streams[0].onMissing: the query joins no table (leave it out)"]
    );
}

const ORDERS: &str = r"
  sources:
  - name: orders
    kafka: {topic: orders}
    partitionedBy: [customer]
    eventTime: {column: ts}
    columns: [{name: customer, type: Int64}, {name: shop, type: String}, {name: ts, type: Timestamp}]
  - name: customers
    kafka: {topic: customers}
    table: {primaryKey: [id], distribution: Partitioned}
    columns: [{name: id, type: Int64}, {name: city, type: String}]
  - name: shops
    kafka: {topic: shops}
    table: {primaryKey: [id]}
    columns: [{name: id, type: Int64}, {name: name, type: String}]
  streams:
  - name: with_city
    sql: SELECT o.customer, o.ts, c.city FROM orders o LEFT JOIN customers c ON o.customer = c.id
  - name: per_city
    sql: SELECT city, count(*) AS n, window_end FROM TUMBLE(with_city, ts, INTERVAL '10' SECOND) GROUP BY city, window_end
  - name: shopped
    sql: SELECT o.customer, s.id FROM orders o JOIN shops s ON o.shop = s.name AND s.id > 5
  outputs:
  - {from: per_city, sink: topic}
  - {from: shopped, sink: topic}
";

#[test]
fn a_plan_says_where_rows_meet() {
    let wanted = [
        "pipeline bank.payments",
        "  source orders: topic orders, partitioned by customer",
        "  table customers: topic customers, the latest row of each id, in memory by partition",
        "  table shops: topic shops, the latest row of each id, in every worker's memory",
        "  stream with_city: reads orders",
        "    LEFT JOIN customers: one row by id = customer; the partition of the same number is beside each of these",
        "  stream per_city: reads with_city",
        "    grouped by city in windows, tumbling 10s, handed on when they close",
        "    shuffled: partial results of with_city go to 8 shards by what it is grouped by",
        "  stream shopped: reads orders",
        "    JOIN shops: rows by name = shop; all of it is in every worker",
        "  output of per_city: sink topic",
        "  output of shopped: sink topic",
    ];
    let got = crate::explain(&planned(ORDERS));
    assert_eq!(got, wanted, "{got:#?}");
    let counted = ORDERS.replace(
        "TUMBLE(with_city, ts, INTERVAL '10' SECOND)",
        "COUNT_WINDOW(with_city, 5)",
    );
    let got = crate::explain(&planned(&counted));
    let line = "    rows of each city in the order of ts in windows of 5, held until the watermark has passed them";
    assert!(got.contains(&line.to_owned()), "{got:#?}");
    let kept = ORDERS.replace("partitionedBy: [customer]", "partitionedBy: [shop]");
    let kept = kept.replace("distribution: Partitioned", "distribution: Broadcast");
    let kept = kept.replace(
        "SELECT city, count(*) AS n, window_end",
        "SELECT city, count(*) AS n",
    );
    let kept = kept.replace(
        "TUMBLE(with_city, ts, INTERVAL '10' SECOND) GROUP BY city, window_end",
        "with_city GROUP BY city",
    );
    let got = crate::explain(&planned(&kept));
    assert!(
        got.contains(&"    grouped by city, kept up to date".to_owned()),
        "{got:#?}"
    );
    assert!(
        got.contains(&"    its rows replace each other by city".to_owned()),
        "{got:#?}"
    );
}

#[test]
fn a_partitioned_table_is_joined_by_what_the_stream_is_partitioned_by() {
    let elsewhere = |spec: String| {
        let found = problems(&spec);
        assert_eq!(found.len(), 1, "{found:?}");
        let wanted =
            "a worker has only the rows of `customers` that are in the partitions it reads";
        assert!(found[0].contains(wanted), "{found:?}");
    };
    elsewhere(ORDERS.replace("    partitionedBy: [customer]\n", ""));
    elsewhere(ORDERS.replace("partitionedBy: [customer]", "partitionedBy: [shop]"));
    elsewhere(ORDERS.replace(
        "partitionedBy: [customer]",
        "partitionedBy: [customer, shop]",
    ));
    elsewhere(ORDERS.replace("o.customer = c.id", "o.customer + 1 = c.id"));
    elsewhere(ORDERS.replace("o.customer = c.id", "o.shop = c.city"));
    // Behind a shuffle a row is no longer where it was read.
    let grouped = ORDERS.replace(
        "  outputs:",
        "  - name: late_city\n    sql: SELECT p.n, c.city FROM per_city p JOIN customers c ON p.n = c.id\n  outputs:",
    );
    elsewhere(grouped);
    // Through a stream that hands the column on, it is.
    let through = ORDERS.replace(
        "  outputs:",
        "  - name: again\n    sql: SELECT w.ts, c.city FROM with_city w JOIN customers c ON w.customer = c.id\n  outputs:",
    );
    assert_eq!(planned(&through).streams.len(), 4);
}

const CARDS: &str = r#"
  sources:
  - name: authorizations
    kafka: {topic: authorizations}
    columns: [{name: id, type: String}, {name: amount, type: Int64}, {name: at, type: Timestamp}, {name: unused, type: String}]
    eventTime: {column: at}
  - name: settlements
    kafka: {topic: settlements}
    columns: [{name: id, type: String}, {name: amount, type: Int64}, {name: settled, type: Timestamp}]
    eventTime: {column: settled}
  streams:
  - name: pairs
    sql: |
      SELECT a.id, a.amount, s.amount AS settled, a.at
      FROM authorizations a JOIN settlements s ON a.id = s.id AND s.settled BETWEEN a.at AND a.at + INTERVAL '1' HOUR
  - name: totals
    sql: SELECT id, sum(settled) AS total, window_start FROM TUMBLE(pairs, at, INTERVAL '1' MINUTE) GROUP BY id, window_start
  outputs:
  - {from: totals, sink: topic}
"#;

#[test]
fn a_plan_says_what_is_kept_of_streams_that_are_joined() {
    let wanted = [
        "pipeline bank.payments",
        "  source authorizations: topic authorizations",
        "  source settlements: topic settlements",
        "  stream pairs-branch1: reads authorizations",
        "    row by row, where they are read",
        "  stream pairs-branch2: reads settlements",
        "    row by row, where they are read",
        "  stream pairs: reads pairs-branch1, pairs-branch2",
        "    JOIN of rows with the same id, where settled is between at and at + 1h",
        "    rows of the left side are kept for 1h after their time, of the right side until the watermark has passed them",
        "    shuffled: rows of both sides go to 8 shards by that",
        "  stream totals: reads pairs",
        "    grouped by id in windows, tumbling 1m, handed on when they close",
        "    local: rows that belong together are in one partition",
        "  output of totals: sink topic",
    ];
    let got = crate::explain(&planned(CARDS));
    assert_eq!(got, wanted, "{got:#?}");
    let full = CARDS.replace("authorizations a JOIN", "authorizations a FULL JOIN");
    let refused = problems(&full);
    assert!(
        refused[0].contains("`at` is not the event time of `pairs`"),
        "of a full join either time may be null: {refused:?}"
    );
}

#[test]
fn windows_over_what_is_joined_wait_for_the_earlier_time() {
    let plan = planned(CARDS);
    let lateness = |plan: &Plan, name: &str| {
        let stream = plan.streams.iter().find(|s| s.name == name);
        stream.unwrap().aggregate().unwrap().allowed_lateness
    };
    assert_eq!(lateness(&plan, "totals"), 3_600_000_000);
    let left = planned(&CARDS.replace("authorizations a JOIN", "authorizations a LEFT JOIN"));
    assert_eq!(lateness(&left, "totals"), 0, "the join itself is behind");
    let before = CARDS.replace(
        "a.at AND a.at + INTERVAL '1' HOUR",
        "a.at - INTERVAL '1' HOUR AND a.at",
    );
    assert_eq!(lateness(&planned(&before), "totals"), 0);
}
