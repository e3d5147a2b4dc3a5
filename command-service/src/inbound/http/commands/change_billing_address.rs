use actix_web::{HttpResponse, web};

use crate::application::ordering::ChangeBillingAddress;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::AddressJson;

/// Change a customer's billing address
///
/// Invoices that were issued keep theirs.
#[utoipa::path(
    put,
    path = "/v1/customers/{id}/billing-address",
    tag = "customers",
    params(PathId, CommandHeaders),
    request_body = AddressJson,
    responses(Done, Missing, Refusals),
)]
pub async fn change_billing_address<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<AddressJson>,
) -> Result<HttpResponse, Problem> {
    let command = ChangeBillingAddress {
        customer_id: sent.id("id")?.into(),
        billing_address: body.parse("")?,
    };
    api.execute(sent, &command).await.map(done)
}
