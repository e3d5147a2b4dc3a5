//! One generation fed from its topics, under a consumer group of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::{self, Committing, GroupConsumer, Topics};
use super::lag;
use super::projector::Feeding;
use super::reading::Reading;
use super::rereading::Rereading;
use super::resuming::Starts;
use super::source::{Outdated, Source};
use super::standstill;
use super::unknown_schemas::UnknownSchemas;
use crate::application::ports::{ChangePublisher, DeadLetters, Generation, Generations, NameSources};
use crate::application::projecting::aside::Aside;
use crate::application::projecting::gaps::Gaps;
use crate::application::projecting::patience::Patience;
use crate::application::projecting::tally::Tally;
use crate::application::projecting::{Announcing, Ports, lane};

const CLOSES_WITHIN: Duration = Duration::from_secs(10);

pub struct Pipeline<G, D, C> {
    pub generation: Generation,
    pub feeding: Arc<Feeding<G, D, C>>,
    pub announcing: Arc<Announcing>,
}

/// How a pipeline is told to end.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// What is in flight may finish within the grace of the settings.
    pub finish: CancellationToken,
    /// What is in flight is left where it is.
    pub abandon: CancellationToken,
}

impl<G, D, C> Pipeline<G, D, C>
where
    G: Generations + NameSources,
    D: DeadLetters,
    C: ChangePublisher,
{
    /// Projects until `end` says so, then commits. An error is one that no waiting mends, such as settings that librdkafka
    /// refuses.
    pub async fn run(self, end: End) -> anyhow::Result<()> {
        let (mut gone_at, mut patience) = (None, standstill::PATIENCE);
        loop {
            let began = Instant::now();
            let Err(error) = self.feed(&end, gone_at, patience).await else {
                return Ok(());
            };
            if began.elapsed() > standstill::FORGIVEN_AFTER {
                patience = standstill::PATIENCE;
            }
            let now = self.feeding.clock.now();
            match error.downcast_ref() {
                Some(Outdated::TopicGone) => gone_at = Some(now),
                Some(Outdated::StandsStill { unread_for }) => {
                    gone_at = Some(now - *unread_for);
                    // Where another client does not help, it is seldom tried.
                    patience = (patience * 2).min(standstill::MOST_PATIENCE);
                }
                None => return Err(error),
            }
            let generation = self.generation;
            tracing::warn!(%generation, %error, "it is read by a new client as soon as it is there");
            metrics::counter!("projector_clients_replaced_total", "index" => generation.to_string())
                .increment(1);
        }
    }

    /// With one client of Kafka. `gone_at`: a topic was found to be gone then, or may have been. `unread_at_most`: so long
    /// nothing may be read of what stands in a partition.
    async fn feed(
        &self,
        end: &End,
        gone_at: Option<DateTime<Utc>>,
        unread_at_most: Duration,
    ) -> anyhow::Result<()> {
        let Self {
            generation,
            feeding,
            announcing,
        } = self;
        let (generation, announcing) = (*generation, Arc::clone(announcing));
        let settings = &feeding.settings;
        let topics = Topics::new(&feeding.kafka, generation.kind);
        // What this client has to leave in flight is no reason for the next one to end.
        let abandon = end.abandon.child_token();
        let patience = Patience::new(settings, abandon.clone(), Arc::clone(&feeding.clock));
        let starts = match gone_at {
            None => Starts::default(),
            Some(gone_at) => {
                let look = || Starts::look(&feeding.kafka, generation, gone_at);
                let looked = patience.until_done("looking where to read on", look);
                let looked = tokio::select! {
                    looked = looked => looked.ok(),
                    () = end.finish.cancelled() => None,
                };
                let Some(starts) = looked else {
                    return Ok(());
                };
                starts
            }
        };
        let consumer = group::consumer(&feeding.kafka, settings, generation, topics.clone(), starts)
            .context("the Kafka consumer cannot be made")?;
        let consumer = Arc::new(consumer);
        consumer
            .subscribe(&topics.names())
            .context("the topics cannot be subscribed to")?;
        let tally = Arc::new(Tally::new(generation));
        let ports = Ports {
            generation,
            tally: Arc::clone(&tally),
            generations: Arc::clone(&feeding.generations),
            announcing: Arc::clone(&announcing),
            dead_letters: Arc::clone(&feeding.dead_letters),
            changes: Arc::clone(&feeding.changes),
            acknowledge: Arc::new(Committing {
                consumer: Arc::clone(&consumer),
            }),
        };
        let mut lane_tasks = JoinSet::new();
        let lanes = lane::start(settings, &ports, &mut lane_tasks, &patience);
        drop(ports);
        let gaps_stopped = CancellationToken::new();
        let gaps = tokio::spawn(gaps(
            generation,
            feeding,
            &announcing,
            Arc::clone(&consumer),
            gaps_stopped.clone(),
        ));
        let lag_stopped = CancellationToken::new();
        let (stands_still, stood_still) = oneshot::channel();
        let reporting = lag::Reporting {
            consumer: Arc::clone(&consumer),
            kafka: feeding.kafka.clone(),
            announcing,
            patience: unread_at_most,
            stands_still,
        };
        let lag = tokio::spawn(lag::report(reporting, lag_stopped.clone()));
        let reading = Reading {
            kind: generation.kind,
            source: Source {
                consumer: Arc::clone(&consumer),
                tally: Arc::clone(&tally),
            },
            unknown: UnknownSchemas::new(generation, Arc::clone(&feeding.schemas), patience),
            schemas: Arc::clone(&feeding.schemas),
            lanes,
            pause_after: settings.pause_after,
        };
        // The lanes end when reading has dropped the way into them.
        let read = tokio::select! {
            read = reading.run(&end.finish) => read,
            () = abandon.cancelled() => Ok(()),
            Ok(unread_for) = stood_still => Err(Outdated::StandsStill { unread_for }.into()),
            ended = lane_tasks.join_next() => Err(anyhow::anyhow!("a lane has ended: {ended:?}")),
        };
        if read.as_ref().is_err_and(|error| error.is::<Outdated>()) {
            group::forget(&consumer);
        }
        gaps_stopped.cancel();
        _ = gaps.await;
        // Then every part ends as it may.
        let read = if abandon.is_cancelled() { Ok(()) } else { read };
        let drained = tokio::time::timeout(settings.shutdown_grace, ended(&mut lane_tasks)).await;
        if drained.is_err() {
            tracing::warn!(%generation, "records in flight are left; they are read again");
            abandon.cancel();
            ended(&mut lane_tasks).await;
        }
        tally.close();
        lag_stopped.cancel();
        _ = lag.await;
        close(consumer).await;
        read
    }
}

/// Looks after what waits, in one process of those that share the topics: the one that has the first partition.
fn gaps<G, D, C>(
    generation: Generation,
    feeding: &Feeding<G, D, C>,
    announcing: &Arc<Announcing>,
    consumer: Arc<GroupConsumer>,
    stopped: CancellationToken,
) -> impl Future<Output = ()> + use<G, D, C>
where
    G: Generations + NameSources,
    D: DeadLetters,
    C: ChangePublisher,
{
    let patience = Patience::new(&feeding.settings, stopped.clone(), Arc::clone(&feeding.clock));
    let gaps = Gaps::new(
        generation,
        Arc::new(feeding.generations.store(generation)),
        Rereading::new(
            generation.kind,
            feeding.kafka.clone(),
            Arc::clone(&feeding.schemas),
        ),
        Arc::clone(&feeding.repairs),
        Aside::new(
            &feeding.settings,
            generation,
            &feeding.generations,
            &feeding.changes,
            announcing,
            &patience,
        ),
        patience,
        feeding.settings.clone(),
    );
    let kind = generation.kind;
    let first = (kind.aggregate(), 0);
    // What is made of one event has no gaps.
    let ours = move || !kind.is_create_only() && consumer.context().offsets().has(first);
    gaps.run(ours, stopped)
}

async fn ended(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a lane failed");
        }
    }
}

/// Commits what is stored and leaves the group. librdkafka blocks in both, at worst until brokers answer.
async fn close(consumer: Arc<GroupConsumer>) {
    let closed = tokio::task::spawn_blocking(move || {
        match consumer.commit_consumer_state(CommitMode::Sync) {
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => tracing::warn!(%error, "offsets were not committed"),
        }
        drop(consumer);
    });
    if tokio::time::timeout(CLOSES_WITHIN, closed).await.is_err() {
        tracing::warn!("the Kafka consumer does not close");
    }
}
