//! What is asked of Elasticsearch for a page. The user's words only ever become values of `match` and `term` clauses,
//! never a query string.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::application::ports::{PageRequest, PageStart, SortField};
use crate::outbound::words::MIN_PREFIX;

/// Where words are looked for.
const TEXT_FIELDS: [&str; 2] = ["customer_name", "items.product_name"];
/// Where ids are.
const ID_FIELDS: [&str; 3] = ["id", "customer_id", "items.product_id"];
/// Terms that a tolerant or unfinished word may stand for.
const MAX_EXPANSIONS: u32 = 50;
/// Customers in the facet.
const CUSTOMERS: u32 = 10;

pub(super) fn of(request: &PageRequest) -> Value {
    let mut body = json!({
        "size": request.limit,
        "track_total_hits": true,
        "_source": source(request),
        "query": {"bool": {"filter": filters(request)}},
        "sort": sort(request),
    });
    match &request.start {
        PageStart::Offset(0) => {}
        PageStart::Offset(offset) => body["from"] = json!(offset),
        PageStart::After(values) => body["search_after"] = json!(values),
    }
    if request.with_facets {
        body["aggs"] = json!({
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
        });
    }
    body
}

/// What an order's summary needs, and for marking what was found the lines' names.
fn source(request: &PageRequest) -> Value {
    let excluded = match request.text {
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

fn filters(request: &PageRequest) -> Vec<Value> {
    // Version 0: only a later part of the order has arrived.
    let mut filters = vec![json!({"range": {"version": {"gte": 1}}})];
    if let Some(customer_id) = request.customer_id {
        filters.push(json!({"term": {"customer_id": customer_id}}));
    }
    if !request.status.is_empty() {
        filters.push(json!({"terms": {"status": request.status}}));
    }
    let mut created = serde_json::Map::new();
    if let Some(from) = request.created_from {
        created.insert("gte".to_owned(), json!(from));
    }
    if let Some(to) = request.created_to {
        created.insert("lt".to_owned(), json!(to));
    }
    if !created.is_empty() {
        filters.push(json!({"range": {"created_at": created}}));
    }
    if let Some(text) = &request.text {
        let words: Vec<&str> = text.split(' ').collect();
        let alone = words.len() == 1;
        filters.extend(words.iter().enumerate().map(|(place, word)| {
            let last = place + 1 == words.len();
            one_of(&clauses(word, last, alone))
        }));
    }
    filters
}

fn one_of(clauses: &[Value]) -> Value {
    json!({"bool": {"should": clauses, "minimum_should_match": 1}})
}

fn clauses(word: &str, last: bool, alone: bool) -> Vec<Value> {
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
    if last && word.chars().count() >= MIN_PREFIX {
        clauses.extend(TEXT_FIELDS.map(|field| {
            json!({"match_bool_prefix": {field: {
                "query": word,
                "operator": "and",
                "max_expansions": MAX_EXPANSIONS,
            }}})
        }));
    }
    clauses
}

/// Ends with the id, so that no two orders stand at the same place.
fn sort(request: &PageRequest) -> Value {
    let direction = if request.descending { "desc" } else { "asc" };
    let field = match request.sort {
        SortField::CreatedAt => "created_at",
        SortField::UpdatedAt => "updated_at",
        SortField::Total => "total.amount",
    };
    json!([{field: {"order": direction, "missing": "_last"}}, {"id": direction}])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(text: &str) -> PageRequest {
        PageRequest {
            text: Some(text.to_owned()),
            customer_id: None,
            status: Vec::new(),
            created_from: None,
            created_to: None,
            sort: SortField::CreatedAt,
            descending: true,
            limit: 20,
            start: PageStart::Offset(0),
            with_facets: true,
            pinned: false,
        }
    }

    /// The body with everything taken out that is a word's value.
    fn shape(mut body: Value) -> Value {
        fn strip(value: &mut Value) {
            match value {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        if name == "query" && value.is_string() {
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
            prop_assert_eq!(shape(of(&request(&word))), shape(of(&request("harmless"))));
        }
    }

    #[test]
    fn a_uuid_is_matched_exactly() {
        let id = "0190b5a0-0000-7000-8000-000000000001";
        let body = of(&request(id)).to_string();
        assert!(!body.contains("fuzziness"));
        assert!(body.contains(&format!(r#"{{"term":{{"items.product_id":"{id}"}}}}"#)));
    }
}
