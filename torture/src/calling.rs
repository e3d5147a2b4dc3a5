//! One attempt at a command: sent, answered or not, noted.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use checker::history::{Answer, Call, Entry};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::recording::Recorder;

/// A command as a client means it; it may be sent more than once.
#[derive(Debug, Clone)]
pub struct Command {
    /// In the path's terms, such as `submit_order`.
    pub name: &'static str,
    pub method: Method,
    pub path: String,
    pub aggregate: &'static str,
    /// Of the aggregate, where the client knows it.
    pub id: Option<Uuid>,
    /// Null where there is none.
    pub body: Value,
    pub key: Option<String>,
    pub if_match: Option<u64>,
    /// `Prefer: respond-async`.
    pub deferred: bool,
}

impl Command {
    pub fn new(name: &'static str, aggregate: &'static str, id: Uuid, method: Method, path: String) -> Self {
        Self {
            name,
            method,
            path,
            aggregate,
            id: Some(id),
            body: Value::Null,
            key: None,
            if_match: None,
            deferred: false,
        }
    }

    pub fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub fn if_match(mut self, version: u64) -> Self {
        self.if_match = Some(version);
        self
    }

    pub fn deferred(mut self) -> Self {
        self.deferred = true;
        self
    }
}

/// A client of the command service's replicas.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    recorder: Recorder,
    replicas: Arc<[String]>,
    client: u32,
    limit: Duration,
}

impl Caller {
    /// `limit`: after so long without an answer its outcome is unknown to the client.
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

    pub async fn send(&self, command: &Command, replica: usize) -> Answer {
        let replica = replica % self.replicas.len();
        let url = format!("{}{}", self.replicas[replica], command.path);
        let mut request = self.http.request(command.method.clone(), url).timeout(self.limit);
        if !command.body.is_null() {
            request = request.json(&command.body);
        }
        if let Some(key) = &command.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(version) = command.if_match {
            request = request.header("If-Match", format!("\"{version}\""));
        }
        if command.deferred {
            request = request.header("Prefer", "respond-async");
        }
        let sent = self.recorder.now();
        let answer = match receive(request).await {
            Ok((status, body)) => understood(status, body),
            Err(error) => Answer::Unknown {
                cause: cause_of(&error),
            },
        };
        self.recorder.note(Entry::Call(Call {
            client: self.client,
            command: command.name.to_owned(),
            aggregate: command.aggregate.to_owned(),
            id: command.id,
            body: command.body.clone(),
            key: command.key.clone(),
            if_match: command.if_match,
            deferred: command.deferred,
            replica: replica as u32,
            sent,
            ended: self.recorder.now(),
            answer: answer.clone(),
        }));
        answer
    }

    /// What has become of a command that was accepted, as any replica tells it: its view, or nothing where none came.
    pub async fn outcome(&self, command_id: Uuid, replica: usize) -> Option<Value> {
        let base = &self.replicas[replica % self.replicas.len()];
        let request = self
            .http
            .get(format!("{base}/v1/commands/{command_id}"))
            .timeout(self.limit);
        let (status, body) = receive(request).await.ok()?;
        (status == StatusCode::OK).then(|| serde_json::from_str(&body).ok())?
    }
}

/// What is said of a connection that broke: the last cause, which is the one that tells.
pub fn cause_of(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

pub fn http_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(Duration::from_secs(2))
        .build()
        .context("an HTTP client")
}

async fn receive(request: reqwest::RequestBuilder) -> reqwest::Result<(StatusCode, String)> {
    let response = request.send().await?;
    let status = response.status();
    Ok((status, response.text().await?))
}

fn understood(status: StatusCode, body: String) -> Answer {
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    let id = json["id"].as_str().and_then(|id| id.parse().ok());
    if status == StatusCode::ACCEPTED
        && let Some(command_id) = id
    {
        return Answer::Accepted { command_id, body };
    }
    if status.is_success()
        && let Some(id) = id
        && let Some(version) = json["version"].as_u64()
        && let Some(token) = json["consistency_token"].as_str()
    {
        return Answer::Ok {
            status: status.as_u16(),
            id,
            version,
            token: token.to_owned(),
            body,
        };
    }
    Answer::Refused {
        status: status.as_u16(),
        problem: json["type"].as_str().unwrap_or_default().to_owned(),
        body,
    }
}

/// An answer after which the same key need not be sent again: what it says will be said of the key for ever. After the others
/// the key is free, or its command still runs.
pub fn is_final(answer: &Answer) -> bool {
    match answer {
        Answer::Ok { .. } | Answer::Accepted { .. } => true,
        Answer::Unknown { .. } => false,
        Answer::Refused { status, problem, .. } => {
            *status < 500 && *status != 408 && !problem.ends_with("/idempotency-key-in-flight")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let id = Uuid::from_u128(7);
        let token = format!("order:{id}:3");
        let body = format!(r#"{{"id":"{id}","version":3,"consistency_token":"{token}"}}"#);
        let ok = understood(StatusCode::OK, body);
        assert!(matches!(&ok, Answer::Ok { version: 3, .. }), "{ok:?}");
        assert!(is_final(&ok));

        let body = format!(r#"{{"id":"{id}","type":"submit-order","status":"pending","outcome":null}}"#);
        let accepted = understood(StatusCode::ACCEPTED, body);
        assert!(
            matches!(&accepted, Answer::Accepted { command_id, .. } if *command_id == id),
            "{accepted:?}"
        );

        let body = r#"{"type":"/problems/idempotency-key-in-flight","status":409}"#.to_owned();
        assert!(!is_final(&understood(StatusCode::CONFLICT, body)));
        let body = r#"{"type":"/problems/not-a-draft","status":409}"#.to_owned();
        assert!(is_final(&understood(StatusCode::CONFLICT, body)));
        assert!(!is_final(&understood(
            StatusCode::SERVICE_UNAVAILABLE,
            String::new()
        )));
    }
}
