//! The published format is frozen: each released type's schema and bytes stand in `tests/golden/`, and stay readable.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use shared_events::codec::{self, WriterSchema};
use shared_events::event::*;
use shared_events::topic::AggregateType;
use shared_events::wire::{self, WireError};
use shared_events::{ConsistencyToken, DecodeError, Event, EventMetadata};
use uuid::Uuid;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0000 + n)
}

fn money(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".into(),
    }
}

/// One of each type, every optional field filled.
fn one_of_each() -> Vec<Event> {
    let address = Address {
        name: "Ada Lovelace".into(),
        street: "12 St James's Square".into(),
        postal_code: "SW1Y 4JH".into(),
        city: "London".into(),
        country: "GB".into(),
    };
    let customers: [CustomerEvent; 2] = [
        CustomerRegisteredV1 {
            customer_id: id(1),
            name: "Ada Lovelace".into(),
            email: Some("ada@example.org".into()),
            billing_address: address.clone(),
            delivery_address: address,
        }
        .into(),
        CustomerRenamedV1 {
            customer_id: id(1),
            name: "Ada King".into(),
        }
        .into(),
    ];
    let products: [ProductEvent; 3] = [
        ProductAddedV1 {
            product_id: id(2),
            name: "Difference engine".into(),
            unit_price: money(1999),
            size: Some(Size {
                length_mm: 10,
                width_mm: 20,
                height_mm: 30,
            }),
            weight_grams: Some(400),
        }
        .into(),
        ProductRenamedV1 {
            product_id: id(2),
            name: "Analytical engine".into(),
        }
        .into(),
        ProductPriceChangedV1 {
            product_id: id(2),
            unit_price: money(2499),
        }
        .into(),
    ];
    let orders: [OrderEvent; 5] = [
        OrderCreatedV1 {
            order_id: id(3),
            customer_id: id(1),
            customer_name: "Ada Lovelace".into(),
            customer_version: 1,
        }
        .into(),
        OrderItemAddedV1 {
            order_id: id(3),
            product_id: id(2),
            product_name: "Difference engine".into(),
            product_version: 1,
            quantity: 2,
            unit_price: money(1999),
        }
        .into(),
        OrderItemQuantityChangedV1 {
            order_id: id(3),
            product_id: id(2),
            quantity: 5,
        }
        .into(),
        OrderItemRemovedV1 {
            order_id: id(3),
            product_id: id(2),
        }
        .into(),
        OrderSubmittedV1 {
            order_id: id(3),
            total: money(3998),
        }
        .into(),
    ];
    let mut all: Vec<Event> = customers.into_iter().map(Event::from).collect();
    all.extend(products.into_iter().map(Event::from));
    all.extend(orders.into_iter().map(Event::from));
    all
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
    for (name, schema) in codec::schemas() {
        assert_golden(&format!("{name}.avsc"), schema);
    }
}

#[test]
fn no_released_type_has_gone() {
    let known: BTreeSet<String> = codec::schemas().map(|(name, _)| name.to_owned()).collect();
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
    let known: BTreeSet<&str> = codec::schemas().map(|(name, _)| name).collect();
    let schemas = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for topic in fs::read_dir(schemas)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir())
    {
        let namespace = topic.file_name().into_string().unwrap();
        for file in fs::read_dir(topic.path()).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{namespace}.{}", path.file_stem().unwrap().to_str().unwrap());
            assert!(
                known.contains(name.as_str()),
                "{name} is not declared in event.rs"
            );
        }
    }
}

#[test]
fn each_type_is_written_as_released_and_read_back() {
    let events = one_of_each();
    assert_eq!(
        events.len(),
        codec::schemas().count(),
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
fn a_type_lives_in_the_namespace_of_its_topic() {
    for event in one_of_each() {
        assert!(
            event
                .event_type()
                .starts_with(&format!("{}.", event.aggregate().topic()))
        );
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
    fn any_token_reads_back(id: u128, version in 1..=i64::MAX as u64, kind in 0usize..3) {
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
        for (name, _) in codec::schemas() {
            let schema = WriterSchema::of_type(name).unwrap();
            let aggregate = AggregateType::of_topic(name.rsplit_once('.').unwrap().0).unwrap();
            let _ = Event::decode(aggregate, schema, &bytes);
        }
    }
}
