//! Posts to one receiver.

use std::fmt::Display;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client as Http, Response, Url};
use ring::hmac;
use tidemill_crds::webhook::WebhookSink;

use super::answer::{Attempt, READ};
use super::message::Message;
use super::signature::{HEADER, signature};
use crate::causes::chain;
use crate::registry::tls;
use crate::secrets::Secrets;

/// What a Secret may have for a webhook.
const KEYS: [&str; 5] = ["token", "username", "password", "hmacKey", "ca.crt"];
/// Who posts.
const AGENT: &str = concat!("tidemill/", env!("CARGO_PKG_VERSION"));
/// The same for the same row, whenever it is posted.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A receiver that can be posted to.
#[derive(Clone)]
pub(super) struct Client {
    http: Http,
    url: Url,
    headers: HeaderMap,
    login: Login,
    signed_with: Option<hmac::Key>,
}

#[derive(Clone)]
enum Login {
    Anybody,
    Password(String, Option<String>),
    Token(String),
}

impl Client {
    /// A client with the credentials of the webhook's Secret.
    ///
    /// # Errors
    /// Says what of the webhook, or of its Secret, is of no use.
    pub(super) fn open(webhook: &WebhookSink, secrets: &Secrets) -> Result<Self, String> {
        let url = Url::parse(&webhook.url).map_err(|error| refused("url", &error))?;
        let keys = match &webhook.secret_ref {
            Some(secret) => secrets.read(&secret.name, &KEYS),
            None => Ok(Default::default()),
        };
        let mut keys = keys.map_err(|error| refused("secretRef", &error))?;
        tls::provide();
        let mut http = Http::builder()
            .redirect(Policy::none())
            .timeout(webhook.timeout.into())
            .user_agent(AGENT);
        if url.scheme() == "http" {
            http = http.tls_certs_only([]);
        } else if let Some(authority) = keys.get("ca.crt") {
            let authorities = Certificate::from_pem_bundle(authority.as_bytes());
            let unusable = |error| refused("secretRef: ca.crt", &error);
            for authority in authorities.map_err(unusable)? {
                http = http.add_root_certificate(authority);
            }
        }
        let (token, user) = (keys.remove("token"), keys.remove("username"));
        let signed_with = keys.remove("hmacKey");
        Ok(Self {
            http: http.build().map_err(|error| chain(&error.without_url()))?,
            url,
            headers: headers(webhook)?,
            login: Login::of(token, user, keys.remove("password"))
                .map_err(|error| refused("secretRef", &error))?,
            signed_with: signed_with.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())),
        })
    }

    /// Posts a message, and says what came of it.
    pub(super) async fn post(&self, message: Message) -> Attempt {
        let mut request = self
            .http
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, message.content_type)
            .header(IDEMPOTENCY_KEY, message.idempotency_key);
        request = match &self.login {
            Login::Anybody => request,
            Login::Password(user, password) => request.basic_auth(user, password.as_ref()),
            Login::Token(token) => request.bearer_auth(token),
        };
        if let Some(key) = &self.signed_with {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let seconds = now.unwrap_or_default().as_secs();
            request = request.header(HEADER, signature(key, seconds, &message.body));
        }
        match request.body(message.body).send().await {
            Ok(answer) => judge(answer).await,
            Err(error) => Attempt::unanswered(chain(&error.without_url())),
        }
    }
}

impl Login {
    fn of(
        token: Option<String>,
        user: Option<String>,
        password: Option<String>,
    ) -> Result<Self, &'static str> {
        match (token, user, password) {
            (Some(_), Some(_), _) => {
                Err("the Secret has both `token` and `username`: leave one of them out")
            }
            (_, None, Some(_)) => Err("the Secret has a `password` and no `username`: add it"),
            (Some(token), None, None) => Ok(Self::Token(token)),
            (None, Some(user), password) => Ok(Self::Password(user, password)),
            (None, None, None) => Ok(Self::Anybody),
        }
    }
}

fn headers(webhook: &WebhookSink) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &webhook.headers {
        let refused = |error: &dyn Display| refused(&format!("headers: {name}"), error);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| refused(&error))?;
        let value = HeaderValue::from_str(value).map_err(|error| refused(&error))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Of an answer only the beginning is read; to one that says yes its text adds nothing.
async fn judge(mut answer: Response) -> Attempt {
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).cloned();
    let mut text = Vec::new();
    while text.len() < READ
        && let Ok(Some(bytes)) = answer.chunk().await
    {
        text.extend_from_slice(&bytes);
    }
    let retry_after = retry_after.as_ref().and_then(|value| value.to_str().ok());
    Attempt::of(status, retry_after, &text, SystemTime::now())
}

fn refused(field: &str, error: &(impl Display + ?Sized)) -> String {
    format!("spec.webhook.{field}: {error}")
}
