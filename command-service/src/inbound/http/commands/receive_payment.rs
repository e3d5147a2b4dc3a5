use actix_web::{HttpResponse, web};
use domain::PaymentReference;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::invoicing::ReceivePayment;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::{MoneyJson, invalid};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    amount: MoneyJson,
    /// What the payer or the bank calls it.
    #[schema(min_length = 1, max_length = 200, example = "SEPA 2026-11-21/17")]
    reference: String,
}

/// Record a payment of an invoice
///
/// Paid in full, it confirms the order.
#[utoipa::path(
    post,
    path = "/v1/invoices/{id}/payments",
    tag = "invoices",
    params(PathId, CommandHeaders),
    request_body = Payment,
    responses(Done, Missing, Refusals),
)]
pub async fn receive_payment<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<Payment>,
) -> Result<HttpResponse, Problem> {
    let command = ReceivePayment {
        invoice_id: sent.id("id")?.into(),
        amount: body.amount.parse_payment("/amount")?,
        reference: PaymentReference::new(&body.reference).map_err(invalid(""))?,
    };
    api.execute(sent, &command).await.map(done)
}
