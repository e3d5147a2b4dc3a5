//! The published format is frozen: each released type's schema and bytes stand in `tests/golden/`, and stay readable.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use shared_events::codec::{self, WriterSchema};
use shared_events::event::{Address, CustomerRegisteredV2};
use shared_events::topic::AggregateType;
use shared_events::wire::{self, WireError};
use shared_events::{ConsistencyToken, DecodeError, Event, EventMetadata};
use uuid::Uuid;

mod examples;

use examples::{id, one_of_each};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let text = text.trim();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Compares with a golden file; one that is not there yet is written with `BLESS=1`, an existing one is never replaced.
fn assert_golden(name: &str, actual: &str) {
    let path = golden(name);
    if !path.exists() && std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!("{name} is not released yet: run this test once with BLESS=1 and commit the new file")
    });
    assert_eq!(
        expected, actual,
        "{name} was released and never changes: add a type with the next version in its name instead"
    );
}

#[test]
fn a_released_schema_never_changes() {
    for schema in codec::schemas() {
        assert_golden(&format!("{}.avsc", schema.event_type), schema.text);
    }
}

#[test]
fn no_released_type_has_gone() {
    let known: BTreeSet<&str> = codec::schemas().map(|schema| schema.event_type).collect();
    for file in fs::read_dir(golden("")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        if let Some(name) = file.strip_suffix(".avsc") {
            assert!(
                known.contains(name),
                "{name} was released; events of it are still stored"
            );
        }
    }
}

#[test]
fn every_schema_file_belongs_to_a_type() {
    let known: BTreeSet<PathBuf> = codec::schemas()
        .map(|schema| {
            let (namespace, name) = schema.event_type.rsplit_once('.').unwrap();
            assert_eq!(namespace, schema.topic.replace('-', "_"));
            PathBuf::from(schema.topic).join(format!("{name}.avsc"))
        })
        .collect();
    let schemas = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for topic in fs::read_dir(schemas)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir())
    {
        for file in fs::read_dir(topic.path()).unwrap() {
            let path = PathBuf::from(topic.file_name()).join(file.unwrap().file_name());
            assert!(
                known.contains(&path),
                "{} is not declared in event.rs",
                path.display()
            );
        }
    }
}

#[test]
fn every_schema_is_of_a_known_topic_and_named_as_declared() {
    for schema in codec::schemas() {
        assert!(
            AggregateType::of_topic(schema.topic).is_some(),
            "{}",
            schema.topic
        );
        assert_eq!(
            WriterSchema::parse(schema.text).unwrap().event_type(),
            schema.event_type
        );
    }
}

#[test]
fn each_type_is_written_as_released_and_read_back() {
    let events = one_of_each();
    assert_eq!(
        events.len(),
        codec::schemas().filter(|schema| schema.written).count(),
        "one_of_each misses a type"
    );
    for event in events {
        let body = event.encode().unwrap();
        assert_golden(
            &format!("{}.hex", event.event_type()),
            &format!("{}\n", hex(&body)),
        );
        let stored = unhex(&fs::read_to_string(golden(&format!("{}.hex", event.event_type()))).unwrap());
        let schema = WriterSchema::of_type(event.event_type()).unwrap();
        assert_eq!(Event::decode(event.aggregate(), schema, &stored).unwrap(), event);
    }
}

#[test]
fn a_type_lives_in_the_topic_of_its_stream() {
    for event in one_of_each() {
        let schema = codec::schemas()
            .find(|schema| schema.event_type == event.event_type())
            .unwrap();
        assert_eq!(schema.topic, event.aggregate().topic());
    }
}

/// Bytes that the build before `CustomerRegisteredV2` wrote.
#[test]
fn a_customer_registered_years_ago_is_upcast() {
    let own = Address {
        name: "Ada King".into(),
        street: "Ockham Park".into(),
        postal_code: "GU23 6NG".into(),
        city: "Ockham".into(),
        country: "GB".into(),
    };
    let old = "ordering.customers.CustomerRegisteredV1";
    for (file, delivery_address) in [(".hex", None), (".own-delivery-address.hex", Some(own))] {
        let stored = unhex(&fs::read_to_string(golden(&format!("{old}{file}"))).unwrap());
        let schema = WriterSchema::of_type(old).unwrap();
        let event = Event::decode(AggregateType::Customer, schema, &stored).unwrap();
        let registered = CustomerRegisteredV2 {
            customer_id: id(1),
            name: "Ada Lovelace".into(),
            email: Some("ada@example.org".into()),
            billing_address: examples::address(),
            delivery_address,
        };
        assert_eq!(event, Event::Customer(registered.into()));
        assert_eq!(event.event_type(), "ordering.customers.CustomerRegisteredV2");
    }
}

#[test]
fn a_truncated_body_is_an_error_at_every_length() {
    for event in one_of_each() {
        let body = event.encode().unwrap();
        let schema = WriterSchema::of_type(event.event_type()).unwrap();
        for length in 0..body.len() {
            assert!(Event::decode(event.aggregate(), schema, &body[..length]).is_err());
        }
    }
}

#[test]
fn bytes_behind_the_record_are_an_error() {
    let event = one_of_each().remove(0);
    let mut body = event.encode().unwrap();
    body.push(0);
    let schema = WriterSchema::of_type(event.event_type()).unwrap();
    let error = Event::decode(event.aggregate(), schema, &body).unwrap_err();
    assert!(matches!(error, DecodeError::TrailingBytes(1)), "{error}");
}

#[test]
fn a_length_that_lies_is_an_error() {
    // A string of 2^40 bytes where the id should be.
    let mut body = vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    body.extend_from_slice(b"short");
    let schema = WriterSchema::of_type("ordering.customers.CustomerRenamedV1").unwrap();
    assert!(Event::decode(AggregateType::Customer, schema, &body).is_err());
}

#[test]
fn the_wire_format_is_magic_byte_id_and_body() {
    assert_eq!(wire::frame(0x0102_0304, b"avro"), b"\x00\x01\x02\x03\x04avro");
    assert_eq!(
        wire::unframe(b"\x00\x01\x02\x03\x04avro"),
        Ok((0x0102_0304, b"avro".as_slice()))
    );
    assert_eq!(wire::unframe(b""), Err(WireError::Empty));
    assert_eq!(wire::unframe(b"\x00\x01"), Err(WireError::TooShort(2)));
    assert_eq!(wire::unframe(b"{}"), Err(WireError::NoMagicByte(b'{')));
}

#[test]
fn headers_are_cloudevents_and_read_back() {
    let metadata = EventMetadata {
        event_id: id(10),
        event_type: "ordering.orders.OrderSubmittedV1".into(),
        aggregate: AggregateType::Order,
        aggregate_id: id(3),
        version: 3,
        occurred_at: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
        actor: "anonymous".into(),
        command_id: id(11),
        causation_id: id(11),
        correlation_id: id(12),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    };
    let headers = metadata.to_headers();
    let text: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    assert_golden("headers.txt", &text);
    let find = |name: &'static str| {
        headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, v)| v.as_bytes())
    };
    assert_eq!(
        EventMetadata::from_headers(AggregateType::Order, find).unwrap(),
        metadata
    );
    for (missing, _) in headers
        .iter()
        .filter(|(name, _)| !["traceparent", "content-type", "ce_specversion", "ce_source"].contains(name))
    {
        let without = |name: &'static str| if name == *missing { None } else { find(name) };
        assert!(
            EventMetadata::from_headers(AggregateType::Order, without).is_err(),
            "without {missing}"
        );
    }
}

#[test]
fn a_stream_version_below_one_is_malformed() {
    let headers = |name: &'static str| match name {
        "ce_streamversion" => Some(b"0".as_slice()),
        "ce_time" => Some(b"2026-01-02T03:04:05Z".as_slice()),
        "ce_type" | "ce_actor" => Some(b"x".as_slice()),
        _ => Some(b"0190b5a0-0000-7000-8000-000000000000".as_slice()),
    };
    assert!(EventMetadata::from_headers(AggregateType::Order, headers).is_err());
}

proptest::proptest! {
    #[test]
    fn any_token_reads_back(id: u128, version in 1..=i64::MAX as u64, kind in 0..AggregateType::ALL.len()) {
        let token = ConsistencyToken { aggregate: AggregateType::ALL[kind], id: Uuid::from_u128(id), version };
        proptest::prop_assert_eq!(token.to_string().parse::<ConsistencyToken>().unwrap(), token);
    }

    #[test]
    fn any_text_is_a_token_or_an_error(text: String) {
        if let Ok(token) = text.parse::<ConsistencyToken>() {
            proptest::prop_assert_eq!(token.to_string(), text);
        }
    }

    #[test]
    fn any_bytes_decode_or_are_an_error(bytes: Vec<u8>) {
        for known in codec::schemas() {
            let schema = WriterSchema::of_type(known.event_type).unwrap();
            let aggregate = AggregateType::of_topic(known.topic).unwrap();
            let _ = Event::decode(aggregate, schema, &bytes);
        }
    }
}
