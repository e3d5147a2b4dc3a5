//! The query service as a client sees it.

use anyhow::{Context, Result, bail, ensure};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use crate::api::{answer, http_client};

/// What a query answers.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null where there is none.
    pub body: Value,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Clone)]
pub struct Queries {
    http: reqwest::Client,
    base: String,
}

impl Queries {
    pub fn new(base: &str) -> Self {
        Self {
            http: http_client(),
            base: base.to_owned(),
        }
    }

    /// Asks with a token, waiting up to 30 s for it.
    pub async fn get_with(&self, path: &str, token: &str) -> Result<Value> {
        let request = self
            .http
            .get(format!("{}{path}", self.base))
            .header("Consistency-Token", token)
            .header("Prefer", "wait=30");
        match answer(request).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, body) => bail!("{path}: {status} {body}"),
        }
    }

    pub async fn get(&self, path: &str) -> Result<(StatusCode, Value)> {
        answer(self.http.get(format!("{}{path}", self.base))).await
    }

    pub async fn order(&self, id: Uuid, token: &str) -> Result<Value> {
        self.get_with(&format!("/v1/orders/{id}"), token).await
    }

    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Asks with headers and answers whatever comes.
    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Result<Seen> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = match text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&text)
                .with_context(|| format!("{path}: {status}, not JSON: {text:?}"))?,
        };
        Ok(Seen {
            status,
            headers,
            body,
        })
    }

    /// Every item of a list, page by page along its cursors; each page with the token, if there is one.
    pub async fn list(&self, path: &str, token: Option<&str>) -> Result<Vec<Value>> {
        let (items, total) = self.pages(path, token).await?;
        ensure!(
            total == items.len(),
            "{path}: {} items, but a total of {total}",
            items.len()
        );
        Ok(items)
    }

    /// Every item of a list, and how many there are by what the last page says.
    pub async fn pages(&self, path: &str, token: Option<&str>) -> Result<(Vec<Value>, Value)> {
        let joined = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut page = format!("{path}{joined}limit=100");
        loop {
            let answer = match token {
                Some(token) => self.get_with(&page, token).await?,
                None => {
                    let (status, answer) = self.get(&page).await?;
                    ensure!(status == StatusCode::OK, "{page}: {status} {answer}");
                    answer
                }
            };
            let found = answer["items"].as_array();
            items.extend(
                found
                    .with_context(|| format!("{page}: no items: {answer}"))?
                    .iter()
                    .cloned(),
            );
            match answer["next_cursor"].as_str() {
                Some(cursor) => page = format!("{path}{joined}limit=100&cursor={cursor}"),
                None => return Ok((items, answer["total"].clone())),
            }
        }
    }
}
