//! Clients that send one command under one key several times at once, and once more much later; some send another command
//! under it.

use std::collections::VecDeque;

use futures_util::future::join_all;
use uuid::Uuid;

use super::client::Client;
use super::commands;
use crate::calling::Command;

const REMEMBERED: usize = 50;

pub async fn repeat(mut client: Client) {
    let mut earlier: VecDeque<Command> = VecDeque::new();
    while client.goes_on() {
        if let Some(again) = earlier.get(client.dice.roll(REMEMBERED)).cloned() {
            client.insist(&again).await;
            continue;
        }
        let Some(command) = something(&mut client) else {
            super::shoppers::register(&mut client).await;
            super::clerks::add_product(&mut client).await;
            continue;
        };
        at_once(&mut client, &command).await;
        if earlier.len() == REMEMBERED {
            earlier.pop_front();
        }
        earlier.push_back(command);
    }
}

/// Two to four at once, through all replicas in turn, each until there is a final answer.
async fn at_once(client: &mut Client, command: &Command) {
    let senders = 2 + client.dice.roll(3);
    let first = client.dice.roll(2);
    // It is told that the key is another's, or the others are.
    let stranger = client.once_in(8).then(|| client.dice.roll(senders));
    join_all((0..senders).map(|number| {
        let mut sender = client.clone();
        let mut command = command.clone();
        if stranger == Some(number) {
            command = commands::create_order(None, Uuid::from_u128(4_711), &[])
                .key(command.key.unwrap_or_default());
        }
        async move {
            // Their pauses differ.
            sender.dice.roll(2 + number);
            sender.insist_from(&command, first + number).await
        }
    }))
    .await;
}

/// Under a new key: mostly what succeeds, with an id of the client's own or without; some that is refused.
fn something(client: &mut Client) -> Option<Command> {
    let customer = client.shop.customer(&mut client.dice)?;
    let product = client.shop.product(&mut client.dice)?;
    let items = [(product, 1 + client.dice.roll(7))];
    let id = client.new_id();
    let own = client.once_in(2).then_some(id);
    let mut command = match client.dice.roll(8) {
        0 => commands::change_product_price(product, client.price()),
        1 => commands::change_delivery_address(customer, client.address()),
        2 => commands::submit_order(client.shop.order(&mut client.dice)?),
        // Nobody has this number.
        3 => commands::create_order(own, id, &items),
        _ => commands::create_order(own, customer, &items),
    };
    command.deferred = client.once_in(8);
    Some(command.key(client.new_key()))
}
