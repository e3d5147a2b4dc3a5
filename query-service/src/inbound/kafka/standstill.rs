//! A partition from which nothing is read although it does not end where its reader is: records stand behind, or it is of
//! another topic, which ends before.
//!
//! librdkafka takes no leader with an epoch less than the one it knows. The epochs of a topic that is deleted and made anew
//! begin at nothing, so that a client that was not told in between asks the old leaders for good (confluentinc/librdkafka#4898),
//! also where the topic ends. Only another client reads on, and only another can say that there is something to read.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::time::Instant;

use super::group::Topics;
use super::offsets::{Partition, Standing};
use super::topic_bounds;
use crate::application::ports::Generation;
use crate::outbound::kafka::KafkaSettings;

/// For how long nothing is read of a partition before another client is asked whether something stands there.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// So that a process which was frozen, or has just come to a partition, reads before it is suspected.
const LOOKS: u32 = 3;
const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Standstill {
    patience: Duration,
    unread: HashMap<(Partition, u64), Unread>,
}

#[derive(Debug)]
struct Unread {
    next: Option<i64>,
    since: Instant,
    looks: u32,
}

impl Standstill {
    pub fn after(patience: Duration) -> Self {
        Self {
            patience,
            unread: HashMap::new(),
        }
    }

    /// One look at all partitions that are assigned, each with how many records stand behind what was read of it, where that
    /// is known; less than none where more was read than stands there. Answers those of which nothing was read for too long,
    /// and where they are.
    pub fn look(
        &mut self,
        standings: &[(Standing, Option<i64>)],
        paused: bool,
        now: Instant,
    ) -> Vec<(Partition, Option<i64>)> {
        let mut before = std::mem::take(&mut self.unread);
        for (standing, records) in standings {
            if paused || standing.oldest_pending.is_some() || *records == Some(0) {
                continue;
            }
            let (key, next) = ((standing.partition, standing.assignment), standing.next);
            let (since, looks) = match before.remove(&key) {
                Some(unread) if unread.next == next => (unread.since, unread.looks + 1),
                _ => (now, 1),
            };
            self.unread.insert(key, Unread { next, since, looks });
        }
        self.unread
            .iter()
            .filter(|(_, unread)| unread.looks >= LOOKS && now - unread.since >= self.patience)
            .map(|((partition, _), unread)| (*partition, unread.next))
            .collect()
    }
}

/// Whether one of these partitions ends elsewhere, as a client says that knows nothing yet. Where it ends before, it is of
/// another topic than what was read. Blocks.
pub fn ends_elsewhere(
    kafka: &KafkaSettings,
    generation: Generation,
    suspected: &[(Partition, Option<i64>)],
) -> anyhow::Result<bool> {
    let client: BaseConsumer = kafka
        .client_config()
        .set("group.id", kafka.group(generation))
        .set("allow.auto.create.topics", "false")
        .create()?;
    let topics = Topics::new(kafka, generation.kind);
    for ((aggregate, partition), next) in suspected {
        let topic = topics.name(*aggregate);
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, *partition);
        let next = match next {
            Some(next) => *next,
            None => {
                let committed = client.committed_offsets(asked, BROKERS_ANSWER_WITHIN)?;
                let place = committed.find_partition(topic, *partition);
                place
                    .and_then(|place| place.offset().to_raw())
                    .unwrap_or_default()
                    .max(0)
            }
        };
        let bounds = topic_bounds::ask(&client, topic, BROKERS_ANSWER_WITHIN)?;
        if let Some(bound) = bounds.get(partition)
            && next.max(bound.begin) != bound.end
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use shared_events::AggregateType;

    use super::*;

    const PARTITION: Partition = (AggregateType::Order, 2);
    const SECOND: Duration = Duration::from_secs(1);

    fn standing(assignment: u64, next: i64, oldest_pending: Option<i64>) -> Standing {
        Standing {
            partition: PARTITION,
            assignment,
            next: Some(next),
            oldest_pending,
            passed_at: None,
        }
    }

    #[test]
    fn what_is_not_read_for_too_long_is_suspected_also_where_this_client_does_not_know_the_end() {
        for records in [Some(1), Some(-1), None] {
            let (mut standstill, began) = (Standstill::after(3 * SECOND), Instant::now());
            let unread = [(standing(1, 7, None), records)];
            for second in 0..3 {
                assert_eq!(standstill.look(&unread, false, began + SECOND * second), []);
            }
            let suspected = standstill.look(&unread, false, began + SECOND * 3);
            assert_eq!(suspected, [(PARTITION, Some(7))]);
        }
    }

    #[test]
    fn a_process_that_was_frozen_reads_first() {
        let (mut standstill, began) = (Standstill::after(3 * SECOND), Instant::now());
        let unread = [(standing(1, 7, None), Some(1))];
        standstill.look(&unread, false, began);
        assert_eq!(standstill.look(&unread, false, began + SECOND * 60), []);
    }

    #[test]
    fn whatever_else_explains_it_begins_anew() {
        let unread = (standing(1, 7, None), Some(1));
        let explained = [
            ("it was read", (standing(1, 8, None), Some(1)), false),
            ("it is in work", (standing(1, 7, Some(4_000)), Some(1)), false),
            ("nothing is there", (standing(1, 7, None), Some(0)), false),
            ("it was assigned anew", (standing(2, 7, None), Some(1)), false),
            ("it is paused", unread, true),
        ];
        for (why, other, paused) in explained {
            let (mut standstill, began) = (Standstill::after(3 * SECOND), Instant::now());
            for second in 0..3 {
                standstill.look(&[unread], false, began + SECOND * second);
            }
            let now = began + SECOND * 3;
            assert_eq!(standstill.look(&[other], paused, now), [], "{why}");
            assert_eq!(standstill.look(&[unread], false, now), [], "{why}");
        }
    }
}
