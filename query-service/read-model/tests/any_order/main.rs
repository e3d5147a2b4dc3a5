//! Whatever order and however often the events of an order, its customer and its product come, the order's document ends
//! the same, and equal to a fold that knows neither parking nor versions of names. So do the other documents.

// A test that meets what it did not expect ends there.
#![allow(clippy::unwrap_used)]

mod deliveries;
mod others;
mod stream;

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use read_model::{Applied, Draining, Kind, NameSource, OrderDocument, Projection, Sequenced};
use serde_json::Value;
use shared_events::event::*;
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use stream::{CUSTOMER, ORDER, PRODUCTS, at, histories, metadata, money, total};

/// Through JSON each time, as it goes through a store.
fn restored(projection: &Projection) -> Projection {
    let body: Value = serde_json::from_str(&projection.to_json().unwrap()).unwrap();
    Projection::from_json(Kind::Order, ORDER, body).unwrap()
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_a_stream_ends_in_one_document((events, lines, way, deliveries) in histories()) {
        let mut projection = Projection::new(Kind::Order, ORDER);
        let mut seen = HashSet::new();
        let mut came: HashMap<u64, u64> = HashMap::new();
        for (step, delivery) in deliveries.into_iter().enumerate() {
            let event = Event::Order(events[delivery].clone());
            let version = delivery as u64 + 1;
            let before = projection.version();
            let now = *came.entry(version).or_insert(step as u64);
            let applied = projection
                .apply(&metadata(AggregateType::Order, ORDER, version, &event), &event, Draining::All, at(now))
                .unwrap();
            prop_assert_eq!(applied == Applied::Duplicate, !seen.insert(version));
            prop_assert!(projection.version() >= before);
            let first_missing = (1..).find(|version| !seen.contains(version)).unwrap();
            prop_assert_eq!(projection.version(), first_missing - 1);
            let waiting = seen.iter().filter(|version| **version > first_missing).min_by_key(|version| came[version]);
            prop_assert_eq!(projection.waits_since(), waiting.map(|version| at(came[version])));
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
                .apply(&metadata(AggregateType::Order, ORDER, *delivery as u64 + 1, &event), &event, Draining::All, at(1))
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
            at(version),
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
    let mut now: Value = serde_json::from_str(&order.to_json().unwrap()).unwrap();
    let arrived = now["parked"]["2"].as_object_mut().unwrap().remove("arrived_at");
    let since = now.as_object_mut().unwrap().remove("waits_since");
    assert!(arrived.is_some() && arrived == since);
    assert_eq!(now, stored);
    // When it arrived is not known: it has waited since it occurred.
    let restored = Sequenced::<OrderDocument>::from_json(ORDER, stored).unwrap();
    assert_eq!((restored.parked(), restored.waits_since()), (1, Some(at(2))));
}
