use chrono::{DateTime, Duration, Utc};
use read_model::{Money, OrderDocument, OrderItem, OrderStatus};
use uuid::Uuid;

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128((0x0190_b5a0_u128 << 96) | (0x7 << 76) | (0x8 << 60) | n)
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an RFC 3339 time")
}

pub fn euros(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".to_owned(),
    }
}

/// The nth order: a draft of Ada Lovelace, n minutes into 2026, with one chair.
pub fn an_order(n: u128) -> OrderDocument {
    let created_at = at("2026-01-01T00:00:00.000123Z") + Duration::minutes(i64::try_from(n).expect("small"));
    OrderDocument {
        id: id(n),
        version: 1,
        status: OrderStatus::Draft,
        customer_id: id(900_001),
        customer_name: "Ada Lovelace".to_owned(),
        customer_version: 1,
        items: vec![a_line(800_001, "Oak chair", 2, 4_950)],
        item_count: 1,
        total: Some(euros(9_900)),
        invoice_id: None,
        tracking_number: None,
        cancellation_reason: None,
        created_at,
        updated_at: created_at,
    }
}

pub fn a_line(product: u128, name: &str, quantity: i64, price: i64) -> OrderItem {
    OrderItem {
        product_id: id(product),
        product_name: name.to_owned(),
        product_version: 1,
        quantity,
        unit_price: euros(price),
        subtotal: euros(price * quantity),
    }
}

/// Of another customer than [`an_order`].
pub fn an_order_of(n: u128, customer: u128, name: &str) -> OrderDocument {
    OrderDocument {
        customer_id: id(customer),
        customer_name: name.to_owned(),
        ..an_order(n)
    }
}

pub fn an_empty_order(n: u128) -> OrderDocument {
    OrderDocument {
        items: Vec::new(),
        item_count: 0,
        total: None,
        ..an_order(n)
    }
}
