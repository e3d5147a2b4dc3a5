//! Whatever the domain can say is written and read back.

use std::fmt::Debug;

use command_service::application::codec::integration::told_records;
use command_service::application::codec::{Recorded, decode, encode};
use command_service::application::ports::StoredEvent;
use domain::customer::CustomerEvent;
use domain::invoicing::{InvoiceEvent, InvoiceLine};
use domain::order::{OrderEvent, OrderStatus};
use domain::ordering::told::{
    LineForDelivery, LineForInvoicing, Messages, OrderForDelivery, OrderForInvoicing, Told,
};
use domain::product::ProductEvent;
use domain::testing::{an_address, eur, name, product_id, quantity, size, weight};
use domain::{Customer, Invoice, Name, Order, OrderId, Product};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use crate::values::*;

fn customer_events() -> impl Strategy<Value = CustomerEvent> {
    prop_oneof![
        (
            names(),
            option::of(emails()),
            addresses(),
            option::of(addresses())
        )
            .prop_map(
                |(name, email, billing_address, delivery_address)| CustomerEvent::Registered {
                    name,
                    email,
                    billing_address,
                    delivery_address,
                }
            ),
        names().prop_map(|name| CustomerEvent::Renamed { name }),
        addresses().prop_map(|billing_address| CustomerEvent::BillingAddressChanged { billing_address }),
        addresses().prop_map(|delivery_address| CustomerEvent::DeliveryAddressChanged { delivery_address }),
    ]
}

fn product_events() -> impl Strategy<Value = ProductEvent> {
    prop_oneof![
        (names(), unit_prices(), option::of(sizes()), option::of(weights())).prop_map(
            |(name, unit_price, size, weight)| ProductEvent::Added {
                name,
                unit_price,
                size,
                weight,
            }
        ),
        names().prop_map(|name| ProductEvent::Renamed { name }),
        unit_prices().prop_map(|unit_price| ProductEvent::PriceChanged { unit_price }),
        (sizes(), weights()).prop_map(|(size, weight)| ProductEvent::DimensionsChanged { size, weight }),
        Just(ProductEvent::Discontinued),
    ]
}

fn order_events() -> impl Strategy<Value = OrderEvent> {
    prop_oneof![
        (ids(), names(), versions()).prop_map(|(customer_id, customer_name, customer_version)| {
            OrderEvent::Created {
                customer_id: customer_id.into(),
                customer_name,
                customer_version,
            }
        }),
        (ids(), names(), versions(), quantities(), unit_prices()).prop_map(
            |(product_id, product_name, product_version, quantity, unit_price)| OrderEvent::ItemAdded {
                product_id: product_id.into(),
                product_name,
                product_version,
                quantity,
                unit_price,
            }
        ),
        (ids(), quantities()).prop_map(|(product_id, quantity)| OrderEvent::ItemQuantityChanged {
            product_id: product_id.into(),
            quantity,
        }),
        ids().prop_map(|product_id| OrderEvent::ItemRemoved {
            product_id: product_id.into(),
        }),
        amounts().prop_map(|total| OrderEvent::Submitted { total }),
        amounts().prop_map(|total| OrderEvent::Confirmed { total }),
        tracking_numbers().prop_map(|tracking_number| OrderEvent::Shipped { tracking_number }),
        Just(OrderEvent::Delivered),
        (reasons(), proptest::sample::select(&OrderStatus::ALL[..])).prop_map(|(reason, cancelled_from)| {
            OrderEvent::Cancelled {
                reason,
                cancelled_from,
            }
        }),
    ]
}

fn invoice_lines() -> impl Strategy<Value = InvoiceLine> {
    (ids(), names(), quantities(), unit_prices(), amounts()).prop_map(
        |(product_id, product_name, quantity, unit_price, subtotal)| InvoiceLine {
            product_id: product_id.into(),
            product_name,
            quantity,
            unit_price,
            subtotal,
        },
    )
}

fn invoice_events() -> impl Strategy<Value = InvoiceEvent> {
    let issued = (
        invoice_numbers(),
        ids(),
        ids(),
        addresses(),
        vec(invoice_lines(), 0..4),
        amounts(),
    );
    prop_oneof![
        issued.prop_map(|(number, order_id, customer_id, billing_address, lines, total)| {
            InvoiceEvent::Issued {
                number,
                order_id: order_id.into(),
                customer_id: customer_id.into(),
                billing_address,
                lines,
                total,
            }
        }),
        (payments(), references(), amounts()).prop_map(|(amount, reference, paid)| {
            InvoiceEvent::PaymentReceived {
                amount,
                reference,
                paid,
            }
        }),
        ids().prop_map(|order_id| InvoiceEvent::Paid {
            order_id: order_id.into(),
        }),
        (credit_note_numbers(), ids(), amounts()).prop_map(|(number, order_id, total)| {
            InvoiceEvent::CreditNoteIssued {
                number,
                order_id: order_id.into(),
                total,
            }
        }),
    ]
}

fn round_trip<A>(id: A::Id, event: &A::Event) -> Result<(), TestCaseError>
where
    A: Recorded,
    A::Event: Debug + PartialEq,
{
    let encoded = encode::<A>(id, event).unwrap();
    prop_assert!(encoded.event_type.starts_with(A::TYPE.topic()));
    prop_assert!(
        !encoded.event_type.ends_with("CustomerRegisteredV1"),
        "written by earlier builds only"
    );
    let stored = StoredEvent {
        version: 1,
        event_type: encoded.event_type.to_owned(),
        payload: encoded.payload,
    };
    prop_assert_eq!(&decode::<A>(id, &stored).unwrap(), event);
    Ok(())
}

proptest! {
    #[test]
    fn customers(id in ids(), event in customer_events()) {
        round_trip::<Customer>(id.into(), &event)?;
    }

    #[test]
    fn products(id in ids(), event in product_events()) {
        round_trip::<Product>(id.into(), &event)?;
    }

    #[test]
    fn orders(id in ids(), event in order_events()) {
        round_trip::<Order>(id.into(), &event)?;
    }

    #[test]
    fn invoices(id in ids(), event in invoice_events()) {
        round_trip::<Invoice>(id.into(), &event)?;
    }

    /// Bytes from anywhere are an event or an error.
    #[test]
    fn any_bytes(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
        for event_type in ["ordering.orders.OrderItemAddedV1", "ordering.orders.OrderSubmittedV1"] {
            let stored = StoredEvent { version: 1, event_type: event_type.to_owned(), payload: payload.clone() };
            let _ = decode::<Order>(Uuid::nil().into(), &stored);
        }
    }
}

#[test]
fn a_version_beyond_the_stores_range_is_an_error() {
    let event = OrderEvent::Created {
        customer_id: Uuid::nil().into(),
        customer_name: Name::new("Ada").unwrap(),
        customer_version: u64::MAX,
    };
    assert!(encode::<Order>(Uuid::nil().into(), &event).is_err());
}

#[test]
fn a_status_that_does_not_exist_is_an_error() {
    let record = shared_events::event::OrderCancelledV1 {
        order_id: Uuid::nil(),
        reason: "Ordered twice".to_owned(),
        cancelled_from: "forgotten".to_owned(),
    };
    let cancelled = shared_events::OrderEvent::from(record);
    let stored = StoredEvent {
        version: 1,
        event_type: cancelled.event_type().to_owned(),
        payload: cancelled.encode().unwrap(),
    };
    assert_eq!(
        decode::<Order>(Uuid::nil().into(), &stored)
            .unwrap_err()
            .to_string(),
        "there is no status \"forgotten\""
    );
}

/// The record with its stream and version, after its way through Avro.
fn published(order_id: OrderId, messages: Messages) -> Vec<(AggregateType, Uuid, u64, serde_json::Value)> {
    told_records(order_id, messages)
        .unwrap()
        .into_iter()
        .map(|told| {
            let schema = shared_events::WriterSchema::of_type(told.event.event_type).unwrap();
            let read = Event::decode(told.stream.aggregate, schema, &told.event.payload).unwrap();
            let value = serde_json::to_value(read).unwrap();
            (told.stream.aggregate, told.stream.id, told.version, value)
        })
        .collect()
}

fn address_json() -> serde_json::Value {
    json!({
        "name": "Ada", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London", "country": "GB",
    })
}

/// Whole, so that nothing that is not the receiver's business slips in.
#[test]
fn what_invoicing_is_told() {
    let id = Uuid::from_u128(7);
    let customer_id = Uuid::from_u128(8);
    let submitted = Messages {
        for_invoicing: Some(Told {
            sequence: 1,
            message: OrderForInvoicing::Submitted {
                customer_id: customer_id.into(),
                billing_address: an_address("Ada"),
                lines: vec![LineForInvoicing {
                    product_id: product_id(1),
                    product_name: name("Engine"),
                    quantity: quantity(3),
                    unit_price: eur(1999),
                }],
            },
        }),
        for_delivery: None,
    };
    let value = json!({
        "order_id": id, "customer_id": customer_id, "billing_address": address_json(),
        "lines": [{
            "product_id": product_id(1).uuid(), "product_name": "Engine", "quantity": 3,
            "unit_price": {"amount": 1999, "currency": "EUR"},
        }],
    });
    assert_eq!(
        published(id.into(), submitted),
        [(AggregateType::OrderForInvoicing, id, 1, value)]
    );
}

#[test]
fn what_delivery_is_told() {
    let id = Uuid::from_u128(7);
    let line = |product, size, weight| LineForDelivery {
        product_id: product_id(product),
        product_name: name("Engine"),
        quantity: quantity(3),
        size,
        weight,
    };
    let confirmed = Messages {
        for_invoicing: None,
        for_delivery: Some(Told {
            sequence: 1,
            message: OrderForDelivery::Confirmed {
                delivery_address: an_address("Ada"),
                lines: vec![
                    line(1, Some(size(300, 200, 100)), Some(weight(2500))),
                    line(2, None, None),
                ],
            },
        }),
    };
    let value = json!({
        "order_id": id, "delivery_address": address_json(),
        "lines": [
            {
                "product_id": product_id(1).uuid(), "product_name": "Engine", "quantity": 3,
                "size": {"length_mm": 300, "width_mm": 200, "height_mm": 100}, "weight_grams": 2500,
            },
            {
                "product_id": product_id(2).uuid(), "product_name": "Engine", "quantity": 3,
                "size": null, "weight_grams": null,
            },
        ],
    });
    assert_eq!(
        published(id.into(), confirmed),
        [(AggregateType::OrderForDelivery, id, 1, value)]
    );
}

#[test]
fn both_are_told_of_a_cancellation() {
    let id = Uuid::from_u128(7);
    let cancelled = Messages {
        for_invoicing: Some(Told {
            sequence: 2,
            message: OrderForInvoicing::Cancelled,
        }),
        for_delivery: Some(Told {
            sequence: 2,
            message: OrderForDelivery::Cancelled,
        }),
    };
    let value = json!({ "order_id": id });
    assert_eq!(
        published(id.into(), cancelled),
        [
            (AggregateType::OrderForInvoicing, id, 2, value.clone()),
            (AggregateType::OrderForDelivery, id, 2, value),
        ]
    );
}
