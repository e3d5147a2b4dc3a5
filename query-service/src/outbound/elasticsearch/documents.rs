//! The projector's documents in Elasticsearch: real-time reads, and bulk writes guarded by sequence number and term.
//!
//! A bulk request answers 200 even if every item failed, and an item's status alone says little: a closed index answers
//! 400, a write block 403. Only a mapping's verdict on the document itself counts as a refusal; all else may pass.

mod bulk_answer;

use std::fmt::Write as _;

use anyhow::Context;
use bytes::Bytes;
use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use read_model::Kind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use bulk_answer::BulkAnswer;

use super::client::ElasticsearchSettings;
use super::indices::projected_alias;
use crate::application::ports::{
    DocumentStore, DocumentWrite, NameSource, Revision, StoreError, StoredDocument, WriteOutcome,
};

/// Documents in one answer; each may have some hundred kilobytes.
const LOAD_PAGE: usize = 500;

pub struct ElasticsearchDocuments {
    client: Elasticsearch,
    /// One for each kind, in the order of [`Kind::ALL`].
    aliases: [String; 8],
    bulk_max_bytes: usize,
}

impl ElasticsearchDocuments {
    pub fn new(client: Elasticsearch, settings: &ElasticsearchSettings) -> Self {
        Self {
            client,
            aliases: Kind::ALL.map(|kind| projected_alias(&settings.index_prefix, kind)),
            bulk_max_bytes: settings.bulk_max_bytes,
        }
    }

    fn alias(&self, kind: Kind) -> &str {
        // The order of `ALL` is that of the variants.
        &self.aliases[kind as usize]
    }

    async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Bytes, StoreError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let response = self
            .client
            .send(
                Method::Post,
                path,
                headers,
                Some(query),
                body.map(Bytes::from),
                None,
            )
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let status = response.status_code().as_u16();
        let answer = response
            .bytes()
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        match status {
            200..=299 => Ok(answer),
            // A missing index is one that `setup` has yet to make, or that somebody is about to restore.
            403 | 404 | 408 | 429 | 500.. => Err(StoreError::Unavailable(refusal(status, &answer))),
            _ => Err(StoreError::Failed(refusal(status, &answer))),
        }
    }

    async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &Value,
    ) -> Result<T, StoreError> {
        let answer = self
            .post(path, "application/json", query, Some(body.to_string()))
            .await?;
        parse(&answer)
    }

    /// How many of these go into one request; one at least.
    fn fitting(&self, writes: &[DocumentWrite]) -> usize {
        let mut bytes = 0;
        let fitting = writes.iter().take_while(|write| {
            bytes += bytes_of(write);
            bytes <= self.bulk_max_bytes
        });
        fitting.count().max(1)
    }

    async fn bulk(&self, body: String, items: usize) -> Result<Vec<WriteOutcome>, StoreError> {
        const QUERY: [(&str, &str); 2] = [
            ("require_alias", "true"),
            (
                "filter_path",
                "items.*.status,items.*._seq_no,items.*._primary_term,items.*.error",
            ),
        ];
        let answer = self
            .post("/_bulk", "application/x-ndjson", &QUERY, Some(body))
            .await?;
        let answer: BulkAnswer = parse(&answer)?;
        if answer.items.len() != items {
            let found = answer.items.len();
            return Err(StoreError::Failed(anyhow::anyhow!(
                "{items} writes were answered by {found}"
            )));
        }
        Ok(answer
            .items
            .into_iter()
            .map(|item| item.result.outcome())
            .collect())
    }
}

impl DocumentStore for ElasticsearchDocuments {
    async fn load(&self, kind: Kind, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let path = format!("/{}/_mget", self.alias(kind));
        let mut loaded = Vec::with_capacity(ids.len());
        for page in ids.chunks(LOAD_PAGE) {
            let answer: MultiGetAnswer = self
                .post_json(&path, &[("realtime", "true")], &json!({ "ids": page }))
                .await?;
            if answer.docs.len() != page.len() {
                return Err(StoreError::Failed(anyhow::anyhow!(
                    "not every document was answered"
                )));
            }
            for document in answer.docs {
                loaded.push(document.stored()?);
            }
        }
        Ok(loaded)
    }

    async fn write(&self, writes: Vec<DocumentWrite>) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(writes.len());
        let mut rest = writes.as_slice();
        while !rest.is_empty() {
            let taken = self.fitting(rest);
            let mut body = String::with_capacity(rest[..taken].iter().map(bytes_of).sum());
            for write in &rest[..taken] {
                push(&mut body, self.alias(write.kind), write)?;
            }
            let span = tracing::info_span!("elasticsearch bulk", documents = taken, bytes = body.len());
            match self.bulk(body, taken).instrument(span).await {
                Ok(answered) => outcomes.extend(answered),
                Err(error) if outcomes.is_empty() => return Err(error),
                // Earlier parts are known: only this one is open.
                Err(error) => {
                    let cause = format!("{:#}", anyhow::Error::from(error));
                    outcomes.extend((0..taken).map(|_| WriteOutcome::Unavailable(cause.clone())));
                }
            }
            rest = &rest[taken..];
        }
        Ok(outcomes)
    }

    async fn refresh(&self, kind: Kind) -> Result<(), StoreError> {
        let path = format!("/{}/_refresh", self.alias(kind));
        // It takes no body, not even an empty object.
        let answer: RefreshAnswer = parse(&self.post(&path, "application/json", &[], None).await?)?;
        match answer.shards.failed {
            0 => Ok(()),
            failed => Err(StoreError::Unavailable(anyhow::anyhow!(
                "{failed} shards were not refreshed"
            ))),
        }
    }

    async fn orders_showing(
        &self,
        source: NameSource,
        below: u64,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let (id_field, id, version_field) = match source {
            NameSource::Customer(id) => ("customer_id", id, "customer_version"),
            NameSource::Product(id) => ("items.product_id", id, "items.product_version"),
        };
        let mut search = json!({
            "size": limit,
            "_source": false,
            "track_total_hits": false,
            "sort": ["id"],
            "query": {"bool": {"filter": [
                {"term": {id_field: id}},
                // Lines are not told apart here: another line's older name finds the order too. Too many do no harm.
                {"range": {version_field: {"lt": below}}},
            ]}},
        });
        if let Some(after) = after {
            search["search_after"] = json!([after]);
        }
        let path = format!("/{}/_search", self.alias(Kind::Order));
        let query = [
            ("allow_partial_search_results", "false"),
            ("filter_path", "timed_out,hits.hits._id"),
        ];
        let answer: SearchAnswer = self.post_json(&path, &query, &search).await?;
        if answer.timed_out {
            return Err(StoreError::Unavailable(anyhow::anyhow!(
                "the search was cut short"
            )));
        }
        Ok(answer.hits.hits.into_iter().map(|hit| hit.id).collect())
    }
}

/// At most, with its action line.
fn bytes_of(write: &DocumentWrite) -> usize {
    const ACTION: usize = 512;
    ACTION + write.body.len()
}

/// An action line and a document line.
fn push(body: &mut String, alias: &str, write: &DocumentWrite) -> Result<(), StoreError> {
    let id = write.id;
    let action = match write.expected {
        None => write!(body, r#"{{"create":{{"_index":"{alias}","_id":"{id}"}}}}"#),
        Some(Revision { seq_no, primary_term }) => write!(
            body,
            r#"{{"index":{{"_index":"{alias}","_id":"{id}","if_seq_no":{seq_no},"if_primary_term":{primary_term}}}}}"#
        ),
    };
    action
        .context("an action line cannot be written")
        .map_err(StoreError::Failed)?;
    body.push('\n');
    body.push_str(&write.body);
    body.push('\n');
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(answer)
        .context("Elasticsearch's answer cannot be read")
        .map_err(StoreError::Failed)
}

fn refusal(status: u16, answer: &[u8]) -> anyhow::Error {
    let text: String = String::from_utf8_lossy(answer).chars().take(1_000).collect();
    anyhow::anyhow!("Elasticsearch answered {status}: {text}")
}

#[derive(Deserialize)]
struct MultiGetAnswer {
    docs: Vec<MultiGetDocument>,
}

#[derive(Deserialize)]
struct MultiGetDocument {
    found: Option<bool>,
    #[serde(rename = "_seq_no")]
    seq_no: Option<i64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<i64>,
    #[serde(rename = "_source")]
    source: Option<Value>,
    error: Option<Value>,
}

impl MultiGetDocument {
    fn stored(self) -> Result<Option<StoredDocument>, StoreError> {
        match (self.found, self.seq_no, self.primary_term, self.source) {
            (Some(true), Some(seq_no), Some(primary_term), Some(body)) => Ok(Some(StoredDocument {
                revision: Revision { seq_no, primary_term },
                body,
            })),
            (Some(false), ..) => Ok(None),
            // A missing index or a lost shard says so for each document.
            _ => Err(StoreError::Unavailable(anyhow::anyhow!(
                "a document cannot be read: {}",
                self.error.unwrap_or_default()
            ))),
        }
    }
}

#[derive(Deserialize)]
struct RefreshAnswer {
    #[serde(rename = "_shards")]
    shards: Shards,
}

#[derive(Deserialize)]
struct Shards {
    failed: u32,
}

#[derive(Deserialize)]
struct SearchAnswer {
    timed_out: bool,
    #[serde(default)]
    hits: Hits,
}

#[derive(Default, Deserialize)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: Uuid,
}
