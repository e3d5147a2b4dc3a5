//! The projector's documents in Elasticsearch: real-time reads, and bulk writes guarded by sequence number and term.
//!
//! A bulk request answers 200 even if every item failed, and an item's status alone says little: a closed index answers
//! 400, a write block 403. Only a mapping's verdict on the document itself counts as a refusal; all else may pass.

mod bulk_answer;

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use elasticsearch::Elasticsearch;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use bulk_answer::BulkAnswer;

use super::refreshing::Refreshing;
use super::request::{parse, post, post_json};
use crate::application::ports::{
    DocumentStore, DocumentWrite, NameSource, Revision, StoreError, StoredDocument, Waiting, WriteOutcome,
};
use crate::failpoints;

/// Documents in one answer; each may have some hundred kilobytes.
const LOAD_PAGE: usize = 500;

/// One generation's documents.
pub struct ElasticsearchDocuments {
    client: Elasticsearch,
    /// Of this generation alone. Writes require it to be an alias, so that none makes a missing index with a guessed mapping.
    alias: String,
    refreshing: Arc<Refreshing>,
    bulk_max_bytes: usize,
}

impl ElasticsearchDocuments {
    pub(super) fn new(
        client: Elasticsearch,
        alias: String,
        refreshing: Arc<Refreshing>,
        bulk_max_bytes: usize,
    ) -> Self {
        Self {
            client,
            alias,
            refreshing,
            bulk_max_bytes,
        }
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

    async fn search(&self, filter_path: &str, search: &Value) -> Result<Vec<Hit>, StoreError> {
        let path = format!("/{}/_search", self.alias);
        let query = [
            ("allow_partial_search_results", "false"),
            ("filter_path", filter_path),
        ];
        let answer: SearchAnswer = post_json(&self.client, &path, &query, search).await?;
        match answer.timed_out {
            true => Err(StoreError::Unavailable(anyhow::anyhow!(
                "the search was cut short"
            ))),
            false => Ok(answer.hits.hits),
        }
    }

    async fn refresh_now(&self) -> Result<(), StoreError> {
        let path = format!("/{}/_refresh", self.alias);
        // It takes no body, not even an empty object.
        let answer: RefreshAnswer = parse(&post(&self.client, &path, "application/json", &[], None).await?)?;
        match answer.shards.failed {
            0 => Ok(()),
            failed => Err(StoreError::Unavailable(anyhow::anyhow!(
                "{failed} shards were not refreshed"
            ))),
        }
    }

    async fn bulk(&self, body: String, items: usize) -> Result<Vec<WriteOutcome>, StoreError> {
        const QUERY: [(&str, &str); 2] = [
            ("require_alias", "true"),
            (
                "filter_path",
                "items.*.status,items.*._seq_no,items.*._primary_term,items.*.error",
            ),
        ];
        let answer = post(&self.client, "/_bulk", "application/x-ndjson", &QUERY, Some(body)).await?;
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
    async fn load(&self, ids: &[Uuid]) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let path = format!("/{}/_mget", self.alias);
        let mut loaded = Vec::with_capacity(ids.len());
        for page in ids.chunks(LOAD_PAGE) {
            let query = [("realtime", "true")];
            let answer: MultiGetAnswer =
                post_json(&self.client, &path, &query, &json!({ "ids": page })).await?;
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
                push(&mut body, &self.alias, write)?;
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

    async fn refresh(&self) -> Result<(), StoreError> {
        self.refreshing.next_one(self.refresh_now()).await
    }

    async fn orders_showing(
        &self,
        older: &[(NameSource, u64)],
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let any: Vec<Value> = older
            .iter()
            .map(|(source, below)| showing(*source, *below))
            .collect();
        let mut search = json!({
            "size": limit,
            "_source": false,
            "track_total_hits": false,
            "sort": ["id"],
            "query": {"bool": {"filter": [{"bool": {"should": any}}]}},
        });
        if let Some(after) = after {
            search["search_after"] = json!([after]);
        }
        let found = self.search("timed_out,hits.hits._id", &search).await?;
        Ok(found.into_iter().map(|hit| hit.id).collect())
    }

    async fn waiting(&self, since_before: DateTime<Utc>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let search = json!({
            "size": limit,
            "_source": ["version", "waits_since"],
            "track_total_hits": false,
            "sort": ["waits_since"],
            "query": {"range": {"waits_since": {"lte": since_before}}},
        });
        let found = self
            .search("timed_out,hits.hits._id,hits.hits._source", &search)
            .await?;
        let waiting = found.into_iter().filter_map(|hit| {
            let WaitingSource { version, waits_since } = hit.source?;
            Some(Waiting {
                id: hit.id,
                version,
                waits_since: waits_since?,
            })
        });
        Ok(waiting.collect())
    }
}

/// Lines are not told apart here: another line's older name finds the order too. Too many do no harm.
fn showing(source: NameSource, below: u64) -> Value {
    let (id_field, id, version_field) = match source {
        NameSource::Customer(id) => ("customer_id", id, "customer_version"),
        NameSource::Product(id) => ("items.product_id", id, "items.product_version"),
    };
    json!({"bool": {"filter": [{"term": {id_field: id}}, {"range": {version_field: {"lt": below}}}]}})
}

/// At most, with its action line.
fn bytes_of(write: &DocumentWrite) -> usize {
    const ACTION: usize = 512;
    ACTION + write.body.len()
}

/// An action line and a document line.
fn push(body: &mut String, alias: &str, write: &DocumentWrite) -> Result<(), StoreError> {
    let id = write.id;
    if failpoints::planted("planted::cancelled_order_deleted")
        && write.body.contains(r#""status":"cancelled""#)
    {
        _ = writeln!(body, r#"{{"delete":{{"_index":"{alias}","_id":"{id}"}}}}"#);
        return Ok(());
    }
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
    #[serde(rename = "_source")]
    source: Option<WaitingSource>,
}

#[derive(Deserialize)]
struct WaitingSource {
    #[serde(default)]
    version: u64,
    waits_since: Option<DateTime<Utc>>,
}
