//! The one place that names the concrete adapters: builds what each role needs, starts it, stops it in order.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::application::backpressure::Backpressure;
use crate::application::ports::{BUCKETS, Outbox as _};
use crate::application::snapshots::{SnapshotMarks, take_snapshots};
use crate::inbound::health::{Dependency, Health};
use crate::inbound::http::admission::Admission;
use crate::inbound::http::server::server;
use crate::outbound::kafka::create_topics;
use crate::outbound::postgres::{self, Database, PgEventStore, PgOutbox, Wakes};
use crate::relay::watch_backlog;
use crate::settings::{Role, Settings};
use crate::sharing::{BucketMask, mask_of};
use crate::telemetry::metrics_handle;
use crate::worker::QueueWatch;

mod commands;
mod probes;
mod relaying;
mod republish;
mod verify;
mod working;

pub use republish::republish;
pub use verify::verify;

/// How often the recorder folds what was measured into its buckets, so that it does not pile up between two scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// What the relay's lanes, the leases, the figures and the probes need at once.
const OPERATIONS_CONNECTIONS: usize = 6;

/// Runs a role until it has done its work or is told to stop by SIGTERM or SIGINT; a second signal stops it at once.
pub async fn run(role: Role, settings: &Settings) -> anyhow::Result<()> {
    if role == Role::Setup {
        return set_up(settings).await;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut running = start(role, settings).await?;
    tokio::select! {
        () = told_to_stop(&mut terminate, &mut interrupt) => {}
        failed = running.failed() => return Err(failed),
    }
    tracing::info!("stopping: requests in flight are finished first");
    tokio::select! {
        stopped = running.stop() => stopped,
        () = told_to_stop(&mut terminate, &mut interrupt) => anyhow::bail!("told to stop twice"),
    }
}

async fn told_to_stop(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn set_up(settings: &Settings) -> anyhow::Result<()> {
    postgres::setup(&settings.database)
        .await
        .context("the database")?;
    tracing::info!("the database is up to date");
    create_topics(&settings.kafka).await.context("Kafka")?;
    tracing::info!("the topics are there");
    Ok(())
}

/// A process's roles at work.
pub struct Running {
    /// Where HTTP listens.
    pub address: SocketAddr,
    health: Arc<Health>,
    http: ServerHandle,
    /// None of them ends before it is told to, unless it fails.
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
    drain_delay: Duration,
    grace_period: Duration,
}

/// Starts the roles. What they depend on need not be there yet.
pub async fn start(role: Role, settings: &Settings) -> anyhow::Result<Running> {
    metrics_handle();
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let wakes = Wakes::default();

    let database = operations_database(role, settings)?;
    let outbox = Arc::new(PgOutbox::new(database.clone()));
    let outbox_room = Arc::new(Backpressure::new("outbox", settings.admission.outbox_rows));
    let queue_room = Arc::new(Backpressure::new(
        "command_queue",
        settings.admission.queued_commands,
    ));
    let queue = Arc::new(QueueWatch::new(
        Arc::new(PgEventStore::new(database.clone(), wakes.clone())),
        settings.policies.invoice_within,
        Arc::clone(&queue_room),
    ));
    let marks = match NonZeroU64::new(settings.snapshots.every) {
        Some(every) if role.serves_api() || role.works() => {
            let (marks, passed) = SnapshotMarks::every(every);
            let store = Arc::new(PgEventStore::new(database.clone(), wakes.clone()));
            tasks.spawn(told_to_end(take_snapshots(store, passed, stop.clone())));
            marks
        }
        _ => SnapshotMarks::none(),
    };
    let mut dependencies = vec![Dependency::new("database", true, {
        let database = database.clone();
        move || {
            let database = database.clone();
            async move { Ok(database.ping().await?) }
        }
    })];
    if role.relays() {
        // The command API works without them: commands go on while the outbox grows.
        let required = !role.serves_api();
        dependencies.push(probes::kafka(&settings.kafka, required)?);
        dependencies.push(probes::schema_registry(settings, required)?);
        relaying::start(settings, &database, &outbox, &wakes, &stop, &mut tasks)?;
    }
    if role.works() {
        working::start(settings, &database, &wakes, marks.clone(), &stop, &mut tasks)?;
    }
    let mut health = Health::new(role, dependencies)
        .with_backlog({
            let outbox = Arc::clone(&outbox);
            move || {
                let outbox = Arc::clone(&outbox);
                async move { Ok(outbox.backlog().await?) }
            }
        })
        .with_queue({
            let queue = Arc::clone(&queue);
            move || {
                let queue = Arc::clone(&queue);
                async move { Ok(queue.measure().await?) }
            }
        });
    if role.relays() {
        let wake = Arc::clone(&wakes.outbox);
        health = health.with_leases("relay", move || buckets_of(wake.held()));
    }
    if role.works() {
        let wake = Arc::clone(&wakes.queue);
        health = health.with_leases("worker", move || buckets_of(wake.held()));
    }
    let health = Arc::new(health);

    if role.serves_api() || role.works() {
        let announcing = postgres::announce(settings.database.clone(), wakes.clone(), stop.clone());
        tasks.spawn(told_to_end(announcing));
    }
    if role.relays() || role.works() {
        let listening = postgres::listen(settings.database.clone(), wakes.clone(), stop.clone());
        tasks.spawn(told_to_end(listening));
    }
    // In every role: whoever still runs shows that relays or workers do not.
    let watching = watch_backlog(
        outbox,
        Arc::clone(&outbox_room),
        Arc::clone(&health.seen_backlog),
        settings.relay.backlog_interval,
        stop.clone(),
    );
    tasks.spawn(told_to_end(watching));
    tasks.spawn(told_to_end({
        let (every, stop) = (settings.worker.watch_interval, stop.clone());
        async move { queue.run(every, stop).await }
    }));
    tasks.spawn(told_to_end(keep_metrics_small(stop.clone())));

    let api = role
        .serves_api()
        .then(|| {
            let admission = Admission::new(&settings.http, outbox_room, queue_room);
            commands::command_api(settings, &wakes, marks, admission)
        })
        .transpose()?;
    let (serving, address) = server(&settings.http, &settings.shutdown, Arc::clone(&health), api)
        .with_context(|| format!("cannot listen on {}:{}", settings.http.host, settings.http.port))?;
    let http = serving.handle();
    tasks.spawn(async { serving.await.context("the HTTP server") });
    tracing::info!(role = role.as_str(), "listening on http://{address}");
    Ok(Running {
        address,
        health,
        http,
        tasks,
        stop,
        drain_delay: settings.shutdown.drain_delay,
        grace_period: settings.shutdown.grace_period,
    })
}

/// Connections of health, figures, leases and relay: apart from the commands', so that a flood of commands does not starve
/// them.
fn operations_database(role: Role, settings: &Settings) -> anyhow::Result<Database> {
    let mut operations = settings.database.clone();
    if role.serves_api() || role.works() {
        operations.pool_size = operations.pool_size.min(OPERATIONS_CONNECTIONS);
    }
    Database::open(&operations)
}

fn buckets_of(held: BucketMask) -> Vec<u16> {
    (0..BUCKETS)
        .filter(|bucket| held & mask_of(*bucket) != 0)
        .collect()
}

async fn keep_metrics_small(stop: CancellationToken) {
    let mut tick = tokio::time::interval(METRICS_UPKEEP);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        metrics_handle().run_upkeep();
    }
}

/// A task that cannot fail.
async fn told_to_end(task: impl Future<Output = ()>) -> anyhow::Result<()> {
    task.await;
    Ok(())
}

impl Running {
    /// Resolves when a task ends without being told to.
    async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(panic)) => anyhow::Error::new(panic).context("a task panicked"),
            Some(Ok(Ok(()))) | None => anyhow::anyhow!("a task stopped by itself"),
        }
    }

    /// Readiness turns; after the drain delay nothing new is accepted and requests in flight finish; then relay
    /// and worker finish their batches and give back their leases.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.health.stop();
        tokio::time::sleep(self.drain_delay).await;
        self.http.stop(true).await;
        self.stop.cancel();
        let joined = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace_period, joined).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some tasks did not stop in time");
            self.tasks.shutdown().await;
        }
        tracing::info!("stopped");
        Ok(())
    }
}
