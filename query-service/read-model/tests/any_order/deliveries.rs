//! Two streams feed a delivery, and no order between them is promised.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use read_model::{Applied, Delivery, DeliveryDocument, DeliveryStatus, Draining, Kind, Projection};
use serde_json::Value;
use shared_events::event::*;
use shared_events::{AggregateType, Event, EventMetadata, OrderEvent, OrderForDeliveryEvent};

use super::stream::{ORDER, PRODUCTS, Way, at, metadata, stream};

const PIECES: [(i32, Option<i32>); 2] = [(3, Some(200)), (2, Some(50))];

fn address() -> Address {
    Address {
        name: "Ada".into(),
        street: "St James's Square 12".into(),
        postal_code: "SW1Y 4JH".into(),
        city: "London".into(),
        country: "GB".into(),
    }
}

fn told(pieces: &[(i32, Option<i32>)], cancelled: bool) -> Vec<OrderForDeliveryEvent> {
    let lines = pieces.iter().zip(PRODUCTS);
    let lines = lines.map(|((quantity, weight_grams), product_id)| DeliveryLine {
        product_id,
        product_name: "Engine".into(),
        quantity: *quantity,
        size: None,
        weight_grams: *weight_grams,
    });
    let confirmed = OrderConfirmedForDeliveryV1 {
        order_id: ORDER,
        delivery_address: address(),
        lines: lines.collect(),
    };
    let cancelled = cancelled.then(|| OrderCancelledForDeliveryV1 { order_id: ORDER }.into());
    std::iter::once(confirmed.into()).chain(cancelled).collect()
}

/// Both streams of an order that got so far.
fn both(way: Way) -> Vec<(EventMetadata, Event)> {
    let draft = [super::stream::Step::Add {
        product: 0,
        quantity: 3,
    }];
    let (order, _) = stream(&draft, way);
    let mut all = Vec::new();
    for (version, event) in (1..).zip(order) {
        let event = Event::Order(event);
        all.push((metadata(AggregateType::Order, ORDER, version, &event), event));
    }
    if way.states >= 2 {
        for (version, event) in (1..).zip(told(&PIECES, way.cancelled)) {
            let event = Event::OrderForDelivery(event);
            all.push((
                metadata(AggregateType::OrderForDelivery, ORDER, version, &event),
                event,
            ));
        }
    }
    all
}

fn ways() -> impl Strategy<Value = Way> {
    (0..5usize, any::<bool>()).prop_map(|(states, cancelled)| Way {
        states,
        cancelled: cancelled && states <= 2,
    })
}

fn shuffled() -> impl Strategy<Value = (Way, Vec<usize>)> {
    ways().prop_flat_map(|way| (Just(way), super::stream::deliveries(both(way).len())))
}

fn document(projection: &Projection) -> DeliveryDocument {
    serde_json::from_str(&projection.to_json().unwrap()).unwrap()
}

fn apply(
    projection: &mut Projection,
    metadata: &EventMetadata,
    event: &Event,
    now: DateTime<Utc>,
) -> Applied {
    let applied = projection.apply(metadata, event, Draining::All, now).unwrap();
    let body: Value = serde_json::from_str(&projection.to_json().unwrap()).unwrap();
    let restored = Projection::from_json(Kind::Delivery, ORDER, body).unwrap();
    assert_eq!(&restored, projection);
    applied
}

proptest! {
    #[test]
    fn a_delivery_ends_the_same_however_its_two_streams_are_mixed((way, deliveries) in shuffled()) {
        let events = both(way);
        let mut projection = Projection::new(Kind::Delivery, ORDER);
        let mut begun = false;
        for (step, at_index) in deliveries.into_iter().enumerate() {
            let (metadata, event) = &events[at_index];
            let Some(target) = Kind::Delivery.target(metadata, event) else {
                continue;
            };
            prop_assert_eq!(target, ORDER);
            begun = true;
            let before = projection.version();
            let order_before = document(&projection).order_version;
            apply(&mut projection, metadata, event, at(step as u64));
            prop_assert!(projection.version() >= before);
            prop_assert!(document(&projection).order_version >= order_before);
            // Whatever the order says of its delivery, delivery has been told something before, or will be.
            let untold = projection.version() == 0 && document(&projection).order_version > 0;
            prop_assert_eq!(projection.waits_since().is_some(), untold || projection.parked() > 0);
        }
        prop_assert_eq!(begun, way.states >= 2, "an order that was never confirmed has no delivery");
        if !begun {
            return Ok(());
        }
        let delivery = document(&projection);
        prop_assert_eq!(projection.parked(), 0);
        prop_assert_eq!(delivery.version, 1 + u64::from(way.cancelled));
        prop_assert_eq!(delivery.order_version, (2 + way.states + usize::from(way.cancelled)) as u64);
        prop_assert_eq!(delivery.delivery_address, Some(address()));
        prop_assert_eq!(delivery.lines.len(), PIECES.len());
        prop_assert_eq!(delivery.total_weight_grams, Some(700));
        let shipped = way.states > 2;
        prop_assert_eq!(delivery.tracking_number.as_deref(), shipped.then_some("1Z"));
        let status = match (way.states, way.cancelled) {
            (_, true) => DeliveryStatus::Cancelled,
            (2, _) => DeliveryStatus::Requested,
            (3, _) => DeliveryStatus::Shipped,
            _ => DeliveryStatus::Delivered,
        };
        prop_assert_eq!(delivery.status, status);
        prop_assert_eq!(delivery.created_at, Some(at(1)));
        prop_assert_eq!(delivery.updated_at, Some(at(delivery.order_version)));
    }
}

fn order_event(version: u64, event: impl Into<OrderEvent>) -> (EventMetadata, Event) {
    let event = Event::Order(event.into());
    (metadata(AggregateType::Order, ORDER, version, &event), event)
}

#[test]
fn a_late_shipment_still_tells_its_tracking_number() {
    let mut delivery = Projection::new(Kind::Delivery, ORDER);
    let shipped = OrderShippedV1 {
        order_id: ORDER,
        tracking_number: "1Z".into(),
    };
    for (metadata, event) in [
        order_event(5, OrderDeliveredV1 { order_id: ORDER }),
        order_event(4, shipped),
    ] {
        let applied = apply(&mut delivery, &metadata, &event, at(9));
        assert!(matches!(applied, Applied::Folded { .. }));
        assert_eq!(apply(&mut delivery, &metadata, &event, at(9)), Applied::Duplicate);
    }
    let shown = document(&delivery);
    assert_eq!(shown.tracking_number.as_deref(), Some("1Z"));
    assert_eq!(
        (shown.status, shown.order_version),
        (DeliveryStatus::Delivered, 5)
    );
    assert_eq!(
        shown.version, 0,
        "delivery has been told nothing yet: there is nothing to show"
    );
    assert_eq!(
        delivery.waits_since(),
        Some(at(9)),
        "what it was told may be lost"
    );
}

#[test]
fn a_weight_that_is_not_known_leaves_the_whole_unknown() {
    let mut delivery = Delivery::new(ORDER);
    let event = told(&[(3, Some(200)), (1, None)], false).remove(0);
    let whole = Event::OrderForDelivery(event.clone());
    let metadata = metadata(AggregateType::OrderForDelivery, ORDER, 1, &whole);
    delivery
        .apply_told(&metadata, &event, Draining::All, at(1))
        .unwrap();
    assert_eq!(delivery.document().total_weight_grams, None);
}
