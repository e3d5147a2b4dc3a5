//! What is asked of Elasticsearch for orders. The user's words only ever become values of `match`, `term` and `prefix`
//! clauses, never a query string.

use serde_json::{Value, json};
use uuid::Uuid;

use super::pages::has_begun;
use crate::application::ports::reading::OrderFilter;
use crate::outbound::words::MIN_PREFIX;

/// Where words are looked for.
const TEXT_FIELDS: [&str; 2] = ["customer_name", "items.product_name"];
/// Where ids are.
const ID_FIELDS: [&str; 3] = ["id", "customer_id", "items.product_id"];
const TRACKING_NUMBER: &str = "tracking_number";
/// Terms that a tolerant or unfinished word may stand for.
const MAX_EXPANSIONS: u32 = 50;
/// Customers in the facet.
const CUSTOMERS: u32 = 10;

pub(super) fn facets() -> Value {
    json!({
        "status": {"terms": {"field": "status", "size": 10}},
        "month": {"date_histogram": {
            "field": "created_at",
            "calendar_interval": "month",
            "format": "yyyy-MM",
            "min_doc_count": 1,
            "order": {"_key": "desc"},
        }},
        "customer": {
            "terms": {"field": "customer_id", "size": CUSTOMERS},
            // While a renaming is under way there are two: the one that more orders show.
            "aggs": {"name": {"terms": {"field": "customer_name.raw", "size": 1}}},
        },
    })
}

/// What an order's summary needs, and for marking what was found the lines' names.
pub(super) fn source(filter: &OrderFilter) -> Value {
    let excluded = match filter.text {
        None => ["items", "parked"].as_slice(),
        Some(_) => &[
            "items.product_id",
            "items.product_version",
            "items.quantity",
            "items.unit_price",
            "items.subtotal",
            "parked",
        ],
    };
    json!({"excludes": excluded})
}

pub(super) fn clauses(filter: &OrderFilter) -> Vec<Value> {
    let mut clauses = vec![has_begun()];
    if let Some(customer_id) = filter.customer_id {
        clauses.push(json!({"term": {"customer_id": customer_id}}));
    }
    if !filter.status.is_empty() {
        clauses.push(json!({"terms": {"status": filter.status}}));
    }
    let mut created = serde_json::Map::new();
    if let Some(from) = filter.created_from {
        created.insert("gte".to_owned(), json!(from));
    }
    if let Some(to) = filter.created_to {
        created.insert("lt".to_owned(), json!(to));
    }
    if !created.is_empty() {
        clauses.push(json!({"range": {"created_at": created}}));
    }
    if let Some(text) = &filter.text {
        clauses.push(words(text));
    }
    clauses
}

/// Every word is found; or all of them together are a tracking number.
fn words(text: &str) -> Value {
    let words: Vec<&str> = text.split(' ').collect();
    let alone = words.len() == 1;
    let each: Vec<Value> = words
        .iter()
        .enumerate()
        .map(|(place, word)| {
            let last = place + 1 == words.len();
            one_of(&word_clauses(word, last, alone))
        })
        .collect();
    match alone {
        true => json!({"bool": {"filter": each}}),
        false => one_of(&[json!({"bool": {"filter": each}}), tracking_number(text)]),
    }
}

fn one_of(clauses: &[Value]) -> Value {
    json!({"bool": {"should": clauses, "minimum_should_match": 1}})
}

fn tracking_number(text: &str) -> Value {
    json!({"term": {TRACKING_NUMBER: {"value": text, "case_insensitive": true}}})
}

fn word_clauses(word: &str, last: bool, alone: bool) -> Vec<Value> {
    if let Some(id) = (word.len() == 36).then(|| word.parse::<Uuid>().ok()).flatten() {
        return ID_FIELDS.map(|field| json!({"term": {field: id}})).to_vec();
    }
    let tolerant = TEXT_FIELDS.map(|field| {
        json!({"match": {field: {
            "query": word,
            "operator": "and",
            "fuzziness": "AUTO",
            "max_expansions": MAX_EXPANSIONS,
            // Punctuation between words asks for nothing; alone it finds nothing.
            "zero_terms_query": if alone { "none" } else { "all" },
        }}})
    });
    let mut clauses = tolerant.to_vec();
    clauses.push(tracking_number(word));
    if last && word.chars().count() >= MIN_PREFIX {
        clauses.extend(TEXT_FIELDS.map(|field| {
            json!({"match_bool_prefix": {field: {
                "query": word,
                "operator": "and",
                "max_expansions": MAX_EXPANSIONS,
            }}})
        }));
        clauses.push(json!({"prefix": {TRACKING_NUMBER: {"value": word, "case_insensitive": true}}}));
    }
    clauses
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(text: &str) -> Value {
        json!({"query": clauses(&OrderFilter {
            text: Some(text.to_owned()),
            ..OrderFilter::default()
        })})
    }

    /// With everything taken out that is a word's value.
    fn shape(mut body: Value) -> Value {
        fn strip(value: &mut Value) {
            match value {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        if ["query", "value"].contains(&name.as_str()) && value.is_string() {
                            *value = Value::Null;
                        }
                        strip(value);
                    }
                }
                Value::Array(items) => items.iter_mut().for_each(strip),
                _ => {}
            }
        }
        strip(&mut body);
        body
    }

    proptest! {
        #[test]
        fn a_word_is_a_value_and_never_syntax(word in "[^ ]{3,35}") {
            prop_assert_eq!(shape(asked(&word)), shape(asked("harmless")));
        }
    }

    #[test]
    fn a_uuid_is_matched_exactly() {
        let id = "0190b5a0-0000-7000-8000-000000000001";
        let body = asked(id).to_string();
        assert!(!body.contains("fuzziness"));
        assert!(body.contains(&format!(r#"{{"term":{{"items.product_id":"{id}"}}}}"#)));
    }
}
