//! The read side while its servers refuse, stand still or come back to a projector that was taken for dead: it waits, keeps
//! its place in the group, and buries nothing.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::api::Commands;
use e2e::eventually;
use e2e::link::{Link, Way};
use e2e::overload::figure;
use e2e::queries::Queries;
use e2e::system::System;
use e2e::topics;
use e2e::workload::Workload;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared_events::topic::CHANGES;
use stack::{ServiceProcess, Signal};

const LIMIT: Duration = Duration::from_secs(120);
const START: Duration = Duration::from_secs(60);

/// A role of the query service with a way of its own to Elasticsearch.
async fn start_over(
    system: &System,
    role: &str,
    settings: &[(&str, &str)],
) -> Result<(ServiceProcess, Link)> {
    let (link, url) = Link::to_url(&system.servers.elasticsearch).await?;
    let mut process = system
        .service("query-service", role)
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", url)
        .envs(
            settings
                .iter()
                .map(|(name, value)| (format!("QUERY_SERVICE__{name}"), *value)),
        )
        .spawn()?;
    process.wait_ready(START)?;
    Ok((process, link))
}

/// Nothing was buried by this process.
async fn buried_nothing(process: &ServiceProcess) -> Result<()> {
    let text = reqwest::get(format!("{}/metrics", process.base_url()))
        .await?
        .text()
        .await?;
    ensure!(
        !text.contains("projector_dead_letters_total{"),
        "there are dead letters"
    );
    Ok(())
}

/// Everything is projected and told, and the api has heard it.
async fn has_heard_everything(system: &System, api: &ServiceProcess) -> Result<()> {
    eventually("everything is projected", LIMIT, async || {
        Ok((topics::uncommitted_records(system).await? == 0).then_some(()))
    })
    .await?;
    let mut told = 0.0;
    topics::each_record(system, CHANGES, |_| {
        told += 1.0;
        Ok(())
    })?;
    eventually("everything told is heard", LIMIT, async || {
        let heard = figure(&api.base_url(), "changes_feed_received_total")
            .await
            .unwrap_or(0.0);
        Ok((heard >= told).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_elasticsearch_that_takes_no_more_is_waited_for_and_queries_say_so_or_show_what_is_kept()
-> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let commands = Commands::new(&command.base_url());
    let (projector, of_projector) = start_over(&system, "projector", &[]).await?;
    // What is kept is asked for again at once.
    let (api, of_api) = start_over(&system, "api", &[("CACHE__TIME_TO_LIVE", "100ms")]).await?;
    let queries = Queries::new(&api.base_url());
    eventually("the api hears of changes", LIMIT, async || {
        Ok((figure(&api.base_url(), "changes_feed_up").await.unwrap_or(0.0) == 1.0).then_some(()))
    })
    .await?;
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Loom", 700).await?;
    let order = commands.create_order(customer.id, &[(product.id, 1)]).await?;
    queries.order(order.id, &order.token).await?;
    // Each word of a change drops what it is about: kept is what is read after the last one.
    has_heard_everything(&system, &api).await?;
    queries.get(&format!("/v1/orders/{}", order.id)).await?;

    of_projector.set(Way::Refusing);
    of_api.set(Way::Refusing);
    let later = commands.create_order(customer.id, &[(product.id, 2)]).await?;
    of_projector.is_tried(5, LIMIT).await?;
    let path = format!("/v1/orders/{}", order.id);
    let kept = eventually("what is kept is shown with its age", LIMIT, async || {
        let kept = queries.ask(&path, &[]).await?;
        ensure!(kept.status == StatusCode::OK, "{kept:?}");
        Ok(kept.header("age").is_some().then_some(kept))
    })
    .await?;
    ensure!(kept.body["version"] == order.version, "{kept:?}");
    for asked in ["/v1/orders".to_owned(), format!("/v1/orders/{}", later.id)] {
        let refused = queries.ask(&asked, &[]).await?;
        ensure!(
            refused.status == StatusCode::SERVICE_UNAVAILABLE
                && refused.body["type"] == "/problems/unavailable"
                && refused.header("retry-after").is_some(),
            "{asked}: {refused:?}"
        );
    }
    let live = reqwest::get(format!("{}/health/live", queries.base_url())).await?;
    ensure!(live.status() == StatusCode::OK, "{}", live.status());

    of_projector.set(Way::Open);
    of_api.set(Way::Open);
    queries.order(later.id, &later.token).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    buried_nothing(&projector).await
}

/// What Elasticsearch does to an index when the disk is nearly full; here to one index of this test alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_elasticsearch_is_waited_for() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let commands = Commands::new(&command.base_url());
    let (query, link) = start_over(&system, "all", &[]).await?;
    let queries = Queries::new(&query.base_url());
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Loom", 700).await?;
    let order = commands.create_order(customer.id, &[(product.id, 1)]).await?;
    queries.order(order.id, &order.token).await?;

    let index = system.queried_index("orders").await?;
    let block = async |value: Value| {
        let url = format!("{}/{index}/_settings", system.servers.elasticsearch);
        let settings = json!({"index.blocks.read_only_allow_delete": value});
        let answer = reqwest::Client::new().put(url).json(&settings).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    };
    block(json!(true)).await?;
    let order = commands.create_order(customer.id, &[(product.id, 2)]).await?;
    link.is_tried(40, LIMIT).await?;
    // Reading goes on.
    let listed = queries.ask("/v1/orders", &[]).await?;
    ensure!(listed.status == StatusCode::OK, "{listed:?}");
    block(Value::Null).await?;
    queries.order(order.id, &order.token).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    buried_nothing(&query).await
}

/// Its writes stand still on their way while it is frozen, another takes its partitions over and goes on, and then they
/// arrive.
#[tokio::test(flavor = "multi_thread")]
async fn late_writes_of_a_projector_that_was_frozen_past_its_session_lose_by_version() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let commands = Commands::new(&command.base_url());
    let session = [("KAFKA__SESSION_TIMEOUT", "6s")];
    let (frozen, link) = start_over(&system, "projector", &session).await?;
    let api = system.start("query-service", "api")?;
    let queries = Queries::new(&api.base_url());
    let workload = Workload::prepare(&commands, 3, 3).await?;
    workload.run(&commands, 1, 4, 50).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;

    link.set(Way::Still);
    workload.run(&commands, 2, 4, 150).await?;
    // Its bulk requests are under way.
    link.is_tried(1, LIMIT).await?;
    frozen.signal(Signal::SIGSTOP)?;
    let (successor, _direct) = start_over(&system, "projector", &session).await?;
    workload.run(&commands, 3, 4, 300).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;

    link.set(Way::Open);
    frozen.signal(Signal::SIGCONT)?;
    eventually(
        "the one that was frozen has partitions again",
        LIMIT,
        async || Ok((figure(&frozen.base_url(), "projector_assigned_partitions").await? > 0.0).then_some(())),
    )
    .await?;
    workload.run(&commands, 4, 4, 350).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    buried_nothing(&frozen).await?;
    buried_nothing(&successor).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_slower_than_its_poll_interval_pauses_and_keeps_its_partitions() -> Result<()> {
    // So long that a machine with other work does not make it late by itself.
    let interval = Duration::from_secs(20);
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let commands = Commands::new(&command.base_url());
    let settings = [
        ("KAFKA__MAX_POLL_INTERVAL", "20s"),
        // Each record fills its lane.
        ("PROJECTOR__LANE_QUEUE_BYTES", "1024"),
        ("ELASTICSEARCH__REQUEST_TIMEOUT", "1m"),
    ];
    let (projector, link) = start_over(&system, "projector", &settings).await?;
    let api = system.start("query-service", "api")?;
    let queries = Queries::new(&api.base_url());
    let workload = Workload::prepare(&commands, 3, 3).await?;
    workload.run(&commands, 1, 4, 50).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    let base = projector.base_url();
    // As librdkafka tells it. A session may be lost otherwise, where the machine has other work.
    let was_taken_for_dead = || projector.log_text().contains("maximum poll interval");

    link.set(Way::Still);
    workload.run(&commands, 2, 4, 150).await?;
    // Not told of before its first pause.
    let paused = || async { anyhow::Ok(figure(&base, "projector_paused").await.unwrap_or(0.0) > 0.0) };
    eventually("it pauses", LIMIT, async || Ok(paused().await?.then_some(()))).await?;
    // Longer than the group waits for one that does not ask.
    tokio::time::sleep(interval + Duration::from_secs(5)).await;
    ensure!(paused().await?, "it read on");
    ensure!(!was_taken_for_dead(), "it did not ask");

    link.set(Way::Open);
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    eventually(
        "it reads on",
        LIMIT,
        async || Ok((!paused().await?).then_some(())),
    )
    .await?;
    ensure!(!was_taken_for_dead(), "it did not ask");
    buried_nothing(&projector).await.context("the slow projector")
}
