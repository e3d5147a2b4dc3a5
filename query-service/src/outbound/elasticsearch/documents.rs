//! The projector's documents in Elasticsearch: real-time reads, and bulk writes guarded by sequence number and term.
//!
//! A bulk request answers 200 even if every item failed, and an item's status alone says little: a closed index answers
//! 400, a write block 403. Only a mapping's verdict on the document itself counts as a refusal; all else may pass.

use std::borrow::Cow;
use std::fmt::Write as _;

use anyhow::Context;
use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared_events::AggregateType;
use tracing::Instrument as _;
use uuid::Uuid;

use super::client::ElasticsearchSettings;
use super::indices::projected_alias;
use crate::application::ports::{
    DocumentStore, DocumentWrite, NameSource, Revision, StoreError, StoredDocument, WriteOutcome,
};

/// The exceptions by which a mapping refuses a document.
const REFUSALS: [&str; 3] = [
    "mapper_parsing_exception",
    "document_parsing_exception",
    "strict_dynamic_mapping_exception",
];

/// Documents in one answer; each may have some hundred kilobytes.
const LOAD_PAGE: usize = 500;

pub struct ElasticsearchDocuments {
    client: Elasticsearch,
    /// One for each kind, in the order of [`AggregateType::ALL`].
    aliases: [String; 3],
    bulk_max_bytes: usize,
}

impl ElasticsearchDocuments {
    pub fn new(client: Elasticsearch, settings: &ElasticsearchSettings) -> Self {
        Self {
            client,
            aliases: AggregateType::ALL.map(|kind| projected_alias(&settings.index_prefix, kind)),
            bulk_max_bytes: settings.bulk_max_bytes,
        }
    }

    fn alias(&self, kind: AggregateType) -> &str {
        match kind {
            AggregateType::Customer => &self.aliases[0],
            AggregateType::Product => &self.aliases[1],
            AggregateType::Order => &self.aliases[2],
        }
    }

    async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let response = self
            .client
            .send(Method::Post, path, headers, Some(query), body, None)
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let status = response.status_code().as_u16();
        let answer = response
            .bytes()
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        match status {
            200..=299 => Ok(answer.to_vec()),
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
    async fn load(
        &self,
        kind: AggregateType,
        ids: &[Uuid],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
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
            let mut body = String::new();
            let mut taken = 0;
            for write in rest {
                // The action line has some 150 bytes.
                if taken > 0 && body.len() + write.body.len() + 256 > self.bulk_max_bytes {
                    break;
                }
                push(&mut body, self.alias(write.kind), write)?;
                taken += 1;
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

    async fn refresh(&self, kind: AggregateType) -> Result<(), StoreError> {
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
        let path = format!("/{}/_search", self.alias(AggregateType::Order));
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

/// An action line and a document line.
fn push(body: &mut String, alias: &str, write: &DocumentWrite) -> Result<(), StoreError> {
    if body.capacity() == 0 {
        body.reserve(64 * 1024);
    }
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
struct BulkAnswer<'a> {
    #[serde(borrow, default)]
    items: Vec<BulkItem<'a>>,
}

#[derive(Deserialize)]
struct BulkItem<'a> {
    #[serde(borrow, rename = "index", alias = "create")]
    result: ItemResult<'a>,
}

#[derive(Deserialize)]
struct ItemResult<'a> {
    status: u16,
    #[serde(rename = "_seq_no")]
    seq_no: Option<i64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<i64>,
    #[serde(borrow)]
    error: Option<Cause<'a>>,
}

#[derive(Deserialize)]
struct Cause<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    caused_by: Option<Box<Cause<'a>>>,
}

impl ItemResult<'_> {
    fn outcome(self) -> WriteOutcome {
        let cause = |status: u16| match &self.error {
            Some(cause) => format!("{status} {cause}"),
            None => format!("{status} without a cause"),
        };
        match (self.status, self.seq_no, self.primary_term) {
            (200..=299, Some(seq_no), Some(primary_term)) => {
                WriteOutcome::Written(Revision { seq_no, primary_term })
            }
            (409, ..) => WriteOutcome::Conflict,
            (400, ..) if self.error.as_ref().is_some_and(Cause::is_mapping) => {
                WriteOutcome::Refused(cause(400))
            }
            (status, ..) => WriteOutcome::Unavailable(cause(status)),
        }
    }
}

impl Cause<'_> {
    fn is_mapping(&self) -> bool {
        REFUSALS.contains(&&*self.kind)
    }
}

impl std::fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        match &self.caused_by {
            Some(cause) => write!(f, ", caused by {cause}"),
            None => Ok(()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(answer: &str) -> Vec<WriteOutcome> {
        let answer: BulkAnswer = serde_json::from_str(answer).unwrap();
        answer
            .items
            .into_iter()
            .map(|item| item.result.outcome())
            .collect()
    }

    fn failed(status: u16, kind: &str) -> WriteOutcome {
        let text = format!(
            r#"{{"items":[{{"index":{{"status":{status},"error":{{"type":"{kind}","reason":"r"}}}}}}]}}"#
        );
        outcomes(&text).remove(0)
    }

    #[test]
    fn a_write_answers_its_revision() {
        let answer = r#"{"items":[{"create":{"_seq_no":7,"_primary_term":2,"status":201}}]}"#;
        let revision = Revision {
            seq_no: 7,
            primary_term: 2,
        };
        assert_eq!(outcomes(answer), [WriteOutcome::Written(revision)]);
    }

    #[test]
    fn only_a_mapping_refuses_a_document() {
        for kind in REFUSALS {
            assert!(matches!(failed(400, kind), WriteOutcome::Refused(_)), "{kind}");
        }
        for (status, kind) in [
            (400, "index_closed_exception"),
            (400, "illegal_argument_exception"),
            (403, "cluster_block_exception"),
            (404, "index_not_found_exception"),
            (429, "es_rejected_execution_exception"),
            (503, "unavailable_shards_exception"),
        ] {
            assert!(
                matches!(failed(status, kind), WriteOutcome::Unavailable(_)),
                "{kind}"
            );
        }
        assert_eq!(
            failed(409, "version_conflict_engine_exception"),
            WriteOutcome::Conflict
        );
    }

    #[test]
    fn the_whole_cause_is_kept() {
        let answer = r#"{"items":[{"index":{"status":400,"error":{"type":"document_parsing_exception",
            "reason":"failed to \"parse\"","caused_by":{"type":"date_time_parse_exception","reason":"no date"}}}}]}"#;
        assert_eq!(
            outcomes(answer),
            [WriteOutcome::Refused(
                "400 document_parsing_exception: failed to \"parse\", caused by date_time_parse_exception: no date".into()
            )]
        );
    }
}
