//! Where to read on after a topic was gone. What the group has committed may be of its former self, and lie behind records of
//! the one that was made in its place.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use shared_events::AggregateType;
use tokio::time::Instant;

use super::group::Topics;
use super::offsets::Partition;
use super::{standstill, topic_bounds};
use crate::application::ports::{Generation, StoreError};
use crate::outbound::kafka::KafkaSettings;

const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Whoever writes records gives them their time by a clock of its own.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(10);
/// By then every process that had read of the topic has found out that it is another one, and what is committed is of that. Who
/// comes to a partition later would read again what others have read meanwhile.
pub const VALID: Duration = standstill::MOST_PATIENCE.saturating_mul(3);

/// Offsets at which partitions begin when they are assigned, until something of them is committed.
#[derive(Debug, Default)]
pub struct Starts {
    known: HashMap<Partition, i64>,
    /// Not there yet: whatever comes is new.
    missing: HashSet<AggregateType>,
    /// Since when a topic is certainly there again.
    there_since: HashMap<AggregateType, Instant>,
    committed: HashSet<Partition>,
}

impl Starts {
    /// For each partition the first record that was written since `gone_at`, or what is committed where that comes before; its
    /// beginning where nothing is that could be of this topic. So of a topic made anew everything is read, and of one that only
    /// seemed to be gone little is read again.
    pub async fn look(
        kafka: &KafkaSettings,
        generation: Generation,
        gone_at: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let kafka = kafka.clone();
        let since = gone_at - CLOCKS_DIFFER;
        let looking = move || Self::ask(&kafka, generation, since);
        let looked = tokio::task::spawn_blocking(looking).await;
        looked
            .map_err(anyhow::Error::from)
            .flatten()
            .map_err(StoreError::Unavailable)
    }

    fn ask(kafka: &KafkaSettings, generation: Generation, since: DateTime<Utc>) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = kafka
            .client_config()
            .set("group.id", kafka.group(generation))
            .set("allow.auto.create.topics", "false")
            .create()?;
        let mut starts = Self::default();
        for (aggregate, topic) in Topics::new(kafka, generation.kind).iter() {
            let mut partitions = topic_bounds::partitions(&consumer, topic, BROKERS_ANSWER_WITHIN)?;
            if partitions.count() == 0 {
                starts.missing.insert(aggregate);
                continue;
            }
            starts.there_since.insert(aggregate, Instant::now());
            let committed = consumer.committed_offsets(partitions.clone(), BROKERS_ANSWER_WITHIN)?;
            let ends = topic_bounds::ends(&consumer, topic, BROKERS_ANSWER_WITHIN)?;
            partitions.set_all_offsets(Offset::Offset(since.timestamp_millis()))?;
            let written_since = consumer.offsets_for_times(partitions, BROKERS_ANSWER_WITHIN)?;
            for element in written_since.elements() {
                element.error()?;
                let partition = element.partition();
                let end = ends.get(&partition).copied().unwrap_or_default();
                let next = committed.find_partition(topic, partition);
                if let Some(next) = &next {
                    next.error()?;
                }
                let next = next.and_then(|next| next.offset().to_raw());
                // What lies behind the end is of another topic. Where nothing is committed, that of another topic may still
                // come, from who has not found out.
                let next = next.filter(|next| (0..=end).contains(next)).unwrap_or_default();
                let first = match element.offset() {
                    Offset::Offset(first) => first,
                    _ => end,
                };
                starts.known.insert((aggregate, partition), next.min(first));
            }
        }
        Ok(starts)
    }

    /// From now on it begins where this client has committed.
    pub fn committed(&mut self, partition: Partition) {
        self.committed.insert(partition);
    }

    /// Where it begins when it is assigned. None: as ever.
    pub fn of(&mut self, partition: Partition, now: Instant) -> Option<Offset> {
        let there_since = *self.there_since.entry(partition.0).or_insert(now);
        if self.committed.contains(&partition) || now - there_since > VALID {
            return None;
        }
        match self.known.get(&partition) {
            Some(offset) => Some(Offset::Offset(*offset)),
            None => self.missing.contains(&partition.0).then_some(Offset::Beginning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: AggregateType = AggregateType::Order;
    const MISSING: AggregateType = AggregateType::Product;

    fn starts(looked_at: Instant) -> Starts {
        Starts {
            known: HashMap::from([((THERE, 1), 7), ((THERE, 2), 8)]),
            missing: HashSet::from([MISSING]),
            there_since: HashMap::from([(THERE, looked_at)]),
            committed: HashSet::new(),
        }
    }

    #[test]
    fn a_start_counts_until_it_is_committed_and_a_topic_that_was_not_there_begins_at_its_beginning() {
        let now = Instant::now();
        let mut starts = starts(now);
        let begins = [((THERE, 1), Offset::Offset(7)), ((MISSING, 2), Offset::Beginning)];
        for (partition, start) in begins {
            assert_eq!(starts.of(partition, now), Some(start));
            // It went to another process and came back before anything of it was committed.
            assert_eq!(starts.of(partition, now), Some(start));
            starts.committed(partition);
            assert_eq!(starts.of(partition, now), None);
        }
        assert_eq!(starts.of((AggregateType::Customer, 2), now), None);
    }

    /// Of what others have read since then little is read again.
    #[test]
    fn who_comes_to_a_partition_long_afterwards_goes_on_where_others_have_committed() {
        let looked_at = Instant::now();
        let mut starts = starts(looked_at);
        let (in_time, late) = (looked_at + VALID, looked_at + VALID + Duration::from_secs(1));
        assert_eq!(starts.of((THERE, 1), in_time), Some(Offset::Offset(7)));
        assert_eq!(starts.of((THERE, 2), late), None);
        // However long it was not there.
        assert_eq!(starts.of((MISSING, 0), late), Some(Offset::Beginning));
        assert_eq!(starts.of((MISSING, 1), late + VALID), Some(Offset::Beginning));
        assert_eq!(starts.of((MISSING, 2), late + VALID * 2), None);
    }
}
