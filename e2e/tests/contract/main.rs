//! The contract of the write side, command by command and refusal by refusal, on real servers.

mod authentication;
mod commands;
mod old_events;
mod refusals;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::api::{Answer, Commands};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);

fn address(city: &str) -> Value {
    json!({"name": "Ada Lovelace", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": city, "country": "GB"})
}

fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Sends a command and looks at its answer.
struct Client {
    commands: Commands,
}

impl Client {
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        self.commands.ask(method, path, &[], body.as_ref()).await
    }

    /// The command succeeds as the contract says: id, version and token, in the body and in headers.
    pub async fn succeeds(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
        version: u64,
    ) -> Result<Uuid> {
        let answer = self.ask(method, path, body).await?;
        ensure!(answer.status == status, "{path}: {answer:?}");
        let told = answer.json()?;
        let id: Uuid = told["id"].as_str().context("no id")?.parse()?;
        ensure!(told["version"] == version, "{path}: {answer:?}");
        let [etag, location, token] = answer.headers;
        ensure!(etag == Some(format!("\"{version}\"")), "{path}: ETag {etag:?}");
        ensure!(
            token.as_deref() == told["consistency_token"].as_str(),
            "{path}: {token:?}"
        );
        ensure!(
            token.is_some_and(|token| token.ends_with(&format!(":{id}:{version}"))),
            "{path}: the token names something else"
        );
        if status == 201 {
            ensure!(
                location == Some(format!("{path}/{id}")),
                "{path}: Location {location:?}"
            );
        }
        Ok(id)
    }

    pub async fn is_refused(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
        kind: &str,
    ) -> Result<()> {
        let answer = self.ask(method, path, body).await?;
        ensure!(
            answer.status == status && answer.json()?["type"] == format!("/problems/{kind}"),
            "{path}: not {status} {kind} but {answer:?}"
        );
        Ok(())
    }
}
