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
    /// `None`: goods go to the billing address, whatever that becomes.
    pub delivery_address: Option<Address>,
}

impl Customer {
    /// Where goods go.
    pub fn deliver_to(&self) -> &Address {
        self.delivery_address.as_ref().unwrap_or(&self.billing_address)
    }
}
