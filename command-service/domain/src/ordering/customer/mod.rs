//! A customer: who orders.

mod command;
mod decide;
mod event;
mod evolve;

pub use command::{CustomerCommand, RegisterCustomer};
pub use event::CustomerEvent;

use crate::value::{Address, EmailAddress, Name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub name: Name,
    pub email: Option<EmailAddress>,
    pub billing_address: Address,
    pub delivery_address: Address,
}
