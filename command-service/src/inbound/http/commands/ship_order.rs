use actix_web::{HttpResponse, web};
use domain::TrackingNumber;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::ShipOrder;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::invalid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shipment {
    /// The carrier's.
    #[schema(min_length = 1, max_length = 100, example = "JD014600003SE")]
    tracking_number: String,
}

/// Say that a confirmed order is on its way
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/ship",
    tag = "orders",
    params(PathId, CommandHeaders),
    request_body = Shipment,
    responses(Done, Missing, Refusals),
)]
pub async fn ship_order<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<Shipment>,
) -> Result<HttpResponse, Problem> {
    let command = ShipOrder {
        order_id: sent.id("id")?.into(),
        tracking_number: TrackingNumber::new(&body.tracking_number).map_err(invalid(""))?,
    };
    api.execute(sent, &command).await.map(done)
}
