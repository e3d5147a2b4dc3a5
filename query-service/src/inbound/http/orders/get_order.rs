use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use shared_events::{AggregateType, ConsistencyToken};

use super::views::OrderDetailView;
use crate::application::queries::get_order::{GetOrder, ShownOrder};
use crate::application::queries::get_order_as_of::GetOrderAsOf;
use crate::inbound::http::api_parts::{Conditions, OfDetails};
use crate::inbound::http::parameters::{self, Parameters, path_id};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, detail};

/// One order with its lines.
///
/// Kept in memory for a while and read anew when it changes; with a token never older than that. With `as_of` it is shown
/// as it was then, with the names that it had.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}",
    tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The order."),
        ("as_of" = Option<String>, Query, description = "A version, in digits; or a time (RFC 3339)."),
        Conditions,
    ),
    responses(
        (status = 200, description = "The order.", body = OrderDetailView, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "Names the order at the version shown."),
            ("Projected-Version" = u64, description = "The version of the document."),
            ("Projection-Lag" = f64, description = "Seconds by which the projection is behind; absent while that is not known."),
            ("Age" = u64, description = "Seconds since the store was asked, of an answer from memory."),
        )),
        OfDetails,
    )
)]
pub async fn get_order(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    let mut parameters = Parameters::of(&request);
    let as_of = parameters.one("as_of", parameters::version_or_time);
    parameters.finish()?;
    let shown = match as_of {
        None => api.ask(&request, &GetOrder { id }).await?,
        Some(moment) => ShownOrder {
            order: Arc::new(api.ask(&request, &GetOrderAsOf { id, moment }).await?.order),
            age: Duration::ZERO,
        },
    };
    let token = ConsistencyToken {
        aggregate: AggregateType::Order,
        id,
        version: shown.order.version,
    };
    let order = OrderDetailView::from(Arc::unwrap_or_clone(shown.order));
    let mut answer = detail(&request, &order, token)?;
    if shown.age.as_secs() > 0 {
        let age = HeaderValue::from(shown.age.as_secs());
        answer.headers_mut().insert(header::AGE, age);
    }
    Ok(answer)
}
