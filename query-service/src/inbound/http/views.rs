//! What answers of several read models show.

use serde::Serialize;
use utoipa::ToSchema;

use crate::application::queries::lists::Listing;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// On all pages together.
    pub total: u64,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    pub fn of<I: Into<T>>(listing: Listing<I>) -> Self {
        Self {
            items: listing.items.into_iter().map(I::into).collect(),
            total: listing.total,
            next_cursor: listing.next_cursor,
        }
    }
}

/// Minor units of an ISO 4217 currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct Money {
    #[schema(example = 1999)]
    pub amount: i64,
    #[schema(example = "EUR")]
    pub currency: String,
}

impl From<read_model::Money> for Money {
    fn from(money: read_model::Money) -> Self {
        Self {
            amount: money.amount,
            currency: money.currency,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Address {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE")]
    pub country: String,
}

impl From<read_model::Address> for Address {
    fn from(address: read_model::Address) -> Self {
        Self {
            name: address.name,
            street: address.street,
            postal_code: address.postal_code,
            city: address.city,
            country: address.country,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Size {
    pub length_mm: i32,
    pub width_mm: i32,
    pub height_mm: i32,
}

impl From<read_model::Size> for Size {
    fn from(size: read_model::Size) -> Self {
        Self {
            length_mm: size.length_mm,
            width_mm: size.width_mm,
            height_mm: size.height_mm,
        }
    }
}
