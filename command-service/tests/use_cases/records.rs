//! What is recorded of a command, and what its events carry of it.

use chrono::TimeDelta;
use command_service::application::bus::{Actor, Command, Context};
use command_service::application::codec::Recorded;
use command_service::application::ordering::{
    AddOrderItem, AddProduct, ChangeOrderItemQuantity, CreateOrder, OrderItem, RenameCustomer, SubmitOrder,
};
use command_service::application::ports::{
    BUCKETS, Clock, CommandOutcome, CommandRecord, Outbox, RecordedRefusal,
};
use domain::testing::{an_address, customer_id, eur, name, order_id, product_id, quantity};
use domain::{Order, Size, Weight};
use serde_json::json;
use uuid::Uuid;

use crate::service::{Service, addition, item, registration};

fn a_context(command_id: u128, service: &Service) -> Context {
    Context {
        command_id: Uuid::from_u128(command_id),
        actor: Actor::trusted("Grace Hopper"),
        received_at: service.clock.now() - TimeDelta::milliseconds(2),
        causation_id: Uuid::from_u128(70),
        correlation_id: Uuid::from_u128(80),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        key: None,
        if_match: None,
        place: None,
    }
}

fn record_of(service: &Service, context: &Context) -> CommandRecord {
    service.memory.command(context.command_id).unwrap()
}

#[tokio::test]
async fn a_command_is_recorded_with_who_when_what_and_why() {
    let service = Service::new();
    let order_id = service.a_draft().await;
    service.clock.advance(TimeDelta::seconds(7));
    let context = a_context(1, &service);
    service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap();
    let expected = CommandRecord {
        command_id: context.command_id,
        command_type: "submit-order".into(),
        stream: Order::stream(order_id),
        actor: "Grace Hopper".to_owned(),
        received_at: context.received_at,
        body: json!({"order_id": order_id.to_string()}),
        causation_id: context.causation_id,
        correlation_id: context.correlation_id,
        outcome: CommandOutcome::Succeeded { version: 3 },
    };
    assert_eq!(record_of(&service, &context), expected);
}

#[tokio::test]
async fn events_carry_what_the_context_says() {
    let service = Service::new();
    let order_id = service.a_draft().await;
    service.clock.advance(TimeDelta::seconds(7));
    let context = a_context(1, &service);
    service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap();
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    let rows = service.memory.pending(&buckets, 100).await.unwrap();
    let row = rows.iter().find(|row| row.metadata.version == 3).unwrap();
    assert_eq!(row.metadata.event_type, "ordering.orders.OrderSubmittedV1");
    assert_eq!(row.metadata.aggregate_id, order_id.uuid());
    assert_eq!(row.metadata.occurred_at, service.clock.now());
    assert_eq!(row.metadata.actor, context.actor.name);
    assert_eq!(row.metadata.command_id, context.command_id);
    assert_eq!(row.metadata.causation_id, context.causation_id);
    assert_eq!(row.metadata.correlation_id, context.correlation_id);
    assert_eq!(row.metadata.traceparent, context.traceparent);
    let mut ids: Vec<_> = rows.iter().map(|row| row.metadata.event_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rows.len(), "each event has an id of its own");
}

#[tokio::test]
async fn a_clients_command_is_its_own_cause() {
    let service = Service::new();
    let context = service.context();
    assert_eq!(
        (context.causation_id, context.correlation_id),
        (context.command_id, context.command_id)
    );
    let given = Uuid::from_u128(9);
    let context = Context::of_client(
        context.command_id,
        context.received_at,
        Actor::anonymous(),
        Some(given),
        None,
    );
    assert_eq!(
        (context.causation_id, context.correlation_id),
        (context.command_id, given)
    );
}

#[tokio::test]
async fn a_refusal_is_recorded_and_leaves_no_event() {
    let service = Service::new();
    let order_id = service.an_order(vec![]).await;
    let before = service.memory.backlog().await.unwrap().rows;
    let context = a_context(1, &service);
    service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap_err();
    let record = record_of(&service, &context);
    assert_eq!(
        record.outcome,
        CommandOutcome::Refused(RecordedRefusal {
            kind: "empty-order".to_owned(),
            detail: "an order without items cannot be submitted".to_owned(),
            pointer: None,
        })
    );
    assert_eq!(record.stream, Order::stream(order_id));
    assert_eq!(service.history(Order::stream(order_id)), ["OrderCreatedV1"]);
    assert_eq!(service.memory.backlog().await.unwrap().rows, before);
}

#[tokio::test]
async fn what_is_not_there_or_there_already_is_recorded_as_refused() {
    let service = Service::new();
    let kind_recorded = async |context: &Context| match record_of(&service, context).outcome {
        CommandOutcome::Refused(refusal) => refusal.kind,
        outcome => panic!("{outcome:?}"),
    };
    let context = a_context(1, &service);
    let order_id = order_id(1);
    service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap_err();
    assert_eq!(kind_recorded(&context).await, "not-found");

    let context = a_context(2, &service);
    let create = CreateOrder {
        order_id,
        customer_id: customer_id(1),
        items: vec![],
    };
    service.execute_as(&context, create).await.unwrap_err();
    assert_eq!(kind_recorded(&context).await, "unknown-reference");

    let context = a_context(3, &service);
    let known = service.a_customer().await;
    service
        .execute_as(&context, registration(known))
        .await
        .unwrap_err();
    assert_eq!(kind_recorded(&context).await, "already-exists");
}

#[tokio::test]
async fn a_command_that_changes_nothing_is_recorded_as_succeeded() {
    let service = Service::new();
    let customer_id = service.a_customer().await;
    let context = a_context(1, &service);
    let rename = RenameCustomer {
        customer_id,
        name: name("Ada Lovelace"),
    };
    service.execute_as(&context, rename).await.unwrap();
    assert_eq!(
        record_of(&service, &context).outcome,
        CommandOutcome::Succeeded { version: 1 }
    );
}

#[tokio::test]
async fn an_invalid_command_is_not_recorded() {
    let service = Service::new();
    let context = a_context(1, &service);
    let create = CreateOrder {
        order_id: order_id(1),
        customer_id: customer_id(1),
        items: vec![item(product_id(1), 1); 201],
    };
    service.execute_as(&context, create).await.unwrap_err();
    assert_eq!(service.memory.command(context.command_id), None);
}

/// Recorded bodies outlive this build: they keep the names of the HTTP contract.
#[test]
fn bodies_are_those_of_the_contract() {
    let address = json!({
        "name": "Ada", "street": "12 St James's Square", "postal_code": "SW1Y 4JH", "city": "London", "country": "GB",
    });
    let mut registration = registration(customer_id(1));
    registration.billing_address = an_address("Ada");
    let mut body = json!({
        "customer_id": customer_id(1).to_string(), "name": "Ada Lovelace", "email": "ada@example.org",
        "billing_address": address, "delivery_address": null,
    });
    assert_eq!(registration.body(), body);
    registration.delivery_address = Some(an_address("Ada"));
    body["delivery_address"] = address;
    assert_eq!(registration.body(), body);

    let product = AddProduct {
        size: Some(Size::new(1, 2, 3).unwrap()),
        weight: Some(Weight::from_grams(4).unwrap()),
        ..addition(product_id(2), eur(1999))
    };
    assert_eq!(
        product.body(),
        json!({
            "product_id": product_id(2).to_string(), "name": "Difference engine",
            "unit_price": {"amount": 1999, "currency": "EUR"},
            "size": {"length_mm": 1, "width_mm": 2, "height_mm": 3}, "weight_grams": 4,
        })
    );

    let item = OrderItem {
        expected_unit_price: Some(eur(5)),
        ..item(product_id(2), 3)
    };
    let item_body = json!({
        "product_id": product_id(2).to_string(), "quantity": 3,
        "expected_unit_price": {"amount": 5, "currency": "EUR"},
    });
    let create = CreateOrder {
        order_id: order_id(3),
        customer_id: customer_id(1),
        items: vec![item.clone()],
    };
    assert_eq!(
        create.body(),
        json!({
            "order_id": order_id(3).to_string(), "customer_id": customer_id(1).to_string(), "items": [item_body],
        })
    );
    let mut added = item_body;
    added["order_id"] = json!(order_id(3).to_string());
    let order_id = order_id(3);
    assert_eq!(AddOrderItem { order_id, item }.body(), added);
    let change = ChangeOrderItemQuantity {
        order_id,
        product_id: product_id(2),
        quantity: quantity(3),
    };
    assert_eq!(
        change.body(),
        json!({"order_id": order_id.to_string(), "product_id": product_id(2).to_string(), "quantity": 3})
    );
}
