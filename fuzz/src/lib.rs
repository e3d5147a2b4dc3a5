//! What targets share.

use shared_events::codec::schemas;
use shared_events::{AggregateType, PublishedSchema};

/// A byte off the front.
pub fn first(data: &[u8]) -> Option<(usize, &[u8])> {
    data.split_first()
        .map(|(first, rest)| (usize::from(*first), rest))
}

/// A schema of this build, with the kind of streams that it is of.
pub fn schema(choice: usize) -> Option<(AggregateType, PublishedSchema)> {
    let all: Vec<PublishedSchema> = schemas().collect();
    let schema = all[choice % all.len()];
    Some((AggregateType::of_topic(schema.topic)?, schema))
}
