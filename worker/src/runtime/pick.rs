//! Which partition to read next.
//!
//! Partitions of one source, and of sources whose rows meet, are read in step with their watermarks, lowest first and at most a
//! little ahead of it. Read unevenly, windows stay open and rows are held in the ones ahead while those behind catch up: state,
//! changelog and memory grow many times over.

use std::collections::BTreeSet;

use tidemill_plan::model::{Micros, Origin, Plan};

/// A partition that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its watermark; `None` before its first record.
    pub(super) watermark: Option<Micros>,
    /// Whether all of it has been read: it holds none of the others back.
    pub(super) at_end: bool,
}

impl Candidate {
    fn time(&self) -> Micros {
        self.watermark.unwrap_or(Micros::MIN)
    }
}

/// For each source those that are read in step with it, itself among them: their rows meet in a stream that waits for all of
/// them, as joins and windows over several do. What has no event time has none to be in step with, and what is generated has
/// a time of its own.
#[must_use]
pub(super) fn in_step(plan: &Plan) -> Vec<BTreeSet<usize>> {
    let mut groups: Vec<BTreeSet<usize>> = (0..plan.sources.len())
        .map(|i| BTreeSet::from([i]))
        .collect();
    let is_timed = |i: &usize| {
        let source = plan.sources.get(*i);
        source.is_some_and(|s| s.event_time.is_some() && matches!(s.origin, Origin::Topic { .. }))
    };
    for stream in &plan.streams {
        let roots = plan.roots_of(&stream.inputs);
        let met: BTreeSet<usize> = roots.into_iter().filter(is_timed).collect();
        let all = groups.iter().filter(|group| !group.is_disjoint(&met));
        let all: BTreeSet<usize> = all.flatten().copied().collect();
        for source in &all {
            if let Some(group) = groups.get_mut(*source) {
                group.clone_from(&all);
            }
        }
    }
    groups
}

/// Up to where partitions are read: a little ahead of the lowest of those in step that is not at its end.
#[must_use]
pub(super) fn limit(in_step: impl IntoIterator<Item = Candidate>, ahead: Micros) -> Micros {
    let behind = in_step.into_iter().filter(|c| !c.at_end);
    let lowest = behind.map(|c| c.time()).min();
    lowest.map_or(Micros::MAX, |lowest| lowest.saturating_add(ahead))
}

/// The order in which to try the candidates (indices), leaving out those that are beyond the limit.
#[must_use]
pub(super) fn order(candidates: &[Candidate], limit: Micros) -> Vec<usize> {
    let mut order: Vec<(Micros, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, c)| c.at_end || c.time() <= limit)
        .map(|(index, c)| (c.time(), index))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    /// The order among those of one source alone.
    fn order(candidates: &[Candidate], ahead: Micros) -> Vec<usize> {
        super::order(candidates, limit(candidates.iter().copied(), ahead))
    }

    fn at(watermark: Micros) -> Candidate {
        Candidate {
            watermark: Some(watermark),
            at_end: false,
        }
    }

    #[test]
    fn the_lowest_watermark_comes_first() {
        assert_eq!(order(&[at(30), at(10), at(20)], 100), [1, 2, 0]);
    }

    #[test]
    fn those_too_far_ahead_wait() {
        assert_eq!(order(&[at(200), at(10), at(100)], 100), [1, 2]);
    }

    #[test]
    fn a_partition_at_its_end_holds_nobody_back_and_is_still_tried() {
        let done = Candidate {
            watermark: Some(0),
            at_end: true,
        };
        assert_eq!(order(&[done, at(500), at(700)], 100), [0, 1]);
    }

    #[test]
    fn a_partition_whose_first_record_is_on_its_way_is_waited_for() {
        let fresh = Candidate {
            watermark: None,
            at_end: false,
        };
        assert_eq!(order(&[at(500), fresh], 100), [1]);
        let empty = Candidate {
            watermark: None,
            at_end: true,
        };
        assert_eq!(order(&[at(500), empty], 100), [1, 0]);
    }

    #[test]
    fn a_source_waits_for_the_ones_that_its_rows_meet() {
        let (fast, slow) = ([at(500), at(90)], [at(10), at(20)]);
        let both = limit(fast.into_iter().chain(slow), 100);
        assert_eq!(super::order(&fast, both), [1]);
        assert_eq!(super::order(&slow, both), [0, 1]);
    }

    #[test]
    fn sources_are_in_step_where_their_rows_meet() {
        let plan = plan();
        let of = |sources: &[usize]| sources.iter().copied().collect::<BTreeSet<usize>>();
        let joined = of(&[0, 1, 2]);
        let wanted = [
            joined.clone(),
            joined.clone(),
            joined,
            of(&[3]),
            of(&[4]),
            of(&[5]),
        ];
        assert_eq!(in_step(&plan), wanted);
    }

    /// Sources: 0 and 1 are joined, 1 and 2 put together in windows, 3 is joined with the table 4 and put together with 5,
    /// which has no event time.
    fn plan() -> Plan {
        let columns = json!([{"name": "k", "type": "String"}, {"name": "ts", "type": "Timestamp"}]);
        let source =
            |name: &str| json!({"name": name, "kafka": {"topic": name}, "columns": columns});
        let with = |name: &str, field: &str, value: Value| {
            let mut source = source(name);
            source[field] = value;
            source
        };
        let timed = |name| with(name, "eventTime", json!({"column": "ts"}));
        let table = with("t", "table", json!({"primaryKey": ["k"]}));
        let sources = [
            timed("a"),
            timed("b"),
            timed("c"),
            timed("d"),
            table,
            source("e"),
        ];
        let streams = [
            "SELECT a.k FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE",
            "SELECT k, ts FROM b UNION ALL SELECT k, ts FROM c",
            "SELECT d.k FROM d JOIN t ON d.k = t.k",
            "SELECT k FROM d UNION ALL SELECT k FROM e",
            "SELECT count(*) AS n, window_start FROM TUMBLE(s1, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end",
            "SELECT count(*) AS n, window_start FROM TUMBLE(d, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end",
        ];
        let named = |(i, sql): (usize, &&str)| json!({"name": format!("s{i}"), "sql": sql});
        let streams: Vec<Value> = streams.iter().enumerate().map(named).collect();
        let outputs = (0..6).map(|i| json!({"from": format!("s{i}"), "sink": "out"}));
        let resource = |kind: &str, name: &str, spec: Value| {
            let version = "tidemill.io/v1alpha1";
            json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
        };
        let spec =
            json!({"sources": sources, "streams": streams, "outputs": outputs.collect::<Vec<_>>()});
        let pipeline = serde_json::from_value(resource("Pipeline", "test", spec)).unwrap();
        let sink = serde_json::from_value(resource("Sink", "out", json!({"stdout": {}}))).unwrap();
        tidemill_plan::plan(&pipeline, &[sink], &[]).unwrap()
    }
}
