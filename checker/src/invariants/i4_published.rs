//! At rest each committed event is in its topic at least once with the same bytes, first occurrences in version order for
//! each key, and nothing that was not committed.

use std::collections::{HashMap, HashSet};

use shared_events::AggregateType;
use uuid::Uuid;

use crate::context::Context;
use crate::history::{History, Record};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    for left in history.left.iter().filter(|left| left.table == "outbox") {
        verdict.violate(
            "at rest the outbox is empty",
            format!(
                "a row of {}:{} is left: {}",
                left.aggregate, left.stream, left.detail
            ),
            [] as [String; 0],
        );
    }
    let mut records: Vec<&Record> = history.records.iter().filter(|record| !record.planted).collect();
    records.sort_by_key(|record| (&record.topic, record.partition, record.offset));
    let mut published: HashSet<Uuid> = HashSet::new();
    let mut keys: HashMap<(&str, Uuid), Vec<&Record>> = HashMap::new();
    for record in records {
        verdict.compare();
        if committed(&mut verdict, context, record) {
            published.insert(record.event_id);
            keys.entry((&record.topic, record.stream))
                .or_default()
                .push(record);
        }
    }
    for records in keys.values() {
        in_order(&mut verdict, records);
    }
    for stood in &context.events {
        verdict.compare();
        if !published.contains(&stood.event.event_id) {
            let near = keys
                .iter()
                .filter(|((_, stream), _)| *stream == stood.event.stream)
                .flat_map(|(_, records)| records.iter().map(|record| telling::record(record)));
            verdict.violate(
                "each committed event is in its topic",
                "one is not there",
                [telling::event(stood.event)].into_iter().chain(near),
            );
        }
    }
    verdict
}

/// It is an event of the store, as it stands there.
fn committed(verdict: &mut Verdict, context: &Context<'_>, record: &Record) -> bool {
    let stood = context.event(&record.aggregate, record.stream, record.version);
    let Some(stood) = stood else {
        verdict.violate(
            "nothing is published that was not committed",
            "no such event is stored",
            [telling::record(record)],
        );
        return false;
    };
    let event = stood.event;
    let topic = record
        .aggregate
        .parse::<AggregateType>()
        .map(AggregateType::topic);
    let what = if topic.as_ref() != Ok(&record.topic.as_str()) {
        "it is in another topic"
    } else if event.event_id != record.event_id {
        "the stored event has another id"
    } else if event.event_type != record.event_type {
        "the stored event is of another type"
    } else if event.payload != record.payload {
        "the stored event has other bytes"
    } else {
        return true;
    };
    verdict.violate(
        "an event is published as it was committed",
        what,
        [telling::record(record), telling::event(event)],
    );
    false
}

/// Of one key, by partition and offset.
fn in_order(verdict: &mut Verdict, records: &[&Record]) {
    let promised = "first occurrences are in version order for each key";
    let explain = || records.iter().map(|record| telling::record(record));
    if records.windows(2).any(|two| two[0].partition != two[1].partition) {
        return verdict.violate(promised, "one key is in several partitions", explain());
    }
    let mut last = 0;
    for record in records {
        if record.version > last + 1 {
            let seen = format!("after version {last} comes {}", record.version);
            return verdict.violate(promised, seen, explain());
        }
        last = last.max(record.version);
    }
}
