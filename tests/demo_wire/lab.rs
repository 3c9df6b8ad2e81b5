//! A running demo and a client that sees headers, codes and chunks as they are.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};
use watchkeeper::demo::{Control, Demo, Options};

/// Longer than any answer on loopback takes, shorter than a person waits.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub const MERGE: &str = "application/merge-patch+json";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const JSON: &str = "application/json";

pub struct Lab {
    pub demo: Demo,
    pub control: Control,
    client: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// `metadata.name` of each item.
    pub fn names(&self) -> Vec<String> {
        let list = self.json();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("no items in {list}"));
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Lab {
    pub fn new() -> Lab {
        Lab::with(Options { story: "quiet".to_owned(), ..Options::default() })
    }

    pub fn with(options: Options) -> Lab {
        // The first test to come installs it for all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let demo = Demo::start(options).unwrap();
        let control = demo.control();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Lab { demo, control, client }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.demo.address())
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method.parse().unwrap(), self.url(path))
            .header(AUTHORIZATION, "Bearer demo")
            .header(ACCEPT, "application/json")
    }

    pub async fn get(&self, path: &str) -> Answer {
        finish(self.request("GET", path)).await
    }

    pub async fn get_as(&self, user: &str, path: &str) -> Answer {
        finish(self.client.get(self.url(path)).header(AUTHORIZATION, format!("Bearer {user}"))).await
    }

    pub async fn accept(&self, accept: &str, path: &str) -> Answer {
        finish(self.client.get(self.url(path)).header(AUTHORIZATION, "Bearer demo").header(ACCEPT, accept)).await
    }

    pub async fn post(&self, user: &str, path: &str, body: &Value) -> Answer {
        let request = self.client.post(self.url(path)).header(AUTHORIZATION, format!("Bearer {user}"));
        finish(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// A write by the user `demo`, as the field manager `watchkeeper`.
    pub async fn send(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        self.send_as("demo", method, path, content_type, body).await
    }

    pub async fn send_as(&self, user: &str, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        let query = if path.contains('?') { "&" } else { "?" };
        let url = self.url(&format!("{path}{query}fieldManager=watchkeeper"));
        let request = self.client.request(method.parse().unwrap(), url);
        let request = request.header(AUTHORIZATION, format!("Bearer {user}")).header("content-type", content_type);
        finish(request.body(body.to_string())).await
    }

    /// A merge patch, as most actions are.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, MERGE, body).await
    }

    /// An object that must be there.
    pub async fn object(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Lets the controllers work for so many seconds.
    pub fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.control.advance(Duration::from_secs(1));
        }
    }

    /// Opens a watch and expects it to be accepted.
    pub async fn watch(&self, path: &str) -> Frames {
        self.watch_accepting("application/json", path).await
    }

    pub async fn watch_accepting(&self, accept: &str, path: &str) -> Frames {
        let request = self.client.get(self.url(path)).header(AUTHORIZATION, "Bearer demo").header(ACCEPT, accept);
        let response = tokio::time::timeout(DEADLINE, request.send()).await.unwrap().unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Frames { response, buffer: Vec::new() }
    }

    /// Puts a `ConfigMap` of the tests' namespace.
    pub fn put(&self, name: &str, color: &str) {
        self.control.with_world(|world| world.apply(config(name, color)));
    }
}

pub fn config(name: &str, color: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"color": color},
        "metadata": {"name": name, "namespace": "wire", "labels": {"color": color}},
    })
}

pub async fn finish(request: reqwest::RequestBuilder) -> Answer {
    let answer = async {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    };
    tokio::time::timeout(DEADLINE, answer).await.expect("an answer in time")
}

/// The events of a watch.
pub struct Frames {
    response: reqwest::Response,
    buffer: Vec<u8>,
}

impl Frames {
    /// The next event; none when the stream ended cleanly.
    pub async fn next(&mut self) -> Option<Value> {
        self.try_next().await.expect("an unbroken stream")
    }

    pub async fn try_next(&mut self) -> Result<Option<Value>, reqwest::Error> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line).unwrap()));
            }
            match self.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, reqwest::Error> {
        let chunk = tokio::time::timeout(DEADLINE, self.response.chunk()).await.expect("a chunk in time")?;
        Ok(chunk.map(|chunk| chunk.to_vec()))
    }

    /// Type and name of the next event.
    pub async fn seen(&mut self) -> (String, String) {
        let event = self.next().await.expect("an event");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }
}

/// A pair to compare `Frames::seen` with.
pub fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}
