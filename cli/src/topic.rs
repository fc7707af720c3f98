//! `tidemill topic`: records written, read and counted from the command line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write as _};

use serde_json::Value;
use tidemill_engine::record::{RawBatch, RawRecord};
use tidemill_worker::log::{Admin, LogError, Produced, TopicSpec};

use crate::failure::Failure;

/// Lines handed to the log at once.
const BATCH: usize = 1000;

/// Appends one record for each line of standard input, making the topic if it is not there.
pub(crate) fn write(
    admin: &mut dyn Admin,
    topic: &str,
    key_field: Option<&str>,
    partitions: u32,
) -> Result<(), Failure> {
    admin.ensure(&[TopicSpec {
        name: topic.to_owned(),
        partitions,
        compacted: false,
        config: Vec::new(),
    }])?;
    let mut waiting = Vec::with_capacity(BATCH);
    let mut written = 0_u64;
    let mut lines = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let end = lines
            .read_until(b'\n', &mut line)
            .map_err(|e| Failure::new(format!("standard input: {e}")))?
            == 0;
        if !end {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let key = key_field.and_then(|field| key_of(&line, field));
            waiting.push(Produced {
                key,
                value: Some(line),
                ..Produced::default()
            });
        }
        if waiting.len() == BATCH || end {
            admin.write(topic, &waiting)?;
            written += waiting.len() as u64;
            waiting.clear();
        }
        if end {
            break;
        }
    }
    crate::say(&format!("{written} records written to `{topic}`"));
    Ok(())
}

/// The key of a record: the text of one of its fields. A line that has none is written without a key.
fn key_of(line: &[u8], field: &str) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(line).ok()?;
    match value.get(field)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

/// Prints the records of a topic, one a line, from the beginning.
pub(crate) fn read(
    admin: &mut dyn Admin,
    topic: &str,
    follow: bool,
    metadata: bool,
) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = None;
    admin.read(topic, follow, &mut |batch| {
        let printed = print(&mut out, batch, metadata)
            .and_then(|()| if follow { out.flush() } else { Ok(()) });
        failed = printed.err();
        failed.is_none()
    })?;
    match failed.or_else(|| out.flush().err()) {
        // Whoever reads us, `head` for one, has had enough.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Some(error) => Err(Failure::new(format!("standard output: {error}"))),
        None => Ok(()),
    }
}

fn print(out: &mut dyn io::Write, batch: &RawBatch<'_>, metadata: bool) -> io::Result<()> {
    for (index, record) in batch.records.iter().enumerate() {
        if metadata {
            serde_json::to_writer(&mut *out, &described(batch, index, record))
                .map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        } else {
            out.write_all(record.value.unwrap_or(b"null"))?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn described<'a>(batch: &RawBatch<'_>, index: usize, record: &RawRecord<'a>) -> Described<'a> {
    let headers = (batch.headers)(index).into_iter();
    Described {
        partition: batch.partition,
        offset: record.offset,
        key: record.key.map(String::from_utf8_lossy),
        timestamp: record.timestamp,
        headers: headers
            .map(|(name, value)| {
                (
                    name,
                    value.map(|v| String::from_utf8_lossy(&v).into_owned()),
                )
            })
            .collect(),
        value: record.value.map(String::from_utf8_lossy),
    }
}

/// A record as `--metadata` prints it. Bytes are shown as text; what is not UTF-8 is replaced.
#[derive(serde::Serialize)]
struct Described<'a> {
    partition: i32,
    offset: i64,
    key: Option<Cow<'a, str>>,
    timestamp: i64,
    headers: BTreeMap<String, Option<String>>,
    value: Option<Cow<'a, str>>,
}

/// Prints the topics with their partitions.
pub(crate) fn list(admin: &mut dyn Admin) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (name, partitions) in admin.list()? {
        writeln!(out, "{name}\t{partitions}")
            .map_err(|e| Failure::new(format!("standard output: {e}")))?;
    }
    Ok(())
}

/// Gives a topic more partitions.
pub(crate) fn grow(admin: &mut dyn Admin, topic: &str, partitions: u32) -> Result<(), Failure> {
    let before = admin.partitions(&[topic.to_owned()])?.pop().flatten();
    match before {
        None => Err(Failure::new(format!("there is no topic `{topic}`"))),
        Some(before) if before > partitions => Err(Failure::new(format!(
            "`{topic}` has {before} partitions, and a topic cannot have fewer than before"
        ))),
        Some(before) => {
            admin.grow(topic, partitions)?;
            crate::say(&format!(
                "`{topic}` had {before} partitions and has {partitions}"
            ));
            Ok(())
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::new(error.to_string())
    }
}
