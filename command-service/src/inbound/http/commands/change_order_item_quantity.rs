use actix_web::{HttpResponse, web};
use domain::Quantity;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::ChangeOrderItemQuantity;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, PathProductId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::invalid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQuantity {
    /// What the line has from now on.
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    quantity: i64,
}

/// Change the quantity of a draft's item
#[utoipa::path(
    put,
    path = "/v1/orders/{id}/items/{product_id}",
    tag = "orders",
    params(PathId, PathProductId, CommandHeaders),
    request_body = NewQuantity,
    responses(Done, Missing, Refusals),
)]
pub async fn change_order_item_quantity<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewQuantity>,
) -> Result<HttpResponse, Problem> {
    let command = ChangeOrderItemQuantity {
        order_id: sent.id("id")?.into(),
        product_id: sent.id("product_id")?.into(),
        quantity: Quantity::new(body.quantity).map_err(invalid(""))?,
    };
    api.execute(sent, &command).await.map(done)
}
