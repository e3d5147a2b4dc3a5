//! A process dies at a step between a commit and its answer, or a record and its offset: whatever the step, every key has
//! one outcome, everything is published, and every document is as folded.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::answers;
use e2e::cut_points::{Clients, Replicas};
use e2e::queries::Queries;
use e2e::system::System;
use e2e::topics;
use stack::ServiceProcess;

const LIMIT: Duration = Duration::from_secs(90);
/// Deaths at one point in a row, each at the first time that the new process comes there.
const IN_A_ROW: usize = 2;
/// Deaths at points that chance chooses.
const AT_RANDOM: usize = 2;

/// Of these at least the documents are compared.
const ORDERS: usize = 12;

const APPEND: [&str; 2] = ["append::before_commit", "append::after_commit"];
const RELAY: [&str; 3] = [
    "relay::after_read",
    "relay::after_acknowledged",
    "relay::after_mark",
];
const WORKER: [&str; 3] = [
    "worker::after_taking",
    "worker::before_commit",
    "worker::after_commit",
];
const PROJECTOR: [&str; 5] = [
    "projector::after_poll",
    "projector::before_bulk",
    "projector::after_bulk",
    "projector::after_told",
    "projector::after_offset_commit",
];

/// Each takes over from a dead one after this, which is the shortest that brokers allow.
const SESSION: [(&str, &str); 1] = [("QUERY_SERVICE__KAFKA__SESSION_TIMEOUT", "6s")];

#[tokio::test(flavor = "multi_thread")]
async fn an_api_may_die_at_every_step_of_an_append() -> Result<()> {
    let system = System::prepare().await?;
    let mut doomed = Replicas::two(&system, "command-service", "api", &[])?;
    let clients = Clients::new(doomed.doors());
    let _others = started(&system, &["relay", "worker"])?;
    let pace = Duration::from_millis(100);
    die_everywhere(&mut doomed, &clients, &APPEND, &APPEND, pace).await?;
    ensure!(
        clients.unknown() >= APPEND.len(),
        "nobody was left without an answer"
    );
    nothing_is_lost(&system, &clients, "all").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_may_die_at_every_step() -> Result<()> {
    let system = System::prepare().await?;
    let apis = Replicas::two(&system, "command-service", "api", &[])?;
    let clients = Clients::new(apis.doors());
    let _others = started(&system, &["worker"])?;
    let mut doomed = Replicas::two(&system, "command-service", "relay", &[])?;
    let pace = Duration::from_millis(100);
    die_everywhere(&mut doomed, &clients, &RELAY, &RELAY, pace).await?;
    nothing_is_lost(&system, &clients, "all").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_at_every_step() -> Result<()> {
    let system = System::prepare().await?;
    let apis = Replicas::two(&system, "command-service", "api", &[])?;
    let clients = Clients::new(apis.doors());
    let _others = started(&system, &["relay"])?;
    let mut doomed = Replicas::two(&system, "command-service", "worker", &[])?;
    let pace = Duration::from_millis(100);
    die_everywhere(&mut doomed, &clients, &WORKER, &WORKER, pace).await?;
    nothing_is_lost(&system, &clients, "all").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_may_die_at_every_step() -> Result<()> {
    let system = System::prepare().await?;
    let apis = Replicas::two(&system, "command-service", "api", &[])?;
    let clients = Clients::new(apis.doors());
    let _others = started(&system, &["relay", "worker"])?;
    let mut doomed = Replicas::two(&system, "query-service", "projector", &SESSION)?;
    // A dead one is missed only when its session is over.
    let pace = Duration::from_millis(800);
    let in_a_row = ["projector::after_bulk"];
    die_everywhere(&mut doomed, &clients, &PROJECTOR, &in_a_row, pace).await?;
    nothing_is_lost(&system, &clients, "api").await
}

/// One of two dies at each point while its twin goes on; at some points again and again; then wherever chance wants it.
async fn die_everywhere(
    doomed: &mut Replicas<'_>,
    clients: &Clients,
    points: &[&str],
    in_a_row: &[&str],
    pace: Duration,
) -> Result<()> {
    for point in points {
        doomed.arm(0, point).await?;
        clients.work_until(2, pace, doomed.has_died(0, point)).await?;
        doomed.restart(0, "")?;
    }
    for point in in_a_row {
        doomed.processes[0].kill()?;
        for _ in 0..IN_A_ROW {
            doomed.restart(0, &format!("{point}=return"))?;
            clients.work_until(2, pace, doomed.has_died(0, point)).await?;
        }
        doomed.restart(0, "")?;
    }
    let anywhere: Vec<String> = points.iter().map(|point| format!("{point}=5%return")).collect();
    let anywhere = anywhere.join(";");
    let role = points[0].split("::").next().unwrap_or_default();
    doomed.processes[0].kill()?;
    for _ in 0..AT_RANDOM {
        doomed.restart(0, &anywhere)?;
        clients.work_until(2, pace, doomed.has_died(0, role)).await?;
    }
    doomed.restart(0, "")?;
    // Those who die early leave little done.
    clients.work_until(2, pace, clients.have_made(ORDERS)).await
}

/// Everything is published and as folded, and no key has been executed twice. `role` is what the system lacks to answer
/// queries.
async fn nothing_is_lost(system: &System, clients: &Clients, role: &str) -> Result<()> {
    let query = system.start("query-service", role)?;
    let queries = Queries::new(&query.base_url());
    let compared = answers::all_are_as_folded(system, &queries, LIMIT).await?;
    let repeats = topics::check_published(system).await?;
    system.is_verified(LIMIT)?;
    let keys = clients.every_key_has_one_outcome(system).await?;
    println!(
        "{keys} keys, {} connections broke, {repeats} records came again; compared {compared:?}",
        clients.unknown()
    );
    ensure!(
        compared.orders >= ORDERS && compared.invoices >= ORDERS && keys > 2 * compared.orders,
        "too little was done: {keys} keys, {compared:?}"
    );
    Ok(())
}

fn started(system: &System, roles: &[&str]) -> Result<Vec<ServiceProcess>> {
    roles
        .iter()
        .map(|role| system.start("command-service", role))
        .collect()
}
