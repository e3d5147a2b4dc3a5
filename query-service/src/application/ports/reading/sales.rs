//! Sales figures: sums over the orders that count, group by group.

use std::future::Future;

use chrono::NaiveDate;
use read_model::{Money, OrderStatus};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Filter, Sort, SortField};
use crate::application::ports::StoreError;

/// What is summed up to groups instead of being listed one by one.
pub trait Group: Filter {
    /// What the group is sorted by, and behind it what it is told apart by.
    fn place(field: SortField, group: &Self::Item) -> (i64, String);
}

/// Groups as of the last refresh, batch after batch and in no order, so that there may be any number of them.
pub trait GroupReader<G: Group>: Send + Sync + 'static {
    /// The first batch, or the one behind another's `next`. `pinned` as in [`super::View::Pinned`].
    fn batch(
        &self,
        filter: &G,
        after: Option<Value>,
        pinned: bool,
    ) -> impl Future<Output = Result<GroupBatch<G::Item>, StoreError>> + Send;
}

#[derive(Debug, Clone, PartialEq)]
pub struct GroupBatch<T> {
    pub groups: Vec<T>,
    /// `None` with the last.
    pub next: Option<Value>,
}

/// Revenue by UTC day of confirmation and currency.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SalesByDay {
    /// Inclusive, both.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySales {
    pub date: NaiveDate,
    pub orders: u64,
    pub revenue: Money,
}

impl Filter for SalesByDay {
    type Item = DaySales;
    const SORTS: &'static [SortField] = &[SortField::CreatedAt, SortField::Total];
}

impl Group for SalesByDay {
    fn place(field: SortField, day: &DaySales) -> (i64, String) {
        let value = match field {
            SortField::Total => day.revenue.amount,
            SortField::CreatedAt | SortField::UpdatedAt => day.date.to_epoch_days().into(),
        };
        (value, format!("{}{}", day.date, day.revenue.currency))
    }
}

/// What was sold of each product, by currency.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SalesByProduct;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductSales {
    pub product_id: Uuid,
    pub quantity: i64,
    pub revenue: Money,
}

/// The best first.
impl Filter for SalesByProduct {
    type Item = ProductSales;
    const SORTS: &'static [SortField] = &[SortField::Total];
    const DEFAULT_SORT: Sort = Sort {
        field: SortField::Total,
        descending: true,
    };
}

impl Group for SalesByProduct {
    fn place(_: SortField, product: &ProductSales) -> (i64, String) {
        let key = format!("{}{}", product.product_id, product.revenue.currency);
        (product.revenue.amount, key)
    }
}

/// How many orders are in each state; those that none is in are left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct OrdersByStatus;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCount {
    pub status: OrderStatus,
    pub count: u64,
}

/// In the order of an order's life.
impl Filter for OrdersByStatus {
    type Item = StatusCount;
    const SORTS: &'static [SortField] = &[];
    const DEFAULT_SORT: Sort = Sort {
        field: SortField::CreatedAt,
        descending: false,
    };
}

impl Group for OrdersByStatus {
    fn place(_: SortField, count: &StatusCount) -> (i64, String) {
        (count.status as i64, String::new())
    }
}
