//! Customers and products.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::event::{Address, Money, Size};
use shared_events::{CustomerEvent, ProductEvent};
use uuid::Uuid;

pub struct Customer {
    version: u64,
    pub name: String,
    email: Option<String>,
    billing_address: Address,
    /// Where the customer has given one.
    delivery_address: Option<Address>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub fn customer(
    customers: &mut BTreeMap<Uuid, Customer>,
    id: Uuid,
    version: u64,
    at: DateTime<Utc>,
    event: CustomerEvent,
) -> Result<()> {
    if let CustomerEvent::Registered(event) = event {
        let customer = Customer {
            version,
            name: event.name,
            email: event.email,
            billing_address: event.billing_address,
            delivery_address: event.delivery_address,
            created_at: at,
            updated_at: at,
        };
        ensure!(
            customers.insert(id, customer).is_none(),
            "customer {id} was registered twice"
        );
        return Ok(());
    }
    let customer = customers
        .get_mut(&id)
        .with_context(|| format!("customer {id} was never registered"))?;
    customer.version = version;
    customer.updated_at = at;
    match event {
        CustomerEvent::Registered(_) => {}
        CustomerEvent::Renamed(event) => customer.name = event.name,
        CustomerEvent::BillingAddressChanged(event) => customer.billing_address = event.billing_address,
        CustomerEvent::DeliveryAddressChanged(event) => {
            customer.delivery_address = Some(event.delivery_address);
        }
    }
    Ok(())
}

impl Customer {
    pub fn answer(&self, id: Uuid) -> Value {
        let mut answer = json!({
            "id": id,
            "version": self.version,
            "name": self.name,
            "billing_address": self.billing_address,
            "delivery_address": self.delivery_address.as_ref().unwrap_or(&self.billing_address),
            "created_at": self.created_at.timestamp_micros(),
            "updated_at": self.updated_at.timestamp_micros(),
        });
        if let Some(email) = &self.email {
            answer["email"] = json!(email);
        }
        answer
    }
}

pub struct Product {
    version: u64,
    pub name: String,
    unit_price: Money,
    size: Option<Size>,
    weight_grams: Option<i32>,
    discontinued: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub fn product(
    products: &mut BTreeMap<Uuid, Product>,
    id: Uuid,
    version: u64,
    at: DateTime<Utc>,
    event: ProductEvent,
) -> Result<()> {
    if let ProductEvent::Added(event) = event {
        let product = Product {
            version,
            name: event.name,
            unit_price: event.unit_price,
            size: event.size,
            weight_grams: event.weight_grams,
            discontinued: false,
            created_at: at,
            updated_at: at,
        };
        ensure!(
            products.insert(id, product).is_none(),
            "product {id} was added twice"
        );
        return Ok(());
    }
    let product = products
        .get_mut(&id)
        .with_context(|| format!("product {id} was never added"))?;
    product.version = version;
    product.updated_at = at;
    match event {
        ProductEvent::Added(_) => {}
        ProductEvent::Renamed(event) => product.name = event.name,
        ProductEvent::PriceChanged(event) => product.unit_price = event.unit_price,
        ProductEvent::DimensionsChanged(event) => {
            product.size = Some(event.size);
            product.weight_grams = Some(event.weight_grams);
        }
        ProductEvent::Discontinued(_) => product.discontinued = true,
    }
    Ok(())
}

impl Product {
    pub fn answer(&self, id: Uuid) -> Value {
        let mut answer = json!({
            "id": id,
            "version": self.version,
            "name": self.name,
            "unit_price": self.unit_price,
            "discontinued": self.discontinued,
            "created_at": self.created_at.timestamp_micros(),
            "updated_at": self.updated_at.timestamp_micros(),
        });
        if let Some(size) = &self.size {
            answer["size"] = json!(size);
        }
        if let Some(weight_grams) = self.weight_grams {
            answer["weight_grams"] = json!(weight_grams);
        }
        answer
    }
}
