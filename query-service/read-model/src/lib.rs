//! The read models: flat documents, ready to show, and the projections that fold events into them.
//!
//! Pure: a document and an event give a document. Where documents are kept is not known here, nor what time it is.

mod amounts;
pub mod created;
pub mod customers;
pub mod deliveries;
pub mod documents;
pub mod fold;
pub mod invoice_accounts;
pub mod invoices;
pub mod kind;
pub mod order_history;
pub mod orders;
pub mod products;
pub mod projection;
pub mod sales;
pub mod sequenced;
pub mod streams;

pub use created::{Created, Entry};
pub use deliveries::{Delivery, DeliveryDocument, DeliveryStatus};
pub use documents::{
    Address, CustomerDocument, Money, OrderDocument, OrderItem, OrderStatus, ProductDocument, Size,
};
pub use fold::{Fold, FoldError, Occurrence};
pub use invoice_accounts::{InvoiceAccountDocument, InvoiceStatus};
pub use invoices::InvoiceDocument;
pub use kind::{Kind, UnknownKind};
pub use order_history::{AsOf, AsOfError, Moment, OrderHistoryEntry, entry_id, order_as_of};
pub use orders::NameSource;
pub use projection::{CurrentName, Projection};
pub use sales::{SaleDocument, SaleLine, Sold};
pub use sequenced::{Applied, ApplyError, Draining, Sequenced, UnreadableDocument, UnreadableEvent};
pub use streams::StreamEvent;
