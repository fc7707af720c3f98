//! `tidemill topic`: records written, read and counted from the command line.

use std::io::{self, BufRead as _, Write as _};

use serde_json::{Value, json};
use tidemill_engine::record::{RawBatch, RawRecord};
use tidemill_worker::log::{Admin, LogError, Produced, TopicSpec};

use crate::failure::Failure;

/// Lines handed to the log at once.
const BATCH: usize = 1000;

/// Appends one record for each line of standard input, making the topic if it is not there.
pub fn write(admin: &mut dyn Admin, topic: &str, key_field: Option<&str>, partitions: u32) -> Result<(), Failure> {
    admin.ensure(&[TopicSpec { name: topic.to_owned(), partitions, compacted: false, config: Vec::new() }])?;
    let mut waiting = Vec::with_capacity(BATCH);
    let mut written = 0_u64;
    let mut lines = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let end = lines.read_until(b'\n', &mut line).map_err(|e| Failure::new(format!("standard input: {e}")))? == 0;
        if !end {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let key = key_field.and_then(|field| key_of(&line, field));
            waiting.push(Produced { key, value: Some(line), ..Produced::default() });
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
pub fn read(admin: &mut dyn Admin, topic: &str, follow: bool, metadata: bool) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = None;
    admin.read(topic, follow, &mut |batch| {
        let printed = print(&mut out, batch, metadata).and_then(|()| if follow { out.flush() } else { Ok(()) });
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
            writeln!(out, "{}", described(batch, index, record))?;
        } else {
            out.write_all(record.value.unwrap_or(b"null"))?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn described(batch: &RawBatch<'_>, index: usize, record: &RawRecord<'_>) -> Value {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let headers: serde_json::Map<String, Value> =
        (batch.headers)(index).into_iter().map(|(name, value)| (name, json!(text(value.as_deref())))).collect();
    json!({
        "partition": batch.partition,
        "offset": record.offset,
        "key": text(record.key),
        "timestamp": record.timestamp,
        "headers": headers,
        "value": text(record.value),
    })
}

/// Prints the topics with their partitions.
pub fn list(admin: &mut dyn Admin) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (name, partitions) in admin.list()? {
        writeln!(out, "{name}\t{partitions}").map_err(|e| Failure::new(format!("standard output: {e}")))?;
    }
    Ok(())
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::new(error.to_string())
    }
}
