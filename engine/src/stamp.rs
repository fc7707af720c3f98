//! Whose stored rows are: what is written with every chunk of state and with every record of a shuffle.

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

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            epoch: u32::try_from(reader.unsigned()?).map_err(|_| "its epoch is out of range")?,
            fingerprint: reader.fixed()?,
        })
    }
}
