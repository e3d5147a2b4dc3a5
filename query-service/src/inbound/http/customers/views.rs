//! Customers as answers show them.

use chrono::{DateTime, Utc};
use read_model::CustomerDocument;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::inbound::http::views::Address;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    pub id: Uuid,
    #[schema(minimum = 1, example = 3)]
    pub version: u64,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub billing_address: Address,
    /// The billing address where the customer gave none of its own.
    pub delivery_address: Address,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<CustomerDocument> for CustomerView {
    fn from(customer: CustomerDocument) -> Self {
        Self {
            id: customer.id,
            version: customer.version,
            name: customer.name,
            email: customer.email,
            billing_address: customer.billing_address.into(),
            delivery_address: customer.delivery_address.into(),
            created_at: customer.created_at,
            updated_at: customer.updated_at,
        }
    }
}
