//! Full sizes, run by `cargo xtask accept`.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::api::Commands;
use e2e::crowds::{self, Crowd};
use e2e::overload::subjects::{self, Subject};
use e2e::overload::{Parts, memory};
use e2e::pushes::{self, Subscription};
use e2e::queries::Queries;
use e2e::schemathesis::Schemathesis;
use e2e::system::System;
use e2e::topics;
use e2e::workload::Workload;
use e2e::{answers, invoices, rebuilding, repeats, replicas, rivals, ways};
use tokio::sync::watch;

/// For what takes minutes at these sizes; nothing is judged by it.
const MINUTES: Duration = Duration::from_secs(900);

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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn a_rebuild_of_200_000_orders_under_200_queries_a_second() -> Result<()> {
    const ORDERS: usize = 200_000;
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let api = system.start("query-service", "api")?;
    let (commands, queries) = (Commands::new(&command.base_url()), Queries::new(&api.base_url()));
    let started = Instant::now();
    let crowd = Crowd::register(&commands, 1_000, 40).await?;
    crowd.order(&commands, ORDERS, 48).await?;
    let ordered = started.elapsed();
    // Only now: beside the commands it would write in small batches, for which Elasticsearch takes most of the machine.
    let projector = system.start("query-service", "projector")?;
    crowds::are_listed(&queries, ORDERS, MINUTES).await?;
    println!(
        "{ORDERS} orders by command in {ordered:.1?}, all listed after {:.1?}",
        started.elapsed()
    );
    let rebuilt = rebuilding::under_queries(&system, &queries, 200, MINUTES).await?;
    println!("{}", rebuilt.printed);
    println!(
        "rebuilt in {:.1?}, rolled back in {:.1?}; meanwhile {} queries, none failed and none was wrong, p50 {:.1} ms, p99 \
         {:.1} ms; projector {} MiB at most",
        rebuilt.took,
        rebuilt.rolled_back_in,
        rebuilt.steady.answers,
        rebuilt.steady.quantile(0.5),
        rebuilt.steady.quantile(0.99),
        crowds::most_memory_mib(projector.pid()),
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn a_rename_with_100_000_orders() -> Result<()> {
    const ORDERS: usize = 100_000;
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let api = system.start("query-service", "api")?;
    let (commands, queries) = (Commands::new(&command.base_url()), Queries::new(&api.base_url()));
    let crowd = Crowd::register(&commands, 1, 40).await?;
    crowd.order(&commands, ORDERS, 48).await?;
    let projector = system.start("query-service", "projector")?;
    crowds::are_listed(&queries, ORDERS, MINUTES).await?;
    let memory_before = crowds::most_memory_mib(projector.pid());

    let others = [
        commands.register_customer("Somebody else").await?.id,
        crowd.products[0],
    ];
    let (stop, stopped) = watch::channel(false);
    let alone = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        stop.send_replace(true);
        anyhow::Ok(())
    };
    let (_, before) = tokio::try_join!(alone, crowds::probe(&commands, &queries, others, stopped))?;
    let (stop, stopped) = watch::channel(false);
    let renaming = async {
        let took = crowds::rename(&commands, &queries, crowd.customers[0], "Ada Lovelace", MINUTES).await;
        stop.send_replace(true);
        took
    };
    let probing = crowds::probe(&commands, &queries, others, stopped);
    let (took, meanwhile) = tokio::try_join!(renaming, probing)?;
    let listed = crowds::listed_under(&system, crowd.customers[0], "Ada Lovelace").await?;
    ensure!(
        listed == ORDERS as u64,
        "{listed} of {ORDERS} orders show the new name"
    );
    println!(
        "a customer with {ORDERS} orders renamed: all show the new name after {took:.1?}; projector {} MiB at most, {memory_before} \
         before; from an answer to a command to its order shown, others: p50 {:.0} ms, p99 {:.0} ms before, p50 {:.0} ms, p99 \
         {:.0} ms meanwhile ({} orders)",
        crowds::most_memory_mib(projector.pid()),
        before.quantile(0.5),
        before.quantile(0.99),
        meanwhile.quantile(0.5),
        meanwhile.quantile(0.99),
        meanwhile.answers,
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn three_replicas_with_caches_for_a_minute() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    let apis = [
        system.start("query-service", "api")?,
        system.start("query-service", "api")?,
        system.start("query-service", "api")?,
    ];
    let commands = Commands::new(&command.base_url());
    let replicas = [0, 1, 2].map(|at: usize| Queries::new(&apis[at].base_url()));
    let report =
        replicas::write_and_read(&commands, &replicas, 2026, [4, 24], Duration::from_secs(60)).await?;
    let [hits, misses] = replicas::cache_lookups(&replicas).await?;
    println!(
        "three replicas for a minute: {} changes, {} answers, {} of them with a token: none broke it or went back, {} were \
         told that it has not arrived yet; {hits:.0} of {:.0} looks into the caches hit ({:.0} %)",
        report.changes,
        report.answers,
        report.with_token,
        report.not_yet_visible,
        hits + misses,
        100.0 * hits / (hits + misses),
    );
    let compared = system
        .at_rest_everything_is_as_folded(&replicas[2], MINUTES)
        .await?;
    println!("{compared} orders equal the fold of their events");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn a_client_that_reconnects_a_hundred_times_during_ten_thousand_changes() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "all")?;
    let _projector = system.start("query-service", "projector")?;
    let apis = [
        system.start("query-service", "api")?,
        system.start("query-service", "api")?,
    ];
    let commands = Commands::new(&command.base_url());
    let replicas = [0, 1].map(|at: usize| Queries::new(&apis[at].base_url()));
    let workload = Workload::prepare(&commands, 50, 40).await?;
    let first = Subscription::open(&replicas[0], "/v1/orders/changes", None).await?;
    let started = Instant::now();
    let changes = async {
        // Events of one order in one batch are one change.
        workload.run(&commands, 2026, 16, 17_000).await?;
        pushes::versions(&system).await
    };
    let watched = pushes::watch(&system, &replicas, first, 50, changes).await?;
    ensure!(
        watched.reconnects >= 100 && watched.pushes >= 10_000,
        "{watched:?}"
    );
    println!(
        "{} commands and {} pushes in {:.1?}, {} reconnects through two replicas: whatever stands in the changes topic came, \
         each once",
        *workload.progress().borrow(),
        watched.pushes,
        started.elapsed(),
        watched.reconnects,
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn every_read_model_after_a_thousand_orders_on_all_their_ways() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    ways::go(&commands, 2026, 20, 50).await?;
    let compared = answers::all_are_as_folded(&system, &queries, MINUTES).await?;
    println!("every answer equals the fold of the events: {compared:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size: cargo xtask accept"]
async fn ten_times_overload_for_a_minute() -> Result<()> {
    let parts = Parts {
        peak: Duration::from_secs(10),
        overload: Duration::from_secs(60),
        afterwards: Duration::from_secs(10),
    };
    let system = System::prepare().await?;
    let others = [
        ("relay", system.start("command-service", "relay")?),
        ("worker", system.start("command-service", "worker")?),
        ("projector", system.start("query-service", "projector")?),
    ];
    // Few places before servers at a distance: so the capacity is a matter of settings, and ten times of it a small load.
    let commands = Subject::commands(&system, 4).await?;
    let queries = Subject::queries(&system, 4).await?;
    subjects::some_orders(&Commands::new(&commands.api.base_url())).await?;
    let before = others.each_ref().map(|(_, process)| memory(process));
    let of_commands = commands.too_many_commands(&system, parts).await?;
    let of_queries = queries.too_many_queries(parts).await?;
    for ((role, process), before) in others.iter().zip(before) {
        let after = memory(process);
        println!(
            "{role}: {} MiB before, {} at most, {} after",
            before.now, after.most, after.now
        );
        ensure!(
            after.most <= before.now + 128,
            "the {role} grew to {} MiB",
            after.most
        );
    }
    of_commands.is_borne()?;
    of_queries.is_borne()?;
    Ok(())
}
