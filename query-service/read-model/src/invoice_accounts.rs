//! What has happened to an invoice since it was issued.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_events::InvoiceEvent;
use shared_events::event::Money;
use uuid::Uuid;

use crate::fold::{Fold, FoldError, Occurrence};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Issued,
    /// In full.
    Paid,
    Credited,
}

/// The id is the invoice's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceAccountDocument {
    pub id: Uuid,
    pub version: u64,
    pub number: i64,
    pub order_id: Uuid,
    pub customer_id: Uuid,
    pub total: Money,
    pub paid: Money,
    pub status: InvoiceStatus,
    /// From the credit notes' own series.
    pub credit_note_number: Option<i64>,
    pub issued_at: DateTime<Utc>,
    /// The same as `issued_at`: what every listing is sorted by.
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Fold for InvoiceAccountDocument {
    type Event = InvoiceEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn begin(occurrence: Occurrence<'_, InvoiceEvent>) -> Result<Self, FoldError> {
        let InvoiceEvent::Issued(issued) = occurrence.event else {
            return Err(FoldError::NotCreated);
        };
        Ok(Self {
            id: issued.invoice_id,
            version: occurrence.version,
            number: issued.number,
            order_id: issued.order_id,
            customer_id: issued.customer_id,
            total: issued.total.clone(),
            paid: Money {
                amount: 0,
                currency: issued.total.currency.clone(),
            },
            status: InvoiceStatus::Issued,
            credit_note_number: None,
            issued_at: occurrence.occurred_at,
            created_at: occurrence.occurred_at,
            updated_at: occurrence.occurred_at,
        })
    }

    fn evolve(&mut self, occurrence: Occurrence<'_, InvoiceEvent>) -> Result<(), FoldError> {
        match occurrence.event {
            InvoiceEvent::Issued(_) => return Err(FoldError::CreatedTwice),
            InvoiceEvent::PaymentReceived(received) => self.paid.clone_from(&received.paid),
            InvoiceEvent::Paid(_) => self.status = InvoiceStatus::Paid,
            InvoiceEvent::CreditNoteIssued(credited) => {
                self.status = InvoiceStatus::Credited;
                self.credit_note_number = Some(credited.number);
            }
        }
        self.version = occurrence.version;
        self.updated_at = occurrence.occurred_at;
        Ok(())
    }
}
