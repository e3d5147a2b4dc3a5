//! Ids that cannot be taken for one another.

use std::fmt;

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $id:ident)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $id(Uuid);

        impl $id {
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $id {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$id> for Uuid {
            fn from(id: $id) -> Self {
                id.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    CustomerId
    ProductId
    OrderId
    InvoiceId
}

impl InvoiceId {
    /// The id of the one invoice that an order can have, the same whoever asks: the UUIDv5 of `invoice` with the order's
    /// id as its namespace.
    pub fn of_order(order: OrderId) -> Self {
        Self(Uuid::new_v5(&order.0, b"invoice"))
    }
}
