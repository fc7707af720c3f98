//! How a batch of records lies in its blob.
//!
//! ```text
//! batch   version: u8, timestamp: zigzag, shared headers, record...
//! record  gap, timestamp delta: zigzag, key length + 1, value length + 1, headers' length, key, value, headers
//! headers (count, (name length, name, value length + 1, value)...), where a record without headers has length 0
//! ```
//!
//! Numbers are LEB128; a length of 0 where "+ 1" is said means null. `gap` is the number of offsets left out before the
//! record (compaction leaves them out); the first offset is the batch's own. Shared headers belong to every record.

use tidemill_engine::record::{Headers, RawRecord};

/// The only format there is so far.
const VERSION: u8 = 1;

/// Writes the records of one batch.
#[derive(Debug)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
    timestamp: i64,
    latest: i64,
    span: i64,
}

impl Encoder {
    /// A batch without records; `timestamp` is in milliseconds since the epoch.
    pub(super) fn new(timestamp: i64, shared: &Headers) -> Self {
        let mut bytes = vec![VERSION];
        put_zigzag(&mut bytes, timestamp);
        put_headers(&mut bytes, shared);
        Self {
            bytes,
            timestamp,
            latest: timestamp,
            span: 0,
        }
    }

    /// Adds a record that comes `gap` offsets after the one before.
    pub(super) fn push(
        &mut self,
        gap: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
    ) {
        let bytes = &mut self.bytes;
        put(bytes, gap.cast_unsigned());
        put_zigzag(bytes, timestamp.wrapping_sub(self.timestamp));
        put(bytes, key.map_or(0, |k| k.len() as u64 + 1));
        put(bytes, value.map_or(0, |v| v.len() as u64 + 1));
        let mut section = Vec::new();
        if !headers.is_empty() {
            put_headers(&mut section, headers);
        }
        put(bytes, section.len() as u64);
        bytes.extend_from_slice(key.unwrap_or_default());
        bytes.extend_from_slice(value.unwrap_or_default());
        bytes.extend_from_slice(&section);
        self.span += gap + 1;
        self.latest = self.latest.max(timestamp);
    }

    /// How many bytes there are so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The latest timestamp, the batch's own counted in.
    pub(super) fn latest(&self) -> i64 {
        self.latest
    }

    /// How many offsets the batch takes.
    pub(super) fn span(&self) -> i64 {
        self.span
    }

    /// The blob.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// A blob that is not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    /// It ends too early, or a length in it is wrong.
    #[error("is damaged")]
    Broken,
    /// Something newer has written it.
    #[error("has format {0}, which this version does not know")]
    Version(u8),
}

/// Where reading of a batch has got to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    at: usize,
    next: i64,
    timestamp: i64,
}

impl Place {
    /// The first record of a batch that begins at offset `base`.
    pub(super) fn start(blob: &[u8], base: i64) -> Result<Self, Damage> {
        let mut cursor = Cursor { blob, at: 0 };
        match cursor.byte()? {
            VERSION => {}
            other => return Err(Damage::Version(other)),
        }
        let timestamp = cursor.zigzag()?;
        cursor.headers(&mut Vec::new())?;
        Ok(Self {
            at: cursor.at,
            next: base,
            timestamp,
        })
    }

    /// The next record and the bytes of its own headers, moving behind it; `None` at the end.
    pub(super) fn next<'a>(
        &mut self,
        blob: &'a [u8],
    ) -> Result<Option<(RawRecord<'a>, &'a [u8])>, Damage> {
        if self.at >= blob.len() {
            return Ok(None);
        }
        let mut cursor = Cursor { blob, at: self.at };
        let gap = cursor.number()?.cast_signed();
        let delta = cursor.zigzag()?;
        let (key, value) = (cursor.number()?, cursor.number()?);
        let headers = cursor.number()?;
        let key = cursor.nullable(key)?;
        let value = cursor.nullable(value)?;
        let headers = cursor.slice(headers)?;
        let offset = self.next.checked_add(gap).ok_or(Damage::Broken)?;
        self.at = cursor.at;
        self.next = offset.checked_add(1).ok_or(Damage::Broken)?;
        let record = RawRecord {
            offset,
            timestamp: self.timestamp.wrapping_add(delta),
            key,
            value,
        };
        Ok(Some((record, headers)))
    }
}

/// The headers of a record: its own, given as [`Place::next`] found them, then those that the batch shares.
pub(super) fn headers_of(blob: &[u8], own: &[u8]) -> Headers {
    let mut headers = Headers::new();
    // `Place` has been through the batch already, so nothing can be wrong; and a header is no reason to stop.
    let _ = own_headers(own, &mut headers);
    let _ = shared_headers(blob, &mut headers);
    headers
}

fn own_headers(own: &[u8], headers: &mut Headers) -> Result<(), Damage> {
    if own.is_empty() {
        return Ok(());
    }
    Cursor { blob: own, at: 0 }.headers(headers)
}

fn shared_headers(blob: &[u8], headers: &mut Headers) -> Result<(), Damage> {
    let mut cursor = Cursor { blob, at: 1 };
    cursor.zigzag()?;
    cursor.headers(headers)
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_zigzag(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn put_headers(bytes: &mut Vec<u8>, headers: &Headers) {
    put(bytes, headers.len() as u64);
    for (name, value) in headers {
        put(bytes, name.len() as u64);
        bytes.extend_from_slice(name.as_bytes());
        put(bytes, value.as_ref().map_or(0, |v| v.len() as u64 + 1));
        bytes.extend_from_slice(value.as_deref().unwrap_or_default());
    }
}

struct Cursor<'a> {
    blob: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, Damage> {
        let byte = *self.blob.get(self.at).ok_or(Damage::Broken)?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damage::Broken)
    }

    fn zigzag(&mut self) -> Result<i64, Damage> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn slice(&mut self, len: u64) -> Result<&'a [u8], Damage> {
        let end = usize::try_from(len)
            .ok()
            .and_then(|len| self.at.checked_add(len))
            .ok_or(Damage::Broken)?;
        let slice = self.blob.get(self.at..end).ok_or(Damage::Broken)?;
        self.at = end;
        Ok(slice)
    }

    fn nullable(&mut self, len: u64) -> Result<Option<&'a [u8]>, Damage> {
        match len.checked_sub(1) {
            None => Ok(None),
            Some(len) => self.slice(len).map(Some),
        }
    }

    fn headers(&mut self, into: &mut Headers) -> Result<(), Damage> {
        for _ in 0..self.number()? {
            let len = self.number()?;
            let name = String::from_utf8_lossy(self.slice(len)?).into_owned();
            let len = self.number()?;
            let value = self.nullable(len)?.map(<[u8]>::to_vec);
            into.push((name, value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    type Read = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, Headers);

    fn read(blob: &[u8], base: i64) -> Result<Vec<Read>, Damage> {
        let mut place = Place::start(blob, base)?;
        let mut records = Vec::new();
        while let Some((r, headers)) = place.next(blob)? {
            let headers = headers_of(blob, headers);
            records.push((
                r.offset,
                r.timestamp,
                r.key.map(<[u8]>::to_vec),
                r.value.map(<[u8]>::to_vec),
                headers,
            ));
        }
        Ok(records)
    }

    fn sample() -> Vec<u8> {
        let shared = vec![("traceparent".to_owned(), Some(b"00-1-2-01".to_vec()))];
        let own = vec![("a".to_owned(), None), ("ü".to_owned(), Some(Vec::new()))];
        let mut encoder = Encoder::new(1_000, &shared);
        encoder.push(0, 1_000, Some(b"k"), Some(b"v"), &Headers::new());
        encoder.push(5, 900, None, Some(b""), &own);
        encoder.push(0, i64::MIN, Some(b""), None, &Headers::new());
        assert_eq!(encoder.span(), 8);
        encoder.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let shared = ("traceparent".to_owned(), Some(b"00-1-2-01".to_vec()));
        let long = vec![7_u8; 70_000];
        let mut encoder = Encoder::new(-1, &Headers::new());
        encoder.push(0, i64::MAX, Some(&long), Some(&long), &Headers::new());
        assert_eq!(
            read(&encoder.finish(), 0).unwrap(),
            [(0, i64::MAX, Some(long.clone()), Some(long), Headers::new())]
        );
        assert_eq!(
            read(&sample(), 40).unwrap(),
            [
                (
                    40,
                    1_000,
                    Some(b"k".to_vec()),
                    Some(b"v".to_vec()),
                    vec![shared.clone()]
                ),
                (
                    46,
                    900,
                    None,
                    Some(Vec::new()),
                    vec![
                        ("a".to_owned(), None),
                        ("ü".to_owned(), Some(Vec::new())),
                        shared.clone()
                    ]
                ),
                (47, i64::MIN, Some(Vec::new()), None, vec![shared]),
            ]
        );
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let blob = sample();
        assert_eq!(read(&[9], 0).unwrap_err(), Damage::Version(9));
        for end in 0..blob.len() {
            let whole = read(&blob, 0).unwrap();
            if let Ok(records) = read(&blob[..end], 0) {
                assert!(records.len() < whole.len(), "cut at {end} went unnoticed");
            }
        }
        for at in 0..blob.len() {
            for flip in [0x80, 0xff, 0x01] {
                let mut damaged = blob.clone();
                damaged[at] ^= flip;
                let _ = read(&damaged, i64::MAX - 3);
            }
        }
    }
}
