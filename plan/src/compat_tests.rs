#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use tidemill_crds::{Pipeline, Sink};

use super::*;

const PIPELINE: &str = r#"
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: payments, namespace: bank}
spec:
  sources:
  - name: transactions
    kafka: {topic: transactions}
    columns:
    - {name: customer_id, type: String, required: true}
    - {name: amount, type: "Decimal(12,2)"}
    - {name: fee, type: "Decimal(12,2)"}
    - {name: category, type: String}
    - {name: ts, type: Timestamp}
    eventTime: {column: ts}
    partitionedBy: [customer_id]
  streams:
  - name: big
    sql: SELECT customer_id, amount, fee, category, ts FROM transactions WHERE amount > 10
  - name: spend
    sql: |
      SELECT customer_id, sum(amount) AS total, window_start
      FROM TUMBLE(big, ts, INTERVAL '10' SECOND) GROUP BY customer_id, window_start
  - name: sales
    sql: SELECT category, sum(amount) AS total FROM transactions GROUP BY category
  outputs:
  - {from: spend, sink: out}
  - {from: sales, sink: out}
"#;

fn pipeline(edit: &[(&str, &str)]) -> Pipeline {
    let text = edit.iter().fold(PIPELINE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old} is not there");
        text.replace(old, new)
    });
    serde_saphyr::from_str(&text).unwrap()
}

fn signed(edit: &[(&str, &str)]) -> BTreeMap<String, Signature> {
    let sink = "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {name: out, namespace: bank}\nspec: {stdout: {}}";
    let sink: Sink = serde_saphyr::from_str(sink).unwrap();
    match crate::plan(&pipeline(edit), &[sink], &[]) {
        Ok(plan) => signatures(&plan),
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// What an edit of the pipeline above would lose.
fn lost(edit: &[(&str, &str)]) -> Vec<String> {
    let before = accept(&States::new(), signed(&[]), &Epochs::new());
    judge(&pipeline(edit), &before, &signed(edit))
        .held
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_signature_says_what_the_state_is_made_of() {
    let signed = signed(&[]);
    assert_eq!(signed.keys().collect::<Vec<_>>(), ["sales", "spend"]);
    let spend = &signed["spend"];
    assert_eq!(spend.reads, "transactions from topic transactions");
    assert!(
        spend
            .window
            .as_ref()
            .unwrap()
            .starts_with("tumbling 10s over ts")
    );
    assert_eq!(spend.meets, "where they are read");
    assert!(spend.functions[0].starts_with("sum(amount"), "{spend:?}");
    assert!(signed["sales"].meets.ends_with("shards"));
}

#[test]
fn edits_that_keep_the_state_are_not_held() {
    assert_eq!(lost(&[]), [""; 0]);
    for edit in [
        // Another filter, other columns, other names: the groups stay what they are.
        &[("amount > 10", "amount > 20")][..],
        &[(
            "SELECT category, sum(amount) AS total FROM",
            "SELECT sum(amount) AS sales, category FROM",
        )],
        &[
            (
                "    - {name: fee,",
                "    - {name: added, type: Int64}\n    - {name: fee,",
            ),
            ("amount, fee, category", "added, amount, fee, category"),
        ],
        &[(
            "SELECT customer_id, amount, fee,",
            "SELECT customer_id, fee, amount,",
        )],
        &[(
            "eventTime: {column: ts}",
            "eventTime: {column: ts, outOfOrderness: 5s}",
        )],
        &[("  - {from: sales, sink: out}\n", "")],
        &[(
            "GROUP BY category",
            "GROUP BY category HAVING sum(amount) > 5",
        )],
    ] {
        assert_eq!(lost(edit), [""; 0], "{edit:?}");
    }
}

#[test]
fn edits_that_lose_state_name_the_stream_and_what_is_lost() {
    for (edit, stream, said) in [
        (
            &[("'10' SECOND", "'20' SECOND")][..],
            "spend",
            "was `tumbling 10s",
        ),
        (
            &[("TUMBLE(", "SESSION(")],
            "spend",
            "`sessions with gaps of 10s over ts",
        ),
        (
            &[("sum(amount) AS total, window", "sum(fee) AS total, window")],
            "spend",
            "its aggregates",
        ),
        (
            &[(
                "sum(amount) AS total, window",
                "max(amount) AS total, window",
            )],
            "spend",
            "max(amount",
        ),
        (
            &[("sum(amount) AS total FROM", "sum(amount * 2) AS total FROM")],
            "sales",
            "its aggregates",
        ),
        (
            &[(
                "sum(amount) AS total FROM",
                "sum(amount) FILTER (WHERE fee > 0) AS total FROM",
            )],
            "sales",
            "where",
        ),
        (
            &[(
                "name: category, type: String",
                "name: category, type: Int64",
            )],
            "sales",
            "its keys",
        ),
        (
            &[
                (
                    "SELECT category, sum",
                    "SELECT upper(category) AS category, sum",
                ),
                ("GROUP BY category", "GROUP BY upper(category)"),
            ],
            "sales",
            "its keys",
        ),
        (
            &[("topic: transactions", "topic: elsewhere")],
            "sales",
            "topic elsewhere",
        ),
        (
            &[("    partitionedBy: [customer_id]\n", "")],
            "spend",
            "its rows meet",
        ),
    ] {
        let lost = lost(edit);
        let found = lost
            .iter()
            .find(|text| text.starts_with(&format!("stream `{stream}`")));
        let found = found.unwrap_or_else(|| panic!("{edit:?}: {lost:?}"));
        assert!(
            found.contains(said) && found.ends_with("would be lost"),
            "{edit:?}: {found}"
        );
    }
}

#[test]
fn an_expression_is_known_through_projections_and_streams() {
    let edit = [(
        "SELECT customer_id, amount, fee,",
        "SELECT customer_id, amount + fee AS amount, fee,",
    )];
    let lost = lost(&edit);
    assert!(lost.iter().any(|text| text.contains("`spend`")), "{lost:?}");
    assert!(
        lost.iter().all(|text| !text.contains("`sales`")),
        "{lost:?}"
    );
}

#[test]
fn a_reset_stream_begins_a_new_epoch_and_one_that_comes_back_is_still_known() {
    let first = accept(&States::new(), signed(&[]), &Epochs::new());
    assert!(epochs(&first).is_empty());
    let reset = accept(
        &first,
        signed(&[("'10' SECOND", "'20' SECOND")]),
        &Epochs::new(),
    );
    assert_eq!(epochs(&reset), [("spend".to_owned(), 1)].into());
    let gone = accept(&reset, BTreeMap::new(), &Epochs::new());
    assert_eq!(gone, reset);
    assert_eq!(judge(&pipeline(&[]), &gone, &signed(&[])).held.len(), 1);
}

#[test]
fn a_part_of_a_query_loses_its_state_with_the_whole() {
    let query = "SELECT category, max(total) AS total FROM \
                 (SELECT category, customer_id, sum(amount) AS total, window_start FROM TUMBLE(big, ts, INTERVAL '1' HOUR) \
                 GROUP BY category, customer_id, window_start, window_end) GROUP BY category";
    let nested = (
        "SELECT category, sum(amount) AS total FROM transactions GROUP BY category",
        query,
    );
    let longer = ("INTERVAL '1' HOUR", "INTERVAL '2' HOUR");
    let first = accept(&States::new(), signed(&[nested]), &Epochs::new());
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        ["sales", "sales-1", "spend"]
    );
    let edit = [nested, longer];
    let held = judge(&pipeline(&edit), &first, &signed(&edit)).held;
    let held: Vec<String> = held.iter().map(ToString::to_string).collect();
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(
        held[0].starts_with("stream `sales`: its window"),
        "{held:?}"
    );
    let second = accept(&first, signed(&edit), &Epochs::new());
    assert_eq!(epochs(&second), [("sales".to_owned(), 1)].into());
    assert_eq!(
        (second["sales"].epoch, second["sales-1"].epoch),
        (1, 1),
        "all of it begins anew"
    );
}

#[test]
fn states_are_read_back_as_they_were_written() {
    let states = accept(&States::new(), signed(&[]), &Epochs::new());
    let text = serde_json::to_string(&states).unwrap();
    assert_eq!(serde_json::from_str::<States>(&text).unwrap(), states);
}

#[test]
fn a_loss_is_held_unless_the_manifest_says_that_it_may_be() {
    let other = ("category, sum(amount)", "category, max(amount)");
    let reset = ("spec:\n", "spec:\n  onIncompatibleChange: Reset\n");
    let told = (
        "namespace: bank}",
        "namespace: bank, annotations: {tidemill.io/state-epochs: sales=1}}",
    );
    let mut states = accept(&States::new(), signed(&[]), &Epochs::new());
    let judged = |states: &States, edit: &[(&str, &str)]| {
        let Edited { held, reset, told } = judge(&pipeline(edit), states, &signed(edit));
        (held.len(), reset.len(), told.len())
    };
    assert_eq!(judged(&states, &[]), (0, 0, 0));
    assert_eq!(judged(&states, &[other]), (1, 0, 0));
    assert_eq!(judged(&states, &[other, reset]), (0, 1, 0));
    assert_eq!(judged(&states, &[other, told]), (0, 0, 1));
    assert_eq!(judged(&states, &[told]), (0, 0, 1), "it fits, and is reset");
    states.get_mut("sales").unwrap().epoch = 1;
    assert_eq!(
        judged(&states, &[other, told]),
        (1, 0, 0),
        "it was reset already"
    );
}

#[test]
fn rows_that_are_held_are_state() {
    let spend = (
        "SELECT customer_id, sum(amount) AS total, window_start
      FROM TUMBLE(big, ts, INTERVAL '10' SECOND) GROUP BY customer_id, window_start",
        "SELECT customer_id, sum(amount) OVER (PARTITION BY customer_id ORDER BY ts ROWS 2 PRECEDING) AS total FROM big",
    );
    let before = accept(&States::new(), signed(&[spend]), &Epochs::new());
    let lost = |edit: &[(&str, &str)]| {
        let edit: Vec<_> = [&[spend], edit].concat();
        let edited = judge(&pipeline(&edit), &before, &signed(&edit));
        edited
            .held
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    // Another filter, another name, another stream that reads more of the source.
    assert_eq!(lost(&[("amount > 10", "amount > 20")]), [""; 0]);
    assert_eq!(lost(&[("AS total FROM big", "AS three FROM big")]), [""; 0]);
    let frame = lost(&[("ROWS 2", "ROWS 3")]);
    assert!(
        frame[0].contains("Sum(") && frame[0].contains("Rows(Some(3))"),
        "{frame:?}"
    );
    let wider = lost(&[(
        "SELECT customer_id, sum(amount) OVER",
        "SELECT category, customer_id, sum(amount) OVER",
    )]);
    assert!(wider[0].contains("rows of"), "{wider:?}");
    assert_eq!(
        lost(&[("PARTITION BY customer_id", "PARTITION BY category")]).len(),
        1
    );
}

#[test]
fn what_reads_a_deduplicated_source_is_no_part_of_its_state() {
    let once = (
        "    partitionedBy: [customer_id]",
        "    deduplicate: {key: [fee], within: 1m}",
    );
    let before = accept(&States::new(), signed(&[once]), &Epochs::new());
    assert!(
        before.contains_key("transactions.deduplicated"),
        "{before:?}"
    );
    let edit = [
        once,
        (
            "SELECT category, sum(amount) AS total FROM",
            "SELECT category, sum(amount) AS total, max(fee) AS most FROM",
        ),
    ];
    let edited = judge(&pipeline(&edit), &before, &signed(&edit));
    let lost: Vec<_> = edited.held.iter().map(|l| l.stream.as_str()).collect();
    assert_eq!(lost, ["sales"]);
}

#[test]
fn a_join_keeps_its_rows_as_long_as_they_are_the_same() {
    let join = (
        "  outputs:",
        "  - name: pairs\n    sql: SELECT a.customer_id, a.amount, b.fee FROM transactions a JOIN transactions b ON a.category = b.category \
         AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts AND b.fee < a.fee\n  outputs:",
    );
    let before = accept(&States::new(), signed(&[join]), &Epochs::new());
    let lost = |edits: &[(&str, &str)]| {
        let edits: Vec<_> = [&[join], edits].concat();
        let edited = judge(&pipeline(&edits), &before, &signed(&edits));
        edited
            .held
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert!(lost(&[]).is_empty());
    assert!(
        lost(&[(
            "SELECT a.customer_id, a.amount, b.fee",
            "SELECT b.fee + 1 AS more, a.amount, a.customer_id"
        )])
        .is_empty()
    );
    for (from, to) in [
        ("'5' MINUTE", "'6' MINUTE"),
        ("a.category = b.category", "a.customer_id = b.customer_id"),
        ("b.fee < a.fee", "b.fee <= a.fee"),
        ("FROM transactions a JOIN", "FROM transactions a LEFT JOIN"),
        ("a.amount, b.fee", "a.amount, b.amount AS other"),
    ] {
        let lost = lost(&[(from, to)]);
        assert_eq!(lost.len(), 1, "{from} to {to}: {lost:?}");
        assert!(lost[0].starts_with("stream `pairs`: "), "{lost:?}");
    }
}
