//! What the indices of each kind are like: one versioned template for each mapping, of which every generation is made.

use read_model::Kind;
use serde_json::{Value, json};

use super::client::ElasticsearchSettings;
use super::mappings::mapping;
use super::naming::Naming;

/// Raise it with any change of `mapping`: an index that exists keeps its own.
pub fn mapping_version(kind: Kind) -> u32 {
    match kind {
        Kind::Customer
        | Kind::Product
        | Kind::Order
        | Kind::OrderHistory
        | Kind::Sale
        | Kind::Invoice
        | Kind::InvoiceAccount
        | Kind::Delivery => 4,
    }
}

/// The index template of which this build's generations are made.
pub fn template(settings: &ElasticsearchSettings, kind: Kind) -> Value {
    let mapping_version = mapping_version(kind);
    json!({
        "index_patterns": [Naming::of(settings).pattern(kind, mapping_version)],
        // Above the templates that Elasticsearch brings along.
        "priority": 500,
        "version": mapping_version,
        "template": {
            "settings": {
                "number_of_shards": settings.shards,
                "number_of_replicas": settings.replicas,
                // Stated, because an index without searches would otherwise stop refreshing when it is idle.
                "refresh_interval": format!("{}ms", settings.refresh_interval.as_millis()),
            },
            "mappings": mapping(kind),
        },
    })
}
