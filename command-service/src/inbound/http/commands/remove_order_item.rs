use actix_web::{HttpRequest, HttpResponse, web};

use crate::application::ordering::RemoveOrderItem;
use crate::inbound::http::api_document::{
    CorrelationId, Done, Missing, PathId, PathProductId, RefusalsWithoutBody,
};
use crate::inbound::http::body::NoBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::request_context::{RequestContext, path_id};

/// Remove an item from a draft
#[utoipa::path(
    delete,
    path = "/v1/orders/{id}/items/{product_id}",
    tag = "orders",
    params(PathId, PathProductId, CorrelationId),
    responses(Done, Missing, RefusalsWithoutBody)
)]
pub async fn remove_order_item<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    context: RequestContext,
    _: NoBody,
) -> Result<HttpResponse, Problem> {
    let command = RemoveOrderItem {
        order_id: path_id(&request, "id")?.into(),
        product_id: path_id(&request, "product_id")?.into(),
    };
    api.execute(context, &command).await.map(done)
}
