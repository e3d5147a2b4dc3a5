//! An [`OrderReader`] in memory: searches see what was there at the last refresh, gets see everything.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use read_model::{OrderDocument, OrderStatus};
use serde_json::{Value, json};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use crate::application::ports::{
    Facets, OrderHit, OrderPage, OrderReader, OrderSummary, PageRequest, PageStart, SortField, StoreError,
    VersionReader,
};
use crate::outbound::words::{Searched, Words};

#[derive(Default)]
pub struct MemoryOrders {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    orders: BTreeMap<Uuid, OrderDocument>,
    searchable: BTreeMap<Uuid, OrderDocument>,
    propagated: HashMap<(AggregateType, Uuid), u64>,
    unavailable: bool,
}

impl MemoryOrders {
    pub fn put(&self, order: OrderDocument) {
        self.state().orders.insert(order.id, order);
    }

    /// From now on the name of a customer or product stands everywhere as of `version`.
    pub fn propagate(&self, aggregate: AggregateType, id: Uuid, version: u64) {
        self.state().propagated.insert((aggregate, id), version);
    }

    /// Makes everything that was put visible to searches.
    pub fn refresh(&self) {
        let mut state = self.state();
        state.searchable = state.orders.clone();
    }

    /// From now on every call fails as in an outage, until it is called with `false`.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.state().unavailable = unavailable;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match state.unavailable {
            true => Err(StoreError::Unavailable(anyhow::anyhow!("an outage was ordered"))),
            false => Ok(state),
        }
    }
}

impl OrderReader for MemoryOrders {
    async fn get(&self, id: Uuid) -> Result<Option<OrderDocument>, StoreError> {
        let state = self.available()?;
        Ok(state.orders.get(&id).filter(|order| order.version > 0).cloned())
    }

    async fn page(&self, request: PageRequest) -> Result<OrderPage, StoreError> {
        let state = self.available()?;
        let words = request.text.as_deref().map(Words::of);
        let mut found: Vec<(&OrderDocument, (i64, String))> = state
            .searchable
            .values()
            .filter(|order| order.version > 0 && selects(&request, order))
            .filter(|order| words.as_ref().is_none_or(|words| is_found(words, order)))
            .map(|order| (order, place(&request, order)))
            .collect();
        found.sort_by(|(_, one), (_, other)| match request.descending {
            true => other.cmp(one),
            false => one.cmp(other),
        });
        let facets = request
            .with_facets
            .then(|| facets(found.iter().map(|(order, _)| *order)));
        let total = found.len() as u64;
        let skipped = match &request.start {
            PageStart::Offset(offset) => *offset,
            PageStart::After(values) => found
                .iter()
                .position(|(_, place)| sort_values(place) == *values)
                .map_or_else(|| behind(&found, values, request.descending), |at| at + 1),
        };
        let hits = found.into_iter().skip(skipped).take(request.limit);
        Ok(OrderPage {
            hits: hits
                .map(|(order, place)| OrderHit {
                    order: OrderSummary::from(order),
                    highlights: words
                        .as_ref()
                        .map(|words| words.highlights(&order.customer_name, &product_names(order)))
                        .unwrap_or_default(),
                    sort_values: sort_values(&place),
                })
                .collect(),
            total,
            facets,
        })
    }

    async fn searchable_versions(&self, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        let state = self.available()?;
        Ok(ids
            .iter()
            .map(|id| state.searchable.get(id).map(|order| order.version))
            .collect())
    }
}

impl VersionReader for MemoryOrders {
    async fn visible_version(&self, token: ConsistencyToken) -> Result<Option<u64>, StoreError> {
        let state = self.available()?;
        Ok(match token.aggregate {
            AggregateType::Order => state.orders.get(&token.id).map(|order| order.version),
            _ => state.propagated.get(&(token.aggregate, token.id)).copied(),
        })
    }
}

fn product_names(order: &OrderDocument) -> Vec<&str> {
    order
        .items
        .iter()
        .map(|item| item.product_name.as_str())
        .collect()
}

fn is_found(words: &Words, order: &OrderDocument) -> bool {
    let products = order.items.iter().map(|item| item.product_id);
    let ids: Vec<Uuid> = [order.id, order.customer_id]
        .into_iter()
        .chain(products)
        .collect();
    words.find(&Searched {
        ids: &ids,
        customer_name: &order.customer_name,
        product_names: &product_names(order),
    })
}

fn selects(request: &PageRequest, order: &OrderDocument) -> bool {
    request.customer_id.is_none_or(|id| id == order.customer_id)
        && (request.status.is_empty() || request.status.contains(&order.status))
        && request.created_from.is_none_or(|from| order.created_at >= from)
        && request.created_to.is_none_or(|to| order.created_at < to)
}

/// What is sorted by, and the id behind it. Without a total an order comes last either way.
fn place(request: &PageRequest, order: &OrderDocument) -> (i64, String) {
    let last = if request.descending { i64::MIN } else { i64::MAX };
    let value = match request.sort {
        SortField::CreatedAt => order.created_at.timestamp_millis(),
        SortField::UpdatedAt => order.updated_at.timestamp_millis(),
        SortField::Total => order.total.as_ref().map_or(last, |total| total.amount),
    };
    (value, order.id.to_string())
}

fn sort_values((value, id): &(i64, String)) -> Vec<Value> {
    vec![json!(value), json!(id)]
}

/// How many come before or at a place that nothing stands at any more.
fn behind(found: &[(&OrderDocument, (i64, String))], values: &[Value], descending: bool) -> usize {
    let after = (
        values.first().and_then(Value::as_i64).unwrap_or_default(),
        values
            .get(1)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    );
    found
        .iter()
        .take_while(|(_, place)| {
            if descending {
                *place >= after
            } else {
                *place <= after
            }
        })
        .count()
}

fn facets<'a>(orders: impl Iterator<Item = &'a OrderDocument>) -> Facets {
    let mut status = BTreeMap::<&str, u64>::new();
    let mut month = BTreeMap::<String, u64>::new();
    let mut customer = BTreeMap::<String, (String, u64)>::new();
    for order in orders {
        *status.entry(status_name(order.status)).or_default() += 1;
        *month
            .entry(order.created_at.format("%Y-%m").to_string())
            .or_default() += 1;
        let of_customer = customer.entry(order.customer_id.to_string()).or_default();
        of_customer.0.clone_from(&order.customer_name);
        of_customer.1 += 1;
    }
    let mut status: Vec<(String, u64)> = status
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    status.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut customer: Vec<(String, String, u64)> = customer
        .into_iter()
        .map(|(id, (name, count))| (id, name, count))
        .collect();
    customer.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    customer.truncate(10);
    Facets {
        status,
        month: month.into_iter().rev().collect(),
        customer,
    }
}

fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Draft => "draft",
        OrderStatus::Submitted => "submitted",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Shipped => "shipped",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
    }
}
