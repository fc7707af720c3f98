//! Whose stored rows are: what is written with every chunk of state and with every record of a shuffle.

use std::cmp::Ordering;

use crate::error::{EngineError, Result};
use crate::wire::{Malformed, Reader, Writer};

/// What wrote stored rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// How often the stream had been reset.
    pub(crate) epoch: u32,
    /// A hash of all that the bytes of the rows depend on.
    pub(crate) fingerprint: u64,
}

impl Stamp {
    pub(crate) fn write(self, writer: &mut Writer) {
        writer.unsigned(u64::from(self.epoch));
        writer.fixed(self.fingerprint);
    }

    /// Whether rows with a stamp are those of a stream with this one, rather than left from before a reset. Those of
    /// another fingerprint are refused, unless the stream is to be reset where they do not fit.
    pub(crate) fn owns(
        self,
        stored: Self,
        stream: &str,
        drops_misfits: bool,
        lost: &'static str,
    ) -> Result<bool> {
        match stored.epoch.cmp(&self.epoch) {
            Ordering::Less => Ok(false),
            Ordering::Greater => Err(EngineError::FromLaterReset {
                stream: stream.to_owned(),
                stored: stored.epoch,
                known: self.epoch,
            }),
            Ordering::Equal if stored == self => Ok(true),
            Ordering::Equal if drops_misfits => Ok(false),
            Ordering::Equal => Err(EngineError::Incompatible {
                stream: stream.to_owned(),
                lost,
            }),
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            epoch: u32::try_from(reader.unsigned()?).map_err(|_| "its epoch is out of range")?,
            fingerprint: reader.fixed()?,
        })
    }
}
