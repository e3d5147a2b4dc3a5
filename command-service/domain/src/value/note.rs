//! What people write on orders and payments: text on one line, trimmed, that says something.

use std::fmt;

use super::InvalidValue;
use super::text::non_empty_line;

macro_rules! notes {
    ($($(#[$meta:meta])* $note:ident in $field:literal up to $max:literal)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $note(String);

        impl $note {
            pub const MAX_CHARS: usize = $max;

            pub fn new(text: &str) -> Result<Self, InvalidValue> {
                non_empty_line($field, text, Self::MAX_CHARS).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $note {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

notes! {
    /// What the carrier calls the parcel: 1 to 100 characters.
    TrackingNumber in "tracking_number" up to 100
    /// Why an order was cancelled: 1 to 500 characters.
    CancellationReason in "reason" up to 500
    /// What the payer or the bank calls a payment: 1 to 200 characters.
    PaymentReference in "reference" up to 200
}
