//! The topics of events, the dead letters, the changes.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use checker::history::{Change, DeadLetter, Entry, Record};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use serde_json::Value;
use shared_events::topic::{CHANGES, DEAD_LETTERS};
use shared_events::{AggregateType, EventMetadata, wire};
use uuid::Uuid;

use crate::brokers::Brokers;
use crate::faults::PLANTED;
use crate::recording::Recorder;

const LIMIT: Duration = Duration::from_secs(30);

/// Where a record stands.
type Place = (String, i32, i64);

pub fn note(bootstrap_servers: &str, recorder: &Recorder) -> Result<()> {
    let brokers = Brokers::connect(bootstrap_servers, LIMIT)?;
    let mut planted: HashSet<Place> = HashSet::new();
    for aggregate in AggregateType::ALL {
        brokers.each_record(aggregate.topic(), |message| {
            let record = record(aggregate, message);
            if record.planted {
                planted.insert((record.topic.clone(), record.partition, record.offset));
            }
            recorder.note(Entry::Record(record));
            Ok(())
        })?;
    }
    brokers.each_record(DEAD_LETTERS, |message| {
        if let Some(letter) = dead_letter(message, &planted) {
            recorder.note(Entry::DeadLetter(letter));
        }
        Ok(())
    })?;
    brokers.each_record(CHANGES, |message| {
        if let Some(change) = change(message)? {
            recorder.note(Entry::Change(change));
        }
        Ok(())
    })
}

fn header<'a>(message: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a [u8]> {
    message.headers()?.iter().find(|header| header.key == name)?.value
}

/// What cannot be made out of it is left empty: no event has an empty id.
fn record(aggregate: AggregateType, message: &BorrowedMessage<'_>) -> Record {
    let metadata = EventMetadata::from_headers(aggregate, |name| header(message, name)).ok();
    let framed = message.payload().unwrap_or_default();
    let payload = wire::unframe(framed).map_or(framed, |(_, body)| body).to_vec();
    let mut record = Record {
        topic: aggregate.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        planted: header(message, PLANTED).is_some(),
        aggregate: aggregate.to_string(),
        stream: Uuid::nil(),
        version: 0,
        event_id: Uuid::nil(),
        event_type: String::new(),
        payload,
    };
    // Without its frame it is no event, whatever the headers say.
    if let Some(metadata) = metadata.filter(|_| wire::unframe(framed).is_ok()) {
        record.stream = metadata.aggregate_id;
        record.version = metadata.version;
        record.event_id = metadata.event_id;
        record.event_type = metadata.event_type;
    }
    record
}

/// `None` for a record that says what became of another.
fn dead_letter(message: &BorrowedMessage<'_>, planted: &HashSet<Place>) -> Option<DeadLetter> {
    let text = |name: &str| {
        let value = header(message, name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    let kind = text("dead_letter_kind")?;
    let place: Place = (
        text("dead_letter_topic").unwrap_or_default(),
        text("dead_letter_partition")?.parse().ok()?,
        text("dead_letter_offset")?.parse().ok()?,
    );
    Some(DeadLetter {
        projection: text("dead_letter_projection").unwrap_or_default(),
        kind,
        cause: text("dead_letter_cause").unwrap_or_default(),
        // It has the headers of its record, whose topic may have been made anew since.
        expected: header(message, PLANTED).is_some() || planted.contains(&place),
        topic: place.0,
        partition: place.1,
        offset: place.2,
    })
}

/// `None` for what is not told of an order.
fn change(message: &BorrowedMessage<'_>) -> Result<Option<Change>> {
    let body: Value = serde_json::from_slice(message.payload().unwrap_or_default())?;
    if body["aggregate"] != "order" {
        return Ok(None);
    }
    Ok(Some(Change {
        partition: message.partition(),
        offset: message.offset(),
        order: body["id"].as_str().context("a change without an id")?.parse()?,
        version: body["version"].as_u64().context("a change without a version")?,
    }))
}
