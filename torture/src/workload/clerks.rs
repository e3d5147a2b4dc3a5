//! Clients that keep customers and products: new ones, changed ones, those that are no longer sold.

use super::client::{Client, stands_at};
use super::commands;
use super::shoppers::{NAMES, register};

pub async fn keep_books(mut client: Client) {
    while client.goes_on() {
        one_entry(&mut client).await;
    }
}

async fn one_entry(client: &mut Client) {
    let (Some(customer), Some(product)) = (
        client.shop.customer(&mut client.dice),
        client.shop.product(&mut client.dice),
    ) else {
        register(client).await;
        add_product(client).await;
        return;
    };
    let number = client.dice.roll(100_000);
    let command = match client.dice.roll(24) {
        0..=3 => return register(client).await,
        4..=6 => return add_product(client).await,
        7 => {
            let name = format!("{} renamed {number}", NAMES[number % NAMES.len()]);
            commands::rename_customer(customer, &name)
        }
        8 => commands::rename_product(
            product,
            &format!("{} renewed {number}", GOODS[number % GOODS.len()]),
        ),
        9..=11 => commands::change_billing_address(customer, client.address()),
        12..=14 => commands::change_delivery_address(customer, client.address()),
        15..=16 => commands::change_product_dimensions(product, 1 + number % 900, 1 + number % 9_000),
        17 => match client.shop.take_product(&mut client.dice) {
            Some(product) => commands::discontinue_product(product),
            None => return add_product(client).await,
        },
        _ => commands::change_product_price(product, client.price()),
    };
    client.send(command).await;
}

const GOODS: [&str; 8] = [
    "Loom", "Cards", "Engine", "Kettle", "Teapot", "Lantern", "Compass", "Sextant",
];

pub async fn add_product(client: &mut Client) {
    let (id, price) = (client.new_id(), client.price());
    let own = (!client.once_in(5)).then_some(id);
    let name = format!(
        "{} {}",
        GOODS[client.dice.roll(GOODS.len())],
        client.dice.roll(10_000)
    );
    let answer = client.send(commands::add_product(own, &name, price)).await;
    if let Some((id, _)) = stands_at(&answer) {
        client.shop.add_product(id);
    }
}
