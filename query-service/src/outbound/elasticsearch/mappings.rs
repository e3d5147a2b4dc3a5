//! What of a document Elasticsearch indexes.

use read_model::Kind;
use serde_json::{Value, json};

/// Only what queries filter, search or sort by is indexed; the rest is in `_source` alone.
pub fn mapping(kind: Kind) -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": 1024});
    let name = json!({"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 1024}}});
    let long = json!({"type": "long"});
    let date = json!({"type": "date"});
    // What is sorted by: as fine as answers show it, so that none seems out of order.
    let instant = json!({"type": "date_nanos"});
    let stored_long = json!({"type": "long", "index": false, "doc_values": false});
    let stored = json!({"type": "object", "enabled": false});
    let stored_keyword =
        json!({"type": "keyword", "index": false, "doc_values": false, "ignore_above": 1024});
    let stored_flag = json!({"type": "boolean", "index": false, "doc_values": false});
    let money = json!({"properties": {"amount": long, "currency": keyword}});
    let properties = match kind {
        Kind::Order => json!({
            "id": keyword,
            "version": long,
            "status": keyword,
            "customer_id": keyword,
            "customer_name": name,
            "customer_version": long,
            "items": {"properties": {
                "product_id": keyword,
                "product_name": {"type": "text"},
                "product_version": long,
                "quantity": stored_long,
                "unit_price": stored,
                "subtotal": stored,
            }},
            "item_count": {"type": "integer"},
            "total": money,
            "invoice_id": keyword,
            "tracking_number": keyword,
            "cancellation_reason": stored_keyword,
            "created_at": instant,
            "updated_at": instant,
            "parked": stored,
            "waits_since": date,
        }),
        Kind::Customer => json!({
            "id": keyword,
            "version": long,
            "name": name,
            "name_version": long,
            "propagated_version": long,
            "email": stored_keyword,
            "billing_address": stored,
            "delivery_address": stored,
            "own_delivery_address": stored_flag,
            "created_at": instant,
            "updated_at": instant,
            "parked": stored,
            "waits_since": date,
        }),
        Kind::Product => json!({
            "id": keyword,
            "version": long,
            "name": name,
            "name_version": long,
            "propagated_version": long,
            "unit_price": money,
            "size": stored,
            "weight_grams": stored_long,
            "discontinued": {"type": "boolean"},
            "created_at": instant,
            "updated_at": instant,
            "parked": stored,
            "waits_since": date,
        }),
        Kind::OrderHistory => json!({
            "id": keyword,
            "order_id": keyword,
            "version": long,
            "event_type": keyword,
            "occurred_at": date,
            "actor": keyword,
            "command_id": keyword,
            "causation_id": keyword,
            "correlation_id": keyword,
            "body": stored,
        }),
        Kind::Sale => json!({
            "id": keyword,
            "version": long,
            "status": keyword,
            "confirmed_on": date,
            "currency": keyword,
            "revenue": long,
            "sold": {"type": "nested", "properties": {
                "product_id": keyword,
                "quantity": long,
                "revenue": long,
                "currency": keyword,
            }},
            "lines": stored,
            "created_at": instant,
            "updated_at": instant,
            "parked": stored,
            "waits_since": date,
        }),
        Kind::Invoice => json!({
            "id": keyword,
            "version": long,
            "number": long,
            "order_id": keyword,
            "customer_id": keyword,
            "billing_address": stored,
            "lines": stored,
            "total": money,
            "issued_at": date,
            "created_at": instant,
        }),
        Kind::InvoiceAccount => json!({
            "id": keyword,
            "version": long,
            "number": long,
            "order_id": keyword,
            "customer_id": keyword,
            "total": money,
            "paid": stored,
            "status": keyword,
            "credit_note_number": stored_long,
            "issued_at": date,
            "created_at": instant,
            "updated_at": instant,
            "parked": stored,
            "waits_since": date,
        }),
        Kind::Delivery => json!({
            "id": keyword,
            "version": long,
            "order_version": long,
            "status": keyword,
            "delivery_address": stored,
            "lines": stored,
            "total_weight_grams": stored_long,
            "tracking_number": keyword,
            "created_at": instant,
            "updated_at": instant,
            "order_status": stored_keyword,
            "order_changed_at": stored,
            "told_cancelled": stored_flag,
            "told_at": stored,
            "parked": stored,
            "waits_since": date,
        }),
    };
    json!({"dynamic": "strict", "properties": properties})
}
