//! What can go wrong inside the engine. A record that cannot be used is not an error: it becomes a dead letter.

use arrow::error::ArrowError;
use datafusion_common::DataFusionError;

use crate::decode::{DecodeError, SchemaError};
use crate::disk::DiskError;

/// A failure that stops a task: state that cannot be read, or a plan that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The plan asks for something that the engine does not do.
    #[error("the plan cannot be run: {0}")]
    Plan(String),
    /// Bytes of a changelog or a shuffle topic are not what was written.
    #[error("stored data of stream `{stream}` cannot be read: {problem}")]
    Stored {
        /// The stream.
        stream: String,
        /// What is wrong with the bytes.
        problem: String,
    },
    /// State was written by a stream of the same name with other keys, functions or another window.
    #[error(
        "stored data of stream `{stream}` was written with other keys, aggregate functions or another window: {lost} would be lost; take the edit back, give the stream another name, or set onIncompatibleChange: Reset to start it again without state"
    )]
    Incompatible {
        /// The stream.
        stream: String,
        /// What cannot be gone on from.
        lost: &'static str,
    },
    /// State was written after a reset that this worker does not know of: it must not go on from before it.
    #[error(
        "stored data of stream `{stream}` was written after its reset number {stored}, and these manifests know of {known}: those of another worker are newer; where there are none, annotate the Pipeline with {}: {stream}={stored} to go on from there",
        tidemill_plan::resets::ANNOTATION
    )]
    FromLaterReset {
        /// The stream.
        stream: String,
        /// The reset that the data is from.
        stored: u32,
        /// The resets that the worker's manifests tell of.
        known: u32,
    },
    /// The clock stored with the committed offsets cannot be read.
    #[error("the clock stored with the committed offsets cannot be read: {0}")]
    Clock(String),
    /// An expression or aggregate function failed where no row can be blamed for it.
    #[error("computing failed: {0}")]
    Compute(#[from] DataFusionError),
    /// A source's columns cannot be decoded.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Records could not be decoded at all.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// State that does not fit into memory could not be put onto disk, or read back.
    #[error("{0}")]
    Disk(#[from] DiskError),
    /// Columns could not be put together.
    #[error("columns do not fit together: {0}")]
    Columns(#[from] ArrowError),
}

/// The result of the engine's functions.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
