//! Any of the domain's values.

use domain::{
    Address, CancellationReason, CreditNoteNumber, EmailAddress, InvoiceNumber, Money, Name, PaymentAmount,
    PaymentReference, Quantity, Size, TrackingNumber, UnitPrice, Weight,
};
use proptest::prelude::*;
use uuid::Uuid;

fn text(max: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("\\PC{{1,{max}}}")).unwrap()
}

pub fn names() -> impl Strategy<Value = Name> {
    text(200).prop_filter_map("blank", |text| Name::new(&text).ok())
}

pub fn emails() -> impl Strategy<Value = EmailAddress> {
    "[a-z0-9.+é-]{1,20}@[a-z0-9]{1,9}\\.[a-z]{2,6}"
        .prop_filter_map("not an address", |text| EmailAddress::new(&text).ok())
}

pub fn addresses() -> impl Strategy<Value = Address> {
    let countries = prop_oneof![Just("GB"), Just("DE"), Just("ZW")];
    (text(200), text(200), "[A-Z0-9 ]{0,20}", text(200), countries).prop_filter_map(
        "blank",
        |(name, street, postal_code, city, country)| {
            Address::new(&name, &street, &postal_code, &city, country).ok()
        },
    )
}

pub fn amounts() -> impl Strategy<Value = Money> {
    (any::<i64>(), prop_oneof![Just("EUR"), Just("JPY"), Just("ZWG")])
        .prop_map(|(amount, currency)| Money::parse(amount, currency).unwrap())
}

pub fn unit_prices() -> impl Strategy<Value = UnitPrice> {
    amounts().prop_filter_map("negative", |money| UnitPrice::new(money).ok())
}

pub fn quantities() -> impl Strategy<Value = Quantity> {
    (1..=i64::from(Quantity::MAX)).prop_map(|pieces| Quantity::new(pieces).unwrap())
}

pub fn sizes() -> impl Strategy<Value = Size> {
    let side = || 1..=i64::from(Size::MAX_SIDE_MM);
    (side(), side(), side()).prop_map(|(length, width, height)| Size::new(length, width, height).unwrap())
}

pub fn weights() -> impl Strategy<Value = Weight> {
    (1..=i64::from(Weight::MAX_GRAMS)).prop_map(|grams| Weight::from_grams(grams).unwrap())
}

pub fn ids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub fn versions() -> impl Strategy<Value = u64> {
    1..=i64::MAX as u64
}

pub fn payments() -> impl Strategy<Value = PaymentAmount> {
    amounts().prop_filter_map("nothing", |money| PaymentAmount::new(money).ok())
}

pub fn tracking_numbers() -> impl Strategy<Value = TrackingNumber> {
    text(100).prop_filter_map("blank", |text| TrackingNumber::new(&text).ok())
}

pub fn reasons() -> impl Strategy<Value = CancellationReason> {
    text(500).prop_filter_map("blank", |text| CancellationReason::new(&text).ok())
}

pub fn references() -> impl Strategy<Value = PaymentReference> {
    text(200).prop_filter_map("blank", |text| PaymentReference::new(&text).ok())
}

pub fn invoice_numbers() -> impl Strategy<Value = InvoiceNumber> {
    (1..=i64::MAX).prop_map(|number| InvoiceNumber::new(number).unwrap())
}

pub fn credit_note_numbers() -> impl Strategy<Value = CreditNoteNumber> {
    (1..=i64::MAX).prop_map(|number| CreditNoteNumber::new(number).unwrap())
}
