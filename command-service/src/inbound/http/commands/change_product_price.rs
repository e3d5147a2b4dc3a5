use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::ChangeProductPrice;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::MoneyJson;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrice {
    unit_price: MoneyJson,
}

/// Change a product's price
///
/// Lines that orders have already keep theirs.
#[utoipa::path(
    put,
    path = "/v1/products/{id}/price",
    tag = "products",
    params(PathId, CommandHeaders),
    request_body = NewPrice,
    responses(Done, Missing, Refusals),
)]
pub async fn change_product_price<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewPrice>,
) -> Result<HttpResponse, Problem> {
    let command = ChangeProductPrice {
        product_id: sent.id("id")?.into(),
        unit_price: body.unit_price.parse_price("/unit_price")?,
    };
    api.execute(sent, &command).await.map(done)
}
