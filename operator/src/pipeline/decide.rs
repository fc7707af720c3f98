//! How many workers a Pipeline is to have, from its manifest and from what is seen of it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tidemill_crds::pipeline::Autoscale;
use tidemill_crds::{Pipeline, reasons};

use super::observation::Observation;
use super::scale::{self, Decision, Observed, Workers};
use super::status::is_rolling;
use super::validate::Read;
use crate::controller::now;
use crate::kafka::Seen;

/// How many workers there are to be, if they read these topics.
pub(super) fn decide(
    workers: &Workers,
    reads: Option<&[Read]>,
    pipeline: &Pipeline,
    seen: &Observation,
) -> Decision {
    let partitions = reads.and_then(|reads| most_partitions(reads, &seen.kafka));
    match workers {
        Workers::Suspended => plain(0),
        Workers::Fixed(workers) => {
            // Workers are not added before it is known whether there is anything for them to read.
            let is_told_later = reads.is_none() || matches!(seen.kafka, Seen::Unknown);
            let held = seen.replicas().filter(|n| is_told_later && *n > 0);
            plain(scale::fixed(*workers, partitions.or(held)))
        }
        Workers::Auto(bounds) => by_lag(bounds, pipeline, partitions, seen),
    }
}

fn plain(replicas: u32) -> Decision {
    Decision {
        replicas,
        reason: reasons::BOUNDS,
        message: String::new(),
    }
}

fn by_lag(
    bounds: &Autoscale,
    pipeline: &Pipeline,
    partitions: Option<u32>,
    seen: &Observation,
) -> Decision {
    let scaled = pipeline
        .status
        .as_ref()
        .and_then(|status| status.autoscale.as_ref()?.last_scaled.clone());
    let observed = Observed {
        current: seen.replicas(),
        partitions,
        lag: seen.figures.lag,
        rate: seen.figures.rate,
        arriving: seen.figures.arriving,
        capacity: seen.figures.capacity,
        rolling: is_rolling(seen.deployment.as_deref()),
        since_change: scaled.map(|at| since(&at)),
    };
    scale::decide(bounds, &observed)
}

fn since(at: &Time) -> Duration {
    let seconds = now().0.as_second().saturating_sub(at.0.as_second());
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// The most workers that have a partition: same-numbered partitions of all topics go to one of them.
fn most_partitions(reads: &[Read], kafka: &Seen) -> Option<u32> {
    let counts = reads
        .iter()
        .map(|read| read.partitions.or_else(|| kafka.partitions(&read.topic)));
    let known: Option<Vec<u32>> = counts.collect();
    known.and_then(|counts| counts.into_iter().max())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::sync::Arc;

    use super::*;
    use crate::pipeline::build::build;
    use crate::pipeline::observe::Figures;
    use crate::pipeline::testing::{GENERATED, defaults, found};
    use crate::pipeline::validate::{Checked, validate};

    /// A topic of three partitions, and so many workers.
    fn seen(replicas: Option<u32>, kafka: Seen) -> Observation {
        let valid = validate(&found(GENERATED)).unwrap();
        Observation {
            deployment: replicas.map(|n| Arc::new(build(&valid, n, &defaults(), None).deployment)),
            pods: Vec::new(),
            figures: Figures::default(),
            kafka,
        }
    }

    fn topics() -> Seen {
        Seen::Topics([("payments".to_owned(), 3)].into())
    }

    fn reads() -> Vec<Read> {
        vec![Read {
            topic: "payments".to_owned(),
            partitions: None,
            is_source: true,
        }]
    }

    fn decided(spec: &str, reads: Option<&[Read]>, seen: &Observation) -> u32 {
        let text = GENERATED.replacen("spec:\n", &format!("spec:\n  {spec}\n"), 1);
        let pipeline = found(&text).pipeline;
        decide(&Workers::of(&pipeline.spec), reads, &pipeline, seen).replicas
    }

    #[test]
    fn the_number_is_that_of_the_manifest_as_far_as_there_are_partitions() {
        let reads = reads();
        let two = seen(Some(2), topics());
        for (spec, replicas) in [
            ("workers: 1", 1),
            ("workers: 9", 3),
            ("suspend: true", 0),
            ("autoscale: {min: 3, max: 8}", 3),
        ] {
            assert_eq!(decided(spec, Some(&reads), &two), replicas, "{spec}");
        }
    }

    #[test]
    fn workers_are_taken_away_but_not_added_while_nobody_knows_what_they_would_read() {
        let reads = reads();
        for (reads, kafka) in [(Some(&reads[..]), Seen::Unknown), (None, topics())] {
            let of = |spec: &str, there| decided(spec, reads, &seen(there, kafka.clone()));
            assert_eq!(
                of("workers: 5", Some(3)),
                3,
                "an operator that has just started"
            );
            assert_eq!(of("workers: 1", Some(3)), 1);
            assert_eq!(of("suspend: true", Some(3)), 0);
            assert_eq!(of("workers: 5", Some(0)), 5, "it is resumed");
            assert_eq!(of("workers: 5", None), 5, "there are none yet");
        }
        let gone = Seen::Unreachable("no route".to_owned());
        assert_eq!(
            decided("workers: 5", Some(&reads), &seen(Some(3), gone)),
            5,
            "workers may see more of Kafka than the operator does"
        );
    }

    #[test]
    fn a_refused_edit_is_no_reason_for_another_number() {
        let runs = found(&GENERATED.replace("seed: 3", "seed: 3, partitions: 4"));
        let mut edited = found(GENERATED);
        edited.pipeline.spec.kafka = None;
        edited.pipeline.spec.workers = Some(9);
        edited.given = Some(validate(&runs).unwrap().manifests);
        let checked = Checked::new(&edited);
        assert!(checked.outcome.is_err());
        let four = seen(Some(4), Seen::Unknown);
        let workers = Workers::of(&edited.pipeline.spec);
        let decision = decide(&workers, checked.reads(), &edited.pipeline, &four);
        assert_eq!(decision.replicas, 4);
        assert_eq!(checked.reads().unwrap()[0].partitions, Some(4));
    }
}
