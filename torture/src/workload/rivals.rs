//! Writers that all want to change the version that they saw.

use futures_util::future::join_all;
use uuid::Uuid;

use super::client::{Client, stands_at};
use super::commands;
use crate::calling::Command;

/// Rounds on one thing before the next.
const ROUNDS: usize = 12;

pub async fn compete(mut client: Client) {
    while client.goes_on() {
        let Some((contested, mut version)) = something_new(&mut client).await else {
            continue;
        };
        for _ in 0..ROUNDS {
            if !client.goes_on() {
                return;
            }
            let known = match version {
                Some(version) => round(&mut client, &contested, version).await,
                // Nobody was told that he won: somebody writes without a condition to see where it stands.
                None => {
                    let change = contested.change(&mut client);
                    stands_at(&client.send(change).await).map(|(_, at)| at)
                }
            };
            version = known;
        }
    }
}

enum Contested {
    Product(Uuid),
    Customer(Uuid),
}

impl Contested {
    fn change(&self, client: &mut Client) -> Command {
        match self {
            Self::Product(id) => commands::change_product_price(*id, client.price()),
            Self::Customer(id) => commands::change_delivery_address(*id, client.address()),
        }
    }
}

async fn something_new(client: &mut Client) -> Option<(Contested, Option<u64>)> {
    let id = client.new_id();
    let (contested, create) = match client.once_in(2) {
        true => (
            Contested::Product(id),
            commands::add_product(Some(id), "Contested", client.price()),
        ),
        false => (
            Contested::Customer(id),
            commands::register_customer(Some(id), "Contested", client.address()),
        ),
    };
    let create = create.key(client.new_key());
    let (_, version) = stands_at(&client.insist(&create).await)?;
    Some((contested, Some(version)))
}

/// Two to five at once with one `If-Match`. Answers at which version it is then, as far as somebody was told.
async fn round(client: &mut Client, contested: &Contested, version: u64) -> Option<u64> {
    let writers = 2 + client.dice.roll(4);
    let keyed = client.once_in(2);
    let commands: Vec<Command> = (0..writers)
        .map(|_| {
            let mut command = contested.change(client).if_match(version);
            command.key = keyed.then(|| client.new_key());
            command
        })
        .collect();
    let answers = join_all(commands.iter().enumerate().map(|(writer, command)| {
        let mut client = client.clone();
        async move { client.insist_from(command, writer).await }
    }))
    .await;
    answers
        .iter()
        .filter_map(stands_at)
        .map(|(_, version)| version)
        .max()
}
