//! What goes wrong between the services, on real servers: nothing is lost, nothing has its effect twice.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::api::Commands;
use e2e::eventually;
use e2e::queries::Queries;
use e2e::system::System;
use e2e::topics;
use e2e::workload::Workload;
use shared_events::AggregateType;

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn doubled_and_shuffled_records_give_the_same_documents() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "api")?;
    let commands = Commands::new(&command.base_url());
    let workload = Workload::prepare(&commands, 3, 4).await?;
    workload.run(&commands, 7, 4, 150).await?;

    // No relay runs: the records come from here, each twice, in an order that has nothing to do with theirs.
    let mut records = Vec::new();
    for aggregate in AggregateType::ALL {
        records.extend(topics::stored_events(&system, aggregate).await?);
    }
    let mut shuffled: Vec<_> = records.iter().chain(&records).cloned().enumerate().collect();
    shuffled.sort_by_key(|(n, _)| (n.wrapping_mul(0x9e37_79b9) >> 3) % 7919);
    let shuffled: Vec<_> = shuffled.into_iter().map(|(_, record)| record).collect();
    topics::publish(&system, &shuffled).await?;

    let query = system.start("query-service", "all")?;
    let queries = Queries::new(&query.base_url());
    let compared = system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    ensure!(compared > 20, "only {compared} orders");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_in_mid_work_is_taken_over() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "api")?;
    let mut doomed = system.start("command-service", "relay")?;
    let _other = system.start("command-service", "relay")?;
    let query = system.start("query-service", "all")?;
    let (commands, queries) = (
        Commands::new(&command.base_url()),
        Queries::new(&query.base_url()),
    );

    let workload = Workload::prepare(&commands, 5, 5).await?;
    let mut progress = workload.progress();
    let kill = async {
        progress.wait_for(|done| *done >= 300).await?;
        doomed.kill()?;
        anyhow::Ok(())
    };
    tokio::try_join!(workload.run(&commands, 11, 8, 800), kill)?;

    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    topics::check_published(&system).await?;
    let left: i64 = system
        .database
        .query_one("SELECT count(*) FROM outbox", &[])
        .await?
        .get(0);
    ensure!(left == 0, "{left} rows are left in the outbox");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_stops_hands_over_at_once() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "api")?;
    let mut first = system.start("command-service", "relay")?;
    let _second = system.start("command-service", "relay")?;
    let query = system.start("query-service", "all")?;
    let (commands, queries) = (
        Commands::new(&command.base_url()),
        Queries::new(&query.base_url()),
    );
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Loom", 700).await?;

    let status = first.terminate(Duration::from_secs(20))?;
    ensure!(status.success(), "{status}\n{}", first.log_text());
    // Told before the first one's leases could have expired: whoever owns a bucket now, it is not the one that went.
    let owners: i64 = system
        .database
        .query_one(
            "SELECT count(DISTINCT owner) FROM relay_leases WHERE expires_at > clock_timestamp()",
            &[],
        )
        .await?
        .get(0);
    ensure!(owners <= 1, "the relay that stopped still holds leases");
    let order = commands.create_order(customer.id, &[(product.id, 1)]).await?;
    queries.order(order.id, &order.token).await?;
    topics::check_published(&system).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_killed_between_write_and_commit_repeats_without_effect() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let query = system.start("query-service", "api")?;
    let mut projector = system.start("query-service", "projector")?;
    let (commands, queries) = (
        Commands::new(&command.base_url()),
        Queries::new(&query.base_url()),
    );

    let workload = Workload::prepare(&commands, 3, 3).await?;
    workload.run(&commands, 3, 8, 200).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;

    // Kill it as soon as it has written one more order, until a kill has come before the commit of its offset.
    for round in 0.. {
        let customer = commands.register_customer("Ada Lovelace").await?;
        let product = commands.add_product("Loom", 700).await?;
        let order = commands.create_order(customer.id, &[(product.id, 1)]).await?;
        queries.order(order.id, &order.token).await?;
        projector.kill()?;
        let uncommitted = topics::uncommitted_records(&system).await?;
        projector = system.start("query-service", "projector")?;
        if uncommitted > 0 {
            break;
        }
        ensure!(
            round < 20,
            "in 20 rounds the kill never came between write and commit"
        );
    }
    let order = workload_order(&commands).await?;
    queries.order(order.id, &order.token).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    eventually("the group commits everything", LIMIT, async || {
        Ok((topics::uncommitted_records(&system).await? == 0).then_some(()))
    })
    .await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    Ok(())
}

async fn workload_order(commands: &Commands) -> Result<e2e::api::Accepted> {
    let customer = commands.register_customer("Charles Babbage").await?;
    let product = commands.add_product("Cards", 5).await?;
    commands.create_order(customer.id, &[(product.id, 1)]).await
}
