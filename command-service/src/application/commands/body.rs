//! The domain's values in the JSON of a command's record: the same shapes as in the HTTP contract.

use domain::{Address, Money, Size};
use serde_json::{Value, json};

pub(super) fn money(money: Money) -> Value {
    json!({"amount": money.amount(), "currency": money.currency().code()})
}

pub(super) fn address(address: &Address) -> Value {
    json!({
        "name": address.name(),
        "street": address.street(),
        "postal_code": address.postal_code(),
        "city": address.city(),
        "country": address.country().code(),
    })
}

pub(super) fn size(size: Size) -> Value {
    json!({"length_mm": size.length_mm(), "width_mm": size.width_mm(), "height_mm": size.height_mm()})
}
