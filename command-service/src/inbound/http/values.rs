//! The values of the contract as JSON has them, and their way into the domain's types.

use domain::{Address, InvalidValue, Money, Name, PaymentAmount, Quantity, Size, UnitPrice};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::{Problem, ProblemKind};
use super::request_context::parse_uuid;
use crate::application::ordering::OrderItem;

/// A mistake in the value at `parent`, of which the domain names the member.
pub fn invalid(parent: &str) -> impl Fn(InvalidValue) -> Problem + '_ {
    move |error| {
        Problem::at(
            ProblemKind::InvalidBody,
            format!("#{parent}/{}", error.field),
            error.to_string(),
        )
    }
}

/// An id in a body: in its hyphenated form only, as in a path.
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_uuid(&text).ok_or_else(|| D::Error::custom("an id must be a UUID in its hyphenated form"))
}

/// An [`id`] that may be absent.
pub fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    #[derive(Deserialize)]
    struct Id(#[serde(deserialize_with = "id")] Uuid);

    Ok(Option::<Id>::deserialize(deserializer)?.map(|Id(id)| id))
}

/// A body that is a new name and nothing else.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    #[schema(min_length = 1, max_length = 200, example = "Ada Lovelace")]
    name: String,
}

impl NewName {
    pub fn parse(&self) -> Result<Name, Problem> {
        Name::new(&self.name).map_err(invalid(""))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Money)]
pub struct MoneyJson {
    /// Minor units of the currency.
    #[schema(example = 1999)]
    amount: i64,
    /// ISO 4217.
    #[schema(example = "EUR", min_length = 3, max_length = 3)]
    currency: String,
}

impl MoneyJson {
    /// A price, which is never negative.
    pub fn parse_price(&self, place: &str) -> Result<UnitPrice, Problem> {
        Money::parse(self.amount, &self.currency)
            .and_then(UnitPrice::new)
            .map_err(invalid(place))
    }

    /// A payment, which is more than nothing.
    pub fn parse_payment(&self, place: &str) -> Result<PaymentAmount, Problem> {
        Money::parse(self.amount, &self.currency)
            .and_then(PaymentAmount::new)
            .map_err(invalid(place))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Address)]
pub struct AddressJson {
    #[schema(min_length = 1, max_length = 200, example = "Ada Lovelace")]
    name: String,
    #[schema(min_length = 1, max_length = 200, example = "12 St James's Square")]
    street: String,
    /// Empty in a country that has none.
    #[schema(max_length = 20, example = "SW1Y 4JH")]
    postal_code: String,
    #[schema(min_length = 1, max_length = 200, example = "London")]
    city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(min_length = 2, max_length = 2, example = "GB")]
    country: String,
}

impl AddressJson {
    pub fn parse(&self, place: &str) -> Result<Address, Problem> {
        Address::new(
            &self.name,
            &self.street,
            &self.postal_code,
            &self.city,
            &self.country,
        )
        .map_err(invalid(place))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Size)]
pub struct SizeJson {
    #[schema(minimum = 1, maximum = 1_000_000, example = 300)]
    length_mm: i64,
    #[schema(minimum = 1, maximum = 1_000_000, example = 200)]
    width_mm: i64,
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    height_mm: i64,
}

impl SizeJson {
    pub fn parse(&self, place: &str) -> Result<Size, Problem> {
        Size::new(self.length_mm, self.width_mm, self.height_mm).map_err(invalid(place))
    }
}

/// An item as a client names it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    #[serde(deserialize_with = "id")]
    product_id: Uuid,
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    quantity: i64,
    /// The price that the client saw: any other is refused instead of charged.
    expected_unit_price: Option<MoneyJson>,
}

impl NewItem {
    pub fn parse(&self, place: &str) -> Result<OrderItem, Problem> {
        Ok(OrderItem {
            product_id: self.product_id.into(),
            quantity: Quantity::new(self.quantity).map_err(invalid(place))?,
            expected_unit_price: self
                .expected_unit_price
                .as_ref()
                .map(|price| price.parse_price(&format!("{place}/expected_unit_price")))
                .transpose()?,
        })
    }
}
