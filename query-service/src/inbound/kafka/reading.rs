//! The reading loop: takes records from Kafka and hands them to the lanes.
//!
//! While a lane is full the partitions that are read are paused, and Kafka is asked on, so that the group never takes a
//! slow projector for a dead one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use rdkafka::message::BorrowedMessage;
use read_model::Kind;
use tokio_util::sync::CancellationToken;

use super::decoding::{Received, decode, schema_id, undecodable};
use super::source::{Source, Waited};
use super::unknown_schemas::UnknownSchemas;
use crate::application::projecting::{Incoming, Lanes};
use crate::outbound::kafka::SchemaLookups;

/// Records that are taken from librdkafka at once.
const CHUNK: usize = 1_000;

pub struct Reading {
    pub kind: Kind,
    pub source: Source,
    pub schemas: Arc<SchemaLookups>,
    pub unknown: UnknownSchemas,
    pub lanes: Lanes,
    pub pause_after: Duration,
}

impl Reading {
    /// Until `cancel`. An error is one that no waiting mends.
    pub async fn run(mut self, cancel: &CancellationToken) -> anyhow::Result<()> {
        let consumer = Arc::clone(&self.source.consumer);
        let mut chunks = consumer.stream().ready_chunks(CHUNK);
        let mut stash = Vec::new();
        loop {
            let incoming = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                resolved = self.unknown.resolved(), if !self.unknown.is_empty() => {
                    let (incoming, behind) = resolved?;
                    self.with_those_behind(incoming, behind)
                }
                chunk = chunks.next() => {
                    let received = self.source.receive(chunk.unwrap_or_default())?;
                    self.decode(received)
                }
            };
            if !self.hand_over(incoming, &mut chunks, &mut stash, cancel).await? {
                return Ok(());
            }
            loop {
                let is_full = consumer.context().is_full();
                if stash.is_empty() && !is_full && !self.unknown.is_full() {
                    break;
                }
                let incoming = if stash.is_empty() {
                    // What is waited for may be the very schema that the others wait behind.
                    let room = async {
                        match is_full {
                            true => consumer.context().room().await,
                            false => std::future::pending().await,
                        }
                    };
                    let awaited = async {
                        tokio::select! {
                            resolved = self.unknown.resolved() => Some(resolved),
                            () = room => None,
                        }
                    };
                    // What comes meanwhile counts as unfinished, too. If all that came before is taken away, nothing else
                    // makes room.
                    let more = |stash: &[Received]| (!stash.is_empty()).then_some(None);
                    match self
                        .source
                        .polling(awaited, &mut chunks, &mut stash, more, cancel)
                        .await?
                    {
                        Waited::Ready(Some(resolved)) => {
                            let (incoming, behind) = resolved?;
                            self.with_those_behind(incoming, behind)
                        }
                        Waited::Ready(None) => Vec::new(),
                        Waited::Cancelled => return Ok(()),
                    }
                } else {
                    self.decode(std::mem::take(&mut stash))
                };
                if !self.hand_over(incoming, &mut chunks, &mut stash, cancel).await? {
                    return Ok(());
                }
            }
        }
    }

    /// What is known to be an event, or never to be one. The others wait for their schema.
    fn decode(&mut self, received: Vec<Received>) -> Vec<Incoming> {
        let mut incoming = Vec::with_capacity(received.len());
        for record in received {
            let Some(record) = self.unknown.hold_behind(record) else {
                continue;
            };
            match schema_id(&record.raw) {
                Err(error) => incoming.push(undecodable(record, error)),
                Ok(id) => match self.schemas.known(id) {
                    Some(schema) => incoming.push(decode(self.kind, record, &schema)),
                    None => self.unknown.hold(id, record),
                },
            }
        }
        incoming
    }

    fn with_those_behind(&mut self, mut incoming: Vec<Incoming>, behind: Vec<Received>) -> Vec<Incoming> {
        incoming.extend(self.decode(behind));
        incoming
    }

    /// False where it was cancelled.
    async fn hand_over<'a>(
        &mut self,
        incoming: Vec<Incoming>,
        chunks: &mut (impl Stream<Item = Vec<KafkaResult<BorrowedMessage<'a>>>> + Unpin),
        stash: &mut Vec<Received>,
        cancel: &CancellationToken,
    ) -> anyhow::Result<bool> {
        for (lane, incoming) in self.share(incoming).into_iter().enumerate() {
            if incoming.is_empty() {
                continue;
            }
            let queue = self.lanes.queue(lane);
            let mut room = pin!(queue.room_for(incoming.iter().map(Incoming::bytes).sum()));
            let soon = tokio::select! {
                () = cancel.cancelled() => return Ok(false),
                room = &mut room => Some(room?),
                () = tokio::time::sleep(self.pause_after) => None,
            };
            let room = match soon {
                Some(room) => room,
                None => match self.source.polling(room, chunks, stash, |_| None, cancel).await? {
                    Waited::Ready(room) => room?,
                    Waited::Cancelled => return Ok(false),
                },
            };
            queue.push(incoming, room)?;
        }
        Ok(true)
    }

    fn share(&self, incoming: Vec<Incoming>) -> Vec<Vec<Incoming>> {
        let mut shares: Vec<Vec<Incoming>> = (0..self.lanes.len()).map(|_| Vec::new()).collect();
        for one in incoming {
            let lane = match &one {
                Incoming::Event(record) => self.lanes.of(record.target),
                Incoming::Undecodable { position, .. } | Incoming::Ignored(position) => {
                    position.partition.unsigned_abs() as usize % self.lanes.len()
                }
            };
            shares[lane].push(one);
        }
        shares
    }
}
