use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::OrderView;
use crate::application::ports::reading::{Facets, OrderFilter, OrderHit};
use crate::application::queries::search_orders::{SearchOrders, SearchText};
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::{self, Parameters};
use crate::inbound::http::problem::Problem;
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
/// to 5 letters, two in a longer one); the last word may be the beginning of one. A tracking number is found by itself or,
/// as the last word, its beginning; a UUID matches ids exactly. There is no query syntax.
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
        ("sort" = Option<String>, Query, description = "`created_at`, `updated_at` or `total`, descending with `-` before it; `-created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = OrderSearch, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn search_orders(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = SearchOrders {
        text: parameters.one("q", SearchText::parse).flatten(),
        customer_id: parameters.one("customer_id", parameters::uuid),
        status: parameters.any_of("status", &parameters::ORDER_STATES),
        created_from: parameters.one("date_from", parameters::moment),
        created_to: parameters.one("date_to", parameters::moment),
        paging: parameters.paging::<OrderFilter>(),
    };
    parameters.finish()?;
    let found = api.ask(&request, &query).await?;
    page(
        &request,
        &OrderSearch {
            items: found.items.into_iter().map(FoundOrder::from).collect(),
            total: found.total,
            next_cursor: found.next_cursor,
            facets: found.facets.unwrap_or_default().into(),
        },
    )
}
