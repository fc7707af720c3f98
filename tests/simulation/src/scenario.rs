//! A scenario: a pipeline, its records, its workers and what befalls them, all from one seed.

use crate::grammar::{self, Body, Change, Record, Shape};
use crate::log::{MS, Time};
use crate::random::Random;
use crate::world::{Fault, Mishap, Site};

/// A worker: when it starts, and when it is told to stop, if ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worker {
    pub(crate) starts: Time,
    pub(crate) stops: Option<Time>,
}

/// Something that happens at a time, whatever workers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incident {
    /// A worker's process is killed.
    Kill(usize),
    /// A worker's process stands still for so long.
    Freeze(usize, Time),
    /// The group's members are told to join again.
    Rebalance,
    /// Changelogs are compacted.
    Compact,
    /// Nothing can be fetched from a source's partition for so long.
    Silence(usize, i32, Time),
}

/// A source gets more partitions while the pipeline runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) source: usize,
    /// How many there were before.
    pub(crate) from: u32,
    pub(crate) at: Time,
    /// When the group notices, if it does not share anew before.
    pub(crate) noticed: Time,
}

/// All that a run is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) records: Vec<Record>,
    /// Of the table that changes.
    pub(crate) changes: Vec<(Time, Change)>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) mishaps: Vec<Mishap>,
    pub(crate) incidents: Vec<(Time, Incident)>,
    pub(crate) commit_interval: Time,
    /// How many workers close all windows in the end.
    pub(crate) closers: usize,
    /// All records are there from the start, and the workers run to the input's end.
    pub(crate) bounded: bool,
    /// A source that gets its last partitions while the pipeline runs.
    pub(crate) grows: Option<Growth>,
}

impl Scenario {
    /// Whether hardly any state fits into memory: in half of the runs.
    pub(crate) fn is_tight(&self) -> bool {
        self.seed % 2 == 1
    }

    /// How many sessions one commit closes, and how many rows in order go on with it. In half of the runs one alone, so that the others
    /// come later.
    pub(crate) fn at_once(&self) -> usize {
        if self.seed / 2 % 2 == 1 {
            1
        } else {
            usize::MAX
        }
    }

    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(7));
        let shape = Shape::of(seed);
        let span = grammar::span(&mut random);
        let workers: Vec<Worker> = (0..random.range(1, 4))
            .map(|n| worker(n, span, &mut random))
            .collect();
        // Some runs are quiet, some are rough.
        let roughness = random.pick(&[0, 2, 5, 12], 5);
        let mishaps = (0..roughness)
            .map(|_| mishap(workers.len(), &mut random))
            .collect();
        let mut incidents: Vec<(Time, Incident)> = (0..random.range(0, 1 + roughness / 2))
            .map(|_| {
                (
                    random.range(0, span),
                    incident(&shape, workers.len(), &mut random),
                )
            })
            .collect();
        incidents
            .extend((0..random.range(0, 4)).map(|_| (random.range(0, span), Incident::Compact)));
        Self {
            seed,
            records: grammar::records(&shape, span, &mut random),
            // By themselves, so that whatever else there is stays as it is drawn.
            changes: grammar::changes(span, &mut Random::new(!seed)),
            shape,
            workers,
            mishaps,
            incidents,
            commit_interval: random.pick(&[15, 30, 60], 30) * MS,
            closers: random.range(1, 3) as usize,
            bounded: false,
            grows: None,
        }
        .perhaps_bounded(&mut random)
        .perhaps_growing(&mut random)
    }

    fn perhaps_growing(self, random: &mut Random) -> Self {
        if random.chance(12) && !self.bounded {
            self.growing(random)
        } else {
            self
        }
    }

    fn perhaps_bounded(mut self, random: &mut Random) -> Self {
        if random.chance(20) {
            self.bounded = true;
            // One that is stopped before the end leaves its share to the others, who may have ended.
            self.workers.iter_mut().for_each(|w| w.stops = None);
            self.records.iter_mut().for_each(|record| record.at = 0);
            self.changes.iter_mut().for_each(|(at, _)| *at = 0);
        }
        self
    }

    /// The same, but that a source gets more partitions on the way.
    pub(crate) fn growing(mut self, random: &mut Random) -> Self {
        let until = self.records.last().map_or(0, |record| record.at);
        let index = random.range(0, self.shape.sources.len() as u64) as usize;
        let Some(source) = self.shape.sources.get_mut(index) else {
            return self;
        };
        let (from, at) = (source.partitions, random.range(0, until * 3 / 4));
        source.partitions += random.range(1, 3) as u32;
        let to = source.partitions;
        // Those who write may see new partitions sooner than those who read.
        let used = at + random.pick(&[0, 0, 200 * MS], 0);
        let moved = self
            .records
            .iter_mut()
            .filter(|r| r.source == index && r.at > used);
        for record in moved {
            if !random.chance(40) {
                continue;
            }
            record.partition = random.range(from.into(), to.into()) as i32;
            // By keys of their own, so that a promise about keys is kept.
            if let Body::Row { k, .. } = &mut record.body {
                *k = format!("new{}", record.partition);
            }
        }
        self.grows = Some(Growth {
            source: index,
            from,
            at,
            noticed: at + random.range(0, 300) * MS,
        });
        self.bounded = false;
        self
    }
}

fn worker(number: u64, span: Time, random: &mut Random) -> Worker {
    if number == 0 {
        return Worker {
            starts: 0,
            stops: None,
        };
    }
    let starts = random.range(0, span);
    Worker {
        starts,
        stops: random.chance(40).then(|| starts + random.range(0, span)),
    }
}

fn mishap(workers: usize, random: &mut Random) -> Mishap {
    // How often a worker asks for it in a run, roughly.
    let sites = [
        (Site::Admin, 4),
        (Site::Poll, 150),
        (Site::Offsets, 10),
        (Site::Assign, 6),
        (Site::Restore, 20),
        (Site::Table, 30),
        (Site::Init, 3),
        (Site::Produce, 60),
        (Site::Produce, 60),
        (Site::SendOffsets, 20),
        (Site::SendOffsets, 20),
        (Site::Commit, 20),
        (Site::Commit, 20),
        (Site::Commit, 20),
        (Site::Abort, 3),
        (Site::Claim, 5),
        (Site::Write, 20),
        (Site::Write, 20),
    ];
    let (site, times) = random.pick(&sites, (Site::Commit, 20));
    let fault = match random.range(0, 10) {
        0 => Fault::CrashBefore,
        1 | 2 => Fault::CrashAfter,
        3 | 4 => Fault::Refused,
        5..8 => Fault::AnswerLost,
        8 => Fault::Pause(random.range(50, 1_200) * MS),
        _ => Fault::Slow(random.range(20, 300) * MS),
    };
    Mishap {
        worker: random.range(0, workers as u64) as usize,
        site,
        nth: random.range(1, times + 1) as u32,
        fault,
    }
}

fn incident(shape: &Shape, workers: usize, random: &mut Random) -> Incident {
    let worker = random.range(0, workers as u64) as usize;
    match random.range(0, 10) {
        0..4 => Incident::Kill(worker),
        4..6 => Incident::Freeze(worker, random.range(100, 1_500) * MS),
        6..8 => Incident::Rebalance,
        _ => {
            let source = random.range(0, shape.sources.len() as u64) as usize;
            let partitions = shape
                .sources
                .get(source)
                .map_or(1, |s| u64::from(s.partitions));
            let partition = random.range(0, partitions) as i32;
            Incident::Silence(source, partition, random.range(50, 800) * MS)
        }
    }
}
