use actix_web::{HttpRequest, HttpResponse, web};

use super::views::OrderView;
use crate::application::ports::reading::OrderFilter;
use crate::application::queries::list_orders::ListOrders;
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::{self, Parameters};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::List;

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
        ("sort" = Option<String>, Query, description = "`created_at`, `updated_at` or `total`, descending with `-` before it; `-created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<OrderView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn list_orders(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = ListOrders {
        customer_id: parameters.one("customer_id", parameters::uuid),
        status: parameters.any_of("status", &parameters::ORDER_STATES),
        paging: parameters.paging::<OrderFilter>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<OrderView>::of(listing))
}
