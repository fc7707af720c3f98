//! The bytes of what is stored: numbers as variable-length integers, a checksum at the end. And the hash by which keys
//! are spread.

use twox_hash::XxHash64;

/// The hash by which keys are spread over shards and buckets: XXH64 with seed 0. What is stored depends on it, so it
/// never changes.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

/// Writes values one after the other.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn fixed(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn signed(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.unsigned(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn append(&mut self, other: &Writer) {
        self.0.extend_from_slice(&other.0);
    }

    /// The bytes alone, for what is part of something sealed.
    pub(crate) fn unsealed(self) -> Vec<u8> {
        self.0
    }

    /// The bytes, with their checksum.
    pub(crate) fn sealed(mut self) -> Vec<u8> {
        let sum = hash(&self.0);
        self.fixed(sum);
        self.0
    }
}

/// Why bytes cannot be read.
pub(crate) type Malformed = &'static str;

/// Reads values in the order in which they were written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads bytes that have no checksum of their own.
    pub(crate) fn unsealed(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Checks the checksum of sealed bytes.
    pub(crate) fn sealed(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or("it is too short")?;
        if hash(body) != u64::from_le_bytes(*sum) {
            return Err("its checksum does not match");
        }
        Ok(Self(body))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn fixed(&mut self) -> Result<u64, Malformed> {
        let (first, rest) = self.0.split_first_chunk::<8>().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*first))
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("it holds a number that is too long")
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len =
            usize::try_from(self.unsigned()?).map_err(|_| "it holds a length that is too long")?;
        let (first, rest) = self.0.split_at_checked(len).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(b""), 0xef46_db37_51d8_e999);
        assert_eq!(hash(b"abc"), 0x44bc_2cf5_ad77_0999);
    }

    #[test]
    fn values_come_back_and_damage_is_seen() {
        let mut writer = Writer::default();
        writer.byte(7);
        writer.fixed(u64::MAX - 1);
        for value in [0, 1, -1, 300, i64::MIN, i64::MAX] {
            writer.signed(value);
        }
        writer.unsigned(u64::MAX);
        writer.bytes(b"key");
        let bytes = writer.sealed();
        let mut reader = Reader::sealed(&bytes).unwrap();
        assert_eq!(reader.byte(), Ok(7));
        assert_eq!(reader.fixed(), Ok(u64::MAX - 1));
        for value in [0, 1, -1, 300, i64::MIN, i64::MAX] {
            assert_eq!(reader.signed(), Ok(value));
        }
        assert_eq!(reader.unsigned(), Ok(u64::MAX));
        assert_eq!(reader.bytes(), Ok(&b"key"[..]));
        assert!(reader.is_empty());
        assert!(reader.byte().is_err());
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0x10;
            assert!(Reader::sealed(&damaged).is_err(), "byte {i}");
            assert!(Reader::sealed(&bytes[..i]).is_err(), "cut at {i}");
        }
    }
}
