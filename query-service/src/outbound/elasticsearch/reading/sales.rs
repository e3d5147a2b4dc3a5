//! Sales figures, summed up by Elasticsearch. Its sums are floating-point: exact up to 2^53 minor units.

use anyhow::Context as _;
use chrono::DateTime;
use read_model::{Kind, Money, OrderStatus};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ElasticsearchReader;
use super::pages::{PINNED, WHOLE, has_begun};
use crate::application::ports::StoreError;
use crate::application::ports::reading::{
    DaySales, GroupBatch, GroupReader, OrdersByStatus, ProductSales, SalesByDay, SalesByProduct, StatusCount,
};

/// Groups in one answer, at most.
const BATCH: usize = 5_000;

impl ElasticsearchReader {
    /// The groups of a composite aggregation, which lies within the aggregation `nested` if there is one.
    async fn groups<K: DeserializeOwned, T>(
        &self,
        clauses: Vec<Value>,
        mut composite: Value,
        after: Option<Value>,
        pinned: bool,
        group: impl Fn(Bucket<K>) -> anyhow::Result<T>,
    ) -> Result<GroupBatch<T>, StoreError> {
        composite["composite"]["size"] = json!(BATCH);
        if let Some(after) = after {
            composite["composite"]["after"] = after;
        }
        let nested = composite["path"].take();
        if let Some(fields) = composite.as_object_mut() {
            fields.remove("path");
        }
        let aggregations = match nested {
            Value::Null => json!({"groups": composite}),
            path => json!({"groups": {"nested": {"path": path}, "aggs": {"groups": composite}}}),
        };
        let body = json!({
            "size": 0,
            "track_total_hits": false,
            "query": {"bool": {"filter": clauses}},
            "aggs": aggregations,
        });
        let path = format!("/{}/_search", self.alias(Kind::Sale));
        let parameters = [WHOLE, PINNED];
        let parameters = if pinned { &parameters[..] } else { &parameters[..1] };
        let answer = self.http.post(&path, parameters, &body).await?;
        let groups = answer
            .parse::<GroupsAnswer<K>>()?
            .aggregations
            .groups
            .into_groups();
        // A batch that is not full is the last.
        let next = groups.after_key.filter(|_| groups.buckets.len() == BATCH);
        let found: anyhow::Result<Vec<T>> = groups.buckets.into_iter().map(group).collect();
        Ok(GroupBatch {
            groups: found.map_err(StoreError::Failed)?,
            next,
        })
    }
}

impl GroupReader<SalesByDay> for ElasticsearchReader {
    async fn batch(
        &self,
        days: &SalesByDay,
        after: Option<Value>,
        pinned: bool,
    ) -> Result<GroupBatch<DaySales>, StoreError> {
        #[derive(Deserialize)]
        struct Key {
            /// Milliseconds since 1970.
            day: i64,
            currency: String,
        }
        let mut span = serde_json::Map::new();
        if let Some(from) = days.from {
            span.insert("gte".to_owned(), json!(from));
        }
        if let Some(to) = days.to {
            span.insert("lte".to_owned(), json!(to));
        }
        let mut clauses = vec![has_begun(), json!({"exists": {"field": "confirmed_on"}})];
        if !span.is_empty() {
            clauses.push(json!({"range": {"confirmed_on": span}}));
        }
        let composite = json!({
            "composite": {"sources": [
                {"day": {"terms": {"field": "confirmed_on"}}},
                {"currency": {"terms": {"field": "currency"}}},
            ]},
            "aggs": {"revenue": {"sum": {"field": "revenue"}}},
        });
        self.groups(clauses, composite, after, pinned, |bucket: Bucket<Key>| {
            let day = DateTime::from_timestamp_millis(bucket.key.day);
            Ok(DaySales {
                date: day.context("a day beyond what there is")?.date_naive(),
                orders: bucket.doc_count,
                revenue: Money {
                    amount: bucket.revenue.amount(),
                    currency: bucket.key.currency,
                },
            })
        })
        .await
    }
}

impl GroupReader<SalesByProduct> for ElasticsearchReader {
    async fn batch(
        &self,
        _: &SalesByProduct,
        after: Option<Value>,
        pinned: bool,
    ) -> Result<GroupBatch<ProductSales>, StoreError> {
        #[derive(Deserialize)]
        struct Key {
            product: Uuid,
            currency: String,
        }
        let composite = json!({
            "path": "sold",
            "composite": {"sources": [
                {"product": {"terms": {"field": "sold.product_id"}}},
                {"currency": {"terms": {"field": "sold.currency"}}},
            ]},
            "aggs": {
                "quantity": {"sum": {"field": "sold.quantity"}},
                "revenue": {"sum": {"field": "sold.revenue"}},
            },
        });
        let clauses = vec![has_begun(), json!({"exists": {"field": "confirmed_on"}})];
        self.groups(clauses, composite, after, pinned, |bucket: Bucket<Key>| {
            Ok(ProductSales {
                product_id: bucket.key.product,
                quantity: bucket.quantity.amount(),
                revenue: Money {
                    amount: bucket.revenue.amount(),
                    currency: bucket.key.currency,
                },
            })
        })
        .await
    }
}

impl GroupReader<OrdersByStatus> for ElasticsearchReader {
    async fn batch(
        &self,
        _: &OrdersByStatus,
        after: Option<Value>,
        pinned: bool,
    ) -> Result<GroupBatch<StatusCount>, StoreError> {
        #[derive(Deserialize)]
        struct Key {
            status: OrderStatus,
        }
        let composite = json!({
            "composite": {"sources": [{"status": {"terms": {"field": "status"}}}]},
        });
        self.groups(
            vec![has_begun()],
            composite,
            after,
            pinned,
            |bucket: Bucket<Key>| {
                Ok(StatusCount {
                    status: bucket.key.status,
                    count: bucket.doc_count,
                })
            },
        )
        .await
    }
}

#[derive(Deserialize)]
#[serde(bound = "K: DeserializeOwned")]
struct GroupsAnswer<K> {
    aggregations: Aggregations<K>,
}

#[derive(Deserialize)]
#[serde(bound = "K: DeserializeOwned")]
struct Aggregations<K> {
    groups: GroupsOrNested<K>,
}

#[derive(Deserialize)]
#[serde(untagged, bound = "K: DeserializeOwned")]
enum GroupsOrNested<K> {
    Nested { groups: Groups<K> },
    Groups(Groups<K>),
}

impl<K> GroupsOrNested<K> {
    fn into_groups(self) -> Groups<K> {
        match self {
            Self::Nested { groups } | Self::Groups(groups) => groups,
        }
    }
}

#[derive(Deserialize)]
#[serde(bound = "K: DeserializeOwned")]
struct Groups<K> {
    after_key: Option<Value>,
    buckets: Vec<Bucket<K>>,
}

#[derive(Deserialize)]
#[serde(bound = "K: DeserializeOwned")]
struct Bucket<K> {
    key: K,
    doc_count: u64,
    #[serde(default)]
    revenue: Sum,
    #[serde(default)]
    quantity: Sum,
}

#[derive(Default, Deserialize)]
struct Sum {
    value: f64,
}

impl Sum {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a cast saturates, and sums are whole numbers"
    )]
    fn amount(&self) -> i64 {
        self.value.round() as i64
    }
}
