use actix_web::{HttpRequest, HttpResponse, web};

use crate::application::ordering::RenameCustomer;
use crate::inbound::http::api_document::{CorrelationId, Done, Missing, PathId, Refusals};
use crate::inbound::http::body::JsonBody;
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::request_context::{RequestContext, path_id};
use crate::inbound::http::values::NewName;

/// Rename a customer
///
/// The new name reaches every document that shows it.
#[utoipa::path(
    put,
    path = "/v1/customers/{id}/name",
    tag = "customers",
    params(PathId, CorrelationId),
    request_body = NewName,
    responses(Done, Missing, Refusals),
)]
pub async fn rename_customer<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    context: RequestContext,
    JsonBody(body): JsonBody<NewName>,
) -> Result<HttpResponse, Problem> {
    let command = RenameCustomer {
        customer_id: path_id(&request, "id")?.into(),
        name: body.parse()?,
    };
    api.execute(context, &command).await.map(done)
}
