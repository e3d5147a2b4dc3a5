use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::ports::reading::{OrdersByStatus as Groups, StatusCount};
use crate::application::queries::orders_by_status::OrdersByStatus;
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::orders::views::Status;
use crate::inbound::http::parameters::Parameters;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::List;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrdersByStatus)]
pub struct StatusCountView {
    pub status: Status,
    #[schema(minimum = 1, example = 3)]
    pub count: u64,
}

impl From<StatusCount> for StatusCountView {
    fn from(count: StatusCount) -> Self {
        Self {
            status: count.status.into(),
            count: count.count,
        }
    }
}

/// How many orders are in which state, without the states that none is in.
///
/// As of the last refresh; with a token as of that version at least.
#[utoipa::path(
    get,
    path = "/v1/sales/status",
    tag = "sales",
    params(Pages, Conditions),
    responses(
        (status = 200, description = "A page.", body = List<StatusCountView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn orders_by_status(
    request: HttpRequest,
    api: web::Data<QueryApi>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = OrdersByStatus {
        paging: parameters.paging::<Groups>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<StatusCountView>::of(listing))
}
