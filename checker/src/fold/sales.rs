//! The sales figures.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::orders::Order;

/// By day and currency, as `2026-11-21 EUR`.
pub fn daily<'a>(orders: impl Iterator<Item = &'a Order>) -> BTreeMap<String, Value> {
    let mut days: BTreeMap<(String, String), (u64, i64)> = BTreeMap::new();
    for order in orders {
        let (Some(at), Some((_, first))) = (order.sold_at(), order.lines.first()) else {
            continue;
        };
        let day = at.format("%Y-%m-%d").to_string();
        let sum = days.entry((day, first.currency.clone())).or_default();
        sum.0 += 1;
        sum.1 += order.total();
    }
    days.into_iter()
        .map(|((day, currency), (orders, revenue))| {
            let key = format!("{day} {currency}");
            let item =
                json!({"date": day, "orders": orders, "revenue": {"amount": revenue, "currency": currency}});
            (key, item)
        })
        .collect()
}

/// By product and currency.
pub fn products<'a>(
    orders: impl Iterator<Item = &'a Order>,
    name_of: impl Fn(Uuid) -> Option<String>,
) -> BTreeMap<String, Value> {
    let mut sold: BTreeMap<(Uuid, String), (i64, i64)> = BTreeMap::new();
    for order in orders.filter(|order| order.sold_at().is_some()) {
        for (product, line) in &order.lines {
            let sum = sold.entry((*product, line.currency.clone())).or_default();
            sum.0 += line.quantity;
            sum.1 += line.quantity * line.unit_price;
        }
    }
    sold.into_iter()
        .map(|((product, currency), (quantity, revenue))| {
            let key = format!("{product} {currency}");
            let item = json!({
                "product_id": product,
                "product_name": name_of(product),
                "quantity": quantity,
                "revenue": {"amount": revenue, "currency": currency},
            });
            (key, item)
        })
        .collect()
}

pub fn status<'a>(orders: impl Iterator<Item = &'a Order>) -> BTreeMap<String, Value> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for order in orders {
        *counts.entry(order.status.to_owned()).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(status, count)| {
            let item = json!({"status": status, "count": count});
            (status, item)
        })
        .collect()
}
