//! The ports by which queries read: documents in real time, pages as of the last refresh, and how far both have got.

use std::fmt::Debug;
use std::future::Future;

use read_model::{
    CustomerDocument, DeliveryDocument, InvoiceAccountDocument, InvoiceDocument, OrderDocument,
    OrderHistoryEntry, ProductDocument,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

pub use self::listed::{
    CustomerFilter, DeliveryFilter, Facets, HistoryFilter, InvoiceFilter, OrderFilter, OrderHit,
    OrderSummary, ProductFilter,
};
pub use self::sales::{
    DaySales, Group, GroupBatch, GroupReader, OrdersByStatus, ProductSales, SalesByDay, SalesByProduct,
    StatusCount,
};
use crate::application::ports::{Kind, StoreError};

mod listed;
mod sales;

/// Documents of one kind by their id. Sees the last write at once.
pub trait DocumentReader<D>: Send + Sync + 'static {
    /// In the order of `ids`. `None` also for what only a later part has arrived of (version 0).
    fn get_all(&self, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Option<D>>, StoreError>> + Send;

    /// As [`DocumentReader::get_all`] has it, of one.
    fn get(&self, id: Uuid) -> impl Future<Output = Result<Option<D>, StoreError>> + Send;
}

/// What a list selects: the model, and the part of it. A cursor holds for the filter that it was given out with.
pub trait Filter: Debug + Clone + PartialEq + Serialize + Send + Sync + 'static {
    type Item: Send;
    /// What it can be sorted by.
    const SORTS: &'static [SortField];
    /// Where the request names no order.
    const DEFAULT_SORT: Sort = Sort {
        field: SortField::CreatedAt,
        descending: true,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    CreatedAt,
    UpdatedAt,
    Total,
}

impl SortField {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Total => "total",
        }
    }

    /// Of a document that it never changes of: behind a place in this order stands the same at any time.
    pub fn is_lasting(self) -> bool {
        self == Self::CreatedAt
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    pub field: SortField,
    pub descending: bool,
}

/// Pages of one list.
pub trait PageReader<F: Filter>: Send + Sync + 'static {
    fn page(&self, request: PageRequest<F>) -> impl Future<Output = Result<Page<F::Item>, PageError>> + Send;

    /// A view that stays as searches see it now, for some minutes since it was last read.
    fn open_point(&self) -> impl Future<Output = Result<PointInTime, StoreError>> + Send;

    /// Gives a view up before its time is over.
    fn close_point(&self, point: PointInTime) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What an adapter names a view of its own by; it travels in a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointInTime(pub String);

#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("the point in time is gone")]
    PointGone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest<F> {
    pub filter: F,
    pub sort: Sort,
    pub limit: usize,
    pub start: PageStart,
    pub view: View,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PageStart {
    Offset(usize),
    /// Behind these sort values, as the last page gave them.
    After(Vec<Value>),
}

/// Which state of the index is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The last refresh, of any copy.
    Any,
    /// The last refresh of the copy that [`VersionReader::searchable_versions`] looks at, where a store keeps several.
    Pinned,
    Point(PointInTime),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub hits: Vec<Hit<T>>,
    pub total: u64,
    /// Where the filter asks for them.
    pub facets: Option<Facets>,
    /// What names the view from now on, if one was read.
    pub point: Option<PointInTime>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hit<T> {
    pub item: T,
    /// For [`PageStart::After`].
    pub sort_values: Vec<Value>,
}

/// A version that a query can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watched {
    /// The version of a document.
    Document(Kind, Uuid),
    /// Up to which version of a customer or product every order shows its name.
    Names(Kind, Uuid),
}

/// How far the read model has got.
pub trait VersionReader: Send + Sync + 'static {
    /// Seen at once; `None` where there is nothing yet.
    fn visible_version(
        &self,
        watched: Watched,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// The versions that searches of `kind` see, `None` for one they do not; in the order of `ids`.
    fn searchable_versions(
        &self,
        kind: Kind,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Option<u64>>, StoreError>> + Send;
}

/// Declares all that queries read: documents by id, and lists.
macro_rules! read_models {
    (documents: $($document:ty),*; lists: $($filter:ty),*; groups: $($groups:ty),* $(;)?) => {
        /// All that is read.
        pub trait ReadModels: VersionReader
            $(+ DocumentReader<$document>)* $(+ PageReader<$filter>)* $(+ GroupReader<$groups>)* {}

        impl<R> ReadModels for R where R: VersionReader
            $(+ DocumentReader<$document>)* $(+ PageReader<$filter>)* $(+ GroupReader<$groups>)* {}
    };
}

read_models! {
    documents: OrderDocument, CustomerDocument, ProductDocument, InvoiceDocument, InvoiceAccountDocument,
        DeliveryDocument, OrderHistoryEntry;
    lists: OrderFilter, CustomerFilter, ProductFilter, InvoiceFilter, DeliveryFilter, HistoryFilter;
    groups: SalesByDay, SalesByProduct, OrdersByStatus;
}
