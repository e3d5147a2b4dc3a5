//! The read side at work, on real servers, in small; `tests/accept.rs` has the full sizes.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::api::Commands;
use e2e::crowds::{self, Crowd};
use e2e::pushes::{self, Subscription};
use e2e::queries::Queries;
use e2e::system::System;
use e2e::workload::Workload;
use e2e::{rebuilding, replicas};
use tokio::sync::watch;

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_under_queries_is_not_noticed_and_can_be_rolled_back() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let crowd = Crowd::register(&commands, 10, 5).await?;
    crowd.order(&commands, 300, 8).await?;
    crowds::are_listed(&queries, 300, LIMIT).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    let rebuilt = rebuilding::under_queries(&system, &queries, 20, LIMIT).await?;
    ensure!(rebuilt.steady.answers > 40, "{} answers", rebuilt.steady.answers);
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_reaches_hundreds_of_orders_and_holds_up_no_other() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let crowd = Crowd::register(&commands, 1, 2).await?;
    crowd.order(&commands, 600, 8).await?;
    crowds::are_listed(&queries, 600, LIMIT).await?;
    let other = commands.register_customer("Somebody else").await?.id;
    let (stop, stopped) = watch::channel(false);
    let renaming = async {
        let took = crowds::rename(&commands, &queries, crowd.customers[0], "Ada Lovelace", LIMIT).await;
        stop.send_replace(true);
        took
    };
    let probing = crowds::probe(&commands, &queries, [other, crowd.products[0]], stopped);
    tokio::try_join!(renaming, probing)?;
    let listed = crowds::listed_under(&system, crowd.customers[0], "Ada Lovelace").await?;
    ensure!(listed == 600, "{listed} of 600 orders show the new name");
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_replica_breaks_a_token_or_goes_back() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    let apis = [
        system.start("query-service", "api")?,
        system.start("query-service", "api")?,
    ];
    let commands = Commands::new(&command.base_url());
    let queries = [0, 1].map(|at: usize| Queries::new(&apis[at].base_url()));
    let report = replicas::write_and_read(&commands, &queries, 2026, [2, 9], Duration::from_secs(6)).await?;
    ensure!(
        report.changes > 20 && report.answers > 200 && report.with_token > 100,
        "too little happened: {report:?}"
    );
    system.at_rest_everything_is_as_folded(&queries[0], LIMIT).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reconnects_to_other_replicas_misses_no_change() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    let apis = [
        system.start("query-service", "api")?,
        system.start("query-service", "api")?,
    ];
    let commands = Commands::new(&command.base_url());
    let queries = [0, 1].map(|at: usize| Queries::new(&apis[at].base_url()));
    let workload = Workload::prepare(&commands, 5, 5).await?;
    let first = Subscription::open(&queries[0], "/v1/orders/changes", None).await?;
    let changes = async {
        workload.run(&commands, 11, 4, 300).await?;
        pushes::versions(&system).await
    };
    let watched = pushes::watch(&system, &queries, first, 15, changes).await?;
    ensure!(watched.reconnects >= 5, "{watched:?}");
    Ok(())
}
