//! Dead letters read with today's code, as the pipeline would that buried them.

use std::collections::HashMap;
use std::sync::Arc;

use shared_events::AggregateType;

use super::decoding::{Received, Undecodable, decode, schema_id, undecodable};
use crate::application::ports::{Kind, Letter, LetterDecoder, StoreError};
use crate::application::projecting::{Incoming, Position, RawRecord};
use crate::outbound::kafka::schemas::SchemaError;
use crate::outbound::kafka::{KafkaSettings, SchemaLookups};

pub struct LetterDecoding {
    /// By their name in the cluster.
    topics: HashMap<String, AggregateType>,
    schemas: Arc<SchemaLookups>,
}

impl LetterDecoding {
    pub fn new(settings: &KafkaSettings, schemas: Arc<SchemaLookups>) -> Self {
        Self {
            topics: AggregateType::ALL
                .into_iter()
                .map(|aggregate| (settings.topic(aggregate.topic()), aggregate))
                .collect(),
            schemas,
        }
    }
}

impl LetterDecoder for LetterDecoding {
    async fn decode(&self, projection: Kind, letter: &Letter) -> Result<Incoming, StoreError> {
        let head = &letter.head;
        let position = |topic| Position {
            topic,
            partition: head.partition,
            offset: head.offset,
            // Of no assignment: nothing is ever acknowledged by it.
            assignment: 0,
        };
        let never = |kind: &'static str, cause: String| {
            let position = position(projection.aggregate());
            Incoming::Undecodable {
                position,
                letter: Box::new(RawRecord::default().to_letter(position, kind, cause)),
            }
        };
        let Some(topic) = self.topics.get(&head.topic) else {
            return Ok(never(
                "unknown-topic",
                format!("{} is no topic of events", head.topic),
            ));
        };
        let Some(raw) = letter.record.clone() else {
            let cause = "the record did not fit into its letter and no longer stands in its topic";
            return Ok(never("record-gone", cause.to_owned()));
        };
        let received = Received {
            position: position(*topic),
            raw,
        };
        let id = match schema_id(&received.raw) {
            Ok(id) => id,
            Err(error) => return Ok(undecodable(received, error)),
        };
        match self.schemas.get(id).await {
            Ok(schema) => Ok(decode(projection, received, &schema)),
            Err(error @ SchemaError::Unavailable(_)) => Err(StoreError::Unavailable(error.into())),
            Err(error) => Ok(undecodable(received, Undecodable::Schema(Arc::new(error)))),
        }
    }
}
