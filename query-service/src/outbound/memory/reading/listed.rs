//! What each list selects and shows.

use std::collections::BTreeMap;

use read_model::{
    CustomerDocument, DeliveryDocument, InvoiceAccountDocument, OrderDocument, OrderHistoryEntry,
    OrderStatus, ProductDocument,
};
use uuid::Uuid;

use super::pages::Selects;
use crate::application::ports::OrderSummary;
use crate::application::ports::reading::{
    CustomerFilter, DeliveryFilter, Facets, HistoryFilter, InvoiceFilter, OrderFilter, OrderHit,
    ProductFilter, SortField,
};
use crate::outbound::words::{Shown, Words};

impl Selects for OrderFilter {
    type Document = OrderDocument;

    fn selects(&self, order: &OrderDocument) -> bool {
        self.customer_id.is_none_or(|id| id == order.customer_id)
            && (self.status.is_empty() || self.status.contains(&order.status))
            && self.created_from.is_none_or(|from| order.created_at >= from)
            && self.created_to.is_none_or(|to| order.created_at < to)
            && self
                .text
                .as_deref()
                .is_none_or(|text| is_found(&Words::of(text), order))
    }

    fn sort_value(field: SortField, order: &OrderDocument) -> Option<i64> {
        match field {
            SortField::CreatedAt => Some(order.created_at.timestamp_micros()),
            SortField::UpdatedAt => Some(order.updated_at.timestamp_micros()),
            SortField::Total => order.total.as_ref().map(|total| total.amount),
        }
    }

    fn item(&self, order: &OrderDocument) -> OrderHit {
        OrderHit {
            order: OrderSummary::from(order),
            highlights: self
                .text
                .as_deref()
                .map(|text| Words::of(text).highlights(&shown(order, &product_names(order))))
                .unwrap_or_default(),
        }
    }

    fn facets(&self, found: &[&OrderDocument]) -> Option<Facets> {
        self.with_facets.then(|| facets(found))
    }
}

impl Selects for CustomerFilter {
    type Document = CustomerDocument;

    fn selects(&self, _: &CustomerDocument) -> bool {
        true
    }

    fn sort_value(field: SortField, customer: &CustomerDocument) -> Option<i64> {
        match field {
            SortField::CreatedAt => Some(customer.created_at.timestamp_micros()),
            SortField::UpdatedAt => Some(customer.updated_at.timestamp_micros()),
            SortField::Total => None,
        }
    }

    fn item(&self, customer: &CustomerDocument) -> CustomerDocument {
        customer.clone()
    }
}

impl Selects for ProductFilter {
    type Document = ProductDocument;

    fn selects(&self, _: &ProductDocument) -> bool {
        true
    }

    fn sort_value(field: SortField, product: &ProductDocument) -> Option<i64> {
        match field {
            SortField::CreatedAt => Some(product.created_at.timestamp_micros()),
            SortField::UpdatedAt => Some(product.updated_at.timestamp_micros()),
            SortField::Total => None,
        }
    }

    fn item(&self, product: &ProductDocument) -> ProductDocument {
        product.clone()
    }
}

impl Selects for InvoiceFilter {
    type Document = InvoiceAccountDocument;

    fn selects(&self, account: &InvoiceAccountDocument) -> bool {
        self.customer_id.is_none_or(|id| id == account.customer_id)
            && self.order_id.is_none_or(|id| id == account.order_id)
            && (self.status.is_empty() || self.status.contains(&account.status))
    }

    fn sort_value(field: SortField, account: &InvoiceAccountDocument) -> Option<i64> {
        Some(match field {
            SortField::CreatedAt => account.created_at.timestamp_micros(),
            SortField::UpdatedAt => account.updated_at.timestamp_micros(),
            SortField::Total => account.total.amount,
        })
    }

    fn item(&self, account: &InvoiceAccountDocument) -> InvoiceAccountDocument {
        account.clone()
    }
}

impl Selects for DeliveryFilter {
    type Document = DeliveryDocument;

    fn selects(&self, delivery: &DeliveryDocument) -> bool {
        self.status.is_empty() || self.status.contains(&delivery.status)
    }

    fn sort_value(field: SortField, delivery: &DeliveryDocument) -> Option<i64> {
        let time = match field {
            SortField::CreatedAt => delivery.created_at,
            SortField::UpdatedAt => delivery.updated_at,
            SortField::Total => None,
        };
        time.map(|time| time.timestamp_micros())
    }

    fn item(&self, delivery: &DeliveryDocument) -> DeliveryDocument {
        delivery.clone()
    }
}

impl Selects for HistoryFilter {
    type Document = OrderHistoryEntry;

    fn selects(&self, entry: &OrderHistoryEntry) -> bool {
        entry.order_id == self.order_id
    }

    fn sort_value(_: SortField, entry: &OrderHistoryEntry) -> Option<i64> {
        i64::try_from(entry.version).ok()
    }

    fn item(&self, entry: &OrderHistoryEntry) -> OrderHistoryEntry {
        entry.clone()
    }
}

fn product_names(order: &OrderDocument) -> Vec<&str> {
    order
        .items
        .iter()
        .map(|item| item.product_name.as_str())
        .collect()
}

fn shown<'a>(order: &'a OrderDocument, product_names: &'a [&'a str]) -> Shown<'a> {
    Shown {
        customer_name: &order.customer_name,
        product_names,
        tracking_number: order.tracking_number.as_deref(),
    }
}

fn is_found(words: &Words, order: &OrderDocument) -> bool {
    let products = order.items.iter().map(|item| item.product_id);
    let ids: Vec<Uuid> = [order.id, order.customer_id]
        .into_iter()
        .chain(products)
        .collect();
    words.find(&ids, &shown(order, &product_names(order)))
}

fn facets(orders: &[&OrderDocument]) -> Facets {
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
