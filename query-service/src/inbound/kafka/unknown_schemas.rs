//! Records whose schema is not known yet wait here, while others go on; those of one aggregate that overtake them are
//! parked in their document.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use shared_events::WriterSchema;

use super::decoding::{Received, Undecodable, decode, undecodable};
use crate::application::ports::StoreError;
use crate::application::projecting::Incoming;
use crate::application::projecting::patience::{Abandoned, Patience};
use crate::outbound::kafka::SchemaLookups;
use crate::outbound::kafka::schemas::SchemaError;

type Lookup = (u32, Result<Result<Arc<WriterSchema>, SchemaError>, Abandoned>);

pub struct UnknownSchemas {
    schemas: Arc<SchemaLookups>,
    patience: Patience,
    waiting: HashMap<u32, Vec<Received>>,
    bytes: usize,
    lookups: FuturesUnordered<BoxFuture<'static, Lookup>>,
}

/// What may wait, at most, before no more is read.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
const MAX_LOOKUPS: usize = 64;

impl UnknownSchemas {
    pub fn new(schemas: Arc<SchemaLookups>, patience: Patience) -> Self {
        Self {
            schemas,
            patience,
            waiting: HashMap::new(),
            bytes: 0,
            lookups: FuturesUnordered::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.bytes > MAX_WAITING_BYTES || self.lookups.len() > MAX_LOOKUPS
    }

    pub fn hold(&mut self, id: u32, received: Received) {
        self.bytes += weight(&received);
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

    /// Waits for the next schema; never ends where nothing waits.
    pub async fn resolved(&mut self) -> Result<Vec<Incoming>, Abandoned> {
        let Some((id, verdict)) = self.lookups.next().await else {
            return std::future::pending().await;
        };
        let verdict = verdict?;
        let records = self.waiting.remove(&id).unwrap_or_default();
        self.bytes -= records.iter().map(weight).sum::<usize>();
        Ok(match verdict {
            Ok(schema) => records
                .into_iter()
                .map(|received| decode(received, &schema))
                .collect(),
            Err(error) => {
                let error = Arc::new(error);
                records
                    .into_iter()
                    .map(|received| undecodable(received, Undecodable::Schema(Arc::clone(&error))))
                    .collect()
            }
        })
    }
}

fn weight(received: &Received) -> usize {
    1_024 + received.raw.bytes()
}
