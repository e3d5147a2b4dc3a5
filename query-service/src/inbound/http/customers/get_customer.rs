use actix_web::{HttpRequest, HttpResponse, web};
use shared_events::{AggregateType, ConsistencyToken};

use super::views::CustomerView;
use crate::application::queries::get_customer::GetCustomer;
use crate::inbound::http::api_parts::{Conditions, OfDetails};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, detail};

/// One customer.
///
/// It is read in real time: a customer that was projected is shown at once.
#[utoipa::path(
    get,
    path = "/v1/customers/{id}",
    tag = "customers",
    params(
        ("id" = Uuid, Path, description = "The customer."),
        Conditions,
    ),
    responses(
        (status = 200, description = "The customer.", body = CustomerView, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "Names the customer at the version shown."),
            ("Projected-Version" = u64, description = "The version of the document."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfDetails,
    )
)]
pub async fn get_customer(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    Parameters::of(&request).finish()?;
    let customer = api.ask(&request, &GetCustomer { id }).await?;
    let token = ConsistencyToken {
        aggregate: AggregateType::Customer,
        id,
        version: customer.version,
    };
    detail(&request, &CustomerView::from(customer), token)
}
