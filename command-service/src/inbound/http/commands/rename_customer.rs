use actix_web::{HttpResponse, web};

use crate::application::ordering::RenameCustomer;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::NewName;

/// Rename a customer
///
/// The new name reaches every document that shows it.
#[utoipa::path(
    put,
    path = "/v1/customers/{id}/name",
    tag = "customers",
    params(PathId, CommandHeaders),
    request_body = NewName,
    responses(Done, Missing, Refusals),
)]
pub async fn rename_customer<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewName>,
) -> Result<HttpResponse, Problem> {
    let command = RenameCustomer {
        customer_id: sent.id("id")?.into(),
        name: body.parse()?,
    };
    api.execute(sent, &command).await.map(done)
}
