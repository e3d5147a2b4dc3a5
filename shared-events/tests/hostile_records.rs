//! Records as nobody should send them: bytes that are wrong somewhere in what is otherwise right. Refused or read, without a
//! panic, in bounded memory.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use proptest::prelude::*;
use shared_events::codec::{MAX_BODY_BYTES, schemas};
use shared_events::headers::EventMetadata;
use shared_events::{AggregateType, Event, RepairRequest, WriterSchema, wire};
use uuid::Uuid;

mod examples;

use examples::one_of_each;

/// What is done to right bytes.
#[derive(Debug, Clone)]
enum Harm {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Append(Vec<u8>),
}

/// Avro's lengths are of so many bytes as they need: these are of enormous and of negative ones.
fn lengths() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        Just(vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        Just(vec![0xff; 12]),
        Just(vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x40]),
        Just(vec![0xfe, 0xff, 0x3f]),
        Just(vec![0x01]),
    ]
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let index = any::<prop::sample::Index>;
    let one = prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Harm::Set(at, byte)),
        index().prop_map(Harm::Cut),
        index().prop_map(Harm::Remove),
        (index(), lengths()).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Harm::Append),
    ];
    prop::collection::vec(one, 1..6)
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let length = bytes.len().max(1);
        match harm {
            Harm::Append(more) => bytes.extend_from_slice(more),
            Harm::Insert(at, more) => {
                let at = at.index(length).min(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            _ if bytes.is_empty() => {}
            Harm::Set(at, byte) => bytes[at.index(length)] = *byte,
            Harm::Cut(at) => bytes.truncate(at.index(length)),
            Harm::Remove(at) => _ = bytes.remove(at.index(length)),
        }
    }
    bytes
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

/// An event of any type, for the bytes of another that were harmed.
fn read_by_all(body: &[u8]) -> usize {
    let read = schemas().filter(|known| {
        let schema = WriterSchema::of_type(known.event_type).unwrap();
        let aggregate = AggregateType::of_topic(known.topic).unwrap();
        match Event::decode(aggregate, schema, body) {
            // What was read can be written.
            Ok(event) => event.encode().is_ok_and(|again| again.len() <= MAX_BODY_BYTES),
            Err(_) => false,
        }
    });
    read.count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_bodies_are_read_or_refused_in_bounded_memory(
        which in any::<prop::sample::Index>(),
        harms in harms(),
    ) {
        let all = one_of_each();
        let body = all[which.index(all.len())].encode().unwrap();
        // Schemas are parsed once and stay.
        read_by_all(&body);
        let before = peak();
        read_by_all(&harmed(body, &harms));
        let more = peak().saturating_sub(before);
        prop_assert!(more < 64 * MAX_BODY_BYTES as u64, "{more} bytes more");
    }

    #[test]
    fn hostile_lengths_alone_allocate_nothing_that_is_not_there(
        prefix in prop::collection::vec(any::<u8>(), 0..64),
        length in lengths(),
        behind in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        read_by_all(&[]);
        let before = peak();
        read_by_all(&[prefix, length, behind].concat());
        let more = peak().saturating_sub(before);
        prop_assert!(more < 64 * MAX_BODY_BYTES as u64, "{more} bytes more");
    }

    #[test]
    fn hostile_frames_are_of_a_schema_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        match wire::unframe(&bytes) {
            Ok((id, body)) => prop_assert_eq!(wire::frame(id, body), bytes),
            Err(_) => prop_assert!(bytes.len() < 5 || bytes[0] != 0),
        }
    }

    /// One header is missing, harmed, or of bytes that are no text.
    #[test]
    fn hostile_headers_are_read_as_they_are_or_refused(
        which in any::<prop::sample::Index>(),
        missing in any::<bool>(),
        harms in harms(),
    ) {
        let right = metadata().to_headers();
        let at = which.index(right.len());
        let mut headers: Vec<(&str, Vec<u8>)> =
            right.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        match missing {
            true => _ = headers.remove(at),
            false => headers[at].1 = harmed(headers[at].1.clone(), &harms),
        }
        let find = |name: &str| {
            let mut all = headers.iter();
            all.find(|(known, _)| *known == name).map(|(_, value)| value.as_slice())
        };
        match EventMetadata::from_headers(AggregateType::Order, find) {
            Ok(read) => {
                prop_assert!((1..=i64::MAX as u64).contains(&read.version));
                let again = read.to_headers();
                let find = |name: &str| {
                    let mut all = again.iter();
                    all.find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
                };
                let once_more = EventMetadata::from_headers(AggregateType::Order, find);
                // To the microsecond.
                prop_assert!(once_more.is_ok_and(|once_more| once_more.event_id == read.event_id));
            }
            Err(error) => prop_assert!(error.to_string().len() < 1_000, "{error}"),
        }
    }

    #[test]
    fn hostile_repair_requests_are_read_as_they_are_or_refused(harms in harms()) {
        let right = RepairRequest { aggregate: AggregateType::Order, id: Uuid::nil(), from_version: 3 };
        let bytes = harmed(right.encode().into_bytes(), &harms);
        if let Ok(read) = RepairRequest::decode(&bytes) {
            prop_assert!((1..=i64::MAX as u64).contains(&read.from_version));
            let again = RepairRequest::decode(read.encode().as_bytes());
            prop_assert_eq!(again.ok(), Some(read));
        }
    }
}

fn metadata() -> EventMetadata {
    let id = Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0001);
    EventMetadata {
        event_id: id,
        event_type: "ordering.orders.OrderSubmittedV1".to_owned(),
        aggregate: AggregateType::Order,
        aggregate_id: id,
        version: 3,
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        actor: "anonymous".to_owned(),
        command_id: id,
        causation_id: id,
        correlation_id: id,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}
