#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use tidemill_plan::manifest::load;

use super::*;

const PIPELINE: &str = r#"
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: payments, namespace: bank}
spec:
  kafka: {bootstrapServers: "kafka:9092", auth: {secretRef: {name: kafka-user}}}
  sources:
  - {name: payments, generator: {kind: Transactions}, eventTime: {column: ts}}
  streams:
  - name: spend
    sql: SELECT account, sum(amount) AS total FROM payments GROUP BY account
  outputs:
  - {from: spend, sink: out}
"#;
const SINK: &str = "---\napiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {name: out, namespace: bank}\nspec: {stdout: {}}\n";

fn rule(pipeline: &str, stream: &str) -> String {
    format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: AlertRule\nmetadata: {{name: big, namespace: bank}}\nspec:\n  \
         pipelineRef: {{name: {pipeline}}}\n  stream: {stream}\n  when: amount > 5\n"
    )
}

fn resources(text: &str) -> Vec<Resource> {
    let loaded = load("a.yaml", text);
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    loaded.resources
}

fn pipeline(text: &str) -> Pipeline {
    match resources(text).remove(0).kind {
        ResourceKind::Pipeline(it) => *it,
        other => panic!("{other:?}"),
    }
}

fn said(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_may_watch_a_pipeline_of_the_files_or_of_the_cluster() {
    let there = There {
        pipelines: vec![pipeline(PIPELINE)],
        ..There::default()
    };
    let none = There::default();
    for stream in ["spend", "payments"] {
        assert_eq!(missing(&resources(&rule("payments", stream)), &there), []);
        let both = format!("{}---{PIPELINE}", rule("payments", stream));
        assert_eq!(missing(&resources(&both), &none), []);
    }
    assert_eq!(
        said(&missing(&resources(&rule("paymnets", "spend")), &there)),
        [
            "a.yaml:5:23: spec.pipelineRef.name: there is no Pipeline `paymnets` in the namespace bank\n  hint: did you mean `payments`?"
        ]
    );
    assert_eq!(
        said(&missing(&resources(&rule("payments", "spent")), &there)),
        [
            "a.yaml:6:11: spec.stream: the Pipeline `payments` has no source or stream `spent`\n  hint: did you mean `spend`?"
        ]
    );
    assert_eq!(
        missing(&resources(&rule("payments", "spend")), &none).len(),
        1
    );
}

#[test]
fn a_secret_may_be_in_the_files_or_in_the_cluster() {
    let key: Key = ("bank".to_owned(), "kafka-user".to_owned());
    let alone = resources(PIPELINE);
    assert_eq!(secrets_named(&alone), BTreeSet::from([key.clone()]));
    assert_eq!(missing(&alone, &There::default()), []);
    let there = There {
        no_secrets: BTreeSet::from([key]),
        ..There::default()
    };
    assert_eq!(
        said(&missing(&alone, &there)),
        [
            "a.yaml:6:61: spec.kafka.auth.secretRef: there is no Secret `kafka-user` in the namespace bank\n  hint: create it before this is applied"
        ]
    );
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: kafka-user}\n";
    assert_eq!(
        secrets_named(&resources(&format!("{PIPELINE}{secret}"))),
        BTreeSet::new()
    );
}

fn plan(text: &str) -> Plan {
    let mut resources = resources(&format!("{text}{SINK}"));
    let ResourceKind::Sink(sink) = resources.remove(1).kind else {
        panic!("a Sink");
    };
    match tidemill_plan::plan(&pipeline(text), &[*sink], &[]) {
        Ok(plan) => plan,
        Err(problems) => panic!("{problems:#?}"),
    }
}

#[test]
fn an_edit_that_would_lose_what_runs_is_a_problem_unless_it_is_wanted() {
    let states = compat::accept(
        &States::new(),
        compat::signatures(&plan(PIPELINE)),
        &tidemill_plan::resets::Epochs::new(),
    );
    let there = There {
        states: BTreeMap::from([(("bank".to_owned(), "payments".to_owned()), states)]),
        ..There::default()
    };
    let judged = |text: &str| lost(&resources(text)[0], &pipeline(text), &plan(text), &there);
    assert_eq!(judged(PIPELINE), Lost::default());

    let edited = PIPELINE.replace(
        "SELECT account, sum(amount) AS total FROM payments GROUP BY account",
        "SELECT type, sum(amount) AS total FROM payments GROUP BY type",
    );
    let found = judged(&edited);
    assert_eq!(found.wanted, [""; 0]);
    let said = said(&found.held).concat();
    assert!(said.starts_with("a.yaml:11:10: spec.streams[0].sql: it cannot go on from the state of what runs: stream `spend`: its keys"), "{said}");
    assert!(
        said.ends_with("set onIncompatibleChange: Reset to start it again without state"),
        "{said}"
    );

    let by_policy = edited.replace("spec:\n", "spec:\n  onIncompatibleChange: Reset\n");
    let annotated = "namespace: bank, annotations: {tidemill.io/state-epochs: spend=1}}";
    let by_hand = |text: &str| text.replacen("namespace: bank}", annotated, 1);
    for (text, told) in [
        (
            by_policy,
            "payments, as onIncompatibleChange: Reset has it: stream `spend`: its keys",
        ),
        (
            by_hand(&edited),
            "payments, as tidemill.io/state-epochs has it: stream `spend`: its keys",
        ),
        (
            by_hand(PIPELINE),
            "payments, as tidemill.io/state-epochs has it: stream `spend`: its table, counted since the beginning, would be lost",
        ),
    ] {
        let found = judged(&text);
        assert_eq!((found.held.len(), found.wanted.len()), (0, 1));
        assert!(found.wanted[0].starts_with(told), "{:?}", found.wanted);
    }
}
