//! Records as Kafka would bring them.

use query_service::application::projecting::{RawHeaders, RawRecord};
use shared_events::{AggregateType, wire};

use crate::events::Told;

/// Without an event: bytes that nobody can read.
pub fn raw(topic: AggregateType, told: Option<Told>) -> RawRecord {
    let mut headers = RawHeaders::default();
    let Some(told) = told else {
        return RawRecord {
            topic: topic.topic().into(),
            key: None,
            payload: Some(b"not framed".to_vec()),
            headers,
        };
    };
    for (name, value) in told.metadata().to_headers() {
        headers.push(name, Some(value.as_bytes()));
    }
    let body = told.event.encode().expect("it fits its schema");
    RawRecord {
        topic: topic.topic().into(),
        key: Some(told.id.to_string().into_bytes()),
        payload: Some(wire::frame(1, &body)),
        headers,
    }
}
