//! More than the system can take, and servers that are away for long: what is accepted is done, the rest is refused before
//! it is begun.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::api::Commands;
use e2e::door::Door;
use e2e::eventually;
use e2e::link::{Link, Way};
use e2e::overload::subjects::{Subject, some_orders};
use e2e::overload::{Overloaded, Parts, figure};
use e2e::queries::Queries;
use e2e::system::System;
use e2e::workload::Workload;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(90);
const START: Duration = Duration::from_secs(60);

const SMALL: Parts = Parts {
    peak: Duration::from_secs(2),
    overload: Duration::from_secs(3),
    afterwards: Duration::from_secs(6),
};

/// Whatever else the machine does: how much is done, and how soon, is asked of the full size in accept.rs.
fn holds(seen: &Overloaded) -> Result<()> {
    for part in seen.parts() {
        ensure!(!part.done.is_empty(), "nothing was done: {:?}", part.refusals());
    }
    ensure!(seen.health.asked > 2 * seen.health.silent, "{:?}", seen.health);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_times_too_many_commands_some_are_done_and_the_rest_is_refused() -> Result<()> {
    let system = System::prepare().await?;
    let commands = Subject::commands(&system, 2).await?;
    holds(&commands.too_many_commands(&system, SMALL).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_times_too_many_queries_some_are_answered_and_the_rest_is_refused() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    let token = some_orders(&Commands::new(&command.base_url())).await?;
    let queries = Subject::queries(&system, 2).await?;
    Queries::new(&queries.api.base_url())
        .get_with("/v1/orders?limit=5", &token)
        .await?;
    holds(&queries.too_many_queries(SMALL).await?)
}

const MANY: u64 = 200;

async fn outbox_rows(system: &System) -> Result<i64> {
    let row = system
        .database
        .query_one("SELECT count(*) FROM outbox", &[])
        .await?;
    Ok(row.get(0))
}

/// Sends one order more after the other until one is refused. Answers how many were accepted.
async fn until_refused(commands: &Commands, order: &Value, limit: Duration) -> Result<u64> {
    let deadline = Instant::now() + limit;
    let mut accepted = 0;
    loop {
        let answer = commands.ask(Method::POST, "/v1/orders", &[], Some(order)).await?;
        match answer.status {
            StatusCode::CREATED => accepted += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                let problem = answer.json()?;
                ensure!(problem["type"] == "/problems/outbox-full", "{problem}");
                return Ok(accepted);
            }
            other => anyhow::bail!("{other}: {}", answer.body),
        }
        ensure!(Instant::now() < deadline, "none was refused within {limit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_outbox_refuses_commands_before_they_commit_until_it_has_drained() -> Result<()> {
    let system = System::prepare().await?;
    // Nobody publishes, and the api alone must know.
    let mut api = system
        .service("command-service", "api")
        .env("COMMAND_SERVICE__ADMISSION__OUTBOX_ROWS", MANY.to_string())
        .env("COMMAND_SERVICE__RELAY__BACKLOG_INTERVAL", "100ms")
        .spawn()?;
    api.wait_ready(START)?;
    let base = api.base_url();
    let commands = Commands::new(&base);
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Loom", 700).await?;
    let order = json!({"customer_id": customer.id, "items": [{"product_id": product.id, "quantity": 1}]});
    let draft = commands.create_order(customer.id, &[(product.id, 1)]).await?;
    // Accepted now, decided when it is full: what was promised is kept.
    let later = [("prefer", "respond-async")];
    let submit = format!("/v1/orders/{}/submit", draft.id);
    let accepted = commands.ask(Method::POST, &submit, &later, None).await?;
    ensure!(accepted.status == StatusCode::ACCEPTED, "{}", accepted.body);
    let place = accepted.headers[1].clone().context("no Location")?;

    let started = until_refused(&commands, &order, LIMIT).await?;
    let rows = outbox_rows(&system).await?;
    ensure!(
        rows >= MANY as i64 && started < MANY + 2_000,
        "refused with {rows} rows, after {started} orders"
    );
    for headers in [&[][..], &later] {
        let refused = commands
            .ask(Method::POST, "/v1/orders", headers, Some(&order))
            .await?;
        ensure!(
            refused.json()?["type"] == "/problems/outbox-full",
            "{}",
            refused.body
        );
    }
    ensure!(
        outbox_rows(&system).await? == rows,
        "what is refused adds to the outbox"
    );
    ensure!(figure(&base, "backpressure_full").await? == 1.0);
    ensure!(figure(&base, "outbox_depth").await? == rows as f64);
    api.wait_ready(START)?;
    let (status, _) = commands.get(&place).await?;
    ensure!(status == StatusCode::OK, "commands are shown: {status}");

    // What was queued, and what follows from it, is never refused.
    let _worker = system.start("command-service", "worker")?;
    eventually("the order is submitted and has its invoice", LIMIT, async || {
        let (_, shown) = commands.get(&place).await?;
        let invoices = system
            .database
            .query_one("SELECT count(*) FROM events WHERE aggregate = 'invoice'", &[])
            .await?;
        Ok((shown["status"] == "succeeded" && invoices.get::<_, i64>(0) == 1).then_some(()))
    })
    .await?;
    until_refused(&commands, &order, Duration::ZERO).await?;

    let _relay = system.start("command-service", "relay")?;
    eventually("commands are taken again", LIMIT, async || {
        let answer = commands
            .ask(Method::POST, "/v1/orders", &[], Some(&order))
            .await?;
        Ok((answer.status == StatusCode::CREATED).then_some(()))
    })
    .await?;
    system.everything_is_published(LIMIT).await?;
    e2e::topics::check_published(&system).await?;
    Ok(())
}

/// The relay, the projector and the queries lose their servers; the commands' own goes on.
#[tokio::test(flavor = "multi_thread")]
async fn kafka_elasticsearch_and_registry_are_away_while_commands_go_on() -> Result<()> {
    let system = System::prepare().await?;
    let kafka = Door::before(&system.servers.kafka).await?;
    let (elasticsearch, elasticsearch_url) = Link::to_url(&system.servers.elasticsearch).await?;
    let registry = system.servers.schema_registry.trim_start_matches("http://");
    let (host, path) = registry.split_once('/').unwrap_or((registry, ""));
    let registry = Link::to(host).await?;
    let registry_url = format!("http://{}/{path}", registry.address);
    let mut command = system
        .service("command-service", "all")
        .env("COMMAND_SERVICE__KAFKA__BOOTSTRAP_SERVERS", &kafka.address)
        .env("COMMAND_SERVICE__SCHEMA_REGISTRY__URL", &registry_url)
        .spawn()?;
    command.wait_ready(START)?;
    let mut query = system
        .service("query-service", "all")
        .env("QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS", &kafka.address)
        .env("QUERY_SERVICE__SCHEMA_REGISTRY__URL", &registry_url)
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", &elasticsearch_url)
        .spawn()?;
    query.wait_ready(START)?;
    let commands = Commands::new(&command.base_url());
    let queries = Queries::new(&query.base_url());
    let workload = Workload::prepare(&commands, 5, 5).await?;
    workload.run(&commands, 1, 4, 100).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;

    kafka.shut();
    elasticsearch.set(Way::Cut);
    registry.set(Way::Cut);
    let away = Instant::now();
    let mut goal = 100;
    while away.elapsed() < Duration::from_secs(20) {
        goal += 100;
        workload.run(&commands, goal as u64, 4, goal).await?;
    }
    command.wait_ready(START)?;
    let listed = queries.ask("/v1/orders", &[]).await?;
    ensure!(
        listed.status == StatusCode::SERVICE_UNAVAILABLE && listed.header("retry-after").is_some(),
        "{listed:?}"
    );
    let waiting = outbox_rows(&system).await?;
    ensure!(waiting >= goal as i64 - 100, "{waiting} rows wait in the outbox");

    kafka.open();
    elasticsearch.set(Way::Open);
    registry.set(Way::Open);
    let back = Instant::now();
    let compared = system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    println!(
        "{goal} commands while Kafka, Elasticsearch and the registry were away for {:.0?}; {compared} orders as folded {:.1?} later",
        back - away,
        back.elapsed()
    );
    e2e::topics::check_published(&system).await?;
    Ok(())
}
