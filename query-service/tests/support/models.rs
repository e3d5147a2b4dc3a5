//! Documents beside orders.

use chrono::{Duration, NaiveDate};
use read_model::{
    Address, CustomerDocument, DeliveryDocument, DeliveryStatus, Entry as _, InvoiceAccountDocument,
    InvoiceDocument, InvoiceStatus, Money, OrderHistoryEntry, OrderStatus, ProductDocument, SaleDocument,
    Sold, entry_id,
};
use shared_events::event::{DeliveryLine, InvoiceLine};
use shared_events::{AggregateType, EventMetadata, OrderEvent};
use uuid::Uuid;

use super::mothers::{an_order, at, euros, id};

pub fn an_address() -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        street: "St James's Square 12".to_owned(),
        postal_code: "SW1Y 4JH".to_owned(),
        city: "London".to_owned(),
        country: "GB".to_owned(),
    }
}

/// The nth customer, n minutes into 2026.
pub fn a_customer(n: u128, name: &str) -> CustomerDocument {
    let created_at = an_order(n).created_at;
    CustomerDocument {
        id: id(900_000 + n),
        version: 1,
        name: name.to_owned(),
        name_version: 1,
        propagated_version: 1,
        email: None,
        billing_address: an_address(),
        delivery_address: an_address(),
        own_delivery_address: false,
        created_at,
        updated_at: created_at,
    }
}

pub fn a_product(n: u128, name: &str) -> ProductDocument {
    let created_at = an_order(n).created_at;
    ProductDocument {
        id: id(800_000 + n),
        version: 1,
        name: name.to_owned(),
        name_version: 1,
        propagated_version: 1,
        unit_price: euros(4_950),
        size: None,
        weight_grams: Some(700),
        discontinued: false,
        created_at,
        updated_at: created_at,
    }
}

/// Of the nth order, to Ada.
pub fn an_invoice(n: u128) -> InvoiceDocument {
    let issued_at = an_order(n).created_at;
    InvoiceDocument {
        id: id(700_000 + n),
        version: 1,
        number: i64::try_from(n).expect("small"),
        order_id: id(n),
        customer_id: id(900_001),
        billing_address: an_address(),
        lines: vec![InvoiceLine {
            product_id: id(800_001),
            product_name: "Oak chair".to_owned(),
            quantity: 2,
            unit_price: euros(4_950),
            subtotal: euros(9_900),
        }],
        total: euros(9_900),
        issued_at,
        created_at: issued_at,
    }
}

pub fn an_account(n: u128) -> InvoiceAccountDocument {
    let invoice = an_invoice(n);
    InvoiceAccountDocument {
        id: invoice.id,
        version: 1,
        number: invoice.number,
        order_id: invoice.order_id,
        customer_id: invoice.customer_id,
        total: invoice.total,
        paid: euros(0),
        status: InvoiceStatus::Issued,
        credit_note_number: None,
        issued_at: invoice.issued_at,
        created_at: invoice.issued_at,
        updated_at: invoice.issued_at,
    }
}

/// Of the nth order, which was confirmed with its version 3.
pub fn a_delivery(n: u128) -> DeliveryDocument {
    let told_at = an_order(n).created_at + Duration::seconds(30);
    DeliveryDocument {
        id: id(n),
        version: 1,
        order_version: 3,
        status: DeliveryStatus::Requested,
        delivery_address: Some(an_address()),
        lines: vec![DeliveryLine {
            product_id: id(800_001),
            product_name: "Oak chair".to_owned(),
            quantity: 2,
            size: None,
            weight_grams: Some(700),
        }],
        total_weight_grams: Some(1_400),
        tracking_number: None,
        created_at: Some(told_at),
        updated_at: Some(told_at),
        order_status: Some(DeliveryStatus::Requested),
        order_changed_at: Some(told_at),
        told_cancelled: false,
        told_at: Some(told_at),
    }
}

/// The order's event as its history keeps it; version n happens n minutes into 2026.
pub fn an_entry(order_id: Uuid, version: u64, event: &OrderEvent) -> OrderHistoryEntry {
    let metadata = EventMetadata {
        event_id: id(600_000 + u128::from(version)),
        event_type: event.event_type().to_owned(),
        aggregate: AggregateType::Order,
        aggregate_id: order_id,
        version,
        occurred_at: at("2026-01-01T00:00:00Z") + Duration::minutes(i64::try_from(version).expect("small")),
        actor: "clerk".to_owned(),
        command_id: id(500_000 + u128::from(version)),
        causation_id: id(500_000 + u128::from(version)),
        correlation_id: id(400_001),
        traceparent: None,
    };
    OrderHistoryEntry::of(entry_id(order_id, version), &metadata, event).expect("it can be kept")
}

/// The nth order, which counts from `day` on.
pub fn a_sale(n: u128, day: &str, sold: &[(u128, i64, i64)], currency: &str) -> SaleDocument {
    let order = an_order(n);
    SaleDocument {
        id: order.id,
        version: 3,
        status: OrderStatus::Confirmed,
        confirmed_on: Some(day.parse::<NaiveDate>().expect("a day")),
        currency: Some(currency.to_owned()),
        revenue: Some(sold.iter().map(|(_, _, revenue)| revenue).sum()),
        sold: sold
            .iter()
            .map(|(product, quantity, revenue)| Sold {
                product_id: id(800_000 + product),
                quantity: *quantity,
                revenue: *revenue,
                currency: currency.to_owned(),
            })
            .collect(),
        lines: Vec::new(),
        created_at: order.created_at,
        updated_at: order.updated_at,
    }
}

/// One that does not count: a draft, or cancelled.
pub fn no_sale(n: u128, status: OrderStatus) -> SaleDocument {
    SaleDocument {
        status,
        confirmed_on: None,
        currency: None,
        revenue: None,
        ..a_sale(n, "2026-01-01", &[], "EUR")
    }
}

pub fn money(amount: i64, currency: &str) -> Money {
    Money {
        amount,
        currency: currency.to_owned(),
    }
}
