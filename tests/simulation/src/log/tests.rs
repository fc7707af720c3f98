//! A log that is not faithful proves nothing.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use tidemill_worker::log::{Produced, TopicPartition};

use super::*;

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: topic.into(),
        partition,
    }
}

fn record(value: &str) -> Produced {
    keyed("k", Some(value))
}

fn keyed(key: &str, value: Option<&str>) -> Produced {
    Produced {
        key: Some(key.as_bytes().to_vec()),
        value: value.map(|v| v.as_bytes().to_vec()),
        ..Produced::default()
    }
}

fn log() -> Log {
    let mut log = Log::new(1);
    log.create("t", 2, false);
    log.create("changes", 1, true);
    log
}

fn values(log: &Log, place: &TopicPartition) -> Vec<String> {
    let seen = log.read_committed(place, 0, 100);
    let text = |record: &Produced| {
        let value = record.value.clone().unwrap_or_default();
        String::from_utf8(value).unwrap()
    };
    seen.records
        .iter()
        .map(|(_, record)| text(record))
        .collect()
}

/// Lets so much time pass with everybody alive.
fn pass(log: &mut Log, time: Time) {
    log.tick(log.now + time, &|_| true);
}

#[test]
fn what_is_not_committed_is_not_seen_nor_what_lies_behind_it() {
    let (mut log, place) = (log(), at("t", 0));
    let epoch = log.init_producer("p").unwrap();
    log.produce("p", epoch, &place, vec![record("a")]).unwrap();
    log.append(&place, record("b"));
    assert!(values(&log, &place).is_empty());
    let partition = log.partition(&place).unwrap();
    assert_eq!((partition.stable_end(), partition.end()), (0, 2));
    log.end_transaction("p", epoch, true).unwrap();
    assert!(values(&log, &place).is_empty(), "its marker is on its way");
    pass(&mut log, 500 * MS);
    assert_eq!(values(&log, &place), ["a", "b"]);
    let seen = log.read_committed(&place, 0, 100);
    assert_eq!((seen.next, seen.at_end), (3, true), "past the marker");
}

#[test]
fn what_was_aborted_is_never_seen() {
    let (mut log, place) = (log(), at("t", 0));
    let epoch = log.init_producer("p").unwrap();
    log.produce("p", epoch, &place, vec![record("a")]).unwrap();
    log.end_transaction("p", epoch, false).unwrap();
    pass(&mut log, 500 * MS);
    log.produce("p", epoch, &place, vec![record("b")]).unwrap();
    log.end_transaction("p", epoch, true).unwrap();
    pass(&mut log, 500 * MS);
    assert_eq!(values(&log, &place), ["b"]);
}

#[test]
fn markers_come_to_each_partition_in_their_own_time() {
    let mut parted = false;
    for seed in 0..50 {
        let mut log = Log::new(seed);
        log.create("t", 2, false);
        let epoch = log.init_producer("p").unwrap();
        for partition in 0..2 {
            log.produce("p", epoch, &at("t", partition), vec![record("a")])
                .unwrap();
        }
        log.end_transaction("p", epoch, true).unwrap();
        while !log.is_at_rest() {
            pass(&mut log, MS);
            parted |= values(&log, &at("t", 0)).len() != values(&log, &at("t", 1)).len();
        }
    }
    assert!(parted);
}

#[test]
fn who_comes_later_with_the_same_id_fences_who_was_there() {
    let (mut log, place) = (log(), at("t", 0));
    let old = log.init_producer("p").unwrap();
    log.produce("p", old, &place, vec![record("a")]).unwrap();
    assert_eq!(
        log.init_producer("p"),
        Err(Refusal::Busy),
        "what is open is aborted first"
    );
    pass(&mut log, 500 * MS);
    let new = log.init_producer("p").unwrap();
    assert_eq!(
        log.produce("p", old, &place, vec![record("b")]),
        Err(Refusal::Fenced)
    );
    assert_eq!(log.end_transaction("p", old, true), Err(Refusal::Fenced));
    log.produce("p", new, &place, vec![record("c")]).unwrap();
    log.end_transaction("p", new, true).unwrap();
    pass(&mut log, 500 * MS);
    assert_eq!(values(&log, &place), ["c"]);
}

#[test]
fn a_transaction_that_stays_open_is_aborted_and_its_producer_fenced() {
    let (mut log, place) = (log(), at("t", 0));
    let epoch = log.init_producer("p").unwrap();
    log.produce("p", epoch, &place, vec![record("a")]).unwrap();
    pass(&mut log, TRANSACTION + MS);
    assert_eq!(log.end_transaction("p", epoch, true), Err(Refusal::Fenced));
    pass(&mut log, 500 * MS);
    assert!(values(&log, &place).is_empty());
    assert_eq!(
        log.read_committed(&place, 0, 9).next,
        2,
        "nobody is held up any more"
    );
}

#[test]
fn an_end_that_is_asked_for_twice_is_the_same() {
    let (mut log, place) = (log(), at("t", 0));
    let epoch = log.init_producer("p").unwrap();
    log.produce("p", epoch, &place, vec![record("a")]).unwrap();
    log.end_transaction("p", epoch, true).unwrap();
    assert_eq!(log.end_transaction("p", epoch, true), Ok(()));
    assert_eq!(
        log.end_transaction("p", epoch, false),
        Err(Refusal::Decided)
    );
    let early = log.produce("p", epoch, &place, vec![record("b")]);
    assert_eq!(
        early,
        Err(Refusal::Busy),
        "not before its markers are written"
    );
}

#[test]
fn offsets_come_with_the_transaction_from_members_of_this_generation_only() {
    let (mut log, place) = (log(), at("t", 0));
    let topics = ["t".to_owned()];
    log.group.join(0, "w", 7, &topics);
    pass(&mut log, MS);
    let Standing::Settled(generation, share) = log.group.standing("w", 7) else {
        unreachable!("it is alone")
    };
    assert_eq!(share, [at("t", 0), at("t", 1)]);
    let stored = |offset| {
        let metadata = "clock".to_owned();
        vec![(at("t", 0), Stored { offset, metadata })]
    };
    let epoch = log.init_producer("w").unwrap();
    for foreign in [
        ("w", 7, generation + 1),
        ("w", 8, generation),
        ("v", 7, generation),
    ] {
        let refused = log.send_offsets("w", epoch, foreign, stored(5));
        assert_eq!(refused, Err(Refusal::Disowned), "{foreign:?}");
    }
    log.send_offsets("w", epoch, ("w", 7, generation), stored(5))
        .unwrap();
    assert!(log.is_unstable(&place) && !log.offsets.contains_key(&place));
    log.end_transaction("w", epoch, true).unwrap();
    assert!(log.is_unstable(&place), "until its marker is written");
    pass(&mut log, 500 * MS);
    assert!(!log.is_unstable(&place));
    assert_eq!(log.offsets.get(&place).unwrap().offset, 5);
}

#[test]
fn a_group_gives_all_back_before_anybody_gets_a_share() {
    let mut log = log();
    let topics = ["t".to_owned()];
    log.group.join(0, "a", 1, &topics);
    pass(&mut log, MS);
    log.group.join(log.now, "b", 2, &topics);
    pass(&mut log, MS);
    assert_eq!(log.group.standing("a", 1), Standing::Outdated);
    assert_eq!(log.group.standing("b", 2), Standing::Waiting);
    log.group.join(log.now, "a", 1, &topics);
    pass(&mut log, MS);
    let share = |name, process| match log.group.standing(name, process) {
        Standing::Settled(2, share) => share,
        _ => Vec::new(),
    };
    assert_eq!(
        (share("a", 1), share("b", 2)),
        (vec![at("t", 0)], vec![at("t", 1)])
    );
}

#[test]
fn a_member_that_is_silent_is_put_out_and_one_that_comes_back_by_name_is_not_missed() {
    let mut log = log();
    let topics = ["t".to_owned()];
    log.group.join(0, "a", 1, &topics);
    log.group.join(0, "b", 2, &topics);
    pass(&mut log, MS);
    let before = log.group.standing("a", 1);
    // Its process dies, and the next one comes within the session.
    log.tick(log.now + SESSION / 2, &|process| process != 1);
    log.group.join(log.now, "a", 3, &topics);
    assert_eq!(log.group.standing("a", 3), before);
    assert_eq!(log.group.standing("a", 1), Standing::Fenced);
    log.tick(log.now + SESSION + MS, &|process| process != 2);
    assert_eq!(log.group.standing("b", 2), Standing::Out);
    assert_eq!(log.group.standing("a", 3), Standing::Outdated);
}

#[test]
fn compaction_keeps_the_last_of_each_key_and_leaves_alone_what_is_not_stable() {
    for seed in 0..50 {
        let mut log = Log::new(seed);
        log.create("changes", 1, true);
        let place = at("changes", 0);
        for (key, value) in [
            ("a", Some("1")),
            ("b", Some("2")),
            ("a", Some("3")),
            ("b", None),
        ] {
            log.append(&place, keyed(key, value));
        }
        let epoch = log.init_producer("p").unwrap();
        log.produce("p", epoch, &place, vec![keyed("a", Some("4"))])
            .unwrap();
        log.compact();
        log.end_transaction("p", epoch, false).unwrap();
        pass(&mut log, 500 * MS);
        let kept = [(b"a".to_vec(), Some(b"3".to_vec()))].into();
        // What is read back in order leaves `a`, and of `b` its tombstone wins where it is still there.
        let replayed = |log: &Log| {
            let mut state = BTreeMap::new();
            for (_, record) in log.read_committed(&place, 0, 100).records {
                state.insert(record.key.clone().unwrap(), record.value.clone());
            }
            state.retain(|_, value| value.is_some());
            state
        };
        assert_eq!(replayed(&log), kept, "seed {seed}");
        pass(&mut log, TOMBSTONES + MS);
        log.compact();
        assert_eq!(replayed(&log), kept, "seed {seed}");
    }
}
