//! Things that are right, for tests that are about something else.

use std::fmt::Debug;

use uuid::Uuid;

use super::builders::{ItemBuilder, an_item};
use crate::aggregate::Aggregate;
use crate::customer::CustomerEvent;
use crate::invoicing::{Invoice, InvoiceEvent, IssueInvoice};
use crate::order::{CustomerAsKnown, OrderEvent, OrderStatus};
use crate::product::{AddProduct, ProductEvent};
use crate::value::{
    Address, CancellationReason, CreditNoteNumber, Currency, CustomerId, EmailAddress, InvoiceId,
    InvoiceNumber, Money, Name, OrderId, PaymentAmount, PaymentReference, ProductId, Quantity, Size,
    TrackingNumber, UnitPrice, Weight,
};

/// Ada Lovelace, with two addresses.
pub fn a_registered_customer() -> Vec<CustomerEvent> {
    vec![CustomerEvent::Registered {
        name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
        billing_address: an_address("Ada Lovelace"),
        delivery_address: Some(an_address("Charles Babbage")),
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

pub fn a_discontinued_product() -> Vec<ProductEvent> {
    let mut events = an_added_product();
    events.push(ProductEvent::Discontinued);
    events
}

pub fn a_product() -> AddProduct {
    AddProduct {
        name: name("Difference engine"),
        unit_price: eur(1999),
        size: Some(size(300, 200, 100)),
        weight: Some(weight(2500)),
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

pub fn a_confirmed_order() -> Vec<OrderEvent> {
    let mut events = a_submitted_order();
    events.push(OrderEvent::Confirmed {
        total: eur(5997).money(),
    });
    events
}

/// As parcel 00340434161094042557.
pub fn a_shipped_order() -> Vec<OrderEvent> {
    let mut events = a_confirmed_order();
    events.push(OrderEvent::Shipped {
        tracking_number: tracking_number("00340434161094042557"),
    });
    events
}

pub fn a_delivered_order() -> Vec<OrderEvent> {
    let mut events = a_shipped_order();
    events.push(OrderEvent::Delivered);
    events
}

/// The order that these events lead to, cancelled in the status that it had.
pub fn cancelled(mut events: Vec<OrderEvent>, cancelled_from: OrderStatus) -> Vec<OrderEvent> {
    events.push(OrderEvent::Cancelled {
        reason: cancellation_reason("Ordered twice"),
        cancelled_from,
    });
    events
}

/// An order of three pieces at 19.99 EUR with exactly the events that lead to the status; a cancelled one was submitted
/// before.
pub fn an_order_that_is(status: OrderStatus) -> Vec<OrderEvent> {
    match status {
        OrderStatus::Draft => a_draft_of([an_item(1).pieces(3)]),
        OrderStatus::Submitted => a_submitted_order(),
        OrderStatus::Confirmed => a_confirmed_order(),
        OrderStatus::Shipped => a_shipped_order(),
        OrderStatus::Delivered => a_delivered_order(),
        OrderStatus::Cancelled => cancelled(a_submitted_order(), OrderStatus::Submitted),
    }
}

/// Number 1, of order 1 and its three pieces at 19.99 EUR.
pub fn an_invoice() -> IssueInvoice {
    IssueInvoice {
        number: invoice_number(1),
        order_id: order_id(1),
        customer_id: customer_id(1),
        billing_address: an_address("Ada Lovelace"),
        lines: vec![an_item(1).pieces(3).to_invoice()],
    }
}

pub fn an_issued_invoice() -> Vec<InvoiceEvent> {
    right(Invoice::create(an_invoice()))
}

/// In one payment.
pub fn a_paid_invoice() -> Vec<InvoiceEvent> {
    let mut events = an_issued_invoice();
    events.extend([
        InvoiceEvent::PaymentReceived {
            amount: payment(5997),
            reference: payment_reference("Transfer 1"),
            paid: eur(5997).money(),
        },
        InvoiceEvent::Paid {
            order_id: order_id(1),
        },
    ]);
    events
}

/// Without a payment.
pub fn a_credited_invoice() -> Vec<InvoiceEvent> {
    let mut events = an_issued_invoice();
    events.push(InvoiceEvent::CreditNoteIssued {
        number: credit_note_number(1),
        order_id: order_id(1),
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

pub fn invoice_id(of_order: u128) -> InvoiceId {
    InvoiceId::of_order(order_id(of_order))
}

pub fn invoice_number(number: i64) -> InvoiceNumber {
    right(InvoiceNumber::new(number))
}

pub fn credit_note_number(number: i64) -> CreditNoteNumber {
    right(CreditNoteNumber::new(number))
}

pub fn tracking_number(text: &str) -> TrackingNumber {
    right(TrackingNumber::new(text))
}

pub fn cancellation_reason(text: &str) -> CancellationReason {
    right(CancellationReason::new(text))
}

pub fn payment_reference(text: &str) -> PaymentReference {
    right(PaymentReference::new(text))
}

/// In euro cents.
pub fn payment(amount: i64) -> PaymentAmount {
    right(PaymentAmount::new(eur(amount).money()))
}

/// In millimetres.
pub fn size(length: i64, width: i64, height: i64) -> Size {
    right(Size::new(length, width, height))
}

/// In grams.
pub fn weight(grams: i64) -> Weight {
    right(Weight::from_grams(grams))
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
