use crate::value::{Address, EmailAddress, Name};

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a customer has few events, and they are folded at once"
)]
pub enum CustomerEvent {
    Registered {
        name: Name,
        email: Option<EmailAddress>,
        billing_address: Address,
        delivery_address: Address,
    },
    Renamed {
        name: Name,
    },
}
