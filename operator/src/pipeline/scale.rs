//! How many workers: a pure decision from what was seen.

use std::time::Duration;

use tidemill_crds::pipeline::{Autoscale, PipelineSpec};
use tidemill_crds::reasons;

/// After a change upwards, nothing is changed for so long: new workers first take their partitions over.
const COOL_DOWN_UP: Duration = Duration::from_secs(30);
/// The number is not lowered sooner than this after any change.
const COOL_DOWN_DOWN: Duration = Duration::from_secs(300);
/// Workers that would be busier than this after scaling down are kept.
const BUSY: f64 = 0.7;
/// At most so many times as many workers in one step.
const STEP: u32 = 4;

/// What a manifest says about the number of workers. It needs no plan: it counts also while the rest is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Workers {
    /// None, until it is resumed.
    Suspended,
    /// So many; 1 if not given.
    Fixed(Option<u32>),
    /// By lag.
    Auto(Autoscale),
}

impl Workers {
    /// What a manifest says.
    #[must_use]
    pub fn of(spec: &PipelineSpec) -> Self {
        match &spec.autoscale {
            _ if spec.suspend => Self::Suspended,
            Some(bounds) => Self::Auto(bounds.clone()),
            None => Self::Fixed(spec.workers),
        }
    }
}

/// What is known when the number is decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The workers that there are to be now; `None` before the first are started.
    pub current: Option<u32>,
    /// The most workers that have a partition to read; `None` while unknown.
    pub partitions: Option<u32>,
    /// Records not read yet; `None` while it cannot be read from every worker.
    pub lag: Option<u64>,
    /// Records read per second, by all workers together; `None` while not measured.
    pub rate: Option<f64>,
    /// Records that come in per second; `None` while not measured.
    pub arriving: Option<f64>,
    /// The most that one worker was seen to read per second while there was enough to read.
    pub capacity: Option<f64>,
    /// Whether workers are being started, stopped or replaced.
    pub rolling: bool,
    /// How long ago the number was last changed; `None` if never.
    pub since_change: Option<Duration>,
}

/// How many workers there are to be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How many.
    pub replicas: u32,
    /// One of [`tidemill_crds::reasons`].
    pub reason: &'static str,
    /// For people. It holds no figure that changes by itself.
    pub message: String,
}

impl Decision {
    fn new(replicas: u32, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            replicas,
            reason,
            message: message.into(),
        }
    }
}

/// The number of workers that a manifest gives, as far as there are partitions for them.
#[must_use]
pub fn fixed(workers: Option<u32>, partitions: Option<u32>) -> u32 {
    let wanted = workers.unwrap_or(1);
    partitions.map_or(wanted, |most| wanted.min(most.max(1)))
}

/// The number of workers by lag, within bounds.
#[must_use]
pub fn decide(bounds: &Autoscale, seen: &Observed) -> Decision {
    let most = seen
        .partitions
        .map_or(bounds.max, |p| bounds.max.min(p.max(1)))
        .max(1);
    let least = bounds.min.clamp(1, most);
    let current = match seen.current {
        None | Some(0) => {
            return Decision::new(least, reasons::BOUNDS, "starts with the fewest workers");
        }
        Some(current) => current,
    };
    let within = current.clamp(least, most);
    if within != current {
        let message = format!(
            "from {current} to {within} workers: {}",
            limit(bounds, most)
        );
        return Decision::new(within, reasons::BOUNDS, message);
    }
    let hold = |reason, message: &str| Decision::new(current, reason, message);
    let (Some(partitions), Some(lag), Some(rate), Some(arriving)) =
        (seen.partitions, seen.lag, seen.rate, seen.arriving)
    else {
        return hold(
            reasons::LAG_UNKNOWN,
            "the number is held while lag and rate are not known from every worker",
        );
    };
    if seen.rolling {
        return hold(
            reasons::ROLLING_OUT,
            "the number is held while workers are started, stopped or replaced",
        );
    }
    if cooling(seen, COOL_DOWN_UP) {
        return hold(reasons::COOL_DOWN, "the number was changed a moment ago");
    }
    let load = Load {
        lag: as_f64(lag),
        rate,
        arriving,
        target: as_f64(bounds.target_lag.as_millis()).max(1.0) / 1_000.0,
    };
    if load.is_behind() {
        return up(current, most, partitions, &load, seen.capacity);
    }
    down(current, least, partitions, &load, seen)
}

fn limit(bounds: &Autoscale, most: u32) -> String {
    if most < bounds.max {
        format!("there are partitions for {most}")
    } else {
        format!("the bounds are {} to {}", bounds.min, bounds.max)
    }
}

fn cooling(seen: &Observed, span: Duration) -> bool {
    seen.since_change.is_some_and(|since| since < span)
}

/// What there is to do. Records, records per second, seconds.
struct Load {
    lag: f64,
    rate: f64,
    arriving: f64,
    target: f64,
}

impl Load {
    /// Whether what lies there takes longer than wanted.
    fn is_behind(&self) -> bool {
        self.lag > self.rate * self.target
    }

    /// The rate that keeps up with what comes, and works off what lies there in the wanted time.
    fn wanted(&self) -> f64 {
        self.arriving.max(0.0) + self.lag / self.target
    }
}

fn up(current: u32, most: u32, partitions: u32, load: &Load, capacity: Option<f64>) -> Decision {
    // Behind, so all workers do what they can: that is what one can do.
    let measured = load.rate / f64::from(current);
    let each = capacity.map_or(measured, |c| c.max(measured));
    if each <= 0.0 {
        let message = "records wait and none is read: more workers would not help";
        return Decision::new(current, reasons::FALLING_BEHIND, message);
    }
    let enough = workers_for(load.wanted() / each, most);
    let step = current.saturating_mul(STEP).min(most);
    let replicas = even(
        enough.max(current.saturating_add(1)).min(step),
        most,
        partitions,
    );
    if replicas <= current {
        let message = if current < most {
            format!(
                "more than targetLag behind with {current} workers; up to {most} would be no quicker, as none of them would have fewer partitions"
            )
        } else {
            format!("more than targetLag behind with {current} workers, the most there can be")
        };
        return Decision::new(current, reasons::FALLING_BEHIND, message);
    }
    let message = format!(
        "from {current} to {replicas} workers: catching up would take longer than targetLag"
    );
    Decision::new(replicas, reasons::FALLING_BEHIND, message)
}

fn down(current: u32, least: u32, partitions: u32, load: &Load, seen: &Observed) -> Decision {
    let stay = || Decision::new(current, reasons::ON_TARGET, "keeps up within targetLag");
    let Some(capacity) = seen.capacity.filter(|c| *c > 0.0) else {
        return stay();
    };
    let enough = workers_for(load.wanted() / (capacity * BUSY), current);
    let replicas = even(enough.max(least), current, partitions);
    if replicas >= current {
        return stay();
    }
    if cooling(seen, COOL_DOWN_DOWN) {
        let message = "fewer workers would do, but the number was changed a moment ago";
        return Decision::new(current, reasons::COOL_DOWN, message);
    }
    let message = format!("from {current} to {replicas} workers: they can do the work");
    Decision::new(replicas, reasons::SPARE_CAPACITY, message)
}

/// Whole workers, from 1 to `most`.
fn workers_for(needed: f64, most: u32) -> u32 {
    (1..most)
        .find(|n| f64::from(*n) >= needed)
        .unwrap_or(most)
        .max(1)
}

/// A number near `needed` and not above `most` by which the partitions divide evenly; else one with which none has more
/// partitions than its part of the work allows; else the fewest that are as good as `most`.
fn even(needed: u32, most: u32, partitions: u32) -> u32 {
    let needed = needed.clamp(1, most.max(1));
    let near = needed.saturating_add(needed / 2).min(most.max(1));
    if let Some(n) = (needed..=near).find(|n| partitions.is_multiple_of(*n)) {
        return n;
    }
    let fair = partitions.div_ceil((partitions / needed).max(1));
    if fair <= most {
        return fair.max(1);
    }
    let share = partitions.div_ceil(needed).max(1);
    partitions.div_ceil(share).clamp(1, most.max(1))
}

#[allow(clippy::cast_precision_loss)] // an estimate
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::pipeline::testing::found;

    fn bounds(min: u32, max: u32) -> Autoscale {
        Autoscale {
            min,
            max,
            target_lag: tidemill_crds::Duration::from_secs(10),
        }
    }

    /// Two workers on eight partitions, each at 1,000 records/s, keeping up.
    fn calm() -> Observed {
        Observed {
            current: Some(2),
            partitions: Some(8),
            lag: Some(0),
            rate: Some(2_000.0),
            arriving: Some(2_000.0),
            capacity: Some(1_200.0),
            rolling: false,
            since_change: None,
        }
    }

    #[test]
    fn suspended_is_none_whatever_the_number() {
        let workers = |text: &str| Workers::of(&found(text).pipeline.spec);
        let everything = include_str!("build/golden/everything.yaml");
        let suspended = everything.replace("  delivery:", "  suspend: true\n  delivery:");
        assert_eq!(workers(&suspended), Workers::Suspended);
        assert!(matches!(workers(everything), Workers::Auto(bounds) if bounds.max == 8));
        let least = include_str!("build/golden/least.yaml");
        assert_eq!(workers(least), Workers::Fixed(None));
    }

    #[test]
    fn a_fixed_number_is_capped_by_partitions() {
        assert_eq!(fixed(None, None), 1);
        assert_eq!(fixed(Some(5), None), 5);
        assert_eq!(fixed(Some(5), Some(3)), 3);
        assert_eq!(fixed(Some(0), Some(3)), 0);
        assert_eq!(fixed(Some(2), Some(0)), 1);
    }

    #[test]
    fn starts_with_the_fewest() {
        let seen = Observed {
            current: None,
            ..calm()
        };
        assert_eq!(decide(&bounds(3, 8), &seen).replicas, 3);
        let resumed = Observed {
            current: Some(0),
            ..calm()
        };
        assert_eq!(decide(&bounds(3, 8), &resumed).replicas, 3);
    }

    #[test]
    fn stays_within_bounds_and_partitions() {
        let nine = Observed {
            current: Some(9),
            ..calm()
        };
        let decision = decide(&bounds(1, 20), &nine);
        assert_eq!((decision.replicas, decision.reason), (8, reasons::BOUNDS));
        assert!(
            decision.message.contains("partitions for 8"),
            "{}",
            decision.message
        );
        assert_eq!(decide(&bounds(3, 4), &calm()).replicas, 3);
        let six = Observed {
            current: Some(6),
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 4), &six).replicas, 4);
    }

    #[test]
    fn changed_bounds_take_effect_also_while_lag_is_unknown() {
        let seen = Observed {
            current: Some(6),
            lag: None,
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 4), &seen).replicas, 4);
    }

    #[test]
    fn is_held_when_lag_or_partitions_are_unknown() {
        for seen in [
            Observed {
                lag: None,
                ..calm()
            },
            Observed {
                rate: None,
                ..calm()
            },
            Observed {
                arriving: None,
                ..calm()
            },
            Observed {
                partitions: None,
                ..calm()
            },
        ] {
            let decision = decide(&bounds(1, 8), &seen);
            assert_eq!(
                (decision.replicas, decision.reason),
                (2, reasons::LAG_UNKNOWN)
            );
        }
    }

    #[test]
    fn is_held_in_a_rollout_and_in_cool_down() {
        let behind = Observed {
            lag: Some(1_000_000),
            ..calm()
        };
        let rolling = Observed {
            rolling: true,
            ..behind.clone()
        };
        assert_eq!(decide(&bounds(1, 8), &rolling).reason, reasons::ROLLING_OUT);
        let cooling = Observed {
            since_change: Some(Duration::from_secs(29)),
            ..behind.clone()
        };
        assert_eq!(decide(&bounds(1, 8), &cooling).reason, reasons::COOL_DOWN);
        let over = Observed {
            since_change: Some(Duration::from_secs(30)),
            ..behind
        };
        assert_eq!(decide(&bounds(1, 8), &over).reason, reasons::FALLING_BEHIND);
    }

    #[test]
    fn goes_up_by_what_the_lag_needs() {
        // 2,000/s come and 24,000 lie there: 4,400/s are needed at 1,200/s a worker.
        let seen = Observed {
            lag: Some(24_000),
            ..calm()
        };
        let decision = decide(&bounds(1, 8), &seen);
        assert_eq!(
            (decision.replicas, decision.reason),
            (4, reasons::FALLING_BEHIND)
        );
        // Five would do, but with eight partitions some of them would have two, as with four.
        let seen = Observed {
            lag: Some(30_000),
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 8), &seen).replicas, 8);
    }

    #[test]
    fn goes_up_at_most_fourfold_and_never_above_the_partitions() {
        let seen = Observed {
            current: Some(1),
            lag: Some(100_000_000),
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 100), &seen).replicas, 4);
        let seen = Observed {
            current: Some(4),
            lag: Some(100_000_000),
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 100), &seen).replicas, 8);
        let seen = Observed {
            current: Some(8),
            lag: Some(100_000_000),
            ..calm()
        };
        let decision = decide(&bounds(1, 100), &seen);
        assert_eq!(
            (decision.replicas, decision.reason),
            (8, reasons::FALLING_BEHIND)
        );
    }

    #[test]
    fn more_workers_that_would_not_be_quicker_are_not_started() {
        let seen = Observed {
            current: Some(4),
            lag: Some(100_000_000),
            ..calm()
        };
        let decision = decide(&bounds(1, 6), &seen);
        assert_eq!(decision.replicas, 4);
        assert!(
            decision.message.contains("up to 6 would be no quicker"),
            "{}",
            decision.message
        );
    }

    #[test]
    fn records_that_nobody_reads_are_no_reason_for_more_workers() {
        let seen = Observed {
            lag: Some(5_000),
            rate: Some(0.0),
            arriving: Some(0.0),
            capacity: None,
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 8), &seen).replicas, 2);
    }

    #[test]
    fn goes_down_when_fewer_can_do_it_and_only_after_a_while() {
        let idle = Observed {
            current: Some(8),
            rate: Some(500.0),
            arriving: Some(500.0),
            ..calm()
        };
        let decision = decide(&bounds(1, 8), &idle);
        assert_eq!(
            (decision.replicas, decision.reason),
            (1, reasons::SPARE_CAPACITY)
        );
        let soon = Observed {
            since_change: Some(Duration::from_secs(299)),
            ..idle
        };
        let decision = decide(&bounds(1, 8), &soon);
        assert_eq!(
            (decision.replicas, decision.reason),
            (8, reasons::COOL_DOWN)
        );
    }

    #[test]
    fn does_not_go_down_without_a_measure_or_without_room() {
        let unmeasured = Observed {
            current: Some(8),
            capacity: None,
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 8), &unmeasured).replicas, 8);
        // 2,000/s at 1,200/s each and 70 % are three workers; with eight partitions, four are even.
        let tight = Observed {
            current: Some(4),
            ..calm()
        };
        assert_eq!(decide(&bounds(1, 8), &tight).reason, reasons::ON_TARGET);
    }

    #[test]
    fn what_goes_down_would_not_go_up_again() {
        for rate in [100_u32, 900, 1_500, 2_500, 5_000, 8_000] {
            let seen = Observed {
                current: Some(8),
                rate: Some(f64::from(rate)),
                arriving: Some(f64::from(rate)),
                ..calm()
            };
            let decision = decide(&bounds(1, 8), &seen);
            assert!(
                f64::from(decision.replicas) * 1_200.0 >= f64::from(rate),
                "{rate}: {decision:?}"
            );
        }
    }

    #[test]
    fn even_splits_are_preferred() {
        assert_eq!(even(3, 8, 8), 4);
        assert_eq!(even(5, 8, 12), 6);
        assert_eq!(
            even(5, 5, 12),
            4,
            "five workers are no better than four: the busiest has three either way"
        );
        assert_eq!(even(4, 4, 8), 4);
        assert_eq!(even(7, 10, 7), 7);
        assert_eq!(even(6, 13, 13), 7, "two each");
    }
}
