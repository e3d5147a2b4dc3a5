//! How far documents have got, for those who wait.

use std::collections::HashMap;

use read_model::Kind;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::ElasticsearchReader;
use super::pages::{PINNED, WHOLE, has_begun};
use crate::application::ports::StoreError;
use crate::application::ports::reading::{VersionReader, Watched};

/// 0 where the first event has not come.
#[derive(Deserialize)]
struct Version {
    #[serde(default, alias = "propagated_version", alias = "order_version")]
    version: u64,
}

impl VersionReader for ElasticsearchReader {
    async fn visible_version(&self, watched: Watched) -> Result<Option<u64>, StoreError> {
        let (kind, id, field) = match watched {
            Watched::Document(kind, id) => (kind, id, version_field(kind)),
            Watched::Names(kind, id) => (kind, id, "propagated_version"),
        };
        let path = format!("/{}/_source/{id}", self.alias(kind));
        let (status, answer) = self.http.get(&path, &[("_source_includes", field)]).await?;
        match status {
            200..=299 => answer.parse::<Version>().map(|found| Some(found.version)),
            404 if answer.is_missing_document() => Ok(None),
            _ => Err(answer.refusal(status)),
        }
    }

    async fn searchable_versions(&self, kind: Kind, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        let field = version_field(kind);
        let body = json!({
            "size": ids.len(),
            "_source": false,
            "track_total_hits": false,
            "docvalue_fields": [field],
            // What has not begun is not shown, whatever else is known of it.
            "query": {"bool": {"filter": [{"ids": {"values": ids}}, has_begun()]}},
        });
        let path = format!("/{}/_search", self.alias(kind));
        let filter_path = format!("hits.hits._id,hits.hits.fields.{field}");
        let answer = self
            .http
            .post(&path, &[WHOLE, PINNED, ("filter_path", &filter_path)], &body)
            .await?;
        let answer: VersionsAnswer = answer.parse()?;
        let found: HashMap<Uuid, u64> = answer
            .hits
            .hits
            .into_iter()
            .filter_map(|hit| Some((hit.id, *hit.fields.values().next()?.first()?)))
            .collect();
        Ok(ids.iter().map(|id| found.get(id).copied()).collect())
    }
}

/// What a consistency token's version is compared with.
fn version_field(kind: Kind) -> &'static str {
    match kind {
        // The order's; of what delivery was told nobody has a token.
        Kind::Delivery => "order_version",
        _ => "version",
    }
}

#[derive(Deserialize)]
struct VersionsAnswer {
    #[serde(default)]
    hits: VersionHits,
}

#[derive(Default, Deserialize)]
struct VersionHits {
    #[serde(default)]
    hits: Vec<VersionHit>,
}

#[derive(Deserialize)]
struct VersionHit {
    #[serde(rename = "_id")]
    id: Uuid,
    /// The one field that was asked for.
    #[serde(default)]
    fields: HashMap<String, Vec<u64>>,
}
