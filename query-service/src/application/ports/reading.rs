//! The queries' side.

use std::future::Future;

use chrono::{DateTime, Utc};
use read_model::{Money, OrderDocument, OrderStatus};
use serde::{Deserialize, Serialize};
use shared_events::ConsistencyToken;
use uuid::Uuid;

use super::StoreError;

/// The order documents: the query handlers' side.
pub trait OrderReader: Send + Sync + 'static {
    /// Sees the last write at once. `None` also while only a later part of the order has arrived (version 0).
    fn get(&self, id: Uuid) -> impl Future<Output = Result<Option<OrderDocument>, StoreError>> + Send;

    /// As of the last refresh.
    fn page(&self, request: PageRequest) -> impl Future<Output = Result<OrderPage, StoreError>> + Send;

    /// The versions that searches see, `None` for one they do not; in the order of `ids`.
    fn searchable_versions(
        &self,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Option<u64>>, StoreError>> + Send;
}

/// How far an aggregate has got in the read model, told from its own document at once.
pub trait VersionReader: Send + Sync + 'static {
    /// For an order its version; for a customer or product the version up to which every order shows its name.
    fn visible_version(
        &self,
        token: ConsistencyToken,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    CreatedAt,
    UpdatedAt,
    Total,
}

/// A listing or a search: the same request with and without text.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    /// Matched with tolerance for typing errors against the customer's and the products' names, and exactly against ids.
    pub text: Option<String>,
    pub customer_id: Option<Uuid>,
    pub status: Vec<OrderStatus>,
    /// On `created_at`: from inclusive, to exclusive.
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
    pub sort: SortField,
    pub descending: bool,
    pub limit: usize,
    pub start: PageStart,
    pub with_facets: bool,
    /// Read from the copy that [`OrderReader::searchable_versions`] looks at, where a store keeps several.
    pub pinned: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PageStart {
    Offset(usize),
    /// Behind these sort values, as the last page gave them.
    After(Vec<serde_json::Value>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderPage {
    pub hits: Vec<OrderHit>,
    pub total: u64,
    pub facets: Option<Facets>,
}

/// An order as lists show it: its document without the lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    pub id: Uuid,
    pub version: u64,
    pub status: OrderStatus,
    pub customer_id: Uuid,
    pub customer_name: String,
    pub item_count: u32,
    pub total: Option<Money>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<&OrderDocument> for OrderSummary {
    fn from(order: &OrderDocument) -> Self {
        Self {
            id: order.id,
            version: order.version,
            status: order.status,
            customer_id: order.customer_id,
            customer_name: order.customer_name.clone(),
            item_count: order.item_count,
            total: order.total.clone(),
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderHit {
    pub order: OrderSummary,
    /// Field name to fragments of HTML, the matches in `<em>`; empty without a text.
    pub highlights: std::collections::BTreeMap<String, Vec<String>>,
    /// For [`PageStart::After`].
    pub sort_values: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    pub status: Vec<(String, u64)>,
    /// `2026-01`, UTC.
    pub month: Vec<(String, u64)>,
    /// Id, name, count.
    pub customer: Vec<(String, String, u64)>,
}
