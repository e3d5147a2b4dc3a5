use crate::value::{Address, EmailAddress, Name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterCustomer {
    pub name: Name,
    pub email: Option<EmailAddress>,
    pub billing_address: Address,
    /// Absent: the billing address.
    pub delivery_address: Option<Address>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    Rename { name: Name },
}
