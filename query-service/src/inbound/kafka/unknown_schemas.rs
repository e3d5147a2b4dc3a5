//! Records whose schema is not known yet wait here, and behind them those of the same key, while others go on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use metrics::Gauge;
use read_model::Kind;
use shared_events::WriterSchema;

use super::decoding::{Received, Undecodable, decode, undecodable};
use crate::application::ports::{Generation, StoreError};
use crate::application::projecting::Incoming;
use crate::application::projecting::patience::{Abandoned, Patience};
use crate::outbound::kafka::SchemaLookups;
use crate::outbound::kafka::schemas::SchemaError;

type Lookup = (u32, Result<Result<Arc<WriterSchema>, SchemaError>, Abandoned>);

pub struct UnknownSchemas {
    kind: Kind,
    schemas: Arc<SchemaLookups>,
    patience: Patience,
    waiting: HashMap<u32, Vec<Received>>,
    /// Of the records that wait, topic and key.
    keys: HashSet<(Arc<str>, Option<Vec<u8>>)>,
    /// Their successors, in the order in which they came: they would arrive ahead of them.
    behind: Vec<Received>,
    bytes: usize,
    bytes_now: Gauge,
    lookups: FuturesUnordered<BoxFuture<'static, Lookup>>,
}

/// What may wait, at most, before no more is read.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
const MAX_LOOKUPS: usize = 64;

impl UnknownSchemas {
    pub fn new(generation: Generation, schemas: Arc<SchemaLookups>, patience: Patience) -> Self {
        Self {
            kind: generation.kind,
            schemas,
            patience,
            waiting: HashMap::new(),
            keys: HashSet::new(),
            behind: Vec::new(),
            bytes: 0,
            bytes_now: metrics::gauge!("projector_waiting_for_schema_bytes", "index" => generation.to_string()),
            lookups: FuturesUnordered::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.bytes > MAX_WAITING_BYTES || self.lookups.len() > MAX_LOOKUPS
    }

    /// Takes a record that comes after one that waits; gives back any other.
    pub fn hold_behind(&mut self, received: Received) -> Option<Received> {
        if self.keys.is_empty() || !self.keys.contains(&key(&received)) {
            return Some(received);
        }
        self.bytes += weight(&received);
        self.bytes_now.set(self.bytes as f64);
        self.behind.push(received);
        None
    }

    pub fn hold(&mut self, id: u32, received: Received) {
        self.bytes += weight(&received);
        self.bytes_now.set(self.bytes as f64);
        self.keys.insert(key(&received));
        let waiting = self.waiting.entry(id).or_default();
        waiting.push(received);
        if waiting.len() > 1 {
            return;
        }
        let (schemas, patience) = (Arc::clone(&self.schemas), self.patience.clone());
        let lookup = async move {
            let attempt = || async {
                match schemas.get(id).await {
                    Err(SchemaError::Unavailable(error)) => Err(StoreError::Unavailable(error.into())),
                    verdict => Ok(verdict),
                }
            };
            (id, patience.until_done("looking up a schema", attempt).await)
        };
        self.lookups.push(Box::pin(lookup));
    }

    /// Waits for the next schema; never ends where nothing waits. Answers the records that it makes readable, and all that
    /// waited behind any, to be decoded anew.
    pub async fn resolved(&mut self) -> Result<(Vec<Incoming>, Vec<Received>), Abandoned> {
        let Some((id, verdict)) = self.lookups.next().await else {
            return std::future::pending().await;
        };
        let verdict = verdict?;
        let records = self.waiting.remove(&id).unwrap_or_default();
        let behind = std::mem::take(&mut self.behind);
        self.bytes -= records.iter().chain(&behind).map(weight).sum::<usize>();
        self.bytes_now.set(self.bytes as f64);
        self.keys = self.waiting.values().flatten().map(key).collect();
        let readable = match verdict {
            Ok(schema) => records
                .into_iter()
                .map(|received| decode(self.kind, received, &schema))
                .collect(),
            Err(error) => {
                let error = Arc::new(error);
                records
                    .into_iter()
                    .map(|received| undecodable(received, Undecodable::Schema(Arc::clone(&error))))
                    .collect()
            }
        };
        Ok((readable, behind))
    }
}

fn key(received: &Received) -> (Arc<str>, Option<Vec<u8>>) {
    (Arc::clone(&received.raw.topic), received.raw.key.clone())
}

fn weight(received: &Received) -> usize {
    1_024 + received.raw.bytes()
}

#[cfg(test)]
mod tests {
    use shared_events::AggregateType;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::application::projecting::ProjectorSettings;
    use crate::application::projecting::record::{Position, RawHeaders, RawRecord};
    use crate::outbound::kafka::SchemaRegistrySettings;
    use crate::outbound::system::SystemClock;

    fn received(key: &str, offset: i64) -> Received {
        Received {
            position: Position {
                topic: AggregateType::Order,
                partition: 0,
                offset,
                assignment: 1,
            },
            raw: RawRecord {
                topic: "ordering.orders".into(),
                key: Some(key.as_bytes().to_vec()),
                payload: None,
                headers: RawHeaders::default(),
            },
        }
    }

    #[test]
    fn only_successors_of_a_waiting_record_wait_with_it() {
        let patience = Patience::new(
            &ProjectorSettings::default(),
            CancellationToken::new(),
            Arc::new(SystemClock),
        );
        let schemas = SchemaLookups::new(&SchemaRegistrySettings::default()).unwrap();
        let mut unknown = UnknownSchemas::new(
            Generation {
                kind: Kind::Order,
                mapping: 1,
                number: 1,
            },
            Arc::new(schemas),
            patience,
        );
        assert!(unknown.hold_behind(received("a", 0)).is_some());
        unknown.hold(7, received("a", 0));
        assert!(unknown.hold_behind(received("a", 1)).is_none());
        assert!(unknown.hold_behind(received("b", 2)).is_some());
    }
}
