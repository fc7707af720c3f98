#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use tidemill_crds::{Pipeline, Sink};

use crate::model::{Editions, Input, Operator, Plan, RowsOf};
use crate::{PlanProblem, Version, plan_editions};

const PIPELINE: &str = r#"
metadata: {name: p}
spec:
  sources:
  - name: payments
    kafka: {topic: payments}
    columns:
    - {name: customer, type: String}
    - {name: amount, type: "Decimal(12,2)"}
    - {name: ts, type: Timestamp}
    eventTime: {column: ts}
  outputs:
  - {from: alerts, sink: out}
"#;

fn planned(rules: &[(&str, &str)]) -> Result<Plan, Vec<PlanProblem>> {
    let all = rules
        .iter()
        .map(|(name, spec)| (*name, *spec, Editions::ALL));
    planned_editions(&all.collect::<Vec<_>>())
}

fn planned_editions(rules: &[(&str, &str, Editions)]) -> Result<Plan, Vec<PlanProblem>> {
    let pipeline: Pipeline = serde_saphyr::from_str(PIPELINE).unwrap();
    let sink: Sink = serde_saphyr::from_str("metadata: {name: out}\nspec: {stdout: {}}").unwrap();
    let version = |(name, spec, editions): &(&str, &str, Editions)| {
        let text = format!(
            "metadata: {{name: {name}}}\nspec: {{pipelineRef: {{name: p}}, stream: payments, {spec}}}"
        );
        Version {
            rule: serde_saphyr::from_str(&text).unwrap(),
            editions: *editions,
        }
    };
    let rules: Vec<Version> = rules.iter().map(version).collect();
    plan_editions(&pipeline, &[sink], &rules)
}

const SLIDING: &str = "partitionBy: [customer], window: {sliding: 1m}";
const TUMBLING: &str = "partitionBy: [customer], window: {tumbling: 1m}";

fn made(rules: &[(&str, &str)]) -> Vec<String> {
    planned(rules).unwrap().made
}

#[test]
fn rules_with_one_window_and_key_share_a_stream() {
    let five = format!("{SLIDING}, when: 'count(*) >= 5'");
    let much = format!("{SLIDING}, when: 'sum(amount) > 100'");
    let plan = planned(&[("five", &five), ("much", &much)]).unwrap();
    assert_eq!(
        plan.made.len(),
        2,
        "over rows with editions: {:?}",
        plan.made
    );
    let [first, second] = plan.rules.as_slice() else {
        panic!("{:?}", plan.rules)
    };
    assert_eq!(first.watches, second.watches);
    let Input::Stream(stream) = first.watches else {
        panic!("{first:?}")
    };
    let Some(Operator::Over(over)) = &plan.streams[stream].operator else {
        panic!("{:?}", plan.streams)
    };
    assert_eq!(over.calls.len(), 2);
    assert_eq!(over.raise.as_ref().unwrap().wanted.len(), 2);
    assert_eq!(
        over.raise.as_ref().unwrap().topic.as_deref(),
        Some("payments")
    );
    let tumbling = format!("{TUMBLING}, when: 'count(*) >= 5'");
    let several = planned(&[("five", &five), ("much", &much), ("three", &tumbling)]).unwrap();
    assert_eq!(
        several.made.len(),
        4,
        "its own window, over the records: {:?}",
        several.made
    );
}

#[test]
fn an_edit_asks_for_other_streams_or_not() {
    let rule = |spec: &str, when: &str| format!("{spec}, when: '{when}'");
    let before = made(&[("r", &rule(SLIDING, "count(*) >= 5"))]);
    assert_eq!(made(&[("r", &rule(SLIDING, "count(*) >= 7"))]), before);
    let off = format!("{}, mode: Disabled", rule(SLIDING, "count(*) >= 5"));
    assert_eq!(made(&[("r", &off)]), before, "switched off");
    let alone = ("large", "when: 'amount > 5'");
    assert_eq!(made(&[("r", &off), alone]), before, "without a window");
    let quiet = format!("{SLIDING}, suppressFor: 1m");
    let before_quiet = made(&[("r", &rule(&quiet, "count(*) >= 5"))]);
    assert_eq!(made(&[("r", &rule(&quiet, "count(*) >= 7"))]), before_quiet);
    let alone = |when: &str| made(&[("r", &rule("suppressFor: 1m", when))]);
    assert_eq!(
        alone("amount > 5"),
        alone("amount > 7 AND customer IS NULL")
    );
    assert_ne!(made(&[("r", &rule(SLIDING, "max(amount) >= 5"))]), before);
    assert_ne!(made(&[("r", &rule(TUMBLING, "count(*) >= 5"))]), before);
}

#[test]
fn every_kind_of_window_is_planned() {
    for window in [
        "{sliding: 1m}",
        "{count: 5}",
        "{tumbling: 1m}",
        "{hopping: {size: 1m, every: 10s}}",
        "{session: 5m}",
    ] {
        for more in ["", ", partitionBy: [customer]", ", suppressFor: 1m"] {
            let spec =
                format!("window: {window}{more}, when: 'count(*) > 1', select: {{a: avg(amount)}}");
            let plan = planned(&[("r", &spec)]).unwrap_or_else(|e| panic!("{spec}: {e:?}"));
            let [rule] = plan.rules.as_slice() else {
                panic!("{:?}", plan.rules)
            };
            assert_eq!(rule.fresh.is_some(), more.contains("suppressFor"));
            assert!(!matches!(rule.of, RowsOf::Stream(_)), "{spec}");
        }
    }
    let alone = planned(&[("r", "when: 'amount > 5', suppressFor: 1m")]).unwrap();
    assert!(alone.rules[0].fresh.is_some());
}

#[test]
fn a_rule_that_is_wrong_is_named() {
    let problems = planned(&[
        ("fine", "when: 'amount > 5'"),
        ("bad", "when: 'amuont > 5'"),
    ]);
    let problems = problems.unwrap_err();
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path, "AlertRule bad: spec.when");
    let nowhere = planned(&[("r", "when: 'amount > 5', sinkRefs: [{name: uot}]")]).unwrap_err();
    assert_eq!(nowhere[0].path, "AlertRule r: spec.sinkRefs[0].name");
    assert!(
        nowhere[0].to_string().contains("did you mean `out`?"),
        "{nowhere:?}"
    );
}

#[test]
fn former_versions_judge_what_is_kept_for_the_present_one() {
    let rule = |text: &str| format!("{text}, when: 'count(*) >= 5'");
    let editions = |from, to| Editions { from, to };
    for more in ["", ", suppressFor: 1m"] {
        let now = rule(&format!("{SLIDING}{more}"));
        let present = ("r", now.as_str(), editions(3, None));
        let before = now.replace(">= 5", ">= 9");
        let elsewhere = rule(TUMBLING);
        let with = |former: &str| {
            planned_editions(&[("r", former, editions(i64::MIN, Some(3))), present]).unwrap()
        };
        let plan = with(&before);
        let [first, second] = plan.rules.as_slice() else {
            panic!("{:?}", plan.rules)
        };
        assert_eq!(first.watches, second.watches, "{more}");
        assert_eq!(plan.made, made(&[("r", &now)]), "{more}");
        let guarded = second.when.to_string();
        assert!(
            guarded.contains("$edition") && guarded.contains("CASE"),
            "{guarded}"
        );
        // What it would judge is not there any more.
        let plan = with(&elsewhere);
        assert_eq!(plan.rules.len(), 1, "{more}: {:?}", plan.rules);
    }
    let (one, other) = (
        ("a", "when: 'amount > 5', suppressFor: 1m"),
        ("b", "when: 'amount > 5', suppressFor: 1m"),
    );
    assert_eq!(
        made(&[one, other]),
        made(&[other, one]),
        "in whatever order"
    );
    let alone = |limit| format!("when: 'amount > {limit}', suppressFor: 1m");
    let (before, now) = (alone(5), alone(7));
    let former = ("r", before.as_str(), editions(i64::MIN, Some(3)));
    let plan = planned_editions(&[former, ("r", &now, editions(3, None))]).unwrap();
    assert_eq!(plan.rules.len(), 2);
    assert_eq!(plan.made, made(&[("r", &now)]));
}

#[test]
fn a_rule_in_shadow_is_compared_with_one_that_judges_the_same_rows() {
    let rule = |text: &str, when: &str| format!("{text}, when: '{when}'");
    let compared = |original: &str, shadow: &str| {
        let shadow = format!("{shadow}, mode: Shadow, shadowOf: it");
        let plan = planned(&[("it", original), ("try", &shadow)]).unwrap();
        let watched = plan
            .comparisons
            .iter()
            .map(|it| (it.shadow.clone(), it.watches));
        watched.collect::<Vec<_>>()
    };
    let (few, many) = (
        rule(SLIDING, "count(*) >= 3"),
        rule(SLIDING, "count(*) >= 5"),
    );
    let quiet = format!("{few}, suppressFor: 1m");
    assert!(matches!(&compared(&few, &many)[..], [(name, Input::Stream(_))] if name == "try"));
    assert_eq!(
        compared(&quiet, &many),
        compared(&few, &many),
        "be they held back or not"
    );
    assert_eq!(compared(&few, &rule(TUMBLING, "count(*) >= 5")), []);
    let large = "when: 'amount > 5', suppressFor: 1m";
    assert!(matches!(
        compared(large, "when: 'amount > 7'")[..],
        [(_, Input::Source(0))]
    ));
    assert_eq!(compared(&few, large), []);
}
