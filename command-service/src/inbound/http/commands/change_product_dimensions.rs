use actix_web::{HttpResponse, web};
use domain::Weight;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::application::ordering::ChangeProductDimensions;
use crate::inbound::http::api_document::{CommandHeaders, Done, Missing, PathId, Refusals};
use crate::inbound::http::command_api::{CommandApi, Wiring, done};
use crate::inbound::http::command_request::CommandRequest;
use crate::inbound::http::problem::Problem;
use crate::inbound::http::values::{SizeJson, invalid};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDimensions {
    size: SizeJson,
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 1200)]
    weight_grams: i64,
}

/// Change a product's size and weight
#[utoipa::path(
    put,
    path = "/v1/products/{id}/dimensions",
    tag = "products",
    params(PathId, CommandHeaders),
    request_body = NewDimensions,
    responses(Done, Missing, Refusals),
)]
pub async fn change_product_dimensions<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    CommandRequest { body, sent }: CommandRequest<NewDimensions>,
) -> Result<HttpResponse, Problem> {
    let command = ChangeProductDimensions {
        product_id: sent.id("id")?.into(),
        size: body.size.parse("/size")?,
        weight: Weight::from_grams(body.weight_grams).map_err(invalid(""))?,
    };
    api.execute(sent, &command).await.map(done)
}
