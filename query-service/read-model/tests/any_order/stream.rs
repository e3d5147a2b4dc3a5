//! Orders as the command service lets them come about, and ways in which their events may be delivered.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use read_model::OrderStatus;
use shared_events::event::*;
use shared_events::{AggregateType, Event, EventMetadata, OrderEvent};
use uuid::Uuid;

pub const ORDER: Uuid = Uuid::from_u128(1);
pub const CUSTOMER: Uuid = Uuid::from_u128(2);
pub const PRODUCTS: [Uuid; 3] = [Uuid::from_u128(10), Uuid::from_u128(11), Uuid::from_u128(12)];

pub fn at(version: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::milliseconds(version as i64)
}

pub fn metadata(aggregate: AggregateType, id: Uuid, version: u64, event: &Event) -> EventMetadata {
    EventMetadata {
        event_id: Uuid::from_u128(u128::from(version) << 64 | id.as_u128()),
        event_type: event.event_type().to_owned(),
        aggregate,
        aggregate_id: id,
        version,
        occurred_at: at(version),
        actor: "anonymous".into(),
        command_id: Uuid::nil(),
        causation_id: Uuid::nil(),
        correlation_id: Uuid::nil(),
        traceparent: None,
    }
}

pub fn money(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".into(),
    }
}

/// What a client does to a draft, over three products.
#[derive(Debug, Clone)]
pub enum Step {
    Add { product: usize, quantity: i32 },
    Change { product: usize, quantity: i32 },
    Remove { product: usize },
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..3usize, 1..50i32).prop_map(|(product, quantity)| Step::Add { product, quantity }),
        (0..3usize, 1..50i32).prop_map(|(product, quantity)| Step::Change { product, quantity }),
        (0..3usize).prop_map(|product| Step::Remove { product }),
    ];
    prop::collection::vec(step, 0..12)
}

/// The stream's events (steps that do not fit are left out, as the command service refuses them) and the lines that
/// remain, kept plainly.
pub fn stream(steps: &[Step], way: Way) -> (Vec<OrderEvent>, Vec<(Uuid, i64)>) {
    let mut events = vec![
        OrderCreatedV1 {
            order_id: ORDER,
            customer_id: CUSTOMER,
            customer_name: "customer as of 1".into(),
            customer_version: 1,
        }
        .into(),
    ];
    let mut lines: Vec<(Uuid, i64)> = Vec::new();
    for step in steps {
        match *step {
            Step::Add { product, quantity } => {
                let id = PRODUCTS[product];
                events.push(
                    OrderItemAddedV1 {
                        order_id: ORDER,
                        product_id: id,
                        product_name: "product as of 1".into(),
                        product_version: 1,
                        quantity,
                        unit_price: money(100 + product as i64),
                    }
                    .into(),
                );
                match lines.iter_mut().find(|(line, _)| *line == id) {
                    Some((_, has)) => *has += i64::from(quantity),
                    None => lines.push((id, quantity.into())),
                }
            }
            Step::Change { product, quantity } => {
                let id = PRODUCTS[product];
                let Some((_, has)) = lines.iter_mut().find(|(line, _)| *line == id) else {
                    continue;
                };
                *has = quantity.into();
                events.push(
                    OrderItemQuantityChangedV1 {
                        order_id: ORDER,
                        product_id: id,
                        quantity,
                    }
                    .into(),
                );
            }
            Step::Remove { product } => {
                let id = PRODUCTS[product];
                let before = lines.len();
                lines.retain(|(line, _)| *line != id);
                if lines.len() < before {
                    events.push(
                        OrderItemRemovedV1 {
                            order_id: ORDER,
                            product_id: id,
                        }
                        .into(),
                    );
                }
            }
        }
    }
    events.extend(way.events(&lines));
    (events, lines)
}

/// How far an order gets: through so many of its states after the draft, and whether it is cancelled there.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub states: usize,
    pub cancelled: bool,
}

impl Way {
    pub fn of_an_order_with(self, lines: &[(Uuid, i64)]) -> Self {
        let states = if lines.is_empty() { 0 } else { self.states };
        let cancelled = self.cancelled && states <= 2;
        Self { states, cancelled }
    }

    pub fn events(self, lines: &[(Uuid, i64)]) -> Vec<OrderEvent> {
        let way = self.of_an_order_with(lines);
        let (order_id, total) = (ORDER, money(total(lines)));
        let all: [OrderEvent; 4] = [
            OrderSubmittedV1 {
                order_id,
                total: total.clone(),
            }
            .into(),
            OrderConfirmedV1 { order_id, total }.into(),
            OrderShippedV1 {
                order_id,
                tracking_number: "1Z".into(),
            }
            .into(),
            OrderDeliveredV1 { order_id }.into(),
        ];
        let cancelled = way.cancelled.then(|| {
            let cancelled_from = ["draft", "submitted", "confirmed"][way.states];
            OrderEvent::from(OrderCancelledV1 {
                order_id,
                reason: "Ordered twice".into(),
                cancelled_from: cancelled_from.into(),
            })
        });
        all.into_iter().take(way.states).chain(cancelled).collect()
    }

    pub fn status(self) -> OrderStatus {
        let states = [
            OrderStatus::Draft,
            OrderStatus::Submitted,
            OrderStatus::Confirmed,
            OrderStatus::Shipped,
            OrderStatus::Delivered,
        ];
        match self.cancelled {
            true => OrderStatus::Cancelled,
            false => states[self.states],
        }
    }
}

pub fn price(product: Uuid) -> i64 {
    100 + PRODUCTS.iter().position(|id| *id == product).unwrap() as i64
}

pub fn total(lines: &[(Uuid, i64)]) -> i64 {
    lines.iter().map(|(id, quantity)| price(*id) * quantity).sum()
}

/// Each index at least once, in any order.
pub fn deliveries(events: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..events, 0..events).prop_flat_map(move |again| {
        let all: Vec<usize> = (0..events).chain(again).collect();
        Just(all).prop_shuffle()
    })
}

/// A stream's events, the lines that remain, how far the order gets, and how the events are delivered.
pub type History = (Vec<OrderEvent>, Vec<(Uuid, i64)>, Way, Vec<usize>);

pub fn histories() -> impl Strategy<Value = History> {
    (steps(), 0..5usize, any::<bool>()).prop_flat_map(|(steps, states, cancelled)| {
        let way = Way { states, cancelled };
        let (events, lines) = stream(&steps, way);
        let deliveries = deliveries(events.len());
        let way = way.of_an_order_with(&lines);
        (Just(events), Just(lines), Just(way), deliveries)
    })
}
