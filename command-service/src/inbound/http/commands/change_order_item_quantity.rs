use actix_web::{HttpRequest, HttpResponse, web};
use domain::Quantity;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::ChangeOrderItemQuantity;
use crate::inbound::http::api_document::{CorrelationId, Done, Missing, PathId, PathProductId, Refusals};
use crate::inbound::http::body::JsonBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::request_context::{RequestContext, path_id};
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
    params(PathId, PathProductId, CorrelationId),
    request_body = NewQuantity,
    responses(Done, Missing, Refusals),
)]
pub async fn change_order_item_quantity<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    context: RequestContext,
    JsonBody(body): JsonBody<NewQuantity>,
) -> Result<HttpResponse, Problem> {
    let command = ChangeOrderItemQuantity {
        order_id: path_id(&request, "id")?.into(),
        product_id: path_id(&request, "product_id")?.into(),
        quantity: Quantity::new(body.quantity).map_err(invalid(""))?,
    };
    api.execute(context, &command).await.map(done)
}
