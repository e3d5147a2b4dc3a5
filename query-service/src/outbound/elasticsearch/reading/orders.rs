//! Orders as lists and searches show them.

use chrono::{DateTime, Utc};
use read_model::{Kind, Money, OrderStatus};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::pages::Searched;
use super::search_body;
use crate::application::ports::OrderSummary;
use crate::application::ports::reading::{Facets, OrderFilter, OrderHit, SortField};
use crate::outbound::words::{Shown, Words};

impl Searched for OrderFilter {
    const KIND: Kind = Kind::Order;
    type Source = Source;

    fn clauses(&self) -> Vec<Value> {
        search_body::clauses(self)
    }

    fn source(&self) -> Value {
        search_body::source(self)
    }

    fn sort_field(field: SortField) -> &'static str {
        match field {
            SortField::Total => "total.amount",
            field => field.as_str(),
        }
    }

    fn aggregations(&self) -> Option<Value> {
        self.with_facets.then(search_body::facets)
    }

    fn facets(aggregations: Option<Value>) -> Result<Option<Facets>, serde_json::Error> {
        let Some(aggregations) = aggregations else {
            return Ok(Some(Facets::default()));
        };
        serde_json::from_value::<Aggregations>(aggregations).map(|found| Some(found.facets()))
    }

    fn items(&self, sources: Vec<Source>) -> Vec<OrderHit> {
        let words = self.text.as_deref().map(Words::of);
        sources
            .into_iter()
            .map(|source| source.hit(words.as_ref()))
            .collect()
    }
}

/// [`OrderSummary`] and what is found by words: written out, because serde's flattening would keep a copy of everything.
#[derive(Deserialize)]
pub(super) struct Source {
    id: Uuid,
    version: u64,
    status: OrderStatus,
    customer_id: Uuid,
    customer_name: String,
    item_count: u32,
    total: Option<Money>,
    tracking_number: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Only asked for where words are searched for.
    #[serde(default)]
    items: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    product_name: String,
}

impl Source {
    fn hit(self, words: Option<&Words>) -> OrderHit {
        let names: Vec<&str> = self.items.iter().map(|line| line.product_name.as_str()).collect();
        OrderHit {
            highlights: words
                .map(|words| {
                    words.highlights(&Shown {
                        customer_name: &self.customer_name,
                        product_names: &names,
                        tracking_number: self.tracking_number.as_deref(),
                    })
                })
                .unwrap_or_default(),
            order: OrderSummary {
                id: self.id,
                version: self.version,
                status: self.status,
                customer_id: self.customer_id,
                customer_name: self.customer_name,
                item_count: self.item_count,
                total: self.total,
                created_at: self.created_at,
                updated_at: self.updated_at,
            },
        }
    }
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
