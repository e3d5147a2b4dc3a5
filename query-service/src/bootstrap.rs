//! The one place that names the concrete adapters, starts what a role needs, and stops it in order.

mod dead_letters;
mod following;
mod rebuild;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use elasticsearch::Elasticsearch;
use rdkafka::producer::{FutureProducer, Producer as _};
use read_model::Kind;
use secrecy::ExposeSecret as _;
use shared_events::topic::CHANGES;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::following::Following;
use crate::application::freshness::{Freshness, Pace};
use crate::application::ports::Generations as _;
use crate::application::queries::QueryBus;
use crate::application::queries::cursor::CursorSigner;
use crate::application::queries::lists::Cursors;
use crate::application::queries::points::Points;
use crate::cli::Command;
use crate::inbound::health::{Dependency, Health};
use crate::inbound::http::admission::Admission;
use crate::inbound::http::query_api::QueryApi;
use crate::inbound::http::server;
use crate::inbound::kafka::{Feeding, Projector};
use crate::outbound::elasticsearch::{self as es, ElasticsearchGenerations, ElasticsearchReader, setup};
use crate::outbound::kafka::schemas::SchemaError;
use crate::outbound::kafka::{
    self, ChangeTopic, DeadLetterTopic, KafkaSettings, RepairRequestTopic, SchemaLookups, groups, topics,
};
use crate::outbound::system::SystemClock;
use crate::settings::{Role, Settings};
use crate::telemetry::{self, prometheus};

pub type ProductionFeeding = Feeding<ElasticsearchGenerations, DeadLetterTopic, ChangeTopic>;

/// Runs a role until it is told to stop, or a task to its end.
pub fn run(command: Command, role: Role, settings: Settings) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        // Two at least: see telemetry::init.
        .worker_threads(std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)))
        .enable_all()
        .build()?
        .block_on(async {
            let telemetry = telemetry::init(&settings.telemetry, role.as_str())?;
            let result = match command {
                Command::Rebuild(arguments) => rebuild::rebuild(&arguments, &settings).await,
                Command::DeadLetters { task } => dead_letters::run(&task, &settings).await,
                Command::Setup => set_up(&settings).await.map(|()| ExitCode::SUCCESS),
                _ => serve(role, settings).await.map(|()| ExitCode::SUCCESS),
            };
            telemetry.shut_down().await;
            result
        })
}

async fn set_up(settings: &Settings) -> anyhow::Result<()> {
    let client = es::connect(&settings.elasticsearch)?;
    let generations = ElasticsearchGenerations::new(client, &settings.elasticsearch);
    topics::create(&settings.kafka).await?;
    for missing in setup::missing(&generations, &Kind::ALL).await? {
        // One of the same name may have been deleted.
        groups::forget(&settings.kafka, missing.generation).await?;
    }
    setup::create_missing(&generations, &settings.elasticsearch, &Kind::ALL).await?;
    tracing::info!("indices and topics are there");
    Ok(())
}

async fn serve(role: Role, settings: Settings) -> anyhow::Result<()> {
    let client = es::connect(&settings.elasticsearch)?;
    let reader = Arc::new(reader(client.clone(), &settings));
    let generations = Arc::new(ElasticsearchGenerations::new(client, &settings.elasticsearch));
    let mut dependencies = vec![elasticsearch_dependency(role, &generations)];
    let mut tasks = Tasks::default();

    tasks.spawn("prometheus upkeep", |cancelled| async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        let upkeep = async {
            loop {
                ticks.tick().await;
                prometheus::handle().run_upkeep();
            }
        };
        cancelled.run_until_cancelled(upkeep).await;
        Ok(())
    });
    let served = match role.serves_api() {
        true => Some(start_api(&reader, &generations, &settings, &mut tasks)?),
        false => None,
    };
    if role.projects() {
        start_projector(generations, &settings, &mut tasks, &mut dependencies)?;
    }

    let mut health = Health::new(role, dependencies);
    if role.projects() {
        health = health
            .with_figure("projector lag", projector_lag)
            .with_figure("documents that wait for an event", waiting_documents);
    }
    let (apis, following) = served.unzip();
    if let Some(following) = &following {
        let (lags, told) = (following.lags.clone(), following.lags.clone());
        health = health
            .with_gauges(move || following::tell_lags(&told))
            .with_figure("read model lag", move || following::lag_figure(&lags))
            .with_figure("changes feed", following::feed_figure);
    }
    let health = Arc::new(health);
    let (host, port) = (settings.http.host.as_str(), settings.http.port);
    let changes = following.as_ref().map(|following| following.changes.clone());
    let apis = apis.unwrap_or_default();
    let (server, address) = server::bind(apis, changes, health.clone(), &settings.http, &settings.shutdown)
        .with_context(|| format!("cannot listen on {host}:{port}"))?;
    tracing::info!(role = role.as_str(), %address, "listening on http://{address}");
    let handle = server.handle();
    let mut server = tokio::spawn(server);

    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let ended = tokio::select! {
        _ = terminated.recv() => {
            tracing::info!("asked to stop: no longer ready");
            health.stop();
            // Balancers see it and look elsewhere before the listener closes; a second signal cuts this short.
            tokio::select! {
                () = tokio::time::sleep(settings.shutdown.drain_delay) => {}
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            Ok(())
        }
        _ = interrupted.recv() => Ok(()),
        ended = tasks.first_end() => ended,
        ended = &mut server => match ended {
            Ok(Ok(())) => Err(anyhow::anyhow!("the HTTP server ended by itself")),
            Ok(Err(error)) => Err(error).context("the HTTP server failed"),
            Err(error) => Err(error).context("the HTTP server failed"),
        },
    };
    health.stop();
    // Streams have no end of their own, and the server waits for its answers.
    if let Some(following) = &following {
        following.no_more_pushes.cancel();
    }
    // Queries first: they still need the tasks.
    handle.stop(true).await;
    let stopped = tasks.stop(settings.shutdown.grace_period).await;
    tracing::info!("stopped");
    ended.and(stopped)
}

fn reader(client: Elasticsearch, settings: &Settings) -> ElasticsearchReader {
    ElasticsearchReader::new(
        client,
        &settings.elasticsearch.index_prefix,
        settings.cursor.point_keep_alive,
    )
}

/// Who answers queries needs what they read to be of this build's mappings; who projects makes it so.
fn elasticsearch_dependency(role: Role, generations: &Arc<ElasticsearchGenerations>) -> Dependency {
    let generations = generations.clone();
    Dependency::new("elasticsearch", true, move || {
        let generations = generations.clone();
        async move {
            match role.serves_api() {
                true => setup::check(&generations, &Kind::ALL).await,
                false => Ok(generations.find(&Kind::ALL).await.map(drop)?),
            }
        }
    })
}

fn start_api(
    freshness_reader: &Arc<ElasticsearchReader>,
    generations: &Arc<ElasticsearchGenerations>,
    settings: &Settings,
    tasks: &mut Tasks,
) -> anyhow::Result<(Vec<Arc<QueryApi>>, Following)> {
    if settings.cursor.is_development() {
        tracing::warn!(
            "cursor.secret has its default for development: set QUERY_SERVICE__CURSOR__SECRET, the same in every replica"
        );
    }
    let consistency = &settings.consistency;
    let freshness = Arc::new(Freshness::new(
        freshness_reader.clone(),
        Pace {
            max_waiting: consistency.max_waiting.get(),
            search_check: consistency.search_check,
            recheck_first: consistency.recheck_first,
            recheck_longest: consistency.recheck_longest,
        },
    ));
    tasks.spawn("search watch", {
        let freshness = freshness.clone();
        |cancelled| async move {
            freshness.run(cancelled).await;
            Ok(())
        }
    });
    let following = following::start(&freshness, generations.clone(), settings, tasks)?;
    let cursors = Arc::new(Cursors {
        signer: CursorSigner::new(settings.cursor.secret.expose_secret().as_bytes()),
        points: Points::new(settings.cursor.max_points.get(), settings.cursor.point_keep_alive),
    });
    let admission = Arc::new(Admission::new(&settings.http));
    // A client for each worker, whose connections then live on that worker's thread: an answer wakes nobody elsewhere.
    let worker = || {
        let client = es::connect(&settings.elasticsearch)?;
        let reader = Arc::new(reader(client, settings));
        let bus = QueryBus::new(&reader, &freshness, &following.cache, &cursors);
        let api = QueryApi::new(
            bus,
            admission.clone(),
            following.lags.clone(),
            settings.http.request_deadline,
        );
        Ok(Arc::new(api))
    };
    let apis: anyhow::Result<Vec<_>> = (0..settings.http.workers()).map(|_| worker()).collect();
    Ok((apis?, following))
}

fn start_projector(
    generations: Arc<ElasticsearchGenerations>,
    settings: &Settings,
    tasks: &mut Tasks,
    dependencies: &mut Vec<Dependency>,
) -> anyhow::Result<()> {
    let producer = kafka::producer(&settings.kafka).context("the Kafka producer cannot be made")?;
    // Not required: the projector waits for both, and a restart or another balancer would not help it.
    dependencies.push(kafka_dependency(producer.clone(), &settings.kafka));
    dependencies.push(registry_dependency(registry(settings)?));
    let feeding = feeding_with(producer, settings, generations)?;
    let projector = Projector::new(Arc::new(feeding), Kind::ALL.to_vec());
    tasks.spawn("projector", |cancelled| projector.run(cancelled));
    Ok(())
}

/// What feeds generations.
fn feeding(
    settings: &Settings,
    generations: Arc<ElasticsearchGenerations>,
) -> anyhow::Result<ProductionFeeding> {
    let producer = kafka::producer(&settings.kafka).context("the Kafka producer cannot be made")?;
    feeding_with(producer, settings, generations)
}

fn feeding_with(
    producer: FutureProducer,
    settings: &Settings,
    generations: Arc<ElasticsearchGenerations>,
) -> anyhow::Result<ProductionFeeding> {
    Ok(Feeding {
        kafka: settings.kafka.clone(),
        settings: settings.projector.clone(),
        schemas: Arc::new(registry(settings)?),
        generations,
        dead_letters: Arc::new(DeadLetterTopic::new(producer.clone(), &settings.kafka)),
        changes: Arc::new(ChangeTopic::new(producer.clone(), &settings.kafka)),
        repairs: Arc::new(RepairRequestTopic::new(producer, &settings.kafka)),
        clock: Arc::new(SystemClock),
    })
}

fn registry(settings: &Settings) -> anyhow::Result<SchemaLookups> {
    SchemaLookups::new(&settings.schema_registry).context("the schema registry's client cannot be made")
}

fn projector_lag() -> String {
    let events = prometheus::values("projector_lag_events");
    let seconds = prometheus::values("projector_lag_seconds");
    match seconds.into_iter().reduce(f64::max) {
        Some(seconds) => format!("{} events, {seconds:.1} s", events.iter().sum::<f64>()),
        None => "unknown".to_owned(),
    }
}

fn waiting_documents() -> String {
    let waiting: f64 = prometheus::values("projector_waiting_aggregates").iter().sum();
    waiting.to_string()
}

fn kafka_dependency(producer: FutureProducer, settings: &KafkaSettings) -> Dependency {
    let topic = settings.topic(CHANGES);
    Dependency::new("kafka", false, move || {
        let (producer, topic) = (producer.clone(), topic.clone());
        async move {
            let look = move || {
                producer
                    .client()
                    .fetch_metadata(Some(&topic), Duration::from_secs(1))
            };
            let metadata = tokio::task::spawn_blocking(look).await??;
            match metadata.topics().first().map(|topic| topic.error()) {
                Some(None) => Ok(()),
                _ => anyhow::bail!("there is no {CHANGES}: query-service setup creates it"),
            }
        }
    })
}

fn registry_dependency(schemas: SchemaLookups) -> Dependency {
    let schemas = Arc::new(schemas);
    Dependency::new("schema_registry", false, move || {
        let schemas = schemas.clone();
        // Any verdict on an id will do, also that there is none.
        async move {
            match schemas.get(0).await {
                Err(error @ SchemaError::Unavailable(_)) => Err(error.into()),
                Ok(_) | Err(SchemaError::Unknown(_) | SchemaError::Unusable { .. }) => Ok(()),
            }
        }
    })
}

/// The tasks of this process, each with a name for the logs.
#[derive(Default)]
struct Tasks {
    running: JoinSet<(&'static str, anyhow::Result<()>)>,
    cancelled: CancellationToken,
}

impl Tasks {
    fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let task = task(self.cancelled.clone());
        self.running.spawn(async move { (name, task.await) });
    }

    /// Returns when a task ends that was not told to.
    async fn first_end(&mut self) -> anyhow::Result<()> {
        match self.running.join_next().await {
            Some(Ok((name, Ok(())))) => Err(anyhow::anyhow!("{name} ended by itself")),
            Some(Ok((name, Err(error)))) => Err(error.context(format!("{name} failed"))),
            Some(Err(error)) => Err(error).context("a task panicked"),
            None => std::future::pending().await,
        }
    }

    async fn stop(mut self, grace: Duration) -> anyhow::Result<()> {
        self.cancelled.cancel();
        let mut result = Ok(());
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                match ended {
                    Ok((_, Ok(()))) => {}
                    Ok((name, Err(error))) => {
                        result = Err(error.context(format!("{name} failed while stopping")))
                    }
                    Err(error) => result = Err(error).context("a task panicked while stopping"),
                }
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            anyhow::bail!("not everything stopped within {grace:?}");
        }
        result
    }
}
