//! Things that are right, for tests that are about something else.

use std::fmt::Debug;

use uuid::Uuid;

use super::builders::{ItemBuilder, an_item};
use crate::customer::CustomerEvent;
use crate::order::{CustomerAsKnown, OrderEvent};
use crate::product::{AddProduct, ProductEvent};
use crate::value::{
    Address, Currency, CustomerId, EmailAddress, Money, Name, OrderId, ProductId, Quantity, Size, UnitPrice,
    Weight,
};

/// Ada Lovelace, with two addresses.
pub fn a_registered_customer() -> Vec<CustomerEvent> {
    vec![CustomerEvent::Registered {
        name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
        billing_address: an_address("Ada Lovelace"),
        delivery_address: an_address("Charles Babbage"),
    }]
}

/// A difference engine for 19.99 EUR.
pub fn an_added_product() -> Vec<ProductEvent> {
    let AddProduct {
        name,
        unit_price,
        size,
        weight,
    } = a_product();
    vec![ProductEvent::Added {
        name,
        unit_price,
        size,
        weight,
    }]
}

pub fn a_product() -> AddProduct {
    AddProduct {
        name: name("Difference engine"),
        unit_price: eur(1999),
        size: Some(right(Size::new(300, 200, 100))),
        weight: Some(right(Weight::from_grams(2500))),
    }
}

/// Without items.
pub fn a_draft_order() -> Vec<OrderEvent> {
    let CustomerAsKnown { id, name, version } = the_customer();
    vec![OrderEvent::Created {
        customer_id: id,
        customer_name: name,
        customer_version: version,
    }]
}

pub fn a_draft_of(items: impl IntoIterator<Item = ItemBuilder>) -> Vec<OrderEvent> {
    let mut events = a_draft_order();
    events.extend(items.into_iter().map(ItemBuilder::added));
    events
}

/// Three pieces at 19.99 EUR.
pub fn a_submitted_order() -> Vec<OrderEvent> {
    let mut events = a_draft_of([an_item(1).pieces(3)]);
    events.push(OrderEvent::Submitted {
        total: eur(5997).money(),
    });
    events
}

/// Who orders in these stories.
pub fn the_customer() -> CustomerAsKnown {
    CustomerAsKnown {
        id: customer_id(1),
        name: name("Ada Lovelace"),
        version: 1,
    }
}

pub fn customer_id(number: u128) -> CustomerId {
    CustomerId::new(Uuid::from_u128((1 << 64) + number))
}

pub fn product_id(number: u128) -> ProductId {
    ProductId::new(Uuid::from_u128((2 << 64) + number))
}

pub fn order_id(number: u128) -> OrderId {
    OrderId::new(Uuid::from_u128((3 << 64) + number))
}

pub fn name(text: &str) -> Name {
    right(Name::new(text))
}

pub fn email(text: &str) -> EmailAddress {
    right(EmailAddress::new(text))
}

pub fn an_address(of: &str) -> Address {
    right(Address::new(
        of,
        "12 St James's Square",
        "SW1Y 4JH",
        "London",
        "GB",
    ))
}

pub fn quantity(pieces: i64) -> Quantity {
    right(Quantity::new(pieces))
}

pub fn money(amount: i64, currency: &str) -> Money {
    Money::new(amount, right(Currency::new(currency)))
}

pub fn price(amount: i64, currency: &str) -> UnitPrice {
    right(UnitPrice::new(money(amount, currency)))
}

/// In cents.
pub fn eur(amount: i64) -> UnitPrice {
    price(amount, "EUR")
}

#[track_caller]
fn right<T, E: Debug>(value: Result<T, E>) -> T {
    match value {
        Ok(value) => value,
        Err(error) => panic!("a test's own value is wrong: {error:?}"),
    }
}
