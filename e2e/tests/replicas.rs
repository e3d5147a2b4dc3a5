//! What replicas of the query api keep and tell by the changes topic: their caches, their pushes, their figures.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::api::Commands;
use e2e::door::Door;
use e2e::events::Events;
use e2e::eventually;
use e2e::queries::Queries;
use e2e::system::System;
use e2e::workload::Workload;
use serde_json::Value;
use stack::ServiceProcess;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);
/// Far below what an entry lives that nobody drops.
const SOON: Duration = Duration::from_secs(20);

async fn get(base: &str, path: &str) -> Result<(reqwest::header::HeaderMap, String)> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let response = http.get(format!("{base}{path}")).send().await?;
    let headers = response.headers().clone();
    ensure!(response.status().is_success(), "{path}: {}", response.status());
    Ok((headers, response.text().await?))
}

async fn metric(base: &str, name: &str) -> Result<Option<f64>> {
    let (_, metrics) = get(base, "/metrics").await?;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.and_then(|rest| rest.rsplit(' ').next()?.parse().ok()))
}

/// The feed of a replica that is ready may still be on its way.
async fn feed_is(base: &str, up: f64) -> Result<()> {
    eventually("the changes feed is so", LIMIT, async || {
        Ok((metric(base, "changes_feed_up ").await? == Some(up)).then_some(()))
    })
    .await
}

/// A customer with an order of one line, projected.
async fn an_order(commands: &Commands, queries: &Queries) -> Result<(Uuid, Uuid)> {
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Engine", 1_999).await?;
    let order = commands.create_order(customer.id, &[(product.id, 2)]).await?;
    queries.order(order.id, &order.token).await?;
    Ok((customer.id, order.id))
}

async fn shows(base: &str, order: Uuid, name: &str) -> Result<()> {
    eventually("the order shows the name", SOON, async || {
        let (headers, text) = get(base, &format!("/v1/orders/{order}")).await?;
        ensure!(headers.contains_key("projected-version"), "{headers:?}");
        let shown: Value = serde_json::from_str(&text)?;
        Ok((shown["customer_name"] == name).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_drops_what_every_replica_keeps_and_nobody_sees_less_than_before() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    let replicas = [
        system.start("query-service", "api")?,
        system.start("query-service", "api")?,
    ];
    let bases: Vec<String> = replicas.iter().map(ServiceProcess::base_url).collect();
    let commands = Commands::new(&command.base_url());
    let (customer, order) = an_order(&commands, &Queries::new(&bases[0])).await?;
    for base in &bases {
        feed_is(base, 1.0).await?;
        // What the feed tells of the order's creation may come after the first read and drop it: kept is what is read after that.
        eventually("the order is kept", SOON, async || {
            shows(base, order, "Ada Lovelace").await?;
            let hits = metric(base, "order_cache_reads_total{outcome=\"hit\"}").await?;
            Ok((hits.unwrap_or_default() > 0.0).then_some(()))
        })
        .await?;
    }
    commands.rename_customer(customer, "Ada King").await?;
    for base in &bases {
        shows(base, order, "Ada King").await?;
    }
    // Each replica's versions only go up, while the order changes.
    let product = commands.add_product("Loom", 500).await?;
    commands.add_item(order, product.id, 1).await?;
    let writing = async {
        for quantity in 2..40 {
            let written = commands.change_quantity(order, product.id, quantity).await?;
            let shown = Queries::new(&bases[1]).order(order, &written.token).await?;
            ensure!(shown["version"].as_u64() >= Some(written.version), "{shown}");
        }
        anyhow::Ok(())
    };
    let reading = async {
        let mut seen = HashMap::new();
        loop {
            for base in &bases {
                let (_, text) = get(base, &format!("/v1/orders/{order}")).await?;
                let shown: Value = serde_json::from_str(&text)?;
                let version = shown["version"].as_u64().context("a version")?;
                let before = seen.insert(base, version).unwrap_or_default();
                ensure!(version >= before, "{version} after {before}");
            }
        }
    };
    tokio::select! {
        written = writing => written?,
        read = reading => return read,
    }
    // What is committed follows within a second or so.
    for base in &bases {
        eventually("the lag is known and small", LIMIT, async || {
            let (headers, _) = get(base, "/v1/orders").await?;
            let Some(lag) = headers.get("projection-lag") else {
                return Ok(None);
            };
            let seconds: f64 = lag.to_str()?.parse()?;
            Ok((seconds < 5.0).then_some(()))
        })
        .await?;
        ensure!(get(base, "/healthcheck").await?.1.contains("read model lag"));
    }
    Ok(())
}

/// What a client has seen, by order: the versions as they came.
type Seen = HashMap<String, Vec<u64>>;

fn note(seen: &mut Seen, change: &Value) -> Result<()> {
    let id = change["id"].as_str().context("an id")?;
    let version = change["version"].as_u64().context("a version")?;
    seen.entry(id.to_owned()).or_default().push(version);
    Ok(())
}

/// Where the topic ends once nothing is added any more.
async fn end_of_changes(base: &str) -> Result<String> {
    let mut last = None;
    eventually("nothing changes any more", LIMIT, async || {
        // There is no event of nothing happening.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = Events::open(base, "/v1/orders/changes", None).await?.last_id;
        let before = last.replace(now.clone());
        Ok((before.as_deref() == Some(now.as_str())).then_some(now))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_at_the_other_replica_without_gap_or_double() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    // The first remembers next to nothing: who resumes there reads the topic.
    let mut forgetful = system
        .service("query-service", "api")
        .env("QUERY_SERVICE__PUSH__MAX_CHANGES", "5")
        .env("QUERY_SERVICE__PUSH__HEARTBEAT", "1s")
        .spawn()?;
    forgetful.wait_ready(LIMIT)?;
    let mut other = system
        .service("query-service", "api")
        .env("QUERY_SERVICE__PUSH__HEARTBEAT", "1s")
        .spawn()?;
    other.wait_ready(LIMIT)?;
    let bases = [forgetful.base_url(), other.base_url()];
    for base in &bases {
        feed_is(base, 1.0).await?;
    }
    let commands = Commands::new(&command.base_url());
    let workload = Workload::prepare(&commands, 3, 4).await?;
    let path = "/v1/orders/changes";
    let mut steady = Events::open(&bases[1], path, None).await?;
    let begin = steady.last_id.clone();
    workload.run(&commands, 3, 4, 200).await?;
    let queries = Queries::new(&bases[1]);
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    let end = end_of_changes(&bases[1]).await?;

    let mut expected = Seen::new();
    while let Some(change) = steady.next_before(&end).await? {
        note(&mut expected, &change)?;
    }
    ensure!(steady.last_id == end, "it was cut at {}", steady.last_id);
    let total: usize = expected.values().map(Vec::len).sum();
    ensure!(total > 50, "only {total} changes");

    // From the beginning, some at each replica in turn.
    let (mut seen, mut at) = (Seen::new(), begin);
    for turn in 0..200 {
        let mut events = Events::open(&bases[turn % 2], path, Some(&at)).await?;
        for _ in 0..total / 7 {
            let Some(change) = events.next_before(&end).await? else {
                break;
            };
            note(&mut seen, &change)?;
        }
        at = events.last_id.clone();
        if at == end {
            break;
        }
    }
    ensure!(at == end, "{at} instead of {end}");
    ensure!(seen == expected, "{seen:?}\n{expected:?}");

    let http = reqwest::Client::builder().no_proxy().build()?;
    for (id, status) in [("0:999999999", 410), ("nonsense", 400)] {
        let request = http
            .get(format!("{}{path}", bases[0]))
            .header("Last-Event-ID", id);
        ensure!(request.send().await?.status() == status, "{id}");
    }
    // A stream keeps no service from stopping.
    let mut open = Events::open(&bases[0], path, None).await?;
    let stopped = tokio::task::spawn_blocking(move || forgetful.terminate(Duration::from_secs(20)));
    while open.next().await?.is_some() {}
    ensure!(stopped.await??.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_cut_off_from_kafka_says_so_keeps_shortly_and_makes_up_for_it() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let projector = system.start("query-service", "all")?;
    let door = Door::before(&system.servers.kafka).await?;
    let mut replica = system
        .service("query-service", "api")
        .env("QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS", &door.address)
        .spawn()?;
    replica.wait_ready(LIMIT)?;
    let base = replica.base_url();
    feed_is(&base, 1.0).await?;
    let commands = Commands::new(&command.base_url());
    let (customer, order) = an_order(&commands, &Queries::new(&projector.base_url())).await?;
    shows(&base, order, "Ada Lovelace").await?;
    let mut events = Events::open(&base, &format!("/v1/orders/{order}/changes"), None).await?;
    // Of what was never seen nobody can tell that it grows.
    eventually("the lag is known", LIMIT, async || {
        let lag = metric(&base, "read_model_lag_seconds{projection=\"orders\"}").await?;
        Ok(lag.filter(|lag| lag.is_finite()).map(drop))
    })
    .await?;

    door.shut();
    feed_is(&base, 0.0).await?;
    ensure!(get(&base, "/healthcheck").await?.1.contains("cut off"));
    ensure!(get(&base, "/health/ready").await?.1.contains("\"ready\""));
    commands.rename_customer(customer, "Ada King").await?;
    shows(&base, order, "Ada King").await?;
    eventually("the lag grows", LIMIT, async || {
        let lag = metric(&base, "read_model_lag_seconds{projection=\"orders\"}").await?;
        Ok(lag.is_some_and(|seconds| seconds > 2.0).then_some(()))
    })
    .await?;

    door.open();
    feed_is(&base, 1.0).await?;
    // What happened in the meantime is told now.
    let mut told = Value::Null;
    while told["customer_name"] != "Ada King" {
        told = events.next().await?.context("cut")?;
    }
    eventually("the lag is over", LIMIT, async || {
        let lag = metric(&base, "read_model_lag_seconds{projection=\"orders\"}").await?;
        Ok((lag == Some(0.0)).then_some(()))
    })
    .await
}
