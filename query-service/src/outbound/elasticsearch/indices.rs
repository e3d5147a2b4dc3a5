//! Indices, aliases and mappings.
//!
//! Each kind has a concrete index with the mapping's version in its name, and two aliases on it: one that queries read,
//! which a rebuild moves to the next index, and one that the projector of this build reads and writes, which stays.
//! `require_alias` on writes keeps Elasticsearch from making a missing index with a guessed mapping.

use elasticsearch::Elasticsearch;
use elasticsearch::http::StatusCode;
use elasticsearch::indices::{IndicesCreateParts, IndicesExistsAliasParts, IndicesExistsParts};
use read_model::Kind;
use serde_json::{Value, json};

use super::client::ElasticsearchSettings;
pub use super::mappings::mapping;

/// What queries read, such as `orders`.
pub fn alias(prefix: &str, kind: Kind) -> String {
    format!("{prefix}{}", kind.name())
}

/// Where the documents are, such as `orders-v3`.
pub fn index(prefix: &str, kind: Kind) -> String {
    format!("{prefix}{}-v{}", kind.name(), MAPPING_VERSION)
}

/// What the projector reads and writes, such as `orders-v3-projected`.
pub fn projected_alias(prefix: &str, kind: Kind) -> String {
    format!("{}-projected", index(prefix, kind))
}

/// Raise it with any change of [`mapping`]: an index that exists keeps its own.
const MAPPING_VERSION: u32 = 3;

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("Elasticsearch cannot be reached")]
    Unreachable(#[source] elasticsearch::Error),
    #[error("Elasticsearch refused to create the index {index} with status {status}: {answer}")]
    Refused {
        index: String,
        status: u16,
        answer: String,
    },
}

/// Creates the indices that are not there yet. Queries are pointed to one only if they read none: an empty index beside an
/// earlier one would make their answers wrong. Safe to run by several at once, and again.
pub async fn create(client: &Elasticsearch, settings: &ElasticsearchSettings) -> Result<(), SetupError> {
    for kind in Kind::ALL {
        let index = index(&settings.index_prefix, kind);
        let exists = client
            .indices()
            .exists(IndicesExistsParts::Index(&[&index]))
            .send()
            .await
            .map_err(SetupError::Unreachable)?;
        if exists.status_code().is_success() {
            continue;
        }
        let alias = alias(&settings.index_prefix, kind);
        let read = client
            .indices()
            .exists_alias(IndicesExistsAliasParts::Name(&[&alias]))
            .send()
            .await
            .map_err(SetupError::Unreachable)?;
        let read_elsewhere = read.status_code().is_success();
        if read_elsewhere {
            tracing::warn!(
                index,
                alias,
                "queries go on reading the index of an earlier mapping"
            );
        }
        let created = client
            .indices()
            .create(IndicesCreateParts::Index(&index))
            .body(definition(settings, kind, read_elsewhere))
            .send()
            .await
            .map_err(SetupError::Unreachable)?;
        let status = created.status_code();
        if status.is_success() {
            tracing::info!(index, "index created");
            continue;
        }
        let answer = created.text().await.map_err(SetupError::Unreachable)?;
        // Another setup was faster.
        if status == StatusCode::BAD_REQUEST && answer.contains("\"resource_already_exists_exception\"") {
            continue;
        }
        return Err(SetupError::Refused {
            index,
            status: status.as_u16(),
            answer,
        });
    }
    Ok(())
}

fn definition(settings: &ElasticsearchSettings, kind: Kind, read_elsewhere: bool) -> Value {
    let prefix = &settings.index_prefix;
    let aliases = match read_elsewhere {
        true => json!({ projected_alias(prefix, kind): {} }),
        false => json!({ projected_alias(prefix, kind): {}, alias(prefix, kind): {} }),
    };
    json!({
        "settings": {
            "number_of_shards": settings.shards,
            "number_of_replicas": settings.replicas,
            // Stated, because an index without searches would otherwise stop refreshing when it is idle.
            "refresh_interval": format!("{}ms", settings.refresh_interval.as_millis()),
        },
        "mappings": mapping(kind),
        "aliases": aliases,
    })
}
