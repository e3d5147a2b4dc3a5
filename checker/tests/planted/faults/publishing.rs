//! What the relay did to the topics.

use checker::history::{LeftOver, Record};
use uuid::Uuid;

use super::{Planted, planted};
use crate::story::Story;

pub const FAULTS: &[Planted] = &[
    planted(
        "the relay marked before the acknowledgement: an event is in no topic",
        &["I4"],
        |story| {
            let lost = records(story)[1].event_id;
            story.history.records.retain(|record| record.event_id != lost);
        },
    ),
    planted(
        "the relay sent two events of an order the wrong way round",
        &["I4"],
        |story| {
            let mut records = records(story);
            let (one, other) = (records[1].offset, records[2].offset);
            (records[1].offset, records[2].offset) = (other, one);
        },
    ),
    planted(
        "the relay went on behind a failure: the successor came first, then both",
        &["I4"],
        |story| {
            let early = Record {
                offset: -1,
                ..records(story)[3].clone()
            };
            story.history.records.push(early);
        },
    ),
    planted("a record has other bytes than the event", &["I4"], |story| {
        let record = records(story).remove(0);
        record.payload[20] ^= 1;
    }),
    planted(
        "a record is of an event that was never committed",
        &["I4"],
        |story| {
            let mut record = records(story)[0].clone();
            (record.version, record.event_id, record.offset) = (99, Uuid::from_u128(99), 999);
            story.history.records.push(record);
        },
    ),
    planted("a record has another event's id", &["I4"], |story| {
        records(story).remove(0).event_id = Uuid::from_u128(98);
    }),
    planted("a record names another type", &["I4"], |story| {
        records(story).remove(0).event_type = "ordering.orders.OrderDeliveredV1".to_owned();
    }),
    planted("an event went to another topic", &["I4"], |story| {
        records(story).remove(0).topic = "ordering.customers".to_owned();
    }),
    planted("one key went to two partitions", &["I4"], |story| {
        let record = records(story).remove(2);
        record.partition = 1 - record.partition;
    }),
    planted("a row is left in the outbox", &["I4"], |story| {
        let stream = story.draft;
        story.history.left.push(LeftOver {
            table: "outbox".to_owned(),
            aggregate: "order".to_owned(),
            stream,
            detail: "version 2, 70 s old".to_owned(),
        });
    }),
];

/// Of the delivered order, in their order.
fn records(story: &mut Story) -> Vec<&mut Record> {
    let order = story.delivered;
    let records = story.history.records.iter_mut();
    records
        .filter(|record| record.stream == order && record.aggregate == "order" && !record.planted)
        .collect()
}
