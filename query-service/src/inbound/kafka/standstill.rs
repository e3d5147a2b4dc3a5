//! A partition from which nothing is read although it does not end where its reader is: records stand behind, or it is of
//! another topic, which ends before.
//!
//! librdkafka takes no leader with an epoch less than the one it knows. The epochs of a topic that is deleted and made anew
//! begin at nothing, so that a client that was not told in between asks the old leaders for good (confluentinc/librdkafka#4898),
//! also where the topic ends. Only another client reads on, and only another can say that there is something to read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use shared_events::AggregateType;
use tokio::time::Instant;

use super::group::Topics;
use super::offsets::{Partition, Standing};
use super::topic_bounds::{self, Bounds};
use crate::application::ports::Generation;
use crate::outbound::kafka::KafkaSettings;

/// For how long nothing is read of a partition before another client is asked whether something stands there, and again before
/// that client is asked once more: what comes back, such as brokers that were away, this one has to find, too.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// A client that lasted so long was worth its predecessor's replacement.
pub const FORGIVEN_AFTER: Duration = MOST_PATIENCE.saturating_mul(3);
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
    /// When another client first said that it ends elsewhere.
    elsewhere: Option<Instant>,
}

impl Standstill {
    pub fn after(patience: Duration) -> Self {
        Self {
            patience,
            unread: HashMap::new(),
        }
    }

    /// One look at all partitions that are assigned, each with how many records stand behind what was read of it, where that
    /// is known. Answers those of which nothing was read for too long, and where they are.
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
            let unread = before.remove(&key).filter(|unread| unread.next == next);
            let mut unread = unread.unwrap_or(Unread {
                next,
                since: now,
                looks: 0,
                elsewhere: None,
            });
            unread.looks += 1;
            self.unread.insert(key, unread);
        }
        self.unread
            .iter()
            .filter(|(_, unread)| unread.looks >= LOOKS)
            .filter(|(_, unread)| now - unread.elsewhere.unwrap_or(unread.since) >= self.patience)
            .map(|((partition, _), unread)| (*partition, unread.next))
            .collect()
    }

    /// Notes what another client says of those that are suspected: that some of them end elsewhere. Where it says so for the
    /// second time of one, answers since when nothing is read of that. The others are asked for again as if they had just
    /// been read.
    pub fn answered(
        &mut self,
        suspected: &[(Partition, Option<i64>)],
        elsewhere: &[Partition],
        now: Instant,
    ) -> Option<Instant> {
        let mut stand_still_since: Vec<Instant> = Vec::new();
        self.unread.retain(|(partition, _), unread| {
            if elsewhere.contains(partition) {
                match unread.elsewhere {
                    Some(_) => stand_still_since.push(unread.since),
                    None => unread.elsewhere = Some(now),
                }
                return true;
            }
            !suspected.iter().any(|(suspected, _)| suspected == partition)
        });
        stand_still_since.into_iter().min()
    }
}

/// Which of these partitions end elsewhere, as a client says that knows nothing yet. Where one ends before, it is of another
/// topic than what was read. Blocks.
pub fn ending_elsewhere(
    kafka: &KafkaSettings,
    generation: Generation,
    suspected: &[(Partition, Option<i64>)],
) -> anyhow::Result<Vec<Partition>> {
    let client: BaseConsumer = kafka
        .client_config()
        .set("group.id", kafka.group(generation))
        .set("allow.auto.create.topics", "false")
        .create()?;
    let topics = Topics::new(kafka, generation.kind);
    let mut bounds: HashMap<AggregateType, Bounds> = HashMap::new();
    let mut elsewhere = Vec::new();
    for ((aggregate, partition), next) in suspected {
        let topic = topics.name(*aggregate);
        let next = match next {
            Some(next) => *next,
            None => {
                let mut asked = TopicPartitionList::new();
                asked.add_partition(topic, *partition);
                let committed = client.committed_offsets(asked, BROKERS_ANSWER_WITHIN)?;
                let place = committed.find_partition(topic, *partition);
                place
                    .and_then(|place| place.offset().to_raw())
                    .unwrap_or_default()
                    .max(0)
            }
        };
        let bounds = match bounds.entry(*aggregate) {
            Entry::Occupied(asked) => asked.into_mut(),
            Entry::Vacant(new) => new.insert(topic_bounds::ask(&client, topic, BROKERS_ANSWER_WITHIN)?),
        };
        if let Some(bound) = bounds.get(partition)
            && next.max(bound.begin) != bound.end
        {
            elsewhere.push((*aggregate, *partition));
        }
    }
    Ok(elsewhere)
}

#[cfg(test)]
mod tests {
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
        for records in [Some(1), None] {
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
    fn it_stands_still_when_another_client_says_so_again_as_long_afterwards() {
        let (mut standstill, began) = (Standstill::after(3 * SECOND), Instant::now());
        let unread = [(standing(1, 7, None), Some(1))];
        let mut suspected = Vec::new();
        for second in 0..8 {
            let now = began + SECOND * second;
            if !standstill.look(&unread, false, now).is_empty() {
                suspected.push((second, standstill.answered(&[], &[PARTITION], now)));
            }
        }
        assert_eq!(suspected, [(3, None), (6, Some(began)), (7, Some(began))]);
    }

    #[test]
    fn what_was_read_since_another_client_said_so_is_suspected_anew() {
        let (mut standstill, began) = (Standstill::after(3 * SECOND), Instant::now());
        for second in 0..4 {
            standstill.look(&[(standing(1, 7, None), Some(1))], false, began + SECOND * second);
        }
        standstill.answered(&[], &[PARTITION], began + SECOND * 3);
        for second in 4..8 {
            standstill.look(&[(standing(1, 8, None), Some(1))], false, began + SECOND * second);
        }
        let again = standstill.answered(&[], &[PARTITION], began + SECOND * 7);
        assert_eq!(again, None);
    }

    /// A client is made for each question.
    #[test]
    fn what_another_client_clears_is_asked_for_again_as_long_afterwards() {
        let (mut standstill, began) = (Standstill::after(3 * SECOND), Instant::now());
        let unread = [(standing(1, 7, None), Some(1))];
        let mut asked = Vec::new();
        for second in 0..12 {
            let now = began + SECOND * second;
            let suspected = standstill.look(&unread, false, now);
            if !suspected.is_empty() {
                asked.push(second);
                // The first time it ends elsewhere, and then no more.
                let elsewhere = if second == 3 { vec![PARTITION] } else { Vec::new() };
                assert_eq!(standstill.answered(&suspected, &elsewhere, now), None);
            }
        }
        assert_eq!(asked, [3, 6, 10]);
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
