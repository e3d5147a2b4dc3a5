//! A pipeline for each generation that this build writes: those that appear are fed from then on, those that vanish no
//! more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use read_model::Kind;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pipeline::{End, Pipeline};
use crate::application::ports::{
    ChangePublisher, Clock, DeadLetters, FoundGeneration, Generation, Generations, NameSources,
};
use crate::application::projecting::{Announcing, ProjectorSettings};
use crate::outbound::kafka::{KafkaSettings, RepairRequestTopic, SchemaLookups};

/// Between two looks at which generations there are.
const LOOK_FOR_GENERATIONS: Duration = Duration::from_secs(2);

/// What every pipeline needs of the rest.
pub struct Feeding<G, D, C> {
    pub kafka: KafkaSettings,
    pub settings: ProjectorSettings,
    pub schemas: Arc<SchemaLookups>,
    pub generations: Arc<G>,
    pub dead_letters: Arc<D>,
    pub changes: Arc<C>,
    pub repairs: Arc<RepairRequestTopic>,
    pub clock: Arc<dyn Clock>,
}

pub struct Projector<G, D, C> {
    feeding: Arc<Feeding<G, D, C>>,
    kinds: Vec<Kind>,
    running: HashMap<Generation, Running>,
    tasks: JoinSet<(Generation, anyhow::Result<()>)>,
    /// Said once for each outage.
    looks_fail: bool,
}

struct Running {
    end: End,
    announcing: Arc<Announcing>,
}

impl<G, D, C> Projector<G, D, C>
where
    G: Generations + NameSources,
    D: DeadLetters,
    C: ChangePublisher,
{
    /// For these projections.
    pub fn new(feeding: Arc<Feeding<G, D, C>>, kinds: Vec<Kind>) -> Self {
        Self {
            feeding,
            kinds,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            looks_fail: false,
        }
    }

    /// Projects until `cancel`; then finishes or leaves what is in flight within the grace of the settings and commits.
    /// An error is one that no waiting mends.
    pub async fn run(mut self, cancel: CancellationToken) -> anyhow::Result<()> {
        let failed = loop {
            match self.feeding.generations.find(&self.kinds).await {
                Ok(found) => {
                    self.looks_fail = false;
                    self.follow(found);
                }
                // Those that run wait for the store, too.
                Err(error) => self.say(error.into()),
            }
            tokio::select! {
                () = cancel.cancelled() => break Ok(()),
                () = tokio::time::sleep(LOOK_FOR_GENERATIONS) => {}
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = self.ended(ended) {
                        break Err(error);
                    }
                }
            }
        };
        for running in self.running.values() {
            running.end.finish.cancel();
        }
        let mut result = failed;
        while let Some(ended) = self.tasks.join_next().await {
            result = result.and(self.ended(ended));
        }
        result
    }

    fn follow(&mut self, found: Vec<FoundGeneration>) {
        let generations = &self.feeding.generations;
        let ours: HashMap<Generation, bool> = found
            .into_iter()
            .filter(|found| found.generation.mapping == generations.mapping(found.generation.kind))
            .map(|found| (found.generation, found.queried))
            .collect();
        for (generation, running) in &self.running {
            match ours.get(generation) {
                Some(queried) => running.announcing.set_queried(*queried),
                None if running.end.abandon.is_cancelled() => {}
                None => {
                    tracing::info!(%generation, "not there any more: no longer projected");
                    running.end.abandon.cancel();
                    running.end.finish.cancel();
                }
            }
        }
        for (generation, queried) in ours {
            self.running.entry(generation).or_insert_with(|| {
                tracing::info!(%generation, queried, "projecting");
                let running = Running {
                    end: End::default(),
                    announcing: Arc::default(),
                };
                running.announcing.set_queried(queried);
                let pipeline = Pipeline {
                    generation,
                    feeding: Arc::clone(&self.feeding),
                    announcing: Arc::clone(&running.announcing),
                };
                let end = running.end.clone();
                self.tasks
                    .spawn(async move { (generation, pipeline.run(end).await) });
                running
            });
        }
        metrics::gauge!("projector_generations").set(self.running.len() as f64);
    }

    fn ended(
        &mut self,
        ended: Result<(Generation, anyhow::Result<()>), tokio::task::JoinError>,
    ) -> anyhow::Result<()> {
        let (generation, result) = ended?;
        let told = self
            .running
            .remove(&generation)
            .is_some_and(|running| running.end.finish.is_cancelled());
        match result {
            Ok(()) if told => Ok(()),
            Ok(()) => Err(anyhow::anyhow!("the pipeline of {generation} ended by itself")),
            Err(error) => Err(error.context(format!("the pipeline of {generation} failed"))),
        }
    }

    fn say(&mut self, error: anyhow::Error) {
        match std::mem::replace(&mut self.looks_fail, true) {
            false => tracing::warn!("it cannot be looked which generations there are: {error:#}"),
            true => tracing::debug!("it still cannot be looked which generations there are: {error:#}"),
        }
    }
}
