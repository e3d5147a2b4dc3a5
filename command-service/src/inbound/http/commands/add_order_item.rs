use actix_web::{HttpResponse, web};

use crate::application::ordering::AddOrderItem;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::NewItem;

/// Add an item to a draft
///
/// A product that the order has adds to its line at an equal price and is refused at another.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/items",
    tag = "orders",
    params(PathId, CommandHeaders),
    request_body = NewItem,
    responses(Done, Missing, Refusals),
)]
pub async fn add_order_item<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewItem>,
) -> Result<HttpResponse, Problem> {
    let command = AddOrderItem {
        order_id: sent.id("id")?.into(),
        item: body.parse("")?,
    };
    api.execute(sent, &command).await.map(done)
}
