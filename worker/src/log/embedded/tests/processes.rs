//! Several processes on one file, and one that is killed in the middle of its work.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// Where a child process finds the log; without it the child's part is no test.
const FILE: &str = "TIDEMILL_TEST_LOG";
const RECORDS: i64 = 4_000;

/// The part of a child process: copies until it is killed, or nothing is left.
#[test]
fn child() {
    if let Some(file) = std::env::var_os(FILE) {
        let log = EmbeddedLog::open(Path::new(&file)).unwrap();
        copy_all(&log, "g", RECORDS);
    }
}

fn start(file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::embedded::tests::processes::child"])
        .env(FILE, file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn committed(log: &EmbeddedLog) -> i64 {
    let mut reader = log.reader("g").unwrap();
    let positions = reader.committed(&[at("in", 0), at("in", 1)]).unwrap();
    positions.into_iter().flatten().map(|p| p.offset).sum()
}

/// What was copied is what was committed, each record once.
fn copied(log: &EmbeddedLog) -> i64 {
    let mut values: Vec<_> = contents(log, "out").into_iter().map(|r| r.2).collect();
    let count = values.len();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), count, "something was copied twice");
    i64::try_from(count).unwrap()
}

#[test]
fn a_killed_process_leaves_whole_commits_and_its_heir_starts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let log = EmbeddedLog::open(&file).unwrap();
    topic(&log, "in", 2, false);
    topic(&log, "out", 1, false);
    let records: Vec<_> = (0..RECORDS as i32)
        .map(|i| record(i % 2, "k", &i.to_string()))
        .collect();
    write(&log, "in", &records);

    for round in 1..=5 {
        let mut child = start(&file);
        while committed(&log) < round * RECORDS / 10 {
            assert!(child.try_wait().unwrap().is_none(), "the child has ended");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(copied(&log), committed(&log), "round {round}");
    }
    // The last heir is here. Its share comes without waiting for the lease of the dead, which is far longer.
    let lasts = EmbeddedLog::with_lease(&file, Duration::from_secs(3_600)).unwrap();
    copy_all(&lasts, "g", RECORDS);
    assert_eq!((copied(&log), committed(&log)), (RECORDS, RECORDS));
    let left = std::fs::read_dir(folder.path()).unwrap();
    let left = left.filter(|f| {
        let name = f.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("-alive-")
    });
    assert_eq!(left.count(), 2, "the signs of life of the dead are gone");
}

#[test]
fn two_processes_share_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let log = EmbeddedLog::open(&file).unwrap();
    topic(&log, "in", 2, false);
    topic(&log, "out", 1, false);
    let (mut here, _) = joined(&log, "g", &["in"]);
    let mut child = start(&file);
    assert_eq!(event(&mut here), GroupEvent::Revoked);
    here.unassign().unwrap();
    let share = assigned(&mut here);
    assert_eq!(share.len(), 1, "the child has the other");
    let records: Vec<_> = (0..RECORDS as i32)
        .map(|i| record(i % 2, "k", &i.to_string()))
        .collect();
    write(&log, "in", &records);
    let mut committer = log.committer(here.membership()).unwrap();
    while copied(&log) < RECORDS {
        here.events(Duration::from_millis(20)).unwrap();
        copy(&mut here, &mut committer, &share[0], 50);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(committed(&log), RECORDS);
}
