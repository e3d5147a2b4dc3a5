use actix_web::{HttpResponse, web};

use crate::application::ordering::ConfirmOrder;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, RefusalsWithoutBody};
use crate::inbound::http::body::NoBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;

/// Confirm a submitted order
///
/// By hand: it needs no payment. A payment in full confirms it too.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/confirm",
    tag = "orders",
    params(PathId, CommandHeaders),
    responses(Done, Missing, RefusalsWithoutBody)
)]
pub async fn confirm_order<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { sent, .. }: CommandRequest<NoBody>,
) -> Result<HttpResponse, Problem> {
    let command = ConfirmOrder {
        order_id: sent.id("id")?.into(),
    };
    api.execute(sent, &command).await.map(done)
}
