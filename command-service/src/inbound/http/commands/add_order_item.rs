use actix_web::{HttpRequest, HttpResponse, web};

use crate::application::ordering::AddOrderItem;
use crate::inbound::http::api_document::{CorrelationId, Done, Missing, PathId, Refusals};
use crate::inbound::http::body::JsonBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::request_context::{RequestContext, path_id};
use crate::inbound::http::values::NewItem;

/// Add an item to a draft
///
/// A product that the order has adds to its line at an equal price and is refused at another.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/items",
    tag = "orders",
    params(PathId, CorrelationId),
    request_body = NewItem,
    responses(Done, Missing, Refusals),
)]
pub async fn add_order_item<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    context: RequestContext,
    JsonBody(body): JsonBody<NewItem>,
) -> Result<HttpResponse, Problem> {
    let command = AddOrderItem {
        order_id: path_id(&request, "id")?.into(),
        item: body.parse("")?,
    };
    api.execute(context, &command).await.map(done)
}
