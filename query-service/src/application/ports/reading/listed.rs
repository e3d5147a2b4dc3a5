//! What can be listed, and what a page can be narrowed by.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use read_model::{
    CustomerDocument, DeliveryDocument, DeliveryStatus, InvoiceAccountDocument, InvoiceStatus, Money,
    OrderDocument, OrderHistoryEntry, OrderStatus, ProductDocument,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Filter, Sort, SortField};

/// Orders: the same request with and without text.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct OrderFilter {
    /// Matched with tolerance for typing errors against the customer's and the products' names, and exactly against ids.
    pub text: Option<String>,
    pub customer_id: Option<Uuid>,
    /// Any of these; all states if empty.
    pub status: Vec<OrderStatus>,
    /// On `created_at`: from inclusive, to exclusive.
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
    pub with_facets: bool,
}

impl Filter for OrderFilter {
    type Item = OrderHit;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt, SortField::UpdatedAt, SortField::Total];
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
    pub highlights: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    pub status: Vec<(String, u64)>,
    /// `2026-01`, UTC.
    pub month: Vec<(String, u64)>,
    /// Id, name, count.
    pub customer: Vec<(String, String, u64)>,
}

/// All customers.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct CustomerFilter;

impl Filter for CustomerFilter {
    type Item = CustomerDocument;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt, SortField::UpdatedAt];
}

/// All products.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ProductFilter;

impl Filter for ProductFilter {
    type Item = ProductDocument;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt, SortField::UpdatedAt];
}

/// Invoices by their accounts: what was issued never changes, so that what can is what they are found by.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct InvoiceFilter {
    pub customer_id: Option<Uuid>,
    pub order_id: Option<Uuid>,
    /// Any of these; all states if empty.
    pub status: Vec<InvoiceStatus>,
}

impl Filter for InvoiceFilter {
    type Item = InvoiceAccountDocument;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt, SortField::UpdatedAt, SortField::Total];
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct DeliveryFilter {
    /// Any of these; all states if empty.
    pub status: Vec<DeliveryStatus>,
}

impl Filter for DeliveryFilter {
    type Item = DeliveryDocument;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt, SortField::UpdatedAt];
}

/// One order's events, in the order of their versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryFilter {
    pub order_id: Uuid,
}

impl Filter for HistoryFilter {
    type Item = OrderHistoryEntry;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt];
    const DEFAULT_SORT: Sort = Sort {
        field: SortField::CreatedAt,
        descending: false,
    };
}
