//! An order beside what follows from it: what others were told, its invoice, its credit note, its confirmation.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shared_events::event::{InvoiceEvent, OrderCancelledV1, OrderEvent};
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use super::findings::{Finding, Kind};
use super::streams::{self, Stream};
use crate::application::ports::{EventArchive, StoreError};

/// What an order's events say that others depend on.
struct Facts<'s> {
    submitted_at: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    cancelled: Option<(DateTime<Utc>, &'s OrderCancelledV1)>,
}

impl<'s> Facts<'s> {
    fn of(order: &'s Stream) -> Self {
        let at = |wanted: fn(&OrderEvent) -> bool| {
            order
                .find(|event| matches!(event, Event::Order(event) if wanted(event)).then_some(()))
                .map(|(event, ())| event.metadata.occurred_at)
        };
        let cancelled = order.find(|event| match event {
            Event::Order(OrderEvent::Cancelled(cancelled)) => Some(cancelled),
            _ => None,
        });
        Self {
            submitted_at: at(|event| matches!(event, OrderEvent::Submitted(_))),
            confirmed_at: at(|event| matches!(event, OrderEvent::Confirmed(_))),
            cancelled: cancelled.map(|(event, cancelled)| (event.metadata.occurred_at, cancelled)),
        }
    }

    /// The names of the records that each receiver is told, in order.
    fn told(&self, receiver: AggregateType) -> Vec<&'static str> {
        let cancelled_from = self.cancelled.map(|(_, event)| event.cancelled_from.as_str());
        let (began, cancelled, names) = match receiver {
            AggregateType::OrderForInvoicing => (
                self.submitted_at.is_some(),
                matches!(cancelled_from, Some("submitted" | "confirmed")),
                ["OrderSubmittedForInvoicingV1", "OrderCancelledForInvoicingV1"],
            ),
            _ => (
                self.confirmed_at.is_some(),
                cancelled_from == Some("confirmed"),
                ["OrderConfirmedForDeliveryV1", "OrderCancelledForDeliveryV1"],
            ),
        };
        let told = [began, began && cancelled];
        names
            .into_iter()
            .zip(told)
            .filter_map(|(name, told)| told.then_some(name))
            .collect()
    }
}

fn invoice_of(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"invoice")
}

/// What each order calls for is there, once `overdue` has passed since.
pub async fn check(
    archive: &impl EventArchive,
    orders: &[Stream],
    overdue: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.id.id).collect();
    for receiver in [AggregateType::OrderForInvoicing, AggregateType::OrderForDelivery] {
        let told = streams::read(archive, receiver, &ids).await?;
        for (order, told) in orders.iter().zip(&told) {
            findings.extend(mismatch(order, told));
        }
    }
    let invoices: Vec<Uuid> = ids.iter().map(|id| invoice_of(*id)).collect();
    let invoices = streams::read(archive, AggregateType::Invoice, &invoices).await?;
    for (order, invoice) in orders.iter().zip(&invoices) {
        check_invoice(order, invoice, overdue, findings);
    }
    Ok(())
}

fn mismatch(order: &Stream, told: &Stream) -> Option<Finding> {
    let expected = Facts::of(order).told(told.id.aggregate);
    let found: Vec<&str> = told
        .events
        .iter()
        .map(|event| {
            let name = event.metadata.event_type.as_str();
            name.rsplit_once('.').map_or(name, |(_, name)| name)
        })
        .collect();
    (expected != found).then(|| {
        let explanation = format!("the order says {expected:?}, and told was {found:?}");
        Finding::of(Kind::ToldMismatch, told.id, explanation)
    })
}

fn check_invoice(order: &Stream, invoice: &Stream, overdue: DateTime<Utc>, findings: &mut Vec<Finding>) {
    let facts = Facts::of(order);
    if invoice.events.is_empty() {
        if let Some(at) = facts.submitted_at.filter(|at| *at < overdue) {
            let explanation = format!("submitted at {} and not invoiced", at.to_rfc3339());
            findings.push(Finding::of(Kind::InvoiceMissing, order.id, explanation));
        }
        return;
    }
    let is_credited = invoice
        .find(|event| matches!(event, Event::Invoice(InvoiceEvent::CreditNoteIssued(_))).then_some(()))
        .is_some();
    if let Some((at, _)) = facts.cancelled
        && facts.submitted_at.is_some()
        && at < overdue
        && !is_credited
    {
        let explanation = format!(
            "its order was cancelled at {} and it has no credit note",
            at.to_rfc3339()
        );
        findings.push(Finding::of(Kind::CreditNoteMissing, invoice.id, explanation));
    }
    let paid = invoice.find(|event| matches!(event, Event::Invoice(InvoiceEvent::Paid(_))).then_some(()));
    if let Some((paid, ())) = paid
        && paid.metadata.occurred_at < overdue
        && facts.confirmed_at.is_none()
        && facts.cancelled.is_none()
    {
        let at = paid.metadata.occurred_at.to_rfc3339();
        let explanation = format!("its invoice was paid at {at} and it is not confirmed");
        findings.push(Finding::of(Kind::ConfirmationMissing, order.id, explanation));
    }
}

/// What follows from an order has an order that calls for it.
pub async fn check_origin(
    archive: &impl EventArchive,
    aggregate: AggregateType,
    followers: &[Stream],
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let order_of = |follower: &Stream| match aggregate {
        AggregateType::OrderForInvoicing | AggregateType::OrderForDelivery => Some(follower.id.id),
        AggregateType::Invoice => follower
            .find(|event| match event {
                Event::Invoice(InvoiceEvent::Issued(issued)) => Some(issued.order_id),
                _ => None,
            })
            .map(|(_, order_id)| order_id),
        _ => None,
    };
    let mut by_order: HashMap<Uuid, &Stream> = HashMap::new();
    for follower in followers {
        let Some(order) = order_of(follower) else { continue };
        if aggregate == AggregateType::Invoice && invoice_of(order) != follower.id.id {
            let explanation = format!("it is of order {order}, whose invoice is {}", invoice_of(order));
            findings.push(Finding::of(Kind::InvoiceIdForeign, follower.id, explanation));
        }
        by_order.insert(order, follower);
    }
    let ids: Vec<Uuid> = by_order.keys().copied().collect();
    for order in streams::read(archive, AggregateType::Order, &ids).await? {
        let Some(follower) = by_order.get(&order.id.id) else {
            continue;
        };
        let explanation = match aggregate {
            _ if order.events.is_empty() => "its order is not there",
            AggregateType::Invoice if Facts::of(&order).submitted_at.is_none() => {
                "its order was never submitted"
            }
            _ => continue,
        };
        findings.push(Finding::of(Kind::OrderUnfit, follower.id, explanation));
    }
    Ok(())
}
