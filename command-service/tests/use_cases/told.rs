//! What orders tell other contexts: each what it needs and nothing else, without a gap.

use command_service::application::ordering::{
    CancelOrder, ChangeBillingAddress, ChangeDeliveryAddress, ChangeProductDimensions, ConfirmOrder,
    ConfirmPaidOrder, CreateOrder, RenameProduct, SubmitOrder,
};
use command_service::application::ports::{Outbox, StreamId};
use domain::OrderId;
use domain::testing::{an_address, cancellation_reason, eur, name, order_id, size, weight};
use serde_json::{Value, json};
use shared_events::AggregateType::{self, OrderForDelivery, OrderForInvoicing};

use crate::service::{Service, addition, item};

fn stream(aggregate: AggregateType, order_id: OrderId) -> StreamId {
    StreamId {
        aggregate,
        id: order_id.uuid(),
    }
}

fn told(service: &Service, aggregate: AggregateType, order_id: OrderId) -> Vec<Value> {
    let records = service.records(stream(aggregate, order_id));
    records.iter().map(|record| json!(record)).collect()
}

fn address_of(name: &str) -> Value {
    json!({
        "name": name,
        "street": "12 St James's Square",
        "postal_code": "SW1Y 4JH",
        "city": "London",
        "country": "GB",
    })
}

async fn cancel(service: &Service, order_id: OrderId) {
    let reason = cancellation_reason("Ordered twice");
    service.execute(CancelOrder { order_id, reason }).await.unwrap();
}

#[tokio::test]
async fn each_is_told_what_it_needs_and_nothing_else() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let (first, second) = (
        service.a_product(eur(1999)).await,
        service.a_product(eur(5)).await,
    );
    let order_id = order_id(1);
    let create = CreateOrder {
        order_id,
        customer_id,
        items: vec![item(first, 3), item(second, 1)],
    };
    service.execute(create).await.unwrap();
    // What lines are called stays as it was; addresses, sizes and weights are those of the moment.
    let rename = RenameProduct {
        product_id: first,
        name: name("Analytical engine"),
    };
    service.execute(rename).await.unwrap();
    let billing = ChangeBillingAddress {
        customer_id,
        billing_address: an_address("Ada King"),
    };
    service.execute(billing).await.unwrap();
    service.execute(SubmitOrder { order_id }).await.unwrap();
    assert_eq!(
        told(&service, OrderForInvoicing, order_id),
        [json!({
            "order_id": order_id.uuid(),
            "customer_id": customer_id.uuid(),
            "billing_address": address_of("Ada King"),
            "lines": [
                {
                    "product_id": first.uuid(),
                    "product_name": "Difference engine",
                    "quantity": 3,
                    "unit_price": {"amount": 1999, "currency": "EUR"},
                },
                {
                    "product_id": second.uuid(),
                    "product_name": "Difference engine",
                    "quantity": 1,
                    "unit_price": {"amount": 5, "currency": "EUR"},
                },
            ],
        })]
    );
    assert!(told(&service, OrderForDelivery, order_id).is_empty());

    let delivery = ChangeDeliveryAddress {
        customer_id,
        delivery_address: an_address("Charles Babbage"),
    };
    service.execute(delivery).await.unwrap();
    let dimensions = ChangeProductDimensions {
        product_id: first,
        size: size(300, 200, 100),
        weight: weight(2500),
    };
    service.execute(dimensions).await.unwrap();
    service.execute(ConfirmOrder { order_id }).await.unwrap();
    assert_eq!(
        told(&service, OrderForDelivery, order_id),
        [json!({
            "order_id": order_id.uuid(),
            "delivery_address": address_of("Charles Babbage"),
            "lines": [
                {
                    "product_id": first.uuid(),
                    "product_name": "Difference engine",
                    "quantity": 3,
                    "size": {"length_mm": 300, "width_mm": 200, "height_mm": 100},
                    "weight_grams": 2500,
                },
                {
                    "product_id": second.uuid(),
                    "product_name": "Difference engine",
                    "quantity": 1,
                    "size": null,
                    "weight_grams": null,
                },
            ],
        })]
    );
    assert_eq!(told(&service, OrderForInvoicing, order_id).len(), 1);
}

#[tokio::test]
async fn parcels_go_to_the_billing_address_where_no_other_was_given() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    service.execute(ConfirmPaidOrder { order_id }).await.unwrap();
    let told = told(&service, OrderForDelivery, order_id);
    assert_eq!(told[0]["delivery_address"], address_of("Ada Lovelace"));
}

#[tokio::test]
async fn a_cancellation_is_told_to_whom_the_order_was_told() {
    let service = Service::new();
    let draft = service.a_draft().await;
    let submitted = service.a_submitted_order().await;
    let confirmed = service.a_submitted_order().await;
    let confirm = ConfirmOrder { order_id: confirmed };
    service.execute(confirm).await.unwrap();
    for order_id in [draft, submitted, confirmed] {
        cancel(&service, order_id).await;
    }
    let history = |aggregate, order_id| service.history(stream(aggregate, order_id));
    assert!(history(OrderForInvoicing, draft).is_empty());
    assert!(history(OrderForDelivery, draft).is_empty());
    let invoiced = ["OrderSubmittedForInvoicingV1", "OrderCancelledForInvoicingV1"];
    assert_eq!(history(OrderForInvoicing, submitted), invoiced);
    assert!(history(OrderForDelivery, submitted).is_empty());
    assert_eq!(history(OrderForInvoicing, confirmed), invoiced);
    assert_eq!(
        history(OrderForDelivery, confirmed),
        ["OrderConfirmedForDeliveryV1", "OrderCancelledForDeliveryV1"]
    );
}

#[tokio::test]
async fn the_sequence_of_what_is_told_has_no_gap() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    service.execute(ConfirmOrder { order_id }).await.unwrap();
    service.execute(ConfirmPaidOrder { order_id }).await.unwrap();
    cancel(&service, order_id).await;
    let buckets: Vec<u16> = (0..16).collect();
    let mut rows = service.memory.pending(&buckets, usize::MAX).await.unwrap();
    rows.sort_by_key(|row| row.id);
    let sequence_in = |topic: &str| -> Vec<u64> {
        let rows = rows.iter().filter(|row| row.topic == topic);
        rows.map(|row| row.metadata.version).collect()
    };
    assert_eq!(sequence_in("ordering.orders.for-invoicing"), [1, 2]);
    assert_eq!(sequence_in("ordering.orders.for-delivery"), [1, 2]);
    assert_eq!(sequence_in("ordering.orders"), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_line_keeps_the_name_that_its_product_had_when_it_was_added() {
    let service = Service::new();
    let product = addition(domain::testing::product_id(1), eur(5));
    let product_id = product.product_id;
    service.execute(product).await.unwrap();
    let order_id = service.an_order(vec![item(product_id, 1)]).await;
    let rename = RenameProduct {
        product_id,
        name: name("Analytical engine"),
    };
    service.execute(rename).await.unwrap();
    let more = command_service::application::ordering::AddOrderItem {
        order_id,
        item: item(product_id, 1),
    };
    service.execute(more).await.unwrap();
    service.execute(SubmitOrder { order_id }).await.unwrap();
    service.work().await;
    let told = told(&service, OrderForInvoicing, order_id);
    assert_eq!(told[0]["lines"][0]["product_name"], "Difference engine");
    assert_eq!(told[0]["lines"][0]["quantity"], 2);
}
