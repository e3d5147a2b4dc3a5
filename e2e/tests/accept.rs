//! Full sizes, run by `cargo xtask accept`.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::api::{Commands, Queries};
use e2e::schemathesis::Schemathesis;
use e2e::system::System;
use e2e::topics;
use e2e::workload::Workload;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn two_of_each_one_of_each_killed_in_the_middle_of_5000_commands() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "api")?;
    let query = system.start("query-service", "api")?;
    let mut relays = [
        system.start("command-service", "relay")?,
        system.start("command-service", "relay")?,
    ];
    let mut projectors = [
        system.start("query-service", "projector")?,
        system.start("query-service", "projector")?,
    ];
    let (commands, queries) = (
        Commands::new(&command.base_url()),
        Queries::new(&query.base_url()),
    );

    let workload = Workload::prepare(&commands, 50, 40).await?;
    let mut progress = workload.progress();
    let kill = async {
        progress.wait_for(|done| *done >= 2_000).await?;
        relays[0].kill()?;
        progress.wait_for(|done| *done >= 3_000).await?;
        projectors[0].kill()?;
        anyhow::Ok(())
    };
    let started = Instant::now();
    tokio::try_join!(workload.run(&commands, 2026, 16, 5_000), kill)?;
    let loaded = started.elapsed();
    ensure!(*workload.progress().borrow() >= 5_000);
    let compared = system
        .at_rest_everything_is_as_folded(&queries, Duration::from_secs(180))
        .await?;
    let level = started.elapsed();
    let repeats = topics::check_published(&system).await?;
    println!(
        "{} commands in {loaded:.1?}; {compared} orders equal the fold of their events {level:.1?} after the start; \
         {repeats} records were published again",
        *workload.progress().borrow(),
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn the_services_answer_made_up_requests_as_their_documents_say() -> Result<()> {
    let schemathesis = Schemathesis::install()?;
    let system = System::prepare().await?;
    let ([command, query], ..) = system.start_all()?;
    schemathesis.check(&command.base_url(), 200)?;
    schemathesis.check(&query.base_url(), 100)
}
