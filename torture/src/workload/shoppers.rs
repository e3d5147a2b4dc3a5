//! Clients that order: on all the ways that an order can go.

use std::time::Duration;

use checker::history::Answer;
use e2e::invoices::invoice_of;
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{Client, stands_at};
use super::commands;
use crate::asking::Manner;

/// How often a shopper asks for what follows from an order and is not there yet.
const PATIENCE: usize = 12;
const PAUSE: Duration = Duration::from_millis(400);

pub async fn shop(mut client: Client) {
    while client.goes_on() {
        if client.once_in(12) {
            register(&mut client).await;
        }
        order(&mut client).await;
    }
}

pub async fn register(client: &mut Client) {
    let (id, address) = (client.new_id(), client.address());
    let own = (!client.once_in(5)).then_some(id);
    let name = format!(
        "{} {}",
        NAMES[client.dice.roll(NAMES.len())],
        client.dice.roll(10_000)
    );
    let answer = client
        .send(commands::register_customer(own, &name, address))
        .await;
    if let Some((id, _)) = stands_at(&answer) {
        client.shop.add_customer(id);
    }
}

/// To search for.
pub const NAMES: [&str; 8] = [
    "Ada", "Grace", "Edsger", "Barbara", "Leslie", "Donald", "Radia", "Tony",
];

async fn order(client: &mut Client) {
    let Some((order, mut lines)) = create(client).await else {
        return;
    };
    for _ in 0..client.dice.roll(4) {
        if !edit(client, order, &mut lines).await {
            return;
        }
    }
    match client.dice.roll(14) {
        // It stays a draft.
        0 => return,
        1 => return go(client.send(commands::cancel_order(order, "never mind")).await),
        _ => {}
    }
    if stands_at(&client.send(commands::submit_order(order)).await).is_none() {
        return;
    }
    match client.dice.roll(10) {
        0 => return,
        1 => return go(client.send(commands::cancel_order(order, "at once")).await),
        2 | 3 => {
            pay(client, order, Share::Some).await;
            return;
        }
        4..=7 => pay(client, order, Share::All).await,
        _ => go(client.send(commands::confirm_order(order)).await),
    }
    match client.dice.roll(8) {
        0 => {}
        1 => go(client
            .send(commands::cancel_order(order, "a change of mind"))
            .await),
        way => {
            let shipped = ship(client, order).await;
            if shipped && way > 2 {
                go(client.send(commands::deliver_order(order)).await);
            }
        }
    }
}

/// Whatever was answered: the order's way may have been another's meanwhile, and the checker looks at all answers.
fn go(_: Answer) {}

async fn create(client: &mut Client) -> Option<(Uuid, Vec<Uuid>)> {
    let customer = client.shop.customer(&mut client.dice)?;
    let mut items = Vec::new();
    for _ in 0..1 + client.dice.roll(3) {
        let product = client.shop.product(&mut client.dice)?;
        if items.iter().all(|(other, _)| *other != product) {
            items.push((product, 1 + client.dice.roll(5)));
        }
    }
    let id = client.new_id();
    let own = (!client.once_in(5)).then_some(id);
    let answer = client.send(commands::create_order(own, customer, &items)).await;
    let (order, _) = stands_at(&answer)?;
    client.shop.add_order(order);
    Some((order, items.into_iter().map(|(product, _)| product).collect()))
}

/// False where the client does not know any more how the order stands.
async fn edit(client: &mut Client, order: Uuid, lines: &mut Vec<Uuid>) -> bool {
    let at = client.dice.roll(lines.len().max(1));
    let quantity = 1 + client.dice.roll(9);
    let answer = match (client.dice.roll(5), lines.get(at).copied()) {
        (0, Some(line)) if lines.len() > 1 => {
            lines.remove(at);
            client.send(commands::remove_order_item(order, line)).await
        }
        (1 | 2, Some(line)) => {
            let change = commands::change_order_item_quantity(order, line, quantity);
            client.send(change).await
        }
        _ => {
            let Some(product) = client.shop.product(&mut client.dice) else {
                return false;
            };
            let answer = client
                .send(commands::add_order_item(order, product, quantity))
                .await;
            if stands_at(&answer).is_some() && !lines.contains(&product) {
                lines.push(product);
            }
            answer
        }
    };
    !matches!(answer, Answer::Unknown { .. })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Some,
    All,
}

/// As an invoice is paid: somebody looks at it, and transfers what it says, in one part or in several.
async fn pay(client: &mut Client, order: Uuid, share: Share) {
    let invoice = invoice_of(order);
    let path = format!("/v1/invoices/{invoice}");
    let mut total = None;
    for _ in 0..PATIENCE {
        let answered = client.ask(&path, Manner::default()).await;
        if answered.is_ok() {
            total = answered.body["total"]["amount"].as_i64();
            break;
        }
        sleep(PAUSE).await;
    }
    // An order of free samples has nothing to pay.
    let Some(total) = total.filter(|total| *total > 0) else {
        return;
    };
    let parts = 1 + client.dice.roll(2) as i64 + i64::from(share == Share::Some);
    let part = (total / parts).max(1);
    let mut left = total;
    for number in 1..=parts {
        let amount = if number == parts { left } else { part };
        if amount <= 0 || (share == Share::Some && number == parts) {
            return;
        }
        let reference = format!("part {number}");
        let pay = commands::receive_payment(invoice, amount, &reference);
        if stands_at(&client.send(pay).await).is_none() {
            return;
        }
        left -= amount;
    }
}

/// A paid order is confirmed by policy, which takes a moment.
async fn ship(client: &mut Client, order: Uuid) -> bool {
    for _ in 0..4 {
        match client.send(commands::ship_order(order)).await {
            Answer::Ok { .. } => return true,
            Answer::Refused { problem, .. } if problem.ends_with("/illegal-transition") => sleep(PAUSE).await,
            _ => return false,
        }
    }
    false
}
