//! How far the projector is behind, in records and in seconds, for each partition that it has.
//!
//! Asked of the brokers rather than taken from what was fetched last, so that it is also right while nothing is fetched;
//! and where the brokers do not answer, the seconds grow.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::GroupConsumer;
use super::offsets::{Partition, Standing};
use super::standstill::{self, Standstill};
use crate::application::ports::Generation;
use crate::application::projecting::Announcing;
use crate::outbound::kafka::KafkaSettings;

const EVERY: Duration = Duration::from_secs(1);
/// What is in flight at any time does not count.
const LEVEL_WITHIN: i64 = 100;
const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What `report` is to do.
pub struct Reporting {
    pub consumer: Arc<GroupConsumer>,
    pub kafka: KafkaSettings,
    pub announcing: Arc<Announcing>,
    /// For how long nothing may be read of a partition in which records stand.
    pub patience: Duration,
    /// Told where that is over, with for how long nothing was read.
    pub stands_still: oneshot::Sender<Duration>,
}

/// Until `cancel`.
pub async fn report(reporting: Reporting, cancel: CancellationToken) {
    let Reporting {
        consumer,
        kafka,
        announcing,
        patience,
        stands_still,
    } = reporting;
    let generation = consumer.context().generation;
    let mut stands_still = Some(stands_still);
    let mut lag = Lag::of(generation);
    let mut standstill = Standstill::after(patience);
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
        let standings = consumer.context().offsets().standings();
        let asked = Arc::clone(&consumer);
        let asked = tokio::task::spawn_blocking(move || Marks::ask(&asked)).await;
        let marks = match asked {
            Ok(Ok(marks)) => marks,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the brokers do not say how far the topics go");
                Marks::default()
            }
            Err(_) => return,
        };
        let (is_level, records) = lag.observe(&standings, &marks, now());
        if is_level {
            announcing.set_level();
        }
        let standings: Vec<_> = standings.into_iter().zip(records).collect();
        let suspected = standstill.look(&standings, consumer.context().is_paused(), Instant::now());
        if suspected.is_empty() {
            continue;
        }
        let (kafka, those) = (kafka.clone(), suspected.clone());
        let asked =
            tokio::task::spawn_blocking(move || standstill::ending_elsewhere(&kafka, generation, &those))
                .await;
        match asked {
            Ok(Ok(mut elsewhere)) => {
                // Some of it may have been read meanwhile.
                let standings = consumer.context().offsets().standings();
                elsewhere.retain(|partition| {
                    standings.iter().any(|now| {
                        now.partition == *partition
                            && now.oldest_pending.is_none()
                            && suspected.contains(&(now.partition, now.next))
                    })
                });
                if let Some(since) = standstill.answered(&suspected, &elsewhere, Instant::now())
                    && let Some(told) = stands_still.take()
                {
                    // Whoever reads may have ended.
                    _ = told.send(since.elapsed());
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "another client is told nothing, either"),
            Err(_) => return,
        }
    }
    lag.observe(&[], &Marks::default(), now());
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Offsets as the brokers have them.
#[derive(Debug, Default)]
struct Marks {
    ends: HashMap<Partition, i64>,
    committed: HashMap<Partition, i64>,
}

impl Marks {
    fn ask(consumer: &GroupConsumer) -> KafkaResult<Self> {
        let group = consumer.context();
        let by_partition = |found: &TopicPartitionList| {
            found
                .elements()
                .iter()
                .filter_map(|element| {
                    let (aggregate, _) = group.topics.find(element.topic())?;
                    match element.offset() {
                        Offset::Offset(offset) => Some(((aggregate, element.partition()), offset)),
                        _ => None,
                    }
                })
                .collect()
        };
        let mut ends = consumer.assignment()?;
        if ends.count() == 0 {
            return Ok(Self::default());
        }
        // Asked first: nothing that came in between lies behind the end.
        let committed = consumer.committed(BROKERS_ANSWER_WITHIN)?;
        ends.set_all_offsets(Offset::End)?;
        let ends = consumer.offsets_for_times(ends, BROKERS_ANSWER_WITHIN)?;
        Ok(Self {
            ends: by_partition(&ends),
            committed: by_partition(&committed),
        })
    }
}

#[derive(Debug)]
struct Lag {
    index: String,
    /// When a partition was last seen without lag, or seen first.
    level_at: HashMap<(Partition, u64), i64>,
    reported: HashSet<Partition>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Behind {
    /// `None` where the brokers do not say.
    unread: Option<i64>,
    seconds: f64,
}

impl Lag {
    fn of(generation: Generation) -> Self {
        Self {
            index: generation.to_string(),
            level_at: HashMap::new(),
            reported: HashSet::new(),
        }
    }

    /// True if nothing is missing but what is in flight; and how many records stand in each partition behind what was read.
    /// `None` where that is not known, or more was read than stands there: then it is another topic, also while it is empty.
    fn observe(&mut self, standings: &[Standing], marks: &Marks, now: i64) -> (bool, Vec<Option<i64>>) {
        let mut reported = HashSet::new();
        let mut all = Vec::with_capacity(standings.len());
        let mut missing = (!standings.is_empty()).then_some(0);
        for standing in standings {
            let behind = self.behind(standing, marks, now);
            let records = behind.unread;
            missing = missing.zip(records).map(|(sum, records)| sum + records);
            let ends = marks.ends.get(&standing.partition);
            let is_another = ends.zip(standing.next).is_some_and(|(end, next)| *end < next);
            all.push(records.filter(|_| !is_another));
            let labels = self.labels(standing.partition);
            if let Some(records) = records {
                metrics::gauge!("projector_lag_events", &labels).set(records as f64);
            }
            metrics::gauge!("projector_lag_seconds", &labels).set(behind.seconds);
            reported.insert(standing.partition);
        }
        // Somebody else reports those now.
        for partition in self.reported.difference(&reported) {
            let labels = self.labels(*partition);
            metrics::gauge!("projector_lag_events", &labels).set(0.0);
            metrics::gauge!("projector_lag_seconds", &labels).set(0.0);
        }
        self.level_at.retain(|(partition, assignment), _| {
            standings
                .iter()
                .any(|standing| (standing.partition, standing.assignment) == (*partition, *assignment))
        });
        self.reported = reported;
        (missing.is_some_and(|missing| missing <= LEVEL_WITHIN), all)
    }

    fn labels(&self, (aggregate, partition): Partition) -> [(&'static str, String); 3] {
        [
            ("index", self.index.clone()),
            ("topic", aggregate.topic().to_owned()),
            ("partition", partition.to_string()),
        ]
    }

    fn behind(&mut self, standing: &Standing, marks: &Marks, now: i64) -> Behind {
        let next = standing
            .next
            .or_else(|| marks.committed.get(&standing.partition).copied());
        // One that ends before what was read is of another topic, of which nothing was read.
        let next = next.unwrap_or_default();
        let end = marks.ends.get(&standing.partition).copied();
        let unread = end.map(|end| if end < next { end } else { end - next });
        let key = (standing.partition, standing.assignment);
        let level_at = self.level_at.entry(key).or_insert(now);
        if unread == Some(0) {
            *level_at = now;
            return Behind { unread, seconds: 0.0 };
        }
        // Not read yet: it came after the last one that was passed, and after the lag was nothing.
        let since = standing
            .oldest_pending
            .unwrap_or_else(|| standing.passed_at.unwrap_or(i64::MIN).max(*level_at));
        Behind {
            unread,
            seconds: (now - since).max(0) as f64 / 1_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use read_model::Kind;
    use shared_events::AggregateType;

    use super::*;

    const PARTITION: Partition = (AggregateType::Order, 0);

    fn lag() -> Lag {
        Lag::of(Generation {
            kind: Kind::Order,
            mapping: 1,
            number: 1,
        })
    }

    fn standing(next: Option<i64>, oldest_pending: Option<i64>, passed_at: Option<i64>) -> Standing {
        Standing {
            partition: PARTITION,
            assignment: 1,
            next,
            oldest_pending,
            passed_at,
        }
    }

    fn marks(end: i64) -> Marks {
        Marks {
            ends: HashMap::from([(PARTITION, end)]),
            committed: HashMap::new(),
        }
    }

    #[test]
    fn a_record_that_is_read_and_not_done_says_how_old_it_is() {
        let behind = lag().behind(&standing(Some(7), Some(4_000), Some(3_000)), &marks(10), 10_000);
        assert_eq!(
            behind,
            Behind {
                unread: Some(3),
                seconds: 6.0
            }
        );
    }

    #[test]
    fn a_record_that_is_not_read_is_as_old_as_the_lag_at_most() {
        let mut lag = lag();
        let level = standing(Some(10), None, Some(1_000));
        assert_eq!(lag.behind(&level, &marks(10), 60_000).seconds, 0.0);
        assert_eq!(lag.behind(&level, &marks(12), 62_000).seconds, 2.0);
    }

    #[test]
    fn of_a_topic_that_ends_before_what_was_read_nothing_was_read() {
        let mut lag = lag();
        let read = standing(Some(600), None, Some(1_000));
        assert_eq!(lag.behind(&read, &marks(600), 60_000).seconds, 0.0);
        let behind = lag.behind(&read, &marks(300), 65_000);
        let (unread, seconds) = (Some(300), 5.0);
        assert_eq!(behind, Behind { unread, seconds });
        assert_eq!(lag.observe(&[read], &marks(300), 66_000), (false, vec![None]));
        assert_eq!(lag.observe(&[read], &marks(0), 67_000), (true, vec![None]));
        let committed = Marks {
            committed: HashMap::from([(PARTITION, 600)]),
            ..marks(0)
        };
        // Not by this client.
        let begins = standing(None, None, None);
        assert_eq!(lag.observe(&[begins], &committed, 68_000), (true, vec![Some(0)]));
    }

    #[test]
    fn it_is_level_when_nothing_is_missing_but_what_is_in_flight() {
        let mut lag = lag();
        let standing = [standing(Some(10), None, None)];
        assert!(!lag.observe(&[], &marks(10), 60_000).0);
        assert_eq!(
            lag.observe(&standing, &Marks::default(), 60_000),
            (false, vec![None])
        );
        assert_eq!(
            lag.observe(&standing, &marks(111), 60_000),
            (false, vec![Some(101)])
        );
        assert_eq!(
            lag.observe(&standing, &marks(110), 60_000),
            (true, vec![Some(100)])
        );
    }

    #[test]
    fn silent_brokers_let_the_seconds_grow() {
        let mut lag = lag();
        let level = standing(Some(10), None, Some(1_000));
        lag.behind(&level, &marks(10), 60_000);
        let behind = lag.behind(&level, &Marks::default(), 65_000);
        assert_eq!(
            behind,
            Behind {
                unread: None,
                seconds: 5.0
            }
        );
    }
}
