//! Requests as the projector sends them: what a server may answer in an outage is told from what it never should.

use anyhow::Context as _;
use bytes::Bytes;
use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::application::ports::StoreError;

/// The status with the body, whatever they say.
pub async fn send(
    client: &Elasticsearch,
    method: Method,
    path: &str,
    content_type: &'static str,
    query: &[(&str, &str)],
    body: Option<String>,
) -> Result<(u16, Bytes), StoreError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let body = body.map(Bytes::from);
    let response = client
        .send(method, path, headers, Some(query), body, None)
        .await
        .map_err(|error| StoreError::Unavailable(error.into()))?;
    let status = response.status_code().as_u16();
    let answer = response
        .bytes()
        .await
        .map_err(|error| StoreError::Unavailable(error.into()))?;
    Ok((status, answer))
}

pub async fn post(
    client: &Elasticsearch,
    path: &str,
    content_type: &'static str,
    query: &[(&str, &str)],
    body: Option<String>,
) -> Result<Bytes, StoreError> {
    let (status, answer) = send(client, Method::Post, path, content_type, query, body).await?;
    match status {
        200..=299 => Ok(answer),
        _ => Err(refusal(status, &answer)),
    }
}

pub async fn post_json<T: DeserializeOwned>(
    client: &Elasticsearch,
    path: &str,
    query: &[(&str, &str)],
    body: &Value,
) -> Result<T, StoreError> {
    let answer = post(client, path, "application/json", query, Some(body.to_string())).await?;
    parse(&answer)
}

pub fn parse<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(answer)
        .context("Elasticsearch's answer cannot be read")
        .map_err(StoreError::Failed)
}

pub fn refusal(status: u16, answer: &[u8]) -> StoreError {
    let text: String = String::from_utf8_lossy(answer).chars().take(1_000).collect();
    let cause = anyhow::anyhow!("Elasticsearch answered {status}: {text}");
    match status {
        // A missing index is one that `setup` has yet to make, or that somebody is about to restore.
        403 | 404 | 408 | 429 | 500.. => StoreError::Unavailable(cause),
        _ => StoreError::Failed(cause),
    }
}
