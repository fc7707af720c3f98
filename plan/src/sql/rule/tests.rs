#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use tidemill_crds::alert_rule::AlertRuleSpec;

use super::{Asked, Part, RuleDraft};
use crate::manifest::{ResourceKind, load};
use crate::sql::Relation;

fn payments() -> Relation {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let fields = vec![
        field("customer_id", DataType::Utf8),
        field("amount", DataType::Decimal128(12, 2)),
        field("ts", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ];
    Relation {
        name: "payments".to_owned(),
        schema: Arc::new(Schema::new(fields)),
        event_time: Some(2),
        times: Vec::new(),
        window: None,
        key: None,
        is_table: false,
    }
}

/// A rule over payments, of the rest of its spec.
fn spec(rest: &str) -> AlertRuleSpec {
    let rest = rest.replace('\n', "\n  ");
    let text = format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: AlertRule\nmetadata: {{name: rapid}}\nspec:\n  \
         pipelineRef: {{name: p}}\n  stream: payments\n  {rest}\n"
    );
    let loaded = load("rule.yaml", &text);
    let [resource] = loaded.resources.as_slice() else {
        panic!("{text}: {:?}", loaded.problems)
    };
    match &resource.kind {
        ResourceKind::AlertRule(rule) => rule.spec.clone(),
        other => panic!("{other:?}"),
    }
}

fn asked(rule: &str) -> Result<Asked, Vec<(Part, String)>> {
    let spec = spec(rule);
    let of = payments();
    let asked = RuleDraft::read("rapid", &spec, &of).and_then(|draft| {
        let schema = match draft.query(&of)? {
            Some(parts) => parts.last().unwrap().schema().clone(),
            None => of.schema.clone(),
        };
        draft.asked(&schema, &of)
    });
    asked.map_err(|wrong| {
        let said = wrong.into_iter();
        said.map(|(part, error)| (part, error.to_string()))
            .collect()
    })
}

#[test]
fn rules_of_each_kind_are_planned() {
    for rule in [
        "when: amount > 10000",
        "when: amount > :least\nparameters: {least: 10000.5}",
        "when: date_part('hour', ts) BETWEEN 1 AND 4",
        "when: amount < :most\nparameters: {most: -5}",
        "window: {sliding: 1m}\npartitionBy: [customer_id]\nwhen: count(*) >= 5 AND amount > avg(amount) * 3",
        "window: {count: 5}\npartitionBy: [customer_id]\nwhen: sum(amount) > 100",
        "window: {tumbling: 1m}\npartitionBy: [customer_id]\nwhen: count(DISTINCT amount) > 3",
        "window: {hopping: {size: 1m, every: 10s}}\nwhen: count(*) > 3",
        "window: {session: 5m}\npartitionBy: [customer_id]\nwhen: window_end > window_start + INTERVAL '1' HOUR",
    ] {
        asked(rule).unwrap_or_else(|wrong| panic!("{rule}: {wrong:?}"));
    }
}

#[test]
fn calls_of_all_texts_are_made_once() {
    let spec = spec(
        "window: {sliding: 1m}\nwhen: count(*) > 5\nmessage: '{count(*)} of {sum(amount)}'\n\
         select: {total: sum(amount), twice: 2 * count(*)}",
    );
    let draft = RuleDraft::read("rapid", &spec, &payments()).unwrap();
    assert_eq!(draft.calls(), BTreeSet::from(["count(*)", "sum(amount)"]));
}

#[test]
fn what_is_wrong_is_said_of_its_field() {
    let part = |name: &str| Part::Select(name.to_owned());
    for (rule, field, message) in [
        (
            "when: amuont > 5",
            Part::When,
            "line 1, column 1: there is no column `amuont` (did you mean `amount`?)",
        ),
        (
            "when: amount",
            Part::When,
            "line 1, column 1: the condition is none: it gives Decimal(12, 2) (write a comparison, such as count(*) > 5)",
        ),
        (
            "when: count(*) > 5",
            Part::When,
            "line 1, column 1: count(*) is over the rows of a window, and the rule has none (give it one, such as window: {sliding: 1m})",
        ),
        (
            "when: amount > :leest\nparameters: {least: 1}",
            Part::When,
            "line 1, column 10: there is no parameter `leest` (did you mean `least`?)",
        ),
        (
            "when: amount > 1\nmessage: 'of {customer}'",
            Part::Message,
            "line 1, column 5: there is no column `customer` (did you mean `customer_id`?)",
        ),
        (
            "when: amount > 1\nselect: {twice: 2 *}",
            part("twice"),
            "line 1, column 4: expected: an expression, found: the end of the text",
        ),
        (
            "window: {tumbling: 1m}\nwhen: amount > 5",
            Part::When,
            "line 1, column 1: `amount` has many values in a window (ask for one, such as max(amount), or add it to partitionBy)",
        ),
        (
            "window: {tumbling: 1m}\npartitionBy: [customer]\nwhen: count(*) > 5",
            Part::PartitionBy(0),
            "line 1, column 1: `payments` has no column `customer` (did you mean `customer_id`?)",
        ),
        (
            "window: {sliding: 1m}\nwhen: count(*) OVER (ORDER BY ts) > 5",
            Part::When,
            "line 1, column 1: OVER has no place in a rule (its window and partitionBy say over which rows: leave OVER out)",
        ),
    ] {
        let wrong = asked(rule).unwrap_err();
        assert!(
            wrong.contains(&(field, message.to_owned())),
            "{rule}: {wrong:?}"
        );
    }
    let unused = asked("when: amount > 1\nparameters: {least: 1}").unwrap_err();
    assert_eq!(unused[0].0, Part::Parameter("least".to_owned()));
}
