//! Joining, leaving and coming back.

use std::time::Duration;

use tidemill_worker::log::kafka::{KafkaCommitter, KafkaReader};
use tidemill_worker::log::{Commit, Committer, GroupEvent, Outcome, Reader, Start};

use super::{World, position, step, try_step, until, wait_for_assignment};

/// Two workers, each with one of two partitions.
fn pair(world: &World, topic: &str) -> (KafkaReader, KafkaReader) {
    let mut readers = ["w-0", "w-1"].map(|identity| {
        let mut reader = KafkaReader::open(&world.config(identity)).unwrap();
        reader.subscribe(&[topic.to_owned()]).unwrap();
        reader
    });
    let mut have = [0, 0];
    until("a partition for each", || {
        for (reader, have) in readers.iter_mut().zip(&mut have) {
            if let Some(ours) = step(reader) {
                *have = ours.len();
            }
        }
        (have == [1, 1]).then_some(())
    });
    let [first, second] = readers;
    (first, second)
}

#[test]
fn a_revoke_waits_for_the_commit() {
    let world = World::new();
    let topic = world.topic("in", 2, &[]);
    let (mut first, mut committer, ours) = world.worker("w-0", &topic);
    assert_eq!(ours.len(), 2);
    let mut second = KafkaReader::open(&world.config("w-1")).unwrap();
    second.subscribe(&[topic.to_string()]).unwrap();
    let revoked = until("the revoke", || {
        assert_eq!(
            step(&mut second),
            None,
            "nobody else may have partitions yet"
        );
        first.events(Duration::from_millis(20)).unwrap().pop()
    });
    assert_eq!(revoked, GroupEvent::Revoked);
    // The revoke is out but not answered: the group waits, and a commit is still good.
    for _ in 0..5 {
        assert_eq!(step(&mut second), None);
    }
    let commit = Commit {
        positions: ours
            .iter()
            .map(|at| (at.clone(), position(5, "c")))
            .collect(),
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    first.unassign().unwrap();
    // Once given back, it is not.
    assert!(matches!(committer.commit(&commit), Outcome::Fenced(_)));
    let theirs = until("the second's partition", || {
        step(&mut first);
        step(&mut second)
    });
    assert_eq!(second.committed(&theirs).unwrap(), [Some(position(5, "c"))]);
}

#[test]
fn partitions_that_are_read_anew_while_the_group_wants_them_back_are_given_back() {
    let world = World::new();
    let topic = world.topic("in", 2, &[]);
    let (mut first, mut committer, ours) = world.worker("w-0", &topic);
    let mut second = KafkaReader::open(&world.config("w-1")).unwrap();
    second.subscribe(&[topic.to_string()]).unwrap();
    // As after an abort, again and again, without hearing the group.
    let starts: Vec<_> = ours
        .iter()
        .map(|at| (at.clone(), Start::Earliest))
        .collect();
    for _ in 0..40 {
        first.assign(&starts).unwrap();
        assert_eq!(step(&mut second), None);
    }
    let mut have = [ours, Vec::new()];
    until("a partition for each", || {
        for (reader, have) in [&mut first, &mut second].into_iter().zip(&mut have) {
            if let Some(given) = step(reader) {
                *have = given;
            }
        }
        (have.iter().all(|ours| ours.len() == 1)).then_some(())
    });
    let commit = Commit {
        positions: vec![(have[0][0].clone(), position(5, "c"))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
}

#[test]
fn the_broker_refuses_a_member_that_has_been_replaced() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let (mut stale, mut committer, ours) = world.worker("w-0", &topic);
    // The same identity joins again; the first does not hear of it, as it does not ask.
    let mut next = KafkaReader::open(&world.config("w-0")).unwrap();
    next.subscribe(&[topic.to_string()]).unwrap();
    wait_for_assignment(&mut next);
    let commit = Commit {
        positions: vec![(ours[0].clone(), position(9, "stale"))],
        ..Commit::default()
    };
    assert!(matches!(committer.commit(&commit), Outcome::Fenced(_)));
    assert_eq!(next.committed(&ours).unwrap(), [None]);
    // When it asks, it hears that it has lost everything.
    until("the loss", || {
        let events = stale.events(Duration::from_millis(50)).unwrap();
        events.contains(&GroupEvent::Lost).then_some(())
    });
}

#[test]
fn a_member_that_one_which_is_gone_has_put_out_joins_again() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let (mut reader, _, ours) = world.worker("w-0", &topic);
    let mut late = KafkaReader::open(&world.config("w-0")).unwrap();
    late.subscribe(&[topic.to_string()]).unwrap();
    wait_for_assignment(&mut late);
    drop(late);
    let again = until("the partition", || {
        step(&mut reader).filter(|p| !p.is_empty())
    });
    assert_eq!(again, ours);
}

#[test]
fn of_two_with_one_identity_the_one_that_was_put_out_first_gives_up() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let (mut first, _, ours) = world.worker("w-0", &topic);
    let mut second = KafkaReader::open(&world.config("w-0")).unwrap();
    second.subscribe(&[topic.to_string()]).unwrap();
    let error = until("one to give up", || {
        step(&mut second);
        try_step(&mut first).err()
    });
    assert!(error.to_string().contains("same identity"), "{error}");
    until("the other to read on", || {
        step(&mut second);
        second.take(&ours[0], 1, &mut |_| {}).ok()
    });
}

#[test]
fn a_worker_that_comes_back_gets_its_partition_without_a_rebalance() {
    let world = World::new();
    let topic = world.topic("in", 2, &[]);
    let (mut first, mut second) = pair(&world, &topic);
    let before = {
        drop(std::mem::replace(
            &mut second,
            KafkaReader::open(&world.config("w-1")).unwrap(),
        ));
        second.subscribe(&[topic.to_string()]).unwrap();
        until("the partition again", || {
            assert_eq!(
                first.events(Duration::from_millis(20)).unwrap(),
                [],
                "the other must not notice"
            );
            step(&mut second).filter(|ours| !ours.is_empty())
        })
    };
    assert_eq!(before.len(), 1);
    assert_eq!(
        before[0].partition, 1,
        "the same as before: ranges are dealt out in the order of identities"
    );
    for _ in 0..5 {
        assert_eq!(first.events(Duration::from_millis(50)).unwrap(), []);
    }
}

#[test]
fn leaving_hands_partitions_over_at_once() {
    let world = World::new();
    let topic = world.topic("in", 2, &[]);
    let (mut first, mut second) = pair(&world, &topic);
    second.leave().unwrap();
    // The session would last for minutes yet.
    let ours = until("both partitions", || {
        step(&mut first).filter(|ours| !ours.is_empty())
    });
    assert_eq!(ours.len(), 2);
    assert!(second.subscribe(&[topic.to_string()]).is_err());
    second.leave().unwrap();
}

#[test]
fn leaving_before_the_assignment_is_answered_works_too() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let mut first = KafkaReader::open(&world.config("w-0")).unwrap();
    first.subscribe(&[topic.to_string()]).unwrap();
    until("an assignment", || {
        first.events(Duration::from_millis(50)).unwrap().pop()
    });
    first.leave().unwrap();
    let mut second = KafkaReader::open(&world.config("w-1")).unwrap();
    second.subscribe(&[topic.to_string()]).unwrap();
    assert_eq!(wait_for_assignment(&mut second).len(), 1);
}

#[test]
fn a_worker_reads_on_from_its_commit_after_a_restart() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let mut admin = world.admin();
    let records: Vec<_> = (0..10)
        .map(|n| super::produced("k", &n.to_string()))
        .collect();
    super::Admin::write(&mut admin, &topic, &records).unwrap();
    let (first, mut committer, ours) = world.worker("w-0", &topic);
    let commit = Commit {
        positions: vec![(ours[0].clone(), position(4, "t=4"))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    drop((first, committer));

    let (mut again, _, ours) = world.worker("w-0", &topic);
    let found = again.committed(&ours).unwrap().pop().flatten().unwrap();
    assert_eq!(found, position(4, "t=4"));
    again
        .assign(&[(ours[0].clone(), Start::At(found.offset))])
        .unwrap();
    let (seen, next) = super::take_to_end(&mut again, &ours[0]);
    assert_eq!((seen.len(), next), (6, 10));
    let mut committer = KafkaCommitter::open(&world.config("w-0"), again.membership()).unwrap();
    committer.init().unwrap();
    let commit = Commit {
        positions: vec![(ours[0].clone(), position(10, "t=10"))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
}

#[test]
fn a_worker_with_nothing_to_read_stays_a_member() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    // The group throws a member out that has not asked for longer than this.
    let interval = Duration::from_secs(6);
    let mut config = world.config("w-0");
    config.session_timeout = interval;
    let millis = interval.as_millis().to_string();
    config.properties = vec![("max.poll.interval.ms".to_owned(), millis)];
    let mut reader = KafkaReader::open(&config).unwrap();
    reader.subscribe(&[topic.to_string()]).unwrap();
    wait_for_assignment(&mut reader);
    let start = std::time::Instant::now();
    while start.elapsed() < interval * 3 / 2 {
        assert_eq!(reader.events(Duration::from_millis(50)).unwrap(), []);
    }
}
