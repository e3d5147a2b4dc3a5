//! One query: asked, answered or not, noted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use checker::history::{Entry, Read};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::calling::http_client;
use crate::recording::Recorder;

/// A client of the query service's replicas.
#[derive(Clone)]
pub struct Asker {
    http: reqwest::Client,
    recorder: Recorder,
    replicas: Arc<[String]>,
    client: u32,
    limit: Duration,
}

/// How a query is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner<'a> {
    pub token: Option<&'a str>,
    /// Seconds that the service may wait for the token; its own choice if absent.
    pub wait: Option<u64>,
    /// The answer's body goes to the history, too.
    pub with_body: bool,
}

/// What came, and what the history says of it.
#[derive(Debug, Clone)]
pub struct Answered {
    pub read: Read,
    /// Null where none came.
    pub body: Value,
}

impl Answered {
    pub fn is_ok(&self) -> bool {
        self.read.status == Some(200)
    }
}

impl Asker {
    /// `limit`: after so long without an answer the connection counts as broken.
    pub fn new(recorder: &Recorder, replicas: &[String], client: u32, limit: Duration) -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            recorder: recorder.clone(),
            replicas: replicas.into(),
            client,
            limit,
        })
    }

    /// The same, as another client.
    pub fn as_client(&self, client: u32) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    pub fn replicas(&self) -> usize {
        self.replicas.len()
    }

    pub async fn ask(&self, path: &str, replica: usize, manner: Manner<'_>) -> Answered {
        let replica = replica % self.replicas.len();
        let mut request = self
            .http
            .get(format!("{}{path}", self.replicas[replica]))
            .timeout(self.limit);
        if let Some(token) = manner.token {
            request = request.header("Consistency-Token", token);
        }
        if let Some(seconds) = manner.wait {
            request = request.header("Prefer", format!("wait={seconds}"));
        }
        let sent = self.recorder.now();
        let received = receive(request).await;
        let mut read = Read {
            client: self.client,
            replica: replica as u32,
            path: path.to_owned(),
            token: manner.token.map(str::to_owned),
            sent,
            ended: self.recorder.now(),
            status: None,
            problem: None,
            shown: BTreeMap::new(),
            got_token: None,
            age: None,
            body: None,
        };
        let mut body = Value::Null;
        if let Ok((status, headers, text)) = received {
            body = serde_json::from_str(&text).unwrap_or_default();
            let header = |name: &str| headers.get(name)?.to_str().ok();
            read.status = Some(status);
            read.got_token = header("consistency-token").map(str::to_owned);
            read.age = header("age").and_then(|age| age.parse().ok());
            if status == 200 {
                read.shown = shown(path, &body, read.got_token.as_deref());
                read.body = manner.with_body.then(|| body.clone());
            } else {
                read.problem = body["type"].as_str().map(str::to_owned);
            }
        }
        self.recorder.note(Entry::Read(read.clone()));
        Answered { read, body }
    }
}

async fn receive(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, HeaderMap, String)> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok((status, headers, response.text().await?))
}

/// The aggregates that an answer shows, with their versions: from its items or itself; of a single document without a version
/// in it from its token.
fn shown(path: &str, body: &Value, token: Option<&str>) -> BTreeMap<String, u64> {
    let mut segments = path.strip_prefix("/v1/").unwrap_or(path).split(['/', '?']);
    let kind = match segments.next() {
        Some("orders") => "order",
        Some("customers") => "customer",
        Some("products") => "product",
        Some("invoices") => "invoice",
        _ => "",
    };
    let mut shown = BTreeMap::new();
    let mut note = |item: &Value| {
        if let (Some(id), Some(version)) = (item["id"].as_str(), item["version"].as_u64()) {
            shown.insert(format!("{kind}:{id}"), version);
        }
    };
    match body["items"].as_array() {
        Some(items) if body["id"].is_null() => items.iter().for_each(note),
        _ => {
            note(body);
            if let Some((aggregate, version)) = token.and_then(|token| token.rsplit_once(':'))
                && let Ok(version) = version.parse()
            {
                shown.entry(aggregate.to_owned()).or_insert(version);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_come_from_the_document_its_items_or_its_token() {
        let order = json!({"id": "o", "version": 4, "items": [{"product_id": "p", "quantity": 1}]});
        assert_eq!(
            shown("/v1/orders/o", &order, Some("order:o:4")),
            [("order:o".to_owned(), 4)].into()
        );

        let list = json!({"items": [{"id": "a", "version": 1}, {"id": "b", "version": 2}], "total": 2});
        assert_eq!(
            shown("/v1/orders?limit=2", &list, Some("order:z:9")),
            [("order:a".to_owned(), 1), ("order:b".to_owned(), 2)].into()
        );

        let invoice = json!({"id": "i", "number": 3});
        assert_eq!(
            shown("/v1/invoices/i", &invoice, Some("invoice:i:2")),
            [("invoice:i".to_owned(), 2)].into()
        );
    }
}
