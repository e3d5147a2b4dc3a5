//! Invoicing: the one invoice of a submitted order, its payment, and the credit note that takes it back.

mod command;
mod decide;
mod event;
mod evolve;
mod refusal;
mod status;

pub use command::{InvoiceCommand, IssueInvoice, LineToInvoice};
pub use event::{InvoiceEvent, InvoiceLine};
pub use refusal::InvoiceRefusal;
pub use status::InvoiceStatus;

use crate::value::{InvoiceNumber, Money, OrderId};

/// An invoice never changes once it is issued: payments and a credit note are added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub number: InvoiceNumber,
    pub order_id: OrderId,
    pub total: Money,
    /// The sum of the payments, in the total's currency; never more than the total.
    pub paid: Money,
    pub status: InvoiceStatus,
}
