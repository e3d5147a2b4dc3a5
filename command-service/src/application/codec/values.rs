//! The domain's values as records hold them, and back.

use domain::{Address, Money, Size, Weight};
use shared_events::event as record;

use super::CodecError;

pub(in crate::application) fn money(money: Money) -> record::Money {
    record::Money {
        amount: money.amount(),
        currency: money.currency().to_string(),
    }
}

pub(in crate::application) fn from_money(money: &record::Money) -> Result<Money, CodecError> {
    Ok(Money::parse(money.amount, &money.currency)?)
}

pub(in crate::application) fn from_unit_price(
    money: &record::Money,
) -> Result<domain::UnitPrice, CodecError> {
    Ok(domain::UnitPrice::new(from_money(money)?)?)
}

pub(in crate::application) fn address(address: &Address) -> record::Address {
    record::Address {
        name: address.name().to_owned(),
        street: address.street().to_owned(),
        postal_code: address.postal_code().to_owned(),
        city: address.city().to_owned(),
        country: address.country().to_string(),
    }
}

pub(in crate::application) fn from_address(address: &record::Address) -> Result<Address, CodecError> {
    let record::Address {
        name,
        street,
        postal_code,
        city,
        country,
    } = address;
    Ok(Address::new(name, street, postal_code, city, country)?)
}

pub(in crate::application) fn size(size: Size) -> record::Size {
    record::Size {
        length_mm: size.length_mm(),
        width_mm: size.width_mm(),
        height_mm: size.height_mm(),
    }
}

pub(in crate::application) fn from_size(size: record::Size) -> Result<Size, CodecError> {
    Ok(Size::new(
        size.length_mm.into(),
        size.width_mm.into(),
        size.height_mm.into(),
    )?)
}

pub(in crate::application) fn from_weight(grams: i32) -> Result<Weight, CodecError> {
    Ok(Weight::from_grams(grams.into())?)
}

pub(in crate::application) fn version(field: &'static str, version: u64) -> Result<i64, CodecError> {
    i64::try_from(version).map_err(|_| CodecError::OutOfRange {
        field,
        value: version.into(),
    })
}

pub(in crate::application) fn from_version(field: &'static str, version: i64) -> Result<u64, CodecError> {
    u64::try_from(version).map_err(|_| CodecError::OutOfRange {
        field,
        value: version.into(),
    })
}
