//! What the events of customers and products make of their documents.

// A test that meets what it did not expect ends there.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Utc};
use read_model::{CustomerDocument, Fold, Occurrence, ProductDocument};
use shared_events::event::*;
use shared_events::{CustomerEvent, ProductEvent};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(1);

fn at(version: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + version as i64, 0).unwrap()
}

/// Each event with the next version.
fn folded<D: Fold>(events: impl IntoIterator<Item = D::Event>) -> D {
    let mut document: Option<D> = None;
    for (version, event) in (1..).zip(events) {
        let occurrence = Occurrence {
            event: &event,
            version,
            occurred_at: at(version),
        };
        match &mut document {
            Some(document) => document.evolve(occurrence).unwrap(),
            None => document = Some(D::begin(occurrence).unwrap()),
        }
    }
    document.unwrap()
}

fn address(street: &str) -> Address {
    Address {
        name: "Ada".into(),
        street: street.into(),
        postal_code: "SW1Y 4JH".into(),
        city: "London".into(),
        country: "GB".into(),
    }
}

fn registered(delivery_address: Option<Address>) -> CustomerEvent {
    CustomerRegisteredV2 {
        customer_id: ID,
        name: "Ada".into(),
        email: None,
        billing_address: address("billing 1"),
        delivery_address,
    }
    .into()
}

fn billing_changed(street: &str) -> CustomerEvent {
    CustomerBillingAddressChangedV1 {
        customer_id: ID,
        billing_address: address(street),
    }
    .into()
}

fn delivery_changed(street: &str) -> CustomerEvent {
    CustomerDeliveryAddressChangedV1 {
        customer_id: ID,
        delivery_address: address(street),
    }
    .into()
}

fn streets(events: impl IntoIterator<Item = CustomerEvent>) -> [String; 2] {
    let customer: CustomerDocument = folded(events);
    [customer.billing_address.street, customer.delivery_address.street]
}

#[test]
fn parcels_go_to_the_billing_address_until_the_customer_gives_another() {
    assert_eq!(streets([registered(None)]), ["billing 1", "billing 1"]);
    let moved = || [registered(None), billing_changed("billing 2")];
    assert_eq!(streets(moved()), ["billing 2", "billing 2"]);
    let given = || moved().into_iter().chain([delivery_changed("delivery 1")]);
    assert_eq!(streets(given()), ["billing 2", "delivery 1"]);
    let moved_again = given().chain([billing_changed("billing 3")]);
    assert_eq!(streets(moved_again), ["billing 3", "delivery 1"]);
}

#[test]
fn an_own_delivery_address_stays_also_where_it_equals_the_billing_address() {
    let own = || registered(Some(address("billing 1")));
    assert_eq!(
        streets([own(), billing_changed("billing 2")]),
        ["billing 2", "billing 1"]
    );
}

fn added() -> ProductEvent {
    ProductAddedV1 {
        product_id: ID,
        name: "Engine".into(),
        unit_price: Money {
            amount: 5,
            currency: "EUR".into(),
        },
        size: None,
        weight_grams: None,
    }
    .into()
}

fn product_renamed() -> ProductEvent {
    ProductRenamedV1 {
        product_id: ID,
        name: "Analytical engine".into(),
    }
    .into()
}

fn measured() -> ProductEvent {
    ProductDimensionsChangedV1 {
        product_id: ID,
        size: Size {
            length_mm: 1,
            width_mm: 2,
            height_mm: 3,
        },
        weight_grams: 4,
    }
    .into()
}

fn discontinued() -> ProductEvent {
    ProductDiscontinuedV1 { product_id: ID }.into()
}

#[test]
fn a_product_shows_its_measures_and_that_it_is_no_longer_sold() {
    let product: ProductDocument = folded([added(), measured()]);
    assert_eq!(product.size.unwrap().height_mm, 3);
    assert_eq!((product.weight_grams, product.discontinued), (Some(4), false));
    let product: ProductDocument = folded([added(), measured(), discontinued()]);
    assert!(product.discontinued);
    assert_eq!((product.version, product.updated_at), (3, at(3)));
}

#[test]
fn what_orders_do_not_show_needs_no_carrying_to_them_unless_a_renaming_still_does() {
    let product: ProductDocument = folded([added(), measured(), discontinued()]);
    assert_eq!(product.propagated_version, 3);
    let product: ProductDocument = folded([added(), product_renamed(), measured(), discontinued()]);
    assert_eq!((product.version, product.propagated_version), (4, 1));
    let customer: CustomerDocument = folded([registered(None), billing_changed("b"), delivery_changed("d")]);
    assert_eq!(customer.propagated_version, 3);
}
