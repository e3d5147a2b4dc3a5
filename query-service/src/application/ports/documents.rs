//! The documents of one generation: the projector's side.

use std::future::Future;

use chrono::{DateTime, Utc};
use read_model::NameSource;
use uuid::Uuid;

use super::StoreError;

/// Where a document stands, for compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    pub seq_no: i64,
    pub primary_term: i64,
}

/// The documents of one generation, by id. Reads see the last write at once.
///
/// A body is the document as JSON, so that one port carries every projection.
pub trait DocumentStore: Send + Sync + 'static {
    /// In the order of `ids`; `None` for one that is not there.
    fn load(
        &self,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Option<StoredDocument>>, StoreError>> + Send;

    /// Writes all in one request; an answer for each, in order. `Err` when none was tried or none is known.
    fn write(
        &self,
        writes: Vec<DocumentWrite>,
    ) -> impl Future<Output = Result<Vec<WriteOutcome>, StoreError>> + Send;

    /// Makes everything written before this call visible to searches.
    fn refresh(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The ids of orders that show any of these names as of a version below its own, after `after` in id order, at most
    /// `limit`. A search: call [`DocumentStore::refresh`] before the first page.
    fn orders_showing(
        &self,
        older: &[(NameSource, u64)],
        after: Option<Uuid>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// Documents in which events have waited for those before them since `since_before` or longer, the longest first, at
    /// most `limit`. As of the last refresh.
    fn waiting(
        &self,
        since_before: DateTime<Utc>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Waiting>, StoreError>> + Send;
}

#[derive(Debug, Clone, PartialEq)]
pub struct StoredDocument {
    pub revision: Revision,
    pub body: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DocumentWrite {
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

/// A document with a gap before what it has parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub id: Uuid,
    /// Up to which it is folded: the next one is missing.
    pub version: u64,
    /// When the oldest of the parked events came.
    pub waits_since: DateTime<Utc>,
}
