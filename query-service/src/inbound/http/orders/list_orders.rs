use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::OrderView;
use crate::application::queries::list_orders::ListOrders;
use crate::inbound::http::parameters::{self, Parameters};
use crate::inbound::http::problem::{Problem, ProblemBody};
use crate::inbound::http::query_api::{QueryApi, page};

#[derive(Debug, Serialize, ToSchema)]
pub struct OrderList {
    pub items: Vec<OrderView>,
    /// On all pages together.
    pub total: u64,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// Orders, page by page.
///
/// As of the last refresh, a few hundred milliseconds ago at most; with a token as of that version at least.
#[utoipa::path(
    get,
    path = "/v1/orders",
    tag = "orders",
    params(
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
        (status = 200, description = "A page.", body = OrderList, headers(
            ("Projection-Lag" = f64, description = "Seconds by which the projection is behind; absent while that is not known."),
        )),
        (status = 400, description = "`invalid-parameter`, `forged-cursor`, `malformed-token`, `malformed-header`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 405, description = "`method-not-allowed`, with `Allow`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 431, description = "`head-too-large`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "`internal-error`.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`not-yet-visible`, `overloaded`, `unavailable`, `deadline-exceeded`, with `Retry-After`.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_orders(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = ListOrders {
        customer_id: parameters.one("customer_id", parameters::uuid),
        status: parameters.status(),
        paging: parameters.paging(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(
        &request,
        &OrderList {
            items: listing.orders.into_iter().map(OrderView::from).collect(),
            total: listing.total,
            next_cursor: listing.next_cursor,
        },
    )
}
