use actix_web::{HttpResponse, web};

use crate::application::ordering::DeliverOrder;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, RefusalsWithoutBody};
use crate::inbound::http::body::NoBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;

/// Say that a shipped order has arrived
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/deliver",
    tag = "orders",
    params(PathId, CommandHeaders),
    responses(Done, Missing, RefusalsWithoutBody)
)]
pub async fn deliver_order<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { sent, .. }: CommandRequest<NoBody>,
) -> Result<HttpResponse, Problem> {
    let command = DeliverOrder {
        order_id: sent.id("id")?.into(),
    };
    api.execute(sent, &command).await.map(done)
}
