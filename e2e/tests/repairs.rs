//! Events that Kafka does not have, or has lost, on real servers: the query service notices, asks for them, and the
//! command service sends them again.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::api::Commands;
use e2e::eventually;
use e2e::queries::Queries;
use e2e::system::System;
use e2e::topics::{self, Published};
use e2e::workload::Workload;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use shared_events::topic::REPAIR_REQUESTS;
use shared_events::{AggregateType, RepairRequest};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(90);

/// The first events of these streams, one each of those that go on after it: what a lossy relay might leave out.
fn losable(records: &[Published]) -> HashSet<(AggregateType, Uuid, u64)> {
    let mut last: BTreeMap<(AggregateType, Uuid), u64> = BTreeMap::new();
    for record in records {
        let of = last
            .entry((record.metadata.aggregate, record.metadata.aggregate_id))
            .or_default();
        *of = record.metadata.version.max(*of);
    }
    last.into_iter()
        .filter(|(_, last)| *last > 1)
        .enumerate()
        // Now the first, now one further on.
        .map(|(n, ((aggregate, id), last))| (aggregate, id, 1 + n as u64 % (last - 1)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_never_reached_kafka_is_asked_for() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "api")?;
    let commands = Commands::new(&command.base_url());
    let workload = Workload::prepare(&commands, 3, 4).await?;
    workload.run(&commands, 13, 4, 120).await?;
    for customer in 0..2 {
        let id = commands
            .register_customer(&format!("Twice renamed {customer}"))
            .await?
            .id;
        commands.rename_customer(id, "Once").await?;
        commands.rename_customer(id, "Twice").await?;
    }

    // No relay runs: this one leaves out an event of every stream that goes on, and says that it has sent all.
    let mut records = Vec::new();
    for aggregate in AggregateType::ALL {
        records.extend(topics::stored_events(&system, aggregate).await?);
    }
    let lost = losable(&records);
    ensure!(lost.len() > 20, "only {} streams go on", lost.len());
    let mut sent: Vec<_> = records
        .iter()
        .chain(&records)
        .filter(|record| {
            let metadata = &record.metadata;
            !lost.contains(&(metadata.aggregate, metadata.aggregate_id, metadata.version))
        })
        .cloned()
        .enumerate()
        .collect();
    sent.sort_by_key(|(n, _)| (n.wrapping_mul(0x9e37_79b9) >> 3) % 7919);
    let sent: Vec<_> = sent.into_iter().map(|(_, record)| record).collect();
    topics::publish(&system, &sent).await?;
    system.database.execute("DELETE FROM outbox", &[]).await?;

    let query = system.start("query-service", "all")?;
    let queries = Queries::new(&query.base_url());
    let (aggregate, id, version) = lost
        .iter()
        .find(|(aggregate, ..)| *aggregate == AggregateType::Order)
        .context("no order goes on")?;
    // Nobody answers yet: what waits is seen, and is not shown.
    eventually("a repair is asked for", LIMIT, async || {
        let metrics = reqwest::get(format!("{}/metrics", query.base_url())).await?;
        let metrics = metrics.text().await?;
        let counts = |name: &str| {
            metrics
                .lines()
                .any(|line| line.starts_with(name) && line.contains("orders") && !line.ends_with(" 0"))
        };
        Ok(
            (counts("projector_waiting_aggregates") && counts("projector_repair_requests_total"))
                .then_some(()),
        )
    })
    .await?;
    let (status, _) = queries.get(&format!("/v1/{aggregate}s/{id}")).await?;
    ensure!(*version > 1 || status == 404, "it is shown without its beginning");

    let _relay = system.start("command-service", "relay")?;
    let _worker = system.start("command-service", "worker")?;
    let compared = system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    ensure!(compared > 20, "only {compared} orders");
    nothing_waits(&query.base_url()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_kafka_has_lost_are_asked_for() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let commands = Commands::new(&command.base_url());
    let customer = commands.register_customer("Ada Lovelace").await?.id;
    let product = commands.add_product("Loom", 700).await?.id;
    let mut orders = Vec::new();
    for _ in 0..5 {
        let order = commands.create_order(customer, &[(product, 2)]).await?.id;
        commands.change_quantity(order, product, 3).await?;
        orders.push(order);
    }
    system.everything_is_published(LIMIT).await?;
    truncate(&system, AggregateType::Order).await?;
    for order in &orders {
        commands.submit(*order).await?;
    }

    let query = system.start("query-service", "all")?;
    let queries = Queries::new(&query.base_url());
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    let asked = requests(&system).await?;
    for order in orders {
        ensure!(
            asked
                .iter()
                .any(|request| (request.aggregate, request.id) == (AggregateType::Order, order)),
            "order {order} was not asked for: {asked:?}"
        );
    }
    nothing_waits(&query.base_url()).await
}

/// Everything that stands in the topic of these streams now is gone.
async fn truncate(system: &System, aggregate: AggregateType) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &system.servers.kafka)
        .create()?;
    let topic = system.topic(aggregate.topic());
    let metadata = admin.inner().fetch_metadata(Some(&topic), LIMIT)?;
    let partitions = metadata.topics().first().context("no topic")?.partitions().len();
    let mut ends = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions)? {
        ends.add_partition_offset(&topic, partition, Offset::End)?;
    }
    let deleted = admin.delete_records(&ends, &AdminOptions::new()).await?;
    for partition in deleted.elements() {
        partition.error()?;
    }
    tokio::task::spawn_blocking(move || drop(admin)).await?;
    Ok(())
}

async fn requests(system: &System) -> Result<Vec<RepairRequest>> {
    let values = topics::values(system, REPAIR_REQUESTS)?;
    values
        .iter()
        .map(|value| RepairRequest::decode(value).context("a request is malformed"))
        .collect()
}

/// What the query service says of itself.
async fn nothing_waits(base_url: &str) -> Result<()> {
    eventually("no document waits", LIMIT, async || {
        let metrics = reqwest::get(format!("{base_url}/metrics")).await?.text().await?;
        let mut figures = metrics
            .lines()
            .filter(|line| line.starts_with("projector_waiting_aggregates"))
            .peekable();
        let some = figures.peek().is_some();
        Ok((some && figures.all(|line| line.ends_with(" 0"))).then_some(()))
    })
    .await
}
