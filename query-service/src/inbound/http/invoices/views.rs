//! Invoices as answers show them.

use chrono::{DateTime, Utc};
use read_model::InvoiceStatus;
use serde::Serialize;
use shared_events::event::InvoiceLine;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::queries::invoices::Invoice;
use crate::inbound::http::views::{Address, Money};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invoice)]
pub struct InvoiceView {
    pub id: Uuid,
    /// From a series without gaps.
    #[schema(minimum = 1, example = 1)]
    pub number: i64,
    pub order_id: Uuid,
    pub customer_id: Uuid,
    /// The customer's name now; null for the moment in which the invoice has arrived and the customer has not.
    pub customer_name: Option<String>,
    /// As it was issued.
    pub billing_address: Address,
    pub lines: Vec<InvoiceLineView>,
    pub total: Money,
    /// So far.
    pub paid: Money,
    pub status: Status,
    /// From the credit notes' own series; null while there is none.
    pub credit_note_number: Option<i64>,
    pub issued_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvoiceStatus)]
pub enum Status {
    Issued,
    /// In full.
    Paid,
    Credited,
}

impl From<InvoiceStatus> for Status {
    fn from(status: InvoiceStatus) -> Self {
        match status {
            InvoiceStatus::Issued => Self::Issued,
            InvoiceStatus::Paid => Self::Paid,
            InvoiceStatus::Credited => Self::Credited,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceLine)]
pub struct InvoiceLineView {
    pub product_id: Uuid,
    /// As it was issued.
    pub product_name: String,
    #[schema(minimum = 1, example = 2)]
    pub quantity: i32,
    pub unit_price: Money,
    pub subtotal: Money,
}

impl From<InvoiceLine> for InvoiceLineView {
    fn from(line: InvoiceLine) -> Self {
        Self {
            product_id: line.product_id,
            product_name: line.product_name,
            quantity: line.quantity,
            unit_price: line.unit_price.into(),
            subtotal: line.subtotal.into(),
        }
    }
}

impl From<Invoice> for InvoiceView {
    fn from(invoice: Invoice) -> Self {
        let issued = invoice.issued;
        Self {
            id: issued.id,
            number: issued.number,
            order_id: issued.order_id,
            customer_id: issued.customer_id,
            customer_name: invoice.customer_name,
            billing_address: issued.billing_address.into(),
            lines: issued.lines.into_iter().map(InvoiceLineView::from).collect(),
            total: issued.total.into(),
            paid: invoice.paid.into(),
            status: invoice.status.into(),
            credit_note_number: invoice.credit_note_number,
            issued_at: issued.issued_at,
        }
    }
}
