//! What the application needs from outside. Each port has one contract suite (`tests/contracts/`) that its in-memory and
//! its real adapter both pass.

use std::future::Future;

use chrono::{DateTime, Utc};
pub use read_model::{Kind, NameSource};
use read_model::{Money, OrderDocument, OrderStatus};
use serde::{Deserialize, Serialize};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is overloaded or refuses for now: the same request may succeed later.
    #[error("the document store is unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// The store answered what it never should.
    #[error("the document store failed")]
    Failed(#[source] anyhow::Error),
}

/// Where a document stands, for compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    pub seq_no: i64,
    pub primary_term: i64,
}

/// A read model's documents, by kind and id: the projector's side. Reads see the last write at once.
///
/// A body is the document as JSON, so that one port carries every projection.
pub trait DocumentStore: Send + Sync + 'static {
    /// In the order of `ids`; `None` for one that is not there.
    fn load(
        &self,
        kind: Kind,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Option<StoredDocument>>, StoreError>> + Send;

    /// Writes all in one request; an answer for each, in order. `Err` when none was tried or none is known.
    fn write(
        &self,
        writes: Vec<DocumentWrite>,
    ) -> impl Future<Output = Result<Vec<WriteOutcome>, StoreError>> + Send;

    /// Makes everything written before this call visible to searches of `kind`.
    fn refresh(&self, kind: Kind) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The ids of orders that show `source`'s name as of a version below `below`, after `after` in id order, at most `limit`.
    /// A search: call [`DocumentStore::refresh`] before the first page.
    fn orders_showing(
        &self,
        source: NameSource,
        below: u64,
        after: Option<Uuid>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;
}

#[derive(Debug, Clone, PartialEq)]
pub struct StoredDocument {
    pub revision: Revision,
    pub body: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DocumentWrite {
    pub kind: Kind,
    pub id: Uuid,
    /// `None`: only if it is not there yet.
    pub expected: Option<Revision>,
    /// The document's JSON text.
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOutcome {
    Written(Revision),
    /// It stands at another revision: load again and fold again.
    Conflict,
    /// The store can take others, but never this one: its mapping refuses it.
    Refused(String),
    /// Not now: overload, write block, missing shard or index. Try this one again.
    Unavailable(String),
}

/// Where records go that cannot be processed.
pub trait DeadLetters: Send + Sync + 'static {
    /// Returns once the broker has acknowledged it.
    fn bury(&self, letter: DeadLetter) -> impl Future<Output = Result<(), StoreError>> + Send;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// A stable word, such as `undecodable` or `refused-by-mapping`.
    pub kind: &'static str,
    /// The whole chain of causes, for a person.
    pub cause: String,
}

/// What changed in the read model, told to every replica of the api after the store has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub aggregate: AggregateType,
    pub id: Uuid,
    /// The version that the document now has.
    pub version: u64,
    /// An order as it was written, so that telling others takes no read; absent for all else, and from older projectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderSummary>,
}

pub trait ChangePublisher: Send + Sync + 'static {
    /// Returns once the broker has acknowledged all.
    fn publish(&self, changes: &[Change]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

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
