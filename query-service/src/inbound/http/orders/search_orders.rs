use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::OrderView;
use crate::application::ports::{Facets, OrderHit};
use crate::application::queries::search_orders::{SearchOrders, SearchText};
use crate::inbound::http::parameters::{self, Parameters};
use crate::inbound::http::problem::{Problem, ProblemBody};
use crate::inbound::http::query_api::{QueryApi, page};

#[derive(Debug, Serialize, ToSchema)]
pub struct OrderSearch {
    pub items: Vec<FoundOrder>,
    /// On all pages together.
    pub total: u64,
    /// Null on the last page.
    pub next_cursor: Option<String>,
    /// Over all pages together.
    pub facets: OrderFacets,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FoundOrder {
    #[serde(flatten)]
    pub order: OrderView,
    /// Field name to fragments of HTML, the matches in `<em>`; everything else in them is escaped.
    pub highlights: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OrderFacets {
    pub status: Vec<Count>,
    /// Of creation, in UTC; the newest first.
    pub month: Vec<Count>,
    /// The ten with the most orders found.
    pub customer: Vec<LabelledCount>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FacetCount)]
pub struct Count {
    #[schema(example = "2026-01")]
    pub value: String,
    pub count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LabelledFacetCount)]
pub struct LabelledCount {
    /// The customer's id.
    pub value: String,
    /// The customer's name.
    pub label: String,
    pub count: u64,
}

impl From<OrderHit> for FoundOrder {
    fn from(hit: OrderHit) -> Self {
        Self {
            order: hit.order.into(),
            highlights: hit.highlights,
        }
    }
}

impl From<Facets> for OrderFacets {
    fn from(facets: Facets) -> Self {
        let counts = |facet: Vec<(String, u64)>| {
            facet
                .into_iter()
                .map(|(value, count)| Count { value, count })
                .collect()
        };
        Self {
            status: counts(facets.status),
            month: counts(facets.month),
            customer: facets
                .customer
                .into_iter()
                .map(|(value, label, count)| LabelledCount { value, label, count })
                .collect(),
        }
    }
}

/// Orders found by words, with facets and highlights.
///
/// Every word of `q` must be in the customer's or a product's name, with tolerance for typing errors (one in a word of 3
/// to 5 letters, two in a longer one); the last word may be the beginning of one. A UUID matches ids exactly. There is no query
/// syntax.
#[utoipa::path(
    get,
    path = "/v1/orders/search",
    tag = "orders",
    params(
        ("q" = Option<String>, Query, max_length = 256, description = "At most 16 words and 256 characters; all orders if absent."),
        ("date_from" = Option<String>, Query, description = "Created at or after this time (RFC 3339) or day (UTC)."),
        ("date_to" = Option<String>, Query, description = "Created before this time (RFC 3339) or day (UTC)."),
        ("customer_id" = Option<Uuid>, Query, description = "Of this customer only."),
        ("status" = Option<String>, Query, description = "In any of these states, separated by commas or repeated."),
        ("limit" = Option<u8>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 if absent."),
        ("offset" = Option<u16>, Query, maximum = 9999, description = "Items before the page; with `limit` at most 10,000. Further on, use `cursor`."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters and sort."),
        ("sort" = Option<String>, Query, description = "`created_at`, `updated_at` or `total`, descending with `-` before it; `-created_at` if absent."),
        ("Consistency-Token" = Option<String>, Header, description = "From a command's answer: wait until the answer includes that version of that aggregate."),
        ("Prefer" = Option<String>, Header, description = "`wait=<seconds>`: how long to wait for the token; 2 if absent, 30 at most."),
    ),
    responses(
        (status = 200, description = "A page.", body = OrderSearch, headers(
            ("Projection-Lag" = f64, description = "Seconds by which the projection is behind; absent while that is not known."),
        )),
        (status = 400, description = "`invalid-parameter`, `forged-cursor`, `malformed-token`, `malformed-header`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 405, description = "`method-not-allowed`, with `Allow`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 431, description = "`head-too-large`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "`internal-error`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`not-yet-visible`, `overloaded`, `unavailable`, `deadline-exceeded`, with `Retry-After`.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn search_orders(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = SearchOrders {
        text: parameters.one("q", SearchText::parse).flatten(),
        customer_id: parameters.one("customer_id", parameters::uuid),
        status: parameters.status(),
        created_from: parameters.one("date_from", parameters::moment),
        created_to: parameters.one("date_to", parameters::moment),
        paging: parameters.paging(),
    };
    parameters.finish()?;
    let found = api.ask(&request, &query).await?;
    page(
        &request,
        &OrderSearch {
            items: found.hits.into_iter().map(FoundOrder::from).collect(),
            total: found.total,
            next_cursor: found.next_cursor,
            facets: found.facets.into(),
        },
    )
}
