//! Asks a schema registry.

use std::fmt::Display;
use std::time::Duration;

use reqwest::blocking::{Client as Http, RequestBuilder};
use reqwest::{Certificate, Method, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tidemill_engine::decode::RegisteredSchema;
use tidemill_plan::model::Registry;

use super::{RegistryError, tls};
use crate::causes::chain;
use crate::secrets::Secrets;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How deep schemas may refer to each other.
const DEEPEST: usize = 32;
/// What the registry answers to a number that it does not know.
const UNKNOWN_SCHEMA: u32 = 40_403;
/// What a Secret may have for it.
const KEYS: [&str; 4] = ["username", "password", "token", "ca.crt"];
/// What requests and answers are.
const CONTENT: &str = "application/vnd.schemaregistry.v1+json";

/// A registry that can be asked.
pub(super) struct Client {
    http: Http,
    base: Url,
    subject: Option<String>,
    login: Login,
}

enum Login {
    Anybody,
    Password(String, String),
    Token(String),
}

/// A schema in an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

/// Why the registry does not do what it is asked.
#[derive(Deserialize)]
struct Complaint {
    error_code: u32,
    message: String,
}

impl Client {
    /// A client with the credentials of the registry's Secret.
    pub(super) fn open(registry: &Registry, secrets: &Secrets) -> Result<Self, RegistryError> {
        let refused = |error: &dyn Display| {
            RegistryError::Refused(format!("schema registry {}: {error}", registry.url))
        };
        // Without the slash the last part of its path would be replaced.
        let base = Url::parse(&format!("{}/", registry.url)).map_err(|error| refused(&error))?;
        let mut keys = match &registry.secret {
            Some(secret) => secrets.read(secret, &KEYS)?,
            None => Default::default(),
        };
        tls::provide();
        let mut http = Http::builder().timeout(PATIENCE);
        if base.scheme() == "http" {
            http = http.tls_certs_only([]);
        } else if let Some(authority) = keys.get("ca.crt") {
            let authorities = Certificate::from_pem_bundle(authority.as_bytes());
            for authority in authorities.map_err(|error| refused(&error))? {
                http = http.add_root_certificate(authority);
            }
        }
        let login = match (keys.remove("username"), keys.remove("token")) {
            (Some(user), _) => Login::Password(user, keys.remove("password").unwrap_or_default()),
            (None, Some(token)) => Login::Token(token),
            (None, None) => Login::Anybody,
        };
        Ok(Self {
            http: http.build().map_err(|error| refused(&error))?,
            base,
            subject: registry.subject.clone(),
            login,
        })
    }

    /// The schema of this number, with those that it refers to.
    pub(super) fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        let mut url = self.url(&["schemas", "ids", &id.to_string()])?;
        if let Some(subject) = &self.subject {
            url.query_pairs_mut().append_pair("subject", subject);
        }
        let schema: Schema = self.ask(self.http.request(Method::GET, url))?;
        let mut references = Vec::new();
        self.resolve(&schema.references, &mut references, 0)?;
        Ok(RegisteredSchema {
            kind: schema.schema_type.unwrap_or_else(|| "AVRO".to_owned()),
            text: schema.schema,
            references,
        })
    }

    /// Adds the schemas that are referred to, each after those that it refers to itself.
    fn resolve(
        &self,
        references: &[Reference],
        found: &mut Vec<(String, String)>,
        depth: usize,
    ) -> Result<(), RegistryError> {
        if depth > DEEPEST {
            let why = "the schema refers to others in a circle, or too deep".to_owned();
            return Err(RegistryError::Unknown(why));
        }
        for reference in references {
            if found.iter().any(|(name, _)| *name == reference.name) {
                continue;
            }
            let version = reference.version.to_string();
            let url = self.url(&["subjects", &reference.subject, "versions", &version])?;
            let schema: Schema = self.ask(self.http.request(Method::GET, url))?;
            self.resolve(&schema.references, found, depth + 1)?;
            found.push((reference.name.clone(), schema.schema));
        }
        Ok(())
    }

    /// Registers a schema under a subject, if it is not there already; its number.
    pub(super) fn register(
        &self,
        subject: &str,
        kind: &str,
        text: &str,
    ) -> Result<u32, RegistryError> {
        let url = self.url(&["subjects", subject, "versions"])?;
        let body = json!({"schemaType": kind, "schema": text}).to_string();
        let request = self.http.request(Method::POST, url).body(body);
        let answer: Registered = self.ask(request)?;
        Ok(answer.id)
    }

    fn url(&self, path: &[&str]) -> Result<Url, RegistryError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => drop(segments.pop_if_empty().extend(path)),
            Err(()) => return Err(RegistryError::Refused(self.say("its address has no path"))),
        }
        Ok(url)
    }

    fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, RegistryError> {
        let request = match &self.login {
            Login::Anybody => request,
            Login::Password(user, password) => request.basic_auth(user, Some(password)),
            Login::Token(token) => request.bearer_auth(token),
        };
        let unavailable = |error: &dyn Display| RegistryError::Unavailable(self.say(error));
        let request = request
            .header("Accept", CONTENT)
            .header("Content-Type", CONTENT);
        let answer = request
            .send()
            .map_err(|error| unavailable(&chain(&error)))?;
        let code = answer.status();
        let text = answer.text().map_err(|error| unavailable(&chain(&error)))?;
        if !code.is_success() {
            return Err(self.complaint(code, &text));
        }
        serde_json::from_str(&text)
            .map_err(|error| unavailable(&format!("its answer is none: {error}")))
    }

    /// Only the registry's own words say that a schema is not known: a proxy's or a wrong address' may change.
    fn complaint(&self, code: StatusCode, text: &str) -> RegistryError {
        let said = serde_json::from_str::<Complaint>(text).ok();
        let why = match &said {
            Some(complaint) => self.say(&format!("{} ({code})", complaint.message)),
            None => self.say(&format!("it answers {code}")),
        };
        match (code, said.map(|it| it.error_code)) {
            (StatusCode::NOT_FOUND, Some(UNKNOWN_SCHEMA)) => RegistryError::Unknown(why),
            (StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY, Some(_)) => {
                RegistryError::Refused(why)
            }
            _ => RegistryError::Unavailable(why),
        }
    }

    fn say(&self, what: &(impl Display + ?Sized)) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        format!("schema registry {base}: {what}")
    }
}
