//! Whatever the domain can say is written and read back.

use std::fmt::Debug;

use command_service::application::codec::{Recorded, decode, encode};
use command_service::application::ports::StoredEvent;
use domain::customer::CustomerEvent;
use domain::order::OrderEvent;
use domain::product::ProductEvent;
use domain::{
    Address, Customer, EmailAddress, Money, Name, Order, Product, Quantity, Size, UnitPrice, Weight,
};
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

fn text(max: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("\\PC{{1,{max}}}")).unwrap()
}

fn names() -> impl Strategy<Value = Name> {
    text(200).prop_filter_map("blank", |text| Name::new(&text).ok())
}

fn emails() -> impl Strategy<Value = EmailAddress> {
    "[a-z0-9.+é-]{1,20}@[a-z0-9]{1,9}\\.[a-z]{2,6}"
        .prop_filter_map("not an address", |text| EmailAddress::new(&text).ok())
}

fn addresses() -> impl Strategy<Value = Address> {
    let countries = prop_oneof![Just("GB"), Just("DE"), Just("ZW")];
    (text(200), text(200), "[A-Z0-9 ]{0,20}", text(200), countries).prop_filter_map(
        "blank",
        |(name, street, postal_code, city, country)| {
            Address::new(&name, &street, &postal_code, &city, country).ok()
        },
    )
}

fn amounts() -> impl Strategy<Value = Money> {
    (any::<i64>(), prop_oneof![Just("EUR"), Just("JPY"), Just("ZWG")])
        .prop_map(|(amount, currency)| Money::parse(amount, currency).unwrap())
}

fn unit_prices() -> impl Strategy<Value = UnitPrice> {
    amounts().prop_filter_map("negative", |money| UnitPrice::new(money).ok())
}

fn quantities() -> impl Strategy<Value = Quantity> {
    (1..=i64::from(Quantity::MAX)).prop_map(|pieces| Quantity::new(pieces).unwrap())
}

fn sizes() -> impl Strategy<Value = Size> {
    let side = || 1..=i64::from(Size::MAX_SIDE_MM);
    (side(), side(), side()).prop_map(|(length, width, height)| Size::new(length, width, height).unwrap())
}

fn weights() -> impl Strategy<Value = Weight> {
    (1..=i64::from(Weight::MAX_GRAMS)).prop_map(|grams| Weight::from_grams(grams).unwrap())
}

fn ids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn versions() -> impl Strategy<Value = u64> {
    1..=i64::MAX as u64
}

fn customer_events() -> impl Strategy<Value = CustomerEvent> {
    prop_oneof![
        (names(), option::of(emails()), addresses(), addresses()).prop_map(
            |(name, email, billing_address, delivery_address)| CustomerEvent::Registered {
                name,
                email,
                billing_address,
                delivery_address,
            }
        ),
        names().prop_map(|name| CustomerEvent::Renamed { name }),
    ]
}

fn product_events() -> impl Strategy<Value = ProductEvent> {
    prop_oneof![
        (names(), unit_prices(), option::of(sizes()), option::of(weights())).prop_map(
            |(name, unit_price, size, weight)| ProductEvent::Added {
                name,
                unit_price,
                size,
                weight,
            }
        ),
        names().prop_map(|name| ProductEvent::Renamed { name }),
        unit_prices().prop_map(|unit_price| ProductEvent::PriceChanged { unit_price }),
    ]
}

fn order_events() -> impl Strategy<Value = OrderEvent> {
    prop_oneof![
        (ids(), names(), versions()).prop_map(|(customer_id, customer_name, customer_version)| {
            OrderEvent::Created {
                customer_id: customer_id.into(),
                customer_name,
                customer_version,
            }
        }),
        (ids(), names(), versions(), quantities(), unit_prices()).prop_map(
            |(product_id, product_name, product_version, quantity, unit_price)| OrderEvent::ItemAdded {
                product_id: product_id.into(),
                product_name,
                product_version,
                quantity,
                unit_price,
            }
        ),
        (ids(), quantities()).prop_map(|(product_id, quantity)| OrderEvent::ItemQuantityChanged {
            product_id: product_id.into(),
            quantity,
        }),
        ids().prop_map(|product_id| OrderEvent::ItemRemoved {
            product_id: product_id.into(),
        }),
        amounts().prop_map(|total| OrderEvent::Submitted { total }),
    ]
}

fn round_trip<A>(id: A::Id, event: &A::Event) -> Result<(), TestCaseError>
where
    A: Recorded,
    A::Event: Debug + PartialEq,
{
    let encoded = encode::<A>(id, event).unwrap();
    prop_assert!(encoded.event_type.starts_with(A::TYPE.topic()));
    let stored = StoredEvent {
        version: 1,
        event_type: encoded.event_type.to_owned(),
        payload: encoded.payload,
    };
    prop_assert_eq!(&decode::<A>(id, &stored).unwrap(), event);
    Ok(())
}

proptest! {
    #[test]
    fn customers(id in ids(), event in customer_events()) {
        round_trip::<Customer>(id.into(), &event)?;
    }

    #[test]
    fn products(id in ids(), event in product_events()) {
        round_trip::<Product>(id.into(), &event)?;
    }

    #[test]
    fn orders(id in ids(), event in order_events()) {
        round_trip::<Order>(id.into(), &event)?;
    }

    /// Bytes from anywhere are an event or an error.
    #[test]
    fn any_bytes(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
        for event_type in ["ordering.orders.OrderItemAddedV1", "ordering.orders.OrderSubmittedV1"] {
            let stored = StoredEvent { version: 1, event_type: event_type.to_owned(), payload: payload.clone() };
            let _ = decode::<Order>(Uuid::nil().into(), &stored);
        }
    }
}

#[test]
fn a_version_beyond_the_stores_range_is_an_error() {
    let event = OrderEvent::Created {
        customer_id: Uuid::nil().into(),
        customer_name: Name::new("Ada").unwrap(),
        customer_version: u64::MAX,
    };
    assert!(encode::<Order>(Uuid::nil().into(), &event).is_err());
}
