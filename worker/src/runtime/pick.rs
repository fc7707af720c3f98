//! Which partition to read next.
//!
//! Partitions of one source are read in step with their watermarks, lowest first and at most a little ahead of it.
//! Read unevenly, windows stay open in the ones ahead while those behind catch up: state, changelog and memory grow
//! many times over.

use tidemill_plan::model::Micros;

/// A partition that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its watermark; `None` before its first record.
    pub(super) watermark: Option<Micros>,
    /// Whether all of it has been read: it holds none of the others back.
    pub(super) at_end: bool,
}

/// The order in which to try the candidates (indices), leaving out those that are more than `ahead` before the lowest
/// that is not at its end.
#[must_use]
pub(super) fn order(candidates: &[Candidate], ahead: Micros) -> Vec<usize> {
    let time = |c: &Candidate| c.watermark.unwrap_or(Micros::MIN);
    let lowest = candidates.iter().filter(|c| !c.at_end).map(time).min();
    let limit = lowest.map_or(Micros::MAX, |lowest| lowest.saturating_add(ahead));
    let mut order: Vec<(Micros, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, c)| c.at_end || time(c) <= limit)
        .map(|(index, c)| (time(c), index))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
