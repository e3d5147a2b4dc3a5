//! Full sizes, run by `cargo xtask accept`.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::api::{Commands, Queries};
use e2e::schemathesis::Schemathesis;
use e2e::system::System;
use e2e::topics;
use e2e::workload::Workload;
use e2e::{invoices, repeats, rivals};

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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn ten_thousand_keys_each_sent_by_twenty_clients_at_once() -> Result<()> {
    let system = System::prepare().await?;
    let (_processes, commands) = system.start_two("api")?;
    let started = Instant::now();
    let seen = repeats::each_key_is_executed_once(&system, &commands, 10_000, 20).await?;
    println!(
        "10,000 keys by 20 clients through two replicas: 10,000 executions, identical answers; {} requests, of which {} were \
         told to wait, in {:.1?}",
        seen.requests,
        seen.told_to_wait,
        started.elapsed(),
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn of_fifty_writers_with_one_if_match_exactly_one_succeeds_a_hundred_times() -> Result<()> {
    let system = System::prepare().await?;
    let (_processes, commands) = system.start_two("api")?;
    let started = Instant::now();
    rivals::exactly_one_succeeds(&commands, 50, 100).await?;
    println!(
        "100 rounds of 50 writers: exactly one succeeded in each, in {:.1?}",
        started.elapsed()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn sixty_four_clients_submit_pay_and_cancel_for_a_minute() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, queries) = {
        let query = system.start("query-service", "all")?;
        let queries = Queries::new(&query.base_url());
        (query, queries)
    };
    let (_processes, commands) = system.start_two("all")?;
    invoices::submit_pay_and_cancel(&commands, 2026, 64, Duration::from_secs(60)).await?;
    let rest = Instant::now();
    let books = invoices::the_books_are_right(&system, Duration::from_secs(120)).await?;
    println!(
        "64 clients for a minute: {} orders submitted, {} invoices numbered 1 to {}, {} paid, {} credit notes, {} cancelled \
         drafts; the queue was empty {:.1?} after the last command",
        books.submitted,
        books.invoices,
        books.invoices,
        books.paid,
        books.credit_notes,
        books.cancelled_drafts,
        rest.elapsed(),
    );
    system.is_verified(Duration::from_secs(120))?;
    let compared = system
        .at_rest_everything_is_as_folded(&queries, Duration::from_secs(300))
        .await?;
    println!("{compared} orders equal the fold of their events");
    system.lose_the_topics(Duration::from_secs(300)).await?;
    system
        .at_rest_everything_is_as_folded(&queries, Duration::from_secs(300))
        .await?;
    let (_anew, queries) = system.start_queries_anew().await?;
    let anew = system
        .at_rest_everything_is_as_folded(&queries, Duration::from_secs(300))
        .await?;
    println!(
        "the topics were deleted and made again: {anew} orders as before, on the old indices and on new ones"
    );
    Ok(())
}
