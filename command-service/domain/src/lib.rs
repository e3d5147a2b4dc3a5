//! Customers, products, orders and invoices as event-sourced aggregates: no framework, no I/O, no clock.
//!
//! - [`value`]: the values that commands, events and states are made of; none can be made wrong.
//! - [`aggregate`]: what an aggregate is: `create` and `decide` give events or a refusal, `evolve` gives the state.
//! - [`ordering`]: its aggregates [`customer`], [`product`] and [`order`], and what orders tell other contexts.
//! - [`invoicing`]: its aggregate, the invoice. Neither context names the other.
//! - `testing` (feature): given / when / then scenarios, mothers and builders.

pub mod aggregate;
pub mod invoicing;
pub mod ordering;
pub mod refusal;
#[cfg(feature = "testing")]
pub mod testing;
pub mod value;

pub use aggregate::{Aggregate, Misfit, replay};
pub use customer::Customer;
pub use invoicing::Invoice;
pub use order::Order;
pub use ordering::{customer, order, product};
pub use product::Product;
pub use refusal::Refusal;
pub use value::{
    Address, AmountOverflow, CancellationReason, Country, CreditNoteNumber, Currency, CustomerId,
    EmailAddress, InvalidValue, InvoiceId, InvoiceNumber, Money, Name, OrderId, PaymentAmount,
    PaymentReference, ProductId, Quantity, Reason, Size, TrackingNumber, UnitPrice, Weight,
};
