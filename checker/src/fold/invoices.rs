//! Invoices: what was issued, and what has been paid and credited of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::InvoiceEvent;
use shared_events::event::InvoiceIssuedV1;
use uuid::Uuid;

pub struct Invoice {
    issued: InvoiceIssuedV1,
    issued_at: DateTime<Utc>,
    paid: i64,
    status: &'static str,
    credit_note_number: Option<i64>,
}

pub fn invoice(
    invoices: &mut BTreeMap<Uuid, Invoice>,
    id: Uuid,
    at: DateTime<Utc>,
    event: InvoiceEvent,
) -> Result<()> {
    if let InvoiceEvent::Issued(issued) = event {
        let sum: i64 = issued.lines.iter().map(|line| line.subtotal.amount).sum();
        ensure!(sum == issued.total.amount, "invoice {id} has a wrong total");
        let invoice = Invoice {
            issued,
            issued_at: at,
            paid: 0,
            status: "issued",
            credit_note_number: None,
        };
        ensure!(
            invoices.insert(id, invoice).is_none(),
            "invoice {id} was issued twice"
        );
        return Ok(());
    }
    let invoice = invoices
        .get_mut(&id)
        .with_context(|| format!("invoice {id} was never issued"))?;
    ensure!(
        invoice.status != "credited",
        "the credited invoice {id} met {event:?}"
    );
    match event {
        InvoiceEvent::Issued(_) => {}
        InvoiceEvent::PaymentReceived(event) => {
            invoice.paid += event.amount.amount;
            ensure!(invoice.paid == event.paid.amount, "invoice {id}: a wrong sum");
        }
        InvoiceEvent::Paid(_) => {
            ensure!(
                invoice.paid == invoice.issued.total.amount,
                "invoice {id} is not paid in full"
            );
            invoice.status = "paid";
        }
        InvoiceEvent::CreditNoteIssued(event) => {
            invoice.status = "credited";
            invoice.credit_note_number = Some(event.number);
        }
    }
    Ok(())
}

impl Invoice {
    pub fn customer_id(&self) -> Uuid {
        self.issued.customer_id
    }

    pub fn answer(&self, id: Uuid, customer_name: Option<String>) -> Value {
        let issued = &self.issued;
        let mut answer = json!({
            "id": id,
            "number": issued.number,
            "order_id": issued.order_id,
            "customer_id": issued.customer_id,
            "customer_name": customer_name,
            "billing_address": issued.billing_address,
            "lines": issued.lines,
            "total": issued.total,
            "paid": {"amount": self.paid, "currency": issued.total.currency},
            "status": self.status,
            "issued_at": self.issued_at.timestamp_micros(),
        });
        if let Some(number) = self.credit_note_number {
            answer["credit_note_number"] = json!(number);
        }
        answer
    }
}
