#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use k8s_openapi::api::apps::v1::DeploymentStatus;

use super::*;
use crate::pipeline::build::{Defaults, build};
use crate::pipeline::testing::found;
use crate::pipeline::validate::{Found, validate};

const LEAST: &str = include_str!("build/golden/least.yaml");

fn at(second: i64) -> Time {
    Time(k8s_openapi::jiff::Timestamp::from_second(second).unwrap())
}

/// A Pipeline with all that is known of it; two workers run and read.
struct World {
    found: Found,
    applied: Deployment,
    pods: Vec<PodSeen>,
    figures: Figures,
    kafka: Seen,
    decision: Option<Decision>,
    trouble: Option<&'static str>,
}

impl World {
    fn new(text: &str) -> Self {
        let found = found(text);
        let defaults = Defaults {
            image: "t".to_owned(),
            pull_policy: None,
            pull_secrets: Vec::new(),
            otlp_endpoint: None,
        };
        let mut applied =
            build(&validate(&self::found(LEAST)).unwrap(), 2, &defaults, None).deployment;
        applied.metadata.generation = Some(4);
        applied.status = Some(DeploymentStatus {
            observed_generation: Some(4),
            replicas: Some(2),
            updated_replicas: Some(2),
            ready_replicas: Some(2),
            ..DeploymentStatus::default()
        });
        Self {
            found,
            applied,
            pods: vec![PodSeen {
                name: "a".to_owned(),
                ready: true,
                ..PodSeen::default()
            }],
            figures: Figures {
                phases: [("a".to_owned(), Phase::Running)].into(),
                lag: Some(1_234),
                rate: Some(20_345.6),
                watermark: Some(1_000_500_000),
                dead_letters: 3,
                ..Figures::default()
            },
            kafka: Seen::Topics([("payments".to_owned(), 8)].into()),
            decision: None,
            trouble: None,
        }
    }

    fn rollout(&mut self) -> &mut DeploymentStatus {
        self.applied.status.as_mut().unwrap()
    }

    fn status(&self) -> PipelineStatus {
        self.status_at(&at(1_007))
    }

    fn status_at(&self, now: &Time) -> PipelineStatus {
        let checked = validate(&self.found);
        let facts = Facts {
            pipeline: &self.found.pipeline,
            checked: checked.as_ref(),
            missing: &self.found.missing,
            trouble: self.trouble,
            deployment: Some(&self.applied),
            decision: self.decision.as_ref(),
            pods: &self.pods,
            figures: &self.figures,
            kafka: &self.kafka,
        };
        status(&facts, now)
    }
}

/// Status, reason and message of a condition.
fn of<'a>(status: &'a PipelineStatus, about: &str) -> (&'a str, &'a str, &'a str) {
    let condition = status.conditions.iter().find(|c| c.type_ == about).unwrap();
    (&condition.status, &condition.reason, &condition.message)
}

#[test]
fn a_pipeline_that_runs() {
    let status = World::new(LEAST).status();
    let said: Vec<String> = status
        .conditions
        .iter()
        .map(|c| format!("{}={} {}", c.type_, c.status, c.reason))
        .collect();
    assert_eq!(
        said,
        [
            "Accepted=True Accepted",
            "ResolvedRefs=True ResolvedRefs",
            "Ready=True Ready",
            "Progressing=False Stable",
            "SourceReachable=True Reachable",
            "SinksReachable=True Reachable",
            "Flowing=True Flowing",
            "Degraded=False Healthy",
        ]
    );
    assert!(
        status
            .conditions
            .iter()
            .all(|c| c.observed_generation == Some(3))
    );
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(status.partitions, Some(8));
    assert_eq!(
        (status.lag, status.records_per_second, status.dead_letters),
        (Some(1_200), Some(20_000), Some(3))
    );
    assert_eq!(status.watermark, Some(at(1_000)));
    assert_eq!(status.watermark_delay.unwrap().to_string(), "7s");
    assert_eq!(
        status.selector.as_deref(),
        Some(
            "app.kubernetes.io/component=worker,app.kubernetes.io/instance=payments,app.kubernetes.io/name=tidemill"
        )
    );
}

#[test]
fn an_idle_pipeline_has_the_same_status_however_late_it_gets() {
    let mut world = World::new(LEAST);
    world.figures.rate = Some(0.0);
    world.figures.lag = Some(0);
    let first = world.status_at(&at(1_007));
    world.found.pipeline.status = Some(first.clone());
    let later = world.status_at(&at(9_999_999));
    assert_eq!(change(Some(&first), &later), Change::None);
    assert_eq!(of(&later, "Flowing").1, reasons::IDLE);
}

#[test]
fn figures_alone_are_told_from_what_somebody_waits_for() {
    let mut world = World::new(LEAST);
    let first = world.status();
    world.found.pipeline.status = Some(first.clone());
    world.figures.rate = Some(40_000.0);
    assert_eq!(change(Some(&first), &world.status()), Change::Figures);
    world.rollout().ready_replicas = Some(1);
    assert_eq!(change(Some(&first), &world.status()), Change::Meaning);
    assert_eq!(change(None, &first), Change::Meaning);
}

#[test]
fn a_refused_edit_says_why_and_that_the_old_one_runs() {
    let world = World::new(&LEAST.replace("amount > 10", "amuont > 10"));
    let status = world.status();
    let (accepted, reason, message) = of(&status, "Accepted");
    assert_eq!((accepted, reason), ("False", reasons::INVALID));
    assert!(
        message.contains("spec.streams[0].sql, line 1") && message.contains("did you mean"),
        "{message}"
    );
    assert_eq!(of(&status, "Ready").1, reasons::NOT_ACCEPTED);
    assert!(of(&status, "Ready").2.contains("what ran before goes on"));
    assert_eq!(status.replicas, Some(2));
    assert_eq!(of(&status, "Flowing").0, "True");
}

#[test]
fn what_is_suspended_stops_whatever_is_wrong_with_its_manifest() {
    let suspended = LEAST.replacen("spec:\n", "spec:\n  suspend: true\n", 1);
    let wrong = World::new(&suspended.replace("amount > 10", "amuont > 10"));
    let mut unresolved = World::new(&suspended);
    unresolved.found.missing.push(Missing {
        reason: reasons::SINK_NOT_FOUND,
        message: "gone".to_owned(),
    });
    for (mut world, about, reason) in [
        (wrong, "Accepted", reasons::INVALID),
        (unresolved, "ResolvedRefs", reasons::SINK_NOT_FOUND),
    ] {
        world.applied.spec.as_mut().unwrap().replicas = Some(0);
        let stopping = world.status();
        assert_eq!(of(&stopping, "Ready").1, reasons::WORKERS_NOT_READY);
        *world.rollout() = DeploymentStatus {
            observed_generation: Some(4),
            ..DeploymentStatus::default()
        };
        world.pods.clear();
        let status = world.status();
        assert_eq!(
            (of(&status, "Ready").0, of(&status, "Ready").1),
            ("True", reasons::SUSPENDED)
        );
        assert_eq!(of(&status, "Flowing").1, reasons::SUSPENDED);
        let (holds, why, _) = of(&status, about);
        assert_eq!((holds, why), ("False", reason));
        let says = of(&status, "Ready")
            .2
            .contains("not accepted (Invalid), correct it");
        assert_eq!(says, about == "Accepted");
    }
}

#[test]
fn what_is_missing_is_named() {
    let mut world = World::new(LEAST);
    world.found.missing.push(Missing {
        reason: reasons::SINK_NOT_FOUND,
        message: "spec.outputs[0].sink: there is no Sink `large-payments`".to_owned(),
    });
    let status = world.status();
    assert_eq!(of(&status, "Accepted").0, "True");
    for about in ["ResolvedRefs", "Ready"] {
        assert_eq!(of(&status, about).1, reasons::SINK_NOT_FOUND);
        assert!(of(&status, about).2.contains("`large-payments`"));
    }
}

#[test]
fn a_suspended_pipeline_is_ready_when_its_workers_are_gone() {
    let mut world = World::new(&LEAST.replacen("spec:\n", "spec:\n  suspend: true\n", 1));
    world.applied.spec.as_mut().unwrap().replicas = Some(0);
    assert_eq!(of(&world.status(), "Ready").1, reasons::WORKERS_NOT_READY);
    assert_eq!(
        of(&world.status(), "Progressing"),
        ("True", reasons::SCALING, "from 2 to 0 workers")
    );
    let pods = std::mem::take(&mut world.pods);
    assert_eq!(
        of(&world.status(), "Ready").1,
        reasons::WORKERS_NOT_READY,
        "the copy of the pods may be behind"
    );
    world.pods = pods;
    *world.rollout() = DeploymentStatus {
        observed_generation: Some(4),
        ..DeploymentStatus::default()
    };
    world.pods[0].leaving = true;
    assert_eq!(
        of(&world.status(), "Ready").1,
        reasons::WORKERS_NOT_READY,
        "it has not committed yet"
    );
    world.pods.clear();
    let status = world.status();
    assert_eq!((status.lag, status.records_per_second), (None, None));
    assert_eq!(
        (of(&status, "Ready").0, of(&status, "Ready").1),
        ("True", reasons::SUSPENDED)
    );
    assert_eq!(of(&status, "Flowing").1, reasons::SUSPENDED);
}

#[test]
fn ready_waits_for_what_was_applied_and_says_what_it_waits_for() {
    let mut world = World::new(LEAST);
    world.rollout().observed_generation = Some(3);
    assert_eq!(of(&world.status(), "Ready").0, "False");
    world.rollout().observed_generation = Some(4);
    world.rollout().updated_replicas = Some(1);
    assert_eq!(of(&world.status(), "Ready").0, "False");
    assert_eq!(of(&world.status(), "Progressing").1, reasons::ROLLING_OUT);
    world.rollout().updated_replicas = Some(2);
    world.rollout().ready_replicas = Some(1);
    world.pods.push(PodSeen {
        name: "b".to_owned(),
        trouble: Some("ImagePullBackOff: no such image".to_owned()),
        ..PodSeen::default()
    });
    let status = world.status();
    assert_eq!(
        of(&status, "Ready").2,
        "1 of 2 workers are ready: ImagePullBackOff: no such image"
    );
    assert_eq!(of(&status, "Degraded").1, reasons::WORKERS_MISSING);
}

#[test]
fn a_worker_that_has_failed_is_not_ready_whatever_its_probe_says() {
    let mut world = World::new(LEAST);
    world.figures.phases.insert("b".to_owned(), Phase::Failed);
    world.figures.troubles = vec!["state cannot be read".to_owned()];
    assert_eq!(of(&world.status(), "Ready").0, "False");
    assert!(
        of(&world.status(), "Ready")
            .2
            .ends_with("state cannot be read")
    );
}

#[test]
fn kafka_is_said_to_be_what_it_is() {
    let mut world = World::new(LEAST);
    for (kafka, status, reason, said) in [
        (Seen::Unknown, "Unknown", reasons::PENDING, "asked"),
        (
            Seen::Unreachable("nobody there".to_owned()),
            "False",
            reasons::UNREACHABLE,
            "nobody there",
        ),
        (
            Seen::Refused("wrong password".to_owned()),
            "False",
            reasons::UNAUTHORIZED,
            "wrong password",
        ),
        (
            Seen::Topics([("other".to_owned(), 1)].into()),
            "False",
            reasons::NOT_FOUND,
            "there is no topic `payments`: create it",
        ),
    ] {
        world.kafka = kafka;
        let now = world.status();
        let source = of(&now, "SourceReachable");
        assert_eq!((source.0, source.1), (status, reason));
        assert!(source.2.contains(said), "{source:?}");
    }
    assert_eq!(
        of(&world.status(), "SinksReachable").0,
        "True",
        "this one is made"
    );
    let mut world = World::new(&LEAST.replace(
        "{topic: large-payments}",
        "{topic: large-payments, create: false}",
    ));
    assert_eq!(of(&world.status(), "SinksReachable").1, reasons::NOT_FOUND);
    world.kafka = Seen::BadSecret("the Secret `k` has no key `password`".to_owned());
    assert_eq!(
        of(&world.status(), "ResolvedRefs").1,
        reasons::SECRET_INVALID
    );
}

#[test]
fn flowing_is_about_records_and_is_kept_while_nobody_says() {
    let mut world = World::new(LEAST);
    world.figures.rate = Some(0.0);
    world.figures.stalled = Some(STALLED);
    assert_eq!(of(&world.status(), "Flowing").1, reasons::STALLED);
    world.figures = Figures::default();
    assert_eq!(of(&world.status(), "Flowing").0, "Unknown");
    let mut before = World::new(LEAST);
    before.found.pipeline.status = Some(before.status());
    before.figures = Figures::default();
    assert_eq!(of(&before.status(), "Flowing").1, reasons::FLOWING);
}

#[test]
fn the_time_of_scaling_is_kept_until_it_scales_again() {
    let mut world = World::new(LEAST);
    let decision = |replicas, reason| {
        Some(Decision {
            replicas,
            reason,
            message: "m".to_owned(),
        })
    };
    world.decision = decision(4, reasons::FALLING_BEHIND);
    let status = world.status_at(&at(100));
    assert_eq!(
        status.autoscale.as_ref().unwrap().last_scaled,
        Some(at(100))
    );
    world.found.pipeline.status = Some(status);
    for reason in [
        reasons::FALLING_BEHIND,
        reasons::COOL_DOWN,
        reasons::ON_TARGET,
    ] {
        world.decision = decision(4, reason);
        assert_eq!(
            world.status_at(&at(200)).autoscale.unwrap().last_scaled,
            Some(at(100))
        );
    }
    world.decision = decision(2, reasons::SPARE_CAPACITY);
    assert_eq!(
        world.status_at(&at(300)).autoscale.unwrap().last_scaled,
        Some(at(300))
    );
}

#[test]
fn what_the_cluster_refuses_is_said() {
    let mut world = World::new(LEAST);
    world.trouble = Some("Deployment payments-worker: exceeded quota");
    let status = world.status();
    assert_eq!(
        of(&status, "Ready"),
        (
            "False",
            reasons::NOT_APPLIED,
            "Deployment payments-worker: exceeded quota"
        )
    );
}

#[test]
fn a_new_operator_changes_nothing_before_it_has_looked() {
    let mut world = World::new(LEAST);
    let before = world.status();
    world.found.pipeline.status = Some(before.clone());
    world.figures = Figures::default();
    world.kafka = Seen::Unknown;
    assert_eq!(
        change(Some(&before), &world.status_at(&at(5_000))),
        Change::None
    );
}

#[test]
fn nobody_knows_what_flows_while_kafka_is_gone() {
    let mut world = World::new(LEAST);
    world.found.pipeline.status = Some(world.status());
    world.kafka = Seen::Unreachable("nobody there".to_owned());
    assert_eq!(
        of(&world.status(), "Flowing"),
        ("Unknown", reasons::UNREACHABLE, "nobody there")
    );
}
