//! Numbers of documents, each from a series without gaps.

use std::fmt;

use super::{InvalidValue, Reason};

macro_rules! numbers {
    ($($(#[$meta:meta])* $number:ident in $field:literal)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $number(i64);

        impl $number {
            /// Fails below 1.
            pub fn new(number: i64) -> Result<Self, InvalidValue> {
                match number {
                    1.. => Ok(Self(number)),
                    _ => Err(InvalidValue::new($field, Reason::OutOfRange { min: 1, max: i64::MAX })),
                }
            }

            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $number {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

numbers! {
    /// 1 is the first.
    InvoiceNumber in "number"
    /// 1 is the first; a series of its own beside the invoices'.
    CreditNoteNumber in "number"
}
