//! The thread that commits, so that reading never waits for it.
//!
//! Sinks outside the log go first: each keeps the positions its rows cover in its own transaction, so that a commit
//! that fails after them is repeated without writing them twice.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::host::{Beside, Host};
use crate::log::{Commit, Committer, Outcome, Position, TopicPartition};
use crate::sink::{ExternalSink, Rows, SinkError};

/// All of one commit: what goes to the log, and what goes to sinks outside it.
#[derive(Debug)]
pub(super) struct Work {
    /// What the commit is traced as.
    pub(super) span: tracing::Span,
    /// For the log.
    pub(super) commit: Commit,
    /// For each sink outside the log, by its index.
    pub(super) external: Vec<ForSink>,
    /// Positions that are committed already, to be committed once more before a sink is written: see [`commit`].
    pub(super) proof: Vec<(TopicPartition, Position)>,
}

/// What a sink outside the log gets.
#[derive(Debug, Default)]
pub(super) struct ForSink {
    /// Rows that it has not got.
    pub(super) rows: Vec<Rows>,
    /// How far they reach. A partition whose rows it has already, because it is ahead of the log, is not there.
    pub(super) positions: Vec<(TopicPartition, Position)>,
}

/// A sink outside the log, with the name that errors give it.
pub(super) struct Named {
    /// The Sink's name.
    pub(super) name: String,
    /// The sink.
    pub(super) sink: Box<dyn ExternalSink>,
}

/// How far each sink outside the log has each partition: by sink, then by partition.
pub(super) type Claimed = Vec<Vec<Option<Position>>>;

enum Job {
    Init,
    Claim(Vec<TopicPartition>),
    Commit(Box<Work>),
}

enum Done {
    Initialized(Result<(), String>),
    Claimed(Result<Claimed, SinkError>),
    Ended(Outcome),
}

/// A handle on the committing thread.
#[derive(Debug)]
pub(super) struct Committing {
    jobs: Sender<Job>,
    done: Receiver<Done>,
    host: Host,
    thread: Beside,
}

impl Committing {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails where the system gives no thread.
    pub(super) fn start(
        host: &Host,
        name: &str,
        committer: Box<dyn Committer>,
        sinks: Vec<Named>,
    ) -> std::io::Result<Self> {
        // A commit that nobody waits for any more, and one question: neither side ever waits for room.
        let (jobs, todo) = bounded::<Job>(2);
        let (finished, done) = bounded::<Done>(2);
        let its = host.clone();
        let thread = host.spawn(format!("commit-{name}"), move || {
            serve(&its, &todo, &finished, committer, sinks);
        })?;
        Ok(Self {
            jobs,
            done,
            host: host.clone(),
            thread,
        })
    }

    /// Makes the committer the only one of its identity, and waits for it.
    ///
    /// # Errors
    /// Says why it could not be done this time.
    pub(super) fn init(&self) -> Result<(), String> {
        let gone = || "the committing thread has ended".to_owned();
        self.jobs.send(Job::Init).map_err(|_| gone())?;
        loop {
            match self.host.receive(&self.done, None).map_err(|_| gone())? {
                Done::Initialized(result) => return result,
                // A commit that nobody waits for any more ended before the new committer was made.
                Done::Ended(_) | Done::Claimed(_) => {}
            }
        }
    }

    /// Takes partitions over in all sinks outside the log. No commit may be in flight.
    ///
    /// # Errors
    /// Says which sink does not answer, or refuses.
    pub(super) fn claim(&self, partitions: &[TopicPartition]) -> Result<Claimed, SinkError> {
        let gone = || SinkError::Refused("the committing thread has ended".to_owned());
        self.jobs
            .send(Job::Claim(partitions.to_vec()))
            .map_err(|_| gone())?;
        loop {
            match self.host.receive(&self.done, None).map_err(|_| gone())? {
                Done::Claimed(result) => return result,
                Done::Ended(_) | Done::Initialized(_) => {}
            }
        }
    }

    /// Hands a commit over. One at a time: the caller waits for its end before the next.
    pub(super) fn send(&self, work: Work) {
        // A thread that has ended is noticed by `ended`.
        let _ = self.jobs.send(Job::Commit(Box::new(work)));
    }

    /// How the commit in flight has ended, if it has within `wait`.
    pub(super) fn ended(&self, wait: Duration) -> Option<Outcome> {
        use crossbeam_channel::RecvTimeoutError::{Disconnected, Timeout};
        match self.host.receive(&self.done, Some(wait)) {
            Ok(Done::Ended(outcome)) => Some(outcome),
            Ok(Done::Initialized(_) | Done::Claimed(_)) | Err(Timeout) => None,
            Err(Disconnected) => Some(Outcome::Fatal(
                "the committing thread has ended unexpectedly".to_owned(),
            )),
        }
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        let (closed, _) = bounded(0);
        self.jobs = closed;
        self.thread.join();
    }
}

fn serve(
    host: &Host,
    todo: &Receiver<Job>,
    finished: &Sender<Done>,
    mut committer: Box<dyn Committer>,
    mut sinks: Vec<Named>,
) {
    while let Ok(job) = host.receive(todo, None) {
        let done = match job {
            Job::Init => Done::Initialized(committer.init().map_err(|e| e.to_string())),
            Job::Claim(partitions) => Done::Claimed(claim(&mut sinks, &partitions)),
            Job::Commit(work) => Done::Ended(commit(committer.as_mut(), &mut sinks, &work)),
        };
        if finished.send(done).is_err() {
            return;
        }
    }
}

/// Writes the sinks, then the log.
///
/// A sink knows nothing of the group: whoever claims a partition last may write. So after a claim, and before the first
/// write, the log is asked to commit what is committed already. It refuses that from a worker that has lost its partitions,
/// which therefore writes nothing. Of those that it does not refuse, each has claimed while the partitions were its own,
/// and so after all that had them before.
fn commit(committer: &mut dyn Committer, sinks: &mut [Named], work: &Work) -> Outcome {
    let _entered = work.span.enter();
    if !work.proof.is_empty() {
        let proof = Commit {
            positions: work.proof.clone(),
            ..Commit::default()
        };
        match committer.commit(&proof) {
            Outcome::Committed => {}
            other => return other,
        }
    }
    for (named, its) in sinks.iter_mut().zip(&work.external) {
        if its.rows.is_empty() && its.positions.is_empty() {
            continue;
        }
        let span = tracing::info_span!("sink", sink = named.name, otel.kind = "client");
        let said = |error: &SinkError| format!("sink `{}`: {error}", named.name);
        match span.in_scope(|| named.sink.write(&its.rows, &its.positions)) {
            Ok(()) => {}
            Err(error @ SinkError::Unavailable(_)) => return Outcome::Aborted(said(&error)),
            Err(error @ SinkError::Fenced(_)) => return Outcome::Fenced(said(&error)),
            Err(error @ (SinkError::Refused(_) | SinkError::Mismatch { .. })) => {
                return Outcome::Fatal(said(&error));
            }
        }
    }
    committer.commit(&work.commit)
}

fn claim(sinks: &mut [Named], partitions: &[TopicPartition]) -> Result<Claimed, SinkError> {
    sinks
        .iter_mut()
        .map(|named| named.sink.claim(partitions))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::log::LogError;

    /// What was asked of the log and of a sink, in order.
    type Story = Arc<Mutex<Vec<&'static str>>>;

    /// A log that answers commits as told, the next answer last.
    struct Log(Story, Vec<Outcome>);

    impl Committer for Log {
        fn init(&mut self) -> Result<(), LogError> {
            Ok(())
        }

        fn commit(&mut self, commit: &Commit) -> Outcome {
            let what = if commit.positions.is_empty() {
                "commit"
            } else {
                "proof"
            };
            self.0.lock().unwrap().push(what);
            self.1.pop().unwrap()
        }
    }

    struct Table(Story);

    impl ExternalSink for Table {
        fn claim(&mut self, of: &[TopicPartition]) -> Result<Vec<Option<Position>>, SinkError> {
            Ok(vec![None; of.len()])
        }

        fn write(&mut self, _: &[Rows], _: &[(TopicPartition, Position)]) -> Result<(), SinkError> {
            self.0.lock().unwrap().push("write");
            Ok(())
        }
    }

    #[test]
    fn a_worker_that_has_lost_its_partitions_does_not_write_a_table() {
        let lost = || Outcome::Fenced("another has them".to_owned());
        let cases = [
            (vec![lost()], vec!["proof"]),
            (vec![Outcome::Aborted(String::new())], vec!["proof"]),
            (
                vec![Outcome::Committed, Outcome::Committed],
                vec!["proof", "write", "commit"],
            ),
        ];
        for (answers, wanted) in cases {
            let story = Story::default();
            let mut log = Log(Arc::clone(&story), answers);
            let mut sinks = vec![Named {
                name: "table".to_owned(),
                sink: Box::new(Table(Arc::clone(&story))),
            }];
            let at = TopicPartition {
                topic: "records".into(),
                partition: 0,
            };
            let position = |offset| Position {
                offset,
                clock: String::new(),
            };
            let work = Work {
                span: tracing::Span::none(),
                commit: Commit::default(),
                external: vec![ForSink {
                    rows: Vec::new(),
                    positions: vec![(at.clone(), position(7))],
                }],
                proof: vec![(at, position(5))],
            };
            commit(&mut log, &mut sinks, &work);
            assert_eq!(*story.lock().unwrap(), wanted);
        }
    }
}
