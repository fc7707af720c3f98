//! The keys of a Secret as the settings of a Kafka client.

use std::collections::BTreeMap;
use std::path::Path;

/// What a Secret holds: each key with its value.
pub type Keys = BTreeMap<String, Vec<u8>>;

/// Keys that mean something, besides [`MECHANISM`].
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const MECHANISM: &str = "mechanism";
const PROTOCOL: &str = "security.protocol";
const CA: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The SASL mechanisms that are known.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
/// The values of `security.protocol`.
const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// Why a Secret is of no use. It never repeats what the Secret holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// It cannot be read.
    #[error("the Secret of kafka.auth cannot be read at {0}: {1}")]
    Unreadable(String, String),
    /// A key is there without another that it needs.
    #[error("the Secret of kafka.auth has `{0}` but not `{1}`; give both")]
    Incomplete(&'static str, &'static str),
    /// A value is none of those that can be.
    #[error("`{0}` in the Secret of kafka.auth is not one of {1}")]
    Unknown(&'static str, String),
    /// A value is not text.
    #[error("`{0}` in the Secret of kafka.auth is not UTF-8 text")]
    NotText(&'static str),
    /// Nothing in it is known.
    #[error(
        "the Secret of kafka.auth has none of the keys mechanism, username, password (SASL) and ca.crt, tls.crt, tls.key (TLS)"
    )]
    Empty,
}

/// The keys of a Secret that is mounted as a directory, a file each.
///
/// # Errors
/// If the directory or one of its files cannot be read.
pub fn read(directory: &Path) -> Result<Keys, BadCredentials> {
    let unreadable = |path: &Path, e: std::io::Error| {
        BadCredentials::Unreadable(path.display().to_string(), e.to_string())
    };
    let mut keys = Keys::new();
    for key in [
        USERNAME,
        PASSWORD,
        MECHANISM,
        PROTOCOL,
        CA,
        CERTIFICATE,
        KEY,
    ] {
        let file = directory.join(key);
        match std::fs::read(&file) {
            Ok(value) => drop(keys.insert(key.to_owned(), value)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(unreadable(&file, e)),
        }
    }
    Ok(keys)
}

/// librdkafka's properties for the keys of a Secret. SASL is used where there is a user, TLS where there is a certificate
/// authority or a certificate; `security.protocol` says otherwise, for example `SASL_SSL` with the system's authorities.
///
/// # Errors
/// What is missing, or not one of the values that can be.
pub fn properties(keys: &Keys) -> Result<Vec<(String, String)>, BadCredentials> {
    let secret = Secret(keys);
    let sasl = secret.sasl()?;
    let tls = secret.tls()?;
    if sasl.is_empty() && tls.is_empty() && !keys.contains_key(PROTOCOL) {
        return Err(BadCredentials::Empty);
    }
    let protocol = match (
        secret.one_of(PROTOCOL, &PROTOCOLS)?,
        sasl.is_empty(),
        tls.is_empty(),
    ) {
        (Some(said), ..) => said,
        (None, true, _) => "SSL".to_owned(),
        (None, false, true) => "SASL_PLAINTEXT".to_owned(),
        (None, false, false) => "SASL_SSL".to_owned(),
    };
    let all = [("security.protocol", protocol)]
        .into_iter()
        .chain(sasl)
        .chain(tls);
    Ok(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

struct Secret<'k>(&'k Keys);

impl Secret<'_> {
    fn sasl(&self) -> Result<Vec<(&'static str, String)>, BadCredentials> {
        let (user, password) = match (self.text(USERNAME)?, self.text(PASSWORD)?) {
            (Some(user), Some(password)) => (user, password),
            (Some(_), None) => return Err(BadCredentials::Incomplete(USERNAME, PASSWORD)),
            (None, Some(_)) => return Err(BadCredentials::Incomplete(PASSWORD, USERNAME)),
            (None, None) if self.0.contains_key(MECHANISM) => {
                return Err(BadCredentials::Incomplete(MECHANISM, USERNAME));
            }
            (None, None) => return Ok(Vec::new()),
        };
        let mechanism = self.one_of(MECHANISM, &MECHANISMS)?;
        Ok(vec![
            (
                "sasl.mechanisms",
                mechanism.unwrap_or_else(|| "PLAIN".to_owned()),
            ),
            ("sasl.username", user),
            ("sasl.password", password),
        ])
    }

    fn tls(&self) -> Result<Vec<(&'static str, String)>, BadCredentials> {
        let mut properties = Vec::new();
        properties.extend(self.text(CA)?.map(|ca| ("ssl.ca.pem", ca)));
        match (self.text(CERTIFICATE)?, self.text(KEY)?) {
            (Some(certificate), Some(key)) => {
                properties.extend([("ssl.certificate.pem", certificate), ("ssl.key.pem", key)]);
            }
            (Some(_), None) => return Err(BadCredentials::Incomplete(CERTIFICATE, KEY)),
            (None, Some(_)) => return Err(BadCredentials::Incomplete(KEY, CERTIFICATE)),
            (None, None) => {}
        }
        Ok(properties)
    }

    /// A value without the line end that tools like to add; an empty one counts as none.
    fn text(&self, key: &'static str) -> Result<Option<String>, BadCredentials> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value).map_err(|_| BadCredentials::NotText(key))?;
        let text = text.trim_end_matches(['\r', '\n']);
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn one_of(&self, key: &'static str, known: &[&str]) -> Result<Option<String>, BadCredentials> {
        match self.text(key)? {
            Some(value) if !known.contains(&value.as_str()) => {
                Err(BadCredentials::Unknown(key, known.join(", ")))
            }
            other => Ok(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn keys(pairs: &[(&str, &str)]) -> Keys {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec()))
            .collect()
    }

    fn get<'p>(properties: &'p [(String, String)], name: &str) -> Option<&'p str> {
        properties
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    #[test]
    fn the_protocol_follows_from_the_keys() {
        let user = [("username", "ann"), ("password", "pw\n")];
        for (given, protocol) in [
            (keys(&user), "SASL_PLAINTEXT"),
            (keys(&[user[0], user[1], ("ca.crt", "PEM")]), "SASL_SSL"),
            (
                keys(&[user[0], user[1], ("security.protocol", "SASL_SSL")]),
                "SASL_SSL",
            ),
            (keys(&[("ca.crt", "PEM")]), "SSL"),
            (keys(&[("tls.crt", "PEM"), ("tls.key", "PEM")]), "SSL"),
        ] {
            let properties = properties(&given).unwrap();
            assert_eq!(
                get(&properties, "security.protocol"),
                Some(protocol),
                "{given:?}"
            );
        }
    }

    #[test]
    fn values_are_taken_without_their_line_end() {
        let given = [
            ("mechanism", "SCRAM-SHA-512\n"),
            ("username", "ann"),
            ("password", " p w \r\n"),
        ];
        let properties = properties(&keys(&given)).unwrap();
        assert_eq!(get(&properties, "sasl.mechanisms"), Some("SCRAM-SHA-512"));
        assert_eq!(get(&properties, "sasl.password"), Some(" p w "));
    }

    #[test]
    fn what_cannot_work_is_said_without_the_secret_itself() {
        for (given, says) in [
            (
                &[("username", "hunter2")][..],
                "has `username` but not `password`",
            ),
            (
                &[("password", "hunter2")],
                "has `password` but not `username`",
            ),
            (&[("tls.key", "hunter2")], "has `tls.key` but not `tls.crt`"),
            (
                &[("mechanism", "PLAIN")],
                "has `mechanism` but not `username`",
            ),
            (
                &[
                    ("mechanism", "hunter2"),
                    ("username", "a"),
                    ("password", "b"),
                ],
                "is not one of PLAIN, SCRAM",
            ),
            (&[("user", "hunter2")], "has none of the keys"),
        ] {
            let error = properties(&keys(given)).unwrap_err().to_string();
            assert!(
                error.contains(says) && !error.contains("hunter2"),
                "{error}"
            );
        }
        let binary = Keys::from([("ca.crt".to_owned(), vec![0xff])]);
        assert_eq!(properties(&binary), Err(BadCredentials::NotText("ca.crt")));
    }

    #[test]
    fn a_mounted_secret_is_read_key_by_key() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("username"), "ann").unwrap();
        std::fs::write(directory.path().join("unrelated"), "x").unwrap();
        assert_eq!(
            read(directory.path()).unwrap(),
            keys(&[("username", "ann")])
        );
    }
}
