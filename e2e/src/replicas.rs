//! Several query replicas, each with its cache, while orders change: no answer breaks its token, no version falls.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use reqwest::StatusCode;
use tokio::time::Instant;
use uuid::Uuid;

use crate::api::Commands;
use crate::dice::Dice;
use crate::queries::{Queries, Seen};

/// What the readers saw, all together.
#[derive(Debug, Default)]
pub struct Report {
    pub changes: usize,
    pub answers: usize,
    pub with_token: usize,
    /// With a token, and told that it has not arrived yet.
    pub not_yet_visible: usize,
}

/// The orders with their latest committed version. The quantity of an order's one line, which its second event adds, is its
/// version, so that each answer shows whether it is of one piece.
struct Orders {
    ids: Vec<Uuid>,
    committed: Mutex<HashMap<Uuid, u64>>,
}

impl Orders {
    fn committed(&self, id: Uuid) -> u64 {
        let committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.get(&id).copied().unwrap_or(0)
    }

    fn commit(&self, id: Uuid, version: u64) {
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.insert(id, version);
    }
}

/// `writers` change orders and `readers` read them through replicas at random, for `duration`.
pub async fn write_and_read(
    commands: &Commands,
    replicas: &[Queries],
    seed: u64,
    [writers, readers]: [usize; 2],
    duration: Duration,
) -> Result<Report> {
    let customer = commands.register_customer("Ada Lovelace").await?.id;
    let product = commands.add_product("Loom", 700).await?.id;
    let mut ids = Vec::new();
    let mut committed = HashMap::new();
    for _ in 0..writers * 12 {
        let order = commands.create_order(customer, &[(product, 2)]).await?;
        ensure!(
            order.version == 2,
            "an order with one item is of version {}",
            order.version
        );
        ids.push(order.id);
        committed.insert(order.id, order.version);
    }
    let orders = Orders {
        ids,
        committed: Mutex::new(committed),
    };
    let end = Instant::now() + duration;
    let writing = (0..writers).map(async |writer| {
        let mut dice = Dice::of(seed, writer);
        let mine: Vec<Uuid> = orders.ids.iter().copied().skip(writer).step_by(writers).collect();
        let mut changes = 0;
        while Instant::now() < end {
            let order = mine[dice.roll(mine.len())];
            let next = orders.committed(order) + 1;
            let changed = commands
                .change_quantity(order, product, u32::try_from(next)?)
                .await?;
            ensure!(
                changed.version == next,
                "version {} where {next} belongs",
                changed.version
            );
            orders.commit(order, next);
            changes += 1;
        }
        anyhow::Ok(changes)
    });
    let reading = (0..readers).map(|number| {
        let reader = Reader {
            dice: Dice::of(seed, 1_000 + number),
            manner: [Manner::OneReplica, Manner::LastToken, Manner::WritersToken][number % 3],
            home: number % replicas.len(),
            seen: HashMap::new(),
        };
        reader.read(&orders, replicas, end)
    });
    let (changes, reports) = tokio::try_join!(try_join_all(writing), try_join_all(reading))?;
    let mut report = Report {
        changes: changes.into_iter().sum(),
        ..Report::default()
    };
    for one in reports {
        report.answers += one.answers;
        report.with_token += one.with_token;
        report.not_yet_visible += one.not_yet_visible;
    }
    Ok(report)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Stays on its replica and sends no token.
    OneReplica,
    /// Goes anywhere with the last token that it got.
    LastToken,
    /// Goes anywhere with the token of a version that a writer has just committed.
    WritersToken,
}

struct Reader {
    dice: Dice,
    manner: Manner,
    home: usize,
    /// The version last seen of each order, with the token that came with it.
    seen: HashMap<Uuid, (u64, String)>,
}

impl Reader {
    async fn read(mut self, orders: &Orders, replicas: &[Queries], end: Instant) -> Result<Report> {
        let mut report = Report::default();
        while Instant::now() < end {
            let id = orders.ids[self.dice.roll(orders.ids.len())];
            let replica = match self.manner {
                Manner::OneReplica => self.home,
                _ => self.dice.roll(replicas.len()),
            };
            let seen = self.seen.get(&id);
            let token = match self.manner {
                Manner::OneReplica => None,
                Manner::LastToken => seen.map(|(version, token)| (*version, token.clone())),
                Manner::WritersToken => {
                    let version = orders.committed(id);
                    Some((version, format!("order:{id}:{version}")))
                }
            };
            let mut headers = vec![("Prefer", "wait=5")];
            if let Some((_, token)) = &token {
                headers.push(("Consistency-Token", token));
                report.with_token += 1;
            }
            // Nobody answers more than is committed when the answer has come.
            let answer = replicas[replica]
                .ask(&format!("/v1/orders/{id}"), &headers)
                .await?;
            report.answers += 1;
            let at_least = match self.manner {
                Manner::WritersToken => token.as_ref().map_or(0, |(version, _)| *version),
                Manner::OneReplica | Manner::LastToken => seen.map_or(0, |(version, _)| *version),
            };
            if answer.status == StatusCode::SERVICE_UNAVAILABLE && token.is_some() {
                ensure!(
                    answer.body["type"]
                        .as_str()
                        .is_some_and(|kind| kind.ends_with("not-yet-visible")),
                    "{answer:?}"
                );
                report.not_yet_visible += 1;
                continue;
            }
            if answer.status == StatusCode::NOT_FOUND && at_least == 0 {
                continue;
            }
            let version = self.checked(id, &answer, at_least)?;
            ensure!(
                version <= orders.committed(id) + 1,
                "order {id}: version {version} was never written"
            );
            let token = answer
                .header("consistency-token")
                .context("an answer without a token")?;
            self.seen.insert(id, (version, token.to_owned()));
        }
        Ok(report)
    }

    fn checked(&self, id: Uuid, answer: &Seen, at_least: u64) -> Result<u64> {
        ensure!(answer.status == StatusCode::OK, "order {id}: {answer:?}");
        let version = answer.body["version"].as_u64().context("no version")?;
        if version < at_least {
            bail!(
                "order {id} as read by {:?}: version {version} after {at_least}: {:?}",
                self.manner,
                answer.headers
            );
        }
        let quantity = &answer.body["items"][0]["quantity"];
        ensure!(
            *quantity == version || version == 1 && quantity.is_null(),
            "order {id}: version {version} with the line of another: {:#}",
            answer.body
        );
        Ok(version)
    }
}

/// Looks into the replicas' caches so far: those that found what they sought, and the others.
pub async fn cache_lookups(replicas: &[Queries]) -> Result<[f64; 2]> {
    let mut lookups = [0.0; 2];
    for replica in replicas {
        let url = format!("{}/metrics", replica.base_url());
        let text = reqwest::get(url).await?.text().await?;
        for line in text
            .lines()
            .filter(|line| line.starts_with("order_cache_reads_total"))
        {
            let count: f64 = line.rsplit(' ').next().unwrap_or_default().parse()?;
            let hit = line.contains("\"hit\"") || line.contains("\"negative\"");
            lookups[usize::from(!hit)] += count;
        }
    }
    ensure!(
        lookups.iter().sum::<f64>() > 0.0,
        "no look into a cache was counted"
    );
    Ok(lookups)
}
