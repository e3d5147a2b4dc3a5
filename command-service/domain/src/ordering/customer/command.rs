use crate::value::{Address, EmailAddress, Name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterCustomer {
    pub name: Name,
    pub email: Option<EmailAddress>,
    pub billing_address: Address,
    /// Absent: the billing address, whatever that becomes.
    pub delivery_address: Option<Address>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    Rename { name: Name },
    ChangeBillingAddress { billing_address: Address },
    ChangeDeliveryAddress { delivery_address: Address },
}
