//! An invoice as it was issued.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_events::event::{Address, InvoiceLine, Money};
use shared_events::{EventMetadata, InvoiceEvent};
use uuid::Uuid;

use crate::created::Entry;
use crate::fold::FoldError;
use crate::sequenced::ApplyError;

/// Nothing in it changes: payments and the credit note are in the invoice's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceDocument {
    pub id: Uuid,
    /// Of the event that issued it.
    pub version: u64,
    pub number: i64,
    pub order_id: Uuid,
    pub customer_id: Uuid,
    pub billing_address: Address,
    /// With the names that the products had.
    pub lines: Vec<InvoiceLine>,
    pub total: Money,
    pub issued_at: DateTime<Utc>,
    /// The same as `issued_at`: what every listing is sorted by.
    pub created_at: DateTime<Utc>,
}

impl Entry for InvoiceDocument {
    type Event = InvoiceEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn of(id: Uuid, metadata: &EventMetadata, event: &InvoiceEvent) -> Result<Self, ApplyError> {
        let InvoiceEvent::Issued(issued) = event else {
            return Err(FoldError::NotCreated.into());
        };
        Ok(Self {
            id,
            version: metadata.version,
            number: issued.number,
            order_id: issued.order_id,
            customer_id: issued.customer_id,
            billing_address: issued.billing_address.clone(),
            lines: issued.lines.clone(),
            total: issued.total.clone(),
            issued_at: metadata.occurred_at,
            created_at: metadata.occurred_at,
        })
    }
}
