//! The commands that there are, as requests.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calling::Command;

/// With or without an id of the client's own; what the body lacks is in `rest`.
fn create(
    name: &'static str,
    aggregate: &'static str,
    path: &str,
    id: Option<Uuid>,
    mut rest: Value,
) -> Command {
    if let Some(id) = id {
        rest[format!("{aggregate}_id")] = json!(id);
    }
    let mut command = Command::new(name, aggregate, Uuid::nil(), Method::POST, path.to_owned()).body(rest);
    command.id = id;
    command
}

fn put(name: &'static str, aggregate: &'static str, id: Uuid, what: &str, body: Value) -> Command {
    let path = format!("/v1/{aggregate}s/{id}/{what}");
    Command::new(name, aggregate, id, Method::PUT, path).body(body)
}

fn post(name: &'static str, aggregate: &'static str, id: Uuid, what: &str) -> Command {
    let path = format!("/v1/{aggregate}s/{id}/{what}");
    Command::new(name, aggregate, id, Method::POST, path)
}

pub fn register_customer(id: Option<Uuid>, name: &str, address: Value) -> Command {
    let body = json!({"name": name, "billing_address": address});
    create("register_customer", "customer", "/v1/customers", id, body)
}

pub fn rename_customer(id: Uuid, name: &str) -> Command {
    put("rename_customer", "customer", id, "name", json!({"name": name}))
}

pub fn change_billing_address(id: Uuid, address: Value) -> Command {
    put(
        "change_billing_address",
        "customer",
        id,
        "billing-address",
        address,
    )
}

pub fn change_delivery_address(id: Uuid, address: Value) -> Command {
    put(
        "change_delivery_address",
        "customer",
        id,
        "delivery-address",
        address,
    )
}

pub fn add_product(id: Option<Uuid>, name: &str, price: Value) -> Command {
    let body = json!({"name": name, "unit_price": price});
    create("add_product", "product", "/v1/products", id, body)
}

pub fn rename_product(id: Uuid, name: &str) -> Command {
    put("rename_product", "product", id, "name", json!({"name": name}))
}

pub fn change_product_price(id: Uuid, price: Value) -> Command {
    put(
        "change_product_price",
        "product",
        id,
        "price",
        json!({"unit_price": price}),
    )
}

pub fn change_product_dimensions(id: Uuid, length_mm: usize, weight_grams: usize) -> Command {
    let size = json!({"length_mm": length_mm, "width_mm": 200, "height_mm": 30});
    let body = json!({"size": size, "weight_grams": weight_grams});
    put("change_product_dimensions", "product", id, "dimensions", body)
}

pub fn discontinue_product(id: Uuid) -> Command {
    post("discontinue_product", "product", id, "discontinue")
}

pub fn create_order(id: Option<Uuid>, customer: Uuid, items: &[(Uuid, usize)]) -> Command {
    let items: Vec<Value> = items
        .iter()
        .map(|(product, quantity)| item(*product, *quantity))
        .collect();
    let body = json!({"customer_id": customer, "items": items});
    create("create_order", "order", "/v1/orders", id, body)
}

fn item(product: Uuid, quantity: usize) -> Value {
    json!({"product_id": product, "quantity": quantity})
}

pub fn add_order_item(order: Uuid, product: Uuid, quantity: usize) -> Command {
    post("add_order_item", "order", order, "items").body(item(product, quantity))
}

pub fn change_order_item_quantity(order: Uuid, product: Uuid, quantity: usize) -> Command {
    let what = format!("items/{product}");
    put(
        "change_order_item_quantity",
        "order",
        order,
        &what,
        json!({"quantity": quantity}),
    )
}

pub fn remove_order_item(order: Uuid, product: Uuid) -> Command {
    let path = format!("/v1/orders/{order}/items/{product}");
    Command::new("remove_order_item", "order", order, Method::DELETE, path)
}

pub fn submit_order(order: Uuid) -> Command {
    post("submit_order", "order", order, "submit")
}

pub fn confirm_order(order: Uuid) -> Command {
    post("confirm_order", "order", order, "confirm")
}

pub fn ship_order(order: Uuid) -> Command {
    let body = json!({"tracking_number": format!("1Z{}", order.simple())});
    post("ship_order", "order", order, "ship").body(body)
}

pub fn deliver_order(order: Uuid) -> Command {
    post("deliver_order", "order", order, "deliver")
}

pub fn cancel_order(order: Uuid, reason: &str) -> Command {
    post("cancel_order", "order", order, "cancel").body(json!({"reason": reason}))
}

pub fn receive_payment(invoice: Uuid, amount: i64, reference: &str) -> Command {
    let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "reference": reference});
    post("receive_payment", "invoice", invoice, "payments").body(body)
}
