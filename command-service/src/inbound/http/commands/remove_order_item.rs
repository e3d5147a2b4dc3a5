use actix_web::{HttpResponse, web};

use crate::application::ordering::RemoveOrderItem;
use crate::inbound::http::api_document::{
    CommandHeaders, Done, Missing, PathId, PathProductId, RefusalsWithoutBody,
};
use crate::inbound::http::body::NoBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;

/// Remove an item from a draft
#[utoipa::path(
    delete,
    path = "/v1/orders/{id}/items/{product_id}",
    tag = "orders",
    params(PathId, PathProductId, CommandHeaders),
    responses(Done, Missing, RefusalsWithoutBody)
)]
pub async fn remove_order_item<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { sent, .. }: CommandRequest<NoBody>,
) -> Result<HttpResponse, Problem> {
    let command = RemoveOrderItem {
        order_id: sent.id("id")?.into(),
        product_id: sent.id("product_id")?.into(),
    };
    api.execute(sent, &command).await.map(done)
}
