//! An order: a draft whose items may change until it is submitted, and what becomes of it then.

mod command;
mod decide;
mod event;
mod evolve;
mod lines;
mod refusal;
mod status;

pub use command::{CreateOrder, CustomerAsKnown, ItemToAdd, OrderCommand, ProductAsOffered};
pub use event::OrderEvent;
pub use lines::{Line, Lines};
pub use refusal::OrderRefusal;
pub use status::OrderStatus;

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
