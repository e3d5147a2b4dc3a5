//! An order: a draft whose items may change, until it is submitted.

mod command;
mod decide;
mod event;
mod evolve;
mod lines;
mod refusal;

pub use command::{CreateOrder, CustomerAsKnown, ItemToAdd, OrderCommand, ProductAsOffered};
pub use event::OrderEvent;
pub use lines::{Line, Lines};
pub use refusal::OrderRefusal;

use crate::value::CustomerId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub customer_id: CustomerId,
    pub status: OrderStatus,
    pub lines: Lines,
}

impl Order {
    /// How many lines an order has at most.
    pub const MAX_LINES: usize = 200;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    Draft,
    Submitted,
}

impl OrderStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
        }
    }
}

impl std::fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
