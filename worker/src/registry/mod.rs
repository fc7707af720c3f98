//! Schema registries with Confluent's API: schemas asked for by their number, and registered for what is written.
//!
//! A registry that is away holds up the records whose schema is not known yet, and no others; nothing is lost by it.

mod client;
mod lookups;
pub mod tls;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemill_engine::encode::{avro_schema, protobuf_schema};
use tidemill_plan::model::{Output, Plan, Written};

use self::client::Client;
pub(crate) use self::lookups::{Asking, Lookups};
use crate::secrets::{SecretError, Secrets};
use crate::status::Shared;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What keeps a registry from answering.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// It cannot be reached, or does not answer as it should; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    /// It knows no such schema.
    #[error("{0}")]
    Unknown(String),
    /// It refuses; trying again does not help.
    #[error("{0}")]
    Refused(String),
}

impl From<SecretError> for RegistryError {
    fn from(error: SecretError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Registers the schemas of all outputs that want it: their numbers, by output. It tries until it is done; `None` if it was
/// told to stop first.
///
/// # Errors
/// When a registry refuses, or a schema cannot be made.
pub(crate) fn register(
    plan: &Plan,
    secrets: &Secrets,
    status: &Shared,
    stop: &AtomicBool,
) -> Result<Option<HashMap<usize, u32>>, String> {
    let mut ids = HashMap::new();
    for (index, output) in plan.outputs.iter().enumerate() {
        let mut pause = Duration::from_millis(100);
        let id = loop {
            match register_one(output, secrets) {
                Ok(id) => break id,
                Err(RegistryError::Unavailable(why)) => {
                    let why = format!("sink `{}`: {why}", output.sink);
                    tracing::warn!(pipeline = %plan.name, why);
                    status.update(|s| s.trouble = Some(why));
                }
                Err(refused) => return Err(format!("sink `{}`: {refused}", output.sink)),
            }
            if !wait(&mut pause, stop) {
                return Ok(None);
            }
        };
        ids.extend(id.map(|id| (index, id)));
    }
    Ok(Some(ids))
}

fn register_one(output: &Output, secrets: &Secrets) -> Result<Option<u32>, RegistryError> {
    let Some(registry) = output.written.registry() else {
        return Ok(None);
    };
    let refused =
        |error: tidemill_engine::encode::EncodeError| RegistryError::Refused(error.to_string());
    let (kind, text) = match &output.written {
        Written::Avro { name, .. } => ("AVRO", avro_schema(name, &output.schema).map_err(refused)?),
        Written::Protobuf { name, .. } => {
            let text = protobuf_schema(name, &output.schema).map_err(refused)?;
            ("PROTOBUF", text)
        }
        Written::Json { .. } | Written::Csv { .. } | Written::Raw { .. } => return Ok(None),
    };
    let subject = registry.subject.as_deref().unwrap_or_default();
    let client = Client::open(registry, secrets)?;
    client.register(subject, kind, &text).map(Some)
}

/// Waits before another attempt, longer each time; false if the process is to stop.
fn wait(pause: &mut Duration, stop: &AtomicBool) -> bool {
    std::thread::sleep(*pause);
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    !stop.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
