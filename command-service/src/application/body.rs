//! The domain's values in the JSON of a command's record: the same shapes as in the HTTP contract, written and read.

use domain::{Address, InvalidValue, Money, Size, UnitPrice};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::bus::UnreadableBody;

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

/// The members of a body, or of an object in it. An absent member reads as null.
pub(super) struct Fields(Value);

impl Fields {
    pub fn of(body: Value) -> Self {
        Self(body)
    }

    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, UnreadableBody> {
        serde_json::from_value(self.0[name].clone())
            .map_err(|error| UnreadableBody(format!("{name}: {error}")))
    }

    /// The members of an object; `None` for null.
    pub fn object(&self, name: &str) -> Option<Self> {
        match &self.0[name] {
            Value::Null => None,
            object => Some(Self(object.clone())),
        }
    }

    pub fn objects(&self, name: &str) -> Result<Vec<Self>, UnreadableBody> {
        Ok(self.get::<Vec<Value>>(name)?.into_iter().map(Self).collect())
    }

    pub fn money(&self, name: &str) -> Result<Money, UnreadableBody> {
        self.object(name).ok_or_else(|| missing(name))?.as_money()
    }

    pub fn unit_price(&self, name: &str) -> Result<UnitPrice, UnreadableBody> {
        Ok(UnitPrice::new(self.money(name)?)?)
    }

    pub fn address(&self, name: &str) -> Result<Address, UnreadableBody> {
        self.object(name).ok_or_else(|| missing(name))?.as_address()
    }

    pub fn size(&self, name: &str) -> Result<Size, UnreadableBody> {
        self.object(name).ok_or_else(|| missing(name))?.as_size()
    }

    pub fn as_money(&self) -> Result<Money, UnreadableBody> {
        Ok(Money::parse(
            self.get("amount")?,
            &self.get::<String>("currency")?,
        )?)
    }

    pub fn as_address(&self) -> Result<Address, UnreadableBody> {
        let text = |name| self.get::<String>(name);
        Ok(Address::new(
            &text("name")?,
            &text("street")?,
            &text("postal_code")?,
            &text("city")?,
            &text("country")?,
        )?)
    }

    pub fn as_size(&self) -> Result<Size, UnreadableBody> {
        Ok(Size::new(
            self.get("length_mm")?,
            self.get("width_mm")?,
            self.get("height_mm")?,
        )?)
    }
}

fn missing(name: &str) -> UnreadableBody {
    UnreadableBody(format!("{name} is missing"))
}

impl From<InvalidValue> for UnreadableBody {
    fn from(error: InvalidValue) -> Self {
        Self(error.to_string())
    }
}
