use actix_web::{HttpRequest, HttpResponse, web};
use read_model::DeliveryStatus;

use super::views::DeliveryView;
use crate::application::ports::reading::DeliveryFilter;
use crate::application::queries::list_deliveries::ListDeliveries;
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::Parameters;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::List;

const STATES: [(&str, DeliveryStatus); 4] = [
    ("requested", DeliveryStatus::Requested),
    ("shipped", DeliveryStatus::Shipped),
    ("delivered", DeliveryStatus::Delivered),
    ("cancelled", DeliveryStatus::Cancelled),
];

/// Deliveries, page by page.
///
/// As of the last refresh, a few hundred milliseconds ago at most; with a token as of that version at least.
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    tag = "deliveries",
    params(
        ("status" = Option<String>, Query, description = "In any of these states, separated by commas or repeated: `requested`, `shipped`, `delivered`, `cancelled`."),
        ("sort" = Option<String>, Query, description = "`created_at` (requested) or `updated_at`, descending with `-` before it; `-created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<DeliveryView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn list_deliveries(
    request: HttpRequest,
    api: web::Data<QueryApi>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = ListDeliveries {
        status: parameters.any_of("status", &STATES),
        paging: parameters.paging::<DeliveryFilter>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<DeliveryView>::of(listing))
}
