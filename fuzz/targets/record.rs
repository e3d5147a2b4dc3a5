//! Any record that Kafka may bring: framed, its headers read, its body decoded, and folded into a document.
#![no_main]

use std::sync::LazyLock;

use chrono::DateTime;
use fuzz::{first, schema};
use libfuzzer_sys::fuzz_target;
use query_service::application::projecting::{Incoming, Position, RawHeaders, RawRecord};
use query_service::inbound::kafka::decoding::{Received, decode, schema_id};
use read_model::{Draining, Kind, Projection};
use shared_events::{EventMetadata, WriterSchema, wire};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0001);

fn headers(metadata: &EventMetadata) -> RawHeaders {
    let mut headers = RawHeaders::default();
    for (name, value) in metadata.to_headers() {
        headers.push(name, Some(value.as_bytes()));
    }
    headers
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = first(data) else { return };
    let Some((form, data)) = first(data) else { return };
    let Some((aggregate, published)) = schema(choice) else {
        return;
    };
    let Ok(schema) = WriterSchema::of_type(published.event_type) else {
        return;
    };
    static VALID: LazyLock<EventMetadata> = LazyLock::new(|| EventMetadata {
        event_id: ID,
        event_type: String::new(),
        aggregate: shared_events::AggregateType::Order,
        aggregate_id: ID,
        version: 1,
        occurred_at: DateTime::UNIX_EPOCH,
        actor: "anonymous".to_owned(),
        command_id: ID,
        causation_id: ID,
        correlation_id: ID,
        traceparent: None,
    });
    let metadata = EventMetadata {
        event_type: published.event_type.to_owned(),
        aggregate,
        ..VALID.clone()
    };
    let (headers, payload) = match form % 3 {
        // Only the body is strange,
        0 => (headers(&metadata), wire::frame(1, data)),
        // or the frame, too,
        1 => (headers(&metadata), data.to_vec()),
        // or one header, or all: lines with an equals sign, up to an empty one.
        _ => {
            let mut parts = data.splitn(2, |byte| *byte == 0);
            let mut found = match form % 2 {
                0 => headers(&metadata),
                _ => RawHeaders::default(),
            };
            let mut own = RawHeaders::default();
            for line in parts.next().unwrap_or_default().split(|byte| *byte == b'\n') {
                let mut sides = line.splitn(2, |byte| *byte == b'=');
                let name = String::from_utf8_lossy(sides.next().unwrap_or_default()).into_owned();
                own.push(&name, sides.next());
            }
            for (name, value) in found.iter() {
                let name = String::from_utf8_lossy(name).into_owned();
                if own.find(&name).is_none() {
                    own.push(&name, value);
                }
            }
            found = own;
            (found, wire::frame(1, parts.next().unwrap_or_default()))
        }
    };
    for kind in Kind::ALL {
        let received = Received {
            position: Position {
                topic: aggregate,
                partition: 0,
                offset: 0,
                assignment: 1,
            },
            raw: RawRecord {
                topic: aggregate.topic().into(),
                key: Some(ID.to_string().into_bytes()),
                payload: Some(payload.clone()),
                headers: headers.clone(),
            },
        };
        if schema_id(&received.raw).is_err() {
            return;
        }
        if let Incoming::Event(record) = decode(kind, received, schema) {
            let mut document = Projection::new(kind, record.target);
            let now = DateTime::UNIX_EPOCH;
            if document
                .apply(&record.metadata, &record.event, Draining::All, now)
                .is_ok()
            {
                let json = document.to_json().expect("a document is JSON");
                let body = serde_json::from_str(&json).expect("its own");
                Projection::from_json(kind, record.target, body).expect("what was written is read");
            }
        }
    }
});
