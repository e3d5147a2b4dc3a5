//! Commands that are sent again and again under one idempotency key, through any replica.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Commands};
use crate::system::System;

/// Keys in work at once.
const AT_ONCE: usize = 16;
/// Every so manieth command is one that is refused.
const REFUSED_EVERY: usize = 10;

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub requests: usize,
    /// Answers that said that the first still runs, or that the service had no connection to spare.
    pub told_to_wait: usize,
}

/// Sends `keys` commands, each under its key by `clients` at once, round robin over the replicas, until each client has a
/// final answer; then checks that the answers to a key are identical and that each key was executed once.
pub async fn each_key_is_executed_once(
    system: &System,
    replicas: &[Commands],
    keys: usize,
    clients: usize,
) -> Result<Seen> {
    let first = replicas.first().context("no replica")?;
    let customer = first.register_customer("Ada Lovelace").await?.id;
    let product = first.add_product("Loom", 700).await?.id;
    let before = Executed::read(system).await?;
    let seen = stream::iter(0..keys)
        .map(|key| async move {
            let nobody = Uuid::from_u128(key as u128 + 1);
            let body = match key % REFUSED_EVERY {
                0 => json!({"customer_id": nobody}),
                _ => json!({"customer_id": customer, "items": [{"product_id": product, "quantity": 1 + key % 7}]}),
            };
            let name = format!("key-{key}");
            let (name, body) = (&name, &body);
            let answers = try_join_all(
                (0..clients).map(|client| finally(&replicas[client % replicas.len()], name, body)),
            )
            .await?;
            let (first, _) = answers.first().context("no client")?;
            let expected = match key % REFUSED_EVERY {
                0 => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::CREATED,
            };
            ensure!(first.status == expected, "{name}: {first:?}");
            for (answer, _) in &answers {
                ensure!(answer == first, "{name}: {first:?}\nbut also {answer:?}");
            }
            anyhow::Ok(answers.iter().map(|(_, waits)| *waits).sum::<usize>())
        })
        .buffer_unordered(AT_ONCE)
        .try_fold(Seen::default(), |mut seen, waits| async move {
            seen.requests += clients + waits;
            seen.told_to_wait += waits;
            Ok(seen)
        })
        .await?;
    let after = Executed::read(system).await?;
    let refused = keys.div_ceil(REFUSED_EVERY);
    let expected = Executed {
        orders: before.orders + (keys - refused) as i64,
        succeeded: before.succeeded + (keys - refused) as i64,
        refused: before.refused + refused as i64,
        keys: before.keys + keys as i64,
    };
    ensure!(after == expected, "executed {after:?} instead of {expected:?}");
    Ok(seen)
}

/// Sends until the answer is final: not that the first one still runs, and not that the service could not try, which frees
/// the key. A 408 is that, too: a connection that a busy client opened and left silent for too long. Answers how often it
/// was neither.
async fn finally(commands: &Commands, key: &str, body: &Value) -> Result<(Answer, usize)> {
    let mut waits = 0;
    loop {
        let answer = commands
            .ask(
                Method::POST,
                "/v1/orders",
                &[("Idempotency-Key", key)],
                Some(body),
            )
            .await?;
        let in_flight = answer.status == StatusCode::CONFLICT
            && answer.json()?["type"] == "/problems/idempotency-key-in-flight";
        let not_tried = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT];
        if !in_flight && !not_tried.contains(&answer.status) {
            return Ok((answer, waits));
        }
        waits += 1;
        ensure!(waits < 1000, "{key} never comes to its end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the database says was done.
#[derive(Debug, PartialEq, Eq)]
struct Executed {
    orders: i64,
    succeeded: i64,
    refused: i64,
    keys: i64,
}

impl Executed {
    async fn read(system: &System) -> Result<Self> {
        let row = system
            .database
            .query_one(
                "SELECT (SELECT count(*) FROM events WHERE aggregate = 'order' AND version = 1),
                        (SELECT count(*) FROM commands WHERE command_type = 'create-order' AND outcome = 'succeeded'),
                        (SELECT count(*) FROM commands WHERE command_type = 'create-order' AND outcome = 'refused'),
                        (SELECT count(*) FROM idempotency_keys)",
                &[],
            )
            .await?;
        Ok(Self {
            orders: row.get(0),
            succeeded: row.get(1),
            refused: row.get(2),
            keys: row.get(3),
        })
    }
}
