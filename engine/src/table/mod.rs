//! Tables: the latest row of each key of a source.

mod changes;
mod tombstone;

pub(crate) use changes::Changes;
