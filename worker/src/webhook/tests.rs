#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Value, json};
use tidemill_crds::Sink;
use tidemill_plan::model::Plan;
use tidemill_plan::plan;

use super::answer::Attempt;
use super::client::Client;
use super::message::Message;
use super::signature::signature;
use super::{Deliveries, topic};
use crate::launch::LogAt;
use crate::log::embedded::EmbeddedLog;
use crate::log::{Admin as _, Groups, Produced, TopicSpec};
use crate::requests::{Request, read};
use crate::runtime::Topology;
use crate::secrets::Secrets;
use crate::status::{Shared, WebhookStatus};

type Requests = Arc<Mutex<Vec<Request>>>;

/// A receiver that answers as it is told, by a whole answer, and never where that is none.
fn receiver(
    answer: impl Fn(&Request) -> Option<String> + Send + Sync + 'static,
) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/T0/secret", listener.local_addr().unwrap());
    let requests = Requests::default();
    let (heard, answer) = (Arc::clone(&requests), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (heard, answer) = (Arc::clone(&heard), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                let answer = answer(&request);
                heard.lock().unwrap().push(request);
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                    None => std::thread::park(),
                }
            });
        }
    });
    (url, requests)
}

fn says(status: &str, text: &str) -> Option<String> {
    let length = text.len();
    Some(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    ))
}

fn sink(url: &str, more: Value) -> Sink {
    let mut webhook = json!({"url": url});
    let fields = more.as_object().unwrap().clone();
    webhook.as_object_mut().unwrap().extend(fields);
    let sink = json!({"metadata": {"name": "hook"}, "spec": {"webhook": webhook}});
    serde_json::from_value(sink).unwrap()
}

fn post(url: &str, more: Value, secrets: &Secrets) -> Attempt {
    let sink = sink(url, more);
    let client = Client::open(&sink.spec.webhook.unwrap(), secrets).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(client.post(Message {
        content_type: "application/json",
        body: br#"{"a":1}"#.to_vec(),
        idempotency_key: "a1".to_owned(),
    }))
}

fn secret(folder: &std::path::Path, keys: &[(&str, &str)]) -> Secrets {
    let secret = folder.join("hook");
    std::fs::create_dir_all(&secret).unwrap();
    for (key, value) in keys {
        std::fs::write(secret.join(key), value).unwrap();
    }
    Secrets {
        directory: Some(folder.to_owned()),
    }
}

#[test]
fn a_request_says_who_posts_what() {
    let (url, requests) = receiver(|_| says("202 Accepted", ""));
    let folder = tempfile::tempdir().unwrap();
    let secrets = secret(
        folder.path(),
        &[("token", "abc\n"), ("hmacKey", "secret\n")],
    );
    let more = json!({"secretRef": {"name": "hook"}, "headers": {"X-Team": "fraud"}});
    assert_eq!(post(&url, more, &secrets), Attempt::Delivered);
    let request = requests.lock().unwrap()[0].clone();
    assert_eq!(request.first, "POST /T0/secret HTTP/1.1");
    assert_eq!(request.body, r#"{"a":1}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("idempotency-key", "a1"),
        ("authorization", "Bearer abc"),
        ("x-team", "fraud"),
    ] {
        assert_eq!(request.headers[name], value, "{name}");
    }
    let signed = &request.headers["x-tidemill-signature"];
    let (time, _) = signed.split_once(',').unwrap();
    let seconds: u64 = time.strip_prefix("t=").unwrap().parse().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.as_secs().abs_diff(seconds) < 60, "{signed}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    assert_eq!(*signed, signature(&key, seconds, request.body.as_bytes()));

    let folder = tempfile::tempdir().unwrap();
    let secrets = secret(folder.path(), &[("username", "ann"), ("password", "pw")]);
    post(&url, json!({"secretRef": {"name": "hook"}}), &secrets);
    let request = requests.lock().unwrap()[1].clone();
    assert_eq!(request.headers["authorization"], "Basic YW5uOnB3");
    assert!(!request.headers.contains_key("x-tidemill-signature"));
}

#[test]
fn no_answer_is_a_reason_to_try_again_that_does_not_show_the_address() {
    let refused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (hangs, _) = receiver(|_| None);
    let (breaks, _) = receiver(|_| Some(String::new()));
    let (elsewhere, asked) = receiver(|_| says("200 OK", ""));
    let location = format!("302 Found\r\nLocation: {elsewhere}");
    let (redirects, _) = receiver(move |_| says(&location, ""));
    for url in [
        format!("http://{refused}/T0/secret"),
        hangs,
        breaks,
        redirects,
    ] {
        let attempt = post(&url, json!({"timeout": "300ms"}), &Secrets::default());
        let Attempt::Failed { why, .. } = attempt else {
            panic!("{url}: {attempt:?}");
        };
        assert!(!why.contains("T0/secret"), "{why}");
    }
    assert!(asked.lock().unwrap().is_empty(), "a redirect was followed");
}

#[test]
fn a_secret_that_is_of_no_use_is_named() {
    let said = |keys: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let secrets = secret(folder.path(), keys);
        let webhook = sink("http://a", json!({"secretRef": {"name": "hook"}}))
            .spec
            .webhook;
        Client::open(&webhook.unwrap(), &secrets).err().unwrap()
    };
    let both = said(&[("token", "a"), ("username", "b")]);
    assert_eq!(
        both,
        "spec.webhook.secretRef: the Secret has both `token` and `username`: leave one of them out"
    );
    assert!(said(&[("password", "b")]).contains("no `username`: add it"));
    assert!(said(&[]).contains("none of the keys token, username, password, hmacKey and ca.crt"));
}

/// A log with an outbox, and what is to be delivered from it.
struct World {
    log: EmbeddedLog,
    plan: Plan,
    status: Shared,
    _folder: tempfile::TempDir,
}

impl World {
    /// With rows `{"n":0}` and so on in the outbox.
    fn new(sink: &Sink, rows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path().join("log.db")).unwrap();
        let columns = json!([{"name": "n", "type": "Int64"}]);
        let pipeline = json!({"metadata": {"name": "p"}, "spec": {
            "sources": [{"name": "t", "kafka": {"topic": "t"}, "columns": columns}],
            "outputs": [{"from": "t", "sink": "hook", "key": ["n"]}],
        }});
        let pipeline = serde_json::from_value(pipeline).unwrap();
        let plan = plan(&pipeline, std::slice::from_ref(sink), &[]).unwrap();
        let status = Shared::default();
        status.update(|s| s.webhooks = vec![WebhookStatus::default()]);
        let mut admin = log.admin().unwrap();
        let outbox = topic(&plan, &plan.outputs[0], sink.spec.webhook.as_ref().unwrap());
        let letters = TopicSpec {
            name: "p.dead-letter".to_owned(),
            partitions: 1,
            ..outbox.clone()
        };
        admin.ensure(&[outbox, letters]).unwrap();
        let row = |n: usize| Produced {
            key: Some(n.to_string().into_bytes()),
            value: Some(format!("{{\"n\":{n}}}").into_bytes()),
            ..Produced::default()
        };
        let rows: Vec<Produced> = (0..rows).map(row).collect();
        admin.write("p.hook.outbox", &rows).unwrap();
        Self {
            log,
            plan,
            status,
            _folder: folder,
        }
    }

    fn deliver(&self) -> Deliveries {
        let log = LogAt::Embedded(self.log.clone());
        let groups: Groups = Arc::new(move |group| log.member(group));
        let (topology, secrets) = (Topology::new(&self.plan), Secrets::default());
        Deliveries::start(&self.plan, &topology, &groups, &secrets, &self.status).unwrap()
    }

    fn webhook(&self) -> WebhookStatus {
        self.status.get().webhooks[0].clone()
    }

    /// What is in the dead letters: the headers of each, and its value.
    fn letters(&self) -> Vec<(BTreeMap<String, String>, String)> {
        let mut letters = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut admin = self.log.admin().unwrap();
        let read = admin.read("p.dead-letter", false, &mut |batch| {
            for (index, record) in batch.records.iter().enumerate() {
                let headers = (batch.headers)(index).into_iter();
                let headers = headers.map(|(name, value)| (name, text(&value.unwrap())));
                letters.push((headers.collect(), text(record.value.unwrap())));
            }
            true
        });
        read.unwrap();
        letters
    }
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn number(request: &Request) -> u64 {
    let row: Value = serde_json::from_str(&request.body).unwrap();
    row["n"].as_u64().unwrap()
}

#[test]
fn every_row_is_delivered_or_a_dead_letter() {
    let failed = Mutex::new(BTreeSet::new());
    let (url, requests) = receiver(move |request| match number(request) {
        7 => says("400 Bad Request", "no sevens"),
        n if n % 5 == 0 && failed.lock().unwrap().insert(n) => says("503 Down", ""),
        _ => says("200 OK", "thanks"),
    });
    let world = World::new(&sink(&url, json!({})), 50);
    let deliveries = world.deliver();
    deliveries.drain();
    wait_until("all to be delivered", || deliveries.have_ended());

    let requests = requests.lock().unwrap();
    let numbers: Vec<u64> = requests.iter().map(number).collect();
    assert_eq!(BTreeSet::from_iter(&numbers).len(), 50);
    assert_eq!(
        numbers.len(),
        60,
        "ten of them were posted twice: {numbers:?}"
    );
    let keys: BTreeSet<&str> = requests
        .iter()
        .map(|it| it.headers["idempotency-key"].as_str())
        .collect();
    assert_eq!(keys.len(), 50);
    let letters = world.letters();
    assert_eq!(letters.len(), 1);
    let (headers, value) = &letters[0];
    assert_eq!(value, "{\"n\":7}");
    assert_eq!(headers["tidemill.reason"], "Undelivered");
    assert_eq!(
        headers["tidemill.message"],
        "webhook `hook`: 400 Bad Request: no sevens"
    );
    assert_eq!(headers["tidemill.source.topic"], "p.hook.outbox");
    let status = world.webhook();
    let figures = (
        status.delivered,
        status.retries,
        status.given_up,
        status.waiting,
    );
    assert_eq!(figures, (49, 10, 1, 0));
    drop(requests);

    // Nothing is left for the next.
    let deliveries = world.deliver();
    deliveries.drain();
    wait_until("nothing to be delivered", || deliveries.have_ended());
    assert_eq!((world.webhook().delivered, world.letters().len()), (0, 1));
}

#[test]
fn a_receiver_that_is_away_is_told_of_and_rows_out_of_time_are_given_up() {
    let refused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{refused}/T0/secret");
    let world = World::new(&sink(&url, json!({})), 5);
    let deliveries = world.deliver();
    let has_trouble = || world.status.get().trouble.is_some();
    wait_until("the trouble to be told", has_trouble);
    let trouble = world.status.get().trouble.unwrap();
    let wanted = format!("sink `hook`: http://{refused}: ");
    assert!(
        trouble.starts_with(&wanted) && !trouble.contains("T0"),
        "{trouble}"
    );
    drop(deliveries);
    assert_eq!(world.webhook().waiting, 5);
    assert!(world.letters().is_empty());

    let world = World::new(&sink(&url, json!({"retryFor": "0s"})), 5);
    let deliveries = world.deliver();
    deliveries.drain();
    wait_until("all to be given up", || deliveries.have_ended());
    let letters = world.letters();
    assert_eq!(letters.len(), 5);
    let said = &letters[0].0["tidemill.message"];
    assert!(said.contains("it is not tried any longer: "), "{said}");
}
