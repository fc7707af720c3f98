//! The pipelines that are tried: a small grammar of plans, and records for them, drawn by a seed.
//!
//! A new kind of stream needs a variant of [`What`], its SQL in `manifest.rs`, and what it means in [`crate::oracle`].

mod draw;
mod manifest;
mod records;
mod rules;

pub(crate) use self::records::{Body, Record, changes, records, span};

/// The table that streams are joined with, and how many partitions it has.
pub(crate) const TABLE: &str = "known";
pub(crate) const TABLE_PARTITIONS: u32 = 2;

/// The table that changes while streams are joined with it; it has as many.
pub(crate) const MOVING: &str = "moving";

/// Where alerts go.
pub(crate) const ALERTS: &str = "alerts";

/// Event time of the first records, in milliseconds: aligned to all windows.
pub(crate) const BEGIN: i64 = 1_700_000_040_000;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SourceShape {
    pub(crate) partitions: u32,
    /// Seconds by which records may be out of order.
    pub(crate) disorder: i64,
    /// Records with the same `k` are in one partition, and the manifest says so.
    pub(crate) by_key: bool,
    /// Milliseconds of the worker's clock after which a partition is idle.
    pub(crate) idle: Option<u64>,
    /// It is read from where it ends when that begins.
    pub(crate) latest: bool,
}

/// Where a stream's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Over {
    Source(usize),
    Stream(usize),
}

/// Windows, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Tumble(i64),
    Hop { slide: i64, size: i64 },
    Cumulate { step: i64, size: i64 },
    Session(i64),
}

/// What a stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Rows that pass a filter.
    Rows,
    /// A grouping by one column in windows.
    Window {
        key: &'static str,
        kind: Kind,
        on_update: bool,
        lateness: i64,
        drops: bool,
    },
    /// A grouping by one column, kept up to date.
    Table { key: &'static str },
    /// The results of windows that pass a filter.
    Results { key: &'static str },
    /// What the order of rows decides about, by one column.
    Ordered {
        key: &'static str,
        order: Order,
        drops: bool,
    },
    /// Each row with those of the same column that are so many seconds later, and have a lesser value.
    Pairs {
        key: &'static str,
        earliest: i64,
        latest: i64,
        /// A row goes on by itself where there is none.
        alone: bool,
        drops: bool,
    },
    /// Rows joined with the table; those that it has nothing for are left out, or dead letters, or have nothing of it.
    Joined { inner: bool, letters: bool },
    /// Rows joined with the table that changes, each with its number.
    Live { inner: bool, missing: Missing },
    /// The table joined with the table that changes.
    Merged { inner: bool },
}

/// What becomes of a row that a table has nothing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Missing {
    /// It is left out, or has nothing of the table.
    Emit,
    DeadLetter,
    /// It waits for so many seconds.
    Wait(i64),
}

/// What is done with rows in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// Sums over so many seconds up to each row.
    Moving(i64),
    /// The same, and the numbers of the rows.
    Numbered(i64),
    /// Windows of so many rows.
    Counted(usize),
    /// The two rows of each window of so many seconds that have most.
    First(i64),
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StreamShape {
    pub(crate) over: Over,
    pub(crate) what: What,
    /// Its rows go to a table outside the log, and to a topic, which must have the same.
    pub(crate) outside: bool,
}

/// A key of the table, and its row's value; none where the row is deleted.
pub(crate) type Change = (&'static str, Option<i64>);

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) sources: Vec<SourceShape>,
    pub(crate) streams: Vec<StreamShape>,
    /// The changes of a table, before anybody reads it: it rests, so which of them a row sees does not depend on when it is read.
    pub(crate) table: Vec<Change>,
    pub(crate) shards: u32,
    /// Dead letters go to a sink.
    pub(crate) letters: bool,
    /// Alert rules ask the same as some streams.
    pub(crate) rules: bool,
}

impl Shape {
    /// The source that a stream's rows come from in the end.
    pub(crate) fn root(&self, over: Over) -> usize {
        match over {
            Over::Source(source) => source,
            Over::Stream(stream) => self.streams.get(stream).map_or(0, |s| self.root(s.over)),
        }
    }

    /// Whether its rows, or what they come from, may go on in several commits: sessions close, rows whose order
    /// decides come, and rows that found no other go alone a few at a time.
    pub(crate) fn goes_on_in_parts(&self, stream: usize) -> bool {
        self.streams.get(stream).is_some_and(|s| match s.what {
            What::Ordered { .. }
            | What::Pairs { alone: true, .. }
            | What::Window {
                kind: Kind::Session(_),
                ..
            } => true,
            _ => matches!(s.over, Over::Stream(over) if self.goes_on_in_parts(over)),
        })
    }

    /// The tables that are read.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &'static str> {
        let reads = |is: fn(What) -> bool| self.streams.iter().any(|s| is(s.what));
        let rests = reads(|what| matches!(what, What::Joined { .. } | What::Merged { .. }));
        let moves = reads(|what| matches!(what, What::Live { .. } | What::Merged { .. }));
        let tables = [rests.then_some(TABLE), moves.then_some(MOVING)];
        tables.into_iter().flatten()
    }

    /// Whether rows wait for what a table has not got yet.
    pub(crate) fn has_waiting(&self) -> bool {
        let waits = |what| {
            matches!(
                what,
                What::Live {
                    missing: Missing::Wait(_),
                    ..
                }
            )
        };
        self.streams.iter().any(|s| waits(s.what))
    }

    pub(crate) fn idle_of(&self, over: Over) -> Option<u64> {
        self.sources.get(self.root(over))?.idle
    }

    /// Whether rows of a grouping by this column meet without a shuffle.
    pub(crate) fn is_local(&self, over: Over, key: Option<&str>) -> bool {
        let promised = self.sources.get(self.root(over)).is_some_and(|s| s.by_key);
        promised && key == Some("k")
    }

    /// Whether every grouping is where its rows are, so that what is written follows from the committed offsets alone.
    pub(crate) fn is_all_local(&self) -> bool {
        self.sources.iter().all(|s| s.idle.is_none())
            && self
                .streams
                .iter()
                .all(|s| s.what.key().is_none() || self.is_local(s.over, s.what.key()))
            && !self
                .streams
                .iter()
                .any(|s| matches!(s.what, What::Merged { .. }))
    }

    /// The columns that identify a row; none where rows are added.
    pub(crate) fn identity(&self, stream: usize) -> Vec<&'static str> {
        match self.streams.get(stream).map(|s| s.what) {
            Some(What::Table { key }) => vec![key],
            Some(What::Merged { .. }) => vec!["g"],
            Some(What::Window {
                key,
                on_update: true,
                ..
            }) => vec![key, "ws", "we"],
            _ => Vec::new(),
        }
    }
}

impl StreamShape {
    /// Whether its rows are results of windows, each added once.
    fn is_final(&self) -> bool {
        matches!(
            self.what,
            What::Window {
                on_update: false,
                lateness: 0,
                ..
            }
        )
    }
}

impl What {
    /// The column it groups by.
    pub(crate) fn key(&self) -> Option<&'static str> {
        match self {
            Self::Rows | Self::Joined { .. } | Self::Live { .. } | Self::Merged { .. } => None,
            Self::Window { key, .. }
            | Self::Table { key }
            | Self::Results { key }
            | Self::Ordered { key, .. }
            | Self::Pairs { key, .. } => Some(key),
        }
    }
}

pub(crate) fn source_name(index: usize) -> String {
    format!("source_{index}")
}

pub(crate) fn stream_name(index: usize) -> String {
    format!("stream_{index}")
}

/// Where a stream's rows go.
pub(crate) fn output_name(index: usize) -> String {
    format!("out-{index}")
}

/// The topic that has what a table outside the log has.
pub(crate) fn twin_name(index: usize) -> String {
    format!("twin-{index}")
}
