//! From where to where a topic's partitions go. Blocks: not for async threads.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::consumer::{Consumer, ConsumerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::application::pushing::Positions;

pub type Bounds = BTreeMap<i32, Bound>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The first record that is kept, or will be.
    pub begin: i64,
    /// The next record's.
    pub end: i64,
}

/// Empty while there is no such topic. Each question takes `timeout` at most.
pub fn ask<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
    timeout: Duration,
) -> anyhow::Result<Bounds> {
    let all = partitions(consumer, topic, timeout)?;
    let begins = offsets(consumer, all.clone(), Offset::Beginning, timeout)?;
    // Asked second: nothing that came in between is taken for lost.
    let ends = offsets(consumer, all, Offset::End, timeout)?;
    begins
        .into_iter()
        .map(|(partition, begin)| {
            let end = *ends.get(&partition).context("a partition without an end")?;
            Ok((partition, Bound { begin, end }))
        })
        .collect()
}

/// The next record's offset in each partition; empty while there is no such topic.
pub fn ends<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
    timeout: Duration,
) -> anyhow::Result<BTreeMap<i32, i64>> {
    let all = partitions(consumer, topic, timeout)?;
    offsets(consumer, all, Offset::End, timeout)
}

pub fn partitions<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
    timeout: Duration,
) -> anyhow::Result<TopicPartitionList> {
    let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
    let mut all = TopicPartitionList::new();
    for topic in metadata.topics().iter().filter(|topic| topic.error().is_none()) {
        for partition in topic.partitions() {
            all.add_partition(topic.name(), partition.id());
        }
    }
    Ok(all)
}

fn offsets<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    mut of: TopicPartitionList,
    which: Offset,
    timeout: Duration,
) -> anyhow::Result<BTreeMap<i32, i64>> {
    if of.count() == 0 {
        return Ok(BTreeMap::new());
    }
    of.set_all_offsets(which)?;
    let found = consumer.offsets_for_times(of, timeout)?;
    found
        .elements()
        .iter()
        .map(|element| {
            element.error()?;
            match element.offset() {
                Offset::Offset(offset) => Ok((element.partition(), offset)),
                other => anyhow::bail!("partition {} answers {other:?}", element.partition()),
            }
        })
        .collect()
}

pub fn list(topic: &str, positions: &Positions) -> anyhow::Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, next) in positions.iter() {
        list.add_partition_offset(topic, partition, Offset::Offset(next))?;
    }
    Ok(list)
}
