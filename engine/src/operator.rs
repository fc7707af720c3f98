//! What has state, all with the same face: windows made of panes (and tables), sessions, and joins of which rows wait.

use tidemill_plan::model::{self, Aggregate, Micros, Stream, Window, WindowKind};

use crate::aggregate::{ChunkKey, Panes, Sessions};
use crate::clock::Marks;
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::Result;
use crate::join::Joined;
use crate::keyed::Over;
use crate::reject::Place;
use crate::rows::Flow;
use crate::shuffle::{Arrived, Word};
use crate::stamp::Stamp;
use crate::table::{Awaiting, Tables};

/// An operator at work.
pub(crate) enum Operator {
    /// Windows made of panes, or a table.
    Panes(Box<Panes>),
    /// Sessions.
    Sessions(Box<Sessions>),
    /// Functions over the rows of a key.
    Over(Box<Over>),
    /// Rows of two streams that belong together.
    Join(Box<Joined>),
    /// Joins of which rows wait.
    Awaiting(Box<Awaiting>),
}

/// The same for each kind.
macro_rules! each {
    ($operator:expr, $it:ident => $do:expr) => {
        match $operator {
            Operator::Panes($it) => $do,
            Operator::Sessions($it) => $do,
            Operator::Over($it) => $do,
            Operator::Join($it) => $do,
            Operator::Awaiting($it) => $do,
        }
    };
}

impl Operator {
    /// An operator in the task where its input's rows are. With a shuffle it only sends them on, grouped as far as
    /// that can be done.
    pub(crate) fn over_rows(
        index: usize,
        stream: &Stream,
        planned: &model::Operator,
    ) -> Result<Self> {
        Ok(match planned {
            model::Operator::Aggregate(aggregate) => match session(aggregate) {
                Some(gap) => Self::Sessions(Box::new(Sessions::over_rows(
                    index, stream, aggregate, gap,
                )?)),
                None => Self::Panes(Box::new(Panes::over_rows(index, stream, aggregate)?)),
            },
            model::Operator::Over(over) => {
                Self::Over(Box::new(Over::over_rows(index, stream, over)?))
            }
            model::Operator::Join(join) => {
                Self::Join(Box::new(Joined::over_rows(index, stream, join)?))
            }
            model::Operator::Await(wait) => Self::Awaiting(Box::new(Awaiting::new(stream, wait)?)),
        })
    }

    /// An operator in a shard, where what was sent comes together.
    pub(crate) fn in_shard(stream: &Stream, planned: &model::Operator) -> Result<Self> {
        Ok(match planned {
            model::Operator::Aggregate(aggregate) => match session(aggregate) {
                Some(gap) => {
                    Self::Sessions(Box::new(Sessions::over_partials(stream, aggregate, gap)?))
                }
                None => Self::Panes(Box::new(Panes::over_partials(stream, aggregate)?)),
            },
            model::Operator::Over(over) => Self::Over(Box::new(Over::in_shard(stream, over)?)),
            model::Operator::Join(join) => Self::Join(Box::new(Joined::in_shard(stream, join)?)),
            model::Operator::Await(wait) => Self::Awaiting(Box::new(Awaiting::new(stream, wait)?)),
        })
    }

    /// Whether rows of a record that was shuffled are the stream's own.
    pub(crate) fn owns(&self, stored: Stamp) -> Result<bool> {
        match self {
            Self::Panes(it) => it.owns(stored),
            Self::Sessions(it) => it.owns(stored),
            Self::Over(it) => it.owns(stored),
            Self::Join(it) => it.owns(stored),
            Self::Awaiting(_) => Ok(false),
        }
    }

    /// The watermark of the rows that it hands on.
    pub(crate) fn output_watermark(&self) -> Micros {
        each!(self, it => it.output_watermark())
    }

    /// Takes rows in; those that are late, or on which an expression fails, are rejected.
    pub(crate) fn update(&mut self, flow: Flow, place: Place<'_>, fx: &mut Effects) -> Result<()> {
        each!(self, it => it.update(flow, place, fx))
    }

    /// Takes in what was shuffled; those that are late are rejected.
    pub(crate) fn receive(
        &mut self,
        arrived: Vec<Arrived<'_>>,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        match self {
            Self::Panes(it) => it.receive(arrived, place, fx),
            Self::Sessions(it) => it.receive(arrived, place, fx),
            Self::Over(it) => it.receive(arrived, place, fx),
            Self::Join(it) => it.receive(arrived, place, fx),
            // Nothing is sent: rows that wait are where they are read.
            Self::Awaiting(_) => Ok(()),
        }
    }

    /// Moves the watermark; results of what it closes may come out.
    pub(crate) fn advance(
        &mut self,
        watermark: Micros,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        match self {
            Self::Panes(it) => it.advance(watermark, place, fx),
            Self::Sessions(it) => {
                it.advance(watermark);
                Ok(Vec::new())
            }
            Self::Over(it) => {
                it.advance(watermark);
                Ok(Vec::new())
            }
            Self::Join(it) => {
                it.advance(watermark);
                Ok(Vec::new())
            }
            Self::Awaiting(it) => it.advance(watermark, place, fx),
        }
    }

    /// Sets the watermark without closing anything, as after a restart: what had to close has closed.
    pub(crate) fn resume(&mut self, watermark: Micros) {
        each!(self, it => it.resume(watermark));
    }

    /// Closes every window, as at the end of the input.
    pub(crate) fn close_all(&mut self, place: Place<'_>, fx: &mut Effects) -> Result<Vec<Flow>> {
        each!(self, it => it.close_all(place, fx))
    }

    /// What a commit needs: what is sent goes to their shards, or states to the changelog and results on.
    pub(crate) fn flush(
        &mut self,
        word: Word,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<Vec<Flow>> {
        match self {
            Self::Panes(it) => it.flush(word, place, fx),
            Self::Sessions(it) => it.flush(word, place, fx),
            Self::Over(it) => it.flush(word, place, fx),
            Self::Join(it) => it.flush(word, place, fx),
            Self::Awaiting(it) => it.flush(place, fx),
        }
    }

    /// Takes back a record of the changelog.
    pub(crate) fn restore(&mut self, key: ChunkKey<'_>, value: Option<&[u8]>) -> Result<()> {
        each!(self, it => it.restore(key, value))
    }

    /// What must be kept with the clock.
    pub(crate) fn marks(&self) -> Marks {
        each!(self, it => it.marks())
    }

    /// Takes back what was kept with the clock.
    pub(crate) fn set_marks(&mut self, marks: &[Marks]) {
        match self {
            Self::Panes(it) => it.set_marks(marks),
            Self::Sessions(it) => it.set_marks(marks),
            Self::Over(it) => it.set_marks(marks),
            Self::Join(it) => it.set_marks(marks),
            Self::Awaiting(_) => {}
        }
    }

    /// Sets what rows are joined with.
    pub(crate) fn set_tables(&mut self, tables: &Tables) {
        match self {
            Self::Awaiting(it) => it.set_tables(tables),
            Self::Panes(_) | Self::Sessions(_) | Self::Over(_) | Self::Join(_) => {}
        }
    }

    /// Whether something may come of a flush although nothing has come in.
    pub(crate) fn has_news(&self) -> bool {
        match self {
            Self::Awaiting(it) => it.has_news(),
            Self::Panes(_) | Self::Sessions(_) | Self::Over(_) | Self::Join(_) => false,
        }
    }

    /// Sets how much memory its state may take.
    pub(crate) fn set_room(&mut self, room: &Room) {
        each!(self, it => it.set_room(room));
    }

    /// Whether a flush has left something to be closed for the next one.
    pub(crate) fn is_closing(&self) -> bool {
        match self {
            Self::Panes(_) | Self::Awaiting(_) => false,
            Self::Sessions(it) => it.is_closing(),
            Self::Over(it) => it.is_closing(),
            Self::Join(it) => it.is_closing(),
        }
    }

    /// How many windows, or panes of windows, are held.
    pub(crate) fn open_windows(&self) -> usize {
        match self {
            Self::Panes(it) => it.open_windows(),
            Self::Sessions(it) => it.open_windows(),
            Self::Over(_) | Self::Join(_) | Self::Awaiting(_) => 0,
        }
    }

    /// How many chunks of the changelog are left from before a reset, to be forgotten with the next flush.
    pub(crate) fn stale_chunks(&self) -> usize {
        each!(self, it => it.stale_chunks())
    }

    /// How many groups it holds.
    pub(crate) fn groups(&self) -> usize {
        match self {
            Self::Panes(it) => it.groups(),
            Self::Sessions(it) => it.groups(),
            Self::Over(it) => it.groups(),
            Self::Join(it) => it.groups(),
            Self::Awaiting(it) => it.len(),
        }
    }

    /// Roughly how many bytes of memory hold what has come since the last flush.
    pub(crate) fn delta_bytes(&self) -> usize {
        each!(self, it => it.delta_bytes())
    }

    /// Roughly how many bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        each!(self, it => it.bytes())
    }
}

/// The gap, if the windows are sessions; with it, which column is the time.
fn session(aggregate: &Aggregate) -> Option<(usize, Micros)> {
    match aggregate.window? {
        Window {
            time,
            kind: WindowKind::Session { gap },
        } => Some((time, gap)),
        _ => None,
    }
}
