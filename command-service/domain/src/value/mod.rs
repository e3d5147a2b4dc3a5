//! Values that are checked when they are made, and right ever after.

mod address;
mod country;
mod currency;
mod dimensions;
mod email;
mod id;
mod invalid;
mod money;
mod name;
mod note;
mod number;
mod quantity;
mod text;

pub use address::Address;
pub use country::Country;
pub use currency::Currency;
pub use dimensions::{Size, Weight};
pub use email::EmailAddress;
pub use id::{CustomerId, InvoiceId, OrderId, ProductId};
pub use invalid::{InvalidValue, Reason};
pub use money::{AmountOverflow, Money, PaymentAmount, UnitPrice};
pub use name::Name;
pub use note::{CancellationReason, PaymentReference, TrackingNumber};
pub use number::{CreditNoteNumber, InvoiceNumber};
pub use quantity::Quantity;
