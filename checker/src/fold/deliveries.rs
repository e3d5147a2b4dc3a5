//! Deliveries: what delivery was told, and how far the order has got.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shared_events::OrderForDeliveryEvent;
use shared_events::event::OrderConfirmedForDeliveryV1;
use uuid::Uuid;

use super::orders::Order;

pub struct Delivery {
    confirmed: OrderConfirmedForDeliveryV1,
    cancelled: bool,
}

pub fn delivery(
    deliveries: &mut BTreeMap<Uuid, Delivery>,
    id: Uuid,
    event: OrderForDeliveryEvent,
) -> Result<()> {
    match event {
        OrderForDeliveryEvent::Confirmed(confirmed) => {
            let delivery = Delivery {
                confirmed,
                cancelled: false,
            };
            ensure!(
                deliveries.insert(id, delivery).is_none(),
                "delivery was told of order {id} twice"
            );
        }
        OrderForDeliveryEvent::Cancelled(_) => {
            let delivery = deliveries.get_mut(&id);
            delivery
                .with_context(|| format!("delivery was never told of order {id}"))?
                .cancelled = true;
        }
    }
    Ok(())
}

impl Delivery {
    pub fn answer(&self, id: Uuid, order: &Order, name_of: impl Fn(Uuid) -> Option<String>) -> Result<Value> {
        let status = match order.status {
            "confirmed" => "requested",
            moved @ ("shipped" | "delivered" | "cancelled") => moved,
            other => anyhow::bail!("delivery was told of order {id}, which is {other}"),
        };
        ensure!(
            self.cancelled == (status == "cancelled"),
            "order {id} is {status}, and delivery was told otherwise"
        );
        let mut weight = Some(0);
        let mut lines = Vec::new();
        for line in &self.confirmed.lines {
            let of_line = line
                .weight_grams
                .map(|grams| i64::from(grams) * i64::from(line.quantity));
            weight = weight.zip(of_line).map(|(sum, more)| sum + more);
            lines.push(json!({
                "product_id": line.product_id,
                "product_name": name_of(line.product_id),
                "quantity": line.quantity,
                "size": line.size,
                "weight_grams": line.weight_grams,
            }));
        }
        Ok(json!({
            "order_id": id,
            "status": status,
            "delivery_address": self.confirmed.delivery_address,
            "lines": lines,
            "total_weight_grams": weight,
            "tracking_number": order.tracking_number,
        }))
    }
}
