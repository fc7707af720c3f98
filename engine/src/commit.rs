//! When to commit, and what to do when a commit does not end as hoped: decisions only.
//!
//! A worker reads ahead while a commit is in flight, so whatever goes wrong concerns not just that commit but all work
//! since the last one that is known to be in the log: it is thrown away and done again from the committed positions.
//! The rules follow KIP-447 and what `librdkafka` says of its transactional errors.
//!
//! ```text
//!              Due / Revoked / Stop                Committed
//!   Idle ───────────────────────────▶ InFlight ───────────────▶ Idle, or the next commit, or release
//!     ▲                                  │ Aborted: discard, rewind
//!     └──────── Recovered ◀──────────────┤ Fenced, Unknown: discard, new committer, rewind
//!                                        └ Fatal: fail
//! ```

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The group gave this worker its partitions, and their state is restored.
    Assigned,
    /// The commit interval is over and there is something to commit.
    Due,
    /// The commit in flight is in the log.
    Committed,
    /// The commit in flight was aborted; nothing of it is in the log.
    Aborted,
    /// Another committer has this identity, or the group has moved on; nothing of it is in the log.
    Fenced,
    /// The commit in flight was not acknowledged: it may be in the log or not.
    Unknown,
    /// The committer is beyond repair.
    Fatal,
    /// The group takes the partitions back and waits for this worker's answer.
    Revoked,
    /// The partitions belong to somebody else already.
    Lost,
    /// The process was asked to stop.
    Stop,
}

/// What to do next, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Collect what all tasks want done, with their positions, and hand it to the committer. If there is nothing,
    /// report [`Event::Committed`] at once.
    Commit,
    /// Throw away all tasks and everything that has not been committed.
    Discard,
    /// Make a new committer of this identity, which fences the old one and settles its open transaction.
    Reinit,
    /// Read the committed positions anew, restore the tasks and read on from there.
    Rewind,
    /// Answer the group: the partitions are given back.
    Release,
    /// Leave the group and end.
    Leave,
    /// End with an error, so that the process starts anew.
    Fail,
}

/// What a worker still owes once the commit in flight has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// A last commit, then the partitions.
    Release,
    /// A last commit, then the partitions, then the membership.
    Leave,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InFlight {
    No,
    /// A commit, after which there may be more to commit.
    Yes,
    /// The commit that covers all there is before partitions are released.
    Last,
    /// A commit whose work has been thrown away: only the committer's health matters.
    Disowned,
}

/// Decides from events what a worker does about its commits.
#[derive(Debug)]
pub struct Commits {
    assigned: bool,
    in_flight: InFlight,
    owed: Owed,
    ended: bool,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            assigned: false,
            in_flight: InFlight::No,
            owed: Owed::Nothing,
            ended: false,
        }
    }
}

impl Commits {
    /// Whether a commit is on its way.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.in_flight != InFlight::No
    }

    /// Whether reading may go on: partitions are held and nobody waits for them.
    #[must_use]
    pub fn may_read(&self) -> bool {
        self.assigned && self.owed == Owed::Nothing && !self.ended
    }

    /// Takes an event in and says what to do, in order.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        if self.ended {
            return Vec::new();
        }
        match event {
            Event::Assigned => {
                self.assigned = true;
                Vec::new()
            }
            Event::Due if self.may_read() && self.in_flight == InFlight::No => {
                self.commit(InFlight::Yes)
            }
            Event::Due => Vec::new(),
            Event::Revoked => self.owe(Owed::Release),
            Event::Stop => self.owe(Owed::Leave),
            Event::Lost => self.lost(),
            Event::Committed => self.committed(),
            Event::Aborted => self.failed(&[]),
            Event::Fenced | Event::Unknown => self.failed(&[Action::Reinit]),
            Event::Fatal => {
                self.ended = true;
                vec![Action::Discard, Action::Fail]
            }
        }
    }

    fn commit(&mut self, kind: InFlight) -> Vec<Action> {
        self.in_flight = kind;
        vec![Action::Commit]
    }

    fn owe(&mut self, owed: Owed) -> Vec<Action> {
        if self.owed != Owed::Leave {
            self.owed = owed;
        }
        match self.in_flight {
            InFlight::No if self.assigned => self.commit(InFlight::Last),
            InFlight::No => self.settle(),
            InFlight::Yes | InFlight::Last | InFlight::Disowned => Vec::new(),
        }
    }

    fn lost(&mut self) -> Vec<Action> {
        self.assigned = false;
        if self.in_flight != InFlight::No {
            self.in_flight = InFlight::Disowned;
        }
        if self.owed == Owed::Release {
            self.owed = Owed::Nothing;
        }
        let mut actions = vec![Action::Discard, Action::Release];
        if self.in_flight == InFlight::No && self.owed == Owed::Leave {
            actions.extend(self.settle());
        }
        actions
    }

    fn committed(&mut self) -> Vec<Action> {
        let was = std::mem::replace(&mut self.in_flight, InFlight::No);
        match (self.owed, was) {
            (Owed::Nothing, _) => Vec::new(),
            (_, InFlight::Yes) if self.assigned => self.commit(InFlight::Last),
            _ => self.settle(),
        }
    }

    /// Nothing since the last good commit counts. Partitions that are still ours are read again from there; those that
    /// are wanted back go back as they are.
    fn failed(&mut self, first: &[Action]) -> Vec<Action> {
        let was = std::mem::replace(&mut self.in_flight, InFlight::No);
        let mut actions = Vec::new();
        if was != InFlight::Disowned {
            actions.push(Action::Discard);
        }
        actions.extend_from_slice(first);
        if self.owed != Owed::Nothing {
            actions.extend(self.settle());
        } else if self.assigned && was != InFlight::Disowned {
            actions.push(Action::Rewind);
        }
        actions
    }

    fn settle(&mut self) -> Vec<Action> {
        let owed = std::mem::replace(&mut self.owed, Owed::Nothing);
        let held = std::mem::replace(&mut self.assigned, false);
        let mut actions = Vec::new();
        if held || owed == Owed::Release {
            actions.push(Action::Release);
        }
        if owed == Owed::Leave {
            self.ended = true;
            actions.push(Action::Leave);
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned() -> Commits {
        let mut commits = Commits::default();
        assert_eq!(commits.on(Event::Assigned), []);
        commits
    }

    #[test]
    fn one_commit_at_a_time() {
        let mut commits = assigned();
        assert_eq!(commits.on(Event::Due), [Action::Commit]);
        assert_eq!(commits.on(Event::Due), []);
        assert_eq!(commits.on(Event::Committed), []);
        assert_eq!(commits.on(Event::Due), [Action::Commit]);
    }

    #[test]
    fn nothing_is_committed_without_partitions() {
        assert_eq!(Commits::default().on(Event::Due), []);
    }

    #[test]
    fn an_abort_rewinds_everything_since_the_last_commit() {
        let mut commits = assigned();
        commits.on(Event::Due);
        assert_eq!(
            commits.on(Event::Aborted),
            [Action::Discard, Action::Rewind]
        );
        assert!(commits.may_read());
    }

    #[test]
    fn an_unknown_outcome_is_settled_before_positions_are_read() {
        let mut commits = assigned();
        commits.on(Event::Due);
        assert_eq!(
            commits.on(Event::Unknown),
            [Action::Discard, Action::Reinit, Action::Rewind]
        );
    }

    #[test]
    fn a_revocation_commits_all_first() {
        let mut commits = assigned();
        assert_eq!(commits.on(Event::Revoked), [Action::Commit]);
        assert!(!commits.may_read());
        assert_eq!(commits.on(Event::Committed), [Action::Release]);
        assert!(!commits.may_read());
        commits.on(Event::Assigned);
        assert!(commits.may_read());
    }

    #[test]
    fn a_revocation_during_a_commit_waits_for_it_and_commits_the_rest() {
        let mut commits = assigned();
        commits.on(Event::Due);
        assert_eq!(commits.on(Event::Revoked), []);
        assert_eq!(commits.on(Event::Committed), [Action::Commit]);
        assert_eq!(commits.on(Event::Committed), [Action::Release]);
    }

    #[test]
    fn a_failed_commit_during_a_revocation_gives_the_partitions_back_uncommitted() {
        let mut commits = assigned();
        commits.on(Event::Due);
        commits.on(Event::Revoked);
        assert_eq!(
            commits.on(Event::Fenced),
            [Action::Discard, Action::Reinit, Action::Release]
        );
    }

    #[test]
    fn lost_partitions_are_dropped_and_the_commit_in_flight_no_longer_matters() {
        let mut commits = assigned();
        commits.on(Event::Due);
        assert_eq!(commits.on(Event::Lost), [Action::Discard, Action::Release]);
        commits.on(Event::Assigned);
        assert_eq!(
            commits.on(Event::Due),
            [],
            "the disowned commit is still in flight"
        );
        assert_eq!(
            commits.on(Event::Fenced),
            [Action::Reinit],
            "new work is not thrown away with the old"
        );
        assert_eq!(commits.on(Event::Due), [Action::Commit]);
    }

    #[test]
    fn stopping_commits_releases_and_leaves() {
        let mut commits = assigned();
        commits.on(Event::Due);
        assert_eq!(commits.on(Event::Stop), []);
        assert_eq!(commits.on(Event::Committed), [Action::Commit]);
        assert_eq!(
            commits.on(Event::Committed),
            [Action::Release, Action::Leave]
        );
        assert_eq!(commits.on(Event::Due), []);
    }

    #[test]
    fn stopping_without_partitions_leaves_at_once() {
        assert_eq!(Commits::default().on(Event::Stop), [Action::Leave]);
    }

    #[test]
    fn a_revocation_while_stopping_does_not_forget_the_stop() {
        let mut commits = assigned();
        commits.on(Event::Stop);
        commits.on(Event::Revoked);
        assert_eq!(
            commits.on(Event::Committed),
            [Action::Release, Action::Leave]
        );
    }

    #[test]
    fn losing_partitions_while_stopping_still_leaves() {
        let mut commits = assigned();
        commits.on(Event::Stop);
        assert_eq!(commits.on(Event::Lost), [Action::Discard, Action::Release]);
        assert_eq!(commits.on(Event::Fenced), [Action::Reinit, Action::Leave]);
    }

    #[test]
    fn a_fatal_error_ends_it() {
        let mut commits = assigned();
        commits.on(Event::Due);
        assert_eq!(commits.on(Event::Fatal), [Action::Discard, Action::Fail]);
        assert_eq!(commits.on(Event::Stop), []);
    }
}
