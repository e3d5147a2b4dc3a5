use actix_web::{HttpResponse, web};
use domain::CancellationReason;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::CancelOrder;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::invalid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    #[schema(min_length = 1, max_length = 500, example = "Ordered twice")]
    reason: String,
}

/// Cancel an order
///
/// A draft, a submitted or a confirmed one; an invoice that was issued for it is taken back by a credit note.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/cancel",
    tag = "orders",
    params(PathId, CommandHeaders),
    request_body = Cancellation,
    responses(Done, Missing, Refusals),
)]
pub async fn cancel_order<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<Cancellation>,
) -> Result<HttpResponse, Problem> {
    let command = CancelOrder {
        order_id: sent.id("id")?.into(),
        reason: CancellationReason::new(&body.reason).map_err(invalid(""))?,
    };
    api.execute(sent, &command).await.map(done)
}
