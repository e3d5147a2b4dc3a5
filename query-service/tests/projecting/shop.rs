//! A story that is told in every topic, and what it should come to by a fold of the tests' own.

use std::collections::BTreeMap;

use query_service::application::ports::NameSource;
use serde_json::{Value, json};
use shared_events::event::*;
use shared_events::{Event, InvoiceEvent, OrderEvent, OrderForDeliveryEvent};
use uuid::Uuid;

use super::events::*;
use super::world::World;
use read_model::Kind;

pub const ADA: u128 = 1;
pub const ENGINE: u128 = 11;
pub const LOOM: u128 = 12;

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Submitted,
    Confirmed,
    Delivered,
    CancelledUnpaid,
    CancelledWhenConfirmed,
}

pub fn invoice_of(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"invoice")
}

/// All that is told of one order of Ada's, topic by topic in the order of their versions.
pub fn order(n: u128, end: End) -> Vec<Told> {
    let order = id(n);
    let quantity = (n % 7 + 1) as i32;
    let total = euros(2 * 250 + i64::from(quantity) * 250);
    let mut all = vec![
        created(order, id(ADA), "Ada"),
        item_added(order, 2, id(ENGINE), "Engine"),
        item_added(order, 3, id(LOOM), "Loom"),
        quantity_changed(order, 4, id(LOOM), quantity),
        told(
            order,
            5,
            OrderEvent::from(OrderSubmittedV1 {
                order_id: order,
                total: total.clone(),
            }),
        ),
    ];
    all.extend(invoice(n, end, &total));
    if matches!(end, End::Confirmed | End::Delivered | End::CancelledWhenConfirmed) {
        let confirmed = OrderConfirmedV1 {
            order_id: order,
            total: total.clone(),
        };
        all.push(told(order, 6, OrderEvent::from(confirmed)));
        let for_delivery = OrderConfirmedForDeliveryV1 {
            order_id: order,
            delivery_address: address(),
            lines: vec![DeliveryLine {
                product_id: id(ENGINE),
                product_name: "Engine".into(),
                quantity: 2,
                size: None,
                weight_grams: Some(700),
            }],
        };
        all.push(told(order, 1, OrderForDeliveryEvent::from(for_delivery)));
    }
    let cancelled = |from: &str| OrderCancelledV1 {
        order_id: order,
        reason: "Ordered twice".into(),
        cancelled_from: from.into(),
    };
    match end {
        End::Submitted | End::Confirmed => {}
        End::Delivered => {
            let tracking_number = format!("1Z {n}");
            all.extend([
                told(
                    order,
                    7,
                    OrderEvent::from(OrderShippedV1 {
                        order_id: order,
                        tracking_number,
                    }),
                ),
                told(order, 8, OrderEvent::from(OrderDeliveredV1 { order_id: order })),
            ]);
        }
        End::CancelledUnpaid => all.push(told(order, 6, OrderEvent::from(cancelled("submitted")))),
        End::CancelledWhenConfirmed => {
            let for_delivery = OrderCancelledForDeliveryV1 { order_id: order };
            all.extend([
                told(order, 7, OrderEvent::from(cancelled("confirmed"))),
                told(order, 2, OrderForDeliveryEvent::from(for_delivery)),
            ]);
        }
    }
    all
}

fn invoice(n: u128, end: End, total: &Money) -> Vec<Told> {
    let (order_id, invoice_id) = (id(n), invoice_of(id(n)));
    let issued = InvoiceIssuedV1 {
        invoice_id,
        number: n as i64,
        order_id,
        customer_id: id(ADA),
        billing_address: address(),
        lines: Vec::new(),
        total: total.clone(),
    };
    let mut all = vec![told(invoice_id, 1, InvoiceEvent::from(issued))];
    let is_paid = matches!(end, End::Confirmed | End::Delivered | End::CancelledWhenConfirmed);
    if is_paid {
        let received = InvoicePaymentReceivedV1 {
            invoice_id,
            amount: total.clone(),
            reference: "a bank transfer".into(),
            paid: total.clone(),
        };
        all.extend([
            told(invoice_id, 2, InvoiceEvent::from(received)),
            told(
                invoice_id,
                3,
                InvoiceEvent::from(InvoicePaidV1 { invoice_id, order_id }),
            ),
        ]);
    }
    if matches!(end, End::CancelledUnpaid | End::CancelledWhenConfirmed) {
        let credited = CreditNoteIssuedV1 {
            invoice_id,
            number: n as i64,
            order_id,
            total: total.clone(),
        };
        let version = all.len() as u64 + 1;
        all.push(told(invoice_id, version, InvoiceEvent::from(credited)));
    }
    all
}

/// With Ada, who is renamed, and two products, of which one is.
pub fn story() -> Vec<Told> {
    let mut all = vec![
        registered(id(ADA), "Ada"),
        customer_renamed(id(ADA), 2, "Ada Byron"),
        customer_renamed(id(ADA), 3, "Ada King"),
        product_added(id(ENGINE), "Engine"),
        product_added(id(LOOM), "Loom"),
        price_changed(id(ENGINE), 2, 300),
        product_renamed(id(ENGINE), 3, "Analytical engine"),
    ];
    for (n, end) in [
        (101, End::Submitted),
        (102, End::Confirmed),
        (103, End::Delivered),
        (104, End::CancelledUnpaid),
        (105, End::CancelledWhenConfirmed),
    ] {
        all.extend(order(n, end));
    }
    all
}

/// What the story comes to, by nothing that the service has.
pub fn expected(story: &[Told]) -> BTreeMap<(Kind, Uuid), Value> {
    let mut all: BTreeMap<(Kind, Uuid), Value> = BTreeMap::new();
    let mut events: Vec<&Told> = story.iter().collect();
    events.sort_by_key(|told| (told.event.aggregate(), told.id, told.version));
    let mut quantities: BTreeMap<(Uuid, Uuid), i64> = BTreeMap::new();
    for told in events {
        let id = told.id;
        let mut set = |kind: Kind, id: Uuid, pairs: &[(&str, Value)]| {
            let document = all.entry((kind, id)).or_insert_with(|| json!({}));
            for (name, value) in pairs {
                document[*name] = value.clone();
            }
        };
        match &told.event {
            Event::Customer(_) => set(Kind::Customer, id, &[("version", told.version.into())]),
            Event::Product(_) => set(Kind::Product, id, &[("version", told.version.into())]),
            Event::Order(event) => {
                let status = match event {
                    OrderEvent::Submitted(_) => "submitted",
                    OrderEvent::Confirmed(_) => "confirmed",
                    OrderEvent::Shipped(_) => "shipped",
                    OrderEvent::Delivered(_) => "delivered",
                    OrderEvent::Cancelled(_) => "cancelled",
                    _ => "draft",
                };
                match event {
                    OrderEvent::ItemAdded(added) => {
                        *quantities.entry((id, added.product_id)).or_default() += i64::from(added.quantity);
                    }
                    OrderEvent::ItemQuantityChanged(changed) => {
                        quantities.insert((id, changed.product_id), i64::from(changed.quantity));
                    }
                    _ => {}
                }
                let pieces: i64 = quantities
                    .iter()
                    .filter(|((of, _), _)| *of == id)
                    .map(|(_, quantity)| quantity)
                    .sum();
                let total = json!({"amount": pieces * 250, "currency": "EUR"});
                set(
                    Kind::Order,
                    id,
                    &[
                        ("version", told.version.into()),
                        ("status", status.into()),
                        ("total", if pieces > 0 { total } else { Value::Null }),
                        ("customer_name", "Ada King".into()),
                    ],
                );
                set(
                    Kind::Sale,
                    id,
                    &[("version", told.version.into()), ("status", status.into())],
                );
                let entry = Uuid::new_v5(&id, told.version.to_string().as_bytes());
                set(
                    Kind::OrderHistory,
                    entry,
                    &[("order_id", json!(id)), ("version", told.version.into())],
                );
                let delivery = match event {
                    OrderEvent::Confirmed(_) => Some("requested"),
                    OrderEvent::Shipped(_) => Some("shipped"),
                    OrderEvent::Delivered(_) => Some("delivered"),
                    OrderEvent::Cancelled(cancelled) if cancelled.cancelled_from == "confirmed" => {
                        Some("cancelled")
                    }
                    _ => None,
                };
                if let Some(status) = delivery {
                    set(
                        Kind::Delivery,
                        id,
                        &[("status", status.into()), ("order_version", told.version.into())],
                    );
                }
            }
            Event::OrderForDelivery(_) => set(Kind::Delivery, id, &[("version", told.version.into())]),
            Event::Invoice(event) => {
                let status = match event {
                    InvoiceEvent::Issued(_) | InvoiceEvent::PaymentReceived(_) => "issued",
                    InvoiceEvent::Paid(_) => "paid",
                    InvoiceEvent::CreditNoteIssued(_) => "credited",
                };
                set(
                    Kind::InvoiceAccount,
                    id,
                    &[("version", told.version.into()), ("status", status.into())],
                );
                if let InvoiceEvent::Issued(issued) = event {
                    set(Kind::Invoice, id, &[("number", issued.number.into())]);
                }
            }
            Event::OrderForInvoicing(_) => {}
        }
    }
    all
}

/// Every document is there and says what the fold of the tests says, and there is no other.
pub fn assert_as_expected(world: &World, story: &[Told]) {
    let expected = expected(story);
    for kind in Kind::ALL {
        let found = world.documents(kind);
        let ids: Vec<_> = expected
            .keys()
            .filter(|(of, _)| *of == kind)
            .map(|(_, id)| *id)
            .collect();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), ids, "{kind}");
        for (id, document) in found {
            for (name, value) in expected[&(kind, id)].as_object().expect("fields") {
                assert_eq!(&document[name], value, "{kind} {id} {name}: {document:#}");
            }
            assert!(document.get("waits_since").is_none(), "{kind} {id} waits");
            assert!(document.get("parked").is_none(), "{kind} {id} has parked events");
        }
    }
    let shown = &world.order(id(101))["items"][0]["product_name"];
    assert_eq!(shown, "Analytical engine");
    let sources = [NameSource::Customer(id(ADA)), NameSource::Product(id(ENGINE))];
    for (source, kind) in sources.into_iter().zip([Kind::Customer, Kind::Product]) {
        let (NameSource::Customer(id) | NameSource::Product(id)) = source;
        assert_eq!(world.document(kind, id)["propagated_version"], 3);
    }
}
