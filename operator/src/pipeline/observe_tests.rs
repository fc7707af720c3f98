#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use tidemill_worker::status::SourceStatus;

use super::*;

fn page(records: u64, lag: Option<i64>) -> Status {
    Status {
        phase: Phase::Running,
        sources: vec![SourceStatus {
            records,
            lag,
            watermark: Some(7_000_000),
            ..SourceStatus::default()
        }],
        ..Status::default()
    }
}

/// One worker, seen every five seconds.
fn seen(pages: &[(u64, Option<i64>)]) -> Figures {
    let start = Instant::now();
    let mut workers = Workers::default();
    for (i, (records, lag)) in pages.iter().enumerate() {
        let at = start + Duration::from_secs(5) * u32::try_from(i).unwrap();
        workers.take(&[("a".to_owned(), Some(page(*records, *lag)))], at);
    }
    workers.figures
}

#[test]
fn a_rate_is_what_was_read_over_time() {
    assert_eq!(seen(&[(1_000, Some(0))]).rate, None);
    let figures = seen(&[(1_000, Some(0)), (6_000, Some(0))]);
    assert_eq!(
        (figures.rate, figures.arriving),
        (Some(1_000.0), Some(1_000.0))
    );
    assert_eq!(
        seen(&[(1_000, Some(0)), (6_000, Some(500))]).arriving,
        Some(1_100.0)
    );
}

#[test]
fn a_worker_that_starts_anew_counts_from_zero() {
    assert_eq!(seen(&[(1_000, Some(0)), (500, Some(0))]).rate, Some(100.0));
}

#[test]
fn figures_are_of_the_last_half_minute() {
    let mut pages: Vec<_> = (0..20).map(|i| (i * 5_000, Some(0))).collect();
    pages.extend((0..7).map(|_| (95_000, Some(0))));
    assert_eq!(seen(&pages).rate, Some(0.0));
}

#[test]
fn lag_is_unknown_unless_every_worker_says_it() {
    let mut workers = Workers::default();
    let both = |second| {
        vec![
            ("a".to_owned(), Some(page(1, Some(3)))),
            ("b".to_owned(), second),
        ]
    };
    let mut lag = |pages: Vec<_>| {
        workers.take(&pages, Instant::now());
        workers.figures.lag
    };
    assert_eq!(lag(both(Some(page(1, Some(4))))), Some(7));
    assert_eq!(lag(both(Some(page(1, None)))), None);
    assert_eq!(lag(both(None)), None);
    let restoring = Status {
        phase: Phase::Restoring,
        ..page(1, Some(0))
    };
    assert_eq!(lag(both(Some(restoring))), None);
    assert_eq!(lag(Vec::new()), None);
}

#[test]
fn what_one_can_do_shows_only_under_load() {
    assert_eq!(seen(&[(0, Some(10)), (5_000, Some(10))]).capacity, None);
    assert_eq!(
        seen(&[(0, Some(50_000)), (5_000, Some(45_000))]).capacity,
        Some(1_000.0)
    );
}

#[test]
fn a_stall_is_records_that_wait_while_none_is_read() {
    assert_eq!(
        seen(&[(5, Some(10)), (5, Some(10)), (5, Some(12))]).stalled,
        Some(Duration::from_secs(10))
    );
    assert_eq!(seen(&[(5, Some(10)), (5, Some(0))]).stalled, None);
    assert!(
        seen(&[(5, Some(10)), (6, Some(9))])
            .stalled
            .is_some_and(|since| since.is_zero())
    );
}

#[test]
fn a_trouble_that_counts_on_is_said_as_before() {
    let mut workers = Workers::default();
    for tried in ["tried 1 time", "tried 2 time"] {
        let status = Status {
            trouble: Some(tried.to_owned()),
            ..page(1, Some(0))
        };
        workers.take(
            &[
                ("a".to_owned(), Some(status.clone())),
                ("b".to_owned(), Some(status)),
            ],
            Instant::now(),
        );
    }
    assert_eq!(workers.figures.troubles, ["tried 1 time"]);
}
