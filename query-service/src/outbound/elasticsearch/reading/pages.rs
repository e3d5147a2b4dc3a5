//! Pages of any list: the query, the sort, and the view that is read.

use std::time::Duration;

use read_model::Kind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ElasticsearchReader;
use super::http::Refusal;
use crate::application::ports::StoreError;
use crate::application::ports::reading::{
    Facets, Filter, Hit, Page, PageError, PageReader, PageRequest, PageStart, PointInTime, SortField, View,
};

/// Searches with this preference read the same copy of each shard, as long as the cluster does not change.
pub(super) const PINNED: (&str, &str) = ("preference", "consistent");
/// A part of the result is no answer.
pub(super) const WHOLE: (&str, &str) = ("allow_partial_search_results", "false");

/// A filter, as Elasticsearch is asked for it.
pub(super) trait Searched: Filter {
    const KIND: Kind;
    /// What is read of each document.
    type Source: DeserializeOwned + Send;

    /// The clauses that all hold.
    fn clauses(&self) -> Vec<Value>;

    /// The fields of [`Searched::Source`], as `_source` takes them.
    fn source(&self) -> Value {
        json!({"excludes": ["parked"]})
    }

    fn sort_field(field: SortField) -> &'static str {
        field.as_str()
    }

    /// Ends every order, so that no two stand at the same place.
    fn tie_breaker() -> &'static str {
        "id"
    }

    /// What becomes [`Page::facets`].
    fn aggregations(&self) -> Option<Value> {
        None
    }

    fn facets(_: Option<Value>) -> Result<Option<Facets>, serde_json::Error> {
        Ok(None)
    }

    fn items(&self, sources: Vec<Self::Source>) -> Vec<Self::Item>;
}

/// What only waits for its first event is not shown.
pub(super) fn has_begun() -> Value {
    json!({"range": {"version": {"gte": 1}}})
}

impl<F: Searched> PageReader<F> for ElasticsearchReader {
    async fn page(&self, request: PageRequest<F>) -> Result<Page<F::Item>, PageError> {
        let mut body = body(&request);
        let fields = "pit_id,hits.total.value,hits.hits._source,hits.hits.sort,aggregations";
        let parameters = [WHOLE, ("filter_path", fields), PINNED];
        let alias = format!("/{}/_search", self.alias(F::KIND));
        let (path, parameters) = match &request.view {
            View::Any => (alias.as_str(), &parameters[..2]),
            View::Pinned => (alias.as_str(), &parameters[..]),
            View::Point(point) => {
                body["pit"] = json!({"id": point.0, "keep_alive": self.keep_alive()});
                // It knows its index and its copies.
                ("/_search", &parameters[..2])
            }
        };
        let answer = self.http.post(path, parameters, &body).await;
        let answer = answer.map_err(|refusal| match (refusal, &request.view) {
            (Refusal::NotFound(_), View::Point(_)) => PageError::PointGone,
            (refusal, _) => PageError::Store(refusal.into()),
        })?;
        let answer: SearchAnswer<F::Source> = answer.parse()?;
        let places = body["sort"].as_array().map_or(0, Vec::len);
        let (sources, sort_values): (Vec<_>, Vec<_>) = answer
            .hits
            .hits
            .into_iter()
            .map(|mut hit| {
                // A point in time may add one of its own.
                hit.sort.truncate(places);
                (hit.source, hit.sort)
            })
            .unzip();
        let facets = F::facets(answer.aggregations).map_err(|error| StoreError::Failed(error.into()))?;
        Ok(Page {
            hits: request
                .filter
                .items(sources)
                .into_iter()
                .zip(sort_values)
                .map(|(item, sort_values)| Hit { item, sort_values })
                .collect(),
            total: answer.hits.total.value,
            facets: facets.filter(|_| body.get("aggs").is_some()),
            point: answer.pit_id.map(PointInTime),
        })
    }

    async fn open_point(&self) -> Result<PointInTime, StoreError> {
        #[derive(Deserialize)]
        struct Opened {
            id: String,
        }
        let path = format!("/{}/_pit", self.alias(F::KIND));
        let keep_alive = self.keep_alive();
        let parameters = [("keep_alive", keep_alive.as_str()), PINNED];
        let answer = self.http.post(&path, &parameters, &Value::Null).await?;
        Ok(PointInTime(answer.parse::<Opened>()?.id))
    }

    async fn close_point(&self, point: PointInTime) -> Result<(), StoreError> {
        self.http.delete("/_pit", &json!({"id": point.0})).await?;
        Ok(())
    }
}

impl ElasticsearchReader {
    fn keep_alive(&self) -> String {
        format!(
            "{}ms",
            self.point_keep_alive.max(Duration::from_millis(1)).as_millis()
        )
    }
}

pub(super) fn body<F: Searched>(request: &PageRequest<F>) -> Value {
    let direction = if request.sort.descending { "desc" } else { "asc" };
    let mut body = json!({
        "size": request.limit,
        "track_total_hits": true,
        "_source": request.filter.source(),
        "query": {"bool": {"filter": request.filter.clauses()}},
        "sort": [
            {F::sort_field(request.sort.field): {"order": direction, "missing": "_last"}},
            {F::tie_breaker(): direction},
        ],
    });
    match &request.start {
        PageStart::Offset(0) => {}
        PageStart::Offset(offset) => body["from"] = json!(offset),
        PageStart::After(values) => body["search_after"] = json!(values),
    }
    if let Some(aggregations) = request.filter.aggregations() {
        body["aggs"] = aggregations;
    }
    body
}

#[derive(Deserialize)]
struct SearchAnswer<S> {
    hits: Hits<S>,
    aggregations: Option<Value>,
    pit_id: Option<String>,
}

#[derive(Deserialize)]
struct Hits<S> {
    total: Total,
    /// Left out by the filter when there is none.
    #[serde(default = "Vec::new")]
    hits: Vec<SearchHit<S>>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct SearchHit<S> {
    #[serde(rename = "_source")]
    source: S,
    #[serde(default)]
    sort: Vec<Value>,
}
