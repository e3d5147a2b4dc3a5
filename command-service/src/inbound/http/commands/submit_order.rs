use actix_web::{HttpRequest, HttpResponse, web};

use crate::application::ordering::SubmitOrder;
use crate::inbound::http::api_document::{CorrelationId, Done, Missing, PathId, RefusalsWithoutBody};
use crate::inbound::http::body::NoBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::request_context::{RequestContext, path_id};

/// Submit a draft that is not empty
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/submit",
    tag = "orders",
    params(PathId, CorrelationId),
    responses(Done, Missing, RefusalsWithoutBody)
)]
pub async fn submit_order<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    context: RequestContext,
    _: NoBody,
) -> Result<HttpResponse, Problem> {
    let command = SubmitOrder {
        order_id: path_id(&request, "id")?.into(),
    };
    api.execute(context, &command).await.map(done)
}
