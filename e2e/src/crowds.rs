//! Many orders at once: put in by commands, asked for at a steady rate, rebuilt and renamed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use checker::fold::{Expected, normalised};
use futures_util::future::try_join_all;
use reqwest::StatusCode;
use serde_json::Value;
use stack::ServiceBuilder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::api::{Accepted, Commands};
use crate::dice::Dice;
use crate::eventually;
use crate::queries::Queries;
use crate::system::System;

/// Those who order, and what.
pub struct Crowd {
    pub customers: Vec<Uuid>,
    pub products: Vec<Uuid>,
}

impl Crowd {
    pub async fn register(commands: &Commands, customers: usize, products: usize) -> Result<Self> {
        let mut crowd = Self {
            customers: Vec::with_capacity(customers),
            products: Vec::with_capacity(products),
        };
        for n in 0..customers {
            let customer = commands.register_customer(&name(n)).await?;
            crowd.customers.push(customer.id);
        }
        for n in 0..products {
            let product = commands
                .add_product(&format!("Product {n}"), 100 + n as i64)
                .await?;
            crowd.products.push(product.id);
        }
        Ok(crowd)
    }

    /// So many orders of one line each, the customers in turn, by so many clients at once.
    pub async fn order(&self, commands: &Commands, orders: usize, clients: usize) -> Result<()> {
        let client = async |client: usize| {
            for n in (client..orders).step_by(clients) {
                let customer = self.customers[n % self.customers.len()];
                let product = self.products[n % self.products.len()];
                let quantity = 1 + u32::try_from(n % 9)?;
                commands.create_order(customer, &[(product, quantity)]).await?;
            }
            anyhow::Ok(())
        };
        try_join_all((0..clients).map(client)).await?;
        Ok(())
    }
}

/// As people are told apart: by a word of their own.
fn name(n: usize) -> String {
    const SYLLABLES: [&str; 10] = ["ba", "ke", "mi", "lo", "tu", "ra", "ne", "si", "vo", "du"];
    // A prime to 10,000, so that each of as many has another.
    let mut number = n * 7_919;
    let mut name = "Ada ".to_owned();
    for _ in 0..4 {
        name.push_str(SYLLABLES[number % SYLLABLES.len()]);
        number /= SYLLABLES.len();
    }
    name
}

/// Waits until listings show so many orders.
pub async fn are_listed(queries: &Queries, orders: usize, limit: Duration) -> Result<()> {
    eventually("every order is listed", limit, async || {
        let (status, page) = queries.get("/v1/orders?limit=1").await?;
        ensure!(status == StatusCode::OK, "{status} {page}");
        Ok((page["total"] == orders).then_some(()))
    })
    .await
}

/// What a steady stream of queries saw.
#[derive(Debug, Default)]
pub struct Steady {
    pub answers: usize,
    latencies: Vec<Duration>,
}

impl Steady {
    /// In milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        let at = (latencies.len().saturating_sub(1) as f64 * share).round() as usize;
        latencies
            .get(at)
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// Details, listings by customer and searches, `per_second`, until `stop` is told; each answer is compared with what the
/// orders are. The first that fails or is wrong ends it.
pub async fn ask_steadily(
    queries: &Queries,
    expected: Arc<Expected>,
    per_second: u32,
    mut stop: watch::Receiver<bool>,
) -> Result<Steady> {
    let asked = Arc::new(Asked::of(expected)?);
    let mut dice = Dice::of(2026, 0);
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    let mut steady = Steady::default();
    loop {
        tokio::select! {
            stopped = stop.wait_for(|stopped| *stopped) => {
                stopped?;
                break;
            }
            answered = running.join_next(), if !running.is_empty() => {
                steady.count(answered)?;
            }
            _ = ticks.tick() => {
                ensure!(running.len() < 2_000, "{} queries wait for their answers", running.len());
                let (queries, asked) = (queries.clone(), Arc::clone(&asked));
                let (what, which) = (dice.roll(4), dice.roll(asked.ids.len()));
                running.spawn(async move { asked.ask(&queries, what, which).await });
            }
        }
    }
    while let Some(answered) = running.join_next().await {
        steady.count(Some(answered))?;
    }
    Ok(steady)
}

impl Steady {
    fn count(&mut self, answered: Option<Result<Result<Duration>, tokio::task::JoinError>>) -> Result<()> {
        if let Some(answered) = answered {
            self.latencies.push(answered??);
            self.answers += 1;
        }
        Ok(())
    }
}

/// What is asked for and what must come.
struct Asked {
    expected: Arc<Expected>,
    ids: Vec<Uuid>,
    summaries: BTreeMap<Uuid, Value>,
    of_customer: BTreeMap<String, usize>,
}

impl Asked {
    fn of(expected: Arc<Expected>) -> Result<Self> {
        let summaries = expected.order_summaries();
        let mut of_customer: BTreeMap<String, usize> = BTreeMap::new();
        for order in summaries.values() {
            let customer = order["customer_id"].as_str().context("no customer")?;
            *of_customer.entry(customer.to_owned()).or_default() += 1;
        }
        Ok(Self {
            ids: summaries.keys().copied().collect(),
            expected,
            summaries,
            of_customer,
        })
    }

    async fn ask(&self, queries: &Queries, what: usize, which: usize) -> Result<Duration> {
        let id = self.ids[which];
        let order = &self.summaries[&id];
        let customer = order["customer_id"].as_str().context("no customer")?;
        let name = order["customer_name"].as_str().context("no name")?;
        let path = match what {
            0 | 1 => format!("/v1/orders/{id}"),
            2 => format!("/v1/orders?customer_id={customer}&limit=20"),
            _ => format!(
                "/v1/orders/search?q={}&limit=5",
                name.rsplit(' ').next().unwrap_or(name)
            ),
        };
        let sent = Instant::now();
        let (status, answer) = queries.get(&path).await?;
        let took = sent.elapsed();
        ensure!(status == StatusCode::OK, "{path}: {status} {answer}");
        match what {
            0 | 1 => {
                let found = normalised(answer)?;
                ensure!(
                    Some(&found) == self.expected.order(id).as_ref(),
                    "{path}: {found:#}"
                );
            }
            2 => {
                ensure!(
                    answer["total"] == self.of_customer[customer],
                    "{path}: {}",
                    answer["total"]
                );
                self.check_items(&path, &answer)?;
            }
            _ => self.check_items(&path, &answer)?,
        }
        Ok(took)
    }

    fn check_items(&self, path: &str, answer: &Value) -> Result<()> {
        let items = answer["items"].as_array().context("no items")?;
        ensure!(!items.is_empty(), "{path}: nothing was found");
        for item in items {
            let mut found = normalised(item.clone())?;
            if let Some(fields) = found.as_object_mut() {
                fields.remove("highlights");
            }
            let id: Uuid = found["id"].as_str().context("no id")?.parse()?;
            // Written meanwhile by somebody else.
            let Some(expected) = self.summaries.get(&id) else {
                continue;
            };
            ensure!(&found == expected, "{path}: {found:#}");
        }
        Ok(())
    }
}

/// Runs a command of a service to its end; what it printed.
pub async fn run(command: ServiceBuilder, limit: Duration) -> Result<String> {
    let mut process = command.spawn()?;
    eventually("it ends", limit, async || {
        Ok((!process.is_running()?).then_some(()))
    })
    .await?;
    let status = process.wait_exit(limit)?;
    let printed = process.log_text();
    ensure!(status.success(), "{status}\n{printed}");
    Ok(printed)
}

/// How long it takes until an order that was just made is shown, again and again until `stop` is told.
pub async fn probe(
    commands: &Commands,
    queries: &Queries,
    [customer, product]: [Uuid; 2],
    mut stop: watch::Receiver<bool>,
) -> Result<Steady> {
    let mut steady = Steady::default();
    let mut ticks = interval(Duration::from_millis(50));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            stopped = stop.wait_for(|stopped| *stopped) => {
                stopped?;
                return Ok(steady);
            }
            _ = ticks.tick() => {}
        }
        let order = commands.create_order(customer, &[(product, 1)]).await?;
        let sent = Instant::now();
        queries.order(order.id, &order.token).await?;
        steady.latencies.push(sent.elapsed());
        steady.answers += 1;
    }
}

/// Renames the customer and waits until every order of theirs is listed under the new name.
pub async fn rename(
    commands: &Commands,
    queries: &Queries,
    customer: Uuid,
    name: &str,
    limit: Duration,
) -> Result<Duration> {
    let started = Instant::now();
    let Accepted { token, .. } = commands.rename_customer(customer, name).await?;
    let list = format!("/v1/orders?customer_id={customer}&limit=1");
    eventually("the new name is everywhere", limit, async || {
        let headers = [("Consistency-Token", token.as_str()), ("Prefer", "wait=10")];
        let answer = queries.ask(&list, &headers).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(())),
            StatusCode::SERVICE_UNAVAILABLE => Ok(None),
            status => anyhow::bail!("{list}: {status} {}", answer.body),
        }
    })
    .await?;
    Ok(started.elapsed())
}

/// How many of the customer's orders Elasticsearch finds under exactly this name.
pub async fn listed_under(system: &System, customer: Uuid, name: &str) -> Result<u64> {
    let url = format!(
        "{}/{}orders/_count",
        system.servers.elasticsearch,
        system.index_prefix()
    );
    let query = serde_json::json!({"query": {"bool": {"filter": [
        {"term": {"customer_id": customer}},
        {"term": {"customer_name.raw": name}},
    ]}}});
    let answer: Value = reqwest::Client::new()
        .post(url)
        .json(&query)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    answer["count"].as_u64().context("no count")
}

/// The most memory that the process has had, in MiB; 0 where `/proc` does not tell.
pub fn most_memory_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
