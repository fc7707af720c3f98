//! Credentials: the keys of a Secret as properties of a Kafka client.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;

/// The properties, which hold secrets: they are not to be shown.
///
/// # Errors
/// Which key is missing, or makes no sense.
pub fn properties(
    name: &str,
    data: &BTreeMap<String, ByteString>,
) -> Result<Vec<(String, String)>, String> {
    let text = |key: &str| {
        let Some(ByteString(bytes)) = data.get(key) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|_| format!("the Secret `{name}`: the key `{key}` is not UTF-8"))?;
        Ok::<_, String>(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    };
    let needs = |key: &str, because: &str| {
        text(key)?.ok_or_else(|| format!("the Secret `{name}` has no key `{key}`: {because}"))
    };
    let mut properties = Vec::new();
    let mut set = |key: &str, value: String| properties.push((key.to_owned(), value));

    let certificate = text("tls.crt")?;
    let tls = ["ca.crt", "tls.crt", "tls.key"]
        .iter()
        .any(|key| data.contains_key(*key));
    if let Some(ca) = text("ca.crt")? {
        set("ssl.ca.pem", ca);
    }
    if certificate.is_some() || data.contains_key("tls.key") {
        set(
            "ssl.certificate.pem",
            needs("tls.crt", "it belongs to `tls.key`")?,
        );
        set("ssl.key.pem", needs("tls.key", "it belongs to `tls.crt`")?);
    }
    let sasl = ["mechanism", "username", "password"]
        .iter()
        .any(|key| data.contains_key(*key));
    if sasl {
        let mechanism = needs("mechanism", "write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")?;
        if !["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].contains(&mechanism.as_str()) {
            return Err(format!(
                "the Secret `{name}`: `mechanism` is none of PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512"
            ));
        }
        set("sasl.mechanism", mechanism);
        set("sasl.username", needs("username", "SASL needs it")?);
        set("sasl.password", needs("password", "SASL needs it")?);
    }
    let protocol = match (sasl, tls) {
        (true, true) => "SASL_SSL",
        (true, false) => "SASL_PLAINTEXT",
        (false, true) => "SSL",
        (false, false) => {
            return Err(format!(
                "the Secret `{name}` has none of the keys `mechanism`, `username`, `password`, `ca.crt`, `tls.crt` and `tls.key`"
            ));
        }
    };
    set("security.protocol", protocol.to_owned());
    Ok(properties)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn of(keys: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        let data = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        properties("kafka-user", &data.collect()).map(|all| all.into_iter().collect())
    }

    const SASL: [(&str, &str); 3] = [
        ("mechanism", "SCRAM-SHA-512\n"),
        ("username", "u"),
        ("password", "p"),
    ];

    #[test]
    fn keys_say_which_protocol() {
        let protocol = |keys: &[(&str, &str)]| of(keys).unwrap()["security.protocol"].clone();
        assert_eq!(protocol(&SASL), "SASL_PLAINTEXT");
        assert_eq!(protocol(&[("ca.crt", "c")]), "SSL");
        assert_eq!(
            protocol(&[&SASL[..], &[("ca.crt", "c")]].concat()),
            "SASL_SSL"
        );
        let both = of(&[("tls.crt", "c"), ("tls.key", "k")]).unwrap();
        assert_eq!(
            (
                both["ssl.certificate.pem"].as_str(),
                both["ssl.key.pem"].as_str()
            ),
            ("c", "k")
        );
        assert_eq!(
            of(&SASL).unwrap()["sasl.mechanism"],
            "SCRAM-SHA-512",
            "the end of the line is no part of it"
        );
    }

    #[test]
    fn what_is_missing_is_named_and_no_value_is_shown() {
        for (keys, said) in [
            (&[][..], "has none of the keys"),
            (&SASL[..2], "no key `password`"),
            (&SASL[1..], "no key `mechanism`: write PLAIN"),
            (&[("tls.crt", "hidden")], "no key `tls.key`"),
            (
                &[
                    ("mechanism", "hidden"),
                    ("username", "u"),
                    ("password", "hidden"),
                ],
                "`mechanism` is none of",
            ),
        ] {
            let error = of(keys).unwrap_err();
            assert!(
                error.contains(said) && error.contains("kafka-user") && !error.contains("hidden"),
                "{error}"
            );
        }
    }
}
