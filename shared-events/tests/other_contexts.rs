//! Invoicing and delivery are told what they need and nothing else: whoever adds a field has to list it here, and say why.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helping functions too"
)]

use std::collections::BTreeSet;

use serde_json::Value;
use shared_events::{AggregateType, Event, codec};

#[allow(dead_code, reason = "shared with the test of the format")]
mod examples;

const INVOICING: [&str; 15] = [
    "order_id",
    "customer_id",
    "billing_address",
    "billing_address.name",
    "billing_address.street",
    "billing_address.postal_code",
    "billing_address.city",
    "billing_address.country",
    "lines",
    "lines.product_id",
    "lines.product_name",
    "lines.quantity",
    "lines.unit_price",
    "lines.unit_price.amount",
    "lines.unit_price.currency",
];

const DELIVERY: [&str; 16] = [
    "order_id",
    "delivery_address",
    "delivery_address.name",
    "delivery_address.street",
    "delivery_address.postal_code",
    "delivery_address.city",
    "delivery_address.country",
    "lines",
    "lines.product_id",
    "lines.product_name",
    "lines.quantity",
    "lines.size",
    "lines.size.length_mm",
    "lines.size.width_mm",
    "lines.size.height_mm",
    "lines.weight_grams",
];

#[test]
fn invoicing_is_told_prices_and_the_billing_address_and_nothing_else() {
    assert_told(AggregateType::OrderForInvoicing, "Submitted", &INVOICING);
    assert_told(AggregateType::OrderForInvoicing, "Cancelled", &["order_id"]);
}

#[test]
fn delivery_is_told_sizes_weights_and_the_delivery_address_and_nothing_else() {
    assert_told(AggregateType::OrderForDelivery, "Confirmed", &DELIVERY);
    assert_told(AggregateType::OrderForDelivery, "Cancelled", &["order_id"]);
}

#[test]
fn each_is_told_of_two_things() {
    for kind in [AggregateType::OrderForInvoicing, AggregateType::OrderForDelivery] {
        let types = codec::schemas().filter(|schema| schema.topic == kind.topic());
        assert_eq!(types.count(), 2, "{kind}");
    }
}

/// Both the schemas' fields and the records' are exactly the `allowed`.
fn assert_told(kind: AggregateType, what: &str, allowed: &[&str]) {
    let allowed: BTreeSet<String> = allowed.iter().map(|&path| path.to_owned()).collect();
    let of_type = |event_type: &str| event_type.contains(&format!(".Order{what}For"));

    let schemas: Vec<_> = codec::schemas()
        .filter(|schema| schema.topic == kind.topic() && of_type(schema.event_type))
        .collect();
    assert_eq!(schemas.len(), 1);
    let schema: Value = serde_json::from_str(schemas[0].text).unwrap();
    let (mut found, mut named) = (BTreeSet::new(), Vec::new());
    in_schema(&schema, "", &mut named, &mut found);
    assert_eq!(found, allowed, "{}", schemas[0].event_type);

    let event = examples::one_of_each()
        .into_iter()
        .find(|event: &Event| event.aggregate() == kind && of_type(event.event_type()))
        .unwrap();
    let mut found = BTreeSet::new();
    in_record(&serde_json::to_value(&event).unwrap(), "", &mut found);
    assert_eq!(found, allowed, "{}", event.event_type());
}

fn in_schema(schema: &Value, path: &str, named: &mut Vec<Value>, found: &mut BTreeSet<String>) {
    match schema {
        Value::Array(union) => {
            for branch in union {
                in_schema(branch, path, named, found);
            }
        }
        Value::String(name) => {
            // A record that was written out before.
            let full_name = |record: &Value| {
                let (namespace, name) = (record["namespace"].as_str()?, record["name"].as_str()?);
                Some(format!("{namespace}.{name}"))
            };
            let record = named
                .iter()
                .find(|record| full_name(record).as_ref() == Some(name));
            if let Some(record) = record.cloned() {
                in_schema(&record, path, named, found);
            }
        }
        _ => match schema["type"].as_str() {
            Some("record") => {
                named.push(schema.clone());
                for field in schema["fields"].as_array().unwrap() {
                    let path = below(path, field["name"].as_str().unwrap());
                    in_schema(&field["type"], &path, named, found);
                    found.insert(path);
                }
            }
            Some("array") => in_schema(&schema["items"], path, named, found),
            Some("string" | "int" | "long") => {}
            other => panic!("{path} is of a type that this test does not know: {other:?}"),
        },
    }
}

fn in_record(record: &Value, path: &str, found: &mut BTreeSet<String>) {
    match record {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = below(path, name);
                in_record(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => {
            for item in items {
                in_record(item, path, found);
            }
        }
        _ => {}
    }
}

fn below(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
