//! Records that were written once and are only read now: each becomes the record that took its place, whoever reads it and
//! from wherever, so that nothing but this module knows that there was an older one.

use serde::Deserialize;
use uuid::Uuid;

use crate::event::{Address, CustomerRegisteredV2};

/// It had no way to say that the customer gave no delivery address: the billing address was written twice.
#[derive(Debug, Deserialize)]
pub(crate) struct CustomerRegisteredV1 {
    customer_id: Uuid,
    name: String,
    email: Option<String>,
    billing_address: Address,
    delivery_address: Address,
}

impl From<CustomerRegisteredV1> for CustomerRegisteredV2 {
    /// A delivery address that equals the billing address counts as none.
    fn from(old: CustomerRegisteredV1) -> Self {
        Self {
            delivery_address: (old.delivery_address != old.billing_address).then_some(old.delivery_address),
            customer_id: old.customer_id,
            name: old.name,
            email: old.email,
            billing_address: old.billing_address,
        }
    }
}
