//! Clients that ask for what cannot be: unknown ids, steps out of turn, bodies that are none.

use serde_json::json;
use uuid::Uuid;

use super::client::Client;
use super::commands;
use crate::calling::Command;

pub async fn stray(mut client: Client) {
    while client.goes_on() {
        let Some(command) = something_refused(&mut client) else {
            super::shoppers::register(&mut client).await;
            continue;
        };
        client.send(command).await;
    }
}

/// Mostly refused: an order may happen to be where the step is allowed.
fn something_refused(client: &mut Client) -> Option<Command> {
    let customer = client.shop.customer(&mut client.dice)?;
    let product = client.shop.product(&mut client.dice)?;
    let order = client.shop.order(&mut client.dice)?;
    let nobody = client.new_id();
    Some(match client.dice.roll(14) {
        0 => commands::submit_order(nobody),
        1 => commands::ship_order(order),
        2 => commands::deliver_order(order),
        3 => commands::create_order(Some(nobody), Uuid::from_u128(1), &[(product, 1)]),
        4 => commands::create_order(Some(order), customer, &[(product, 1)]),
        5 => commands::create_order(None, customer, &[(nobody, 1)]),
        6 => commands::remove_order_item(order, nobody),
        7 => commands::add_order_item(order, product, 0),
        8 => commands::change_product_price(product, json!({"amount": -1, "currency": "EUR"})),
        9 => commands::rename_customer(customer, ""),
        10 => commands::register_customer(Some(customer), "Somebody else", client.address()),
        11 => commands::change_product_price(product, client.price()).if_match(1_000_000),
        12 => commands::receive_payment(nobody, 1, "for nothing"),
        _ => commands::confirm_order(order),
    })
}
