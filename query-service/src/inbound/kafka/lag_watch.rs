//! How far the projections that queries read are behind, as a replica of the api sees it: what their consumer groups have
//! committed, against the ends of the topics.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use read_model::Kind;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::topic_bounds;
use crate::application::freshness::lag::{Look, ProjectionLags, Samples};
use crate::application::ports::StoreError;
use crate::outbound::kafka::KafkaSettings;

/// Often enough that what is told between two looks is not a second below the truth.
const LOOK_EVERY: Duration = Duration::from_millis(700);
const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// For a record to be fetched, to see when it was written.
const FETCHED_WITHIN: Duration = Duration::from_secs(2);

type Partition = (String, i32);

/// Which consumer group feeds what queries read of a kind.
pub trait QueriedGroups: Send + Sync + 'static {
    fn groups(&self) -> impl Future<Output = Result<BTreeMap<Kind, String>, StoreError>> + Send;
}

pub struct LagWatch<G> {
    settings: KafkaSettings,
    groups: G,
    lags: Arc<ProjectionLags>,
    watched: HashMap<Kind, Watched>,
}

/// One group, which is asked about and never joined.
struct Watched {
    group: String,
    consumer: BaseConsumer,
    samples: HashMap<Partition, Samples>,
}

impl<G: QueriedGroups> LagWatch<G> {
    pub fn new(settings: KafkaSettings, groups: G, lags: Arc<ProjectionLags>) -> Self {
        Self {
            settings,
            groups,
            lags,
            watched: HashMap::new(),
        }
    }

    /// Until `cancelled`.
    pub async fn run(mut self, cancelled: CancellationToken) -> anyhow::Result<()> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while cancelled.run_until_cancelled(looks.tick()).await.is_some() {
            match self.groups.groups().await {
                Ok(groups) => self.watch(&groups)?,
                // Those of before are as good a guess as any.
                Err(error) => tracing::debug!("it cannot be told which indices are queried: {error}"),
            }
            // The library has no other way to ask than to block.
            self = tokio::task::spawn_blocking(move || {
                self.look();
                self
            })
            .await?;
        }
        // Leaving clients blocks for a moment.
        tokio::task::spawn_blocking(move || drop(self)).await?;
        Ok(())
    }

    fn watch(&mut self, groups: &BTreeMap<Kind, String>) -> anyhow::Result<()> {
        self.watched
            .retain(|kind, watched| groups.get(kind) == Some(&watched.group));
        for (kind, group) in groups {
            if self.watched.contains_key(kind) {
                continue;
            }
            let consumer = self
                .settings
                .client_config()
                .set("group.id", group)
                .set("enable.auto.commit", "false")
                .set("enable.auto.offset.store", "false")
                .set("auto.offset.reset", "earliest")
                .set("queued.max.messages.kbytes", "1024")
                .create()
                .context("a consumer that watches the lag cannot be made")?;
            let watched = Watched {
                group: group.clone(),
                consumer,
                samples: HashMap::new(),
            };
            self.watched.insert(*kind, watched);
        }
        Ok(())
    }

    fn look(&mut self) {
        let at = Instant::now();
        let looked = self.ends().map(|ends| {
            for (kind, watched) in &mut self.watched {
                let topics: Vec<String> = topics(&self.settings, *kind).collect();
                let ends: Vec<(Partition, i64)> = ends
                    .iter()
                    .filter(|((topic, _), _)| topics.contains(topic))
                    .map(|(partition, end)| (partition.clone(), *end))
                    .collect();
                match watched.look(at, &ends) {
                    Ok((look, events)) => {
                        self.lags.record(*kind, look);
                        let label = [("projection", kind.name())];
                        metrics::gauge!("read_model_lag_events", &label).set(events as f64);
                    }
                    Err(error) => {
                        tracing::debug!(%kind, error = format!("{error:#}"), "a group's lag cannot be told");
                    }
                }
            }
        });
        if let Err(error) = looked {
            tracing::debug!(
                error = format!("{error:#}"),
                "the brokers do not say how far the topics go"
            );
        }
    }

    fn ends(&self) -> anyhow::Result<BTreeMap<Partition, i64>> {
        let Some(any) = self.watched.values().next() else {
            return Ok(BTreeMap::new());
        };
        let names: BTreeSet<String> = self
            .watched
            .keys()
            .flat_map(|kind| topics(&self.settings, *kind))
            .collect();
        let mut ends = BTreeMap::new();
        for topic in names {
            for (partition, end) in topic_bounds::ends(&any.consumer, &topic, BROKERS_ANSWER_WITHIN)? {
                ends.insert((topic.clone(), partition), end);
            }
        }
        Ok(ends)
    }
}

fn topics(settings: &KafkaSettings, kind: Kind) -> impl Iterator<Item = String> {
    kind.topics()
        .iter()
        .map(|aggregate| settings.topic(aggregate.topic()))
}

impl Watched {
    /// With how many records are not committed.
    fn look(&mut self, at: Instant, ends: &[(Partition, i64)]) -> anyhow::Result<(Look, i64)> {
        anyhow::ensure!(!ends.is_empty(), "there is no such topic");
        // What the library has to say beside answers.
        _ = self.consumer.poll(Duration::ZERO);
        let mut asked = TopicPartitionList::new();
        for ((topic, partition), _) in ends {
            asked.add_partition(topic, *partition);
        }
        let found = self.consumer.committed_offsets(asked, BROKERS_ANSWER_WITHIN)?;
        let committed: HashMap<Partition, i64> = found
            .elements()
            .iter()
            .map(|element| {
                let next = match element.offset() {
                    Offset::Offset(next) => next,
                    // Nothing yet.
                    _ => 0,
                };
                ((element.topic().to_owned(), element.partition()), next)
            })
            .collect();
        let next = |of: &Partition| committed.get(of).copied().unwrap_or(0);
        let unknown: Vec<(Partition, i64)> = ends
            .iter()
            .filter(|(of, end)| *end > next(of) && self.samples.get(of).is_none_or(Samples::are_none))
            .map(|(of, _)| (of.clone(), next(of)))
            .collect();
        let first_since = self.written_at(&unknown)?;
        let mut behind_since: Option<Instant> = None;
        let mut events = 0;
        for (of, end) in ends {
            events += (*end - next(of)).max(0);
            let samples = self.samples.entry(of.clone()).or_default();
            let since = samples.observe(at, next(of), *end, first_since.get(of).copied());
            behind_since = behind_since.into_iter().chain(since).min();
        }
        Ok((Look { at, behind_since }, events))
    }

    /// When the records at these places were written: told by the records.
    fn written_at(&self, of: &[(Partition, i64)]) -> anyhow::Result<HashMap<Partition, Instant>> {
        let mut written = HashMap::new();
        if of.is_empty() {
            return Ok(written);
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), next) in of {
            list.add_partition_offset(topic, *partition, Offset::Offset(*next))?;
        }
        self.consumer.assign(&list)?;
        let until = Instant::now() + FETCHED_WITHIN;
        while written.len() < of.len() && Instant::now() < until {
            let Some(record) = self.consumer.poll(until - Instant::now()) else {
                break;
            };
            let record = record?;
            let millis = record
                .timestamp()
                .to_millis()
                .and_then(|at| u64::try_from(at).ok());
            let age = millis
                .map(|at| SystemTime::UNIX_EPOCH + Duration::from_millis(at))
                .and_then(|at| SystemTime::now().duration_since(at).ok())
                .unwrap_or_default();
            let at = Instant::now()
                .checked_sub(age)
                .context("a record older than time")?;
            written
                .entry((record.topic().to_owned(), record.partition()))
                .or_insert(at);
        }
        self.consumer.unassign()?;
        anyhow::ensure!(written.len() == of.len(), "not every record came in time");
        Ok(written)
    }
}
