#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tidemill_plan::model::Registry;

use super::RegistryError;
use super::client::Client;
use crate::requests::read;
use crate::secrets::Secrets;

/// What a request was: its first line, its `Authorization`, and its body.
type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

/// A server that answers each path as it is told; what it was asked.
fn serve(answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let told = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read(&stream);
            let path = request.first.split(' ').nth(1).unwrap().to_owned();
            let first = request.first.trim_end_matches(" HTTP/1.1").to_owned();
            let login = request.headers.get("authorization").cloned();
            told.lock()
                .unwrap()
                .push((first, login.unwrap_or_default(), request.body));
            let (status, text) = answer(&path);
            let length = text.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
            )
            .unwrap();
        }
    });
    (format!("http://{address}"), asked)
}

fn registry(url: &str, secret: Option<&str>) -> Registry {
    Registry {
        url: url.to_owned(),
        secret: secret.map(str::to_owned),
        subject: None,
    }
}

fn open(url: &str) -> Client {
    Client::open(&registry(url, None), &Secrets::default()).unwrap()
}

#[test]
fn a_schema_comes_with_those_it_refers_to_before_it() {
    let (url, asked) = serve(|path| match path {
        "/api/schemas/ids/7" => (
            200,
            r#"{"schema":"a","schemaType":"PROTOBUF","references":[
                {"name":"b.proto","subject":"b/s","version":2},{"name":"c.proto","subject":"c","version":1}]}"#,
        ),
        "/api/subjects/b%2Fs/versions/2" => (
            200,
            r#"{"subject":"b/s","id":3,"version":2,"schema":"b","references":[{"name":"c.proto","subject":"c","version":1}]}"#,
        ),
        "/api/subjects/c/versions/1" => (200, r#"{"schema":"c"}"#),
        _ => (404, ""),
    });
    let schema = open(&format!("{url}/api")).schema(7).unwrap();
    assert_eq!(
        (schema.kind.as_str(), schema.text.as_str()),
        ("PROTOBUF", "a")
    );
    let references: Vec<_> = schema
        .references
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    assert_eq!(references, [("c.proto", "c"), ("b.proto", "b")]);
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[test]
fn schemas_that_refer_to_each_other_in_a_circle_are_not_followed_for_ever() {
    let (url, _) = serve(|_| {
        (
            200,
            r#"{"schema":"a","references":[{"name":"x","subject":"x","version":1}]}"#,
        )
    });
    assert!(matches!(
        open(&url).schema(1),
        Err(RegistryError::Unknown(_))
    ));
}

#[test]
fn only_the_registry_itself_says_that_a_schema_is_not_known() {
    let (url, _) = serve(|path| match path {
        "/schemas/ids/1" => (
            404,
            r#"{"error_code":40403,"message":"Schema 1 not found"}"#,
        ),
        "/schemas/ids/2" => (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
        "/schemas/ids/3" => (404, "no such page"),
        "/schemas/ids/4" => (503, r#"{"error_code":50301,"message":"down"}"#),
        "/schemas/ids/5" => (401, r#"{"error_code":401,"message":"Unauthorized"}"#),
        "/schemas/ids/6" => (200, "<html>"),
        _ => (409, r#"{"error_code":409,"message":"incompatible"}"#),
    });
    let client = open(&url);
    let unknown = client.schema(1).unwrap_err();
    assert!(matches!(unknown, RegistryError::Unknown(_)));
    assert_eq!(
        unknown.to_string(),
        format!("schema registry {url}: Schema 1 not found (404 Not Found)")
    );
    for id in 2..=6 {
        let error = client.schema(id).unwrap_err();
        assert!(
            matches!(error, RegistryError::Unavailable(_)),
            "{id}: {error}"
        );
    }
    let refused = client.register("s", "AVRO", "{}").unwrap_err();
    assert!(matches!(refused, RegistryError::Refused(_)), "{refused}");
    let gone = open("http://127.0.0.1:1").schema(1).unwrap_err();
    assert!(matches!(gone, RegistryError::Unavailable(_)), "{gone}");
}

#[test]
fn it_is_asked_as_its_secret_says() {
    let (url, asked) = serve(|_| (200, r#"{"id":66}"#));
    let folder = tempfile::tempdir().unwrap();
    let write = |secret: &str, key: &str, text: &str| {
        std::fs::create_dir_all(folder.path().join(secret)).unwrap();
        std::fs::write(folder.path().join(secret).join(key), text).unwrap();
    };
    write("user", "username", "ann\n");
    write("user", "password", "pw");
    write("token", "token", "abc");
    let secrets = Secrets {
        directory: Some(folder.path().to_owned()),
    };
    for secret in ["user", "token"] {
        let client = Client::open(&registry(&url, Some(secret)), &secrets).unwrap();
        assert_eq!(client.register("t-value", "AVRO", "{\"a\":1}").unwrap(), 66);
    }
    let asked = asked.lock().unwrap();
    let body = r#"{"schema":"{\"a\":1}","schemaType":"AVRO"}"#.to_owned();
    let post = "POST /subjects/t-value/versions".to_owned();
    assert_eq!(
        *asked,
        [
            (post.clone(), "Basic YW5uOnB3".to_owned(), body.clone()),
            (post, "Bearer abc".to_owned(), body)
        ]
    );
}

#[test]
fn a_secret_that_is_of_no_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = |directory: Option<&std::path::Path>| {
        let secrets = Secrets {
            directory: directory.map(ToOwned::to_owned),
        };
        let opened = Client::open(&registry("http://r", Some("login")), &secrets);
        opened.map(drop).unwrap_err().to_string()
    };
    assert!(said(None).contains("the Secret `login` is not at hand"));
    assert!(said(Some(folder.path())).contains("the Secret `login` has none of the keys username"));
}
