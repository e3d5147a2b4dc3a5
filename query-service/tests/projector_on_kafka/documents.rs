//! What the documents of each kind hold in the end, on real servers: their mappings take every field.

use read_model::Kind;
use serde_json::json;
use shared_events::event::*;
use shared_events::{AggregateType, CustomerEvent, OrderEvent, ProductEvent};

use super::events::*;
use super::kafka::Sent;
use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orders_way_and_what_changed_of_its_masters_end_in_the_documents() {
    let world = World::with(&Kind::ALL).await;
    let running = world.start();
    let (customer_id, product_id, order_id) = (id(1), id(11), id(1_000));
    let moved = Address {
        street: "Ockham Park".into(),
        ..address()
    };
    let customer = |version, event: CustomerEvent| told(customer_id, version, event);
    let product = |version, event: ProductEvent| told(product_id, version, event);
    let order = |version, event: OrderEvent| told(order_id, version, event);
    let size = Size {
        length_mm: 10,
        width_mm: 20,
        height_mm: 30,
    };
    let billing_address = moved.clone();
    // The cancellation overtakes what it cancels.
    world
        .produce(&[
            registered(customer_id, "Ada"),
            customer(
                2,
                CustomerBillingAddressChangedV1 {
                    customer_id,
                    billing_address,
                }
                .into(),
            ),
            customer(
                3,
                CustomerDeliveryAddressChangedV1 {
                    customer_id,
                    delivery_address: address(),
                }
                .into(),
            ),
            product_added(product_id, "Engine"),
            product(
                2,
                ProductDimensionsChangedV1 {
                    product_id,
                    size,
                    weight_grams: 400,
                }
                .into(),
            ),
            product(3, ProductDiscontinuedV1 { product_id }.into()),
            order(
                5,
                OrderCancelledV1 {
                    order_id,
                    reason: "Ordered twice".into(),
                    cancelled_from: "confirmed".into(),
                }
                .into(),
            ),
            created(order_id, customer_id, "Ada"),
            item_added(order_id, 2, product_id, "Engine"),
            order(
                4,
                OrderConfirmedV1 {
                    order_id,
                    total: euros(500),
                }
                .into(),
            ),
            order(
                3,
                OrderSubmittedV1 {
                    order_id,
                    total: euros(500),
                }
                .into(),
            ),
        ])
        .await;
    world.until_versions(Kind::Order, [(order_id, 5)]).await;
    world.until_versions(Kind::Customer, [(customer_id, 3)]).await;
    world.until_versions(Kind::Product, [(product_id, 3)]).await;
    let shown = world.document(Kind::Order, order_id).await;
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(shown["cancellation_reason"], "Ordered twice");
    assert_eq!(
        shown["invoice_id"],
        json!(uuid::Uuid::new_v5(&order_id, b"invoice"))
    );
    let shown = world.document(Kind::Customer, customer_id).await;
    assert_eq!(shown["billing_address"], json!(moved));
    assert_eq!(shown["delivery_address"], json!(address()));
    let shown = world.document(Kind::Product, product_id).await;
    assert_eq!(
        (&shown["size"], &shown["weight_grams"]),
        (&json!(size), &json!(400))
    );
    assert_eq!(shown["discontinued"], true);

    let sent_away = id(1_001);
    world
        .produce(&[
            created(sent_away, customer_id, "Ada"),
            told(
                sent_away,
                2,
                OrderEvent::from(OrderShippedV1 {
                    order_id: sent_away,
                    tracking_number: "1Z 999".into(),
                }),
            ),
        ])
        .await;
    world.until_versions(Kind::Order, [(sent_away, 2)]).await;
    let shown = world.document(Kind::Order, sent_away).await;
    assert_eq!(shown["tracking_number"], "1Z 999");
    // Confirmed and cancelled: it is in nobody's figures, and each step in the history.
    world.until_versions(Kind::Sale, [(order_id, 5)]).await;
    let sale = world.document(Kind::Sale, order_id).await;
    assert_eq!(sale["status"], "cancelled");
    assert!(sale["sold"].as_array().is_none_or(Vec::is_empty), "{sale}");
    let entries = (1..=5).map(|version| (read_model::entry_id(order_id, version), version));
    world.until_versions(Kind::OrderHistory, entries).await;
    running.stop().await;
}

/// What an earlier build wrote may stand in the topic for years, and is read again by each rebuild.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_an_older_version_is_upcast() {
    let old = "ordering.customers.CustomerRegisteredV1";
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared-events/tests/golden/ordering.customers.CustomerRegisteredV1.own-delivery-address.hex"
    );
    let text = std::fs::read_to_string(golden).expect("the golden file is there");
    let text = text.trim();
    let body: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect();
    let world = World::new().await;
    let running = world.start();
    let sent = Sent {
        payload: Some(world.framed_as(old, &body)),
        ..world.sent(&registered(id(1), "Ada Lovelace"))
    };
    world
        .send(AggregateType::Customer, &sent.with_header("ce_type", old))
        .await;
    world.until_versions(Kind::Customer, [(id(1), 1)]).await;
    let customer = world.document(Kind::Customer, id(1)).await;
    assert_eq!(customer["delivery_address"]["street"], "Ockham Park");
    assert_eq!(customer["own_delivery_address"], true);
    running.stop().await;
}
