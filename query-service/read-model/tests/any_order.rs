//! Whatever order and however often the events of an order, its customer and its product come, the order's document ends
//! the same, and equal to a fold that knows neither parking nor versions of names.

// A test that meets what it did not expect ends there.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use read_model::{Applied, Draining, Kind, NameSource, OrderDocument, OrderStatus, Projection, Sequenced};
use serde_json::Value;
use shared_events::event::*;
use shared_events::{AggregateType, Event, EventMetadata};
use uuid::Uuid;

const ORDER: Uuid = Uuid::from_u128(1);
const CUSTOMER: Uuid = Uuid::from_u128(2);
const PRODUCTS: [Uuid; 3] = [Uuid::from_u128(10), Uuid::from_u128(11), Uuid::from_u128(12)];

fn at(version: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::milliseconds(version as i64)
}

fn metadata(aggregate: AggregateType, id: Uuid, version: u64, event: &Event) -> EventMetadata {
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

fn money(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".into(),
    }
}

/// What a client does to a draft, over three products.
#[derive(Debug, Clone)]
enum Step {
    Add { product: usize, quantity: i32 },
    Change { product: usize, quantity: i32 },
    Remove { product: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..3usize, 1..50i32).prop_map(|(product, quantity)| Step::Add { product, quantity }),
        (0..3usize, 1..50i32).prop_map(|(product, quantity)| Step::Change { product, quantity }),
        (0..3usize).prop_map(|product| Step::Remove { product }),
    ];
    prop::collection::vec(step, 0..12)
}

/// The stream's events (steps that do not fit are left out, as the command service refuses them) and the lines that
/// remain, kept plainly.
fn stream(steps: &[Step], way: Way) -> (Vec<OrderEvent>, Vec<(Uuid, i64)>) {
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
struct Way {
    states: usize,
    cancelled: bool,
}

impl Way {
    fn of_an_order_with(self, lines: &[(Uuid, i64)]) -> Self {
        let states = if lines.is_empty() { 0 } else { self.states };
        let cancelled = self.cancelled && states <= 2;
        Self { states, cancelled }
    }

    fn events(self, lines: &[(Uuid, i64)]) -> Vec<OrderEvent> {
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

    fn status(self) -> OrderStatus {
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

fn price(product: Uuid) -> i64 {
    100 + PRODUCTS.iter().position(|id| *id == product).unwrap() as i64
}

fn total(lines: &[(Uuid, i64)]) -> i64 {
    lines.iter().map(|(id, quantity)| price(*id) * quantity).sum()
}

/// Through JSON each time, as it goes through a store.
fn restored(projection: &Projection) -> Projection {
    let body: Value = serde_json::from_str(&projection.to_json().unwrap()).unwrap();
    Projection::from_json(Kind::Order, ORDER, body).unwrap()
}

/// Each index at least once, in any order.
fn deliveries(events: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..events, 0..events).prop_flat_map(move |again| {
        let all: Vec<usize> = (0..events).chain(again).collect();
        Just(all).prop_shuffle()
    })
}

/// A stream's events, the lines that remain, how far the order gets, and how the events are delivered.
type History = (Vec<OrderEvent>, Vec<(Uuid, i64)>, Way, Vec<usize>);

fn histories() -> impl Strategy<Value = History> {
    (steps(), 0..5usize, any::<bool>()).prop_flat_map(|(steps, states, cancelled)| {
        let way = Way { states, cancelled };
        let (events, lines) = stream(&steps, way);
        let deliveries = deliveries(events.len());
        let way = way.of_an_order_with(&lines);
        (Just(events), Just(lines), Just(way), deliveries)
    })
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_a_stream_ends_in_one_document((events, lines, way, deliveries) in histories()) {
        let mut projection = Projection::new(Kind::Order, ORDER);
        let mut seen = std::collections::HashSet::new();
        for delivery in deliveries {
            let event = Event::Order(events[delivery].clone());
            let version = delivery as u64 + 1;
            let before = projection.version();
            let applied = projection
                .apply(&metadata(AggregateType::Order, ORDER, version, &event), &event, Draining::All)
                .unwrap();
            prop_assert_eq!(applied == Applied::Duplicate, !seen.insert(version));
            prop_assert!(projection.version() >= before);
            let first_missing = (1..).find(|version| !seen.contains(version)).unwrap();
            prop_assert_eq!(projection.version(), first_missing - 1);
            projection = restored(&projection);
        }
        let order = projection.order().unwrap();
        prop_assert_eq!(projection.parked(), 0);
        prop_assert_eq!(order.version, events.len() as u64);
        let shown: Vec<_> = order.items.iter().map(|item| (item.product_id, item.quantity)).collect();
        prop_assert_eq!(&shown, &lines);
        prop_assert_eq!(order.item_count as usize, lines.len());
        let expected_total = (!lines.is_empty()).then(|| money(total(&lines)));
        prop_assert_eq!(&order.total, &expected_total);
        prop_assert_eq!(order.status, way.status());
        let invoice = (way.states > 0).then(|| Uuid::new_v5(&ORDER, b"invoice"));
        prop_assert_eq!(order.invoice_id, invoice);
        prop_assert_eq!(order.tracking_number.as_deref(), (way.states > 2).then_some("1Z"));
        prop_assert_eq!(order.cancellation_reason.as_deref(), way.cancelled.then_some("Ordered twice"));
        prop_assert_eq!(order.updated_at, at(events.len() as u64));
        prop_assert_eq!(order.created_at, at(1));
    }

    /// Renamings come to the order by themselves; an order that links a name anew is compared with its source.
    #[test]
    fn renamings_at_any_moment_end_in_the_last_name(
        (events, _, _, deliveries) in histories(),
        renamings in prop::collection::vec((0..4usize, 2..6u64, any::<prop::sample::Index>()), 0..12),
    ) {
        let mut projection = Projection::new(Kind::Order, ORDER);
        let sources = [
            NameSource::Customer(CUSTOMER),
            NameSource::Product(PRODUCTS[0]),
            NameSource::Product(PRODUCTS[1]),
            NameSource::Product(PRODUCTS[2]),
        ];
        let name = |version: u64| format!("name as of {version}");
        let mut current = [1; 4];
        for (step, delivery) in deliveries.iter().enumerate() {
            for (source, version, when) in &renamings {
                if when.index(deliveries.len()) == step {
                    current[*source] = current[*source].max(*version);
                    // Also a renaming that comes late is carried on.
                    projection.apply_name(sources[*source], &name(*version), *version);
                }
            }
            let event = Event::Order(events[*delivery].clone());
            projection
                .apply(&metadata(AggregateType::Order, ORDER, *delivery as u64 + 1, &event), &event, Draining::All)
                .unwrap();
            // What the projector does after an order's write.
            for (source, now) in sources.iter().zip(current) {
                if now > 1 {
                    projection.apply_name(*source, &name(now), now);
                }
            }
            projection = restored(&projection);
        }
        let order = projection.order().unwrap();
        for (source, version) in order.names() {
            let at = sources.iter().position(|found| *found == source).unwrap();
            prop_assert_eq!(version, current[at]);
        }
        if current[0] > 1 {
            prop_assert_eq!(&order.customer_name, &name(current[0]));
        }
        for item in &order.items {
            let at = PRODUCTS.iter().position(|id| *id == item.product_id).unwrap() + 1;
            if current[at] > 1 {
                prop_assert_eq!(&item.product_name, &name(current[at]));
            }
        }
    }
}

fn apply(
    order: &mut Sequenced<OrderDocument>,
    version: u64,
    event: impl Into<OrderEvent>,
) -> Result<Applied, String> {
    let event = event.into();
    let whole = Event::Order(event.clone());
    order
        .apply(
            &metadata(AggregateType::Order, ORDER, version, &whole),
            &event,
            Draining::All,
        )
        .map_err(|error| error.to_string())
}

fn created() -> OrderCreatedV1 {
    OrderCreatedV1 {
        order_id: ORDER,
        customer_id: CUSTOMER,
        customer_name: "Ada".into(),
        customer_version: 1,
    }
}

fn added(quantity: i32, unit_price: Money) -> OrderItemAddedV1 {
    OrderItemAddedV1 {
        order_id: ORDER,
        product_id: PRODUCTS[0],
        product_name: "Engine".into(),
        product_version: 1,
        quantity,
        unit_price,
    }
}

#[test]
fn an_overflow_leaves_the_document_as_it_was() {
    let mut order = Sequenced::new(ORDER);
    apply(&mut order, 1, created()).unwrap();
    apply(&mut order, 2, added(1, money(i64::MAX))).unwrap();
    let before = order.clone();
    assert!(apply(&mut order, 3, added(1, money(i64::MAX))).is_err());
    assert_eq!(order, before);
}

#[test]
fn an_event_of_another_stream_is_no_part_of_it() {
    let mut order = Sequenced::new(PRODUCTS[0]);
    assert!(apply(&mut order, 1, created()).is_err());
}

#[test]
fn what_does_not_fold_after_it_was_parked_stays_and_holds_the_document_where_it_is() {
    let mut order = Sequenced::new(ORDER);
    let removed = OrderItemRemovedV1 {
        order_id: ORDER,
        product_id: PRODUCTS[1],
    };
    assert_eq!(apply(&mut order, 2, removed), Ok(Applied::Parked));
    let applied = apply(&mut order, 1, created()).unwrap();
    assert!(matches!(
        applied,
        Applied::Folded {
            drained: 0,
            stuck: Some(_)
        }
    ));
    assert_eq!((order.version(), order.parked()), (1, 1));
    // The command service sends that version again, whole this time.
    let applied = apply(&mut order, 2, added(1, money(5))).unwrap();
    assert_eq!(
        applied,
        Applied::Folded {
            drained: 0,
            stuck: None
        }
    );
    assert_eq!((order.version(), order.parked()), (2, 0));
}

#[test]
fn what_can_be_parked_is_bounded() {
    let mut order = Sequenced::new(ORDER);
    let parked = (2..5_000).take_while(|version| apply(&mut order, *version, added(1, money(5))).is_ok());
    assert_eq!(parked.count(), read_model::sequenced::MAX_PARKED);
}

#[test]
fn a_parked_event_of_an_earlier_build_is_still_read() {
    let stored = r#"{"id":"00000000-0000-0000-0000-000000000001","version":0,"parked":{"2":{
        "event_type":"ordering.orders.OrderItemRemovedV1",
        "body":"SDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMUgwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMGE=",
        "event_id":"00000000-0000-0002-0000-000000000001","occurred_at":"2023-11-14T22:13:20.002Z","actor":"anonymous",
        "command_id":"00000000-0000-0000-0000-000000000000","causation_id":"00000000-0000-0000-0000-000000000000",
        "correlation_id":"00000000-0000-0000-0000-000000000000"}}}"#;
    let mut order = Sequenced::new(ORDER);
    let removed = OrderItemRemovedV1 {
        order_id: ORDER,
        product_id: PRODUCTS[0],
    };
    apply(&mut order, 2, removed).unwrap();
    let stored: Value = serde_json::from_str(stored).unwrap();
    let now: Value = serde_json::from_str(&order.to_json().unwrap()).unwrap();
    assert_eq!(now, stored);
    assert_eq!(Sequenced::from_json(ORDER, stored).unwrap(), order);
}
