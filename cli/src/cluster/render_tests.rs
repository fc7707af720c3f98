#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::collections::BTreeMap;

use tidemill_crds::{Pipeline, SinkSpec};
use tidemill_worker::status::Status;

use super::super::pages::Worker;
use super::super::view::{Facts, View};
use super::*;

fn facts(pipeline: &str) -> Facts {
    Facts {
        pipeline: serde_saphyr::from_str::<Pipeline>(pipeline).unwrap(),
        sinks: BTreeMap::new(),
        wanted: None,
        workers: Vec::new(),
        unknown: Vec::new(),
        now: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

fn worker(pod: &str) -> Worker {
    Worker {
        pod: pod.to_owned(),
        ready: true,
        ..Worker::default()
    }
}

/// A worker that says so many seconds after its start what it has read and written at these rates.
fn page(seconds: u64, topics: &str) -> Status {
    let (records, demo) = (1_000_000 + 6_000 * seconds, 500 * seconds);
    let rows = 1_475_000 + 250 * seconds;
    let json = format!(
        r#"{{
            "pipeline": "bank.account-activity", "phase": "Running", "uptimeMs": {}, "commits": 9, "rewinds": 0,
            "trouble": null, "lateDropped": 0, "deadLetters": {{"Late": 6, "NotJson": 1, "TooLong": 0}},
            "sources": [
                {{"name": "activity", "records": {records}, "bytes": 1, "lag": 602, "watermark": 1795262397900000}},
                {{"name": "demo", "records": {demo}, "bytes": 1, "lag": 0, "watermark": null}}
            ],
            "outputs": [
                {{"from": "balances", "sink": "balances", "rows": {rows}}},
                {{"from": "balances", "sink": "console", "rows": {rows}}},
                {{"from": "demo", "sink": "demo", "rows": {}}},
                {{"from": "deadLetter", "sink": "dead-letter", "rows": 7}}
            ],
            "partitions": [{topics}]
        }}"#,
        seconds * 1_000,
        50_000 + 500 * seconds,
    );
    serde_json::from_str(&json).unwrap()
}

fn held(topic: &str, partition: u32) -> String {
    format!(
        r#"{{"topic": "{topic}", "partition": {partition}, "offset": 1, "committed": 1, "watermark": null, "idle": false}}"#
    )
}

#[test]
fn a_pipeline_that_runs_is_shown_with_its_figures() {
    let (activity, demo) = ("account-activity", "bank.account-activity.demo.generator");
    let first = [held(activity, 0), held(activity, 2), held(demo, 0)].join(", ");
    let second = [held(activity, 1), held(demo, 1)].join(", ");
    let workers = [
        ("account-activity-worker-1-aaaaa", first),
        ("account-activity-worker-1-bbbbb", second),
    ];
    let sink = |text: &str| serde_saphyr::from_str::<SinkSpec>(text).unwrap();
    let facts = Facts {
        sinks: BTreeMap::from([
            (
                "balances".to_owned(),
                sink("kafka: {topic: account-balances}"),
            ),
            ("console".to_owned(), sink("stdout: {}")),
            ("demo".to_owned(), sink("kafka: {topic: demo}")),
        ]),
        workers: workers
            .map(|(pod, topics)| Worker {
                page: Some(page(100, &topics)),
                earlier: Some(page(99, &topics)),
                ..worker(pod)
            })
            .into(),
        ..facts(include_str!("golden/running.yaml"))
    };
    assert_eq!(
        render(&View::of(&facts)),
        include_str!("golden/running.txt")
    );
}

#[test]
fn what_is_not_as_it_should_be_is_shown_with_why() {
    let crashing = Worker {
        ready: false,
        trouble: Some("CrashLoopBackOff: back-off 10s".to_owned()),
        ..worker("payments-worker-1-bbbbb")
    };
    let facts = Facts {
        workers: vec![worker("payments-worker-1-aaaaa"), crashing],
        unknown: vec![
            "what workers say of themselves is not shown: you may not get pods/proxy".to_owned(),
        ],
        ..facts(include_str!("golden/refused.yaml"))
    };
    assert_eq!(
        render(&View::of(&facts)),
        include_str!("golden/refused.txt")
    );
}

#[test]
fn a_suspended_pipeline_is_as_it_should_be() {
    let facts = facts(include_str!("golden/suspended.yaml"));
    assert_eq!(
        render(&View::of(&facts)),
        include_str!("golden/suspended.txt")
    );
}

#[test]
fn figures_of_workers_that_do_not_all_answer_are_not_taken_for_the_whole() {
    let facts = Facts {
        workers: vec![
            Worker {
                page: Some(page(100, "")),
                ..worker("a")
            },
            worker("b"),
        ],
        ..facts(include_str!("golden/running.yaml"))
    };
    let view = View::of(&facts);
    assert_eq!(
        (view.lag, view.records_per_second),
        (Some(1_200), Some(12_000)),
        "as the status says"
    );
    assert_eq!(view.sources[0].lag, None);
    assert_eq!(view.dead_letters, Some(12));
}

#[test]
fn what_no_operator_has_looked_at_says_so() {
    let mut facts = facts(include_str!("golden/running.yaml"));
    facts.pipeline.status = None;
    let screen = render(&View::of(&facts));
    assert!(
        screen.contains("Note          no operator has looked at it yet"),
        "{screen}"
    );
    assert!(screen.contains("Ready         not known yet\n"), "{screen}");
}

#[test]
fn programs_get_the_same_figures_as_json() {
    let view = View::of(&facts(include_str!("golden/running.yaml")));
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["recordsPerSecond"], 12_000);
    assert_eq!(json["conditions"][1]["type"], "Ready");
    assert_eq!(json["workers"]["autoscale"]["targetLag"], "10s");
    assert_eq!(json["sources"][0]["from"], "topic account-activity");
}
