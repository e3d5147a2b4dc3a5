use crate::value::{Address, EmailAddress, Name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerEvent {
    Registered {
        name: Name,
        email: Option<EmailAddress>,
        billing_address: Address,
        /// `None`: goods go to the billing address, whatever that becomes.
        delivery_address: Option<Address>,
    },
    Renamed {
        name: Name,
    },
    BillingAddressChanged {
        billing_address: Address,
    },
    DeliveryAddressChanged {
        delivery_address: Address,
    },
}
