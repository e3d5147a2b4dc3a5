//! `query-service.changes`, read from its end by each replica of the api on its own, without a group.
//!
//! Caches live on it, so it knows when it is cut off: every second the brokers are asked how far the topic goes. No answer,
//! or records that are not here a second later, and it is down. Offsets are counted: a pause loses nothing, and where
//! something was lost all the same it begins anew and says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Message as _};
use shared_events::topic::CHANGES;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::topic_bounds::{self, Bounds};
use crate::application::following::FeedEvent;
use crate::application::pushing::{Heard, Positions};
use crate::outbound::kafka::KafkaSettings;

/// Between two looks at how far the topic goes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Of each question of a look. A cut is known within this and [`LOOK_EVERY`].
const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(1);

pub struct ChangesFeed {
    consumer: Arc<StreamConsumer>,
    topic: Arc<str>,
}

impl ChangesFeed {
    pub fn new(settings: &KafkaSettings) -> KafkaResult<Self> {
        let consumer = settings
            .client_config()
            // Asked for by the client library; nothing is ever committed under it.
            .set("group.id", "query-service.changes-feed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "latest")
            .set("enable.partition.eof", "false")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", "4096")
            .create()?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topic: settings.topic(CHANGES).into(),
        })
    }

    /// Hands each event to `tell` until it is cancelled.
    pub async fn run(self, tell: impl Fn(FeedEvent), cancelled: CancellationToken) {
        let mut following = Following {
            feed: &self,
            positions: None,
            ends: None,
            up: None,
            tell,
        };
        cancelled.run_until_cancelled(following.follow()).await;
        following.is_up(false);
        drop(following);
        // Leaving a client blocks for a moment.
        if tokio::task::spawn_blocking(move || drop(self)).await.is_err() {
            tracing::warn!("the changes feed did not close");
        }
    }

    /// What was fetched and not heard yet is fetched again.
    fn assign(&self, positions: &Positions) -> anyhow::Result<()> {
        let list = topic_bounds::list(&self.topic, positions)?;
        Ok(self.consumer.assign(&list)?)
    }

    /// The library has no other way to ask than to block.
    fn look(&self) -> JoinHandle<anyhow::Result<Bounds>> {
        let (consumer, topic) = (self.consumer.clone(), self.topic.clone());
        tokio::task::spawn_blocking(move || topic_bounds::ask(&*consumer, &topic, BROKERS_ANSWER_WITHIN))
    }
}

struct Following<'a, T> {
    feed: &'a ChangesFeed,
    /// What is heard next; `None` before the topic was found.
    positions: Option<Positions>,
    /// As of the last look, if the brokers answered.
    ends: Option<BTreeMap<i32, i64>>,
    up: Option<bool>,
    tell: T,
}

impl<T: Fn(FeedEvent)> Following<'_, T> {
    async fn follow(&mut self) {
        let consumer = self.feed.consumer.clone();
        let mut records = consumer.stream();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                record = records.next() => match record {
                    Some(Ok(record)) => self.hear(&record),
                    // librdkafka goes on by itself; whether it is cut off, the looks tell.
                    Some(Err(error)) => tracing::debug!(%error, "the changes feed stumbled"),
                    None => return,
                },
                _ = looks.tick() => {
                    let mut look = self.feed.look();
                    let at_the_look = self.positions.clone();
                    // What comes in the meantime is heard in the meantime.
                    let looked = loop {
                        tokio::select! {
                            looked = &mut look => break looked,
                            record = records.next() => match record {
                                Some(Ok(record)) => self.hear(&record),
                                Some(Err(error)) => tracing::debug!(%error, "the changes feed stumbled"),
                                None => return,
                            },
                        }
                    };
                    let seen = match looked {
                        Ok(Ok(bounds)) => self.seen(&bounds, at_the_look),
                        Ok(Err(error)) => Err(error),
                        Err(error) => Err(error.into()),
                    };
                    let up = seen.unwrap_or_else(|error| {
                        tracing::debug!(error = format!("{error:#}"), "the changes topic cannot be looked at");
                        self.ends = None;
                        false
                    });
                    self.is_up(up);
                }
            }
        }
    }

    fn hear(&mut self, record: &BorrowedMessage<'_>) {
        let (partition, offset) = (record.partition(), record.offset());
        let Some(positions) = &mut self.positions else {
            return;
        };
        let expected = positions.of(partition);
        if offset < expected {
            return;
        }
        if offset > expected {
            tracing::warn!(
                partition,
                expected,
                offset,
                "changes are gone that were not heard"
            );
            positions.set(partition, offset);
            let positions = positions.clone();
            (self.tell)(FeedEvent::BeginsAt(positions));
        }
        if let Some(positions) = &mut self.positions {
            positions.pass(partition, offset);
        }
        let change = change(record);
        let counted = match change {
            Some(_) => "changes_feed_received_total",
            None => "changes_feed_unreadable_total",
        };
        metrics::counter!(counted).increment(1);
        (self.tell)(FeedEvent::Heard(Heard {
            partition,
            offset,
            change,
        }));
    }

    /// Follows what was found. True if everything was heard that was there at the look before.
    fn seen(&mut self, bounds: &Bounds, at_the_look: Option<Positions>) -> anyhow::Result<bool> {
        if bounds.is_empty() {
            return Ok(false);
        }
        let ends: BTreeMap<i32, i64> = bounds.iter().map(|(of, bounds)| (*of, bounds.end)).collect();
        let positions = match (&mut self.positions, at_the_look) {
            (Some(positions), Some(at_the_look)) if is_there(bounds, positions, &at_the_look) => {
                let mut grown = false;
                for partition in ends.keys().filter(|of| !at_the_look.names(**of)) {
                    // What is in there already, nobody here has heard.
                    positions.set(*partition, 0);
                    grown = true;
                }
                if grown {
                    self.feed.assign(positions)?;
                }
                positions
            }
            _ => {
                let positions: Positions = ends.iter().map(|(of, end)| (*of, *end)).collect();
                self.feed.assign(&positions)?;
                tracing::info!(topic = &*self.feed.topic, %positions, "the changes feed begins");
                self.ends = None;
                (self.tell)(FeedEvent::BeginsAt(positions.clone()));
                self.positions.insert(positions)
            }
        };
        // After a cut there was none: then it has to be level with the topic as it is now.
        let before = self.ends.replace(ends.clone()).unwrap_or(ends);
        Ok(before.iter().all(|(of, end)| positions.of(*of) >= *end))
    }

    fn is_up(&mut self, up: bool) {
        metrics::gauge!("changes_feed_up").set(f64::from(u8::from(up)));
        if self.up.replace(up) == Some(up) {
            return;
        }
        let topic = &*self.feed.topic;
        match up {
            true => tracing::info!(topic, "the changes feed is up"),
            false => tracing::warn!(
                topic,
                "the changes feed is cut off: waiting queries look again, and the cache keeps shortly"
            ),
        }
        (self.tell)(FeedEvent::Up(up));
    }
}

/// Nothing between the positions and the topic was lost, and it is the same topic.
fn is_there(bounds: &Bounds, positions: &Positions, at_the_look: &Positions) -> bool {
    let begins = positions
        .iter()
        .all(|(of, next)| bounds.get(&of).is_some_and(|bounds| bounds.begin <= next));
    // More may have been heard since the brokers answered.
    let ends = at_the_look
        .iter()
        .all(|(of, next)| bounds.get(&of).is_some_and(|bounds| next <= bounds.end));
    begins && ends
}

/// `None` for a later version's, or a stranger's.
pub fn change(record: &BorrowedMessage<'_>) -> Option<crate::application::ports::Change> {
    serde_json::from_slice(record.payload()?).ok()
}
