//! The order documents as queries read them: real-time gets, listings and searches.

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use read_model::{Kind, Money, OrderDocument, OrderStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_events::ConsistencyToken;
use uuid::Uuid;

use super::naming::Naming;
use crate::application::ports::{
    Facets, OrderHit, OrderPage, OrderReader, OrderSummary, PageRequest, StoreError, VersionReader,
};
use crate::outbound::words::Words;

mod search_body;

/// Searches with this preference read the same copy of each shard, as long as the cluster does not change.
const PINNED: (&str, &str) = ("preference", "consistent");
/// A part of the result is no answer.
const WHOLE: (&str, &str) = ("allow_partial_search_results", "false");

pub struct ElasticsearchOrders {
    client: Elasticsearch,
    orders: String,
    customers: String,
    products: String,
}

impl ElasticsearchOrders {
    pub fn new(client: Elasticsearch, index_prefix: &str) -> Self {
        let naming = Naming::with_prefix(index_prefix);
        Self {
            client,
            orders: naming.queried(Kind::Order),
            customers: naming.queried(Kind::Customer),
            products: naming.queried(Kind::Product),
        }
    }

    /// A document's source as it stands now, also before a refresh.
    async fn source(
        &self,
        alias: &str,
        id: Uuid,
        fields: Option<&str>,
    ) -> Result<Option<Answer>, StoreError> {
        let path = format!("/{alias}/_source/{id}");
        let includes = fields.map(|fields| [("_source_includes", fields)]);
        let (status, answer) = self
            .send(
                Method::Get,
                &path,
                includes.as_ref().map(<[_; 1]>::as_slice),
                None,
            )
            .await?;
        match status {
            200..=299 => Ok(Some(answer)),
            404 if is_missing_document(&answer) => Ok(None),
            _ => Err(refusal(status, &answer)),
        }
    }

    async fn search(&self, pinned: bool, filter_path: &str, body: &Value) -> Result<Answer, StoreError> {
        let path = format!("/{}/_search", self.orders);
        let query = [WHOLE, ("filter_path", filter_path), PINNED];
        let query = if pinned { &query[..] } else { &query[..2] };
        let (status, answer) = self
            .send(Method::Post, &path, Some(query), Some(body.to_string()))
            .await?;
        match status {
            200..=299 => Ok(answer),
            _ => Err(refusal(status, &answer)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: Option<&[(&str, &str)]>,
        body: Option<String>,
    ) -> Result<(u16, Answer), StoreError> {
        let mut headers = HeaderMap::new();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let unavailable = |error: elasticsearch::Error| StoreError::Unavailable(error.into());
        let response = self
            .client
            .send(method, path, headers, query, body, None)
            .await
            .map_err(unavailable)?;
        let status = response.status_code().as_u16();
        Ok((
            status,
            Answer(response.bytes().await.map_err(unavailable)?.into()),
        ))
    }
}

struct Answer(Vec<u8>);

impl Answer {
    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StoreError> {
        serde_json::from_slice(&self.0)
            .context("Elasticsearch's answer cannot be read")
            .map_err(StoreError::Failed)
    }
}

/// Told from a missing index, which `setup` has yet to make or somebody is about to restore.
fn is_missing_document(answer: &Answer) -> bool {
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
    serde_json::from_slice::<Refusal<'_>>(&answer.0)
        .is_ok_and(|refusal| refusal.error.kind == "resource_not_found_exception")
}

fn refusal(status: u16, answer: &Answer) -> StoreError {
    let text: String = String::from_utf8_lossy(&answer.0).chars().take(1_000).collect();
    let cause = anyhow::anyhow!("Elasticsearch answered {status}: {text}");
    match status {
        403 | 404 | 408 | 429 | 500.. => StoreError::Unavailable(cause),
        // A closed index is no fault of the request.
        400 if text.contains("\"index_closed_exception\"") => StoreError::Unavailable(cause),
        _ => StoreError::Failed(cause),
    }
}

/// How far a document has got; 0 where its first event has not come.
#[derive(Deserialize)]
struct Version {
    #[serde(default, alias = "propagated_version")]
    version: u64,
}

impl OrderReader for ElasticsearchOrders {
    async fn get(&self, id: Uuid) -> Result<Option<OrderDocument>, StoreError> {
        let Some(answer) = self.source(&self.orders, id, None).await? else {
            return Ok(None);
        };
        match answer.parse::<OrderDocument>() {
            Ok(order) => Ok((order.version > 0).then_some(order)),
            // While its first event has not come there is only what waits for it.
            Err(error) => match answer.parse::<Version>()?.version {
                0 => Ok(None),
                _ => Err(error),
            },
        }
    }

    async fn page(&self, request: PageRequest) -> Result<OrderPage, StoreError> {
        let body = search_body::of(&request);
        let answer = self
            .search(
                request.pinned,
                "hits.total.value,hits.hits._source,hits.hits.sort,aggregations",
                &body,
            )
            .await?;
        let words = request.text.as_deref().map(Words::of);
        Ok(answer
            .parse::<SearchAnswer<'_>>()?
            .page(words.as_ref(), request.with_facets))
    }

    async fn searchable_versions(&self, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        let body = json!({
            "size": ids.len(),
            "_source": false,
            "track_total_hits": false,
            "docvalue_fields": ["version"],
            "query": {"bool": {"filter": {"ids": {"values": ids}}}},
        });
        let answer = self
            .search(true, "hits.hits._id,hits.hits.fields.version", &body)
            .await?;
        let answer: VersionsAnswer = answer.parse()?;
        let found: HashMap<Uuid, u64> = answer
            .hits
            .hits
            .into_iter()
            .map(|hit| (hit.id, hit.fields.version[0]))
            .collect();
        Ok(ids.iter().map(|id| found.get(id).copied()).collect())
    }
}

impl VersionReader for ElasticsearchOrders {
    async fn visible_version(&self, token: ConsistencyToken) -> Result<Option<u64>, StoreError> {
        let (alias, field) = match Kind::of(token.aggregate) {
            Some(Kind::Order) => (&self.orders, "version"),
            Some(Kind::Customer) => (&self.customers, "propagated_version"),
            Some(_) => (&self.products, "propagated_version"),
            None => return Ok(None),
        };
        match self.source(alias, token.id, Some(field)).await? {
            Some(answer) => answer.parse::<Version>().map(|found| Some(found.version)),
            None => Ok(None),
        }
    }
}

#[derive(Deserialize)]
struct VersionsAnswer {
    #[serde(default)]
    hits: VersionHits,
}

#[derive(Default, Deserialize)]
struct VersionHits {
    #[serde(default)]
    hits: Vec<VersionHit>,
}

#[derive(Deserialize)]
struct VersionHit {
    #[serde(rename = "_id")]
    id: Uuid,
    fields: VersionField,
}

#[derive(Deserialize)]
struct VersionField {
    version: [u64; 1],
}

#[derive(Deserialize)]
struct SearchAnswer<'a> {
    #[serde(borrow)]
    hits: Hits<'a>,
    aggregations: Option<Aggregations>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    total: Total,
    /// Left out by the filter when there is none.
    #[serde(borrow, default)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_source", borrow)]
    source: Source<'a>,
    #[serde(default)]
    sort: Vec<Value>,
}

/// [`OrderSummary`] and the names of the lines: written out, because serde's flattening would keep a copy of everything.
#[derive(Deserialize)]
struct Source<'a> {
    id: Uuid,
    version: u64,
    status: OrderStatus,
    customer_id: Uuid,
    customer_name: String,
    item_count: u32,
    total: Option<Money>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Only asked for where words are searched for.
    #[serde(borrow, default)]
    items: Vec<Line<'a>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    product_name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Aggregations {
    #[serde(default)]
    status: Buckets<Bucket>,
    #[serde(default)]
    month: Buckets<MonthBucket>,
    #[serde(default)]
    customer: Buckets<CustomerBucket>,
}

#[derive(Deserialize)]
struct Buckets<B> {
    // Left out by the filter when there is none.
    #[serde(default = "Vec::new")]
    buckets: Vec<B>,
}

impl<B> Default for Buckets<B> {
    fn default() -> Self {
        Self { buckets: Vec::new() }
    }
}

#[derive(Deserialize)]
struct Bucket {
    key: String,
    doc_count: u64,
}

#[derive(Deserialize)]
struct MonthBucket {
    key_as_string: String,
    doc_count: u64,
}

#[derive(Deserialize)]
struct CustomerBucket {
    key: String,
    doc_count: u64,
    #[serde(default)]
    name: Buckets<Bucket>,
}

impl SearchAnswer<'_> {
    fn page(self, words: Option<&Words>, with_facets: bool) -> OrderPage {
        OrderPage {
            hits: self.hits.hits.into_iter().map(|hit| hit.order(words)).collect(),
            total: self.hits.total.value,
            facets: with_facets.then(|| self.aggregations.map(Aggregations::facets).unwrap_or_default()),
        }
    }
}

impl Hit<'_> {
    fn order(self, words: Option<&Words>) -> OrderHit {
        let source = self.source;
        let names: Vec<&str> = source.items.iter().map(|line| &*line.product_name).collect();
        OrderHit {
            highlights: words
                .map(|words| words.highlights(&source.customer_name, &names))
                .unwrap_or_default(),
            order: OrderSummary {
                id: source.id,
                version: source.version,
                status: source.status,
                customer_id: source.customer_id,
                customer_name: source.customer_name,
                item_count: source.item_count,
                total: source.total,
                created_at: source.created_at,
                updated_at: source.updated_at,
            },
            sort_values: self.sort,
        }
    }
}

impl Aggregations {
    fn facets(self) -> Facets {
        Facets {
            status: self
                .status
                .buckets
                .into_iter()
                .map(|bucket| (bucket.key, bucket.doc_count))
                .collect(),
            month: self
                .month
                .buckets
                .into_iter()
                .map(|bucket| (bucket.key_as_string, bucket.doc_count))
                .collect(),
            customer: self
                .customer
                .buckets
                .into_iter()
                .map(|bucket| {
                    let name = bucket.name.buckets.into_iter().next().map(|name| name.key);
                    (bucket.key, name.unwrap_or_default(), bucket.doc_count)
                })
                .collect(),
        }
    }
}
