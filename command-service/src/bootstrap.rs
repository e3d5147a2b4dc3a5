//! The one place that names the concrete adapters: builds what each role needs, starts it, stops it in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::application::bus::{CommandBus, RetryPolicy};
use crate::application::ports::Outbox as _;
use crate::inbound::health::{Dependency, Health};
use crate::inbound::http::command_api::{CommandApi, Wiring};
use crate::inbound::http::server::server;
use crate::outbound::kafka::create_topics;
use crate::outbound::postgres::{self, Database, PgEventStore, PgOutbox};
use crate::outbound::system::{SystemClock, TimeOrderedIds};
use crate::relay::Wake;
use crate::settings::{Role, Settings};
use crate::telemetry::metrics_handle;

mod probes;

/// How often the recorder folds what was measured into its buckets, so that it does not pile up between two scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

struct Production;

impl Wiring for Production {
    type Store = PgEventStore;
    type Clock = SystemClock;
    type Ids = TimeOrderedIds;
}

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
    postgres::setup(&settings.database).await.context("the database")?;
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
    serving: JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    drain_delay: Duration,
    grace_period: Duration,
}

/// Starts the roles. What they depend on need not be there yet.
pub async fn start(role: Role, settings: &Settings) -> anyhow::Result<Running> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let wake = Arc::new(Wake::default());

    // Apart from the commands' connections, so that a flood of commands does not starve health and relay.
    let database = Database::open(&settings.database)?;
    let outbox = PgOutbox::new(database.clone(), settings.relay.lease_ttl);
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
    }
    let health = Health::new(role, dependencies).with_backlog(move || {
        let outbox = outbox.clone();
        async move { Ok(outbox.backlog().await?) }
    });
    let health = Arc::new(health);

    if role.serves_api() {
        tasks.spawn(postgres::announce(settings.database.clone(), Arc::clone(&wake), stop.clone()));
    }
    tasks.spawn(stop.clone().run_until_cancelled_owned(keep_metrics_small()));

    let api = role.serves_api().then(|| command_api(settings, &wake)).transpose()?;
    let (serving, address) = server(&settings.http, &settings.shutdown, Arc::clone(&health), api)
        .with_context(|| format!("cannot listen on {}:{}", settings.http.host, settings.http.port))?;
    tracing::info!(role = role.as_str(), "listening on http://{address}");
    Ok(Running {
        address,
        health,
        http: serving.handle(),
        serving: tokio::spawn(serving),
        stop,
        tasks,
        drain_delay: settings.shutdown.drain_delay,
        grace_period: settings.shutdown.grace_period,
    })
}

/// Builds the commands' door in each worker: with connections of its own, a command is worked on one thread from its
/// request to its answer.
fn command_api(
    settings: &Settings,
    wake: &Arc<Wake>,
) -> anyhow::Result<impl Fn() -> CommandApi<Production> + Send + Clone + 'static> {
    let workers = settings.http.workers();
    let mut share = settings.database.clone();
    share.pool_size = share.pool_size.div_ceil(workers);
    let databases = (0..workers)
        .map(|_| Database::open(&share))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let databases: Arc<[Database]> = databases.into();
    let next = Arc::new(AtomicUsize::new(0));
    let in_flight = Arc::new(Semaphore::new(settings.http.max_in_flight.get()));
    let deadline = settings.http.request_deadline;
    let wake = Arc::clone(wake);
    Ok(move || {
        let worker = next.fetch_add(1, Ordering::Relaxed) % databases.len();
        let store = Arc::new(PgEventStore::new(databases[worker].clone(), Arc::clone(&wake)));
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(TimeOrderedIds));
        let bus = CommandBus::new(store, Arc::clone(&clock), Arc::clone(&ids), RetryPolicy::default());
        CommandApi::new(bus, clock, ids, Arc::clone(&in_flight), deadline)
    })
}

async fn keep_metrics_small() {
    let mut tick = tokio::time::interval(METRICS_UPKEEP);
    loop {
        tick.tick().await;
        metrics_handle().run_upkeep();
    }
}

impl Running {
    /// Resolves when HTTP stops without being told to.
    async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.serving).await {
            Ok(Ok(())) => anyhow::anyhow!("the HTTP server stopped"),
            Ok(Err(error)) => anyhow::Error::new(error).context("the HTTP server failed"),
            Err(error) => anyhow::Error::new(error).context("the HTTP server panicked"),
        }
    }

    /// Readiness turns; after the drain delay nothing new is accepted and requests in flight finish; then the relay
    /// finishes its batch and gives back its leases.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.health.stop();
        tokio::time::sleep(self.drain_delay).await;
        self.http.stop(true).await;
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.grace_period, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some tasks did not stop in time");
        }
        tracing::info!("stopped");
        Ok(())
    }
}
