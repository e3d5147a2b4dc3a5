//! Requests to Elasticsearch, and what their answers mean.

use std::borrow::Cow;

use bytes::Bytes;
use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::application::ports::StoreError;
use crate::outbound::elasticsearch::request;

pub(super) struct Http {
    client: Elasticsearch,
}

pub(super) type Parameters<'a> = &'a [(&'a str, &'a str)];

impl Http {
    pub(super) fn new(client: Elasticsearch) -> Self {
        Self { client }
    }

    pub(super) async fn get(
        &self,
        path: &str,
        parameters: Parameters<'_>,
    ) -> Result<(u16, Answer), StoreError> {
        self.send(Method::Get, path, parameters, None).await
    }

    /// The answer of a request that succeeded; of one that did not what it means.
    pub(super) async fn post(
        &self,
        path: &str,
        parameters: Parameters<'_>,
        body: &Value,
    ) -> Result<Answer, Refusal> {
        self.with_body(Method::Post, path, parameters, body).await
    }

    pub(super) async fn delete(&self, path: &str, body: &Value) -> Result<Answer, Refusal> {
        self.with_body(Method::Delete, path, &[], body).await
    }

    async fn with_body(
        &self,
        method: Method,
        path: &str,
        parameters: Parameters<'_>,
        body: &Value,
    ) -> Result<Answer, Refusal> {
        let body = match body {
            Value::Null => None,
            body => Some(body.to_string()),
        };
        let (status, answer) = self.send(method, path, parameters, body).await?;
        match status {
            200..=299 => Ok(answer),
            404 => Err(Refusal::NotFound(answer.refusal(status))),
            _ => Err(Refusal::Store(answer.refusal(status))),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        parameters: Parameters<'_>,
        body: Option<String>,
    ) -> Result<(u16, Answer), StoreError> {
        let (status, answer) =
            request::send(&self.client, method, path, "application/json", parameters, body).await?;
        Ok((status, Answer(answer)))
    }
}

/// What a status other than 2xx means.
pub(super) enum Refusal {
    /// Of an index; where a point in time is read, of that.
    NotFound(StoreError),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(error) | Refusal::Store(error) => error,
        }
    }
}

pub(super) struct Answer(Bytes);

impl Answer {
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StoreError> {
        request::parse(&self.0)
    }

    /// Told from a missing index, which `setup` has yet to make or somebody is about to restore.
    pub(super) fn is_missing_document(&self) -> bool {
        #[derive(Deserialize)]
        struct Refusal<'a> {
            #[serde(borrow)]
            error: Cause<'a>,
        }
        #[derive(Deserialize)]
        struct Cause<'a> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
        }
        serde_json::from_slice::<Refusal<'_>>(&self.0)
            .is_ok_and(|refusal| refusal.error.kind == "resource_not_found_exception")
    }

    pub(super) fn refusal(&self, status: u16) -> StoreError {
        match request::refusal(status, &self.0) {
            // A closed index is no fault of the request.
            StoreError::Failed(cause) if cause.to_string().contains("\"index_closed_exception\"") => {
                StoreError::Unavailable(cause)
            }
            error => error,
        }
    }
}
