use actix_web::{HttpRequest, HttpResponse, web};
use shared_events::{AggregateType, ConsistencyToken};

use super::views::DeliveryView;
use crate::application::queries::get_delivery::GetDelivery;
use crate::inbound::http::api_parts::{Conditions, OfDetails};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, detail};

/// One order's delivery. An order has one once it is confirmed.
///
/// It is read in real time.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{order_id}",
    tag = "deliveries",
    params(
        ("order_id" = Uuid, Path, description = "The order."),
        Conditions,
    ),
    responses(
        (status = 200, description = "The delivery.", body = DeliveryView, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "Names the order at the version shown; absent while only delivery itself was told."),
            ("Projected-Version" = u64, description = "The version of the order that the delivery shows."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfDetails,
    )
)]
pub async fn get_delivery(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let order_id = path_id(&request, "order_id")?;
    Parameters::of(&request).finish()?;
    let delivery = api.ask(&request, &GetDelivery { order_id }).await?;
    let token = (delivery.order_version > 0).then_some(ConsistencyToken {
        aggregate: AggregateType::Order,
        id: order_id,
        version: delivery.order_version,
    });
    detail(&request, &DeliveryView::from(delivery), token)
}
