//! Every document equals an independent fold of the event store.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::fold::{entry, normalised, without_nulls};
use crate::history::{History, Shown};
use crate::report::Verdict;
use crate::telling;

/// What the query service shows of each kind, and how one is named in its body.
const KINDS: [&str; 11] = [
    "orders",
    "customers",
    "products",
    "invoices",
    "deliveries",
    "order-history",
    "sales-daily",
    "sales-products",
    "sales-status",
    "order-list",
    "search",
];

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let mut kinds: HashMap<&str, Vec<&Shown>> = HashMap::new();
    for shown in &history.answers {
        kinds.entry(&shown.kind).or_default().push(shown);
    }
    if let Some(unknown) = kinds.keys().find(|kind| !KINDS.contains(kind)) {
        let seen = format!("answers of {unknown}, which nothing is known of");
        verdict.violate("every answer can be compared", seen, [] as [String; 0]);
    }
    // Also those without any answer: what is expected of them is not shown.
    for kind in KINDS {
        let answers = kinds.remove(kind).unwrap_or_default();
        compare(&mut verdict, context, kind, &answers);
    }
    verdict
}

fn compare(verdict: &mut Verdict, context: &Context<'_>, kind: &str, answers: &[&Shown]) {
    let mut missing = expected(verdict, context, kind);
    // Found by what they say, which is not all there is; shown once or more.
    let all = kind != "search";
    let mut seen: HashMap<String, &Value> = HashMap::new();
    for shown in answers {
        let Some(name) = name(kind, shown) else {
            continue;
        };
        verdict.compare();
        let found = as_compared(kind, &shown.body);
        let known = match all {
            true => missing.remove(&name),
            false => missing.get(&name).cloned(),
        };
        match known {
            Some(expected) if found.as_ref() == Ok(&without_nulls(expected.clone())) => {}
            Some(expected) => differ(verdict, context, kind, &name, (&expected, found)),
            None if seen.contains_key(&name) => verdict.violate(
                "every document is shown once",
                format!("{kind} {name} is shown twice"),
                [format!("{}", shown.body), format!("{}", seen[&name])],
            ),
            None => verdict.violate(
                "every document equals the fold of its events",
                format!("{kind} {name} is shown, and no event tells of it"),
                [shown.body.to_string()],
            ),
        }
        seen.insert(name, &shown.body);
    }
    if all {
        for (name, expected) in missing {
            verdict.compare();
            verdict.violate(
                "every document equals the fold of its events",
                format!("{kind} {name} is not shown"),
                [format!("expected {expected}")]
                    .into_iter()
                    .chain(events(context, kind, &name)),
            );
        }
    }
}

fn differ(
    verdict: &mut Verdict,
    context: &Context<'_>,
    kind: &str,
    name: &str,
    (expected, found): (&Value, Result<Value, String>),
) {
    let (seen, mut entries) = match found {
        Ok(found) => {
            let expected = without_nulls(expected.clone());
            let at = difference(&expected, &found, "");
            (
                format!("{kind} {name} differs at {at}"),
                vec![format!("expected {expected}"), format!("found    {found}")],
            )
        }
        Err(why) => (format!("{kind} {name} cannot be compared: {why}"), vec![]),
    };
    entries.extend(events(context, kind, name));
    verdict.violate("every document equals the fold of its events", seen, entries);
}

/// The events that a document is of.
fn events<'a>(context: &'a Context<'_>, kind: &str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let aggregate = match kind {
        "orders" | "order-history" | "order-list" | "search" | "deliveries" => "order",
        "customers" => "customer",
        "products" => "product",
        "invoices" => "invoice",
        _ => "",
    };
    let stream = name.parse().unwrap_or(Uuid::nil());
    let events = context.stream(aggregate, stream).iter();
    events.map(|stood| telling::event(stood.event))
}

/// Where two differ first, as a JSON pointer.
fn difference(expected: &Value, found: &Value, at: &str) -> String {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let mut names = expected.keys().chain(found.keys());
            let name = names.find(|name| expected.get(*name) != found.get(*name));
            name.map_or(at.to_owned(), |name| {
                let null = Value::Null;
                let (expected, found) = (expected.get(name), found.get(name));
                difference(
                    expected.unwrap_or(&null),
                    found.unwrap_or(&null),
                    &format!("{at}/{name}"),
                )
            })
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut both = expected.iter().zip(found).enumerate();
            both.find(|(_, (expected, found))| expected != found)
                .map_or(at.to_owned(), |(number, (expected, found))| {
                    difference(expected, found, &format!("{at}/{number}"))
                })
        }
        _ => format!("{at}: {expected} became {found}"),
    }
}

/// In the terms of the fold. Sales tell what they are of; `None` of a line of theirs that counts nothing.
fn name(kind: &str, shown: &Shown) -> Option<String> {
    let key = match kind {
        "sales-daily" => "date",
        "sales-products" => "product_id",
        "sales-status" => "status",
        _ => return Some(shown.id.clone()),
    };
    if shown.body["count"] == 0 {
        return None;
    }
    let of = shown.body[key].as_str().unwrap_or(&shown.id);
    Some(match shown.body["revenue"]["currency"].as_str() {
        Some(currency) => format!("{of} {currency}"),
        None => of.to_owned(),
    })
}

fn as_compared(kind: &str, body: &Value) -> Result<Value, String> {
    let mut body = body.clone();
    match kind {
        "search" => {
            if let Some(fields) = body.as_object_mut() {
                fields.remove("highlights");
            }
        }
        "order-history" if body["items"].is_array() => body = body["items"].take(),
        _ => {}
    }
    let body = normalised(body).map_err(|error| format!("{error:#}"))?;
    Ok(without_nulls(body))
}

/// Every document of the kind, by its name.
fn expected(verdict: &mut Verdict, context: &Context<'_>, kind: &str) -> BTreeMap<String, Value> {
    fn named(all: BTreeMap<Uuid, Value>) -> BTreeMap<String, Value> {
        all.into_iter()
            .map(|(id, value)| (id.to_string(), value))
            .collect()
    }
    let expected = &context.expected;
    match kind {
        "orders" => expected
            .order_ids()
            .filter_map(|id| Some((id.to_string(), expected.order(id)?)))
            .collect(),
        "order-list" | "search" => named(expected.order_summaries()),
        "customers" => named(expected.customers()),
        "products" => named(expected.products()),
        "invoices" => named(expected.invoices()),
        "deliveries" => {
            let mut all = BTreeMap::new();
            for (id, delivery) in expected.each_delivery() {
                match delivery {
                    Ok(delivery) => _ = all.insert(id.to_string(), delivery),
                    Err(error) => {
                        let entries = events(context, kind, &id.to_string());
                        verdict.violate(
                            "delivery is told what becomes of orders",
                            error.to_string(),
                            entries,
                        );
                    }
                }
            }
            all
        }
        "order-history" => context
            .streams()
            .filter(|((aggregate, _), _)| *aggregate == "order")
            .map(|((_, id), events)| {
                let entries = events
                    .iter()
                    .filter_map(|stood| Some(entry(stood.event, stood.says.as_ref()?)));
                (id.to_string(), json!(entries.collect::<Vec<_>>()))
            })
            .collect(),
        "sales-daily" => expected.sales_daily(),
        "sales-products" => expected.sales_products(),
        "sales-status" => expected.sales_status(),
        _ => BTreeMap::new(),
    }
}
