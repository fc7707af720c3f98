//! The Secrets that manifests name, as files.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Where the Secrets are that manifests name: a folder for each, with a file for each of its keys.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The folder that holds them all; `None` where there are none.
    pub directory: Option<PathBuf>,
}

/// Why a Secret is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub(crate) String);

impl Secrets {
    /// Those of these keys that a Secret has, with their values as text.
    ///
    /// # Errors
    /// Where the Secret is not at hand, cannot be read, or has none of the keys.
    pub(crate) fn read(
        &self,
        name: &str,
        keys: &[&'static str],
    ) -> Result<BTreeMap<&'static str, String>, SecretError> {
        let Some(directory) = &self.directory else {
            return Err(SecretError(format!(
                "the Secret `{name}` is not at hand: name a folder with a folder of this name in it, by --secrets"
            )));
        };
        let directory = directory.join(name);
        let mut found = BTreeMap::new();
        for key in keys {
            let file = directory.join(key);
            match std::fs::read_to_string(&file) {
                Ok(text) => {
                    drop(found.insert(*key, text.trim_end_matches(['\r', '\n']).to_owned()))
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    let why = format!(
                        "the Secret `{name}` cannot be read at {}: {error}",
                        file.display()
                    );
                    return Err(SecretError(why));
                }
            }
        }
        if found.is_empty() {
            return Err(SecretError(format!(
                "the Secret `{name}` has none of the keys {}: looked for them in {}",
                listed(keys),
                directory.display()
            )));
        }
        Ok(found)
    }
}

/// Such as `a, b and c`.
fn listed(keys: &[&str]) -> String {
    match keys {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        keys => keys.concat(),
    }
}
