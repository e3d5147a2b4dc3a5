//! What follows from what: orders, their invoices, and back.

use command_service::application::bus::{Actor, Context};
use command_service::application::codec::Recorded;
use command_service::application::invoicing::ReceivePayment;
use command_service::application::ordering::{CancelOrder, ConfirmOrder, SubmitOrder};
use command_service::application::ports::{CommandOutcome, Outbox, StreamId};
use domain::invoicing::InvoiceStatus;
use domain::order::OrderStatus;
use domain::testing::{cancellation_reason, payment, payment_reference};
use domain::{Invoice, InvoiceId, Order, OrderId};
use shared_events::{AggregateType, EventMetadata};
use uuid::Uuid;

use crate::service::Service;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn cancel(order_id: OrderId) -> CancelOrder {
    CancelOrder {
        order_id,
        reason: cancellation_reason("Ordered twice"),
    }
}

/// Of all that an order of three pieces for 19.99 EUR each costs.
fn pay(order_id: OrderId) -> ReceivePayment {
    ReceivePayment {
        invoice_id: InvoiceId::of_order(order_id),
        amount: payment(5997),
        reference: payment_reference("Transfer 1"),
    }
}

/// In the order in which they were appended.
async fn published(service: &Service) -> Vec<EventMetadata> {
    let buckets: Vec<u16> = (0..16).collect();
    let mut rows = service.memory.pending(&buckets, usize::MAX).await.unwrap();
    rows.sort_by_key(|row| row.id);
    rows.into_iter().map(|row| row.metadata).collect()
}

async fn event(service: &Service, stream: StreamId, version: u64) -> EventMetadata {
    let found = published(service).await.into_iter().find(|event| {
        (event.aggregate, event.aggregate_id, event.version) == (stream.aggregate, stream.id, version)
    });
    found.unwrap()
}

fn done(types: &[&str]) -> Vec<(String, Option<&'static str>)> {
    types.iter().map(|name| ((*name).to_owned(), None)).collect()
}

#[tokio::test]
async fn the_follow_up_is_queued_with_its_cause() {
    let service = Service::new();
    let order_id = service.a_draft().await;
    let context = Context {
        actor: Actor::trusted("Grace Hopper"),
        correlation_id: Uuid::from_u128(80),
        traceparent: Some(TRACE.to_owned()),
        ..service.context()
    };
    service
        .execute_as(&context, SubmitOrder { order_id })
        .await
        .unwrap();
    let told = StreamId {
        aggregate: AggregateType::OrderForInvoicing,
        id: order_id.uuid(),
    };
    let cause = event(&service, told, 1).await;
    let [queued] = &service.memory.queued()[..] else {
        panic!("{:?}", service.memory.queued());
    };
    assert_eq!(queued.command_type, "issue-invoice");
    assert_eq!(queued.stream, Invoice::stream(InvoiceId::of_order(order_id)));
    assert_eq!(queued.actor, "policy:invoice-submitted-orders");
    assert_eq!(queued.causation_id, cause.event_id);
    assert_eq!(queued.correlation_id, context.correlation_id);
    assert_eq!(queued.traceparent, context.traceparent);
    assert_eq!(queued.received_at, cause.occurred_at);
    assert_eq!(queued.if_match, None);

    let queued = queued.clone();
    assert_eq!(service.work().await, done(&["issue-invoice"]));
    let record = service.memory.command(queued.command_id).unwrap();
    assert_eq!(record.actor, "policy:invoice-submitted-orders");
    assert_eq!(record.causation_id, cause.event_id);
    assert_eq!(record.outcome, CommandOutcome::Succeeded { version: 1 });
    assert_eq!(record.body, queued.body);
    let issued = event(&service, queued.stream, 1).await;
    assert_eq!(issued.command_id, queued.command_id);
    assert_eq!(issued.causation_id, cause.event_id);
    assert_eq!(issued.correlation_id, context.correlation_id);
    assert_eq!(issued.traceparent, context.traceparent);
}

#[tokio::test]
async fn an_order_is_submitted_invoiced_paid_and_confirmed() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    assert_eq!(service.work().await, done(&["issue-invoice"]));
    let invoice = service.invoice(order_id);
    assert_eq!(
        (invoice.number.get(), invoice.total.amount(), invoice.status),
        (1, 5997, InvoiceStatus::Issued)
    );
    let context = service.context();
    service.execute_as(&context, pay(order_id)).await.unwrap();
    assert_eq!(service.work().await, done(&["confirm-paid-order"]));
    assert_eq!(service.order(order_id).status, OrderStatus::Confirmed);

    let invoice = Invoice::stream(InvoiceId::of_order(order_id));
    let paid = event(&service, invoice, 3).await;
    let confirmed = event(&service, Order::stream(order_id), 4).await;
    assert_eq!(confirmed.event_type, "ordering.orders.OrderConfirmedV1");
    assert_eq!(confirmed.actor, "policy:confirm-paid-orders");
    assert_eq!(confirmed.causation_id, paid.event_id);
    assert_eq!(confirmed.correlation_id, context.command_id);
    let told = StreamId {
        aggregate: AggregateType::OrderForDelivery,
        id: order_id.uuid(),
    };
    assert_eq!(service.history(told), ["OrderConfirmedForDeliveryV1"]);
    assert!(service.memory.queued().is_empty());
}

#[tokio::test]
async fn an_order_submitted_and_cancelled_ends_with_an_invoice_and_a_credit_note() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    service.execute(cancel(order_id)).await.unwrap();
    assert_eq!(
        service.work().await,
        done(&["issue-invoice", "issue-credit-note"]),
        "in this order, although the cancellation was told before the invoice was issued"
    );
    assert_eq!(service.invoice(order_id).status, InvoiceStatus::Credited);
    assert_eq!(
        service.history(Invoice::stream(InvoiceId::of_order(order_id))),
        ["InvoiceIssuedV1", "CreditNoteIssuedV1"]
    );
}

#[tokio::test]
async fn a_cancelled_draft_ends_with_neither() {
    let service = Service::new();
    let order_id = service.a_draft().await;
    service.execute(cancel(order_id)).await.unwrap();
    assert!(service.memory.queued().is_empty());
    assert!(
        service
            .history(Invoice::stream(InvoiceId::of_order(order_id)))
            .is_empty()
    );
}

#[tokio::test]
async fn a_confirmation_that_a_cancellation_has_overtaken_is_recorded_as_refused() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    service.work().await;
    service.execute(pay(order_id)).await.unwrap();
    service.execute(cancel(order_id)).await.unwrap();
    let queued = service.memory.queued();
    let confirmation = queued
        .iter()
        .find(|queued| queued.command_type == "confirm-paid-order")
        .unwrap();
    let mut worked = service.work().await;
    worked.sort();
    assert_eq!(
        worked,
        [
            ("confirm-paid-order".to_owned(), Some("illegal-transition")),
            ("issue-credit-note".to_owned(), None)
        ]
    );
    let record = service.memory.command(confirmation.command_id).unwrap();
    let CommandOutcome::Refused(refusal) = record.outcome else {
        panic!("{:?}", record.outcome);
    };
    assert_eq!(refusal.kind, "illegal-transition");
    assert_eq!(service.order(order_id).status, OrderStatus::Cancelled);
    assert_eq!(service.invoice(order_id).status, InvoiceStatus::Credited);
    assert!(service.memory.queued().is_empty());
}

#[tokio::test]
async fn a_payment_of_an_order_that_was_confirmed_by_hand_changes_nothing_more() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    service.execute(ConfirmOrder { order_id }).await.unwrap();
    assert_eq!(service.work().await, done(&["issue-invoice"]));
    service.execute(pay(order_id)).await.unwrap();
    assert_eq!(service.work().await, done(&["confirm-paid-order"]));
    let confirmations = service.history(Order::stream(order_id));
    assert_eq!(confirmations.len(), 4, "{confirmations:?}");
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_has_no_consequence() {
    let service = Service::new();
    let order_id = service.a_submitted_order().await;
    service.execute(SubmitOrder { order_id }).await.unwrap_err();
    assert_eq!(service.memory.queued().len(), 1);
    service.work().await;
    service.execute(pay(order_id)).await.unwrap();
    service.execute(pay(order_id)).await.unwrap_err();
    assert_eq!(service.memory.queued().len(), 1);
}
